//! The verdict on every damaged byte: the answer is right, or the damage is told. A wrong answer
//! that nobody tells is what must not be.
//!
//! For each image: opened, all of it read, exported, verified; then written to, checkpointed,
//! opened and read again.

mod damage;
mod log;
mod program;
mod slack;
mod subject;

use std::path::Path;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use creel::exchange::write::Options;
use creel::{
    CheckpointOptions, Db, Depth, Error, KeyRange, NoProgress, SyncMode, Verdict, VerifyOptions,
    VerifyReport,
};

use super::campaign::guarded;
use super::support::sim::SimDisk;
use super::world::{PATH, World};
pub use damage::{Damage, Steps, all};
pub use subject::Subject;

/// What became of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// The newest content, and nothing to tell.
    Harmless,
    /// The newest content, and `verify` tells of the damage.
    Noticed,
    /// An older state, with a word about the end of the log.
    Dropped,
    /// An older state without a word: a whole page of the log is gone, or back as it was.
    Untold,
    /// Refused, when it was opened or read.
    Refused,
}

/// Looks at one image.
fn judge(subject: &Subject, damage: Damage) -> Result<End, String> {
    let image = damage.image(subject);
    let verdict = verify(&image);
    let world = World::after_crash(Arc::clone(&image), Vec::new(), Default::default(), false);
    // With the lock, so that damage is not taken for somebody's unfinished write.
    let options = world.options(SyncMode::Full).hold_lock(true);
    let end = match options.open(PATH) {
        Ok(db) => read(subject, damage, &image, &db, verdict)?,
        Err(e) => told(e)?,
    };
    let sound = matches!(verdict, Verdict::Clean | Verdict::Recoverable);
    if end == End::Refused && sound {
        return Err(format!("refused, and verify says {verdict:?}"));
    }
    go_on(subject, &image, verdict)?;
    Ok(match (end, verdict) {
        (End::Noticed, Verdict::Clean) => End::Harmless,
        _ => end,
    })
}

/// An error that tells of damage, and nothing else.
fn told(e: Error) -> Result<End, String> {
    match e {
        Error::Corrupt(_) | Error::NotADatabase { .. } => Ok(End::Refused),
        e => Err(format!("an error of another kind: {e} ({e:?})")),
    }
}

fn verify(image: &Arc<SimDisk>) -> Verdict {
    report(image).map_or(Verdict::Unreadable, |report| report.verdict)
}

fn report(image: &Arc<SimDisk>) -> creel::Result<VerifyReport> {
    let options = VerifyOptions {
        level: Depth::Deep,
        vfs: Arc::clone(image) as _,
        ..VerifyOptions::default()
    };
    creel::verify(Path::new(PATH), &options, &NoProgress)
}

/// Reads all there is, in three ways.
fn read(
    subject: &Subject,
    damage: Damage,
    image: &SimDisk,
    db: &Db,
    verdict: Verdict,
) -> Result<End, String> {
    let index = match db.snapshot() {
        Ok(snapshot) => snapshot.token().index,
        Err(e) => return told(e),
    };
    let Some(expected) = subject.history.get(index as usize) else {
        return Err(format!("commit {index} was never made"));
    };
    if let Damage::Copied { instant, .. } = damage
        && index < subject.made[instant]
    {
        let made = subject.made[instant];
        return Err(format!(
            "{index} of the {made} commits of the earlier moment"
        ));
    }
    let by_cursor = match db.snapshot().map(|s| expected.compare_at(&s)) {
        Ok(compared) => compared,
        Err(e) => return told(e),
    };
    match by_cursor {
        Ok(()) => {}
        // Which error it was is told by the same read once more.
        Err(text) if text.starts_with("reading fails") => {
            let end = why(db)?;
            expected
                .compare_what_can_be_got(db)
                .map_err(|text| format!("a wrong answer to get: {text}"))?;
            return match export(db) {
                Ok(_) => Err("an export of what cannot be read".into()),
                Err(_) => Ok(end),
            };
        }
        Err(text) => return Err(format!("a wrong answer: {text}")),
    }
    expected
        .compare_gets(db)
        .map_err(|text| format!("a wrong answer to get: {text}"))?;
    if export(db)? != expected.export()? {
        return Err("a wrong export".into());
    }
    let dropped = index < subject.last;
    if dropped && !damage.is_another_moment() {
        let torn = db.recovery().torn_at.is_some();
        return match verdict {
            Verdict::Recoverable if torn => Ok(End::Dropped),
            // With a whole page of the log gone, or back in an older state, what stood only there
            // is gone without a trace: no frame and no mark behind it is left to prove it.
            _ if damage.takes_log_pages(subject) => {
                let now = image.contents(Path::new(PATH)).unwrap_or_default();
                match subject.log.vouched_for(index, &subject.bytes, &now) {
                    None => Ok(End::Untold),
                    Some(lost) => Err(format!("{index} commits, and what proves {lost} is there")),
                }
            }
            _ => Err(format!(
                "{index} of {} commits, torn {torn}, and verify says {verdict:?}",
                subject.last
            )),
        };
    }
    Ok(End::Noticed)
}

