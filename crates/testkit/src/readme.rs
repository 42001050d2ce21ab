//! A README that shows code is held to what the code is.

/// So many blocks of Rust are shown, and each stands in the example as it is.
#[track_caller]
pub fn shows(readme: &str, example: &str, count: usize) {
    let blocks: Vec<&str> = readme.split("```rust\n").skip(1).collect();
    assert_eq!(blocks.len(), count);
    for block in blocks {
        let block = block.split("```").next().unwrap();
        assert!(example.contains(block), "{block}");
    }
}

/// The profile of dependencies is shown as the workspace has it. Nobody inherits that, and without it a build outside runs for ever or gives a program a
/// hundred times slower.
#[track_caller]
pub fn shows_the_profile(readme: &str) {
    let (_, profile) = include_str!("../../../Cargo.toml")
        .split_once("[profile.dev.package.\"*\"]\n")
        .unwrap();
    let profile = profile.split("\n\n").next().unwrap();
    assert!(
        profile.contains("opt-level") && profile.contains("debug-assertions"),
        "{profile}"
    );
    let block = format!("```toml\n[profile.dev.package.\"*\"]\n{profile}\n```\n");
    assert!(readme.contains(&block), "{block}");
}
