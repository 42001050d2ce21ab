//! Migrations are embedded at compile time; cargo does not see them without this.

fn main() {
    println!("cargo:rerun-if-changed=../migrations/sqlite");
}
