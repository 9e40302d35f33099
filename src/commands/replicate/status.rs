//! `creel replicate status`: what a copy or a store is, where it stands, and how far who is behind.

use std::ffi::OsString;
use std::time::{Duration, Instant};

use clap::Args;
use creel::stream::speed::Speed;
use creel::sys::Vfs;
use serde::Serialize;

use super::super::Run;
use super::source::SourceArgs;
use super::store::{PatienceArg, now_us, store_address};
use crate::cli::args::DbArg;
use crate::cli::{Context, Exit, Failure, Outcome, signals, units};

mod check;
mod copy;
mod lines;
mod published;
mod server;
mod show;
mod store;
mod stuck;

use check::Check;
use copy::CopyStatus;
use store::StoreStatus;

/// Arguments of `creel replicate status`.
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// The database file, or the store: dir:PATH, s3://BUCKET/PREFIX, gs://, az://; @ stands for $CREEL_DB
    #[arg(value_name = "DB|STORE", value_hint = clap::ValueHint::FilePath)]
    target: OsString,
    #[command(flatten)]
    source: SourceArgs,
    #[command(flatten)]
    patience: PatienceArg,
    /// Only answer by exit status: primary, replica, lag=N entries at most, age=TIME since the last
    /// contact at most, headroom=SIZE at least, verified=TIME since a noted check at most, drilled=TIME since a noted drill of a store
    /// at most; may be repeated
    #[arg(long, value_name = "WHAT", conflicts_with = "watch")]
    check: Vec<Check>,
    /// Show it again and again, until a signal comes
    #[arg(long)]
    watch: bool,
    /// With --watch: how often
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = units::duration, requires = "watch")]
    interval: Duration,
}

/// What is shown.
#[derive(Serialize)]
#[serde(untagged)]
enum Report {
    Copy(Box<CopyStatus>),
    Store(Box<StoreStatus>),
}

impl Run for StatusArgs {
    const NAME: &'static str = "status";
    const ABOUT: &'static str =
        "Show role, epoch, position and lag of a copy, or of all copies in a store";
    const EXAMPLES: &'static str = "\
Examples:
  creel replicate status my.db
  creel replicate status copy.db --from my.db --json
  creel replicate status copy.db --check replica --check lag=1000 --check age=30s || page-somebody
  creel replicate status s3://my-bucket/db1 --check headroom=1GiB
  creel replicate status s3://my-bucket/db1 --check verified=7d
  creel replicate status my.db --watch

The source is asked how far it is, whether it is a file, a store or a server; a process that serves or
follows the file is asked too. Of a store, --check lag, age and headroom are about every copy whose log is kept.
verified is about the last check that creel verify DB --note, or replicate verify STORE --note, has noted; drilled about creel drill STORE --note.
Lag in seconds is the age of the oldest commit that is missing. Headroom is how many bytes may still be
written before a copy can be left without what it lacks, and has to be made anew.
To a pipe, columns are separated by tabs and have no heading. Of a follower: follower, name, state, position, lag, bytes, time, headroom, rate, eta, contact, progress.
Of a node of a store: role, name, node, position, lag, bytes, time, headroom, rate, eta, contact, note.
Exit status: 0 shown, or all checks hold, 1 one does not hold, 12 the store cannot be reached; others:
creel explain CODE";

    fn run(mut self, ctx: &mut Context) -> Outcome {
        let watch = self.watch;
        let mut seen = None;
        if watch {
            ctx.long();
        }
        loop {
            let begun = Instant::now();
            let mut report = self.look(ctx)?;
            if let (true, Report::Copy(copy)) = (watch, &mut report) {
                seen = Some(since(copy, seen, begun));
            }
            if !self.check.is_empty() {
                let good = match &report {
                    Report::Copy(copy) => {
                        self.check.iter().all(|check| check.of_copy(copy, now_us()))
                    }
                    Report::Store(store) => {
                        let mut all = self
                            .check
                            .iter()
                            .map(|check| check.of_store(store, now_us()));
                        all.try_fold(true, |good, one| one.map(|one| good && one))?
                    }
                };
                return Ok(super::super::answer(good));
            }
            if ctx.globals.json {
                ctx.out.json(&report)?;
            } else {
                if watch && ctx.out.is_terminal() {
                    ctx.out.bytes(b"\x1b[H\x1b[J")?;
                }
                match &report {
                    Report::Copy(copy) => show::copy(ctx, copy)?,
                    Report::Store(store) => show::store(ctx, store)?,
                }
                if watch && !ctx.out.is_terminal() {
                    ctx.out.line("")?;
                }
            }
            if !watch {
                return Ok(Exit::Ok);
            }
            ctx.out.flush()?;
            if !pause(self.interval.saturating_sub(begun.elapsed())) || ctx.out.is_closed() {
                return Ok(signals::exit().unwrap_or(Exit::Ok));
            }
        }
    }
}

/// Where no process knows how fast a copy is, it is what has come since the last look.
fn since(copy: &mut CopyStatus, seen: Option<Speed>, now: Instant) -> Speed {
    let mut speed = seen.unwrap_or_default();
    speed.note(now, copy.position.index);
    if copy.role == "replica" && copy.entries_per_s.is_none() {
        copy.set_rate(speed.per_second(now));
    }
    speed
}

/// Waits; false once a signal has come.
fn pause(time: Duration) -> bool {
    const STEP: Duration = Duration::from_millis(50);
    let until = Instant::now() + time;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        if signals::stopped() || left.is_zero() {
            return !signals::stopped();
        }
        creel::sys::OsVfs.pause(left.min(STEP));
    }
}

impl StatusArgs {
    fn look(&mut self, ctx: &mut Context) -> Result<Report, Failure> {
        Ok(match store_address(&self.target) {
            Some(address) => Report::Store(Box::new(store::look(&address, &self.patience)?)),
            None => {
                let db = DbArg {
                    db: self.target.clone(),
                };
                // No question is about what is published: health checks do not wait for a store.
                let how = (&self.patience, self.check.is_empty());
                Report::Copy(Box::new(copy::look(ctx, &db, &self.source, how)?))
            }
        })
    }
}
