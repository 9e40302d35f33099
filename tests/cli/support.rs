//! A database in a temporary directory, and the command that works on it.

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use base64::Engine as _;
use serde_json::Value;
use tempfile::TempDir;

pub use crate::skip::skipped;

/// The binary, in an environment that says nothing about colours, locale or databases.
pub fn creel() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_creel"));
    for name in [
        "CREEL_DB",
        "CREEL_LOG",
        "NO_COLOR",
        "CLICOLOR_FORCE",
        "COLUMNS",
        "GITHUB_STEP_SUMMARY",
    ] {
        command.env_remove(name);
    }
    command
        .env("LC_ALL", "C")
        .timeout(std::time::Duration::from_secs(30));
    command
}

/// A database that is gone at the end of the test.
pub struct Db {
    pub dir: TempDir,
    pub path: PathBuf,
}

impl Db {
    /// An empty database.
    pub fn new() -> Db {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("test.db");
        creel()
            .arg("open")
            .arg(&path)
            .arg("--create")
            .assert()
            .success();
        Db { dir, path }
    }

    /// A database with these entries.
    pub fn with(entries: &[(&str, &str)]) -> Db {
        let db = Db::new();
        for (key, value) in entries {
            db.run("put").args([key, value]).assert().success();
        }
        db
    }

    /// A database with `count` entries `key000000` and on.
    pub fn filled(count: usize) -> Db {
        let db = Db::new();
        let lines: String = (0..count)
            .map(|i| format!("put\tkey{i:06}\tvalue {i}\n"))
            .collect();
        db.run("batch").write_stdin(lines).assert().success();
        db
    }

    /// `creel VERB DB`.
    pub fn run(&self, verb: &str) -> Command {
        let mut command = creel();
        command.arg(verb).arg(&self.path);
        command
    }

    /// The bytes of a value.
    pub fn get(&self, key: &str) -> Vec<u8> {
        self.run("get")
            .arg(key)
            .assert()
            .success()
            .get_output()
            .stdout
            .clone()
    }

    /// What `list` prints.
    pub fn list(&self) -> String {
        stdout(self.run("list"))
    }

    /// A file beside the database.
    pub fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.dir.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    }

    /// The bytes of the database file.
    pub fn bytes(&self) -> Vec<u8> {
        fs::read(&self.path).unwrap()
    }

    /// Names of all files in the directory.
    pub fn files(&self) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(self.dir.path())
            .unwrap()
            .map(|e| e.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

/// What a command that succeeds prints.
pub fn stdout(mut command: Command) -> String {
    String::from_utf8(command.assert().success().get_output().stdout.clone()).unwrap()
}

/// The only JSON object that a command that succeeds prints.
pub fn json(mut command: Command) -> Value {
    let output = command
        .arg("--json")
        .assert()
        .success()
        .get_output()
        .stdout
        .clone();
    serde_json::from_slice(&output).unwrap()
}

/// All JSON lines of a text.
pub fn json_lines(text: &[u8]) -> Vec<Value> {
    let text = std::str::from_utf8(text).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// The JSON error of a command that fails with this status and prints nothing.
pub fn json_error(mut command: Command, exit: i32) -> Value {
    let output = command
        .arg("--json")
        .assert()
        .code(exit)
        .get_output()
        .clone();
    let lines = json_lines(&output.stderr);
    assert_eq!(lines.len(), 1, "one line on standard error");
    assert_eq!(lines[0]["schema"], "creel.error/1");
    assert_eq!(lines[0]["exit"], exit);
    lines[0].clone()
}

/// Standard base64.
pub fn base64(bytes: &[u8]) -> String {
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

/// The bytes of standard base64.
pub fn unbase64(value: &Value) -> Vec<u8> {
    base64::engine::general_purpose::STANDARD
        .decode(value.as_str().unwrap())
        .unwrap()
}

/// The digest of a database.
pub fn digest_of(path: &Path) -> String {
    let mut command = creel();
    command.arg("digest").arg(path);
    let line = stdout(command);
    line.split(' ').next().unwrap().to_owned()
}

/// Flips one bit of a file.
pub fn flip(path: &Path, offset: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[offset] ^= 1;
    fs::write(path, bytes).unwrap();
}

/// True where the program counts what it runs through, in a map and with memory of its own. Says so.
pub fn is_counting() -> bool {
    let counting = std::env::var_os("LLVM_PROFILE_FILE").is_some();
    if counting {
        skipped(
            "uncounted",
            "a build that measures coverage has maps and memory of its own",
        );
    }
    counting
}

/// A strace that can inject faults.
#[cfg(unix)]
pub fn strace() -> Option<PathBuf> {
    let works = std::process::Command::new("strace")
        .args([
            "-f",
            "-qq",
            "-o",
            "/dev/null",
            "-e",
            "inject=pwritev2:error=EIO:when=99",
            "true",
        ])
        .stderr(std::process::Stdio::null())
        .status()
        .is_ok_and(|s| s.success());
    if !works {
        skipped("strace", "it cannot inject faults here");
    }
    works.then(|| PathBuf::from("strace"))
}
