//! What one thread does.

use creel::{CheckpointOptions, Db, Error, NoProgress};
use shuttle::thread;

use super::books::{COUNT, told};
use super::model::Change;
use super::rng::Rng;
use super::stage::{COPY, Stage, begin_epoch, key};
use super::{Outcome, PATH};

pub type Act = Box<dyn FnOnce(&Stage) -> Outcome + Send>;

/// Values of which a few fill the log, where `large`.
pub fn value(rng: &mut Rng, large: bool) -> Vec<u8> {
    let len = if large { 17_000 } else { 60 };
    let len = len + rng.below(40);
    rng.bytes(len)
}

/// Puts keys of its own, and sees each as soon as it is confirmed.
pub fn writer(me: usize, times: usize, large: bool) -> Act {
    Box::new(move |stage| {
        let mut rng = Rng::new(stage.seed ^ me as u64);
        for i in 0..times {
            let own = format!("w{me}/{i}");
            let value = value(&mut rng, large);
            let change =
                Change::put(&own, value.clone()).and_put("main", &key(i * 7 + me), vec![b'v'; 40]);
            let commit = stage.db.write(change.batch()).map_err(told("put"))?;
            stage.books.confirm(&commit, change)?;
            let seen = stage.db.get(own.as_bytes()).map_err(told("get"))?;
            if seen.as_ref() != Some(&value) {
                return Err(format!("{own} was confirmed, and is not seen"));
            }
        }
        Ok(())
    })
}

/// Several batches at once.
pub fn group(me: usize, size: usize) -> Act {
    Box::new(move |stage| {
        let changes: Vec<Change> = (0..size)
            .map(|i| Change::put(&format!("g{me}/{i}"), vec![i as u8; 30]))
            .collect();
        let results = stage
            .db
            .write_all(changes.iter().map(Change::batch).collect());
        for (result, change) in results.into_iter().zip(changes) {
            stage
                .books
                .confirm(&result.map_err(told("group"))?, change)?;
        }
        Ok(())
    })
}

/// Reads a number and puts the next one, if nobody was quicker.
pub fn counter(times: usize) -> Act {
    Box::new(move |stage| {
        for _ in 0..times {
            let now = stage.db.get(COUNT).map_err(told("get"))?;
            let next = 1 + now.as_ref().map_or(0, |now| now.len());
            let change = Change::put("count", vec![b'i'; next]);
            let mut batch = change.batch();
            match &now {
                Some(now) => batch.require_equals(COUNT, now),
                None => batch.require_absent(COUNT),
            };
            match stage.db.write(batch) {
                Ok(commit) => stage.books.confirm(&commit, change)?,
                Err(Error::Precondition { .. }) => {}
                Err(e) => return Err(told("count")(e)),
            }
        }
        Ok(())
    })
}

pub fn fold(db: &Db) -> Outcome {
    db.checkpoint(&CheckpointOptions::default(), &NoProgress)
        .map(|_| ())
        .map_err(told("checkpoint"))
}

pub fn checkpointer(times: usize) -> Act {
    Box::new(move |stage| (0..times).try_for_each(|_| fold(&stage.db)))
}

/// Keeps a snapshot while others go on, and looks at it again.
pub fn reader(times: usize) -> Act {
    Box::new(move |stage| {
        let mut kept = Vec::new();
        for _ in 0..times {
            let snapshot = stage.db.snapshot().map_err(told("snapshot"))?;
            stage.books.look(&snapshot)?;
            kept.push(snapshot);
        }
        kept.iter()
            .try_for_each(|snapshot| stage.books.look(snapshot))
    })
}

/// The power goes, as far as the medium is concerned.
pub fn power(times: usize) -> Act {
    Box::new(move |stage| {
        for _ in 0..times {
            thread::yield_now();
            stage.books.cut(&stage.disk);
        }
        Ok(())
    })
}

/// Does it with a handle of its own, as another process would.
pub fn stranger(act: Act) -> Act {
    Box::new(move |stage| {
        let db = stage
            .open
            .clone()
            .open(PATH)
            .map_err(told("open another"))?;
        let own = Stage {
            db,
            ..stage.clone()
        };
        act(&own)
    })
}

/// Puts until an epoch begins that its handle was not opened in; `of` is the one that it was.
pub fn deposed(me: usize, of: Option<u32>) -> Act {
    Box::new(move |stage| {
        for i in 0..4 {
            let change = Change::put(&format!("d{me}/{i}"), vec![b'd'; 30]);
            match stage.db.write(change.batch()) {
                Ok(commit) if of.is_some_and(|of| commit.token.epoch != of) => {
                    let text = format!("a handle of epoch {of:?} wrote {}", commit.token);
                    return Err(text);
                }
                Ok(commit) => stage.books.confirm(&commit, change)?,
                Err(Error::Fenced { .. }) => {
                    // Once refused, for ever, and not a byte of it is there.
                    let again = stage.db.write(change.batch());
                    return match again {
                        Err(Error::Fenced { .. }) => Ok(()),
                        other => Err(format!("a deposed handle was told {other:?}")),
                    };
                }
                Err(e) => return Err(told("put")(e)),
            }
        }
        Ok(())
    })
}

/// Begins an epoch, and writes in it.
pub fn promoter(stage: &Stage) -> Outcome {
    let commit = begin_epoch(&stage.db)?;
    stage.books.confirm(&commit, Change::default())?;
    writer(9, 2, false)(stage)
}

/// Does it with the copy.
pub fn in_copy(act: Act) -> Act {
    Box::new(move |stage| {
        let db = stage
            .open
            .clone()
            .open(COPY)
            .map_err(told("open the copy"))?;
        let own = Stage {
            db,
            ..stage.clone()
        };
        act(&own)
    })
}

/// Brings the copy up to what its primary has now, so many times.
pub fn follower(times: usize) -> Act {
    Box::new(move |stage| {
        let copy = stage
            .open
            .clone()
            .open(COPY)
            .map_err(told("open the copy"))?;
        for _ in 0..times {
            pull(&stage.db, &copy)?;
        }
        Ok(())
    })
}

pub fn pull(from: &Db, copy: &Db) -> Outcome {
    let position = copy.position().map_err(told("position"))?;
    let mut reader = from.log_reader(&position).map_err(told("read the log"))?;
    loop {
        let entries = reader.read(2, 1 << 20).map_err(told("read entries"))?;
        if entries.is_empty() {
            return Ok(());
        }
        copy.apply(&entries).map_err(told("apply"))?;
    }
}
