//! `creel import`: records of many formats, all of them or none, or batch by batch.

mod args;
mod batches;
#[cfg(test)]
mod crashes;
mod feed;
mod files;
mod intake;
mod lineage;
mod policy;
mod position;
mod rejects;
mod sorted;
mod spaces;
mod step;
mod store;
mod stream;
mod tally;
mod target;

use std::sync::Arc;

use creel::exchange::read::TrailerState;
use creel::{BulkReport, BulkSource, Db, Progress, Snapshot, Sorter};

use self::files::InputFile;
use self::intake::Intake;
use self::policy::Policy;
use self::sorted::{FromSorted, Gathered};
use self::step::Step;
use self::store::Store;
use self::stream::Stream;
use self::tally::{Report, Tally};
use self::target::Target;
use super::Run;
use super::ack::Confirm;
use crate::cli::progress::Meter;
use crate::cli::{Context, Exit, Failure, Outcome, codes};

pub use args::ImportArgs;

/// Memory for sorting, unless told otherwise.
const SORT_MEMORY: u64 = 256 << 20;
/// Memory for keeping what comes in order, but slowly.
const SPOOL_MEMORY: usize = 8 << 20;

impl Run for ImportArgs {
    const NAME: &'static str = "import";
    const ALIASES: &'static [&'static str] = &["load"];
    const ABOUT: &'static str = "Take in records from files or standard input";
    const EXAMPLES: &'static str = "\
Examples:
  creel import my.db users.jsonl --create
  creel export old.db | creel import new.db --create
  creel import my.db events.jsonl --field-map key=id --on-error reject --rejects bad.jsonl
  creel import my.db huge.jsonl.zst --batch 100k --resume
  mdb_dump -a env | creel import my.db --format mdb
  creel import my.db table.csv --header --dry-run
  creel import my.db day.jsonl --ack replica:1 --ack-timeout 10m

Each file is one step: all of it or nothing, and nothing before its trailer has matched. --atomic
makes one step of all files. --batch commits now and then; --resume goes on where an interrupted
import ended, and does nothing where it was finished. --ack waits once, behind the last commit; run the
same import with --resume to wait again. docs/import.md has recipes and every verdict.

Exit status: 0 all of it, 3 with bad lines left out, 9 a bad line or a cut file (nothing changed,
or what the message says), 13 too many bad lines, 14 copies or store did not confirm in time; others:
creel explain CODE";

    fn run(self, ctx: &mut Context) -> Outcome {
        ctx.long();
        self.check()?;
        let files = files::look(ctx, &self.files)?;
        if let Some(rejects) = &self.errors.rejects {
            files::refuse_same(rejects, &ctx.path(&self.db)?, &files)?;
        }
        let store = Store::open(ctx, &self)?;
        let mut policy = Policy::new(ctx, &self)?;
        let meter = Arc::new(ctx.meter("import").of_bytes());
        let mut job = Job {
            args: &self,
            files: &files,
            store: &store,
            meter: Arc::clone(&meter),
            committed_line: 0,
            file: 0,
            tally: Tally::new(),
        };
        job.tally.confirm = job.prepare()?;
        let result = job.run(&mut policy);
        meter.done();
        if let Err(failure) = result {
            return Err(job.explain(failure, &mut policy));
        }
        let mut tally = job.tally;
        // Said before the report: its failure undoes nothing.
        if let (Some(commit), true) = (&tally.last, tally.commits > 0) {
            ctx.committed(commit.token);
        }
        self.settle(ctx, &store, &mut tally)?;
        self.report(ctx, &tally, &files, &policy)?;
        store.close(ctx, &self.write)?;
        let partial = tally.rejected > 0 || tally.trailer == TrailerState::Missing;
        Ok(if partial { Exit::Partial } else { Exit::Ok })
    }
}

impl ImportArgs {
    fn report(
        &self,
        ctx: &mut Context,
        tally: &Tally,
        files: &[InputFile],
        policy: &Policy,
    ) -> Result<(), Failure> {
        let names = files.iter().map(|f| f.name.as_str()).collect();
        let report = Report::new(tally, names, self.dry_run, policy.rejects());
        if ctx.globals.json {
            return ctx.out.json(&report);
        }
        ctx.notice(&report.text());
        match (self.token, &tally.last) {
            (true, Some(commit)) => ctx.out.line(&commit.receipt().to_string()),
            _ => Ok(()),
        }
    }

