//! Power cuts at every call of an import, on the simulated disk of `tests`: what is there is what its position
//! says, not a record more or less, and the same import with `--resume` brings the rest and nothing twice.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use clap::Parser;
use creel::{Depth, KeyRange, NoProgress, OpenOptions, Verdict, VerifyOptions};

use self::sim::{CrashPlan, SimDisk, SimDiskSnapshot, mix};
use super::position::Done;
use super::*;
use crate::cli::globals::Globals;

// A panic is how a test fails; only a part of it is used here.
#[allow(dead_code, unused_imports)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]
#[path = "../../../tests/support/sim/mod.rs"]
mod sim;

const DB: &str = "db";

/// Choices at each cut, and of each import that goes on behind one of so many crashes.
const CHOICES: usize = 160;
const DEEPER: u64 = 150;
const CHOICES_DEEPER: usize = 3;

#[derive(Parser)]
struct Words {
    #[command(flatten)]
    globals: Globals,
    #[command(flatten)]
    args: ImportArgs,
}

/// Keyspace and key, and the value.
type Contents = BTreeMap<(String, Vec<u8>), Vec<u8>>;

/// The command of these words, from arguments to closing, on this disk.
fn import(disk: &Arc<SimDisk>, words: &[String]) -> Result<Tally, Failure> {
    let Words { globals, args } = Words::parse_from(words);
    args.check()?;
    let mut ctx = Context::new(globals)?;
    let path = ctx.path(&args.db)?;
    let files = files::look(&mut ctx, &args.files)?;
    let options = ctx.options().vfs(disk.clone()).mmap(false);
    let store = Store::with(options, &path, &args)?;
    let mut policy = Policy::new(&ctx, &args)?;
    let mut job = Job {
        args: &args,
        files: &files,
        store: &store,
        meter: Arc::new(ctx.meter("import").of_bytes()),
        committed_line: 0,
        file: 0,
        tally: Tally::new(),
    };
    job.tally.confirm = job.prepare()?;
    job.run(&mut policy)?;
    let tally = job.tally;
    store.close(&mut ctx, &args.write)?;
    Ok(tally)
}

/// A database on a disk, as it stands.
fn reader(disk: &Arc<SimDisk>) -> Db {
    let options = OpenOptions::new().vfs(disk.clone()).mmap(false);
    options.read_only(true).open(DB).unwrap()
}

fn contents(db: &Db) -> Contents {
    let snapshot = db.snapshot().unwrap();
    let mut all = Contents::new();
    for space in snapshot.keyspaces().unwrap() {
        let keyspace = snapshot.keyspace(&space).unwrap();
        let mut cursor = keyspace.cursor(&KeyRange::all());
        while let Some((key, value)) = cursor.next_entry().unwrap() {
            all.insert((space.clone(), key.to_vec()), value.to_vec());
        }
    }
    all
}

fn is_whole(disk: &Arc<SimDisk>) {
    let options = VerifyOptions {
        level: Depth::Deep,
        vfs: disk.clone(),
        ..VerifyOptions::default()
    };
    let report = creel::verify(Path::new(DB), &options, &NoProgress).unwrap();
    assert!(report.verdict <= Verdict::Recoverable, "{report:?}");
}

/// An import whose every call is looked at.
struct Subject {
    dir: tempfile::TempDir,
    words: Vec<String>,
    /// What is there after so many of its records; those of one step come together.
    stages: Vec<Contents>,
    /// How many records each file has, in their order.
    files: Vec<u64>,
    before: SimDiskSnapshot,
}

