//! System calls that fail, one at a time, once or from then on, in every command that touches a
//! file: the exit status tells the truth, and once calls succeed again nothing confirmed is lost.
//!
//! `CREEL_ERRORS=all` lets every call fail; without it a sample does.
#![cfg(target_os = "linux")]
#![allow(clippy::print_stdout)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::kill::{copy_of, sound};
use crate::kills;
use crate::support::{Db, strace};

/// Calls by which files are read and changed, and what the kernel may say to each.
const CALLS: &[(&str, &[&str])] = &[
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
    ("rmdir", &["EIO", "EACCES", "EROFS"]),
    ("rename", &["EIO", "ENOSPC", "EDQUOT", "EACCES", "EROFS"]),
    ("renameat2", &["EIO", "ENOSPC", "EDQUOT", "EACCES", "EROFS"]),
    ("linkat", &["EIO", "ENOSPC", "EDQUOT", "EACCES", "EROFS"]),
    ("unlink", &["EIO", "EACCES", "EROFS"]),
    ("unlinkat", &["EIO", "EACCES", "EROFS"]),
    ("fchmod", &["EIO", "EROFS"]),
    ("chmod", &["EIO", "EACCES", "EROFS"]),
];

/// Calls that have to do with files and are not made to fail: they cannot, or nothing hangs on it.
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
    "sync_file_range",
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
struct Case<'a> {
    name: &'static str,
    /// The arguments, for a database and a place for what it makes.
    args: &'a dyn Fn(&Path, &Path) -> Vec<String>,
    image: &'a [u8],
    /// It changes the database: to what, is what it does where nothing fails.
    writes: bool,
    /// It was asked to say nothing.
    quiet: bool,
    /// Of what others have, one in so many.
    sparse: usize,
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
}

/// How often a command makes each call, start of the program included.
fn counts(strace: &Path, log: &Path, args: &[String]) -> Vec<usize> {
    let status = Command::new(strace)
        .args(["-f", "-qq", "-e", "trace=%file,%desc", "-o"])
        .arg(log)
        .arg(env!("CARGO_BIN_EXE_creel"))
        .args(args)
        .env_remove("LD_LIBRARY_PATH")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success(), "{args:?}: {status}");
    let text = std::fs::read(log).unwrap();
    let text = String::from_utf8_lossy(&text);
    let made = |call: &str| {
        let lines = text.lines().filter_map(|l| l.split_once(' '));
        let names = lines.map(|(_, rest)| rest.trim_start());
        names
            .filter(|name| {
                let rest = name.strip_prefix(call);
                rest.is_some_and(|rest| rest.starts_with('('))
            })
            .count()
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
    CALLS.iter().map(|(call, _)| made(call)).collect()
}

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
        let counts = counts(strace, &db.dir.path().join("calls"), &args);
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
        let output = injected(strace, &injection).args(&args).output().unwrap();
        cases += 1;
        let status = output.status.code();
        let said = String::from_utf8_lossy(&output.stderr);
        let answers = injection.starts_with("write:") || !output.stdout.is_empty();
        let told = match status {
            _ if not_begun(&output) => true,
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
    let call = injection.split(':').next().unwrap_or_default();
    let mut command = Command::new(strace);
    command
        .args(["-f", "-qq", "-o", "/dev/null", "-e"])
        .arg(format!("trace={call}"))
        .args(["-e", &format!("inject={injection}")])
        .arg(env!("CARGO_BIN_EXE_creel"))
        .env_remove("LD_LIBRARY_PATH")
        .stdin(Stdio::null());
    command
}

/// The program did not start: its loader, or the runtime before `main`.
fn not_begun(output: &Output) -> bool {
    let said = String::from_utf8_lossy(&output.stderr);
    let loader = said.contains("error while loading shared libraries");
    let status = output.status.code();
    status == Some(127) || loader || (status.is_none() && said.contains("fatal runtime error"))
}

