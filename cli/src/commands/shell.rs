//! What a shell and `man` want to know of this program. No account is needed.

use std::path::Path;

use clap_complete::Shell;
use clap_mangen::Man;

use crate::args;
use crate::context::Context;
use crate::exit::Failure;
use crate::render::escape;

/// As wide as a page may be: its reader breaks lines.
fn definition() -> clap::Command {
    args::command(usize::MAX)
}

pub(crate) fn completions(context: &Context, shell: Shell) -> Result<(), Failure> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut definition(), "latchkey", &mut text);
    context.render.raw(&text)
}

pub(crate) fn manual(context: &Context, directory: Option<&Path>) -> Result<(), Failure> {
    match directory {
        Some(directory) => std::fs::create_dir_all(directory)
            .and_then(|()| clap_mangen::generate_to(definition(), directory))
            .map_err(|error| {
                let directory = escape::line(&directory.display().to_string());
                Failure::Usage(format!(
                    "the manual pages cannot be written into {directory} ({error}); name a directory that you may write to"
                ))
            }),
        None => {
            let mut text = Vec::new();
            Man::new(definition()).render(&mut text)?;
            context.render.raw(&text)
        }
    }
}
