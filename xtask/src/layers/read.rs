//! Parses the source of a crate: its modules, the names in them, and the paths that they contain.

use std::collections::{BTreeMap, BTreeSet};

use quote::ToTokens as _;
use syn::Item;

use super::paths::{self, Form, Written};

/// The text of each file, by its path below `src`.
pub(super) type Sources = BTreeMap<String, String>;

#[derive(Debug, Default)]
pub(super) struct Crate {
    /// The first is `lib.rs`, or `main.rs`.
    pub(super) modules: Vec<Module>,
    /// The paths of modules that are only for tests.
    for_tests: Vec<Vec<String>>,
}

#[derive(Debug)]
pub(super) struct Module {
    /// Without `crate`.
    pub(super) path: Vec<String>,
    pub(super) file: String,
    pub(super) parent: Option<usize>,
    /// A name may be both a module and a function, or something else on another platform.
    pub(super) names: BTreeMap<String, Vec<Meaning>>,
    pub(super) written: Vec<Written>,
}

#[derive(Debug)]
pub(super) enum Meaning {
    /// Defined in this module.
    Item,
    Module(usize),
    Import(Vec<String>),
}

impl Module {
    fn name(&mut self, name: String, meaning: Meaning) {
        self.names.entry(name).or_default().push(meaning);
    }
}

impl Crate {
    /// Reads `lib.rs` or `main.rs` and every file that is reachable from it, except tests.
    pub(super) fn read(sources: &Sources) -> Result<Self, String> {
        let mut this = Self::default();
        let root = if sources.contains_key("lib.rs") { "lib.rs" } else { "main.rs" };
        this.file(sources, root, &[], None)?;
        Ok(this)
    }

    /// The files that no `mod` declares, such as those in a macro: their imports are unknown.
    pub(super) fn unread<'s>(&self, sources: &'s Sources) -> Vec<&'s str> {
        let read: BTreeSet<_> = self.modules.iter().map(|module| module.file.as_str()).collect();
        let is_for_tests = |file: &str| {
            let path: Vec<_> = file.trim_end_matches(".rs").split('/').collect();
            self.for_tests
                .iter()
                .any(|module| path.starts_with(&module.iter().map(String::as_str).collect::<Vec<_>>()))
        };
        sources
            .keys()
            .map(String::as_str)
            .filter(|file| !read.contains(file) && !is_for_tests(file))
            .collect()
    }

    fn file(
        &mut self,
        sources: &Sources,
        file: &str,
        path: &[String],
        parent: Option<usize>,
    ) -> Result<usize, String> {
        let text = sources.get(file).ok_or_else(|| format!("{file} is missing"))?;
        let parsed = syn::parse_file(text)
            .map_err(|error| format!("{file}:{}: {error}", error.span().start().line))?;
        self.module(sources, file, path, parent, parsed.items)
    }

    fn module(
        &mut self,
        sources: &Sources,
        file: &str,
        path: &[String],
        parent: Option<usize>,
        items: Vec<Item>,
    ) -> Result<usize, String> {
        let id = self.modules.len();
        let mut module = Module {
            path: path.to_vec(),
            file: file.to_owned(),
            parent,
            names: BTreeMap::new(),
            written: Vec::new(),
        };
        let mut children = Vec::new();
        for item in items {
            match item {
                Item::Use(item) => paths::of_use(&item, &mut module.written),
                Item::Mod(item) if paths::is_for_tests(&item.attrs) => {
                    let module = path.iter().cloned().chain([item.ident.to_string()]);
                    self.for_tests.push(module.collect());
                }
                Item::Mod(item) if item.attrs.iter().any(|attribute| attribute.path().is_ident("path")) => {
                    return Err(format!("{file}: `mod {}` is in a file with a different name", item.ident));
                }
                Item::Mod(item) => children.push(item),
                item => {
                    if let Some(name) = name(&item) {
                        module.name(name, Meaning::Item);
                    }
                    paths::of_tokens(item.to_token_stream(), &mut module.written);
                }
            }
        }
        // Imports of a block count as the module's: no module here hides another one of the same name.
        let imports: Vec<_> = module.written.iter().filter_map(import).collect();
        for (name, meaning) in imports {
            module.name(name, meaning);
        }
        self.modules.push(module);

        for item in children {
            let name = item.ident.to_string();
            let mut path = path.to_vec();
            path.push(name.clone());
            let child = if let Some((_, items)) = item.content {
                self.module(sources, file, &path, Some(id), items)?
            } else {
                let folder = format!("{}/mod.rs", path.join("/"));
                let alone = format!("{}.rs", path.join("/"));
                let child = if sources.contains_key(&folder) { folder } else { alone };
                self.file(sources, &child, &path, Some(id))?
            };
            self.modules[id].name(name, Meaning::Module(child));
        }
        Ok(id)
    }
}

fn import(written: &Written) -> Option<(String, Meaning)> {
    let Form::Use { name, .. } = &written.form else {
        return None;
    };
    Some((name.clone(), Meaning::Import(written.segments.clone())))
}

fn name(item: &Item) -> Option<String> {
    let ident = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Macro(item) => item.ident.as_ref()?,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::TraitAlias(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Union(item) => &item.ident,
        _ => return None,
    };
    Some(ident.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources(files: &[(&str, &str)]) -> Sources {
        files.iter().map(|(file, text)| ((*file).to_owned(), (*text).to_owned())).collect()
    }

    #[test]
    fn files_that_no_module_leads_to_are_told_but_those_of_tests() {
        let sources = sources(&[
            ("main.rs", "mod a; #[cfg(test)] mod fixtures; if_native! { mod hidden; }"),
            ("a.rs", "#[cfg(test)] mod tests;"),
            ("a/tests.rs", ""),
            ("a/old.rs", ""),
            ("fixtures/mod.rs", "mod inner;"),
            ("fixtures/inner.rs", ""),
            ("hidden.rs", ""),
        ]);
        assert_eq!(Crate::read(&sources).unwrap().unread(&sources), ["a/old.rs", "hidden.rs"]);
    }

    #[test]
    fn a_module_in_a_file_of_another_name_is_refused() {
        let sources = sources(&[("lib.rs", "#[path = \"b.rs\"] mod a;"), ("b.rs", "")]);
        assert_eq!(Crate::read(&sources).unwrap_err(), "lib.rs: `mod a` is in a file with a different name");
    }
}
