//! Commands that are killed at each call by which they touch files, or whose calls fail, under strace;
//! and the line that leads to one of these again:
//!
//! `CREEL_KILL='sweep=NAME,call=CALL,nth=N'` kills there, `CREEL_ERROR='sweep=NAME,inject=CALL:error=..:when=..'`
//! lets that call fail. Either leaves all other sweeps out. Which verb has which sweeps: `sweeps`.
#![allow(dead_code)] // Each program that includes this uses a part of it.
#![allow(clippy::print_stdout)]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, ChildStdout, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use super::sweeps;

const KILL: &str = "CREEL_KILL";
const ERROR: &str = "CREEL_ERROR";

/// What has to do with files and connections, and the end.
const TRACED: &str = "trace=%file,%desc,%network,msync,exit_group";

/// Traced, but nobody outside of the process can tell whether they came.
const APART: &[&str] = &[
    "execve",
    "mmap",
    "access",
    "poll",
    "ioctl",
    "getcwd",
    "readlink",
    "dup",
    "dup2",
    "pipe2",
    "epoll_wait",
    "epoll_ctl",
    "epoll_create1",
];

/// A kill at one of these leaves what one at the next other call does.
const CHANGE_NOTHING: &[&str] = &[
    "openat",
    "close",
    "statx",
    "newfstatat",
    "statfs",
    "fstatfs",
    "lseek",
    "getdents64",
    "fcntl",
    "fadvise64",
    "read",
    "pread64",
    "preadv",
    "recvfrom",
    "socket",
    "connect",
    "getsockname",
    "getpeername",
    "getsockopt",
    "setsockopt",
    "bind",
    "listen",
    "accept4",
    "shutdown",
];

/// A command that was told to end has ended by then.
const PATIENCE: Duration = Duration::from_secs(60);

/// Whether everything is asked for, and not what there is time for in between.
pub fn all_kills() -> bool {
    std::env::var_os("CREEL_KILLS").is_some()
}

/// One kill or one failing call is wanted, and nothing else.
pub fn is_replay() -> bool {
    std::env::var_os(KILL).is_some() || std::env::var_os(ERROR).is_some()
}

/// At how many of the calls that there are.
#[derive(Debug, Clone, Copy)]
pub enum Share {
    Every,
    /// One of so many of each kind of call; every one with `CREEL_KILLS=all`.
    Step(usize),
    /// At most so many of each kind of call, evenly, and a third as many of those that change nothing; every
    /// one with `CREEL_KILLS=all`.
    AtMost(usize),
    /// The same of each kind that changes something, and no others.
    Changes(usize),
}

/// A command that waits, until it is told to end.
pub struct Running {
    /// Until it is waited for.
    child: Option<Child>,
    id: u32,
    out: BufReader<ChildStdout>,
}

impl Running {
    /// Runs a command; strace, where it is one, does not hear what is said to the program.
    pub fn of(command: &mut Command) -> Running {
        let command = command.stdout(Stdio::piped()).process_group(0);
        let mut child = command.spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let id = child.id();
        let child = Some(child);
        Running { child, id, out }
    }

    /// Its next line, where it lives to print one.
    pub fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        self.out.read_line(&mut line).unwrap();
        line.strip_suffix('\n').map(str::to_owned)
    }

    /// It has not ended.
    pub fn runs(&mut self) -> bool {
        let child = self.child.as_mut().unwrap();
        child.try_wait().unwrap().is_none()
    }

    /// It ends by itself.
    pub fn ends(&mut self) -> bool {
        let begun = Instant::now();
        while self.runs() && begun.elapsed() < PATIENCE {
            std::thread::yield_now();
        }
        !self.runs()
    }

    /// Tells it to end.
    pub fn tell(&mut self) {
        if self.runs() {
            signal(self.id, "-TERM");
        }
    }

    /// Tells it to end, and waits until it has.
    pub fn end(mut self) -> ExitStatus {
        self.tell();
        let mut child = self.child.take().unwrap();
        let (done, ended) = mpsc::channel();
        let waiting = std::thread::spawn(move || done.send(child.wait().unwrap()));
        let status = ended.recv_timeout(PATIENCE);
        if status.is_err() {
            signal(self.id, "-KILL");
        }
        drop(waiting.join());
        status.expect("it does not end")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            signal(self.id, "-KILL");
            drop(child.wait());
        }
    }
}

