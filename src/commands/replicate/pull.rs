//! `creel replicate pull`: bring a copy to where its source is, and end.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use clap::Args;
use creel::replica::address::Source;
use creel::replica::dial::trouble;
use creel::replica::path::Outlook;
use creel::replica::relief::is_damaged_stream;
use creel::replica::sink::DbSink;
use creel::replica::slot::{Slot, durable_point};
use creel::replica::state::State;
use creel::replica::store::PullWish;
use creel::stream::follow::{Followed, follow};
use creel::stream::receiver::Limits;
use creel::stream::source::shared;
use creel::stream::stop::Stop;
use creel::{Db, Error, Position};

use super::super::Run;
use super::files::{self, Bounds, FileArgs};
use super::from_store;
use super::outcome::{At, Damage, FollowReport, print, report, report_store};
use super::source::{OtherArg, Reseed, SourceArgs};
use super::store::PatienceArg;
use super::stream::stop_on_signal;
use crate::cli::args::DbArg;
use crate::cli::{Context, Exit, Failure, Outcome, codes, signals, units};

/// Arguments of `creel replicate pull`.
#[derive(Debug, Args)]
pub struct PullArgs {
    #[command(flatten)]
    db: DbArg,
    #[command(flatten)]
    source: SourceArgs,
    #[command(flatten)]
    other: OtherArg,
    #[command(flatten)]
    patience: PatienceArg,
    /// Apply so many entries at most, then end with status 13
    #[arg(long, value_name = "N", value_parser = units::some_count)]
    max_frames: Option<u64>,
    /// Apply so many bytes of entries at most, then end with status 13
    #[arg(long, value_name = "SIZE", value_parser = units::some_size)]
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

/// Ends following where the source does not have what is waited for in time.
struct Late {
    done: Arc<Stop>,
    thread: JoinHandle<bool>,
}

impl Late {
    fn start(time: Duration, stop: &Arc<Stop>) -> Result<Late, Failure> {
        let (done, stop) = (Arc::new(Stop::default()), Arc::clone(stop));
        let waiting = Arc::clone(&done);
        let thread = std::thread::Builder::new().name("late".to_owned());
        let thread = thread.spawn(move || {
            let over = !waiting.wait(time);
            if over {
                stop.request();
            }
            over
        });
        let thread = thread.map_err(|e| Error::io("start a thread", e))?;
        Ok(Late { done, thread })
    }

    /// True where the time was over.
    fn finish(self) -> bool {
        self.done.request();
        self.thread.join().unwrap_or(true)
    }
}

impl PullArgs {
    /// For `reseed`: takes a new copy in any case.
    pub fn anew(db: DbArg, source: SourceArgs, patience: PatienceArg, file: FileArgs) -> PullArgs {
        PullArgs {
            db,
            source,
            other: OtherArg::default(),
            patience,
            max_frames: None,
            max_bytes: None,
            reseed: Reseed::Force,
            file,
        }
    }

    /// What the source's server says of the way to go.
    fn outlook(&self, db: &Db) -> Result<Outlook, Failure> {
        let source = self.source.source()?;
        let here = db.position()?;
        let (said, has) = self.source.ask(&source, db.path(), &here)?;
        if has == Some(false) {
            let (copy, from) = (db.path().display(), self.source.from());
            let reason = format!(
                "the source does not have entry {} as it is here",
                here.index
            );
            let failure = Failure::from(creel::Error::Diverged { reason });
            return Err(failure.hint(format!("creel replicate rejoin {copy} --from {from}")));
        }
        let behind = here.index < said.floor;
        let reason = || format!("the source's log begins behind entry {}", said.floor);
        Ok(Outlook {
            there: Position {
                epoch: said.head.epoch,
                index: said.head.index,
                hash: None,
            },
            here,
            reseed: behind.then(reason),
        })
    }

    /// Entries up to the one that `--until` names; none where it names none.
    fn goal(&self, db: &Db) -> Result<Option<u64>, Failure> {
        let Some(until) = self.file.until() else {
            return Ok(None);
        };
        if self.max_frames.is_some() {
            let text = "--until and --max-frames both say how far to go";
            return Err(Failure::usage(text).hint("leave one out"));
        }
        Ok(Some(until.index.saturating_sub(db.position()?.index)))
    }

    /// The entry that was asked for is here, or another one in its place.
    fn is_reached(&self, slot: &Slot) -> Result<bool, Failure> {
        let (Some(until), Some(db)) = (self.file.until(), slot.get()) else {
            return Ok(false);
        };
        Ok(db.position()?.index >= until.index)
    }

