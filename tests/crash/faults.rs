//! Calls that fail: each one once, and from each one on for good.
//!
//! After a failure the handle refuses or works. Then the calls succeed again: the next process
//! finds every acknowledged commit, in the same page cache and after a power loss, and what it
//! commits on top survives a power loss of its own. The page cache may show what a failed sync
//! did not bring to the medium (ext4, XFS) or take it back (btrfs).

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use creel::SyncMode;

use super::campaign::guarded;
use super::excuses::Failing;
use super::fault_line::{self, Wanted};
use super::marks::Promise;
use super::model::History;
use super::oracle::{Care, go_on, judge};
use super::rng::mix;
use super::support::sim::{CrashChoice, FaultKind, FaultOn, FaultPlan, Repeat, SimDiskSnapshot};
use super::workloads::{LOOKS, WORKLOADS, Workload};
use super::world::{PATH, World};

const FLOOR: usize = 6_000;

const EIO: FaultKind = FaultKind::Errno(libc::EIO);
const ENOSPC: FaultKind = FaultKind::Errno(libc::ENOSPC);
const EDQUOT: FaultKind = FaultKind::Errno(libc::EDQUOT);
const EROFS: FaultKind = FaultKind::Errno(libc::EROFS);
const EACCES: FaultKind = FaultKind::Errno(libc::EACCES);
const EMFILE: FaultKind = FaultKind::Errno(libc::EMFILE);

/// Every way in which a call of some kind can fail. Interruptions, short reads and writes that go on end
/// below the trait: `tests/cli` has them.
const WAYS: &[(FaultOn, &[FaultKind])] = &[
    (
        FaultOn::Write,
        &[
            EIO,
            ENOSPC,
            EDQUOT,
            FaultKind::ShortWriteThenError(libc::EIO),
            FaultKind::ShortWriteThenError(libc::ENOSPC),
            FaultKind::ShortWriteThenError(libc::EDQUOT),
        ],
    ),
    (
        FaultOn::Sync,
        &[
            EIO,
            ENOSPC,
            EDQUOT,
            FaultKind::SyncKeepsNew,
            FaultKind::SyncKeepsNewFor(libc::ENOSPC),
            FaultKind::SyncKeepsNewFor(libc::EDQUOT),
            FaultKind::SyncReverts,
        ],
    ),
    (FaultOn::SetSize, &[EIO, ENOSPC, EDQUOT]),
    (FaultOn::Read, &[EIO]),
    (FaultOn::Open, &[EIO, EMFILE, EACCES]),
    (
        FaultOn::Create,
        &[EIO, ENOSPC, EDQUOT, EROFS, EACCES, EMFILE],
    ),
    (FaultOn::Rename, &[EIO, ENOSPC, EDQUOT, EROFS, EACCES]),
    (FaultOn::DirSync, &[EIO, ENOSPC, EDQUOT, EACCES, EMFILE]),
    (FaultOn::Remove, &[EIO, EROFS, EACCES]),
];

/// At most so many places per way and workload; more are sampled evenly.
/// `CREEL_FAULT_PLACES=N` changes that; with 0 every call fails in its turn.
fn places_at_most() -> usize {
    match std::env::var("CREEL_FAULT_PLACES") {
        Ok(text) => match text.parse().expect("CREEL_FAULT_PLACES is a number") {
            0 => usize::MAX,
            n => n,
        },
        Err(_) => 40,
    }
}

/// Of the ways in which a call can fail so many take turns, where its calls are sampled.
const TURNS: usize = 4;

fn seed_of(workload: &Workload) -> u64 {
    let bytes = workload.name.bytes();
    bytes.fold(0xfa17, |seed, byte| mix(seed ^ u64::from(byte)))
}

/// What became of one plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Struck {
    /// There was no such call.
    Nothing,
    Judged,
    /// The call failed where nothing is promised of what a power loss leaves: what the workload saw was judged, what
    /// it left was not.
    Unjudged,
}

struct Case {
    workload: &'static Workload,
    plan: FaultPlan,
}

impl Case {
    /// Whether the call came and failed; an error tells how to see it again.
    fn judged(&self) -> Result<Struck, String> {
        let line = || fault_line::line(self.workload.name, &self.plan);
        guarded(|| self.run()).map_err(|text| format!("{}\n    {text}", line()))
    }