fn why(db: &Db) -> Result<End, String> {
    let all = || -> creel::Result<()> {
        let snapshot = db.snapshot()?;
        snapshot.import_positions()?;
        for name in snapshot.keyspaces()? {
            let mut cursor = snapshot.keyspace(&name)?.cursor(&KeyRange::all());
            while cursor.next_entry()?.is_some() {}
        }
        Ok(())
    };
    match all() {
        Ok(()) => Err("reading fails only sometimes".into()),
        Err(e) => told(e),
    }
}

/// The text of an export, without its frame.
pub fn export(db: &Db) -> Result<Vec<u8>, String> {
    let mut text = Vec::new();
    let fail = |e: &dyn std::fmt::Debug| format!("export: {e:?}");
    let mut export = Options::default()
        .start(Box::new(&mut text))
        .map_err(|e| fail(&e))?;
    let snapshot = db.snapshot().map_err(|e| fail(&e))?;
    for name in snapshot.keyspaces().map_err(|e| fail(&e))? {
        export.keyspace(&name);
        let keyspace = snapshot.keyspace(&name).map_err(|e| fail(&e))?;
        let mut cursor = keyspace.cursor(&KeyRange::all());
        while let Some((key, value)) = cursor.next_entry().map_err(|e| fail(&e))? {
            export.entry(key, value).map_err(|e| fail(&e))?;
        }
    }
    export.finish().map_err(|e| fail(&e))?;
    Ok(text)
}

/// A commit and a checkpoint upon it. They may refuse, where there is damage; what they leave is
/// right, or tells of the damage.
fn go_on(subject: &Subject, image: &Arc<SimDisk>, verdict: Verdict) -> Result<(), String> {
    let sound = matches!(verdict, Verdict::Clean | Verdict::Recoverable);
    let world = World::after_crash(Arc::clone(image), Vec::new(), Default::default(), false);
    let write = || -> creel::Result<u64> {
        let db = world.options(SyncMode::Full).open(PATH)?;
        db.put(b"~after the damage", b"1")?;
        // A primary's checkpoint leaves an entry of its own.
        let index = db.snapshot()?.token().index;
        db.checkpoint(&CheckpointOptions::default(), &NoProgress)?;
        Ok(index)
    };
    let index = match write() {
        Ok(index) => index,
        // An older page or header: an epoch was about to begin, and promote finishes that.
        Err(Error::Fenced { .. }) => return Ok(()),
        Err(e) if sound => return Err(format!("verify finds no damage, but: {e}")),
        Err(e) => return told(e).map(|_| ()),
    };
    let look = || -> creel::Result<Result<(), String>> {
        let db = world.options(SyncMode::Full).open(PATH)?;
        let snapshot = db.snapshot()?;
        let before = index - 1;
        let expected = subject.history.get(before as usize);
        let put = super::model::Change::put("~after the damage", b"1".to_vec());
        Ok(match expected {
            Some(expected) => expected.after(&put).compare_at(&snapshot),
            None => Err(format!("commit {before} was never made")),
        })
    };
    match look() {
        Ok(Ok(())) => {}
        Ok(Err(text)) if text.starts_with("reading fails") && !sound => {
            return match verify(image) {
                Verdict::Clean | Verdict::Recoverable => Err("a checkpoint hid the damage".into()),
                Verdict::Damaged | Verdict::Unreadable => Ok(()),
            };
        }
        Ok(Err(text)) => return Err(format!("after a checkpoint: {text}")),
        Err(e) if sound => return Err(format!("after a checkpoint: {e}")),
        Err(e) => return told(e).map(|_| ()),
    }
    match verify(image) {
        Verdict::Clean => Ok(()),
        _ if !sound => Ok(()),
        _ => Err(format!(
            "after a checkpoint verify says {:?}",
            report(image).map(|r| r.findings)
        )),
    }
}

/// Counts by end, and what was wrong.
#[derive(Default)]
pub struct Tally {
    images: AtomicUsize,
    refused: AtomicUsize,
    noticed: AtomicUsize,
    dropped: AtomicUsize,
    untold: AtomicUsize,
    slack: AtomicUsize,
    pub wrong: Mutex<Vec<String>>,
}

