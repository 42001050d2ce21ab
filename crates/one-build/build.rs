//! Empty: with it Cargo looks at the features of build dependencies too.

fn main() {}
