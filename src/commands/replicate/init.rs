//! `creel replicate init`: make a copy of a database that is in use elsewhere.

use std::path::Path;
use std::sync::Arc;

use clap::Args;
use creel::replica::address::Source;
use creel::replica::sink::DbSink;
use creel::replica::slot::Slot;
use creel::replica::state::{Following, State};
use creel::stream::follow::{FollowOptions, follow};
use creel::stream::receiver::Limits;
use creel::stream::source::shared;

use super::super::Run;
use super::from_store;
use super::outcome::{Damage, report, report_store};
use super::source::SourceArgs;
use super::store::PatienceArg;
use super::stream::stop_on_signal;
use crate::cli::args::DbArg;
use crate::cli::{Context, Exit, Failure, Outcome, codes, signals};

/// Arguments of `creel replicate init`.
#[derive(Debug, Args)]
pub struct InitArgs {
    #[command(flatten)]
    db: DbArg,
    #[command(flatten)]
    source: SourceArgs,
    #[command(flatten)]
    patience: PatienceArg,
}

impl Run for InitArgs {
    const NAME: &'static str = "init";
    const ABOUT: &'static str = "Make a copy that can follow a database";
    const EXAMPLES: &'static str = "\
Examples:
  creel replicate init copy.db --from my.db
  creel replicate init copy.db --from tcp://127.0.0.1:7070
  creel replicate init copy.db --from ssh://db.example.org/srv/my.db
  creel replicate init copy.db --from ssh://me@db.example.org:2222/~/my.db --ssh 'ssh -i key' --remote-creel '~/bin/creel'
  creel replicate init copy.db --from s3://my-bucket/db1

The source is not disturbed: the copy is one moment of it, and then what was committed meanwhile.
The file appears when it is whole and has passed creel verify.
Exit status: 0 made and up to date, 8 the file exists, 12 the source cannot be reached; others: creel explain CODE";

    fn run(self, ctx: &mut Context) -> Outcome {
        ctx.long();
        let path = ctx.path(&self.db)?;
        ctx.refuse_read_only()?;
        ctx.refuse_less_sync()?;
        if path.symlink_metadata().is_ok() {
            let hint = format!(
                "creel replicate pull {0} brings a copy up to date, creel replicate reseed {0} makes it anew",
                path.display()
            );
            let failure: Failure = creel::Error::Exists { path }.into();
            return Err(failure.hint(hint));
        }
        let made = self.make(ctx, &path);
        made.map_err(|failure| match path.symlink_metadata() {
            // Whatever else is said of a copy is about one that was there before.
            Err(_) if failure.code() != &codes::USAGE => failure.state("no copy was made"),
            _ => failure,
        })
    }
}

impl InitArgs {
    fn make(mut self, ctx: &mut Context, path: &Path) -> Outcome {
        self.source.resolve(None)?;
        if let Source::Path(from) = self.source.source()? {
            return super::files::init(ctx, path, &from);
        }
        if let Some(store) = self.source.store()? {
            let done = from_store::init(ctx, path, &store, &self.patience)?;
            return report_store(ctx, "init", path, &done, Damage::default());
        }
        let options = ctx.options().background_checkpoint(true);
        let stop = stop_on_signal()?;
        let slot = Arc::new(Slot::new(path, options, None));
        let state = Arc::new(State::default());
        let mut dialer = self.source.dialer(&slot, &state, false)?;
        // A pipe is there once; what comes after the copy is for `pull`.
        let at_head = !self.source.takes_stdout();
        let options = FollowOptions {
            limits: Limits {
                at_head,
                ..Limits::default()
            },
            // Where a bulk import came in between, or the source keeps no old log.
            reseed: at_head,
            reseed_most: 3,
            ..FollowOptions::default()
        };
        let sink = shared(DbSink::new(Arc::clone(&slot), state));
        let followed = follow(&mut dialer, &sink, &stop, options);
        drop(sink);
        let quiet = self.source.takes_stdout();
        if let Some(db) = slot.get().filter(|_| !quiet) {
            let from = self.source.or_stored("").unwrap_or_default();
            db.change_facts(|facts| facts.source = from)?;
        }
        // The pipe has ended with the copy, which is all that it was for.
        if quiet && followed.seeds > 0 {
            if let Some(db) = slot.take() {
                db.close()?;
            }
            return Ok(signals::exit().unwrap_or(Exit::Ok));
        }
        let outcome = report(
            ctx,
            "init",
            &slot,
            &followed,
            &Following::default(),
            quiet,
            Damage::default(),
        );
        if let Some(db) = slot.take() {
            db.close()?;
        }
        outcome
    }
}