/// A line of input, and what it does.
fn line(i: u64, contents: &mut Contents) -> String {
    let space = if i.is_multiple_of(5) { "other" } else { "main" };
    let key = format!("key {:03}", i * 7 % 40);
    let at = (space.to_owned(), key.clone().into_bytes());
    if i % 7 == 6 {
        contents.remove(&at);
        return format!(r#"{{"op":"del","ks":"{space}","key_utf8":"{key}"}}"#);
    }
    let value = format!("{i} ").repeat(1 + (i as usize * 37) % 300);
    contents.insert(at, value.clone().into_bytes());
    format!(r#"{{"ks":"{space}","key_utf8":"{key}","payload_utf8":"{value}"}}"#)
}

impl Subject {
    /// Files with so many records each are imported by these flags into a database with some records, or none.
    fn new(files: &[u64], flags: &[&str], filled: bool) -> Subject {
        let dir = tempfile::tempdir().unwrap();
        let mut words = vec!["import".to_owned(), DB.to_owned()];
        let disk = SimDisk::new(files.iter().sum());
        let mut now = Contents::new();
        if filled {
            let options = OpenOptions::new().vfs(disk.clone()).mmap(false);
            let db = options
                .create(DB, &creel::CreateOptions::default())
                .unwrap();
            for i in 0..12u8 {
                let key = format!("key {i:03}").into_bytes();
                db.put(&key, &[i; 300]).unwrap();
                now.insert(("main".to_owned(), key), vec![i; 300]);
            }
            db.close().unwrap();
        }
        let (mut stages, mut number) = (vec![now.clone()], 0);
        for (n, records) in files.iter().enumerate() {
            let path: PathBuf = dir.path().join(format!("{n}.jsonl"));
            let mut file = std::fs::File::create(&path).unwrap();
            for _ in 0..*records {
                let text = line(number, &mut now);
                writeln!(file, "{text}").unwrap();
                number += 1;
                stages.push(now.clone());
            }
            words.push(path.to_str().unwrap().to_owned());
        }
        words.extend(flags.iter().map(|flag| (*flag).to_owned()));
        Subject {
            dir,
            words,
            stages,
            files: files.to_vec(),
            before: disk.snapshot(),
        }
    }

    /// Imports on this disk; the moments before each call, and the one behind the end.
    fn observed(&self, disk: &Arc<SimDisk>) -> Vec<SimDiskSnapshot> {
        let cuts: Arc<Mutex<Vec<SimDiskSnapshot>>> = Arc::default();
        let seen = Arc::clone(&cuts);
        disk.set_observer(Box::new(move |snapshot| {
            seen.lock().unwrap().push(snapshot.clone());
        }));
        let done = import(disk, &self.words);
        disk.clear_observer();
        done.unwrap_or_else(|failure| panic!("{failure:?}"));
        let mut cuts = std::mem::take(&mut *cuts.lock().unwrap());
        cuts.push(disk.snapshot());
        cuts
    }

    /// Records that are there, as the positions say, and nothing else is; `None`: there is no database.
    fn imported(&self, disk: &Arc<SimDisk>) -> Option<u64> {
        if !disk.paths().iter().any(|path| path == Path::new(DB)) {
            return None;
        }
        is_whole(disk);
        let db = reader(disk);
        let positions = db.snapshot().unwrap().import_positions().unwrap();
        let done: Vec<Done> = positions
            .iter()
            .filter_map(|(_, record)| Done::decode(record))
            .collect();
        let records: u64 = done.iter().map(|done| done.records).sum();
        let stage = &self.stages[usize::try_from(records).unwrap()];
        assert!(contents(&db) == *stage, "not what {records} records give");
        let finished = done.iter().filter(|done| done.finished).count();
        let mut ends = self.files.iter().scan(0, |sum, records| {
            *sum += records;
            Some(*sum)
        });
        let ended = ends.by_ref().take_while(|end| *end <= records).count();
        assert!(finished == ended || finished + 1 == ended, "{done:?}");
        Some(records)
    }

    /// What a crash left: the import goes on and comes to its end. Returns the cuts of that.
    fn judge(&self, disk: &Arc<SimDisk>, ended: bool, observe: bool) -> Vec<SimDiskSnapshot> {
        let all = self.files.iter().sum::<u64>();
        let there = self.imported(disk);
        assert!(there == Some(all) || !ended, "{there:?} were confirmed");
        let cuts = match observe {
            true => self.observed(disk),
            false => {
                let tally = import(disk, &self.words).unwrap_or_else(|f| panic!("{f:?}"));
                // A file that was finished is not even read.
                let again = tally.records + there.unwrap_or(0);
                assert_eq!(again, all, "read again, or left out");
                Vec::new()
            }
        };
        assert_eq!(self.imported(disk), Some(all));
        cuts
    }

    /// Returns how many states there were.
    fn run(&self) -> usize {
        let disk = self.before.fork_at_kill();
        let cuts = self.observed(&disk);
        let (mut states, last) = (0, cuts.len() - 1);
        for (at, cut) in cuts.iter().enumerate() {
            let seed = mix(at as u64);
            for choice in CrashPlan::choices(cut.pending_fragments(), seed, CHOICES) {
                let place = || format!("{:?}, cut {at}, {choice:?}", &self.words[2..]);
                states += 1;
                let observe = mix(seed ^ states as u64).is_multiple_of(DEEPER);
                let deeper = self.told(&place, || {
                    self.judge(&cut.fork_at_crash(&choice), at == last, observe)
                });
                for (under, cut) in deeper.iter().enumerate() {
                    let pending = cut.pending_fragments();
                    for choice in CrashPlan::choices(pending, seed, CHOICES_DEEPER) {
                        states += 1;
                        let place = || format!("{}, then cut {under}, {choice:?}", place());
                        self.told(&place, || {
                            self.judge(&cut.fork_at_crash(&choice), false, false)
                        });
                    }
                }
            }
        }
        states
    }

    /// Says where it was, where that panics.
    fn told<T>(&self, place: &dyn Fn() -> String, judge: impl FnOnce() -> T) -> T {
        let judge = std::panic::AssertUnwindSafe(judge);
        std::panic::catch_unwind(judge).unwrap_or_else(|panic| {
            println!("{} in {}", place(), self.dir.path().display());
            std::panic::resume_unwind(panic)
        })
    }
}

fn sweep(files: &[u64], flags: &[&str], filled: bool, least: usize) {
    let subject = Subject::new(files, flags, filled);
    let states = subject.run();
    println!("{flags:?}: {states} states");
    assert!(states >= least, "{states}");
}

#[test]
fn power_cuts_in_an_import_in_batches() {
    sweep(&[24], &["--batch", "5", "--resume"], true, 100);
}

#[test]
fn power_cuts_in_an_import_in_batches_that_makes_the_file() {
    let flags = ["--batch", "7", "--resume", "--create"];
    sweep(&[9, 12], &flags, false, 100);
}

#[test]
fn power_cuts_in_an_import_in_one_step() {
    sweep(&[20, 11], &["--resume"], true, 100);
}

#[test]
fn power_cuts_in_an_import_in_one_step_that_makes_the_file() {
    sweep(&[20], &["--resume", "--create"], false, 100);
}
