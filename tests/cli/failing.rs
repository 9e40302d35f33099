//! Runs a command with one of its system calls failing, and judges what it says and leaves.
#![cfg(target_os = "linux")]
#![allow(clippy::print_stdout)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::kill::{copy_of, sound};
use crate::kills;
use crate::support::Db;

/// Calls by which files are read and changed, and what the kernel may say to each.
pub const CALLS: &[(&str, &[&str])] = &[
    (
        "openat",
        &["EIO", "ENOSPC", "EMFILE", "EACCES", "EROFS", "EDQUOT"],
    ),
    ("pread64", &["EIO"]),
    ("preadv", &["EIO"]),
    ("read", &["EIO"]),
    ("pwrite64", &["EIO", "ENOSPC", "EDQUOT"]),
    ("pwritev", &["EIO", "ENOSPC", "EDQUOT"]),
    ("pwritev2", &["EIO", "ENOSPC", "EDQUOT"]),
    ("write", &["EIO", "ENOSPC", "EDQUOT"]),
    ("fsync", &["EIO", "ENOSPC", "EDQUOT"]),
    ("fdatasync", &["EIO", "ENOSPC", "EDQUOT"]),
    ("fallocate", &["EIO", "ENOSPC", "EDQUOT"]),
    ("ftruncate", &["EIO", "ENOSPC", "EDQUOT"]),
    ("copy_file_range", &["EIO", "ENOSPC", "EDQUOT"]),
    ("fcntl", &["EIO", "ENOLCK"]),
    ("statx", &["EIO"]),
    ("fstatfs", &["EIO"]),
    ("statfs", &["EIO"]),
    ("newfstatat", &["EIO"]),
    ("getdents64", &["EIO"]),
    ("mkdir", &["EIO", "ENOSPC", "EDQUOT", "EACCES", "EROFS"]),
    ("mkdirat", &["EIO", "ENOSPC", "EDQUOT", "EACCES", "EROFS"]),
    ("mkdirat", &["EIO", "ENOSPC", "EDQUOT", "EACCES", "EROFS"]),
    ("rmdir", &["EIO", "EACCES", "EROFS"]),
    ("rename", &["EIO", "ENOSPC", "EDQUOT", "EACCES", "EROFS"]),
    ("renameat", &["EIO", "ENOSPC", "EDQUOT", "EACCES", "EROFS"]),
    ("renameat", &["EIO", "ENOSPC", "EDQUOT", "EACCES", "EROFS"]),
    ("renameat2", &["EIO", "ENOSPC", "EDQUOT", "EACCES", "EROFS"]),
    ("linkat", &["EIO", "ENOSPC", "EDQUOT", "EACCES", "EROFS"]),
    ("unlink", &["EIO", "EACCES", "EROFS"]),
    ("unlinkat", &["EIO", "EACCES", "EROFS"]),
    ("fchmod", &["EIO", "EROFS"]),
    ("chmod", &["EIO", "EACCES", "EROFS"]),
    ("sync_file_range", &["EIO"]),
];

/// Maps of the database; those of memory and of the program's libraries are not its business.
pub const MAPS: &[(&str, &[&str])] = &[("mmap", &["ENOMEM", "EACCES", "ENODEV"])];

/// Calls that have to do with files and are not made to fail: they cannot, or nothing hangs on it. Where a folder
/// cannot be closed the standard library itself ends the program.
const APART: &[&str] = &[
    "close",
    "execve",
    "mmap",
    "access",
    "poll",
    "ioctl",
    "getcwd",
    "readlink",
    "lseek",
    "fadvise64",
    "dup",
    "dup2",
    "pipe2",
];

/// Calls that a signal may interrupt: they are made again, and nobody notices.
const INTERRUPTED: &[&str] = &[
    "openat",
    "pread64",
    "read",
    "pwrite64",
    "pwritev2",
    "write",
    "fsync",
    "fdatasync",
    "fallocate",
    "ftruncate",
];

/// A command that is swept.
pub struct Case<'a> {
    pub name: &'static str,
    /// The arguments, for a database and a place for what it makes.
    pub args: &'a dyn Fn(&Path, &Path) -> Vec<String>,
    pub image: &'a [u8],
    /// It changes the database: to what, is what it does where nothing fails.
    pub writes: bool,
    /// It is asked to say nothing, or for JSON.
    pub says: Says,
    /// Of what others have, one in so many.
    pub sparse: usize,
    /// Only calls that have to do with this file fail.
    pub on: Option<&'a Path>,
    pub calls: &'a [(&'a str, &'a [&'a str])],
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Says {
    Text,
    Json,
}