/// Looks at all the damages, or until many are wrong.
pub fn run(subject: &Subject, damages: &[Damage], tally: &Tally) {
    let next = AtomicUsize::new(0);
    let work = || {
        while let Some(damage) = damages.get(next.fetch_add(1, Ordering::Relaxed)) {
            tally.images.fetch_add(1, Ordering::Relaxed);
            let wrong = match guarded(|| judge(subject, *damage)) {
                Ok(End::Refused) => {
                    tally.refused.fetch_add(1, Ordering::Relaxed);
                    continue;
                }
                Ok(End::Noticed) => {
                    tally.noticed.fetch_add(1, Ordering::Relaxed);
                    continue;
                }
                Ok(End::Dropped) => {
                    tally.dropped.fetch_add(1, Ordering::Relaxed);
                    continue;
                }
                Ok(End::Untold) => {
                    tally.untold.fetch_add(1, Ordering::Relaxed);
                    continue;
                }
                Ok(End::Harmless) if damage.is_slack(subject) || damage.is_another_moment() => {
                    tally.slack.fetch_add(1, Ordering::Relaxed);
                    continue;
                }
                Ok(End::Harmless) => "verify does not notice it".to_owned(),
                Err(text) => text,
            };
            let mut all = tally.wrong.lock().unwrap();
            all.push(format!(
                "CREEL_VERDICT='{}/{damage}' cargo test --test crash every_damaged -- --nocapture\n    {wrong}",
                subject.name
            ));
            if all.len() > 50 {
                return;
            }
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(work);
        scope.spawn(work);
    });
}

/// Every fifth byte in use; `CREEL_VERDICT_STEP=1` for each, 0 for every length and all slack too.
fn steps() -> [Steps; 2] {
    let step = match std::env::var("CREEL_VERDICT_STEP") {
        Ok(text) => text.parse().expect("CREEL_VERDICT_STEP is a number"),
        Err(_) => 5,
    };
    let all = Steps {
        bytes: 1,
        slack: 1,
        lengths: 1,
    };
    let some = |bytes, rest| Steps {
        bytes,
        slack: rest,
        lengths: 2 * rest,
    };
    match step {
        0 => [all; 2],
        n => [some(n, 4 * n), some(3 * n, 16 * n)],
    }
}

/// The file and the damage that the environment asks for.
fn asked_for() -> Option<(String, Damage)> {
    let text = std::env::var("CREEL_VERDICT").ok()?;
    let (name, text) = text.split_once('/').expect("a line as it was printed");
    let damage = Damage::parse(text).expect("a damage as it was printed");
    Some((name.to_owned(), damage))
}

/// Images of each file in which a page of the log is gone and nothing is left that proves it: every page is swapped with
/// every other and put back as it was, whatever is asked for else.
const UNTOLD: [usize; 2] = [16, 15];

#[test]
fn every_damaged_byte_is_told_or_harmless() {
    let subjects = [Subject::everything(), Subject::both_regions()];
    if let Some((name, damage)) = asked_for() {
        let subject = subjects.iter().find(|s| s.name == name);
        let subject = subject.expect("a name as it was printed");
        let tally = Tally::default();
        run(subject, &[damage], &tally);
        let wrong = tally.wrong.into_inner().unwrap();
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        println!("nothing is wrong with this image");
        return;
    }
    let mut images = 0;
    let mut least = 0;
    let mut gone = Vec::new();
    let mut wrong = Vec::new();
    for (subject, steps) in subjects.iter().zip(steps()) {
        let started = Instant::now();
        let tally = Tally::default();
        let damages = all(subject, steps);
        least += damages.len();
        run(subject, &damages, &tally);
        let count = |n: &AtomicUsize| n.load(Ordering::Relaxed);
        let found = tally.wrong.into_inner().unwrap();
        println!(
            "verdict          {:>8} images of {} ({} bytes): refused {} told {} tail dropped {} \
             with a page of the log {} in slack {} wrong {} {:.2} s",
            count(&tally.images),
            subject.name,
            subject.bytes.len(),
            count(&tally.refused),
            count(&tally.noticed),
            count(&tally.dropped),
            count(&tally.untold),
            count(&tally.slack),
            found.len(),
            started.elapsed().as_secs_f64()
        );
        images += count(&tally.images);
        gone.push(count(&tally.untold));
        wrong.extend(found);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(images, least);
    assert_eq!(
        gone, UNTOLD,
        "images with a page of the log that is gone untold"
    );
}
