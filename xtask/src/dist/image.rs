//! A container image with only the static binaries: an OCI layout in a folder, written without a daemon and
//! reproducible.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use flate2::{Compression, GzBuilder};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tar::{Builder, EntryType, Header};

use super::build::Binary;
use super::contents::Contents;
use super::release::Release;
use crate::report::Stop;

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// Docker kills a container ten seconds after SIGTERM.
const COMMAND: [&str; 7] =
    ["serve", "--listen", "0.0.0.0:9710", "--admin-listen", "127.0.0.1:9711", "--grace-period", "8s"];

const LICENSES: [&str; 3] = ["LICENSE-APACHE", "LICENSE-MIT", "THIRD-PARTY.md"];

/// The user and group of the process, as in distroless images; nobody of this name is needed in the image.
const USER: u64 = 65_532;

/// Writes the layout `cfstore-VERSION-image`: an image for each program's platform, tagged with the version.
pub(super) fn write(release: &Release<'_>, programs: &[(Binary, Contents)]) -> Result<(), Stop> {
    let folder = release.folder.join(format!("cfstore-{}-image", release.version));
    let failed = |error: io::Error| Stop::failed(&folder.display().to_string(), &error);
    Image::of(release).write(programs, &folder).map_err(failed)
}

#[derive(Debug)]
struct Image<'a> {
    version: &'a str,
    repository: Option<&'a str>,
    /// Time of every file and of the image, in seconds since 1970.
    time: u64,
}

impl<'a> Image<'a> {
    fn of(release: &'a Release<'_>) -> Self {
        Self {
            version: &release.version,
            repository: release.repository.as_deref(),
            time: release.source_date_epoch,
        }
    }

    fn write(&self, programs: &[(Binary, Contents)], folder: &Path) -> io::Result<()> {
        let blobs = Blobs { folder: folder.join("blobs/sha256") };
        fs::create_dir_all(&blobs.folder)?;
        let mut manifests = Vec::new();
        for (binary, contents) in programs {
            let platform = platform(&binary.target)?;
            let mut manifest = self.manifest(&blobs, &platform, contents)?;
            manifest["platform"] = platform;
            manifests.push(manifest);
        }
        let mut index = blobs.add_json(
            INDEX,
            &json!({
                "schemaVersion": 2,
                "mediaType": INDEX,
                "manifests": manifests,
                "annotations": self.labels(),
            }),
        )?;
        index["annotations"] = json!({ "org.opencontainers.image.ref.name": self.version });
        let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": [index] });
        fs::write(folder.join("index.json"), serde_json::to_vec(&index)?)?;
        fs::write(folder.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#)
    }

    /// Adds the image of one platform, and describes it.
    fn manifest(&self, blobs: &Blobs, platform: &Value, contents: &Contents) -> io::Result<Value> {
        let layer = self.layer(contents)?;
        let mut zipped = GzBuilder::new().write(Vec::new(), Compression::best());
        zipped.write_all(&layer)?;
        let zipped = blobs.add(LAYER, &zipped.finish()?)?;
        let created = self.created();
        let mut config = json!({
            "created": created,
            "config": {
                "User": format!("{USER}:{USER}"),
                "ExposedPorts": { "9710/tcp": {} },
                "Env": ["PATH=/"],
                "Entrypoint": ["/cfstore"],
                "Cmd": COMMAND,
                "Volumes": { "/data": {} },
                // The store is in .cfstore below it, for `serve` and for every other command.
                "WorkingDir": "/data",
                "Labels": self.labels(),
                "StopSignal": "SIGTERM",
            },
            "rootfs": { "type": "layers", "diff_ids": [digest(&layer)] },
            "history": [{ "created": created, "created_by": "cargo xtask dist" }],
        });
        for (name, value) in platform.as_object().into_iter().flatten() {
            config[name] = value.clone();
        }
        let config = blobs.add_json(CONFIG, &config)?;
        blobs.add_json(
            MANIFEST,
            &json!({
                "schemaVersion": 2,
                "mediaType": MANIFEST,
                "config": config,
                "layers": [zipped],
                "annotations": self.labels(),
            }),
        )
    }

    /// The files, as a tar archive.
    fn layer(&self, contents: &Contents) -> io::Result<Vec<u8>> {
        let mut layer = Builder::new(Vec::new());
        let read = |name: &str| fs::read(contents.folder.join(name));
        self.add(&mut layer, "cfstore", 0o755, 0, &read("cfstore")?)?;
        self.add(&mut layer, "data/", 0o700, USER, &[])?;
        self.add(&mut layer, "licenses/", 0o755, 0, &[])?;
        for name in LICENSES {
            self.add(&mut layer, &format!("licenses/{name}"), 0o644, 0, &read(name)?)?;
        }
        self.add(&mut layer, "tmp/", 0o1777, 0, &[])?;
        layer.into_inner()
    }

    /// Adds a file, or a folder if the name ends with a slash.
    fn add(
        &self,
        layer: &mut Builder<Vec<u8>>,
        name: &str,
        mode: u32,
        owner: u64,
        content: &[u8],
    ) -> io::Result<()> {
        let mut header = Header::new_ustar();
        header.set_entry_type(if name.ends_with('/') { EntryType::Directory } else { EntryType::Regular });
        header.set_mode(mode);
        header.set_uid(owner);
        header.set_gid(owner);
        header.set_mtime(self.time);
        header.set_size(content.len() as u64);
        layer.append_data(&mut header, name, content)
    }

    /// Labels that registries show.
    fn labels(&self) -> Value {
        let mut labels = json!({
            "org.opencontainers.image.title": "cfstore",
            "org.opencontainers.image.description":
                "A local server with R2's S3 API and Workers KV's REST API",
            "org.opencontainers.image.version": self.version,
            "org.opencontainers.image.licenses": "MIT OR Apache-2.0",
            "org.opencontainers.image.created": self.created(),
        });
        if let Some(repository) = self.repository {
            labels["org.opencontainers.image.source"] = json!(repository);
        }
        labels
    }

    fn created(&self) -> String {
        humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_secs(self.time)).to_string()
    }
}

