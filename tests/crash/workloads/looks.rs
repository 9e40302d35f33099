//! Checks and exports while calls fail: an error, the truth, or damage that names what could not be read; never a
//! clean verdict with less looked at. The file is put there whole, so that every call is one of a look.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use creel::format::frame::EntryKind;
use creel::format::op::Op;
use creel::{Depth, NoProgress, SyncMode, Verdict, VerifyOptions, VerifyReport};

use crate::group;
use crate::model::Content;
use crate::verdict::{Subject, export};
use crate::world::{Outcome, PATH, World};

/// A file, and what is true of it.
struct Truth {
    bytes: Vec<u8>,
    content: Arc<Content>,
    index: u64,
    /// At levels quick, full and deep.
    reports: [VerifyReport; 3],
}

const LEVELS: [Depth; 3] = [Depth::Quick, Depth::Full, Depth::Deep];

/// A file with every kind of page and of log entry.
fn whole() -> &'static Truth {
    static WHOLE: OnceLock<Truth> = OnceLock::new();
    WHOLE.get_or_init(|| Truth::of(false))
}

/// The same with an entry at its end that uses a keyspace which there is not: only a look at the catalogue tells.
fn damaged() -> &'static Truth {
    static DAMAGED: OnceLock<Truth> = OnceLock::new();
    DAMAGED.get_or_init(|| Truth::of(true))
}

impl Truth {
    fn of(damaged: bool) -> Truth {
        let subject = Subject::everything();
        let world = World::quiet(1);
        world.disk().install(Path::new(PATH), &subject.bytes);
        if damaged {
            let mut payload = Vec::new();
            let put = Op::Put {
                keyspace: 77,
                key: b"nowhere",
                value: b"1",
            };
            put.encode(&mut payload);
            group::append_entry(&world, EntryKind::Commit, 1, &payload).expect("an entry");
        }
        let report = |level| verify(&world, level).expect("a report");
        let reports = LEVELS.map(report);
        assert_eq!(reports[2].verdict == Verdict::Damaged, damaged);
        Truth {
            bytes: world.disk().contents(Path::new(PATH)).expect("the file"),
            content: Arc::clone(&subject.history[subject.last as usize]),
            index: subject.last,
            reports,
        }
    }

    fn put(&self, world: &World) {
        world.disk().install(Path::new(PATH), &self.bytes);
    }

    /// What comes after is judged by it.
    fn begin(&self, world: &World) {
        let mut books = world.books();
        books.begin_anew(Arc::clone(&self.content), self.index);
        books.promise.created = true;
        // It is a primary's, whose checkpoints leave an entry.
        books.promise.marks = 1;
    }
}

fn verify(world: &World, level: Depth) -> creel::Result<VerifyReport> {
    let options = VerifyOptions {
        level,
        vfs: world.disk(),
        ..VerifyOptions::default()
    };
    creel::verify(Path::new(PATH), &options, &NoProgress)
}

pub fn verify_whole(world: &World) -> Outcome {
    let truth = whole();
    truth.put(world);
    truth.begin(world);
    check(world, truth)
}

pub fn verify_damaged(world: &World) -> Outcome {
    let truth = damaged();
    truth.put(world);
    // Nobody writes, and what is there is nobody's history.
    world.books().promise.lossy = true;
    check(world, truth)
}

fn check(world: &World, truth: &Truth) -> Outcome {
    let mut stopped = Ok(());
    for (level, truth) in LEVELS.into_iter().zip(&truth.reports) {
        match verify(world, level) {
            Ok(found) if owns_up(world, &found) => {}
            Ok(found) => same(&found, truth).map_err(|text| format!("verify {level:?}: {text}"))?,
            Err(e) => {
                let text = world.stop(format!("verify {level:?}: {e:?}"));
                if !text.starts_with("stopped: ") {
                    return Err(text);
                }
                stopped = Err(text);
            }
        }
    }
    stopped
}

/// Damage, and among it what the system did not let be read.
fn owns_up(world: &World, found: &VerifyReport) -> bool {
    let Some(failing) = world.failing else {
        return false;
    };
    let error = failing.kind.error().to_string();
    let named = found.findings.iter().any(|f| f.detail.contains(&error));
    found.verdict >= Verdict::Damaged && named
}

fn same(found: &VerifyReport, truth: &VerifyReport) -> Outcome {
    if found.verdict != truth.verdict {
        let first = found.findings.first();
        return Err(format!(
            "{:?} instead of {:?}: {first:?}, {:?}",
            found.verdict, truth.verdict, found.notes
        ));
    }
    if let Some((is, was)) = found
        .checked
        .iter()
        .zip(&truth.checked)
        .find(|(a, b)| a != b)
    {
        return Err(format!(
            "{:?} with {is:?} instead of {was:?}",
            found.verdict
        ));
    }
    let rest = |r: &VerifyReport| {
        let counts = [r.pages, r.entries, r.frames, r.generation, r.last_index];
        let said = (r.findings.clone(), r.findings_left_out);
        (counts, said, r.lossless_fallback, r.checked.len())
    };
    match rest(found) == rest(truth) {
        true => Ok(()),
        false => Err(format!("{:?} instead of {:?}", rest(found), rest(truth))),
    }
}

/// All entries as text.
pub fn exported(world: &World) -> Outcome {
    let truth = whole();
    truth.put(world);
    truth.begin(world);
    let opened = world.options(SyncMode::Full).open(PATH);
    let db = opened.map_err(|e| world.stop(format!("open: {e:?}")))?;
    match export(&db).map_err(|text| world.stop(text))? {
        text if text == truth.content.export()? => Ok(()),
        _ => Err("an export that is not all of it".into()),
    }
}