impl Case<'_> {
    fn run(&self, strace: Option<(&Path, &str)>) -> End {
        let db = copy_of(self.image);
        let made = db.dir.path().join("made");
        let mut command = match strace {
            None => Command::new(env!("CARGO_BIN_EXE_creel")),
            Some((strace, injection)) => injected(strace, injection),
        };
        let output = command
            .args((self.args)(&db.path, &made))
            .env_remove("LD_LIBRARY_PATH")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        End { output, db, made }
    }

    fn sweep(&self, strace: &Path) -> usize {
        let whole = self.run(None);
        assert!(
            whole.output.status.success(),
            "{}: {:?}",
            self.name,
            whole.output
        );
        let before = sound(&copy_of(self.image).path);
        let after = sound(&whole.db.path);
        assert_eq!(before != after, self.writes, "{}", self.name);
        let end = self.run(None);
        let counts = counts(
            strace,
            &end.db.dir.path().join("calls"),
            &(self.args)(&end.db.path, &end.db.dir.path().join("another")),
        );
        let step = step() * self.sparse;
        let all = || {
            let calls = CALLS.iter().zip(counts);
            calls
                .flat_map(|(call, count)| ways(step, call, count))
                .collect()
        };
        let mut cases = 0;
        for injection in kills::injections(self.name, all) {
            let args = (self.args)(&end.db.path, &end.made);
            let _told = kills::told(self.name, &args, &injection);
            let end = self.run(Some((strace, &injection)));
            cases += 1;
            let wordless = injection.starts_with("write:") || self.quiet;
            let interrupts = injection.contains(":error=EINTR:");
            let told = self.judge(&end, &whole, (&before, &after), interrupts, wordless);
            if let Err(text) = told {
                let said = String::from_utf8_lossy(&end.output.stderr);
                panic!(
                    "{}, {injection}: {text}: {:?} {said}",
                    self.name, end.output.status
                );
            }
        }
        println!("errors {} {cases}", self.name);
        cases
    }

    /// `wordless`: it cannot say anything, or was asked not to.
    fn judge(
        &self,
        end: &End,
        whole: &End,
        (before, after): (&Entries, &Entries),
        interrupts: bool,
        wordless: bool,
    ) -> Result<(), String> {
        let status = end.output.status.code();
        let said = String::from_utf8_lossy(&end.output.stderr);
        if not_begun(&end.output) {
            return Ok(());
        }
        match status {
            Some(0) => {}
            _ if interrupts => return Err("an interruption is not gone about".into()),
            // The system refused; the outcome is not known; a lock that cannot be had; stored
            // bytes that could not be read; a check that could not be made.
            Some(4 | 5 | 6 | 7 | 8 | 14 | 23) => {
                if said.trim().is_empty() && !wordless {
                    return Err("a failure without a word".into());
                }
            }
            _ => return Err("a status that no failing call explains".into()),
        }
        let found = sound(&end.db.path);
        match status {
            Some(0) if found != *after => return Err("success, and the change is not there".into()),
            Some(0) => {}
            // Some writing commands fold the log when their own work is done.
            _ if found == *before || found == *after => {}
            _ => return Err("neither the old state nor the new one".into()),
        }
        if status == Some(0) && !self.writes && end.answer() != whole.answer() {
            return Err("success, and another answer".into());
        }
        if end.made.exists() && whole.made.exists() && status == Some(0) {
            let (a, b) = (std::fs::metadata(&end.made), std::fs::metadata(&whole.made));
            if a.unwrap().len() == 0 && b.unwrap().len() > 0 {
                return Err("success, and what was made is empty".into());
            }
        }
        Ok(())
    }
}

fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

/// `creel VERB DB REST`.
fn on_db(verb: &str, db: &Path, rest: &[&str]) -> Vec<String> {
    crate::kill::words(verb, db, rest)
}

#[test]
fn commands_that_write_tell_the_truth_when_calls_fail() {
    let Some(strace) = strace() else { return };
    let db = Db::filled(120);
    db.run("checkpoint").assert().success();
    db.run("put").args(["acked", "1"]).assert().success();
    let image = db.bytes();
    let lines = db.file("lines", b"put\tnew\tvalue\ndel\tkey000003\n");
    let records = db.file(
        "in.jsonl",
        b"{\"key_utf8\":\"new\",\"payload_utf8\":\"1\"}\n",
    );
    let (lines, records) = (text(&lines), text(&records));
    let case = |name, args: &dyn Fn(&Path, &Path) -> Vec<String>| {
        let case = Case {
            name,
            args,
            image: &image,
            writes: true,
            quiet: false,
            sparse: 1,
        };
        case.sweep(&strace)
    };
    let mut cases = case("put", &|db, _| on_db("put", db, &["new", "value"]));
    cases += case("delete", &|db, _| {
        on_db("delete", db, &["--prefix", "key00001", "--yes"])
    });
    cases += case("batch", &|db, _| on_db("batch", db, &[&lines]));
    cases += case("import", &|db, _| on_db("import", db, &[&records]));
    cases += case("import-batch", &|db, _| {
        on_db("import", db, &[&records, "--batch", "10"])
    });
    println!("errors in commands that write: {cases}");
    assert!(kills::is_replay() || cases > 200, "only {cases} cases");
}

