//! `creel replicate pull`: bring a copy to where its source is, and end.

use std::sync::Arc;

use clap::Args;
use creel::replica::address::Source;
use creel::replica::sink::DbSink;
use creel::replica::slot::Slot;
use creel::replica::state::State;
use creel::replica::store::PullWish;
use creel::stream::follow::follow;
use creel::stream::receiver::Limits;

use super::super::Run;
use super::files::{self, Bounds, FileArgs};
use super::from_store;
use super::outcome::{report, report_store};
use super::source::{Reseed, SourceArgs};
use super::store::PatienceArg;
use super::stream::stop_on_signal;
use crate::cli::args::DbArg;
use crate::cli::{Context, Outcome, units};

/// Arguments of `creel replicate pull`.
#[derive(Debug, Args)]
pub struct PullArgs {
    #[command(flatten)]
    db: DbArg,
    #[command(flatten)]
    source: SourceArgs,
    #[command(flatten)]
    patience: PatienceArg,
    /// Apply so many entries at most, then end with status 13
    #[arg(long, value_name = "N", value_parser = units::count)]
    max_frames: Option<u64>,
    /// Apply so many bytes of entries at most, then end with status 13
    #[arg(long, value_name = "SIZE", value_parser = units::size)]
    max_bytes: Option<u64>,
    /// What to do where the source's log does not reach back: never, auto or force
    #[arg(
        long,
        value_name = "WHEN",
        default_value = "never",
        hide_possible_values = true
    )]
    reseed: Reseed,
    #[command(flatten)]
    file: FileArgs,
}

impl Run for PullArgs {
    const NAME: &'static str = "pull";
    const ABOUT: &'static str = "Bring a copy to where its source is";
    const EXAMPLES: &'static str = "\
Examples:
  creel replicate pull copy.db
  creel replicate pull copy.db --from my.db --until 1:812:9f31c0aa --timeout 2s
  creel replicate pull copy.db --from tcp://127.0.0.1:7070
  creel replicate pull copy.db --from ssh://db.example.org/srv/my.db
  creel replicate pull copy.db --from dir:/srv/chain
  creel replicate pull copy.db --from tls://db.example.org:7070 --tls-ca ca.pem --max-frames 100000

Entries are applied as they are, in commits of their own; what is interrupted is taken up again.
With --reseed auto the old copy serves readers until the new one is whole and checked.
Exit status: 0 everything is here, 11 a new copy is needed, 12 the source cannot be reached, 13 a
limit was reached with work left, 15 the histories parted; others: creel explain CODE";

    fn run(mut self, ctx: &mut Context) -> Outcome {
        ctx.long();
        let path = ctx.path(&self.db)?;
        ctx.refuse_read_only()?;
        ctx.refuse_less_sync()?;
        let options = ctx.options().background_checkpoint(true);
        let db = ctx.open(&path, options.clone(), "opened for pulling")?;
        self.source.resolve(Some(&db))?;
        if let Some(store) = self.source.store()? {
            self.file.refuse_for_stream()?;
            db.close()?;
            let wish = PullWish {
                max_entries: self.max_frames,
                max_bytes: self.max_bytes,
                ..PullWish::default()
            };
            let how = (&wish, self.reseed);
            let done = from_store::update(ctx, &path, &store, how, &self.patience)?;
            return report_store(ctx, "pull", &path, &done);
        }
        if let Source::Path(from) = self.source.source()? {
            let bounds = Bounds {
                max_entries: self.max_frames,
                max_bytes: self.max_bytes,
                reseed: self.reseed,
            };
            return files::pull(ctx, db, &from, &bounds, &self.file);
        }
        self.file.refuse_for_stream()?;
        files::refuse_other_role(&db)?;
        let stop = stop_on_signal()?;
        let slot = Arc::new(Slot::new(&path, options, Some(db)));
        let state = Arc::new(State::default());
        let mut dialer = self.source.dialer(&slot, &state, false)?;
        dialer.takes_snapshots = self.reseed != Reseed::Never;
        let mut options = self.reseed.options();
        options.limits = Limits {
            at_head: true,
            max_entries: self.max_frames,
            max_bytes: self.max_bytes,
        };
        let mut sink = DbSink::new(Arc::clone(&slot), Arc::clone(&state));
        sink.force = self.reseed == Reseed::Force;
        let followed = follow(&mut dialer, &mut sink, &stop, options);
        drop(sink);
        let quiet = self.source.takes_stdout();
        let outcome = report(ctx, "pull", &slot, &followed, &state.look().saved, quiet);
        if let Some(db) = slot.take() {
            db.close()?;
        }
        if self.file.verify && outcome.is_ok() {
            files::check(&path)?;
        }
        outcome
    }
}