    /// Waits until others have what was imported now or, where nothing was left to do, before.
    fn settle(&self, ctx: &Context, store: &Store, tally: &mut Tally) -> Result<(), Failure> {
        let (Some(mut confirm), Some(db)) = (tally.confirm.take(), store.db()) else {
            return Ok(());
        };
        let commit = match tally.last {
            Some(commit) => commit,
            None => store::newest(db)?,
        };
        let settled = match self.batch {
            Some(_) => confirm.settle(&commit),
            None => confirm.settle_load(db, &commit, &ctx.meter("snapshot").of_bytes()),
        };
        settled.map_err(|failure| tally.detail(failure))?;
        confirm.finish();
        Ok(())
    }

    fn memory(&self) -> usize {
        let asked = self.sort_memory.unwrap_or(SORT_MEMORY);
        usize::try_from(asked).unwrap_or(usize::MAX)
    }
}

/// The work of one command.
struct Job<'a> {
    args: &'a ImportArgs,
    files: &'a [InputFile],
    store: &'a Store,
    meter: Arc<Meter>,
    tally: Tally,
    /// The file that is being imported, and up to which line it is committed.
    file: usize,
    committed_line: u64,
}

impl Job<'_> {
    /// Looks for those who are to confirm, before anything is written.
    fn prepare(&self) -> Result<Option<Confirm>, Failure> {
        match self.store.db() {
            Some(db) if !self.args.dry_run => self.args.ack.prepare(db),
            _ => Ok(None),
        }
    }

    fn run(&mut self, policy: &mut Policy) -> Result<(), Failure> {
        if self.args.atomic {
            return self.step(self.files, true, policy);
        }
        let files = self.files;
        for (i, file) in files.iter().enumerate() {
            self.file = i;
            self.committed_line = 0;
            self.step(std::slice::from_ref(file), i + 1 == files.len(), policy)?;
        }
        Ok(())
    }

    /// Says what state things are in, and what to do next.
    fn explain(&self, failure: Failure, policy: &mut Policy) -> Failure {
        let mut failure = self.tally.detail(failure);
        if failure.code() == &codes::TOO_MANY_ERRORS
            && let (Some(name), Ok(())) = (policy.rejects(), policy.publish())
        {
            failure = failure.hint(format!("look at the bad lines in {name}"));
        }
        let name = self.files.get(self.file).map_or("", |f| f.name.as_str());
        let last = self.tally.last.map(|commit| commit.token);
        let state = match (last, self.committed_line) {
            _ if failure.code() == &codes::OUTCOME_UNKNOWN => return failure,
            (Some(at), line @ 1..) => {
                let goes_on = "--resume goes on from there";
                let hint = failure.parts().hint.as_deref();
                let hint = hint.unwrap_or(failure.code().next);
                let hint = format!("{hint}; {goes_on}");
                failure = failure.hint(hint).detail("committed_line", line);
                format!("lines 1 to {line} of {name} are committed, as of position {at}")
            }
            (Some(at), 0) if self.tally.commits > 0 => {
                format!(
                    "the files before {name} are imported, as of position {at}; of this one nothing is"
                )
            }
            _ => "nothing was changed".to_owned(),
        };
        failure.state_if_unknown(Some(&state))
    }

    /// Imports files that belong together.
    fn step(
        &mut self,
        files: &[InputFile],
        last: bool,
        policy: &mut Policy,
    ) -> Result<(), Failure> {
        let args = self.args;
        let snapshot = self.store.snapshot()?;
        let outdated = snapshot.as_ref().map(position::outdated).transpose()?;
        let step = Step { last };
        let counts = (policy, &mut self.tally);
        let meter = Arc::clone(&self.meter);
        let mut intake = Intake::new(args, files, self.store.max_key, counts, meter, snapshot)?;
        intake.outdated = outdated.unwrap_or_default();
        if !intake.peek()? && intake.all_finished() {
            intake.tally.finished_before += files.len();
            return step::check(&mut intake, &step);
        }
        let report = match self.store.db() {
            Some(db) if args.dry_run => {
                let snapshot = Some(db.snapshot()?);
                return rehearse(&mut intake, args, step, snapshot);
            }
            None => return rehearse(&mut intake, args, step, None),
            Some(db) if args.batch.is_some() => {
                let committed = &mut self.committed_line;
                return batches::run(&mut intake, args, db, &step, committed);
            }
            Some(db) if !intake.promises_order() => {
                sorted(&mut intake, args, step, db, args.memory())?
            }
            // What is in order needs no memory to be sorted in.
            Some(db) if intake.is_slow()? => sorted(&mut intake, args, step, db, SPOOL_MEMORY)?,
            Some(db) => streamed(&mut intake, args, step, db),
        };
        match intake.failure.take() {
            Some(failure) => Err(failure),
            None => {
                let report = report?;
                if let Some(db) = self.store.db() {
                    db.give_name()?;
                }
                intake.tally.add(&report);
                Ok(())
            }
        }
    }
}