/// To a process and those that it has begun; it may be gone already.
fn signal(group: u32, signal: &str) {
    let mut kill = Command::new("kill");
    kill.args([signal, "--", &format!("-{group}")]);
    kill.output().unwrap();
}

/// What goes on beside a command that waits; returns when it is to end.
pub type Drive<'a, T> = &'a dyn Fn(&T, &mut Running);

/// Runs a command to its end.
fn run<T>(command: &mut Command, made: &T, drive: Option<Drive<T>>) -> ExitStatus {
    let Some(drive) = drive else {
        return command.status().unwrap();
    };
    let mut running = Running::of(command);
    drive(made, &mut running);
    running.end()
}

/// `creel ARGS`, which waits, without strace; and whether it ended as it should.
pub fn plain_driven<T>(made: &T, args: &[String], drive: Drive<T>) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_creel"));
    command.args(args).env_remove("LD_LIBRARY_PATH");
    let status = run(command.stdin(Stdio::null()), made, Some(drive));
    assert!(well(status), "{args:?}: {status}");
}

/// By itself, or as it was told to.
fn well(status: ExitStatus) -> bool {
    const SIGTERM: i32 = 15;
    status.success() || status.signal() == Some(SIGTERM) || status.code() == Some(128 + SIGTERM)
}

/// Tells how to see it again, where a test ends in a panic while this lives.
pub struct Told(String);

impl Drop for Told {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("{}", self.0);
        }
    }
}

/// The command that repeats one case of this test program.
fn line(variable: &str, value: &str) -> Told {
    Told(format!(
        "{variable}='{value}' cargo test --test {} -- kill errors:: --nocapture",
        env!("CARGO_CRATE_NAME")
    ))
}

fn field<'t>(text: &'t str, name: &str) -> &'t str {
    let mut parts = text.split(',');
    let found = parts.find_map(|part| part.strip_prefix(name)?.strip_prefix('='));
    found.unwrap_or_else(|| panic!("{text:?} is no line as it was printed: no {name}="))
}

/// What the environment asks for, of this sweep; `Some(None)`: of another one.
fn wanted(variable: &str, sweep: &str, parts: [&str; 2]) -> Option<Option<[String; 2]>> {
    if let Ok(text) = std::env::var(variable) {
        let name = field(&text, "sweep");
        sweeps::verb_of(name);
        let own = || {
            parts.map(|part| match part {
                "" => String::new(),
                part => field(&text, part).to_owned(),
            })
        };
        return Some((name == sweep).then(own));
    }
    is_replay().then_some(None)
}

