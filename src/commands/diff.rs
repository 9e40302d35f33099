//! `creel diff`: what two databases or exports do not have in common.

use std::ffi::OsString;

use clap::Args;

use super::Run;
use super::content::{self, Content, Selection};
use super::export::OutputFormat;
use crate::cli::args::{KeyEncArgs, RangeArgs};
use crate::cli::escape::Plain;
use crate::cli::log::Level;
use crate::cli::{Context, Failure, Outcome};

mod compare;
mod patch;
mod report;

use compare::{Change, Counts, Difference, Next};
use report::Lines;

/// Arguments of `creel diff`.
#[derive(Debug, Args)]
pub struct DiffArgs {
    /// A database or an export; - is an export on standard input
    #[arg(value_name = "A")]
    a: OsString,
    /// What to compare it with, likewise
    #[arg(value_name = "B")]
    b: OsString,
    /// Print only how many entries differ
    #[arg(long, conflicts_with = "jsonl")]
    summary: bool,
    /// Print an export of changes: what creel import needs to turn A into B
    #[arg(long)]
    jsonl: bool,
    #[command(flatten)]
    range: RangeArgs,
    /// Only this keyspace [default: all]
    #[arg(long, value_name = "NAME")]
    keyspace: Option<String>,
    #[command(flatten)]
    enc: KeyEncArgs,
    /// Format of exports that do not show it: jsonl, mdb, csv, tsv or raw
    #[arg(long, value_name = "FORMAT", hide_possible_values = true)]
    format: Option<OutputFormat>,
    /// Print length and digest in place of keys
    #[arg(long, conflicts_with = "jsonl")]
    redact: bool,
}

impl Run for DiffArgs {
    const NAME: &'static str = "diff";
    const ABOUT: &'static str = "Compare two databases or exports, entry by entry";
    const EXAMPLES: &'static str = "\
Examples:
  creel diff my.db backup.db
  creel diff my.db yesterday.jsonl.zst --summary
  creel diff old.db new.db --jsonl > patch.jsonl && creel import old.db patch.jsonl
  creel export my.db | creel diff - backup.db --prefix user:

One line is one difference: - is only in A, + is only in B, ~ has another value in B. A keyspace other
than main stands before its key, with a tab between them. Nothing is written to either side, and a file
that is not there is an error, not an empty database.
Exit status: 0 the same, 1 different, 4 a side is damaged, 5 a side is not there, 9 an export is damaged;
others: creel explain CODE";

    fn run(self, ctx: &mut Context) -> Outcome {
        ctx.long();
        let selection = Selection::of(&self.range, &self.enc, self.keyspace.as_deref())?;
        let format = self.format.map(Into::into);
        let mut a = Content::open(ctx, &self.a, format, &selection)?;
        let mut b = Content::open(ctx, &self.b, format, &selection)?;
        if !a.may_have_keyspace() && !b.may_have_keyspace() {
            let name = self.keyspace.as_deref().unwrap_or_default();
            return Err(
                Failure::usage(format!("neither side has a keyspace {name:?}"))
                    .hint("creel keyspaces DB lists them"),
            );
        }
        for side in [a.about(), b.about()] {
            let path = content::shown(&side.path);
            let fields = [("path", path.into()), ("kind", side.kind.into())];
            ctx.log.event(Level::Info, "diff", "reading", &fields);
        }
        let meter = ctx.meter("diff");
        if self.jsonl {
            let counts = patch::write(&mut a, &mut b, &selection, &meter)?;
            drop(meter);
            ctx.out.flush()?;
            ctx.notice(&report::sentence(&counts));
            return Ok(super::answer(counts.same()));
        }
        let mut lines = Lines {
            json: ctx.globals.json,
            redact: self.redact,
            plain: ctx.out.plain(),
        };
        let silent = ctx.globals.quiet >= 2;
        let counts = compare::run(&mut a, &mut b, &meter, &mut |difference| {
            if silent {
                return Ok(Next::Stop); // the status is all that is wanted
            }
            if !self.summary {
                lines.print(&mut ctx.out, difference)?;
            }
            Ok(if ctx.out.is_closed() {
                Next::Stop
            } else {
                Next::GoOn
            })
        })?;
        drop(meter);
        if !silent {
            self.end(ctx, &counts, &a, &b)?;
        }
        Ok(super::answer(counts.same()))
    }
}

impl DiffArgs {
    fn end(
        &self,
        ctx: &mut Context,
        counts: &Counts,
        a: &Content,
        b: &Content,
    ) -> Result<(), Failure> {
        if ctx.globals.json {
            return report::json_end(&mut ctx.out, counts, a.about(), b.about());
        }
        if self.summary {
            return report::facts(&mut ctx.out, counts);
        }
        ctx.out.flush()?;
        ctx.notice(&report::sentence(counts));
        Ok(())
    }
}
