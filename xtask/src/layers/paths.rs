//! The paths in a piece of source code, wherever they are: expressions, types, patterns, attributes, the
//! invocation or the rules of a macro.

use proc_macro2::{Delimiter, Group, Spacing, TokenStream, TokenTree};
use syn::{Attribute, ItemUse, Meta, Token, UseTree, Visibility, punctuated::Punctuated};

/// A path as it is written.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) line: usize,
    pub(super) segments: Vec<String>,
    pub(super) form: Form,
}

#[derive(Debug)]
pub(super) enum Form {
    /// A `use` that binds this name. It exports the name if it has any visibility.
    Use {
        name: String,
        public: bool,
    },
    Glob {
        public: bool,
    },
    Inline,
}

/// The paths of a `use`. A path that starts with `::` names another crate.
pub(super) fn of_use(item: &ItemUse, found: &mut Vec<Written>) {
    let public = match &item.vis {
        Visibility::Inherited => false,
        Visibility::Restricted(restricted) => !restricted.path.is_ident("self"),
        Visibility::Public(_) => true,
    };
    if item.leading_colon.is_none() && !is_for_tests(&item.attrs) {
        of_tree(&item.tree, &[], public, found);
    }
}

fn of_tree(tree: &UseTree, before: &[String], public: bool, found: &mut Vec<Written>) {
    let mut leaf = |ident: &proc_macro2::Ident, name: &proc_macro2::Ident| {
        let mut segments = before.to_vec();
        let mut name = text(name);
        if ident != "self" || before.is_empty() {
            segments.push(text(ident));
        } else if name == "self" {
            name = before.last().cloned().unwrap_or_default();
        }
        found.push(Written { line: ident.span().start().line, segments, form: Form::Use { name, public } });
    };
    match tree {
        UseTree::Path(path) => {
            let mut segments = before.to_vec();
            segments.push(text(&path.ident));
            of_tree(&path.tree, &segments, public, found);
        }
        UseTree::Name(name) => leaf(&name.ident, &name.ident),
        UseTree::Rename(rename) => leaf(&rename.ident, &rename.rename),
        UseTree::Glob(glob) => found.push(Written {
            line: glob.star_token.spans[0].start().line,
            segments: before.to_vec(),
            form: Form::Glob { public },
        }),
        UseTree::Group(group) => {
            for tree in &group.items {
                of_tree(tree, before, public, found);
            }
        }
    }
}

/// The paths of two or more segments among these tokens, without code for tests and without documentation.
pub(super) fn of_tokens(tokens: TokenStream, found: &mut Vec<Written>) {
    let tokens: Vec<_> = tokens.into_iter().collect();
    let mut at = 0;
    while at < tokens.len() {
        at += match &tokens[at] {
            TokenTree::Punct(punct) if punct.as_char() == '#' => attribute(&tokens[at..], found),
            TokenTree::Group(group) => {
                of_tokens(group.stream(), found);
                1
            }
            TokenTree::Ident(ident) if ident == "use" && !is_punct(tokens.get(at + 1), '<') => {
                local_use(&tokens[at..], found)
            }
            TokenTree::Ident(ident) if ident == "pub" => match tokens.get(at + 1) {
                Some(TokenTree::Group(group)) if begins_with(group, "in") => 2,
                _ => 1,
            },
            TokenTree::Ident(ident) => {
                let segments = path(&tokens[at..]);
                let length = segments.len() * 3 - 2;
                let before = &tokens[..at];
                let variable = is_punct(before.last(), '$') && ident != "crate";
                if segments.len() > 1 && !variable && !ends_with_colons(before) {
                    found.push(Written { line: ident.span().start().line, segments, form: Form::Inline });
                }
                length
            }
            _ => 1,
        };
    }
}

