//! `creel replicate snapshot`: publish a database and write a snapshot of it.

use clap::Args;
use creel::replica::store::{
    AttachOptions, Instead, PART_BYTES, SnapshotOptions, attach, upload_snapshot,
};
use creel::{Interest, chain::object::MAX_PART};
use serde::Serialize;

use super::super::Run;
use super::store::{PatienceArg, failure, hex};
use crate::cli::args::DbArg;
use crate::cli::table::{self, Value};
use crate::cli::{Context, Exit, Failure, Outcome, units};

/// Arguments of `creel replicate snapshot`.
#[derive(Debug, Args)]
pub struct SnapshotArgs {
    #[command(flatten)]
    db: DbArg,
    /// The store: dir:PATH, s3://BUCKET/PREFIX, gs://BUCKET/PREFIX or az://CONTAINER/PREFIX
    #[arg(long, value_name = "STORE")]
    to: String,
    #[command(flatten)]
    patience: PatienceArg,
    /// Write all parts, also those that the last full snapshot has
    #[arg(long)]
    full: bool,
    /// Bytes of a part, up to 64 MiB
    #[arg(long, value_name = "SIZE", value_parser = units::size)]
    part_bytes: Option<u64>,
    /// Publish to a store that cannot decide who is primary
    #[arg(long)]
    unsafe_no_fencing: bool,
    /// Publish here from now on, although the file publishes to another store
    #[arg(long)]
    instead: bool,
    /// With --instead: also where the store before does not answer whether somebody was promoted in it
    #[arg(long, requires = "instead")]
    accept_loss: bool,
}

#[derive(Serialize)]
struct SnapshotLine {
    schema: &'static str,
    path: String,
    store: String,
    created: bool,
    fencing: &'static str,
    snapshot: String,
    position: String,
    image_bytes: u64,
    written_bytes: u64,
    parts: u64,
    base: Option<String>,
    last_segment: u64,
}

impl Run for SnapshotArgs {
    const NAME: &'static str = "snapshot";
    const ABOUT: &'static str = "Publish a database to a store and write a snapshot of it there";
    const EXAMPLES: &'static str = "\
Examples:
  creel replicate snapshot my.db --to dir:/srv/chain
  creel replicate snapshot my.db --to s3://my-bucket/db1 --full --part-bytes 64MiB
  creel replicate snapshot my.db --to dir:/srv/chain && creel restore dir:/srv/chain -o copy.db

Commits that the store lacks are published first. A store that was never used is probed, and the database
becomes the primary of a new chain. Readers and writers of the database go on meanwhile. Parts of 8 MiB
that the last full snapshot of the same epoch has are not written again. A chain that is begun with
--unsafe-no-fencing in a store that fails its probe says fencing: none from then on, to everybody.
A file publishes to one store, for a promotion stops it in that one only: --instead leaves that store for
this one, unless somebody else has become the primary there. Nobody may be promoted there afterwards.
Where the file's own store has nothing any more, as when a volume is not mounted, no other one is begun
in its place: --instead --accept-loss does that.
Exit status: 0 written, 8 the store is not fit, 10 another copy has become the primary, the file
publishes elsewhere, or its store is gone, 12 the store cannot be reached; others: creel explain CODE";

    fn run(self, ctx: &mut Context) -> Outcome {
        ctx.long();
        let part_bytes = self.part_bytes.unwrap_or(PART_BYTES);
        if !(4096..=MAX_PART).contains(&part_bytes) {
            return Err(Failure::usage("a part has 4 KiB to 64 MiB"));
        }
        let db = ctx.open_write(&self.db, Interest::None, false)?;
        let meter = ctx.meter("snapshot").of_bytes();
        let mut pace = self.patience.start();
        let options = AttachOptions {
            unsafe_no_fencing: self.unsafe_no_fencing,
            instead: Instead::said(self.instead, self.accept_loss),
        };
        let attached = attach(&db, &self.to, &options, &mut pace, &meter).map_err(failure)?;
        let mut publishing = attached.publishing;
        let options = SnapshotOptions {
            part_bytes,
            delta: !self.full,
        };
        let made = upload_snapshot(&db, &mut publishing, &options, &mut pace, &meter);
        let doc = made.map_err(failure)?;
        publishing.remember().map_err(failure)?;
        drop(meter);
        let line = SnapshotLine {
            schema: "creel.snapshot/1",
            path: db.path().display().to_string(),
            store: self.to,
            created: attached.created,
            fencing: publishing.chain().creel().fencing(),
            snapshot: doc.id().to_string(),
            position: format!("{}:{}:{}", doc.at.epoch, doc.at.index, hex(&doc.at.history)),
            image_bytes: doc.image_bytes,
            written_bytes: doc.stored_bytes(),
            parts: doc.parts.len() as u64,
            base: doc.base.clone(),
            last_segment: publishing.number(),
        };
        drop(publishing);
        db.close()?;
        if ctx.globals.json {
            ctx.out.json(&line)?;
        } else if ctx.globals.quiet == 0 {
            let mut facts: Vec<(&str, Value)> = vec![
                ("fencing", line.fencing.into()),
                ("snapshot", line.snapshot.into()),
                ("position", line.position.into()),
                ("image_bytes", Value::Bytes(line.image_bytes)),
                ("written_bytes", Value::Bytes(line.written_bytes)),
                ("parts", line.parts.into()),
                ("last_segment", line.last_segment.into()),
            ];
            facts.extend(line.base.map(|base| ("base", base.into())));
            table::facts(&mut ctx.out, &facts)?;
        }
        Ok(Exit::Ok)
    }
}
