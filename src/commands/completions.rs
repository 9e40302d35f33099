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
        ctx.out.bytes(&text)?;
        Ok(Exit::Ok)
    }
}
