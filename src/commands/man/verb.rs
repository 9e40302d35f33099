//! The page of one command: what its help says, in the order of a manual.

use clap::{Arg, Command};

use super::options;
use super::page::Page;
use crate::cli::Exit;

/// The parts of the text that follows the options in the help of a command.
struct Notes<'a> {
    examples: Vec<&'a str>,
    paragraphs: Vec<Vec<&'a str>>,
    exit: String,
}

/// The page of a command; `name` is all that is typed of it, `replicate serve` for example.
pub(super) fn page(command: &Command, name: &str) -> String {
    let title = name.replace(' ', "-");
    let about = command
        .get_about()
        .map(ToString::to_string)
        .unwrap_or_default();
    let help = command
        .get_after_help()
        .map(ToString::to_string)
        .unwrap_or_default();
    let notes = Notes::of(&help);
    let mut page = Page::new(&format!("creel-{title}"));
    page.section("NAME");
    page.text(&format!("creel-{title} - {}", lower(&about)));
    page.section("SYNOPSIS");
    page.text(&synopsis(command, name));
    page.section("DESCRIPTION");
    page.text(&format!("{about}."));
    for paragraph in &notes.paragraphs {
        page.paragraph(&paragraph.join("\n"));
    }
    let aliases: Vec<String> = command
        .get_visible_aliases()
        .map(|a| format!("`creel {a}`"))
        .collect();
    if !aliases.is_empty() {
        page.paragraph(&format!("The same command: {}.", aliases.join(", ")));
    }
    commands(&mut page, command, &title);
    options::sections(&mut page, command);
    page.paragraph("The options of all commands are in `creel`(1), GLOBAL OPTIONS.");
    page.section("EXIT STATUS");
    for (code, meaning) in statuses(&notes.exit) {
        page.item(&format!("{code} {}", name_of(code)), meaning);
    }
    page.paragraph("All others are listed in `creel`(1); `creel explain` CODE says more of each.");
    page.section("EXAMPLES");
    page.verbatim(notes.examples.iter().copied());
    page.section("SEE ALSO");
    page.text("`creel`(1), `creel-explain`(1)");
    page.into_text()
}

/// The name of a status; death by a closed pipe is no status of creel's own.
fn name_of(code: &str) -> &'static str {
    match code.parse().ok().and_then(Exit::from_code) {
        Some(exit) => exit.name(),
        None if code == "141" => "closed pipe",
        None => "",
    }
}

/// `creel put [OPTIONS] DB [KEY] [VALUE]`.
fn synopsis(command: &Command, name: &str) -> String {
    let own: Vec<&Arg> = command
        .get_arguments()
        .filter(|a| !a.is_global_set())
        .collect();
    let mut words = vec![format!("`creel {name}`")];
    if own.iter().any(|a| options::is_option(a)) {
        words.push("[OPTIONS]".to_owned());
    }
    for arg in own
        .iter()
        .filter(|a| options::is_option(a) && a.is_required_set())
    {
        words.push(options::term(arg));
    }
    for arg in own.iter().filter(|a| options::is_argument(a)) {
        words.push(options::operand(arg));
    }
    if command.has_subcommands() {
        words.push("COMMAND".to_owned());
    }
    words.join(" ")
}

/// The verbs below a group of them.
fn commands(page: &mut Page, command: &Command, title: &str) {
    if !command.has_subcommands() {
        return;
    }
    page.section("COMMANDS");
    for below in command.get_subcommands() {
        let about = below
            .get_about()
            .map(ToString::to_string)
            .unwrap_or_default();
        let name = below.get_name();
        page.item(name, &format!("{about}. See `creel-{title}-{name}`(1)."));
    }
}

/// A sentence as the one line of a list: its first letter small, unless it is an acronym.
fn lower(text: &str) -> String {
    let mut chars = text.chars();
    match (chars.next(), chars.clone().next()) {
        (Some(first), Some(second)) if second.is_lowercase() => {
            first.to_lowercase().chain(chars).collect()
        }
        _ => text.to_owned(),
    }
}

impl<'a> Notes<'a> {
    /// Takes `Examples:`, the paragraphs after it and `Exit status:` apart.
    fn of(help: &'a str) -> Notes<'a> {
        let (help, exit) = match help.split_once("Exit status:") {
            Some((before, exit)) => (
                before,
                exit.split_whitespace().collect::<Vec<_>>().join(" "),
            ),
            None => (help, String::new()),
        };
        let mut notes = Notes {
            examples: Vec::new(),
            paragraphs: vec![Vec::new()],
            exit,
        };
        let lines = help.strip_prefix("Examples:\n").unwrap_or(help).lines();
        for line in lines {
            match line.strip_prefix("  ") {
                Some(example) => notes.examples.push(example),
                None if line.is_empty() => notes.paragraphs.push(Vec::new()),
                None => {
                    if let Some(last) = notes.paragraphs.last_mut() {
                        last.push(line);
                    }
                }
            }
        }
        notes.paragraphs.retain(|p| !p.is_empty());
        notes
    }
}

/// The statuses of a sentence such as `0 done, 1 it is absent; others: creel explain CODE`.
fn statuses(exit: &str) -> Vec<(&str, &str)> {
    let mut found = Vec::new();
    let mut rest = exit;
    while !rest.is_empty() {
        let end = rest
            .char_indices()
            .find(|(at, c)| {
                let after = rest.get(at + 1..).unwrap_or_default().trim_start();
                matches!(c, ',' | ';')
                    && (after.starts_with(|n: char| n.is_ascii_digit())
                        || after.starts_with("others:"))
            })
            .map_or(rest.len(), |(at, _)| at);
        let (one, next) = rest.split_at(end);
        if let Some((code, meaning)) = one.trim().split_once(' ')
            && code.parse::<u8>().is_ok()
        {
            found.push((code, meaning));
        }
        rest = next.get(1..).unwrap_or_default();
    }
    if found.is_empty() {
        found.push(("0", "done"));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_are_taken_apart() {
        let notes = Notes::of(
            "Examples:\n  creel x a\n  creel x b\n\nOne\ntwo.\n\nThree.\n\
             Exit status: 0 done, even so, 1 not\n there; others: creel explain CODE",
        );
        assert_eq!(notes.examples, ["creel x a", "creel x b"]);
        assert_eq!(notes.paragraphs, [vec!["One", "two."], vec!["Three."]]);
        let expected = [("0", "done, even so"), ("1", "not there")];
        assert_eq!(statuses(&notes.exit), expected);
    }

    #[test]
    fn every_status_that_a_page_names_is_in_the_table() {
        let cli = super::super::whole();
        let below = cli.get_subcommands().flat_map(Command::get_subcommands);
        for command in cli.get_subcommands().chain(below) {
            let help = command.get_after_help().unwrap().to_string();
            let notes = Notes::of(&help);
            assert!(!notes.examples.is_empty(), "{}", command.get_name());
            for (code, _) in statuses(&notes.exit) {
                assert_ne!(name_of(code), "", "{}: {code}", command.get_name());
            }
        }
    }
}