/// The program under strace.
fn traced(options: &[&str], args: &[String]) -> Command {
    let mut command = Command::new("strace");
    command
        .args(["-f", "-qq"])
        .args(options)
        .arg(env!("CARGO_BIN_EXE_creel"))
        .args(args)
        // Cargo's would make the loader look through many directories.
        .env_remove("LD_LIBRARY_PATH")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

/// How often a thread of a command makes each call that has to do with files, at most: strace counts so.
fn counts<T>(made: &T, args: &[String], drive: Option<Drive<T>>) -> BTreeMap<String, usize> {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("calls");
    let mut command = traced(&["-e", TRACED, "-o", log.to_str().unwrap()], args);
    let status = run(&mut command, made, drive);
    assert!(well(status), "{args:?}: {status}");
    let text = std::fs::read(log).unwrap();
    let text = String::from_utf8_lossy(&text);
    let mut threads: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for (thread, rest) in text.lines().filter_map(|line| line.split_once(' ')) {
        let Some((call, _)) = rest.trim_start().split_once('(') else {
            continue;
        };
        let name = call.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if name && !APART.contains(&call) {
            *threads.entry((thread, call)).or_default() += 1;
        }
    }
    let mut counts = BTreeMap::new();
    for ((_, call), count) in threads {
        let most: &mut usize = counts.entry(call.to_owned()).or_default();
        *most = count.max(*most);
    }
    counts
}

/// Each kind of call with the numbers at which the command is killed. What the loader does before the
/// program begins is left out.
fn places<T>(
    share: Share,
    (made, args): &(T, Vec<String>),
    drive: Option<Drive<T>>,
) -> Vec<(String, Vec<usize>)> {
    let before = counts(&(), &["version".to_owned()], None);
    let mut all = counts(made, args, drive);
    if matches!(share, Share::Changes(_)) && !all_kills() {
        all.retain(|call, _| !CHANGE_NOTHING.contains(&call.as_str()));
    }
    let places = all.into_iter().enumerate().map(|(i, (call, count))| {
        let loader = match call.as_str() {
            "write" | "exit_group" => 0,
            call => before.get(call).copied().unwrap_or(0),
        };
        let count = count - loader.min(count);
        let step = match share {
            Share::Every => 1,
            _ if all_kills() => 1,
            Share::Step(step) => step,
            Share::AtMost(most) if CHANGE_NOTHING.contains(&call.as_str()) => {
                count.div_ceil(most.div_ceil(3)).max(1)
            }
            Share::AtMost(most) | Share::Changes(most) => count.div_ceil(most).max(1),
        };
        let first = loader + 1 + i % step.min(count.max(1));
        // One more than there were: the command may make a call more than it did.
        (call, (first..=loader + count + 1).step_by(step).collect())
    });
    places.collect()
}

/// Runs a command killed on entry to a call, once for each call; `check` looks at what is left, and is
/// told whether the command came to its end. Returns how often it was killed, at least `least` times.
pub fn sweep<T>(
    name: &str,
    share: Share,
    least: usize,
    make: &dyn Fn() -> (T, Vec<String>),
    check: &dyn Fn(&T, bool),
) -> usize {
    sweep_driven(name, share, least, make, None, check)
}

/// The same of a command that waits, with what goes on beside it.
pub fn sweep_driven<T>(
    name: &str,
    share: Share,
    least: usize,
    make: &dyn Fn() -> (T, Vec<String>),
    drive: Option<Drive<T>>,
    check: &dyn Fn(&T, bool),
) -> usize {
    let places = match wanted(KILL, name, ["call", "nth"]) {
        Some(None) => return 0,
        Some(Some([call, nth])) => vec![(call, vec![nth.parse().unwrap()])],
        None => places(share, &make(), drive),
    };
    let (mut kills, mut calls) = (0, 0);
    for (call, numbers) in &places {
        for n in numbers {
            let (made, args) = make();
            sweeps::belongs(name, &args, |verb| verb.kills);
            let _told = line(KILL, &format!("sweep={name},call={call},nth={n}"));
            let inject = format!("inject={call}:signal=KILL:when={n}");
            let trace = format!("trace={call}");
            let options = ["-o", "/dev/null", "-e", &trace, "-e", &inject];
            let status = run(&mut traced(&options, &args), &made, drive);
            let killed = status.signal() == Some(9) || status.code() == Some(137);
            assert!(killed || well(status), "{args:?}, {call} {n}: {status}");
            check(&made, !killed);
            if !killed {
                break;
            }
            kills += 1;
        }
        calls += 1;
    }
    println!("kills {kills} {name}, {calls} kinds of calls");
    assert!(is_replay() || kills >= least, "{name}: only {kills} kills");
    kills
}

/// The injections of a sweep: those that it has, or the one that is asked for, or none.
pub fn injections(name: &str, all: impl FnOnce() -> Vec<String>) -> Vec<String> {
    match wanted(ERROR, name, ["inject", ""]) {
        Some(None) => Vec::new(),
        Some(Some([inject, _])) => vec![inject],
        None => all(),
    }
}

/// Calls that a command that waits makes, and what the kernel may say to each once.
const ONCE: &[(&str, &[&str])] = &[
    ("openat", &["EIO", "EMFILE", "EACCES"]),
    ("pread64", &["EIO"]),
    ("preadv", &["EIO"]),
    ("read", &["EIO"]),
    ("pwrite64", &["EIO", "ENOSPC"]),
    ("pwritev2", &["EIO", "ENOSPC"]),
    ("write", &["EIO", "ENOSPC"]),
    ("fsync", &["EIO", "ENOSPC"]),
    ("fdatasync", &["EIO", "ENOSPC"]),
    ("fallocate", &["EIO", "ENOSPC"]),
    ("ftruncate", &["EIO", "ENOSPC"]),
    ("fcntl", &["ENOLCK"]),
    ("statx", &["EIO"]),
    ("getdents64", &["EIO"]),
    ("mkdir", &["EIO", "ENOSPC"]),
    ("mkdirat", &["EIO", "ENOSPC"]),
    ("rename", &["EIO", "ENOSPC"]),
    ("renameat", &["EIO", "ENOSPC"]),
    ("renameat2", &["EIO", "ENOSPC"]),
    ("linkat", &["EIO", "ENOSPC"]),
    ("unlink", &["EIO"]),
    ("unlinkat", &["EIO"]),
    ("sendto", &["ECONNRESET"]),
    ("recvfrom", &["ECONNRESET"]),
    ("accept4", &["EMFILE"]),
    ("connect", &["ECONNREFUSED"]),
];

/// Runs a command that waits with a call that fails once: it goes on, or ends and says so. A third of all
/// kinds of failure, each at one call, or every one with `CREEL_ERRORS=all`. `check` is told the status.
pub fn errors_driven<T>(
    name: &str,
    least: usize,
    make: &dyn Fn() -> (T, Vec<String>),
    drive: Drive<T>,
    check: &dyn Fn(&T, ExitStatus),
) {
    let all = || {
        let (made, args) = make();
        let before = counts(&(), &["version".to_owned()], None);
        let counts = counts(&made, &args, Some(drive));
        let every = std::env::var_os("CREEL_ERRORS").is_some();
        let mut all = Vec::new();
        for (i, (call, errors)) in ONCE.iter().enumerate() {
            let loader = before.get(*call).copied().unwrap_or(0);
            let count = counts
                .get(*call)
                .map_or(0, |count| count - loader.min(*count));
            let numbers = loader + 1..=loader + count;
            for error in *errors {
                let step = if every { 1 } else { count.max(1) };
                let numbers = numbers.clone().skip(i * 5 % step).step_by(step);
                all.extend(numbers.map(|n| format!("{call}:error={error}:when={n}")));
            }
        }
        all.into_iter().step_by(if every { 1 } else { 3 }).collect()
    };
    let mut cases = 0;
    for injection in injections(name, all) {
        let (made, args) = make();
        let _told = told(name, &args, &injection);
        let call = injection.split(':').next().unwrap_or_default();
        let (trace, inject) = (format!("trace={call}"), format!("inject={injection}"));
        let options = ["-o", "/dev/null", "-e", &trace, "-e", &inject];
        let status = run(&mut traced(&options, &args), &made, Some(drive));
        // 130: of the signal it knows only that it came.
        let explained = matches!(status.code(), Some(4..=8 | 12 | 14 | 130));
        assert!(well(status) || explained, "{args:?}: {status}");
        check(&made, status);
        cases += 1;
    }
    at_least(name, cases, least);
}

/// While this lives a panic tells how to let this call fail again.
pub fn told(name: &str, args: &[String], injection: &str) -> Told {
    sweeps::belongs(name, args, |verb| verb.errors);
    line(ERROR, &format!("sweep={name},inject={injection}"))
}

/// Fewer cases than these are too few.
pub fn at_least(name: &str, cases: usize, least: usize) {
    println!("errors {name} {cases}");
    assert!(
        is_replay() || cases >= least,
        "{name}: only {cases} failing calls"
    );
}

/// `creel ARGS` without strace.
pub fn plain(args: &[String]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_creel"));
    command.args(args).env_remove("LD_LIBRARY_PATH");
    command.stdin(Stdio::null()).output().unwrap()
}