/// Every how many calls fail.
fn step() -> usize {
    match std::env::var_os("CREEL_ERRORS") {
        Some(_) => 1,
        None => 6,
    }
}

type Entries = Vec<(Vec<u8>, Vec<u8>)>;

/// What a run leaves.
struct End {
    output: Output,
    db: Db,
    made: PathBuf,
}

impl End {
    /// What it printed, wherever its directory is.
    fn answer(&self) -> String {
        let text = String::from_utf8_lossy(&self.output.stdout);
        text.replace(self.db.dir.path().to_str().unwrap(), "DIR")
    }

    /// The same of JSON, without what is measured or drawn, or tells how it was done.
    fn facts(&self) -> Vec<Value> {
        let text = self.answer();
        let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
        lines.map(lasting).collect()
    }

    /// It found something, and says so.
    fn found_something(&self) -> bool {
        let found = |fact: &Value| fact["findings"].as_array().is_some_and(|f| !f.is_empty());
        self.facts().iter().any(found)
    }

    /// Files beside the database and what was to be made.
    fn strays(&self) -> Vec<String> {
        let mut files = self.db.files();
        files.retain(|name| name != "test.db" && name != "made");
        files
    }
}

fn lasting(fact: Value) -> Value {
    const PASSING: &[&str] = &[
        "db_id",
        "file_id",
        "bytes_copied",
        "bytes_shared",
        "pinned",
        "notes",
        "pages_written",
        "bytes_written",
    ];
    let Value::Object(mut fields) = fact else {
        return fact;
    };
    fields.retain(|name, _| {
        let measured = name.ends_with("_ms") || name.ends_with("_ns");
        !measured && !PASSING.contains(&name.as_str())
    });
    fields.into()
}

/// How often a thread of a command makes each call at most, start of the program included: strace counts each
/// thread's by itself.
fn counts(strace: &Path, log: &Path, args: &[String], case: Calls) -> Vec<usize> {
    let mut command = Command::new(strace);
    command.args(["-f", "-qq", "-e", "trace=%file,%desc"]);
    if let Some(path) = case.on {
        command.arg("-P").arg(path);
    }
    let status = command
        .arg("-o")
        .arg(log)
        .arg(env!("CARGO_BIN_EXE_creel"))
        .args(args)
        .env_remove("LD_LIBRARY_PATH")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap();
    assert!(matches!(status.code(), Some(0 | 1)), "{args:?}: {status}");
    let text = std::fs::read(log).unwrap();
    let text = String::from_utf8_lossy(&text);
    let made = |call: &str| {
        let mut threads: BTreeMap<&str, usize> = BTreeMap::new();
        for (thread, rest) in text.lines().filter_map(|l| l.split_once(' ')) {
            let rest = rest.trim_start().strip_prefix(call);
            if rest.is_some_and(|rest| rest.starts_with('(')) {
                *threads.entry(thread).or_default() += 1;
            }
        }
        threads.into_values().max().unwrap_or(0)
    };
    let calls = text
        .lines()
        .filter_map(|line| line.split_once(' ')?.1.split_once('('));
    for call in calls.map(|(call, _)| call.trim_start()) {
        let known = CALLS.iter().any(|(known, _)| *known == call) || APART.contains(&call);
        let name = call.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        assert!(
            known || !name,
            "{args:?} calls {call}, which nothing lets fail"
        );
    }
    case.calls.iter().map(|(call, _)| made(call)).collect()
}

/// Which calls fail.
#[derive(Clone, Copy)]
struct Calls<'a> {
    /// Only those that have to do with this file.
    on: Option<&'a Path>,
    calls: &'a [(&'a str, &'a [&'a str])],
}

const ALL: Calls<'static> = Calls {
    on: None,
    calls: CALLS,
};

/// How a call fails each time that it comes, or every `step` times.
fn ways(step: usize, (call, errors): &(&str, &[&str]), count: usize) -> Vec<String> {
    let mut ways = Vec::new();
    for (i, error) in errors.iter().enumerate() {
        for n in (1 + i % step..=count).step_by(step) {
            ways.push(format!("{call}:error={error}:when={n}"));
            ways.push(format!("{call}:error={error}:when={n}+"));
        }
    }
    if INTERRUPTED.contains(call) {
        let interrupted = (1..=count).step_by(step);
        ways.extend(interrupted.map(|n| format!("{call}:error=EINTR:when={n}")));
    }
    ways
}

/// With a step beyond this some kinds of failures are left out.
pub const FEWEST: usize = 90;

