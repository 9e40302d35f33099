//! The verbs. One file each: `struct XArgs` with its `run`.

use clap::{ArgMatches, Args, Command, FromArgMatches};

use crate::cli::globals::Globals;
use crate::cli::{Context, Exit, Failure, Outcome};

mod ack;
mod backup;
mod batch;
mod checkpoint;
mod compact;
mod completions;
mod content;
mod delete;
mod diff;
mod digest;
mod doctor;
mod drill;
mod exists;
mod explain;
mod export;
mod get;
mod import;
mod info;
mod inspect;
mod keyspaces;
mod list;
mod man;
mod open;
mod promote;
mod published;
mod put;
mod replicate;
mod restore;
mod salvage;
mod schema;
mod scratch;
mod soak;
mod stats;
mod tail;
mod verify;
mod version;

/// A verb: its arguments and what it does with them.
pub trait Run: Args + FromArgMatches {
    /// What is typed.
    const NAME: &'static str;
    /// Other names for it.
    const ALIASES: &'static [&'static str] = &[];
    /// Left out of the list of commands: of use to packagers only.
    const HIDDEN: bool = false;
    /// One line for the list of commands.
    const ABOUT: &'static str;
    /// Examples and notes after the list of options.
    const EXAMPLES: &'static str;

    /// Does it.
    fn run(self, ctx: &mut Context) -> Outcome;
}

/// A verb without its type, so that all fit in one table.
struct Verb {
    name: &'static str,
    aliases: &'static [&'static str],
    hidden: bool,
    about: &'static str,
    /// Verbs below it, where it is a group of them.
    verbs: &'static [Verb],
    augment: fn(Command) -> Command,
    run: fn(&mut Context, &ArgMatches) -> Outcome,
}

impl Verb {
    const fn of<A: Run>() -> Verb {
        Verb {
            name: A::NAME,
            aliases: A::ALIASES,
            hidden: A::HIDDEN,
            about: A::ABOUT,
            verbs: &[],
            // The doc comments of the arguments are for readers of the code.
            augment: |command| {
                A::augment_args(command)
                    .about(A::ABOUT)
                    .long_about(None)
                    .after_help(flowing(A::EXAMPLES))
            },
            run: |ctx, matches| {
                let args = A::from_arg_matches(matches)
                    .map_err(|e| Failure::usage(e.to_string().trim().to_owned()))?;
                args.run(ctx)
            },
        }
    }

    /// A name under which there are verbs.
    const fn group(
        name: &'static str,
        about: &'static str,
        verbs: &'static [Verb],
        augment: fn(Command) -> Command,
    ) -> Verb {
        Verb {
            name,
            aliases: &[],
            hidden: false,
            about,
            verbs,
            augment,
            run: |_, _| Err(Failure::usage("no command was given")),
        }
    }

    /// The subcommand; its arguments are built only when it is the one that was asked for.
    fn command(&self) -> Command {
        Command::new(self.name)
            .about(self.about)
            .hide(self.hidden)
            .visible_aliases(self.aliases.iter().copied())
            .defer(self.augment)
    }
}

/// Makes a line of each paragraph, which clap breaks where the terminal ends; what is indented stays
/// as it is. Lines that are broken already would be broken twice.
fn flowing(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut flows = false;
    for line in text.lines() {
        let goes_on = !line.is_empty() && !line.starts_with([' ', '\t']);
        if !out.is_empty() {
            let joined = flows && goes_on && !line.starts_with("Exit status");
            out.push(if joined { ' ' } else { '\n' });
        }
        out.push_str(line);
        flows = goes_on && line != "Examples:";
    }
    out
}

