//! One process with some tests in it, until the first of them fails.

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use super::Place;

/// Small budgets: a mutant that only the large ones find counts as missed.
const BUDGETS: &[(&str, &str)] = &[
    ("CREEL_CRASH_STATES", "12000"),
    ("CREEL_FAULT_PLACES", "4"),
    ("CREEL_VERDICT_STEP", "61"),
    ("CREEL_FUZZ_RUNS", "150"),
    ("CREEL_SCHEDULES", "40"),
    ("CREEL_SEQUENCES", "8"),
];

pub enum Outcome {
    Passed,
    /// The test that failed first.
    Failed(String),
    Timeout,
}

pub struct Limits {
    pub time: Duration,
    /// Each has a scratch folder of its own.
    pub worker: usize,
}

pub fn run(
    place: &Place,
    path: &Path,
    tests: &[&str],
    says: &[(&str, String)],
    limits: &Limits,
) -> Outcome {
    pause();
    let scratch = place
        .work
        .join(format!("scratch-{}-{}", std::process::id(), limits.worker));
    let _ = std::fs::remove_dir_all(&scratch);
    std::fs::create_dir_all(&scratch).expect("a scratch folder");
    // No memory and no file without bound: mutants run wild.
    let mut child = Command::new("sh")
        .args([
            "-c",
            "ulimit -v 16000000; ulimit -f 4000000; exec \"$0\" --exact --test-threads=1 \"$@\"",
        ])
        .arg(path)
        .args(tests)
        .envs(BUDGETS.iter().copied())
        .envs(says.iter().map(|(name, value)| (name, value)))
        .env("TMPDIR", &scratch)
        .env("RUST_BACKTRACE", "0")
        .current_dir(&place.tree)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .expect("a test program");
    let outcome = watch(&mut child, limits.time);
    // What it started dies with it.
    let _ = Command::new("kill")
        .args(["-KILL", "--", &format!("-{}", child.id())])
        .stderr(Stdio::null())
        .status();
    let _ = child.kill();
    let _ = child.wait();
    let _ = std::fs::remove_dir_all(&scratch);
    outcome
}

/// While the file that `MUTATE_PAUSE` names is there, nothing is begun.
fn pause() {
    let Some(path) = std::env::var_os("MUTATE_PAUSE") else {
        return;
    };
    while Path::new(&path).exists() {
        std::thread::sleep(Duration::from_secs(1));
    }
}

fn watch(child: &mut Child, limit: Duration) -> Outcome {
    let Some(out) = child.stdout.take() else {
        return Outcome::Timeout;
    };
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(out).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    let until = Instant::now() + limit;
    let mut under_way = String::new();
    loop {
        match receiver.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(line) if line.starts_with("test result: ok") => return Outcome::Passed,
            Ok(line) if line.starts_with("test ") => {
                under_way = line.split_whitespace().nth(1).unwrap_or("").to_owned();
                if line.ends_with("FAILED") {
                    return Outcome::Failed(under_way);
                }
            }
            Ok(_) => {}
            Err(mpsc::RecvTimeoutError::Timeout) => return Outcome::Timeout,
            // It ended without a result: it was aborted after that test, or in the next.
            Err(mpsc::RecvTimeoutError::Disconnected) => {
                return Outcome::Failed(format!("(aborted after {under_way})"));
            }
        }
    }
}
