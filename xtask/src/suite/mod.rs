//! The test suites. To add one, add its function in a file here and a line in [`SUITES`].

mod aarch64;
mod action;
mod clients;
mod corpus;
mod dist;
mod install;
mod node;
mod players;
mod public_api;
mod python;
mod rust;
mod serve;
mod service;
mod simulation;
mod simulator;
mod testcontainers;
mod transfer;
mod workers;

use crate::context::Context;
use crate::release;
use crate::report::{Stop, Tally};

#[derive(Debug)]
pub(crate) struct Suite {
    /// `suite` or `group/suite`.
    pub(crate) name: &'static str,
    about: &'static str,
    pub(crate) run: fn(&Context<'_>) -> Result<Tally, Stop>,
}

/// The suites that run only if they are named: they need software that the test command does not install
/// everywhere, or does not build.
const BY_NAME: &[&str] = &[
    "aarch64",
    "dist",
    "install/image",
    "install/chroot",
    "testcontainers/rust",
    "testcontainers/node",
    "testcontainers/python",
];

const SUITES: &[Suite] = &[
    Suite { name: "unit", about: "The workspace's own tests", run: rust::unit },
    Suite { name: "doc", about: "The examples in the documentation", run: rust::doc },
    Suite {
        name: "public-api",
        about: "The public interface equals the one in docs/public-api",
        run: public_api::run,
    },
    Suite {
        name: "packages",
        about: "The packages of the crates, in a workspace that contains only them",
        run: release::quick,
    },
    Suite {
        name: "simulator",
        about: "Our S3 client and signed URLs against Miniflare",
        run: simulator::run,
    },
    Suite {
        name: "simulation",
        about: "Client, server and store in virtual time, with failures from seeds",
        run: simulation::run,
    },
    Suite {
        name: "transfer/kills",
        about: "Uploads and downloads of files while client or server are killed",
        run: transfer::kills,
    },
    Suite {
        name: "workers/minimal",
        about: "examples/minimal-worker, which the README shows in part, in workerd",
        run: workers::minimal,
    },
    Suite {
        name: "workers/contract",
        about: "The contracts of a bucket and a namespace inside a Worker",
        run: workers::contract,
    },
    Suite {
        name: "workers/streaming",
        about: "The streaming example: ranges, conditions, uploads",
        run: workers::streaming,
    },
    Suite {
        name: "service",
        about: "The media service with axum, over HTTP and in Chromium",
        run: service::run,
    },
    Suite {
        name: "serve/metrics",
        about: "The metrics of `cfstore serve` and its Grafana dashboard in Prometheus",
        run: serve::metrics,
    },
    Suite { name: "serve/systemd", about: "The units of `cfstore serve` in systemd", run: serve::systemd },
    Suite { name: "clients/boto3", about: "boto3 against `cfstore serve`", run: clients::boto3 },
    Suite { name: "clients/aws", about: "The AWS CLI against `cfstore serve`", run: clients::aws },
    Suite {
        name: "clients/rclone",
        about: "rclone against `cfstore serve`, plain and with R2's production behaviour",
        run: clients::rclone,
    },
    Suite {
        name: "clients/aws-sdk",
        about: "The AWS SDK for JavaScript against `cfstore serve`, plain and with R2's production behaviour",
        run: clients::aws_sdk,
    },
    Suite {
        name: "clients/minio",
        about: "MinIO's client for Python against `cfstore serve`",
        run: clients::minio,
    },
    Suite {
        name: "clients/restic",
        about: "restic against `cfstore serve`, plain and with R2's production behaviour",
        run: clients::restic,
    },
    Suite { name: "clients/s3fs", about: "s3fs against `cfstore serve`", run: clients::s3fs },
    Suite { name: "clients/s3cmd", about: "s3cmd against `cfstore serve`", run: clients::s3cmd },
    Suite {
        name: "clients/cloudflare",
        about: "Cloudflare's SDK for TypeScript against `cfstore serve`",
        run: clients::cloudflare,
    },
    Suite {
        name: "clients/wrangler",
        about: "wrangler's kv commands against `cfstore serve`",
        run: clients::wrangler,
    },
    Suite {
        name: "action",
        about: "action.yml, which starts `cfstore serve` in a GitHub Actions job",
        run: action::run_action,
    },
    Suite {
        name: "clients/chromium",
        about: "Uploads and downloads of a page in Chromium, under the bucket's CORS rules",
        run: clients::chromium,
    },
    Suite {
        name: "players/corpus",
        about: "Signed playlists of various packagers in the parsers of players",
        run: corpus::run,
    },
    Suite {
        name: "players/ffmpeg",
        about: "Signed playlists in ffmpeg, frame by frame",
        run: players::ffmpeg,
    },
    Suite {
        name: "players/browser",
        about: "Signed playlists in hls.js, dash.js and Shaka Player, in Chromium",
        run: players::browser,
    },
    Suite {
        name: "players/live",
        about: "The same for streams that grow while they play, for longer than a URL lives",
        run: players::live,
    },
    Suite {
        name: "install/script",
        about: "The install script against a file server, and its error cases",
        run: install::script,
    },
    Suite {
        name: "install/image",
        about: "The image of `cargo xtask dist`, unpacked and run as root; only if named",
        run: install::image,
    },
    Suite {
        name: "install/chroot",
        about: "Each way to install, in a separate Debian, as root; only if named",
        run: install::chroot,
    },
    Suite {
        name: "testcontainers/rust",
        about: "The module for testcontainers in Rust, over a process; only if named",
        run: testcontainers::rust,
    },
    Suite {
        name: "testcontainers/node",
        about: "The same for Node; only if named",
        run: testcontainers::node,
    },
    Suite {
        name: "testcontainers/python",
        about: "The same for Python; only if named",
        run: testcontainers::python,
    },
    Suite {
        name: "aarch64",
        about: "Signing with ARM's SHA-2 instructions, in QEMU; only if named",
        run: aarch64::run,
    },
    Suite {
        name: "dist",
        about: "The static programs: size, start, and the demo on an empty system; only if named",
        run: dist::run,
    },
];

/// The suites with these names or in these groups; without names, all except those of [`BY_NAME`].
pub(crate) fn select(names: &[String]) -> Result<Vec<&'static Suite>, String> {
    if let Some(unknown) = names.iter().find(|name| !SUITES.iter().any(|suite| suite.is(name))) {
        let known: Vec<_> = SUITES.iter().map(|suite| suite.name).collect();
        return Err(format!("no suite is called `{unknown}`; the suites are {}", known.join(", ")));
    }
    let chosen = |suite: &&Suite| {
        if names.is_empty() {
            !BY_NAME.contains(&suite.name)
        } else {
            names.iter().any(|name| suite.is(name))
        }
    };
    Ok(SUITES.iter().filter(chosen).collect())
}

pub(crate) fn help() -> String {
    let lines = SUITES.iter().map(|suite| format!("\n  {:18}  {}", suite.name, suite.about));
    format!("Suites:{}", lines.collect::<String>())
}

impl Suite {
    fn is(&self, name: &str) -> bool {
        self.name == name || self.name.split_once('/').is_some_and(|(group, _)| group == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_selects_all_its_suites() {
        let names = |arguments: &[&str]| {
            let arguments: Vec<_> = arguments.iter().map(ToString::to_string).collect();
            select(&arguments).map(|suites| suites.iter().map(|suite| suite.name).collect::<Vec<_>>())
        };
        assert!(names(&["clients"]).unwrap().iter().all(|name| name.starts_with("clients/")));
        assert_eq!(names(&["clients/boto3", "unit"]).unwrap(), ["unit", "clients/boto3"]);
        assert_eq!(names(&["aarch64"]).unwrap(), ["aarch64"]);
        assert!(!names(&[]).unwrap().contains(&"aarch64"));
        assert!(names(&["client"]).unwrap_err().contains("clients/rclone"));
    }
}
