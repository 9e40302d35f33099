//! The parent's side of a child process.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{ChildStdin, ChildStdout, Command, Stdio};

use super::child::{NAME, PATH};

/// A child that has begun to obey. It is killed when dropped.
pub struct Child {
    process: std::process::Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Child {
    pub fn start(path: &Path) -> Child {
        Child::start_as(path, None).unwrap()
    }

    /// As another user, where that is possible.
    pub fn start_as(path: &Path, user: Option<u32>) -> std::io::Result<Child> {
        let mut command = Command::new(std::env::current_exe()?);
        command
            .args(["--exact", NAME, "--nocapture", "--test-threads=1"])
            .env(PATH, path);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        if let Some(user) = user {
            command.uid(user).gid(user);
        }
        let mut process = command.spawn()?;
        let input = process.stdin.take();
        let output = BufReader::new(process.stdout.take().unwrap());
        let mut child = Child {
            process,
            input,
            output,
        };
        assert_eq!(child.answer().as_deref(), Some("ready"));
        Ok(child)
    }

    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    pub fn send(&mut self, line: &str) {
        writeln!(self.input.as_mut().unwrap(), "{line}").unwrap();
    }

    /// The next answer; `None` once the child has ended.
    pub fn answer(&mut self) -> Option<String> {
        loop {
            let mut line = String::new();
            if self.output.read_line(&mut line).unwrap() == 0 {
                return None;
            }
            if let Some(answer) = line.strip_prefix('@') {
                // A killed child may leave half a line, which acknowledges nothing.
                return answer.strip_suffix('\n').map(str::to_owned);
            }
        }
    }

    pub fn ask(&mut self, line: &str) -> String {
        self.send(line);
        self.answer()
            .unwrap_or_else(|| panic!("the child ended at {line:?}"))
    }

    pub fn open(&mut self, how: &str) {
        assert_eq!(self.ask(&format!("open {how}")), "opened");
    }

    /// SIGKILL, and gone when this returns.
    pub fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    fn signal(&self, name: &str) {
        let pid = self.pid().to_string();
        assert!(
            Command::new("kill")
                .args(["-s", name, &pid])
                .status()
                .unwrap()
                .success()
        );
    }

    /// SIGSTOP; it stands still when this returns.
    pub fn stop(&self) {
        self.signal("STOP");
        let state = || std::fs::read_to_string(format!("/proc/{}/stat", self.pid())).unwrap();
        while !state().contains(") T ") {
            std::thread::yield_now();
        }
    }

    /// SIGCONT.
    pub fn resume(&self) {
        self.signal("CONT");
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.input = None;
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
