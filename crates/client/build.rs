//! Migrations are embedded by a macro that the compiler does not see reading files: say so, or a new step is not picked up.

fn main() {
    println!("cargo::rerun-if-changed=migrations");
}
