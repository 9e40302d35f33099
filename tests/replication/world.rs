//! A directory with databases, and the processes that serve and follow them.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use creel::{Db, Depth, NoProgress, OpenOptions, Position, SyncMode, Verdict, VerifyOptions};
use tempfile::TempDir;

pub use crate::skip::skipped;

pub const PATIENCE: Duration = Duration::from_secs(60);

pub struct World {
    pub dir: TempDir,
}

/// A process that is killed at the end of the test.
pub struct Process {
    pub child: Child,
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Process {
    pub fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let status = Command::new("kill").args([name, &pid]).status().unwrap();
        assert!(status.success());
    }

    /// Waits for the end that comes by itself, or by a signal that was sent.
    pub fn wait(&mut self) -> (Option<i32>, Option<i32>) {
        use std::os::unix::process::ExitStatusExt;
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return (status.code(), status.signal());
            }
            assert!(begun.elapsed() < PATIENCE, "it does not end");
            std::thread::yield_now();
        }
    }

    /// Ended by SIGTERM, after a goodbye.
    pub fn terminate(mut self) {
        self.signal("-TERM");
        assert_eq!(self.wait(), (None, Some(15)));
    }

    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// A process that serves.
pub struct Served {
    pub process: Process,
    /// As `--from` takes it.
    pub address: String,
    pub http: Option<String>,
}

pub fn creel() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_creel"));
    command
        .env_remove("CREEL_DB")
        .env_remove("CREEL_LOG")
        .env_remove("CREEL_SSH")
        .env("LC_ALL", "C");
    command
}

/// An address that nobody listens on now.
pub fn free_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

pub fn text(output: &Output) -> String {
    String::from_utf8([output.stdout.as_slice(), &output.stderr].concat()).unwrap()
}

impl World {
    pub fn new() -> World {
        World {
            dir: tempfile::tempdir().unwrap(),
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// A database with small log regions.
    pub fn create(&self, name: &str) {
        self.create_with(name, "64KiB");
    }

    pub fn create_with(&self, name: &str, wal_size: &str) {
        let path = self.path(name);
        self.ok(&["open", "--create", "--wal-size", wal_size], &[&path]);
    }

    /// Runs a command with these words and paths behind them.
    pub fn run(&self, words: &[&str], paths: &[&Path]) -> Output {
        creel()
            .args(words)
            .args(paths)
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    pub fn ok(&self, words: &[&str], paths: &[&Path]) -> String {
        let output = self.run(words, paths);
        assert!(output.status.success(), "{words:?}: {}", text(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Makes `a.db`, a primary with a log of this size.
    pub fn primary(&self, wal_size: &str) {
        let create = ["open", "--create", "--role", "primary", "--wal-size"];
        self.ok(&[&create[..], &[wal_size]].concat(), &[&self.path("a.db")]);
    }

    /// `creel replicate VERB DB WORDS`.
    pub fn replicate(&self, verb: &str, name: &str, words: &[&str]) -> Output {
        creel()
            .args(["replicate", verb])
            .arg(self.path(name))
            .args(words)
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    /// The same, which ends with this status.
    pub fn replicate_to(&self, status: i32, verb: &str, name: &str, words: &[&str]) -> String {
        let output = self.replicate(verb, name, words);
        let said = text(&output);
        assert_eq!(
            output.status.code(),
            Some(status),
            "{verb} {words:?}: {said}"
        );
        said
    }

    pub fn put(&self, name: &str, key: &str, value: &str) {
        self.ok(
            &["put"],
            &[&self.path(name), Path::new(key), Path::new(value)],
        );
    }

    pub fn spawn(&self, verb: &str, name: &str, words: &[&str]) -> Command {
        let mut command = creel();
        command
            .args(["replicate", verb])
            .arg(self.path(name))
            .args(words)
            .stdin(Stdio::null());
        command
    }

    /// Serves; returns once it is ready.
    pub fn serve(&self, name: &str, words: &[&str]) -> Served {
        ready(self.spawn("serve", name, words))
    }

    pub fn serve_local(&self, name: &str) -> Served {
        self.serve(name, &["--listen", "127.0.0.1:0"])
    }

    /// Follows in the background.
    pub fn follow(&self, name: &str, from: &str, words: &[&str]) -> Process {
        let mut command = self.spawn("follow", name, &["--from", from]);
        let command = command
            .args(words)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        Process {
            child: command.spawn().unwrap(),
        }
    }

    /// Follows and serves.
    pub fn cascade(&self, name: &str, from: &str) -> Served {
        ready(self.spawn("follow", name, &["--from", from, "--serve", "127.0.0.1:0"]))
    }

    /// Opened for reading, however often it was replaced before.
    pub fn open(&self, name: &str) -> Db {
        let options = OpenOptions::new().read_only(true);
        options.open(self.path(name)).unwrap()
    }

    /// Opened to write quickly.
    pub fn writer(&self, name: &str) -> Db {
        let options = OpenOptions::new().sync(SyncMode::Off);
        options.open(self.path(name)).unwrap()
    }

    pub fn position(&self, name: &str) -> Position {
        self.open(name).position().unwrap()
    }

    /// Waits until a copy has everything that the database has now.
    pub fn wait_for(&self, copy: &str, name: &str) {
        let target = self.position(name);
        let begun = Instant::now();
        loop {
            // A copy that is replaced has to be opened again.
            let db = self.open(copy);
            let seen = db.watch(target.index - 1, Duration::from_secs(1)).unwrap();
            if seen >= target.index {
                break;
            }
            let waited = begun.elapsed();
            assert!(
                waited < PATIENCE,
                "{copy} is at {seen}, not {}",
                target.index
            );
        }
        // A checkpoint may have left a mark in the log meanwhile.
        let reached = self.position(copy);
        assert!(
            reached == target || reached.index > target.index,
            "{reached:?} is not {target:?}"
        );
    }

    pub fn digest(&self, name: &str) -> String {
        let out = self.ok(&["digest"], &[&self.path(name)]);
        let digest = out.split_whitespace().next().unwrap();
        // In front of it stands a backslash where there is one in the name.
        digest.trim_start_matches('\\').to_owned()
    }

    /// The copy has the same contents at the same position, and is whole.
    pub fn same(&self, copy: &str, name: &str) {
        assert_eq!(self.position(copy), self.position(name));
        assert_eq!(self.digest(copy), self.digest(name));
        self.verify(copy);
    }

    pub fn verify(&self, name: &str) {
        let options = VerifyOptions {
            level: Depth::Deep,
            ..VerifyOptions::default()
        };
        let report = creel::verify(&self.path(name), &options, &NoProgress).unwrap();
        assert_ne!(
            report.verdict,
            Verdict::Damaged,
            "{name}: {:?}",
            report.findings
        );
    }
}

pub fn ready(mut command: Command) -> Served {
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let out = BufReader::new(child.stdout.take().unwrap());
    let process = Process { child };
    let mut lines = Vec::new();
    for line in out.lines() {
        let line = line.unwrap();
        if line == "ready" {
            break;
        }
        lines.push(line);
    }
    let with = |scheme: &str| lines.iter().find(|l| l.starts_with(scheme)).cloned();
    let address = with("tcp://").or(with("tls://"));
    Served {
        process,
        address: address.expect("it says where it listens"),
        http: with("http://"),
    }
}
