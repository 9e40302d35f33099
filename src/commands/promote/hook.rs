//! What is to happen once a copy is the primary: a command of the operator's.

use std::process::{Command, Stdio};

use super::PromoteArgs;
use crate::cli::{Failure, codes};

impl PromoteArgs {
    /// Runs it, by the shell. That it failed undoes nothing.
    pub(super) fn hook(&self, path: &str, epoch: u32, token: &str) -> Result<(), Failure> {
        let Some(command) = &self.on_promote else {
            return Ok(());
        };
        let shell = if cfg!(windows) {
            ("cmd", "/C")
        } else {
            ("sh", "-c")
        };
        let status = Command::new(shell.0)
            .arg(shell.1)
            .arg(command)
            .env("CREEL_DB", path)
            .env("CREEL_EPOCH", epoch.to_string())
            .env("CREEL_TOKEN", token)
            // Standard output is this command's own report.
            .stdin(Stdio::null())
            .stdout(std::io::stderr())
            .status();
        let what = match status {
            Ok(status) if status.success() => return Ok(()),
            Ok(status) => format!("--on-promote failed: {status}"),
            Err(error) => format!("--on-promote cannot be run: {error}"),
        };
        Err(Failure::new(&codes::IO, what)
            .state(format!("the promotion is done: epoch {epoch} has begun"))
            .hint("run the command again by hand"))
    }
}