/// All verbs, in the order of the help text.
const VERBS: &[Verb] = &[
    Verb::of::<open::OpenArgs>(),
    Verb::of::<put::PutArgs>(),
    Verb::of::<get::GetArgs>(),
    Verb::of::<delete::DeleteArgs>(),
    Verb::of::<exists::ExistsArgs>(),
    Verb::of::<list::ListArgs>(),
    Verb::of::<batch::BatchArgs>(),
    Verb::of::<import::ImportArgs>(),
    Verb::of::<export::ExportArgs>(),
    Verb::of::<digest::DigestArgs>(),
    Verb::of::<diff::DiffArgs>(),
    Verb::of::<backup::BackupArgs>(),
    Verb::of::<drill::DrillArgs>(),
    Verb::group(
        replicate::NAME,
        replicate::ABOUT,
        replicate::VERBS,
        |command| {
            let command = command
                .after_help(flowing(replicate::EXAMPLES))
                .subcommand_required(true)
                .disable_help_subcommand(true)
                .arg_required_else_help(true);
            let verbs = replicate::VERBS.iter();
            verbs.fold(command, |command, verb| command.subcommand(verb.command()))
        },
    ),
    Verb::of::<promote::PromoteArgs>(),
    Verb::group(tail::NAME, tail::ABOUT, tail::VERBS, |command| {
        let command = command
            .after_help(flowing(tail::EXAMPLES))
            .subcommand_required(true)
            .disable_help_subcommand(true)
            .arg_required_else_help(true);
        let verbs = tail::VERBS.iter();
        verbs.fold(command, |command, verb| command.subcommand(verb.command()))
    }),
    Verb::of::<restore::RestoreArgs>(),
    Verb::of::<keyspaces::KeyspacesArgs>(),
    Verb::of::<info::InfoArgs>(),
    Verb::of::<stats::StatsArgs>(),
    Verb::of::<checkpoint::CheckpointArgs>(),
    Verb::of::<compact::CompactArgs>(),
    Verb::of::<verify::VerifyArgs>(),
    Verb::of::<salvage::SalvageArgs>(),
    Verb::of::<inspect::InspectArgs>(),
    Verb::of::<doctor::DoctorArgs>(),
    Verb::of::<soak::SoakArgs>(),
    Verb::of::<explain::ExplainArgs>(),
    Verb::of::<schema::SchemaArgs>(),
    Verb::of::<version::VersionArgs>(),
    Verb::of::<completions::CompletionsArgs>(),
    Verb::of::<man::ManArgs>(),
];

/// The whole command line.
pub fn cli() -> Command {
    VERBS
        .iter()
        .fold(root(), |command, verb| command.subcommand(verb.command()))
}

/// The command line without the verbs that are left out of its help.
pub fn cli_shown() -> Command {
    let shown = VERBS.iter().filter(|verb| !verb.hidden);
    shown.fold(root(), |command, verb| command.subcommand(verb.command()))
}

/// The command line with one verb only: what `creel VERB ...` needs.
pub fn cli_for(name: &str) -> Option<Command> {
    let verb = VERBS
        .iter()
        .find(|v| v.name == name || v.aliases.contains(&name))?;
    Some(root().subcommand(verb.command()))
}

fn root() -> Command {
    Globals::augment_args(Command::new("creel"))
        .long_about(None)
        .version(env!("CARGO_PKG_VERSION"))
        .about("A key-value database in one file, for scripts")
        .after_help(
            "The database is always the first argument; @ stands for $CREEL_DB.\n\
             Exit statuses: 0 done, 1 the answer is no, 2 usage, others: creel explain CODE.",
        )
        .subcommand_required(true)
        .arg_required_else_help(true)
        .max_term_width(100)
}

/// Runs the verb that was parsed.
pub fn dispatch(ctx: &mut Context, matches: &ArgMatches) -> Outcome {
    let mut verbs = VERBS;
    let mut matches = matches;
    loop {
        let Some((name, inner)) = matches.subcommand() else {
            return Err(Failure::usage("no command was given"));
        };
        let Some(verb) = verbs.iter().find(|v| v.name == name) else {
            return Err(Failure::usage(format!("unknown command {name}")));
        };
        if verb.verbs.is_empty() {
            return (verb.run)(ctx, inner);
        }
        (verbs, matches) = (verb.verbs, inner);
    }
}

