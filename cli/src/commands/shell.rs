//! What a shell and `man` want to know of this program. No account is needed.

use std::path::Path;

use clap::CommandFactory;
use clap_complete::Shell;
use clap_mangen::Man;

use crate::args::Cli;
use crate::context::Context;
use crate::exit::Failure;

pub(crate) fn completions(context: &Context, shell: Shell) -> Result<(), Failure> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "latchkey", &mut text);
    context.render.raw(&text)
}

pub(crate) fn manual(context: &Context, directory: Option<&Path>) -> Result<(), Failure> {
    match directory {
        Some(directory) => {
            std::fs::create_dir_all(directory)?;
            Ok(clap_mangen::generate_to(Cli::command(), directory)?)
        }
        None => {
            let mut text = Vec::new();
            Man::new(Cli::command()).render(&mut text)?;
            context.render.raw(&text)
        }
    }
}
