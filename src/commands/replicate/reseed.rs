//! `creel replicate reseed`: make a copy anew.

use clap::Args;

use super::super::Run;
use super::files::FileArgs;
use super::pull::PullArgs;
use super::source::SourceArgs;
use super::store::PatienceArg;
use crate::cli::args::DbArg;
use crate::cli::{Context, Outcome};

/// Arguments of `creel replicate reseed`.
#[derive(Debug, Args)]
pub struct ReseedArgs {
    #[command(flatten)]
    db: DbArg,
    #[command(flatten)]
    source: SourceArgs,
    #[command(flatten)]
    patience: PatienceArg,
    /// Check the whole copy afterwards, as creel verify does
    #[arg(long)]
    verify: bool,
}

impl Run for ReseedArgs {
    const NAME: &'static str = "reseed";
    const ABOUT: &'static str = "Make a copy anew from its source";
    const EXAMPLES: &'static str = "\
Examples:
  creel replicate reseed copy.db
  creel replicate reseed copy.db --from tcp://127.0.0.1:7070
  creel replicate reseed copy.db --from s3://my-bucket/db1 --verify

The same as creel replicate pull --reseed force. The old copy serves readers until the new one is whole,
checked and in its place. Commits that only the old copy has are saved in FILE.diverged first.
Exit status: 0 everything is here, 8 no space, 12 the source cannot be reached; others: creel explain CODE";

    fn run(self, ctx: &mut Context) -> Outcome {
        let file = FileArgs {
            until: None,
            timeout: None,
            dry_run: false,
            verify: self.verify,
        };
        PullArgs::anew(self.db, self.source, self.patience, file).run(ctx)
    }
}
