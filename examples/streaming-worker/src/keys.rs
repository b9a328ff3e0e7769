//! The keys of the bucket: `{creatorId}/videos|hls|audio|thumbnails|metadata/...` and
//! `public/shared-resources/...`.
//!
//! Keys are only built here, from validated parts, so no part of a key can leave its folder.

use std::fmt;

use cloudflare_clients::r2::normalize_key;

/// Prefix of the objects that every authenticated caller may read.
pub const SHARED: &str = "public/shared-resources/";

/// Maximum length of an id or a file name, in bytes.
const MAX_PART: usize = 200;

/// An invalid part of a key, or a key outside of the known folders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidKey(String);

impl fmt::Display for InvalidKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for InvalidKey {}

fn check_part(what: &str, part: &str) -> Result<(), InvalidKey> {
    let problem = if part.is_empty() {
        "is empty"
    } else if part == "." || part == ".." {
        "is a dot segment"
    } else if part.len() > MAX_PART {
        "has more than 200 bytes"
    } else if part.contains(['/', '\\']) || part.contains(char::is_control) {
        "contains a slash, a backslash or a control character"
    } else {
        return Ok(());
    };
    Err(InvalidKey(format!("the {what} {part:?} {problem}")))
}

/// The id of a creator, who owns a folder, or of a viewer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreatorId(String);

impl CreatorId {
    pub fn new(id: impl Into<String>) -> Result<Self, InvalidKey> {
        let id = id.into();
        check_part("creator's id", &id)?;
        // R2 normalizes keys to NFC, so this would be the folder of another id.
        if normalize_key(&id) != id {
            return Err(InvalidKey(format!("the creator's id {id:?} is not in Unicode's form NFC")));
        }
        if id == "public" {
            return Err(InvalidKey(
                "the creator's id \"public\" is the folder of shared resources".to_owned(),
            ));
        }
        Ok(Self(id))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The id of a piece of content of a creator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaId(String);

impl MediaId {
    pub fn new(id: impl Into<String>) -> Result<Self, InvalidKey> {
        let id = id.into();
        check_part("media id", &id)?;
        Ok(Self(id))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The subfolders of a creator's folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Folder {
    Videos,
    Hls,
    Audio,
    Thumbnails,
    Metadata,
}

impl Folder {
    pub const ALL: [Self; 5] = [Self::Videos, Self::Hls, Self::Audio, Self::Thumbnails, Self::Metadata];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Videos => "videos",
            Self::Hls => "hls",
            Self::Audio => "audio",
            Self::Thumbnails => "thumbnails",
            Self::Metadata => "metadata",
        }
    }
}

/// A valid key of the bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaKey {
    key: String,
    place: Place,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    Creator(CreatorId, Folder),
    Shared,
}

impl MediaKey {
    /// `{creatorId}/{folder}/{path}`. The path may contain folders, as those of HLS packages do.
    pub fn new(creator: &CreatorId, folder: Folder, path: &str) -> Result<Self, InvalidKey> {
        Self::checked(
            format!("{}/{}/{path}", creator.as_str(), folder.as_str()),
            path,
            Place::Creator(creator.clone(), folder),
        )
    }

    /// `{creatorId}/metadata/{mediaId}.json`.
    pub fn manifest(creator: &CreatorId, media: &MediaId) -> Result<Self, InvalidKey> {
        Self::new(creator, Folder::Metadata, &format!("{}.json", media.as_str()))
    }

    /// `public/shared-resources/{path}`.
    pub fn shared(path: &str) -> Result<Self, InvalidKey> {
        Self::checked(format!("{SHARED}{path}"), path, Place::Shared)
    }

    /// Parses a key that a client sent.
    pub fn parse(key: &str) -> Result<Self, InvalidKey> {
        if let Some(path) = key.strip_prefix(SHARED) {
            return Self::shared(path);
        }
        let in_no_folder = || {
            let folders = Folder::ALL.map(Folder::as_str).join("|");
            InvalidKey(format!("the key {key:?} is neither {{creatorId}}/{folders}/... nor {SHARED}..."))
        };
        let (creator, rest) = key.split_once('/').ok_or_else(in_no_folder)?;
        let (name, path) = rest.split_once('/').ok_or_else(in_no_folder)?;
        let folder =
            Folder::ALL.into_iter().find(|folder| folder.as_str() == name).ok_or_else(in_no_folder)?;
        Self::new(&CreatorId::new(creator)?, folder, path)
    }

