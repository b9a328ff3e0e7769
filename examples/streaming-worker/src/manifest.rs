//! Manifests, `{creatorId}/metadata/{mediaId}.json`: what a piece of content is, and who may see it.

use serde::{Deserialize, Serialize};

use crate::access::Subject;
use crate::keys::{CreatorId, MediaKey};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Key of the content: a film, or the master playlist of an HLS package.
    pub key: String,
    /// Content type, such as `video/mp4`.
    #[serde(rename = "type")]
    pub content_type: String,
    pub owner: String,
    /// Subjects who may see it in addition to the owner.
    #[serde(default)]
    pub viewers: Vec<String>,
}

impl Manifest {
    /// The key of the content. `None` if a manifest in the folder of `creator` may not refer to it: a
    /// manifest must not give access to another creator's objects.
    pub fn content(&self, creator: &CreatorId) -> Option<MediaKey> {
        let key = MediaKey::parse(&self.key).ok()?;
        let owned = key.owner().is_none_or(|owner| owner == creator);
        (owned && self.owner == creator.as_str()).then_some(key)
    }

    pub fn admits(&self, subject: &Subject) -> bool {
        self.owner == subject.id() || self.viewers.iter().any(|viewer| viewer == subject.id())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(key: &str, owner: &str) -> Manifest {
        let json =
            format!(r#"{{"key": {key:?}, "type": "video/mp4", "owner": {owner:?}, "viewers": ["fan"]}}"#);
        serde_json::from_str(&json).unwrap()
    }

    #[test]
    fn manifests_refer_to_their_owners_content_only() {
        let creator = CreatorId::new("creator").unwrap();
        let content = |key, owner| manifest(key, owner).content(&creator).map(|key| key.as_str().to_owned());
        assert_eq!(content("creator/videos/a", "creator").as_deref(), Some("creator/videos/a"));
        assert!(content("public/shared-resources/a", "creator").is_some());
        assert_eq!(content("other/videos/a", "creator"), None);
        assert_eq!(content("creator/videos/a", "other"), None);
        assert_eq!(content("creator/videos/../../other/a", "creator"), None);
    }

    #[test]
    fn owners_and_viewers_are_admitted() {
        let subject = |id| Subject::from(CreatorId::new(id).unwrap());
        let manifest = manifest("creator/videos/a", "creator");
        assert!(manifest.admits(&subject("creator")) && manifest.admits(&subject("fan")));
        assert!(!manifest.admits(&subject("stranger")));
    }
}