/// The verb that was parsed, with the one below it.
pub fn typed(matches: &ArgMatches) -> String {
    let mut names = Vec::new();
    let mut matches = matches;
    while let Some((name, inner)) = matches.subcommand() {
        names.push(name);
        matches = inner;
    }
    names.join(" ")
}

/// The same of words that could not be parsed.
pub fn typed_in<'a>(words: impl Iterator<Item = &'a str>) -> Option<String> {
    let mut words = words.skip_while(|word| cli_for(word).is_none());
    let name = words.next()?;
    let verb = VERBS.iter().find(|verb| verb.name == name);
    let below = verb.map_or(&[][..], |verb| verb.verbs);
    let below = words.find_map(|word| below.iter().find(|verb| verb.name == word));
    Some(match below {
        Some(below) => format!("{name} {}", below.name),
        None => name.to_owned(),
    })
}

/// Reads the global flags, wherever they stood.
pub fn globals(matches: &ArgMatches) -> Globals {
    let mut matches = matches;
    while let Some((_, inner)) = matches.subcommand() {
        matches = inner;
    }
    Globals::from_arg_matches(matches).unwrap_or_default()
}

/// A position in the log, as it stands in every JSON object.
#[derive(serde::Serialize)]
pub(crate) struct Position {
    epoch: u32,
    index: u64,
    /// Hash of the history up to there, of commits that were made just now.
    #[serde(skip_serializing_if = "Option::is_none")]
    hash: Option<String>,
}

impl From<creel::Token> for Position {
    fn from(token: creel::Token) -> Self {
        Position {
            epoch: token.epoch,
            index: token.index,
            hash: None,
        }
    }
}

impl From<&creel::Commit> for Position {
    fn from(commit: &creel::Commit) -> Self {
        let hash = u128::from_be_bytes(commit.hash);
        Position {
            hash: Some(format!("{hash:032x}")),
            ..Position::from(commit.token)
        }
    }
}

impl From<Position> for serde_json::Value {
    fn from(at: Position) -> Self {
        serde_json::json!({ "epoch": at.epoch, "index": at.index })
    }
}

/// 0 for yes, 1 for no.
pub(crate) fn answer(yes: bool) -> Exit {
    if yes { Exit::Ok } else { Exit::No }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        let mut command = cli();
        command.build();
        command.debug_assert();
    }

    /// `import --help` had a line of one word in the middle of a sentence.
    #[test]
    fn paragraphs_flow() {
        let text = "Examples:\n  creel a\n  creel b\n\nOne\ntwo.\nExit status: 0 a,\n1 b";
        let flown = "Examples:\n  creel a\n  creel b\n\nOne two.\nExit status: 0 a, 1 b";
        assert_eq!(flowing(text), flown);
        for verb in VERBS {
            let help = verb.command().term_width(80).render_long_help().to_string();
            let (_, after) = help.rsplit_once("Examples:").unwrap();
            let lines: Vec<&str> = after.lines().collect();
            for pair in lines.windows(2) {
                let [line, next] = pair else { continue };
                let word = next.split(' ').next().unwrap();
                let fits = line.len() + word.len() < 80 && !word.is_empty();
                let flows = !line.is_empty() && !line.starts_with(' ') && word != "Exit";
                assert!(!(fits && flows), "{}: {line:?} {next:?}", verb.name);
            }
        }
    }

    #[test]
    fn every_verb_has_examples() {
        for verb in VERBS {
            let help = verb.command().render_long_help().to_string();
            let examples = help.matches(&format!("creel {}", verb.name)).count();
            assert!(examples >= 2, "{}: {examples} examples", verb.name);
            for below in verb.verbs {
                let help = below.command().render_long_help().to_string();
                let words = format!("creel {} {}", verb.name, below.name);
                let examples = help.matches(&words).count();
                assert!(examples >= 2, "{words}: {examples} examples");
            }
        }
    }
}
