//! Several processes at once, one system call at a time: a seed decides who makes the next call.
//! The engine runs unchanged; each actor has a handle of its own, as another process would, and
//! waiting for a lock is a call like any other. The same seed is the same schedule.
//!
//! `CREEL_SCHEDULES=N` runs N of them; `CREEL_SCHEDULE=seed`, as a failure prints it, one again.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Instant;

use creel::sys::Vfs;
use creel::{Batch, CheckpointOptions, CompactOptions, Db, Error, NoProgress, OpenOptions};

use super::campaign::guarded;
use super::model::{Change, Content};
use super::rng::{Rng, mix};
use super::support::sim::{CrashChoice, InTurns, SimDisk, Turn};
use super::workloads::{key, small};
use super::world::{Outcome, PATH};

/// Who may make the next call.
#[derive(Debug)]
struct Turns {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    alive: Vec<bool>,
    now: usize,
    rng: u64,
    /// Of 16: how often the present one goes on.
    keeps: u64,
    calls: usize,
}

impl Turns {
    fn new(actors: usize, seed: u64) -> Turns {
        Turns {
            state: Mutex::new(State {
                alive: vec![true; actors],
                now: 0,
                rng: seed,
                keeps: mix(seed) % 16,
                calls: 0,
            }),
            changed: Condvar::new(),
        }
    }

    fn pick(state: &mut State) {
        state.rng = mix(state.rng);
        state.calls += 1;
        let alive: Vec<usize> = (0..state.alive.len()).filter(|i| state.alive[*i]).collect();
        if alive.is_empty() || (state.alive[state.now] && state.rng % 16 < state.keeps) {
            return;
        }
        state.now = alive[(state.rng >> 8) as usize % alive.len()];
    }

    /// Lets whoever is next go on, and waits for the own turn.
    fn turn(&self, me: usize) {
        let mut state = self.state.lock().unwrap();
        assert!(state.calls < 1_000_000, "they wait for each other");
        if state.now == me {
            Turns::pick(&mut state);
            self.changed.notify_all();
        }
        while state.now != me {
            state = self.changed.wait(state).unwrap();
        }
    }

    fn end(&self, me: usize) {
        let mut state = self.state.lock().unwrap();
        state.alive[me] = false;
        Turns::pick(&mut state);
        self.changed.notify_all();
    }
}

/// The turns of one actor.
#[derive(Debug)]
struct Taking {
    turns: Arc<Turns>,
    me: usize,
}

impl Turn for Taking {
    fn turn(&self) {
        self.turns.turn(self.me);
    }

    fn in_halves(&self) -> bool {
        true
    }
}

/// What the actors have done and seen.
#[derive(Default)]
struct Books {
    commits: BTreeMap<u64, Change>,
    seen: Vec<(u64, Content)>,
    increments: u64,
}

type Shared = Arc<Mutex<Books>>;

fn note(books: &Shared, index: u64, change: Change) -> Outcome {
    match books.lock().unwrap().commits.insert(index, change) {
        None => Ok(()),
        Some(_) => Err(format!("two commits have index {index}")),
    }
}

fn told(what: &'static str) -> impl Fn(Error) -> String {
    move |e| format!("{what}: {e} ({e:?})")
}

/// Writes, with values that fill the log now and then.
fn writer(open: &OpenOptions, seed: u64, books: &Shared) -> Outcome {
    let db = open.clone().open(PATH).map_err(told("open"))?;
    let mut rng = Rng::new(seed);
    for i in 0..4 {
        let len = if rng.below(3) == 0 { 17_000 } else { 60 };
        let change = Change::put(&key(rng.below(30)), rng.bytes(len + i));
        let commit = db.write(change.batch()).map_err(told("put"))?;
        note(books, commit.token.index, change)?;
    }
    Ok(())
}

/// Reads a number and puts the next one, if nobody was quicker.
fn counter(open: &OpenOptions, books: &Shared) -> Outcome {
    let db = open.clone().open(PATH).map_err(told("open"))?;
    for _ in 0..4 {
        let now = db.get(b"count").map_err(told("get"))?;
        let next = 1 + now.as_deref().map_or(0, number);
        let text = next.to_string().into_bytes();
        let change = Change::put("count", text.clone());
        let mut batch: Batch = change.batch();
        match &now {
            Some(now) => batch.require_equals(b"count", now),
            None => batch.require_absent(b"count"),
        };
        match db.write(batch) {
            Ok(commit) => {
                note(books, commit.token.index, change)?;
                books.lock().unwrap().increments += 1;
            }
            Err(Error::Precondition { .. }) => {}
            Err(e) => return Err(told("count")(e)),
        }
    }
    Ok(())
}

fn number(text: &[u8]) -> u64 {
    String::from_utf8_lossy(text).parse().unwrap_or(u64::MAX)
}

fn checkpointer(open: &OpenOptions, compacts: bool) -> Outcome {
    let db = open.clone().open(PATH).map_err(told("open"))?;
    for _ in 0..2 {
        db.checkpoint(&CheckpointOptions::default(), &NoProgress)
            .map_err(told("checkpoint"))?;
    }
    if compacts {
        db.compact(&CompactOptions::default(), &NoProgress)
            .map_err(told("compact"))?;
    }
    Ok(())
}

