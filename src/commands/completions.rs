//! `creel completions`: what a shell needs to complete the command line.

use clap::Args;
use clap_complete::Shell;

use super::Run;
use crate::cli::{Context, Exit, Outcome};

/// Arguments of `creel completions`.
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// The shell that will read it
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

impl Run for CompletionsArgs {
    const NAME: &'static str = "completions";
    const HIDDEN: bool = true;
    const ABOUT: &'static str = "Print the completions of a shell";
    const EXAMPLES: &'static str = "\
Examples:
  creel completions bash > ~/.local/share/bash-completion/completions/creel
  creel completions zsh > ~/.zfunc/_creel
  creel completions fish > ~/.config/fish/completions/creel.fish

Exit status: 0 printed, 2 no such shell; others: creel explain CODE";

    fn run(self, ctx: &mut Context) -> Outcome {
        let mut text = Vec::new();
        clap_complete::generate(self.shell, &mut super::cli_shown(), "creel", &mut text);
        let text = String::from_utf8_lossy(&text);
        let text = match self.shell {
            Shell::Bash => files_first(&text),
            Shell::Fish => values_too(&text),
            Shell::Zsh => options_behind(&text),
            _ => text.into_owned(),
        };
        ctx.out.bytes(text.as_bytes())?;
        Ok(Exit::Ok)
    }
}

/// Behind the first of any number of words clap's script for zsh lets nothing but more of them follow; options
/// may.
fn options_behind(script: &str) -> String {
    let lines = script.lines().map(|line| match line.strip_prefix("'*::") {
        Some(rest) => format!("'*:{rest}\n"),
        None => format!("{line}\n"),
    });
    lines.collect()
}

/// Where an option in front of the command waits for its value, clap's script for fish sees no command line at
/// all, and so offers none of the values.
fn values_too(script: &str) -> String {
    const PARSE: &str =
        "    argparse -s (__fish_creel_global_optspecs) -- $cmd 2>/dev/null\n    or return\n";
    const AGAIN: &str = "    argparse -s (__fish_creel_global_optspecs) -- $cmd 2>/dev/null
    or begin
        set -q cmd[1]
        or return
        set -e cmd[-1]
        argparse -s (__fish_creel_global_optspecs) -- $cmd 2>/dev/null
        or return
    end
";
    script.replace(PARSE, AGAIN)
}

/// Where no word was begun, clap's script for bash offers all options of a command, and so no files. Without an
/// offer bash looks for files by itself.
fn files_first(script: &str) -> String {
    const OFFER: &str = "            COMPREPLY=( $(compgen -W \"${opts}\" -- \"${cur}\") )";
    const WORD_OF_OPTIONS: &str = "            if [[ ${cur} == -* || ${COMP_CWORD} -eq ";
    let mut has_commands = true;
    let lines = script.lines().map(|line| {
        if let Some(words) = line.trim_start().strip_prefix("opts=\"") {
            let mut words = words.trim_end_matches('"').split_whitespace();
            has_commands = !words.all(|word| word.starts_with('-'));
        }
        match line {
            _ if has_commands => line,
            OFFER => "            COMPREPLY=()",
            line if line.starts_with(WORD_OF_OPTIONS) => "            if [[ ${cur} == -* ]] ; then",
            line => line,
        }
    });
    lines.map(|line| format!("{line}\n")).collect()
}
