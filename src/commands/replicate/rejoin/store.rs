//! Rejoining from the store that the new primary publishes to.

use creel::Db;
use creel::format::entry::Point;
use creel::replica::store::{rejoin, reseed_reason};

use super::super::outcome::At;
use super::super::store::{failure, open_chain};
use super::{RejoinArgs, RejoinReport, SavedFile, taken_back};
use crate::cli::report::quoted;
use crate::cli::{Context, Exit, Outcome};

impl RejoinArgs {
    pub(super) fn in_store(&self, ctx: &mut Context, db: Db, store: &str) -> Outcome {
        let chain = open_chain(store, &self.patience)?;
        let meter = ctx.meter("rejoin");
        let mut pace = self.patience.start();
        let done = rejoin(&db, &chain, store, self.dry_run, &mut pace, &meter);
        drop(meter);
        let done = done.map_err(|error| {
            let needs_copy = reseed_reason(&error).is_some();
            let failure = failure(error);
            match needs_copy {
                true => failure
                    .state("what only this copy had is saved in FILE.diverged")
                    .hint(format!(
                        "creel replicate pull DB --from {store} --reseed auto"
                    )),
                false => failure,
            }
        })?;
        // The new history was pulled behind the ancestor by now.
        let taken = taken_back(&done.saved, &done.ancestor, &db, Some(&db));
        let at = |point: &Point| At::of(point.epoch, point.index, point.history);
        let saved = done.saved.iter().map(|saved| SavedFile {
            path: saved.path.display().to_string(),
            first_index: saved.from,
            last_index: saved.to,
            bytes: saved.bytes,
        });
        let report = RejoinReport {
            schema: "creel.rejoin/1",
            path: db.path().display().to_string(),
            ancestor: at(&done.ancestor),
            was_at: at(&done.head),
            diverged: done.head.index - done.ancestor.index,
            saved: saved.collect(),
            keys: taken.map(|taken| taken.keys),
            ranges: taken.map(|taken| taken.ranges),
            keys_of_both: taken.and_then(|taken| taken.by_both),
            dry_run: self.dry_run,
            compare_with: quoted(&db.path().to_string_lossy()),
        };
        db.close()?;
        self.show(ctx, &report)?;
        Ok(Exit::Ok)
    }
}
