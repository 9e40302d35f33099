//! `creel replicate mirror`: copy a store to another one.

use clap::Args;
use creel::chain::mirror;
use serde::Serialize;

use super::super::Run;
use super::store::{PatienceArg, chain_failure, open_chain, open_store};
use crate::cli::table::{self, Value};
use crate::cli::{Context, Exit, Outcome};

/// Arguments of `creel replicate mirror`.
#[derive(Debug, Args)]
pub struct MirrorArgs {
    /// The store to copy: dir:PATH, s3://BUCKET/PREFIX, gs://BUCKET/PREFIX or az://CONTAINER/PREFIX
    #[arg(value_name = "SRC")]
    src: String,
    /// The copy; a directory is made where it is not there
    #[arg(value_name = "DST")]
    dst: String,
    #[command(flatten)]
    patience: PatienceArg,
}

#[derive(Serialize)]
struct MirrorLine {
    schema: &'static str,
    src: String,
    dst: String,
    segments: u64,
    snapshots: u64,
    parts: u64,
    catalogues: u64,
    bytes: u64,
    last_segment: u64,
}

impl Run for MirrorArgs {
    const NAME: &'static str = "mirror";
    const ABOUT: &'static str = "Copy a store to another one, or bring such a copy up to date";
    const EXAMPLES: &'static str = "\
Examples:
  creel replicate mirror s3://my-bucket/db1 dir:/srv/mirror
  creel replicate mirror dir:/srv/chain gs://other-bucket/db1
  creel replicate verify dir:/srv/mirror --deep

Objects are checked before they are written: damage is not copied. What the copy has already is
left alone. Copies can be pulled from and restored from, but nobody publishes or is promoted there.
Exit status: 0 the copy is up to date, 4 the source is damaged, 12 a store cannot be reached; others: creel explain CODE";

    fn run(self, ctx: &mut Context) -> Outcome {
        ctx.long();
        let from = open_chain(&self.src, &self.patience)?;
        let to = open_store(&self.dst, true)?;
        let meter = ctx.meter("mirror").of_bytes();
        let mut pace = self.patience.start();
        let report = mirror(&from, to, &mut pace, &meter).map_err(chain_failure)?;
        drop(meter);
        let line = MirrorLine {
            schema: "creel.mirror/1",
            src: self.src,
            dst: self.dst,
            segments: report.segments,
            snapshots: report.snapshots,
            parts: report.parts,
            catalogues: report.catalogues,
            bytes: report.bytes,
            last_segment: report.tail,
        };
        if ctx.globals.json {
            ctx.out.json(&line)?;
        } else if ctx.globals.quiet == 0 {
            let facts: [(&str, Value); 5] = [
                ("segments", line.segments.into()),
                ("snapshots", line.snapshots.into()),
                ("parts", line.parts.into()),
                ("bytes", Value::Bytes(line.bytes)),
                ("last_segment", line.last_segment.into()),
            ];
            table::facts(&mut ctx.out, &facts)?;
        }
        Ok(Exit::Ok)
    }
}
