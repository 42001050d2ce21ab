//! The modules of a crate: what each defines, imports and names.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path as FilePath;

use anyhow::{Context, Result};
use quote::ToTokens;
use syn::{Attribute, Item, Visibility};

use super::paths::{Import, Path, imports, named_in};

/// Imports that lead to each other end somewhere.
const MAX_STEPS: usize = 32;

/// All modules of one crate; the first is its root.
#[derive(Default)]
pub struct Tree {
    pub modules: Vec<Module>,
    /// Files of modules for tests alone that lie among those of the product.
    pub tests: Vec<String>,
}

/// One module.
#[derive(Default)]
pub struct Module {
    /// Path from the top, with slashes.
    pub file: String,
    /// What is named in it, without what it only hands on.
    pub named: Vec<Path>,
    parent: Option<usize>,
    children: BTreeMap<String, usize>,
    defined: BTreeSet<String>,
    imported: BTreeMap<String, Path>,
    globs: Vec<Path>,
}

/// Where a path leads.
#[derive(Clone, Copy)]
enum Place {
    Module(usize),
    /// Something that the module defines.
    Inside(usize),
}

impl Tree {
    /// Reads the crate that begins with a file. Modules for tests alone are left out.
    ///
    /// # Errors
    /// Files that cannot be read, or are no Rust.
    pub fn read(top: &FilePath, root: &str) -> Result<Self> {
        let mut tree = Self::default();
        let folder = root.rsplit_once('/').map_or("", |(folder, _)| folder);
        tree.file(top, root, folder, None)?;
        Ok(tree)
    }

    /// The module that defines what a path names, if it is in this crate and no module itself.
    pub fn definer(&self, from: usize, path: &Path) -> Option<usize> {
        match self.place(from, path, 0)? {
            Place::Inside(module) => Some(module),
            Place::Module(_) => None,
        }
    }

    /// Reads one file; `folder` is where its modules are.
    fn file(&mut self, top: &FilePath, file: &str, folder: &str, parent: Option<usize>) -> Result<usize> {
        let text = fs::read_to_string(top.join(file)).with_context(|| file.to_owned())?;
        let parsed = syn::parse_file(&text).with_context(|| file.to_owned())?;
        self.module(top, file, folder, parent, parsed.items)
    }

    fn module(
        &mut self,
        top: &FilePath,
        file: &str,
        folder: &str,
        parent: Option<usize>,
        items: Vec<Item>,
    ) -> Result<usize> {
        let at = self.modules.len();
        self.modules.push(Module {
            file: file.to_owned(),
            parent,
            ..Module::default()
        });
        for item in items {
            if for_tests(attributes(&item)) {
                if let Item::Mod(module) = &item
                    && module.content.is_none()
                {
                    let (path, _) = located(top, file, folder, &module.ident.to_string(), &module.attrs);
                    if !path.contains("/../") {
                        self.tests.push(path);
                    }
                }
                continue;
            }
            if let Item::Mod(module) = item {
                let name = module.ident.to_string();
                let inside = format!("{folder}/{name}");
                let child = match module.content {
                    Some((_, items)) => self.module(top, file, &inside, Some(at), items)?,
                    None => {
                        let (path, inside) = located(top, file, folder, &name, &module.attrs);
                        self.file(top, &path, &inside, Some(at))?
                    }
                };
                self.modules[at].children.insert(name, child);
            } else {
                self.modules[at].take(&item);
            }
        }
        Ok(at)
    }

    fn place(&self, from: usize, path: &Path, steps: usize) -> Option<Place> {
        let (first, rest) = path.split_first()?;
        let mut place = match first.as_str() {
            "crate" => Place::Module(0),
            "self" => Place::Module(from),
            "super" => Place::Module(self.modules[from].parent?),
            name => self.look_up(from, name, steps)?,
        };
        for name in rest {
            place = match place {
                Place::Module(module) if name == "super" => Place::Module(self.modules[module].parent?),
                Place::Module(module) => self.look_up(module, name, steps)?,
                // A variant or a function of a type.
                inside @ Place::Inside(_) => return Some(inside),
            };
        }
        Some(place)
    }

    fn look_up(&self, module: usize, name: &str, steps: usize) -> Option<Place> {
        if steps > MAX_STEPS {
            return None;
        }
        let here = &self.modules[module];
        if let Some(&child) = here.children.get(name) {
            return Some(Place::Module(child));
        }
        if here.defined.contains(name) {
            return Some(Place::Inside(module));
        }
        if let Some(path) = here.imported.get(name) {
            return self.place(module, path, steps + 1);
        }
        here.globs
            .iter()
            .find_map(|glob| match self.place(module, glob, steps + 1)? {
                Place::Module(other) if other != module => self.look_up(other, name, steps + 1),
                _ => None,
            })
    }
}

impl Module {
    fn take(&mut self, item: &Item) {
        if let Item::Use(import) = item {
            // What is handed on is not needed here, unless the text names it too.
            let handed_on = !matches!(import.vis, Visibility::Inherited);
            for import in imports(&import.tree) {
                match import {
                    Import::Name(path, here) => {
                        if !handed_on {
                            self.named.push(path.clone());
                        }
                        if here != "_" {
                            self.imported.insert(here, path);
                        }
                    }
                    Import::All(path) => self.globs.push(path),
                }
            }
            return;
        }
        self.defined.extend(name(item));
        named_in(item.to_token_stream(), &mut self.named);
    }
}

/// The file of a module that is declared without a body, and the folder of its own modules.
fn located(top: &FilePath, file: &str, folder: &str, name: &str, attributes: &[Attribute]) -> (String, String) {
    let inside = format!("{folder}/{name}");
    if let Some(path) = attributes.iter().find_map(path_attribute) {
        let own = file.rsplit_once('/').map_or("", |(own, _)| own);
        let located = format!("{own}/{path}");
        let inside = located.rsplit_once('/').map_or("", |(inside, _)| inside).to_owned();
        return (located, inside);
    }
    let flat = format!("{inside}.rs");
    if top.join(&flat).is_file() {
        (flat, inside)
    } else {
        (format!("{inside}/mod.rs"), inside)
    }
}

fn path_attribute(attribute: &Attribute) -> Option<String> {
    let syn::Meta::NameValue(pair) = &attribute.meta else {
        return None;
    };
    match &pair.value {
        syn::Expr::Lit(syn::ExprLit {
            lit: syn::Lit::Str(path),
            ..
        }) if pair.path.is_ident("path") => Some(path.value()),
        _ => None,
    }
}

/// Whether an item is compiled into tests alone: `cfg(test)` or `cfg(all(test, …))`.
fn for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let syn::Meta::List(list) = &attribute.meta else {
            return false;
        };
        let condition = list.tokens.to_string();
        list.path.is_ident("cfg") && (condition == "test" || condition.starts_with("all (test ,"))
    })
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Union(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

fn name(item: &Item) -> Option<String> {
    match item {
        Item::Const(item) => Some(&item.ident),
        Item::Enum(item) => Some(&item.ident),
        Item::Fn(item) => Some(&item.sig.ident),
        Item::Macro(item) => item.ident.as_ref(),
        Item::Static(item) => Some(&item.ident),
        Item::Struct(item) => Some(&item.ident),
        Item::Trait(item) => Some(&item.ident),
        Item::Type(item) => Some(&item.ident),
        Item::Union(item) => Some(&item.ident),
        _ => None,
    }
    .map(ToString::to_string)
}
