//! Which entries are transferred, and the metadata of their objects.

use std::path::Path;

use crate::error::Result;
use crate::model::r2::HttpMetadata;
use crate::transfer::content_type::guess_content_type;
use crate::transfer::key_pattern::KeyPattern;

/// The names to transfer: those that match any of `include`, or all if it is empty, except those that match
/// any of `exclude`.
#[derive(Debug, Clone, Default)]
pub(super) struct Selection {
    pub(super) include: Vec<NamePattern>,
    pub(super) exclude: Vec<NamePattern>,
}

impl Selection {
    pub(super) fn leaves_out(&self, name: &str) -> bool {
        self.exclude.iter().any(|pattern| pattern.holds(name))
    }

    pub(super) fn has(&self, name: &str) -> bool {
        let any = |patterns: &[NamePattern]| patterns.iter().any(|pattern| pattern.holds(name));
        (self.include.is_empty() || any(&self.include)) && !any(&self.exclude)
    }
}

/// A pattern for names below a root.
#[derive(Debug, Clone)]
pub(super) struct NamePattern {
    pattern: KeyPattern,
    /// Whether it is matched against the last part of a name, in any directory.
    is_anywhere: bool,
}

impl NamePattern {
    /// Parses a pattern. Without a slash it applies to the last part of a name. `/a` is `a` in the root only,
    /// and `a/` is everything in `a`.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let text = text.strip_prefix("./").unwrap_or(text);
        let name = text.strip_suffix('/').unwrap_or(text);
        let is_anywhere = !name.contains('/');
        let pattern = KeyPattern::parse(name.strip_prefix('/').unwrap_or(name))?;
        Ok(Self { pattern, is_anywhere })
    }

    fn matches(&self, name: &str) -> bool {
        let last = || name.rsplit('/').next().unwrap_or(name);
        self.pattern.matches(name) || (self.is_anywhere && self.pattern.matches(last()))
    }

    /// Whether the pattern matches the name, or a directory that contains it.
    fn holds(&self, name: &str) -> bool {
        self.matches(name) || name.match_indices('/').any(|(slash, _)| self.matches(&name[..slash]))
    }
}

/// The metadata of objects, by their names.
#[derive(Debug, Clone)]
pub(super) struct MetadataRules {
    pub(super) guess_content_type: bool,
    /// Whether the modification times of files are kept.
    pub(super) keep_times: bool,
    /// Later rules win.
    pub(super) rules: Vec<(NamePattern, HttpMetadata)>,
}

impl MetadataRules {
    /// The metadata of one object: that of all objects, with the rules applied.
    pub(super) fn of(&self, name: &str, all: &HttpMetadata) -> HttpMetadata {
        let mut metadata = HttpMetadata::new();
        if self.guess_content_type {
            metadata.content_type = guess_content_type(Path::new(name)).map(Into::into);
        }
        metadata.merge(all.clone());
        for (pattern, rule) in &self.rules {
            if pattern.matches(name) {
                metadata.merge(rule.clone());
            }
        }
        metadata
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patterns(texts: &[&str]) -> Vec<NamePattern> {
        texts.iter().map(|text| NamePattern::parse(text).unwrap()).collect()
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
            (&[], &[".git"], "a/.git/objects/ab", false),
            (&[], &[".git"], "a/.github", true),
            (&[], &[".git/*"], ".git/objects/ab", false),
            (&[], &["a/"], "a/b/c", false),
            (&[], &["./a/**"], "a/b/c", false),
            (&[], &["/a"], "a/b", false),
            (&[], &["/a"], "b/a", true),
            (&[], &["/a/b"], "a/b", false),
            (&["films"], &["*.tmp"], "films/a/b", true),
            (&["films"], &["*.tmp"], "films/a/b.tmp", false),
        ] {
            let selection = Selection { include: patterns(include), exclude: patterns(exclude) };
            assert_eq!(selection.has(name), has, "{include:?} {exclude:?} {name}");
        }
    }

    #[test]
    fn later_rules_win() {
        let rule = |pattern, metadata| (NamePattern::parse(pattern).unwrap(), metadata);
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