/// Records in order go straight into the tree.
fn streamed(
    intake: &mut Intake<'_>,
    args: &ImportArgs,
    step: Step,
    db: &Db,
) -> creel::Result<BulkReport> {
    let calm = Calm(Arc::clone(&intake.meter));
    db.bulk_step(
        |now, ids| {
            still_leads_on(intake, now)?;
            let if_exists = args.conflicts.if_exists;
            let target = Target::new(Some(now.clone()), Some(ids), if_exists, false);
            Ok(Stream::new(intake, step, target, args.duplicates()))
        },
        &calm,
    )
}

/// Records in any order are sorted first; writers wait only for the rest.
fn sorted(
    intake: &mut Intake<'_>,
    args: &ImportArgs,
    step: Step,
    db: &Db,
    memory: usize,
) -> Result<creel::Result<BulkReport>, Failure> {
    let gathered = Gathered::read(intake, args, |twice| db.sorter(memory, twice))?;
    intake.meter.done();
    let building = intake.meter.then("build");
    let calm = Calm(Arc::clone(&intake.meter));
    Ok(db.bulk_step(
        |now, ids| {
            still_leads_on(intake, now)?;
            let if_exists = args.conflicts.if_exists;
            let target = Target::new(Some(now.clone()), Some(ids), if_exists, false);
            FromSorted::new(intake, step, target, gathered, &building)
        },
        &calm,
    ))
}

/// Somebody may have imported something else before the lock was held.
fn still_leads_on(intake: &mut Intake<'_>, now: &Snapshot) -> creel::Result<()> {
    intake.check_sources(Some(now)).map_err(|failure| {
        intake.failure = Some(failure);
        creel::Error::Interrupted
    })
}

/// Does everything but writing.
fn rehearse(
    intake: &mut Intake<'_>,
    args: &ImportArgs,
    step: Step,
    snapshot: Option<Snapshot>,
) -> Result<(), Failure> {
    let target = Target::new(snapshot, None, args.conflicts.if_exists, true);
    let result = if intake.promises_order() {
        drain(Stream::new(intake, step, target, args.duplicates()))
    } else {
        let near = std::env::temp_dir().join("creel");
        let gathered = Gathered::read(intake, args, |twice| {
            Sorter::new(args.memory(), twice, &near)
        })?;
        intake.meter.done();
        let building = intake.meter.then("build");
        FromSorted::new(intake, step, target, gathered, &building).and_then(drain)
    };
    match intake.failure.take() {
        Some(failure) => Err(failure),
        None => Ok(result?),
    }
}

fn drain(mut source: impl BulkSource) -> creel::Result<()> {
    while source.next()?.is_some() {}
    source.finish().map(drop)
}

/// Lets a step be stopped, and shows nothing: the intake does.
struct Calm(Arc<Meter>);

impl Progress for Calm {
    fn report(&self, _done: u64, _total: Option<u64>) {}

    fn stopped(&self) -> bool {
        self.0.stopped()
    }
}
