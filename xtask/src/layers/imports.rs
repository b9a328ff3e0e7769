//! Which file imports which: each written path, followed through re-exports to where its item is defined.

use std::collections::BTreeSet;

use super::paths::{Form, Written};
use super::read::{Crate, Meaning};

/// What one file has of another one.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Import {
    pub(super) from: String,
    pub(super) line: usize,
    /// From `crate` on.
    pub(super) path: String,
    /// The file that defines the item, or is the module.
    pub(super) to: String,
    /// The top module that the path begins with, which may re-export the item of another one.
    pub(super) through: Option<String>,
    /// Whether a facade (`lib.rs` or a `mod.rs`) passes it on.
    pub(super) re_export: bool,
}

/// What a path leads to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Target {
    Module(usize),
    /// Something that this module defines.
    Item(usize),
}

/// The lookups under way, each of which would not end if it began again.
type UnderWay = Vec<(usize, String)>;

impl Crate {
    /// The files that are read, without those of tests.
    pub(super) fn files(&self) -> BTreeSet<&str> {
        self.modules.iter().map(|module| module.file.as_str()).collect()
    }

    /// The modules that `lib.rs` declares.
    pub(super) fn top_modules(&self) -> BTreeSet<&str> {
        let children = self.modules.iter().filter(|module| module.parent == Some(0));
        children.filter_map(|module| module.path.first()).map(String::as_str).collect()
    }

    pub(super) fn imports(&self) -> BTreeSet<Import> {
        let mut imports = BTreeSet::new();
        for (id, module) in self.modules.iter().enumerate() {
            for written in &module.written {
                self.import(id, written, &mut imports);
            }
        }
        imports
    }

    fn import(&self, from: usize, written: &Written, imports: &mut BTreeSet<Import>) {
        let module = &self.modules[from];
        let Some(targets) = self.follow(from, &written.segments, &mut Vec::new()) else {
            return;
        };
        let Some(mut path) = self.absolute(from, written) else {
            return;
        };
        let through = path.first().filter(|first| self.top_modules().contains(first.as_str())).cloned();
        let facade = ["lib.rs", "mod.rs"].iter().any(|name| module.file.rsplit('/').next() == Some(*name));
        let public = matches!(written.form, Form::Use { public: true, .. } | Form::Glob { public: true });
        let mut files = BTreeSet::new();
        for target in targets {
            let (Target::Module(id) | Target::Item(id)) = target;
            files.insert(self.modules[id].file.as_str());
            if matches!(written.form, Form::Glob { .. }) && target == Target::Module(id) {
                self.exported(id, from, &mut files);
            }
        }
        if matches!(written.form, Form::Glob { .. }) {
            path.push("*".to_owned());
        }
        for to in files {
            let elsewhere = through.is_some() && through.as_ref() != module.path.first();
            if to != module.file || elsewhere {
                imports.insert(Import {
                    from: module.file.clone(),
                    line: written.line,
                    path: format!("crate::{}", path.join("::")),
                    to: to.to_owned(),
                    through: through.clone(),
                    re_export: facade && public,
                });
            }
        }
    }

    /// The files of what a module re-exports, all of which a glob imports. Modules below see its private imports as well.
    fn exported<'a>(&'a self, module: usize, importer: usize, files: &mut BTreeSet<&'a str>) {
        let below = self.modules[importer].path.starts_with(&self.modules[module].path);
        for meaning in self.modules[module].names.values().flatten() {
            if let Meaning::Import { path, public } = meaning
                && (*public || below)
            {
                for target in self.follow(module, path, &mut Vec::new()).unwrap_or_default() {
                    let (Target::Module(id) | Target::Item(id)) = target;
                    files.insert(self.modules[id].file.as_str());
                }
            }
        }
    }

    /// From the root of the crate on. `None` for what begins with a name that is no module: it is imported elsewhere or is of
    /// another crate.
    fn absolute(&self, from: usize, written: &Written) -> Option<Vec<String>> {
        let mut rest = written.segments.as_slice();
        let mut at = from;
        match rest.first()?.as_str() {
            "crate" => (at, rest) = (0, &rest[1..]),
            "self" => rest = &rest[1..],
            "super" => {}
            name => {
                let meant = self.lookup(from, name, &mut Vec::new())?;
                let module = meant.into_iter().find_map(|target| match target {
                    Target::Module(id) => Some(id),
                    Target::Item(_) => None,
                });
                match module {
                    Some(id) => (at, rest) = (id, &rest[1..]),
                    None if matches!(written.form, Form::Inline) => return None,
                    None => {}
                }
            }
        }
        while let Some(("super", after)) = rest.split_first().map(|(first, after)| (first.as_str(), after)) {
            (at, rest) = (self.modules[at].parent?, after);
        }
        let mut path = self.modules[at].path.clone();
        path.extend_from_slice(rest);
        Some(path)
    }

    /// `None` if the path leads out of the crate.
    fn follow(&self, from: usize, path: &[String], under_way: &mut UnderWay) -> Option<Vec<Target>> {
        let (first, rest) = path.split_first()?;
        let mut at = match first.as_str() {
            "crate" => vec![Target::Module(0)],
            "self" => vec![Target::Module(from)],
            "super" => vec![Target::Module(self.modules[from].parent?)],
            name => self.lookup(from, name, under_way)?,
        };
        for segment in rest {
            let modules: Vec<_> = at.iter().copied().filter(|t| matches!(t, Target::Module(_))).collect();
            if !modules.is_empty() {
                at = modules;
            }
            let mut next = Vec::new();
            for target in at {
                match target {
                    // An item's own: a variant, a function, a constant.
                    Target::Item(_) => next.push(target),
                    Target::Module(id) if segment == "super" => {
                        next.push(Target::Module(self.modules[id].parent?));
                    }
                    // What the module does not name, a macro has defined there.
                    Target::Module(id) => match self.lookup(id, segment, under_way) {
                        Some(found) => next.extend(found),
                        None => next.push(Target::Item(id)),
                    },
                }
            }
            at = next;
        }
        Some(at)
    }

    /// What a name means in a module. `None` if it is not known there; nothing if it is of another crate.
    fn lookup(&self, module: usize, name: &str, under_way: &mut UnderWay) -> Option<Vec<Target>> {
        let step = (module, name.to_owned());
        if under_way.contains(&step) {
            return None;
        }
        under_way.push(step);
        let mut found = Vec::new();
        let meanings = self.modules[module].names.get(name);
        for meaning in meanings.into_iter().flatten() {
            match meaning {
                Meaning::Item => found.push(Target::Item(module)),
                Meaning::Module(id) => found.push(Target::Module(*id)),
                Meaning::Import { path, .. } => {
                    found.extend(self.follow(module, path, under_way).unwrap_or_default());
                }
            }
        }
        let mut known = meanings.is_some();
        if !known {
            let globs = self.modules[module].written.iter();
            for glob in globs.filter(|written| matches!(written.form, Form::Glob { .. })) {
                for target in self.follow(module, &glob.segments, under_way).unwrap_or_default() {
                    if let Target::Module(id) = target
                        && let Some(targets) = self.lookup(id, name, under_way)
                    {
                        found.extend(targets);
                        known = true;
                    }
                }
            }
        }
        under_way.pop();
        known.then_some(found)
    }
}