    fn run(&self) -> Result<Struck, String> {
        let world = World::faulty(seed_of(self.workload), Some(self.failing()));
        world.disk().set_fault(self.plan);
        let ended = (self.workload.run)(&world);
        if world.disk().fault_hits() == 0 {
            return ended.map(|()| Struck::Nothing);
        }
        match ended {
            Err(text) if !text.starts_with("stopped: ") => return Err(text),
            Err(text) if !self.may_end_with(&world, &text) => {
                return Err(format!("not as its calls fail: {text}"));
            }
            _ => {}
        }
        world.disk().clear_fault();
        if let Some(text) = world.books().violations.first() {
            return Err(text.clone());
        }
        if world.books().promise.lossy {
            return Ok(Struck::Unjudged);
        }
        self.power_loss(&world)?;
        self.next_process(&world.after_kill())?;
        Ok(Struck::Judged)
    }

    fn failing(&self) -> Failing {
        Failing {
            kind: self.plan.kind,
            workload: self.workload.name,
        }
    }

    fn may_end_with(&self, world: &World, text: &str) -> bool {
        let books = world.books();
        let (lossy, failed) = (books.promise.lossy, books.errors > 0);
        drop(books);
        // What was written with `sync off` may never come to the medium, and then the file is damaged.
        lossy || world.excuses(text) || failed && self.failing().follows(text)
    }

    /// The power fails right after the failure.
    fn power_loss(&self, world: &World) -> Result<(), String> {
        let mut books = world.books();
        let (promise, histories) = (books.promise, books.all());
        drop(books);
        self.crash(&world.disk().snapshot(), &promise, &histories)
            .map_err(|text| format!("power loss right after it: {text}"))
    }

    /// Another process opens the file with the same page cache, commits and checkpoints; then the
    /// power fails.
    fn next_process(&self, world: &World) -> Result<(), String> {
        let context = |text: String| format!("the next process: {text}");
        if !world.books().promise.created {
            return Ok(()); // nobody was told that there is a file
        }
        let handle = match world.open(SyncMode::Full) {
            Err(text) if self.failing().halves_a_header(&text) => return Ok(()),
            opened => opened.map_err(context)?,
        };
        let acked = world.books().promise.acked;
        world.settle(&handle, acked).map_err(context)?;
        drop(handle);
        go_on(world).map(|_| ()).map_err(context)?;
        let mut books = world.books();
        let (promise, histories) = (books.promise, books.all());
        drop(books);
        self.crash(&world.disk().snapshot(), &promise, &histories)
            .map_err(|text| format!("power loss after the next process: {text}"))
    }

    fn crash(
        &self,
        snapshot: &SimDiskSnapshot,
        promise: &Promise,
        histories: &[History],
    ) -> Result<(), String> {
        let word = snapshot.op() as u64;
        let promise = Promise { era: 0, ..*promise };
        for choice in [
            CrashChoice::None,
            CrashChoice::All,
            CrashChoice::Random(word),
        ] {
            let judged = histories.iter().map(|history| {
                let image = snapshot.fork_at_crash(&choice);
                judge(image, &promise, history, Care::Checkpoint)
            });
            let mut failed: Vec<String> = Vec::new();
            for outcome in judged {
                match outcome {
                    Ok(_) => break,
                    Err(text) => failed.push(text),
                }
            }
            if failed.len() == histories.len()
                && !failed
                    .iter()
                    .all(|text| self.failing().halves_a_header(text))
            {
                return Err(format!("{choice:?}: {}", failed.swap_remove(0)));
            }
        }
        Ok(())
    }
}

fn all() -> impl Iterator<Item = &'static Workload> {
    WORKLOADS.iter().chain(LOOKS)
}

/// All cases, or those that the environment asks for.
fn cases(wanted: Option<&Wanted>) -> Vec<Case> {
    if let Some((workload, plan)) = wanted.and_then(|w| w.workload.as_deref().zip(w.plan())) {
        let workload = all().find(|w| w.name == workload);
        let workload = workload.expect("a workload of that name");
        return vec![Case { workload, plan }];
    }
    let name = wanted.and_then(|wanted| wanted.workload.as_deref());
    let chosen = all().filter(|w| name.is_none_or(|name| name == w.name));
    let mut cases = cases_of(&chosen.collect::<Vec<_>>());
    let has = |case: &Case| wanted.is_none_or(|w| w.has(case.workload.name, &case.plan));
    cases.retain(has);
    cases
}

