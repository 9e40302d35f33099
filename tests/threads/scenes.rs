//! Which threads there are, and what must hold of what they did.

use std::sync::Arc;

use creel::{CompactOptions, NoProgress, SyncMode};

use super::acts::*;
use super::books::{Books, told};
use super::model::Change;
use super::stage::{COPY, PAIR, Stage, first};
use super::support::sim::{FaultKind, FaultOn, FaultPlan, Repeat, SimDisk};
use super::{Outcome, PATH};

/// One scene: what a schedule runs.
#[derive(Debug)]
pub struct Scene {
    pub name: &'static str,
    pub run: fn(seed: u64) -> Outcome,
}

pub const SCENES: &[Scene] = &[
    Scene {
        name: "callers",
        run: callers,
    },
    Scene {
        name: "checkpoints",
        run: checkpoints,
    },
    Scene {
        name: "background",
        run: background,
    },
    Scene {
        name: "pins",
        run: pins,
    },
    Scene {
        name: "regions",
        run: regions,
    },
    Scene {
        name: "epochs",
        run: epochs,
    },
    Scene {
        name: "following",
        run: following,
    },
    Scene {
        name: "failing",
        run: failing,
    },
];

fn sync_of(seed: u64) -> SyncMode {
    match seed % 4 {
        0 => SyncMode::Off,
        1 => SyncMode::Normal,
        _ => SyncMode::Full,
    }
}

fn judge(seed: u64, (disk, books): (Arc<SimDisk>, Books)) -> Outcome {
    books.judge(&disk, sync_of(seed))
}

/// Group commit: who leads, who is served, with whose result.
fn callers(seed: u64) -> Outcome {
    let stage = Stage::new(seed, |open| open.sync(sync_of(seed)))?;
    let acts = vec![
        writer(1, 2, false),
        writer(2, 2, false),
        group(3, 3),
        counter(2),
        stranger(counter(2)),
        power(3),
    ];
    judge(seed, stage.play(acts)?)
}

/// The swap of the tree against commits and snapshots.
fn checkpoints(seed: u64) -> Outcome {
    let stage = Stage::new(seed, |open| open.sync(sync_of(seed)))?;
    let acts = vec![
        writer(1, 3, false),
        writer(2, 2, false),
        checkpointer(2),
        reader(2),
        power(3),
    ];
    judge(seed, stage.play(acts)?)
}

/// Checkpoints in a thread of the handle's own, begun by commits.
fn background(seed: u64) -> Outcome {
    let stage = Stage::new(seed, |open| {
        let open = open.sync(sync_of(seed)).checkpoint_at(Some(8 << 10));
        open.background_checkpoint(true)
    })?;
    let acts = vec![writer(1, 3, true), writer(2, 3, true), reader(2), power(2)];
    judge(seed, stage.play(acts)?)
}

/// Readers of older generations against whoever uses pages again.
fn pins(seed: u64) -> Outcome {
    let stage = Stage::new(seed, |open| open.sync(sync_of(seed)))?;
    let folds = |me: usize| -> Act {
        Box::new(move |stage: &Stage| {
            for round in 0..2 {
                writer(me * 10 + round, 1, false)(stage)?;
                fold(&stage.db)?;
            }
            Ok(())
        })
    };
    let compacts: Act = Box::new(|stage| {
        let done = stage.db.compact(&CompactOptions::default(), &NoProgress);
        done.map(|_| ()).map_err(told("compact"))
    });
    let mut acts = vec![
        reader(2),
        stranger(reader(1)),
        folds(1),
        stranger(folds(2)),
        power(3),
    ];
    if seed.is_multiple_of(3) {
        acts.push(compacts);
    }
    judge(seed, stage.play(acts)?)
}

/// The log turns from one region to the other under commits, checkpoints and readers of several processes.
fn regions(seed: u64) -> Outcome {
    let stage = Stage::new(seed, |open| open.sync(sync_of(seed)))?;
    let acts = vec![
        writer(1, 3, true),
        stranger(writer(2, 3, true)),
        checkpointer(1),
        stranger(reader(2)),
        power(2),
    ];
    judge(seed, stage.play(acts)?)
}

/// An epoch begins in place, while handles of the one before write.
fn epochs(seed: u64) -> Outcome {
    let stage = Stage::new(seed, |open| open.sync(sync_of(seed)))?;
    let acts = vec![
        deposed(1, Some(1)),
        deposed(2, Some(1)),
        // It may be opened in either.
        stranger(deposed(3, None)),
        stranger(Box::new(promoter)),
        reader(2),
        power(2),
    ];
    judge(seed, stage.play(acts)?)
}

/// A copy takes entries from the log while that is written, turned and folded, and is read and folded itself.
fn following(seed: u64) -> Outcome {
    let stage = Stage::on(&PAIR, seed, |open| open.sync(sync_of(seed)))?;
    stage.books.begin([first(), Change::default()]);
    stage.books.expect_markers();
    let acts = vec![
        writer(1, 2, true),
        writer(2, 2, false),
        checkpointer(1),
        follower(3),
        in_copy(reader(2)),
        in_copy(checkpointer(1)),
    ];
    let open = stage.open.clone();
    let (disk, books) = stage.play(acts)?;
    let [from, copy] = [PATH, COPY].map(|path| open.clone().open(path).map_err(told("open")));
    let (from, copy) = (from?, copy?);
    pull(&from, &copy)?;
    books.look(&copy.snapshot().map_err(told("snapshot"))?)?;
    drop((from, copy));
    judge(seed, (disk, books))
}

/// One call fails, while others are made.
fn failing(seed: u64) -> Outcome {
    let stage = Stage::new(seed, |open| open)?;
    let kinds = [
        (FaultOn::Sync, FaultKind::SyncKeepsNew),
        (FaultOn::Sync, FaultKind::SyncReverts),
        (FaultOn::Sync, FaultKind::Errno(libc::ENOSPC)),
        (FaultOn::Write, FaultKind::Errno(libc::ENOSPC)),
        (FaultOn::Write, FaultKind::ShortWriteThenError(libc::EIO)),
    ];
    let (on, kind) = kinds[(seed % 5) as usize];
    stage.disk.set_fault(FaultPlan {
        nth: 1 + (seed / 5 % 12) as usize,
        kind,
        repeat: Repeat::Once,
        on,
    });
    let tries = |me: usize| -> Act {
        Box::new(move |stage: &Stage| {
            for i in 0..3 {
                let change = Change::put(&format!("f{me}/{i}"), vec![me as u8; 50]);
                match stage.db.write(change.batch()) {
                    Ok(commit) => stage.books.confirm(&commit, change)?,
                    Err(_) => stage.books.leave_open(change),
                }
            }
            Ok(())
        })
    };
    let folds: Act = Box::new(|stage| {
        // What it comes to is seen in the file.
        let _ = fold(&stage.db);
        let _ = fold(&stage.db);
        Ok(())
    });
    let disk = Arc::clone(&stage.disk);
    let books = stage.books.clone();
    match stage.play(vec![tries(1), tries(2), folds]) {
        Ok(_) => {}
        Err(text) if text.starts_with("close") => {}
        Err(text) => return Err(text),
    }
    disk.clear_fault();
    books.judge_failed(&disk)
}
