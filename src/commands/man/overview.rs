//! The page of creel itself: what all commands share.

use clap::Command;

use super::options;
use super::page::Page;
use crate::cli::Exit;
use crate::cli::exit::Retry;

const DESCRIPTION: &[&str] = &[
    "creel keeps keys and values, both bytes of any kind, in the order of the keys in one file. \
     There is no server: each command opens the file, does its work and ends. Several processes \
     may use a file at once; there is one writer at a time, and readers never wait.",
    "The database is always the first argument after the command; `@` there stands for \
     $CREEL_DB. `--` ends the options, so a key may begin with a dash. There is no configuration \
     file.",
    "Standard output carries data or the report that was asked for, standard error everything \
     else. To a pipe, bytes are exact; to a terminal they are escaped. With `--json` there are JSON \
     objects, described by `creel schema`.",
    "Exit status 0 is given only after the whole command is done: a change is on the device \
     (see `--sync`) and all output was written.",
];

/// Variables of the environment, and what they do.
const ENVIRONMENT: &[(&str, &str)] = &[
    (
        "CREEL_DB",
        "The database that `@` stands for in place of a path.",
    ),
    (
        "CREEL_LOG",
        "What is said on standard error on the way, in place of `-v`: off, error, warn, info or \
         debug, for all targets or with TARGET= before it, several with commas between them. \
         Targets are backup, checkpoint, commit, compact, diff, drill, open and verify.",
    ),
    (
        "CREEL_SSH",
        "The program for `ssh://` and its options, quoted as for a shell, where `--ssh` is not given.",
    ),
    (
        "CLICOLOR_FORCE",
        "Colour even where the output is no terminal, unless it is 0. `--color` wins over it.",
    ),
    (
        "NO_COLOR",
        "No colour, whatever its value, unless CLICOLOR_FORCE is set.",
    ),
    (
        "TERM",
        "With the value dumb there is neither colour nor a progress bar.",
    ),
    (
        "COLUMNS",
        "Width of tables, in place of that of the terminal.",
    ),
    (
        "LC_ALL, LC_CTYPE, LANG",
        "The first of them that is set says whether a terminal shows UTF-8; elsewhere other \
         characters than ASCII are escaped. Pipes are not concerned.",
    ),
    (
        "TMPDIR",
        "Where inputs are sorted that have no database beside them, where `creel drill` \
         restores and where `creel verify --self-test` copies to; /tmp where it is not set.",
    ),
    (
        "GITHUB_STEP_SUMMARY",
        "The file to which `creel verify --report github` and `creel soak` add what they found.",
    ),
    (
        "GITHUB_ACTIONS",
        "Where it is set, `creel soak` writes what failed as annotations of a GitHub workflow.",
    ),
];

const FILES: &[(&str, &str)] = &[
    (
        "DB",
        "The database: one file, with its log inside. No other file stands beside it. Do not copy \
         it with `cp` while somebody writes to it.",
    ),
    (
        ".NAME.*.tmp, .NAME.tmp-*",
        "A file in the making beside the one that it will become. One that is left after a crash \
         can be removed.",
    ),
];

const SIGNALS: &str = "SIGINT and SIGTERM end a command by that signal, with a consistent file; \
     commands that run long stop at the next good moment, and a second signal ends them at once. \
     SIGUSR1 prints a line of progress of these. A pipe that its reader has closed is no error \
     for commands that answer questions.";

const EXAMPLES: &[&str] = &[
    "creel open my.db --create",
    "creel put my.db greeting hello",
    "creel get my.db greeting",
    "creel list my.db --prefix user: --json",
    "creel verify my.db && creel compact my.db -o copy.db",
];

/// The page of creel.
pub(super) fn page(cli: &Command) -> String {
    let mut page = Page::new("creel");
    page.section("NAME");
    page.text("creel - a key-value database in one file, for scripts");
    page.section("SYNOPSIS");
    page.text("`creel` [GLOBAL OPTIONS] COMMAND DB [ARGUMENTS]");
    page.section("DESCRIPTION");
    for (i, text) in DESCRIPTION.iter().enumerate() {
        if i == 0 {
            page.text(text);
        } else {
            page.paragraph(text);
        }
    }
    page.section("COMMANDS");
    for command in cli.get_subcommands() {
        let about = command.get_about().map(ToString::to_string);
        let text = format!(
            "{}. See `creel-{}`(1).",
            about.unwrap_or_default(),
            command.get_name()
        );
        page.item(command.get_name(), &text);
    }
    page.section("GLOBAL OPTIONS");
    page.text("They may stand before or after the command.");
    options::global(&mut page, cli);
    page.section("EXIT STATUS");
    page.text(
        "A number is never used for something else in a later version. Treat one that is not \
         listed as a failure.",
    );
    for exit in Exit::ALL {
        status(&mut page, *exit);
    }
    page.section("ENVIRONMENT");
    for (name, text) in ENVIRONMENT {
        page.item(name, text);
    }
    page.section("FILES");
    for (name, text) in FILES {
        page.item(name, text);
    }
    page.section("SIGNALS");
    page.text(SIGNALS);
    page.section("EXAMPLES");
    page.verbatim(EXAMPLES.iter().copied());
    page.section("SEE ALSO");
    let pages: Vec<String> = cli
        .get_subcommands()
        .map(|c| format!("`creel-{}`(1)", c.get_name()))
        .collect();
    page.text(&pages.join(", "));
    page.into_text()
}

fn status(page: &mut Page, exit: Exit) {
    let retry = match exit.retry() {
        Retry::No => "",
        Retry::Maybe => " It may work again once the cause is removed.",
        Retry::Yes => " Try again later.",
    };
    page.item(
        &format!("{} {}", exit.code(), exit.name()),
        &format!("{}.{retry}", sentence(exit.when())),
    );
}

/// With a capital at its beginning.
fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    chars
        .next()
        .map(|first| first.to_uppercase().chain(chars).collect())
        .unwrap_or_default()
}
