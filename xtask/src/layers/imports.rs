//! Which file imports which: each written path is followed through re-exports to the definition of its item.

use std::collections::BTreeSet;

use super::paths::{Form, Written};
use super::read::{Crate, Meaning};

/// An import of one file from another one.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Import {
    pub(super) from: String,
    pub(super) line: usize,
    /// The path, starting with `crate`.
    pub(super) path: String,
    /// The file that defines the item, or that is the module.
    pub(super) to: String,
    /// The top module that the path starts with, which may re-export the item of another one.
    pub(super) through: Option<String>,
    /// Whether a facade (`lib.rs` or a `mod.rs`) re-exports it.
    pub(super) re_export: bool,
}

/// The target of a path.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Target {
    Module(usize),
    /// An item that this module defines.
    Item(usize),
}

/// The lookups in progress. Starting one of them again would not terminate.
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
        let mut modules = BTreeSet::new();
        for target in targets {
            match (target, &written.form) {
                (Target::Module(id), Form::Glob { .. }) => self.exported(id, from, &mut modules),
                (Target::Module(id) | Target::Item(id), _) => {
                    modules.insert(id);
                }
            }
        }
        if matches!(written.form, Form::Glob { .. }) {
            path.push("*".to_owned());
        }
        let files: BTreeSet<_> = modules.iter().map(|id| self.modules[*id].file.as_str()).collect();
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

    /// The modules of everything that a glob imports: what this module defines and re-exports. Modules below
    /// it see its private imports too.
    fn exported(&self, module: usize, importer: usize, found: &mut BTreeSet<usize>) {
        if !found.insert(module) {
            return;
        }
        let below = self.modules[importer].path.starts_with(&self.modules[module].path);
        for written in &self.modules[module].written {
            let (glob, public) = match written.form {
                Form::Use { public, .. } => (false, public),
                Form::Glob { public } => (true, public),
                Form::Inline => continue,
            };
            if !public && !below {
                continue;
            }
            for target in self.follow(module, &written.segments, &mut Vec::new()).unwrap_or_default() {
                match target {
                    Target::Module(id) if glob => self.exported(id, importer, found),
                    Target::Module(id) | Target::Item(id) => {
                        found.insert(id);
                    }
                }
            }
        }
    }

    /// The path from the root of the crate. `None` if it starts with a name that is not a module: the name is
    /// imported elsewhere or belongs to another crate.
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
        // Associated items are imported with their type.
        if let Some(item) = path.iter().position(|segment| segment.starts_with(char::is_uppercase)) {
            path.truncate(item + 1);
        }
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
                    // An associated item: a variant, a function, a constant.
                    Target::Item(_) => next.push(target),
                    Target::Module(id) if segment == "super" => {
                        next.push(Target::Module(self.modules[id].parent?));
                    }
                    // An unknown name in a module was defined by a macro there.
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

    /// The meaning of a name in a module. `None` if the name is unknown there; empty if it belongs to another
    /// crate.
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
                Meaning::Import(path) => {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layers::read::Sources;

    /// A `lib.rs`, a model with a facade, and the given files.
    fn read(files: &[(&str, &str)]) -> Crate {
        let mut sources: Sources = [
            ("lib.rs", "mod error; pub mod model; mod user; pub use error::Error; pub use bytes::Bytes;"),
            ("error.rs", "pub struct Error; pub enum Kind { A }"),
            (
                "model/mod.rs",
                "mod body; mod range; pub use body::Body; pub use range::*; pub const LIMIT: u8 = 1;",
            ),
            ("model/body.rs", "pub struct Body; pub(crate) fn read() {}"),
            ("model/range.rs", "pub struct Range; codes! { NOT_FOUND }"),
            ("user.rs", ""),
        ]
        .map(|(file, text)| (file.to_owned(), text.to_owned()))
        .into();
        sources.extend(files.iter().map(|(file, text)| ((*file).to_owned(), (*text).to_owned())));
        Crate::read(&sources).unwrap()
    }

    /// The imports of `user.rs` with this content.
    fn user(text: &str) -> Vec<String> {
        imports_of("user.rs", &[("user.rs", text)])
    }

    fn imports_of(file: &str, files: &[(&str, &str)]) -> Vec<String> {
        let imports = read(files).imports().into_iter().filter(|import| import.from == file);
        imports.map(|import| format!("{}: {} ({})", import.line, import.path, import.to)).collect()
    }

    #[test]
    fn re_exports_are_seen_through() {
        assert_eq!(user("use crate::model::Body;"), ["1: crate::model::Body (model/body.rs)"]);
        assert_eq!(user("use crate::Error;"), ["1: crate::Error (error.rs)"]);
        assert_eq!(user("use crate::model::Range;"), ["1: crate::model::Range (model/range.rs)"]);
        assert_eq!(user("use crate::model::LIMIT;"), ["1: crate::model::LIMIT (model/mod.rs)"]);
        assert_eq!(user("use crate::model;"), ["1: crate::model (model/mod.rs)"]);
        assert_eq!(user("use crate::Bytes; use bytes::Buf; use ::error::Failure;"), [""; 0]);
    }

    #[test]
    fn groups_and_renames_are_taken_apart() {
        assert_eq!(
            user("use crate::{Error as Failure,\n model::{self as m, Body as _,\n range::{self, Range}}};"),
            [
                "1: crate::Error (error.rs)",
                "2: crate::model (model/mod.rs)",
                "2: crate::model::Body (model/body.rs)",
                "3: crate::model::range (model/range.rs)",
                "3: crate::model::range::Range (model/range.rs)",
            ]
        );
        assert_eq!(
            user("use crate::model as m; type B = m::Body;"),
            ["1: crate::model (model/mod.rs)", "1: crate::model::Body (model/body.rs)"]
        );
    }

    #[test]
    fn super_leads_to_what_the_parent_imports() {
        let parent = "mod below; use crate::model::{Body, LIMIT}; use crate::error; struct Own;";
        let below = "use super::Body; use super::super::Error; use super::Own;\n\
                     fn f() { super::error::Kind::A }";
        assert_eq!(
            imports_of("user/below.rs", &[("user.rs", parent), ("user/below.rs", below)]),
            [
                "1: crate::Error (error.rs)",
                "1: crate::user::Body (model/body.rs)",
                "1: crate::user::Own (user.rs)",
                "2: crate::user::error::Kind (error.rs)",
            ]
        );
    }

    #[test]
    fn a_glob_imports_everything() {
        assert_eq!(
            user("use crate::model::*;"),
            [
                "1: crate::model::* (model/body.rs)",
                "1: crate::model::* (model/mod.rs)",
                "1: crate::model::* (model/range.rs)",
            ]
        );
        assert_eq!(user("use crate::error::Kind::*;"), ["1: crate::error::Kind::* (error.rs)"]);
    }

    #[test]
    fn paths_are_found_wherever_they_stand() {
        for text in [
            "fn f() { let _ = crate::Error; }",
            "fn f(_: &[crate::Error]) {}",
            "fn f() { if let crate::Error = g() {} }",
            "impl From<crate::Error> for Own {}",
            "impl Own { fn f() -> impl Into<crate::Error> + use<> {} }",
            "fn f() { use crate::Error; }",
            "fn f() { 0..crate::Error }",
            "fn f() { let x: crate::Error = y; }",
            "fn f() { outer!(a, { inner![b => crate::Error] }) }",
            "macro_rules! m { ($a:ident) => { $a(crate::Error) } }",
            "macro_rules! m { () => { $crate::Error } }",
            "#[outer(crate::Error)] struct Own;",
            "struct Own { #[serde(with = \"crate::Error\")] a: u8 }",
            "#[cfg(not(test))] use crate::Error;",
            "#[cfg(any(test, target_arch = \"wasm32\"))] use crate::Error;",
            "mod inner { use super::super::Error; }",
        ] {
            assert_eq!(user(text), ["1: crate::Error (error.rs)"], "{text}");
        }
        assert_eq!(
            user("fn f() { crate::model::range::NOT_FOUND }"),
            ["1: crate::model::range::NOT_FOUND (model/range.rs)"]
        );
    }

    #[test]
    fn what_is_no_import_is_left_out() {
        for text in [
            "//! [`crate::Error`]\n/// [`crate::Error`]\nstruct Own;",
            "#[cfg(test)] use crate::Error;",
            "#[cfg(test)] mod tests { use crate::Error; }",
            "#[cfg(test)] mod missing;",
            "#[cfg(all(test, unix))] #[inline] fn f() -> crate::Error { crate::Error }",
            "impl Own { #[cfg(test)] pub(crate) fn f<A, B>() -> crate::Error { crate::Error } }",
            "struct Own { #[cfg(test)] a: crate::Error }",
            "fn f() { #[cfg(test)] let a = crate::Error; }",
            "pub(in crate::model) fn f() { error::b(); self.error(); ::error::c() }",
        ] {
            assert_eq!(user(text), [""; 0], "{text}");
        }
        assert_eq!(
            user("struct Own { #[cfg(test)] a: u8, b: crate::Error }"),
            ["1: crate::Error (error.rs)"],
            "what follows is not left out with it"
        );
    }

    #[test]
    fn names_that_lead_in_a_circle_end() {
        let text = "mod a { pub use super::b::*; } mod b { pub use super::a::*; } use a::Missing;\n\
                    macro_rules! own { () => {} } pub(crate) use own;";
        assert_eq!(user(text), [""; 0]);
    }

    #[test]
    fn a_facade_re_exports() {
        let re_exports = |file: &str| {
            let text = "pub use crate::error::Error; use crate::error::Kind;";
            let imports = read(&[("lib.rs", "mod error; mod user;"), (file, text)]).imports();
            imports.into_iter().map(|import| (import.path, import.re_export)).collect::<Vec<_>>()
        };
        let (error, kind) = ("crate::error::Error".to_owned(), "crate::error::Kind".to_owned());
        assert_eq!(re_exports("user.rs"), [(error.clone(), false), (kind.clone(), false)]);
        assert_eq!(re_exports("user/mod.rs"), [(error, true), (kind, false)]);
    }
}