fn cases_of(workloads: &[&'static Workload]) -> Vec<Case> {
    let mut cases = Vec::new();
    for &workload in workloads {
        // A look has few calls, and each reads something else.
        let looks = LOOKS.iter().any(|w| w.name == workload.name);
        let most = if looks { usize::MAX } else { places_at_most() };
        let world = World::faulty(seed_of(workload), None);
        (workload.run)(&world).expect("the workload runs where nothing fails");
        for (on, kinds) in WAYS {
            let calls = world.disk().calls(*on);
            let ways = kinds
                .iter()
                .flat_map(|kind| [Repeat::Once, Repeat::Forever].map(|repeat| (*kind, repeat)));
            let ways: Vec<_> = ways.collect();
            let places = calls.min(most);
            for i in 0..places {
                // The last calls, and an even sample of the others.
                let nth = 1 + i * calls / places;
                // Where calls are many, one of so many ways at each; all of them where all is asked for.
                let turns = if places < most { 1 } else { TURNS };
                for (kind, repeat) in ways.iter().skip(i % turns).step_by(turns) {
                    let plan = FaultPlan {
                        nth,
                        kind: *kind,
                        repeat: *repeat,
                        on: *on,
                    };
                    cases.push(Case { workload, plan });
                }
            }
        }
    }
    cases
}

/// All failures of a workload until one goes wrong: how it does.
#[cfg(feature = "planted-defects")]
pub fn first_wrong(workload: &'static Workload) -> Option<String> {
    let cases = cases_of(&[workload]);
    cases.iter().find_map(|case| case.judged().err())
}

/// After a sync that failed and left its bytes in the page cache only, the next process reads the
/// medium: what it sees of the log is still there when the power fails at once.
pub fn medium_is_read() -> Result<usize, String> {
    let mut cases = 0;
    for nth in 1.. {
        let case = Case {
            workload: super::workloads::named("singles"),
            plan: FaultPlan {
                nth,
                kind: FaultKind::SyncKeepsNew,
                repeat: Repeat::Once,
                on: FaultOn::Sync,
            },
        };
        let world = World::faulty(seed_of(case.workload), Some(case.failing()));
        world.disk().set_fault(case.plan);
        let _ = (case.workload.run)(&world);
        if world.disk().fault_hits() == 0 {
            return Ok(cases);
        }
        world.disk().clear_fault();
        if !world.books().promise.created {
            continue;
        }
        cases += 1;
        let next = world.after_kill();
        let seen = next.open(SyncMode::Full)?.db.snapshot();
        let seen = seen.map_err(|e| e.to_string())?.token().index;
        let after = next.disk().fork_at_crash(&CrashChoice::None);
        let left = next.options_on(after, SyncMode::Full).open(PATH);
        let left = left.and_then(|db| db.snapshot());
        let left = left.map_err(|e| e.to_string())?.token().index;
        if left < seen {
            return Err(format!(
                "sync {nth}: {seen} commits seen, {left} on the medium"
            ));
        }
    }
    Ok(cases)
}

#[test]
fn the_next_process_reads_the_medium_after_a_failed_sync() {
    assert!(medium_is_read().unwrap() > 20);
}

/// A commit, made while a checkpoint waited for its sync, failed, and with it the region of the log that both had
/// turned to; the checkpoint's own sync succeeded, its header named that region, and after a power loss the
/// database could not be opened.
#[test]
fn a_checkpoint_named_what_a_failed_commit_of_its_handle_had_lost() {
    let workload = super::workloads::named("own-commits");
    let mut struck = 0;
    for kind in [FaultKind::SyncKeepsNew, FaultKind::SyncReverts] {
        for nth in 1.. {
            let plan = FaultPlan {
                nth,
                kind,
                repeat: Repeat::Once,
                on: FaultOn::Sync,
            };
            match (Case { workload, plan }).judged().unwrap() {
                Struck::Nothing => break,
                _ => struck += 1,
            }
        }
    }
    assert!(struck > 60, "{struck}");
}

#[test]
fn failing_calls_lose_nothing_acknowledged() {
    let started = Instant::now();
    let wanted = Wanted::from_environment();
    let cases = cases(wanted.as_ref());
    let (next, struck) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let unjudged = AtomicUsize::new(0);
    let violations = Mutex::new(Vec::new());
    let work = || {
        while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
            match case.judged() {
                Ok(Struck::Nothing) => {}
                Ok(how) => {
                    struck.fetch_add(1, Ordering::Relaxed);
                    unjudged.fetch_add(usize::from(how == Struck::Unjudged), Ordering::Relaxed);
                }
                Err(text) => violations.lock().unwrap().push(text),
            }
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(work);
        scope.spawn(work);
    });
    let violations = violations.into_inner().unwrap();
    let struck = struck.into_inner();
    for text in violations.iter().take(400) {
        println!("{text}");
    }
    println!(
        "faults           {struck:>7} failing calls, {} of them where nothing is promised, {:>3} violations {:>6.2} s",
        unjudged.into_inner(),
        violations.len(),
        started.elapsed().as_secs_f64()
    );
    assert!(violations.is_empty(), "{} violations", violations.len());
    assert!(struck > 0, "no call failed: {wanted:?}");
    let few = wanted.is_some() || std::env::var_os("CREEL_FAULT_PLACES").is_some();
    assert!(few || struck >= FLOOR, "{struck} failing calls are too few");
}