/// Runs a command with failing calls, one in so many, once and from then on. `check`: what it
/// leaves, and whether it says that it is done.
pub fn fail_every(
    name: &str,
    step: usize,
    strace: &Path,
    prepare: &dyn Fn() -> (Db, Vec<String>),
    check: &dyn Fn(&Db, bool),
) -> usize {
    let all = || {
        let (db, args) = prepare();
        let counts = counts(strace, &db.dir.path().join("calls"), &args, ALL);
        let mut all = Vec::new();
        for ((call, errors), count) in CALLS.iter().zip(counts) {
            for (i, error) in errors.iter().enumerate() {
                for n in (1 + i * 3 % step..=count).step_by(step) {
                    all.push(format!("{call}:error={error}:when={n}"));
                    all.push(format!("{call}:error={error}:when={n}+"));
                }
            }
        }
        all.into_iter().step_by((step / FEWEST).max(1)).collect()
    };
    let mut cases = 0;
    for injection in kills::injections(name, all) {
        let (db, args) = prepare();
        let _told = kills::told(name, &args, &injection);
        let mut trial = Trial::new(strace, &injection, None);
        let output = trial.command.args(&args).output().unwrap();
        if not_begun(&output) || !trial.came() {
            continue;
        }
        cases += 1;
        let status = output.status.code();
        let said = String::from_utf8_lossy(&output.stderr);
        let answers = injection.starts_with("write:") || !output.stdout.is_empty();
        let told = match status {
            Some(0) => true,
            // And sources that do not answer.
            Some(4..=8 | 12 | 14 | 23) => answers || !said.trim().is_empty(),
            // What it tried did not go well, and that is its answer.
            Some(1 | 20) => answers,
            _ => false,
        };
        assert!(told, "{args:?}, {injection}: {status:?} {said}");
        check(&db, status == Some(0));
    }
    cases
}

/// The program, under a failing call.
pub fn injected(strace: &Path, injection: &str) -> Command {
    under(strace, injection, None, Path::new("/dev/null"))
}

fn under(strace: &Path, injection: &str, on: Option<&Path>, log: &Path) -> Command {
    let call = injection.split(':').next().unwrap_or_default();
    let mut command = Command::new(strace);
    command.args(["-f", "-qq", "-o"]).arg(log);
    if let Some(path) = on {
        command.arg("-P").arg(path);
    }
    command
        .args(["-e", &format!("trace={call}")])
        .args(["-e", &format!("inject={injection}")])
        .arg(env!("CARGO_BIN_EXE_creel"))
        .env_remove("LD_LIBRARY_PATH")
        .stdin(Stdio::null());
    command
}

/// The same, and whether that call came.
struct Trial {
    command: Command,
    log: tempfile::NamedTempFile,
}

impl Trial {
    fn new(strace: &Path, injection: &str, on: Option<&Path>) -> Trial {
        let log = tempfile::NamedTempFile::new().unwrap();
        let command = under(strace, injection, on, log.path());
        Trial { command, log }
    }

    /// The call that was to fail was made.
    fn came(&self) -> bool {
        let text = std::fs::read(self.log.path()).unwrap();
        let text = String::from_utf8_lossy(&text);
        text.contains("(INJECTED)") || text.contains("--- SIG")
    }
}

/// The program did not start: its loader, or the runtime before `main`.
fn not_begun(output: &Output) -> bool {
    let said = String::from_utf8_lossy(&output.stderr);
    let loader = said.contains("error while loading shared libraries");
    let status = output.status.code();
    status == Some(127) || loader || (status.is_none() && said.contains("fatal runtime error"))
}