    fn checked(key: String, path: &str, place: Place) -> Result<Self, InvalidKey> {
        path.split('/').try_for_each(|part| check_part("name", part))?;
        if key.len() > 1024 {
            return Err(InvalidKey(format!("the key has {} bytes: R2 accepts 1,024", key.len())));
        }
        Ok(Self { key, place })
    }

    pub fn as_str(&self) -> &str {
        &self.key
    }

    /// The owner; `None` for shared objects.
    pub fn owner(&self) -> Option<&CreatorId> {
        match &self.place {
            Place::Creator(owner, _) => Some(owner),
            Place::Shared => None,
        }
    }

    /// Whether it is a manifest, which has a separate route.
    pub fn is_metadata(&self) -> bool {
        matches!(self.place, Place::Creator(_, Folder::Metadata))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn creator() -> CreatorId {
        CreatorId::new("creator-123").unwrap()
    }

    #[test]
    fn keys_are_built_and_parsed_alike() {
        let hls = MediaKey::new(&creator(), Folder::Hls, "media-456/360p/segment-0.m4s").unwrap();
        assert_eq!(hls.as_str(), "creator-123/hls/media-456/360p/segment-0.m4s");
        let manifest = MediaKey::manifest(&creator(), &MediaId::new("media-456").unwrap()).unwrap();
        assert_eq!(manifest.as_str(), "creator-123/metadata/media-456.json");
        assert!(manifest.is_metadata() && !hls.is_metadata());
        let shared = MediaKey::shared("fonts/a b.woff2").unwrap();
        assert_eq!(shared.as_str(), "public/shared-resources/fonts/a b.woff2");
        for key in [hls, manifest, shared] {
            assert_eq!(MediaKey::parse(key.as_str()).unwrap(), key);
        }
    }

    fn refused<T: fmt::Debug>(result: Result<T, InvalidKey>, why: &str) {
        let error = result.unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    }

    #[test]
    fn nothing_leaves_its_folder() {
        for (part, problem) in [
            ("", "is empty"),
            (".", "is a dot segment"),
            ("..", "is a dot segment"),
            ("a/b", "contains a slash"),
            ("a\\b", "contains a slash"),
            ("a\u{0}", "contains a slash, a backslash or a control character"),
            ("a\n", "contains a slash, a backslash or a control character"),
            (&"x".repeat(201), "has more than 200 bytes"),
        ] {
            refused(CreatorId::new(part), &format!("the creator's id {part:?} {problem}"));
            refused(MediaId::new(part), &format!("the media id {part:?} {problem}"));
        }
        refused(CreatorId::new("cre\u{301}ateur"), "is not in Unicode's form NFC");
        refused(MediaKey::parse("cre\u{301}ateur/videos/a"), "is not in Unicode's form NFC");
        assert!(MediaKey::parse("cr\u{e9}ateur/videos/cre\u{301}ateur").is_ok());
        refused(CreatorId::new("public"), "is the folder of shared resources");
        for (path, why) in [
            ("", "the name \"\" is empty"),
            ("..", "the name \"..\" is a dot segment"),
            ("../a", "the name \"..\" is a dot segment"),
            ("a/../b", "the name \"..\" is a dot segment"),
            ("a//b", "the name \"\" is empty"),
            ("a/", "the name \"\" is empty"),
            ("/a", "the name \"\" is empty"),
            ("a/.", "the name \".\" is a dot segment"),
            ("a\\..\\b", "contains a slash, a backslash"),
        ] {
            refused(MediaKey::new(&creator(), Folder::Videos, path), why);
            refused(MediaKey::shared(path), why);
        }
        for (key, why) in [
            ("", "the key \"\" is neither"),
            ("creator", "the key \"creator\" is neither"),
            ("creator/videos", "the key \"creator/videos\" is neither"),
            ("creator/secrets/a", "the key \"creator/secrets/a\" is neither"),
            ("public/videos/a", "is the folder of shared resources"),
            ("/videos/a", "the creator's id \"\" is empty"),
            ("../videos/a", "the creator's id \"..\" is a dot segment"),
        ] {
            refused(MediaKey::parse(key), why);
        }
        refused(MediaKey::shared(&["x"; 513].join("/")), "the key has 1049 bytes: R2 accepts 1,024");
    }
}