    /// The entry that was asked for is here, or was not to be had in time.
    fn at_goal(
        &self,
        ctx: &mut Context,
        slot: &Slot,
        followed: Option<&Followed>,
        damage: Damage,
    ) -> Outcome {
        let db = slot.take().ok_or_else(|| Error::NotFound {
            path: slot.path().to_owned(),
        })?;
        if let Some(exit) = signals::exit() {
            return Ok(exit);
        }
        if let Some(until) = self.file.until() {
            let here = db.wait_for(&until, Duration::ZERO);
            let time = self.file.timeout();
            let entries = followed.map_or(0, |followed| followed.entries);
            here.map_err(|error| {
                let failure = files::not_reached(from_store::waited(error, time));
                match entries {
                    0 => failure,
                    _ => {
                        failure.state(format!("{entries} entries were applied, the copy is whole"))
                    }
                }
            })?;
        }
        let point = durable_point(&db)?;
        let head = followed.and_then(|followed| followed.last.as_ref()?.head);
        let report = FollowReport {
            position: Some(At::of(point.epoch, point.index, point.history)),
            source_index: head.map(|head| head.point.index),
            entries: followed.map_or(0, |followed| followed.entries),
            bytes: followed.map_or(0, |followed| followed.bytes),
            new_copies: followed.map_or(0, |followed| followed.seeds),
            caught_up: true,
            ..FollowReport::new("pull", slot.path())
        }
        .with(damage);
        print(ctx, &report)?;
        db.close()?;
        Ok(Exit::Ok)
    }
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
  creel replicate pull copy.db --from tcp://127.0.0.1:7070 --other dir:/srv/chain

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
        let db = ctx.open(&path, options.clone(), "opened for pulling");
        let db = db.map_err(|failure| files::no_copy(failure, &path))?;
        self.source.resolve(Some(&db))?;
        let Some(other) = self
            .other
            .beside(&self.source)?
            .filter(|_| !self.file.dry_run)
        else {
            return self.pull(ctx, db, Damage::default());
        };
        let before = db.position()?.index;
        let first = match self.pull(ctx, db, Damage::default()) {
            Err(failure) if is_damage(&failure) => failure,
            done => return done,
        };
        let from = self.source.from();
        let what = &first.parts().what;
        ctx.notice(&format!(
            "warning: {from} delivers damage: {what}; going on with {}",
            other.from()
        ));
        let db = ctx.open(&path, options, "opened for pulling")?;
        let came = db.position()?.index.saturating_sub(before);
        let damage = Damage {
            times: 1,
            relieved: 0,
            before: Some(came),
        };
        self.source = other;
        self.other = OtherArg::default();
        self.max_frames = self.max_frames.map(|most| most.saturating_sub(came));
        let done = self.pull(ctx, db, damage);
        done.map_err(|failure| failure.cause(format!("before that: {}", first.parts().what)))
    }
}

/// The source is there, and what it has is damaged.
fn is_damage(failure: &Failure) -> bool {
    [&codes::CORRUPT, &codes::BAD_INPUT, &codes::STORE_DAMAGED].contains(&failure.code())
}

impl PullArgs {
    fn pull(&self, ctx: &mut Context, db: Db, damage: Damage) -> Outcome {
        if let Some(store) = self.source.store()? {
            return self.pull_store(ctx, db, &store, damage);
        }
        if let Source::Path(from) = self.source.source()? {
            let bounds = Bounds {
                max_entries: self.max_frames,
                max_bytes: self.max_bytes,
                reseed: self.reseed,
                damage,
            };
            return files::pull(ctx, db, &from, &bounds, &self.file);
        }
        self.pull_stream(ctx, db, damage)
    }

    fn pull_store(&self, ctx: &mut Context, db: Db, store: &str, damage: Damage) -> Outcome {
        let path = db.path().to_owned();
        if self.file.dry_run {
            let outlook = from_store::outlook(&db, store, &self.patience)?;
            return files::dry(ctx, &path, &outlook, self.reseed);
        }
        db.close()?;
        let until = self.file.until();
        let wish = PullWish {
            max_entries: self.max_frames,
            max_bytes: self.max_bytes,
            upto: until.map(|receipt| receipt.index),
        };
        let how = (&wish, self.reseed);
        let wait = self.file.timeout();
        let mut done = from_store::update(ctx, &path, store, how, &self.patience)?;
        if let Some(receipt) = until {
            let goal = (&receipt, wait);
            from_store::wait_for(ctx, &path, store, goal, &self.patience, &mut done)?;
        }
        if self.file.verify {
            files::check(&path)?;
        }
        report_store(ctx, "pull", &path, &done, damage)
    }

    fn pull_stream(&self, ctx: &mut Context, db: Db, damage: Damage) -> Outcome {
        let path = db.path().to_owned();
        if self.file.dry_run {
            let outlook = self.outlook(&db)?;
            return files::dry(ctx, &path, &outlook, self.reseed);
        }
        files::refuse_other_role(&db)?;
        let goal = self.goal(&db)?;
        let stop = stop_on_signal()?;
        let options = ctx.options().background_checkpoint(true);
        let slot = Arc::new(Slot::new(&path, options, Some(db)));
        let state = Arc::new(State::default());
        let mut dialer = self.source.dialer(&slot, &state, false)?;
        dialer.takes_snapshots = self.reseed != Reseed::Never;
        let mut options = self.reseed.options();
        options.limits = Limits {
            at_head: goal.is_none(),
            max_entries: goal.or(self.max_frames),
            max_bytes: self.max_bytes,
        };
        if goal == Some(0) {
            return self.at_goal(ctx, &slot, None, damage);
        }
        let late = goal.map(|_| Late::start(self.file.timeout(), &stop));
        let late = late.transpose()?;
        let mut sink = DbSink::new(Arc::clone(&slot), Arc::clone(&state));
        sink.force = self.reseed == Reseed::Force;
        let sink = shared(sink);
        let followed = follow(&mut dialer, &sink, &stop, options);
        drop(sink);
        let quiet = self.source.takes_stdout();
        let over = late.is_some_and(Late::finish);
        if over || self.is_reached(&slot)? {
            return self.at_goal(ctx, &slot, Some(&followed), damage);
        }
        let why = followed.trouble.as_ref();
        let why = why.filter(|why| is_damaged_stream(why) && self.other.is_given());
        if let Some(why) = why {
            return Err(Failure::new(&codes::CORRUPT, trouble(why)));
        }
        let state = state.look();
        let outcome = report(ctx, "pull", &slot, &followed, &state, quiet, damage);
        if let Some(db) = slot.take() {
            db.close()?;
        }
        if self.file.verify && outcome.is_ok() {
            files::check(&path)?;
        }
        outcome
    }
}