impl Case<'_> {
    fn words(&self, db: &Path, made: &Path) -> Vec<String> {
        let mut words = (self.args)(db, made);
        if self.says == Says::Json {
            words.push("--json".to_owned());
        }
        words
    }

    /// Under a failing call; [`None`] where that did not come, or came before the program began.
    fn run(&self, failing: Option<(&Path, &str)>) -> Option<End> {
        let db = copy_of(self.image);
        let made = db.dir.path().join("made");
        let words = self.words(&db.path, &made);
        let output = match failing {
            None => kills::plain(&words),
            Some((strace, injection)) => {
                let database = db.path.as_path();
                let on = self.on.map(|on| {
                    if on == Path::new(DATABASE) {
                        database
                    } else {
                        on
                    }
                });
                let mut trial = Trial::new(strace, injection, on);
                let output = trial.command.args(words).output().unwrap();
                if not_begun(&output) || !trial.came() {
                    return None;
                }
                output
            }
        };
        Some(End { output, db, made })
    }

    /// Every way in which its calls fail.
    fn ways(&self, strace: &Path) -> Vec<String> {
        let db = copy_of(self.image);
        let on = self.on.map(|on| {
            if on == Path::new(DATABASE) {
                &db.path
            } else {
                on
            }
        });
        let args = self.words(&db.path, &db.dir.path().join("another"));
        let log = db.dir.path().join("calls");
        let calls = Calls {
            on,
            calls: self.calls,
        };
        let counts = counts(strace, &log, &args, calls);
        let step = step() * self.sparse;
        let calls = self.calls.iter().zip(counts);
        calls
            .flat_map(|(call, count)| ways(step, call, count))
            .collect()
    }

    pub fn sweep(&self, strace: &Path) -> usize {
        let whole = self.run(None).unwrap();
        // 1 is the answer no.
        let answers = matches!(whole.output.status.code(), Some(0 | 1));
        assert!(answers, "{}: {:?}", self.name, whole.output);
        let before = sound(&copy_of(self.image).path);
        let after = sound(&whole.db.path);
        assert_eq!(before != after, self.writes, "{}", self.name);
        let whole = Whole {
            made: whole.made.exists().then(|| sound(&whole.made)),
            end: whole,
            before,
            after,
        };
        let mut cases = 0;
        for injection in kills::injections(self.name, || self.ways(strace)) {
            let args = (self.args)(&whole.end.db.path, &whole.end.made);
            let _told = kills::told(self.name, &args, &injection);
            let Some(end) = self.run(Some((strace, &injection))) else {
                continue;
            };
            cases += 1;
            if let Err(text) = self.judge(&end, &whole, &injection) {
                let said = String::from_utf8_lossy(&end.output.stderr);
                let status = end.output.status;
                panic!("{}, {injection}: {text}: {status:?} {said}", self.name);
            }
        }
        println!("errors {} {cases}", self.name);
        cases
    }

    fn judge(&self, end: &End, whole: &Whole, injection: &str) -> Result<(), String> {
        let answered = end.output.status == whole.end.output.status;
        let status = match answered {
            true => Some(0),
            false => end.output.status.code(),
        };
        let said = String::from_utf8_lossy(&end.output.stderr);
        let answers = self.says == Says::Json && !end.output.stdout.is_empty();
        match status {
            Some(0) => {}
            _ if injection.contains(":error=EINTR:") => {
                return Err("an interruption is not gone about".into());
            }
            // The system refused; the outcome is not known; a lock that cannot be had; stored
            // bytes that could not be read; a check that could not be made.
            Some(4 | 5 | 6 | 7 | 8 | 14 | 23) => {
                let wordless = injection.starts_with("write:") || answers;
                if said.trim().is_empty() && !wordless {
                    return Err("a failure without a word".into());
                }
            }
            _ => return Err("a status that no failing call explains".into()),
        }
        let found = sound(&end.db.path);
        match status {
            Some(0) if found != whole.after => {
                return Err("success, and the change is not there".into());
            }
            Some(0) => {}
            // Some writing commands fold the log when their own work is done.
            _ if found == whole.before || found == whole.after => {}
            _ => return Err("neither the old state nor the new one".into()),
        }
        // What is made is looked at itself.
        if status == Some(0) && !self.writes && whole.made.is_none() {
            self.same_answer(end, &whole.end)?;
        }
        same_files(end, whole, injection)
    }

    fn same_answer(&self, end: &End, whole: &End) -> Result<(), String> {
        match self.says {
            Says::Text if end.answer() == whole.answer() => Ok(()),
            Says::Json if end.facts() == whole.facts() || end.found_something() => Ok(()),
            _ => Err(format!("success, and another answer: {}", end.answer())),
        }
    }
}

/// What is there is whole and the same, and nothing else is left.
fn same_files(end: &End, whole: &Whole, injection: &str) -> Result<(), String> {
    let made = end.made.exists().then(|| sound(&end.made));
    match (end.output.status == whole.end.output.status, &made) {
        (true, made) if *made != whole.made => return Err("success, and another copy".into()),
        (false, Some(_)) if made != whole.made => return Err("a copy that is not whole".into()),
        _ => {}
    }
    // What cannot be looked at is not removed: it may be somebody else's by now.
    let removes = ["unlink", "rmdir", "rename", "linkat", "statx"];
    let may_stay = removes.iter().any(|call| injection.starts_with(call));
    match end.strays() {
        strays if strays.is_empty() || may_stay => Ok(()),
        strays => Err(format!("{strays:?} is left behind")),
    }
}

/// A run in which nothing failed.
struct Whole {
    end: End,
    /// What the database has before and after.
    before: Entries,
    after: Entries,
    made: Option<Entries>,
}

/// Stands for the database of the run, wherever that is.
pub const DATABASE: &str = "DATABASE";