/// Keeps a snapshot for a while, and looks twice.
fn reader(open: &OpenOptions, books: &Shared) -> Outcome {
    let db: Db = open.clone().open(PATH).map_err(told("open to read"))?;
    for _ in 0..2 {
        let snapshot = db.snapshot().map_err(told("snapshot"))?;
        let index = snapshot.token().index;
        let first = Content::of_snapshot(&snapshot)?;
        let again = Content::of_snapshot(&snapshot)?;
        if first != again {
            return Err(format!("a snapshot of commit {index} has changed"));
        }
        books.lock().unwrap().seen.push((index, first));
    }
    Ok(())
}

/// One schedule; gives how many calls it had.
pub fn one(seed: u64) -> Outcome<usize> {
    let disk = SimDisk::new(seed);
    let on = |vfs: Arc<dyn Vfs>| {
        let options = OpenOptions::new().vfs(vfs).mmap(false);
        options.background_checkpoint(false).checkpoint_at(None)
    };
    let books: Shared = Arc::default();
    let db = on(Arc::clone(&disk) as _)
        .create(PATH, &small())
        .map_err(told("create"))?;
    let mut first = Change::default();
    for i in 0..40 {
        first = first.and_put("main", &key(i), vec![i as u8; 90]);
    }
    let commit = db.write(first.batch()).map_err(told("first"))?;
    note(&books, commit.token.index, first)?;
    db.checkpoint(&CheckpointOptions::default(), &NoProgress)
        .map_err(told("first checkpoint"))?;
    drop(db);
    let actors = 6;
    let turns = Arc::new(Turns::new(actors, seed));
    let act = |me: usize| -> Outcome {
        let taking = Taking {
            turns: Arc::clone(&turns),
            me,
        };
        turns.turn(me);
        let open = on(Arc::new(InTurns::new(Arc::clone(&disk), taking)));
        let done = guarded(|| match me {
            0 => writer(&open, mix(seed), &books),
            1 | 2 => counter(&open, &books),
            3 => checkpointer(&open, seed.is_multiple_of(4)),
            4 => reader(&open, &books),
            _ => reader(&open.clone().read_only(true), &books),
        });
        // Its handle is gone by now, or a panic has ended it.
        turns.end(me);
        done.map_err(|text| format!("actor {me}: {text}"))
    };
    let outcomes: Vec<Outcome> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..actors).map(|me| scope.spawn(move || act(me))).collect();
        let joined = threads.into_iter().map(|t| t.join());
        joined
            .map(|r| r.unwrap_or_else(|_| Err("a panic".into())))
            .collect()
    });
    for outcome in outcomes {
        outcome?;
    }
    judge(&disk, &books.lock().unwrap(), &on)?;
    let calls = turns.state.lock().unwrap().calls;
    Ok(calls)
}

/// Every reader saw what some commit left, and all commits are there, on the medium too.
fn judge(disk: &Arc<SimDisk>, books: &Books, on: &dyn Fn(Arc<dyn Vfs>) -> OpenOptions) -> Outcome {
    let mut history = vec![Content::default()];
    for (n, (index, change)) in books.commits.iter().enumerate() {
        if *index != n as u64 + 1 {
            return Err(format!("no commit has index {}", n + 1));
        }
        history.push(history[n].after(change));
    }
    for (index, content) in &books.seen {
        if history.get(*index as usize) != Some(content) {
            return Err(format!("a reader of commit {index} saw something else"));
        }
    }
    let last = &history[history.len() - 1];
    for image in [Arc::clone(disk), disk.fork_at_crash(&CrashChoice::None)] {
        let db = on(image as _).open(PATH).map_err(told("in the end"))?;
        last.compare(&db)?;
        let count = db.get(b"count").map_err(told("count"))?;
        if count.as_deref().map_or(0, number) != books.increments {
            return Err(format!("{} increments lead to {count:?}", books.increments));
        }
    }
    Ok(())
}

fn schedules() -> u64 {
    let text = std::env::var("CREEL_SCHEDULES");
    text.map_or(300, |text| {
        text.parse().expect("CREEL_SCHEDULES is a number")
    })
}

#[test]
fn processes_in_any_order_of_calls_keep_every_promise() {
    if let Ok(seed) = std::env::var("CREEL_SCHEDULE") {
        let outcome = one(seed.parse().expect("CREEL_SCHEDULE is a seed"));
        println!("{} calls, nothing is wrong", outcome.unwrap());
        return;
    }
    let started = Instant::now();
    let (mut calls, mut wrong) = (0, Vec::new());
    for n in 0..schedules() {
        let seed = mix(n ^ 0x5c4ed);
        match one(seed) {
            Ok(made) => calls += made,
            Err(text) => wrong.push(format!(
                "CREEL_SCHEDULE={seed} cargo test --test crash any_order -- --nocapture\n    {text}"
            )),
        }
        if wrong.len() > 10 {
            break;
        }
    }
    println!(
        "schedules        {:>8} of 6 processes {calls} calls {} violations {:.2} s",
        schedules(),
        wrong.len(),
        started.elapsed().as_secs_f64()
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
