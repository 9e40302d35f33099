//! `creel soak`: a test run that can really fail.

use super::Run;
use crate::cli::{Context, Outcome};

mod args;
mod artefacts;
mod baseline;
mod helper;
mod input;
mod live;
mod parts;
mod repro;
mod result;
mod self_test;
mod show;

pub use args::SoakArgs;

impl Run for SoakArgs {
    const NAME: &'static str = "soak";
    const ABOUT: &'static str =
        "A long test run that can fail: an oracle, faults, kills, measurements";
    const EXAMPLES: &'static str = "\
Examples:
  creel soak --ops 1M --seed 7
  creel soak --profile smoke --out soak-report
  creel soak --duration 10m --faults torn-write,enospc,eio,bitflip --sync-mode full
  creel soak --ops 500k --kill-every 20k --json
  creel soak --self-test
  creel soak --replay report/repro.json --minimize
  creel soak --input small=users.jsonl,large=blobs.jsonl.zst --duration 1h

Without DB the run uses a database in $TMPDIR and removes it; a DB that is named is made, and kept. An
existing one is refused. All operations follow from --seed and their number: runs with --ops have the
same operation hash and the same digest at the end on every machine. docs/soak.md explains the report,
the profiles, and what a soak does not prove.
Exit status: 0 everything held, 20 an invariant is broken, 21 too much was used, 22 slower than
--baseline allows, 23 something could not be judged, 130 ended by Ctrl-C; others: creel explain CODE";

    fn run(self, ctx: &mut Context) -> Outcome {
        if let Some(helper) = self.helper {
            return helper::serve(helper, ctx);
        }
        self.report.check()?;
        ctx.long();
        parts::run(&self, ctx)
    }
}