/// The platform of a target, in Go's words, as OCI has them.
fn platform(target: &str) -> io::Result<Value> {
    match target {
        "x86_64-unknown-linux-musl" => Ok(json!({ "architecture": "amd64", "os": "linux" })),
        "aarch64-unknown-linux-musl" => {
            Ok(json!({ "architecture": "arm64", "os": "linux", "variant": "v8" }))
        }
        other => {
            Err(io::Error::other(format!("cannot make an image for {other}: the binary must be static")))
        }
    }
}

/// The files of a layout, named by their hashes.
#[derive(Debug)]
struct Blobs {
    folder: PathBuf,
}

impl Blobs {
    /// Adds a blob, and describes it.
    fn add(&self, media_type: &str, content: &[u8]) -> io::Result<Value> {
        let digest = digest(content);
        fs::write(self.folder.join(digest.trim_start_matches("sha256:")), content)?;
        Ok(json!({ "mediaType": media_type, "digest": digest, "size": content.len() }))
    }

    fn add_json(&self, media_type: &str, content: &Value) -> io::Result<Value> {
        self.add(media_type, &serde_json::to_vec(content)?)
    }
}

fn digest(content: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(content)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_programs_make_the_same_image() {
        let folder = std::env::temp_dir().join(format!("xtask-image-{}", std::process::id()));
        let programs = ["x86_64-unknown-linux-musl", "aarch64-unknown-linux-musl"].map(|target| {
            let contents = Contents { folder: folder.join(target), name: target.to_owned() };
            fs::create_dir_all(&contents.folder).unwrap();
            for name in LICENSES.into_iter().chain(["cfstore"]) {
                fs::write(contents.folder.join(name), format!("{name} for {target}")).unwrap();
            }
            let path = contents.folder.join("cfstore");
            (Binary { target: target.to_owned(), path, version: "1.2.3".to_owned() }, contents)
        });
        let image = Image { version: "1.2.3", repository: Some("https://example.com/source"), time: 86_400 };
        let index = |name: &str| {
            let folder = folder.join(name);
            image.write(&programs, &folder).unwrap();
            fs::read_to_string(folder.join("index.json")).unwrap()
        };
        let (first, second) = (index("first"), index("second"));
        // Everything hangs on the hashes in it.
        assert_eq!(first, second);
        let read = |description: &Value| -> Value {
            let digest = description["digest"].as_str().unwrap().trim_start_matches("sha256:");
            serde_json::from_slice(&fs::read(folder.join("first/blobs/sha256").join(digest)).unwrap())
                .unwrap()
        };
        let index: Value = serde_json::from_str(&first).unwrap();
        let index = read(&index["manifests"][0]);
        let architectures = [0, 1].map(|at| index["manifests"][at]["platform"]["architecture"].clone());
        assert_eq!(architectures, ["amd64", "arm64"]);
        let config = read(&read(&index["manifests"][1])["config"]);
        assert_eq!(config["architecture"], "arm64");
        assert_eq!(config["created"], "1970-01-02T00:00:00Z");
        let source = &config["config"]["Labels"]["org.opencontainers.image.source"];
        assert_eq!(source, "https://example.com/source");
        fs::remove_dir_all(&folder).unwrap();
    }
}