/// Reads an attribute. Returns the number of tokens that are done: including those of the attributed item, if
/// that is for tests.
fn attribute(tokens: &[TokenTree], found: &mut Vec<Written>) -> usize {
    let name = if is_punct(tokens.get(1), '!') { 2 } else { 1 };
    let Some(TokenTree::Group(group)) = tokens.get(name) else {
        return 1;
    };
    if group.delimiter() != Delimiter::Bracket || begins_with(group, "doc") {
        return name + 1;
    }
    if syn::parse2::<Meta>(group.stream()).is_ok_and(|meta| needs_test(&meta)) {
        return name + 1 + length_of_item(&tokens[name + 1..]);
    }
    of_tokens(group.stream(), found);
    in_strings(group, found);
    name + 1
}

/// The number of tokens of the attributed code. If it is not an item (a field, an arm, a statement), it may
/// also end at a comma.
fn length_of_item(tokens: &[TokenTree]) -> usize {
    const ITEMS: [&str; 15] = [
        "async", "const", "enum", "extern", "fn", "impl", "mod", "pub", "static", "struct", "trait", "type",
        "union", "unsafe", "use",
    ];
    let mut begin = 0;
    while is_punct(tokens.get(begin), '#') {
        begin += 2;
    }
    let is_item =
        matches!(tokens.get(begin), Some(TokenTree::Ident(ident)) if ITEMS.iter().any(|item| ident == item));
    let end = tokens.iter().skip(begin).position(|token| match token {
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
        TokenTree::Punct(punct) => punct.as_char() == ';' || (!is_item && punct.as_char() == ','),
        _ => false,
    });
    end.map_or(tokens.len(), |end| begin + end + 1)
}

/// Paths in the strings of an attribute, as serde uses them.
fn in_strings(group: &Group, found: &mut Vec<Written>) {
    for token in group.stream() {
        match token {
            TokenTree::Group(group) => in_strings(&group, found),
            TokenTree::Literal(literal) => {
                let text = literal.to_string();
                let inner = text.trim_matches('"');
                if inner.starts_with("crate::") || inner.starts_with("super::") {
                    let segments = inner.split("::").map(|segment| segment.trim().to_owned()).collect();
                    found.push(Written { line: literal.span().start().line, segments, form: Form::Inline });
                }
            }
            _ => {}
        }
    }
}

/// Reads a `use` within a block.
fn local_use(tokens: &[TokenTree], found: &mut Vec<Written>) -> usize {
    let end = tokens.iter().position(|token| matches!(token, TokenTree::Punct(p) if p.as_char() == ';'));
    let length = end.map_or(1, |end| end + 1);
    if let Ok(item) = syn::parse2(tokens[..length].iter().cloned().collect()) {
        of_use(&item, found);
        length
    } else {
        1
    }
}

/// The identifiers at the start that `::` joins.
fn path(tokens: &[TokenTree]) -> Vec<String> {
    let mut segments = Vec::new();
    let mut rest = tokens;
    while let [TokenTree::Ident(ident), after @ ..] = rest {
        segments.push(text(ident));
        match after {
            [first, second, next @ ..] if ends_with_colons(&[first.clone(), second.clone()]) => rest = next,
            _ => break,
        }
    }
    segments
}

fn ends_with_colons(tokens: &[TokenTree]) -> bool {
    matches!(
        tokens,
        [.., TokenTree::Punct(first), TokenTree::Punct(second)]
            if first.as_char() == ':' && first.spacing() == Spacing::Joint && second.as_char() == ':'
    )
}

fn is_punct(token: Option<&TokenTree>, char: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == char)
}

fn begins_with(group: &Group, word: &str) -> bool {
    matches!(group.stream().into_iter().next(), Some(TokenTree::Ident(ident)) if ident == word)
}

fn text(ident: &proc_macro2::Ident) -> String {
    ident.to_string().trim_start_matches("r#").to_owned()
}

/// Whether these attributes exclude the code from all builds except tests.
pub(super) fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| needs_test(&attribute.meta))
}

fn needs_test(meta: &Meta) -> bool {
    let Meta::List(list) = meta else {
        return meta.path().is_ident("test");
    };
    let Ok(inner) = list.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated) else {
        return false;
    };
    if list.path.is_ident("cfg") || list.path.is_ident("all") {
        inner.iter().any(needs_test)
    } else {
        list.path.is_ident("any") && !inner.is_empty() && inner.iter().all(needs_test)
    }
}
