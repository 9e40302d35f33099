//! Commands that are killed at each call by which they touch files, or whose calls fail, under strace;
//! and the line that leads to one of these again:
//!
//! `CREEL_KILL='sweep=NAME,call=CALL,nth=N'` kills there, `CREEL_ERROR='sweep=NAME,inject=CALL:error=..:when=..'`
//! lets that call fail. Either leaves all other sweeps out. Which verb has which sweeps: `sweeps`.
#![allow(dead_code)] // Each program that includes this uses a part of it.
#![allow(clippy::print_stdout)]

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Output, Stdio};

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
    "setsockopt",
];

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

/// How often a command makes each call that has to do with files.
fn counts(args: &[String]) -> BTreeMap<String, usize> {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("calls");
    let mut command = traced(&["-e", TRACED, "-o", log.to_str().unwrap()], args);
    let status = command.status().unwrap();
    assert!(status.success(), "{args:?}: {status}");
    let text = std::fs::read(log).unwrap();
    let text = String::from_utf8_lossy(&text);
    let mut counts = BTreeMap::new();
    let calls = text.lines().filter_map(|line| line.split_once(' '));
    for (call, _) in calls.filter_map(|(_, rest)| rest.trim_start().split_once('(')) {
        let name = call.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if name && !APART.contains(&call) {
            *counts.entry(call.to_owned()).or_default() += 1;
        }
    }
    counts
}

/// Each kind of call with the numbers at which the command is killed. What the loader does before the
/// program begins is left out.
fn places(share: Share, args: &[String]) -> Vec<(String, Vec<usize>)> {
    let before = counts(&["version".to_owned()]);
    let all = counts(args).into_iter().enumerate();
    let places = all.map(|(i, (call, count))| {
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
            Share::AtMost(most) => count.div_ceil(most).max(1),
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
    let places = match wanted(KILL, name, ["call", "nth"]) {
        Some(None) => return 0,
        Some(Some([call, nth])) => vec![(call, vec![nth.parse().unwrap()])],
        None => places(share, &make().1),
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
            let status = traced(&options, &args).status().unwrap();
            let killed = status.signal() == Some(9) || status.code() == Some(137);
            assert!(killed || status.success(), "{args:?}, {call} {n}: {status}");
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
