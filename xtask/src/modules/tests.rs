use std::fs;

use super::*;

/// A crate that is made of these files.
fn crate_of(files: &[(&str, &str)]) -> (tempfile::TempDir, Tree) {
    let folder = tempfile::tempdir().unwrap();
    for (file, text) in files {
        let path = folder.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let tree = Tree::read(folder.path(), "src/lib.rs").unwrap();
    (folder, tree)
}

/// Its circles.
fn circles(files: &[(&str, &str)]) -> Vec<String> {
    let (folder, tree) = crate_of(files);
    let circles = needs(folder.path(), &tree).unwrap().circles();
    circles.into_iter().map(|(_, told)| told).collect()
}

#[test]
fn two_files_that_import_from_each_other_are_a_circle_with_its_lines() {
    let found = circles(&[
        ("src/lib.rs", "mod a;\nmod b;\n"),
        ("src/a.rs", "// B\nuse crate::b::B;\npub struct A(B);\n"),
        ("src/b.rs", "pub struct B;\n\nfn f() -> super::a::A { todo!() }\n"),
    ]);
    assert_eq!(
        found,
        [
            "2 files need each other, for example:\n  src/a.rs:2 names crate::b::B of src/b.rs\n  \
          src/b.rs:3 names super::a::A of src/a.rs"
        ]
    );
}

#[test]
fn a_child_that_needs_its_parent_which_needs_it_is_a_circle() {
    let child = ("src/a/child.rs", "use super::A;\npub fn f(_: A) {}\n");
    assert_eq!(
        circles(&[
            ("src/lib.rs", "mod a;\n"),
            ("src/a.rs", "mod child;\npub struct A;\nfn g() { child::f(A) }\n"),
            child
        ])
        .len(),
        1
    );
    // Declaring and handing on is no need.
    assert!(
        circles(&[
            ("src/lib.rs", "mod a;\n"),
            ("src/a.rs", "mod child;\npub use child::f;\npub struct A;\n"),
            child
        ])
        .is_empty()
    );
    // Unless what is handed on is used as well.
    assert_eq!(
        circles(&[
            ("src/lib.rs", "mod a;\n"),
            (
                "src/a.rs",
                "mod child;\npub use child::f;\npub struct A;\nfn g() { f(A) }\n"
            ),
            child
        ])
        .len(),
        1
    );
}

#[test]
fn a_name_that_was_handed_on_belongs_to_the_file_that_defines_it() {
    let files = [
        ("src/lib.rs", "mod a;\nmod b;\n"),
        (
            "src/a/mod.rs",
            "pub mod deep;\npub use deep::*;\nuse crate::b::B;\npub struct A(B);\n",
        ),
        ("src/a/deep.rs", "pub struct Deep;\n"),
        ("src/b.rs", "use crate::a::Deep;\npub struct B(Deep);\n"),
    ];
    assert!(circles(&files).is_empty());
}

#[test]
fn paths_in_macros_and_imports_in_functions_are_seen() {
    for body in [
        "fn f() { println!(\"{}\", super::a::one()) }",
        "fn f() { use super::a::{one, A}; }",
        "fn f(a: super::a::A) {}",
        "use super::a as other; fn f() { other::one(); }",
    ] {
        let found = circles(&[
            ("src/lib.rs", "mod a;\nmod b;\n"),
            ("src/a.rs", "use crate::b::B;\npub struct A(B);\npub fn one() {}\n"),
            ("src/b.rs", &format!("pub struct B;\n{body}\n")),
        ]);
        assert_eq!(found.len(), 1, "{body}");
    }
}

#[test]
fn tests_methods_and_other_crates_are_no_needs() {
    for body in [
        "#[cfg(test)] mod tests { use crate::a::A; }",
        "fn f() { x.one() }",
        "use std::a::A; fn f() { ::a::one() }",
    ] {
        let found = circles(&[
            ("src/lib.rs", "mod a;\nmod b;\n"),
            ("src/a.rs", "use crate::b::B;\npub struct A(B);\npub fn one() {}\n"),
            ("src/b.rs", &format!("pub struct B;\n{body}\n")),
        ]);
        assert!(found.is_empty(), "{body}: {found:?}");
    }
}

#[test]
fn a_file_of_tests_among_the_product_is_found_and_one_elsewhere_is_not() {
    let found = |declared: &str| {
        let (_folder, tree) = crate_of(&[
            ("src/lib.rs", "mod a;\n"),
            ("src/a.rs", declared),
            ("src/a/tests.rs", ""),
        ]);
        tree.tests
    };
    for declared in [
        "#[cfg(test)] mod tests;",
        "#[cfg(test)] #[cfg(unix)] mod tests;",
        "#[cfg(all(test, unix))] mod tests;",
        "#[cfg(test)] #[path = \"a/tests.rs\"] mod other;",
    ] {
        assert_eq!(found(declared), ["src/a/tests.rs"], "{declared}");
    }
    for declared in [
        "#[cfg(test)] #[path = \"../tests/unit/a.rs\"] mod tests;",
        "#[cfg(test)] mod tests { fn f() {} }",
        "mod tests;",
    ] {
        assert_eq!(found(declared), Vec::<String>::new(), "{declared}");
    }
}
