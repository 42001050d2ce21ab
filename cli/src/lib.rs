//! The Latchkey command line client.
//!
//! `args` says what can be typed, `commands` does it (one file a topic), `menu` is the interactive client, `prompt` asks, `grace` gives time to read,
//! `render` prints, `exit` decides the exit code. Everything that matters happens in the client engine.
#![forbid(unsafe_code)]

pub mod args;
mod commands;
mod context;
mod exit;
mod grace;
mod menu;
mod parse;
mod prompt;
mod render;
mod terminal;

use std::process::ExitCode;

use args::{Cli, Command, GateKeyAction, KeysAction};
use client::LimitRequest;
use client::vault::LimitMode;
use commands::messages::Limit;
use context::Context;
use exit::Failure;

pub use exit::Exit;

/// The program: reads the command line and runs it; failures are reported on standard error.
#[must_use]
pub fn main() -> ExitCode {
    match parse::parse(&std::env::args_os().collect::<Vec<_>>()) {
        Ok(cli) => run(cli),
        Err(code) => code,
    }
}

fn run(cli: Cli) -> ExitCode {
    let _terminal = terminal::Session;
    let menu = cli.command.is_none();
    let fallback = render::Render::new(&cli.global, menu);
    let outcome = Context::new(cli.global, menu).and_then(|context| dispatch(&context, cli.command));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if !failure.is_broken_pipe() {
                fallback.failure(&failure);
            }
            failure.exit().into()
        }
    }
}

fn dispatch(context: &Context, command: Option<Command>) -> Result<(), Failure> {
    let Some(command) = command else {
        if context.interactive() && !context.render.is_json() {
            return menu::run(context);
        }
        return Err(Failure::Usage(
            "no command was given, and there is no terminal for the interactive client; see latchkey --help".to_owned(),
        ));
    };
    match command {
        Command::Register { name, invite } => commands::account::register(context, &name, invite),
        Command::Send {
            to,
            message,
            plays,
            oblivious,
            expires,
        } => {
            let mode = if oblivious {
                LimitMode::Oblivious
            } else {
                LimitMode::Counted
            };
            let limit = plays.map(|plays| Limit {
                request: LimitRequest {
                    plays,
                    expires_in: expires,
                },
                mode,
            });
            commands::messages::send(context, &to, message.as_deref(), limit)
        }
        Command::Inbox { wait } => commands::messages::inbox(context, wait),
        Command::Play { message_id } => commands::plays::play(context, &message_id),
        Command::History { with, limit } => commands::messages::history(context, with.as_deref(), limit),
        Command::Contacts => commands::people::contacts(context),
        Command::Verify { name, accept, yes } => commands::people::verify(context, &name, accept, yes),
        Command::Block { name } => commands::people::block(context, &name, true),
        Command::Unblock { name } => commands::people::block(context, &name, false),
        Command::Receipts { what, state } => commands::account::receipts(context, what, state),
        Command::RejectIdentity { name } => commands::people::reject_identity(context, &name),
        Command::RotateIdentity { yes } => commands::account::rotate_identity(context, yes),
        Command::SafetyNumber { name } => commands::people::safety_number(context, &name),
        Command::Keys { action: None } => commands::account::keys(context),
        Command::Keys {
            action: Some(KeysAction::Rotate),
        } => commands::account::rotate_keys(context),
        Command::Status => commands::account::status(context),
        Command::Token => commands::account::token(context),
        Command::ClearInbox { yes } => commands::account::clear_inbox(context, yes),
        Command::Revoke { message_id } => commands::plays::revoke(context, &message_id),
        Command::Plays { message_id } => commands::plays::plays(context, &message_id),
        Command::GateKey {
            action: None | Some(GateKeyAction::Status),
        } => commands::gate::status(context),
        Command::GateKey {
            action: Some(GateKeyAction::Rotate { contact }),
        } => commands::gate::rotate(context, contact.as_deref()),
        Command::GateKey {
            action: Some(GateKeyAction::Drop { contact }),
        } => commands::gate::drop_own(context, &contact),
        Command::Decoys { state } => commands::gate::decoys(context, state),
        Command::Passphrase { new_passphrase_file } => {
            commands::account::passphrase(context, new_passphrase_file.as_deref())
        }
        Command::Completions { shell } => commands::shell::completions(context, shell),
        Command::Man { directory } => commands::shell::manual(context, directory.as_deref()),
    }
}
