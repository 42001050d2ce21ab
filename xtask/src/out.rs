//! The only file here that prints.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool speaks")]

/// One line of what the chore was asked for.
pub fn line(text: &str) {
    println!("{text}");
}

/// What went wrong.
pub fn error(text: &str) {
    eprintln!("error: {text}");
}
