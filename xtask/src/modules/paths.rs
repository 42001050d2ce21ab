//! The paths that a piece of Rust names, by its tokens, so that those within macros are seen too.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use syn::UseTree;

/// `a::b::c`.
pub type Path = Vec<String>;

/// What an import brings in.
#[derive(Debug, PartialEq, Eq)]
pub enum Import {
    /// The path, and the name that it has here.
    Name(Path, String),
    /// Everything in the path.
    All(Path),
}

/// The names of an import, one by one.
pub fn imports(tree: &UseTree) -> Vec<Import> {
    let mut found = Vec::new();
    flatten(tree, &mut Vec::new(), &mut found);
    found
}

fn flatten(tree: &UseTree, before: &mut Path, found: &mut Vec<Import>) {
    match tree {
        UseTree::Path(path) => {
            before.push(path.ident.to_string());
            flatten(&path.tree, before, found);
            before.pop();
        }
        UseTree::Name(name) => found.push(named(before, &name.ident.to_string(), None)),
        UseTree::Rename(name) => found.push(named(before, &name.ident.to_string(), Some(name.rename.to_string()))),
        UseTree::Glob(_) => found.push(Import::All(before.clone())),
        UseTree::Group(group) => group.items.iter().for_each(|tree| flatten(tree, before, found)),
    }
}

fn named(before: &Path, name: &str, rename: Option<String>) -> Import {
    let mut path = before.clone();
    // `use a::b::{self}` imports `a::b`.
    if name != "self" {
        path.push(name.to_owned());
    }
    let here = rename.or_else(|| path.last().cloned()).unwrap_or_default();
    Import::Name(path, here)
}

/// Every path in the tokens, also those of one name if that may be an item's: a capital, or a call.
pub fn named_in(tokens: TokenStream, found: &mut Vec<Path>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut at = 0;
    while at < tokens.len() {
        match &tokens[at] {
            TokenTree::Group(group) => named_in(group.stream(), found),
            TokenTree::Ident(ident) if ident == "use" => {
                let end = (at..tokens.len())
                    .find(|&i| is_punct(&tokens, i, ';'))
                    .unwrap_or(tokens.len());
                let tree = tokens[at + 1..end].iter().cloned().collect();
                if let Ok(tree) = syn::parse2::<UseTree>(tree) {
                    found.extend(imports(&tree).into_iter().map(|import| match import {
                        Import::Name(path, _) | Import::All(path) => path,
                    }));
                }
                at = end;
            }
            TokenTree::Ident(first) => {
                let start = at;
                let mut path = vec![first.to_string()];
                while is_punct(&tokens, at + 1, ':') && is_punct(&tokens, at + 2, ':') {
                    let Some(TokenTree::Ident(next)) = tokens.get(at + 3) else {
                        break;
                    };
                    path.push(next.to_string());
                    at += 3;
                }
                // A field or a method after a dot, and a path of another crate (`::a`), are none of ours.
                let other = (start > 0 && is_punct(&tokens, start - 1, '.'))
                    || (start > 1 && is_punct(&tokens, start - 1, ':') && is_punct(&tokens, start - 2, ':'));
                if !other && (path.len() > 1 || may_be_an_item(&path[0], tokens.get(at + 1))) {
                    found.push(path);
                }
            }
            TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
        at += 1;
    }
}

fn is_punct(tokens: &[TokenTree], at: usize, wanted: char) -> bool {
    matches!(tokens.get(at), Some(TokenTree::Punct(punct)) if punct.as_char() == wanted)
}

fn may_be_an_item(name: &str, next: Option<&TokenTree>) -> bool {
    let called = matches!(next, Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Parenthesis);
    called || name.starts_with(|first: char| first.is_ascii_uppercase())
}
