//! Which names are transferred, and what their objects are stored with.

use std::path::Path;

use crate::model::r2::HttpMetadata;
use crate::transfer::content_type::guess_content_type;
use crate::transfer::key_pattern::KeyPattern;

/// The names that a transfer is about: those that any of `include` matches, or all where it is empty, but for those
/// that any of `exclude` matches.
#[derive(Debug, Clone, Default)]
pub(super) struct Selection {
    pub(super) include: Vec<KeyPattern>,
    pub(super) exclude: Vec<KeyPattern>,
}

impl Selection {
    pub(super) fn has(&self, name: &str) -> bool {
        let any = |patterns: &[KeyPattern]| patterns.iter().any(|pattern| matches(pattern, name));
        (self.include.is_empty() || any(&self.include)) && !any(&self.exclude)
    }
}

/// A pattern without a slash is about the last part of a name, in any directory.
fn matches(pattern: &KeyPattern, name: &str) -> bool {
    if pattern.as_str().contains('/') {
        return pattern.matches(name);
    }
    pattern.matches(name.rsplit('/').next().unwrap_or(name)) || pattern.matches(name)
}

/// What objects are stored with, by their names.
#[derive(Debug, Clone)]
pub(super) struct MetadataRules {
    pub(super) guess_content_type: bool,
    /// Whether the times of files are kept with them.
    pub(super) keep_times: bool,
    /// Later ones win.
    pub(super) rules: Vec<(KeyPattern, HttpMetadata)>,
}

impl MetadataRules {
    /// That of one object, over what all of them have.
    pub(super) fn of(&self, name: &str, all: &HttpMetadata) -> HttpMetadata {
        let mut metadata = HttpMetadata::new();
        if self.guess_content_type {
            metadata.content_type = guess_content_type(Path::new(name)).map(Into::into);
        }
        metadata.merge(all.clone());
        for (pattern, rule) in &self.rules {
            if matches(pattern, name) {
                metadata.merge(rule.clone());
            }
        }
        metadata
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patterns(texts: &[&str]) -> Vec<KeyPattern> {
        texts.iter().map(|text| KeyPattern::parse(*text).unwrap()).collect()
    }

    #[test]
    fn names_are_included_and_excluded() {
        for (include, exclude, name, has) in [
            (&[][..], &[][..], "a/b", true),
            (&["*.mp4"], &[], "a/b.mp4", true),
            (&["*.mp4"], &[], "b.mp4x", false),
            (&["a/*.mp4"], &[], "a/b.mp4", true),
            (&["a/*.mp4"], &[], "x/a/b.mp4", false),
            (&["*.mp4", "*.ts"], &["b*"], "a/b.mp4", false),
            (&[], &["drafts/**"], "drafts/a/b", false),
            (&[], &["**/.git/**"], "a/.git/config", false),
            (&[], &["**"], "a/b", false),
        ] {
            let selection = Selection { include: patterns(include), exclude: patterns(exclude) };
            assert_eq!(selection.has(name), has, "{include:?} {exclude:?} {name}");
        }
    }

    #[test]
    fn later_rules_win() {
        let rule = |pattern, metadata| (KeyPattern::parse(pattern).unwrap(), metadata);
        let rules = MetadataRules {
            guess_content_type: true,
            keep_times: true,
            rules: vec![
                rule("*.m3u8", HttpMetadata::new().cache_control("no-cache")),
                rule("live/**", HttpMetadata::new().cache_control("no-store").content_type("x/y")),
            ],
        };
        let all = HttpMetadata::new().cache_control("max-age=60");
        for (name, content_type, cache_control) in [
            ("a.bin2", None, "max-age=60"),
            ("a/b.m3u8", Some("application/vnd.apple.mpegurl"), "no-cache"),
            ("live/b.m3u8", Some("x/y"), "no-store"),
        ] {
            let metadata = rules.of(name, &all);
            assert_eq!(metadata.content_type.as_deref(), content_type, "{name}");
            assert_eq!(metadata.cache_control.as_deref(), Some(cache_control), "{name}");
        }
    }
}
