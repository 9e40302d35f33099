//! Arguments and options of a command, as its definition has them.

use clap::{Arg, Command};

use super::page::Page;

/// Whether a page shows it among the options.
pub(super) fn is_option(arg: &Arg) -> bool {
    !arg.is_positional() && !arg.is_hide_set() && arg.get_id() != "help"
}

/// Whether a page shows it among the arguments.
pub(super) fn is_argument(arg: &Arg) -> bool {
    arg.is_positional() && !arg.is_hide_set()
}

/// The sections ARGUMENTS and OPTIONS, where the command has any of its own.
pub(super) fn sections(page: &mut Page, command: &Command) {
    let own = || command.get_arguments().filter(|a| !a.is_global_set());
    for (title, belongs) in [
        ("ARGUMENTS", is_argument as fn(&Arg) -> bool),
        ("OPTIONS", is_option),
    ] {
        let mut told = Vec::new();
        let mut heading = None;
        for (i, arg) in own().filter(|a| belongs(a)).enumerate() {
            if i == 0 {
                page.section(title);
            }
            // Options without a heading come first: they are those of the command itself.
            if arg.get_help_heading() != heading {
                heading = arg.get_help_heading();
                page.subsection(heading.unwrap_or(title));
            }
            entry(page, arg, &mut told);
        }
    }
}

/// The options that all commands have.
pub(super) fn global(page: &mut Page, cli: &Command) {
    for arg in cli.get_arguments().filter(|a| !a.is_hide_set()) {
        entry(page, arg, &mut Vec::new());
    }
}

/// `DB`, `[KEY]` or `[KEY]...`.
pub(super) fn operand(arg: &Arg) -> String {
    let names = arg.get_value_names().unwrap_or_default().join(" ");
    let several = arg.get_num_args().is_some_and(|n| n.max_values() > 1);
    let name = if arg.is_required_set() {
        names
    } else {
        format!("[{names}]")
    };
    name + if several { "..." } else { "" }
}

/// Values that one may choose from, with their meanings.
type Choices = Vec<(String, String)>;

/// One argument; choices that were told for another one are not told again.
fn entry(page: &mut Page, arg: &Arg, told: &mut Vec<Choices>) {
    let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
    let defaults: Vec<_> = arg
        .get_default_values()
        .iter()
        .map(|v| v.to_string_lossy())
        .collect();
    let takes_value = arg.get_num_args().is_some_and(|n| n.takes_values());
    let default = if defaults.is_empty() || !takes_value {
        String::new()
    } else {
        format!(" [default: {}]", defaults.join(","))
    };
    page.described(&term(arg), &format!("{help}{default}"));
    let choices: Choices = arg
        .get_possible_values()
        .into_iter()
        .filter(|v| takes_value && !v.is_hide_set())
        .filter_map(|v| Some((v.get_name().to_owned(), v.get_help()?.to_string())))
        .collect();
    if choices.is_empty() || told.contains(&choices) {
        return;
    }
    page.indent();
    for (name, meaning) in &choices {
        page.item(name, meaning);
    }
    page.outdent();
    told.push(choices);
}

/// `-q, --quiet`, `--biggest [N]`, or the name of an argument.
pub(super) fn term(arg: &Arg) -> String {
    if arg.is_positional() {
        return format!("`{}`", operand(arg));
    }
    let short = arg.get_short().map(|c| format!("`-{c}`"));
    let long = arg.get_long().map(|name| format!("`--{name}`"));
    let mut text: Vec<String> = short.into_iter().chain(long).collect();
    let mut text = if text.len() > 1 {
        text.join(", ")
    } else {
        text.pop().unwrap_or_default()
    };
    let values = arg.get_num_args().unwrap_or_default();
    if values.takes_values() {
        let names = arg.get_value_names().unwrap_or_default().join(" ");
        text.push(' ');
        if values.min_values() == 0 {
            text.push_str(&format!("[{names}]"));
        } else {
            text.push_str(&names);
        }
    }
    text
}
