//! `creel man`: the manual pages, made from the definition of the command line.

use std::path::{Path, PathBuf};

use clap::{Args, Command};

use super::Run;
use crate::cli::{Context, Exit, Failure, Outcome, codes, outfile};

mod options;
mod overview;
mod page;
mod verb;

/// Arguments of `creel man`.
#[derive(Debug, Args)]
pub struct ManArgs {
    /// The command whose page is wanted [default: the page of creel itself]
    #[arg(value_name = "COMMAND", conflicts_with = "out_dir")]
    command: Option<String>,
    /// Write all pages into this directory, which exists
    // Another id than the `--out` of commands that print bytes.
    #[arg(id = "out_dir", long = "out", value_name = "DIR")]
    out: Option<PathBuf>,
}

impl Run for ManArgs {
    const NAME: &'static str = "man";
    const HIDDEN: bool = true;
    const ABOUT: &'static str = "Print manual pages";
    const EXAMPLES: &'static str = "\
Examples:
  creel man put | man -l -
  creel man --out /usr/local/share/man/man1

Exit status: 0 printed or written, 1 no such command; others: creel explain CODE";

    fn run(self, ctx: &mut Context) -> Outcome {
        let cli = whole();
        if let Some(folder) = &self.out {
            write_all(&cli, folder)?;
            return Ok(Exit::Ok);
        }
        let text = match &self.command {
            None => overview::page(&cli),
            Some(name) => {
                let pages = pages(&cli);
                let found = pages.iter().find(|(typed, command)| {
                    typed == name
                        || typed.replace(' ', "-") == *name
                        || command.get_all_aliases().any(|a| a == name)
                });
                let Some((typed, command)) = found else {
                    return Err(Failure::new(
                        &codes::ABSENT,
                        format!("there is no command {name:?}"),
                    )
                    .hint("creel --help lists the commands"));
                };
                verb::page(command, typed)
            }
        };
        ctx.out.bytes(text.as_bytes())?;
        Ok(Exit::Ok)
    }
}

/// The definition of all commands that have a page, complete with their arguments.
fn whole() -> Command {
    let mut cli = super::cli_shown().disable_help_subcommand(true);
    cli.build();
    cli
}

/// All commands that have a page, with what is typed of them.
fn pages(cli: &Command) -> Vec<(String, &Command)> {
    let mut pages = Vec::new();
    for command in cli.get_subcommands() {
        let name = command.get_name();
        pages.push((name.to_owned(), command));
        let below = command.get_subcommands().filter(|c| c.get_name() != "help");
        pages.extend(below.map(|c| (format!("{name} {}", c.get_name()), c)));
    }
    pages
}

fn write_all(cli: &Command, folder: &Path) -> Result<(), Failure> {
    outfile::write(
        &folder.join("creel.1"),
        true,
        overview::page(cli).as_bytes(),
    )?;
    for (typed, command) in pages(cli) {
        let name = format!("creel-{}.1", typed.replace(' ', "-"));
        outfile::write(
            &folder.join(name),
            true,
            verb::page(command, &typed).as_bytes(),
        )?;
    }
    Ok(())
}
