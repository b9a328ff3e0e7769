//! What the source of a crate says: its modules, the names in them, and the paths that are written in them.

use std::collections::BTreeMap;

use quote::ToTokens as _;
use syn::Item;

use super::paths::{self, Form, Written};

/// The text of each file, by its path below `src`.
pub(super) type Sources = BTreeMap<String, String>;

#[derive(Debug, Default)]
pub(super) struct Crate {
    /// The first is `lib.rs`, or `main.rs`.
    pub(super) modules: Vec<Module>,
}

#[derive(Debug)]
pub(super) struct Module {
    /// Without `crate`.
    pub(super) path: Vec<String>,
    pub(super) file: String,
    pub(super) parent: Option<usize>,
    /// A name may mean a module and a function, or something else on another platform.
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
    /// Reads `lib.rs` or `main.rs` and every file that is reached from it, but those of tests.
    pub(super) fn read(sources: &Sources) -> Result<Self, String> {
        let mut this = Self::default();
        let root = if sources.contains_key("lib.rs") { "lib.rs" } else { "main.rs" };
        this.file(sources, root, &[], None)?;
        Ok(this)
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
                Item::Mod(item) if paths::is_for_tests(&item.attrs) => {}
                Item::Mod(item) => children.push(item),
                item => {
                    if let Some(name) = name(&item) {
                        module.name(name, Meaning::Item);
                    }
                    paths::of_tokens(item.to_token_stream(), &mut module.written);
                }
            }
        }
        // What a block imports counts as the module's: nothing here hides a module behind another of the same name.
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