#[test]
fn commands_that_move_pages_tell_the_truth_when_calls_fail() {
    let Some(strace) = strace() else { return };
    let db = Db::filled(800);
    db.run("checkpoint").assert().success();
    let range = ["--from", "key000100", "--to", "key000700", "--yes"];
    db.run("delete").args(range).assert().success();
    let image = db.bytes();
    let case = |name, args: &dyn Fn(&Path, &Path) -> Vec<String>| {
        let case = Case {
            name,
            args,
            image: &image,
            writes: false,
            quiet: true,
            sparse: 1,
        };
        // What these print are measurements.
        let quiet = |db: &Path, made: &Path| {
            let mut words = args(db, made);
            words.push("-qq".to_owned());
            words
        };
        Case {
            args: &quiet,
            ..case
        }
        .sweep(&strace)
    };
    let mut cases = case("checkpoint", &|db, _| on_db("checkpoint", db, &[]));
    cases += case("compact", &|db, _| on_db("compact", db, &[]));
    cases += case("compact-new", &|db, made| {
        on_db("compact", db, &["-o", &text(made)])
    });
    cases += case("backup", &|db, made| {
        on_db("backup", db, &["-o", &text(made)])
    });
    cases += case("salvage", &|db, made| {
        on_db("salvage", db, &["-o", &text(made)])
    });
    cases += case("open-create", &|_, made| on_db("open", made, &["--create"]));
    println!("errors in commands that move pages: {cases}");
    assert!(kills::is_replay() || cases > 200, "only {cases} cases");
}

#[test]
fn commands_that_read_tell_the_truth_when_calls_fail() {
    let Some(strace) = strace() else { return };
    let db = Db::filled(200);
    db.run("checkpoint").assert().success();
    db.run("put").args(["acked", "1"]).assert().success();
    let image = db.bytes();
    let case = |name, args: &dyn Fn(&Path, &Path) -> Vec<String>| {
        let case = Case {
            name,
            args,
            image: &image,
            writes: false,
            quiet: false,
            sparse: 1,
        };
        case.sweep(&strace)
    };
    let mut cases = case("get", &|db, _| on_db("get", db, &["key000007"]));
    cases += case("exists", &|db, _| on_db("exists", db, &["key000007"]));
    cases += case("list", &|db, _| on_db("list", db, &[]));
    cases += case("export", &|db, _| on_db("export", db, &["-q"]));
    cases += case("digest", &|db, _| on_db("digest", db, &["-q"]));
    cases += case("keyspaces", &|db, _| on_db("keyspaces", db, &[]));
    cases += case("diff", &|db, _| on_db("diff", db, &[&text(db)]));
    println!("errors in commands that read: {cases}");
    assert!(kills::is_replay() || cases > 200, "only {cases} cases");
}

#[test]
fn commands_that_look_tell_the_truth_when_calls_fail() {
    let Some(strace) = strace() else { return };
    let db = Db::filled(200);
    db.run("checkpoint").assert().success();
    db.run("put").args(["acked", "1"]).assert().success();
    let image = db.bytes();
    let case = |name, quiet, args: &dyn Fn(&Path, &Path) -> Vec<String>| {
        let case = Case {
            name,
            args,
            image: &image,
            writes: false,
            quiet,
            sparse: 2,
        };
        case.sweep(&strace)
    };
    let mut cases = case("verify", true, &|db, _| on_db("verify", db, &["-qq"]));
    cases += case("info", false, &|db, _| {
        on_db("info", db, &["--get", "state"])
    });
    cases += case("stats", true, &|db, _| on_db("stats", db, &["-qq"]));
    cases += case("inspect", false, &|db, _| on_db("inspect", db, &["header"]));
    cases += case("drill", true, &|db, _| on_db("drill", db, &["-qq"]));
    println!("errors in commands that look: {cases}");
    assert!(kills::is_replay() || cases > 100, "only {cases} cases");
}
