//! The creel command: parse, dispatch, turn the result into an exit status.

#![cfg_attr(all(not(test), target_os = "linux", target_env = "gnu"), no_main)]

mod cli;
mod commands;

use std::ffi::OsString;
use std::io::IsTerminal;
use std::panic::{AssertUnwindSafe, catch_unwind};

use clap::error::ErrorKind;

use cli::globals::wants_color;
use cli::output::Out;
use cli::report::{self, Style};
use cli::{Context, Exit};

#[cfg(not(test))]
creel::program!(start);

/// The harness has an entry of its own.
#[cfg(test)]
fn main() {
    start();
}

fn start() -> u8 {
    cli::panic::install();
    cli::signals::prepare();
    let exit = catch_unwind(AssertUnwindSafe(run)).unwrap_or(Exit::Internal);
    cli::signals::raise_default(exit);
    exit.code()
}

fn run() -> Exit {
    let args: Vec<OsString> = std::env::args_os().collect();
    #[cfg(debug_assertions)]
    if std::env::var_os("CREEL_TEST_PANIC").is_some() {
        panic!("asked for by CREEL_TEST_PANIC");
    }
    let verb = args.get(1).and_then(|arg| arg.to_str());
    let command = verb
        .and_then(commands::cli_for)
        .unwrap_or_else(commands::cli);
    let matches = match command.try_get_matches_from(&args) {
        Ok(matches) => matches,
        Err(error) => return not_parsed(&error, &args),
    };
    let globals = commands::globals(&matches);
    let style = globals.style();
    let mut ctx = match Context::new(globals) {
        Ok(ctx) => ctx,
        Err(failure) => {
            report::failure(&failure, style);
            return failure.exit();
        }
    };
    let outcome = commands::dispatch(&mut ctx, &matches);
    // What was found is worth printing even when the command failed later.
    let flushed = ctx.out.flush();
    let failure = match (outcome, flushed) {
        (Ok(exit), Ok(())) => return exit,
        // A command that runs until a signal comes has ended as it should.
        (Ok(exit @ (Exit::Interrupted | Exit::Terminated)), Err(_)) => return exit,
        (Ok(_), Err(failure)) | (Err(failure), _) => failure,
    };
    let failure = failure
        .at_if_unknown(ctx.db())
        .state_if_unknown(ctx.state());
    let failure = cli::advice::add(failure);
    let typed = commands::typed(&matches);
    let failure = report::name_verb(failure, Some(&typed).filter(|typed| !typed.is_empty()));
    report::failure(&failure, ctx.globals.style());
    failure.exit()
}

/// Help and version go to standard output, everything else is a usage error.
fn not_parsed(error: &clap::Error, args: &[OsString]) -> Exit {
    let text = error.render();
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            let color = wants_color(None, || std::io::stdout().is_terminal());
            let text = if color {
                text.ansi().to_string()
            } else {
                text.to_string()
            };
            let mut out = Out::new();
            match out.bytes(text.as_bytes()).and_then(|()| out.flush()) {
                Ok(()) => Exit::Ok,
                Err(failure) => {
                    report::failure(&failure, Style::default());
                    failure.exit()
                }
            }
        }
        // Without any arguments: the help itself.
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand if !cli::usage::style(args).json => {
            let style = cli::usage::style(args);
            if !style.silent {
                report::stderr(&if style.color {
                    text.ansi().to_string()
                } else {
                    text.to_string()
                });
            }
            Exit::Usage
        }
        _ => {
            let names = args.iter().skip(1).filter_map(|arg| arg.to_str());
            let typed = commands::typed_in(names);
            let failure = report::name_verb(cli::usage::failure(error), typed.as_ref());
            report::failure(&failure, cli::usage::style(args));
            Exit::Usage
        }
    }
}
