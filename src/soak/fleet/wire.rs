//! Over TCP, by processes, as users run them: one serves the primary, others pull, promote, take
//! back and seed anew.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Output, Stdio};

use super::pull::Pulled;
use super::run::{FleetRun, engine};
use crate::db::Position;
use crate::error::Error;
use crate::replica::rejoin::Rejoined;
use crate::replica::tail::Saved;
use crate::soak::check::{Check, Halt, Step};
use crate::soak::faults::FaultKind;
use crate::soak::random::Draw;
use crate::soak::seam::{Damage, Relay};
use crate::sys::own_group;

/// Exit statuses of creel.
const LIMITED: i32 = 13;
const RESEED: i32 = 11;
const DIVERGED: i32 = 15;
/// A damaged byte of a stream is one of the first so many: most pulls are no longer.
const EARLY: u64 = 4096;

/// A process that serves the present primary, and what stands in between.
#[derive(Debug)]
pub(super) struct Server {
    child: Child,
    relay: Relay,
}

impl Server {
    fn start(program: &Path, database: &Path) -> std::io::Result<Server> {
        let mut child = own_group(program)
            .args(["replicate", "serve"])
            .arg(database)
            .args(["--listen", "127.0.0.1:0"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let mut address = String::new();
        if let Some(output) = child.stdout.take() {
            for line in BufReader::new(output).lines() {
                match line?.as_str() {
                    "ready" => {
                        let upstream = address.trim_start_matches("tcp://").to_owned();
                        let relay = Relay::start(upstream);
                        return relay.map(|relay| Server { child, relay });
                    }
                    line => address = line.to_owned(),
                }
            }
        }
        let status = child.wait()?;
        Err(std::io::Error::other(format!("the server ended: {status}")))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn unstarted(error: std::io::Error) -> Halt {
    Halt::Setup(Error::io("start creel", error))
}

impl FleetRun<'_> {
    /// The primary is another one now: the next pull starts another server.
    pub(super) fn forget_server(&mut self) {
        self.server = None;
    }

    fn program(&self) -> Step<PathBuf> {
        let missing = || Error::Invalid {
            reason: "without the program there are no processes".into(),
        };
        self.program.clone().ok_or_else(|| Halt::Setup(missing()))
    }

    /// Where pulls connect to.
    fn address(&mut self) -> Step<String> {
        if self.server.is_none() {
            let program = self.program()?;
            let server = Server::start(&program, &self.primary.path).map_err(unstarted)?;
            self.server = Some(server);
        }
        let address = self.server.as_ref().map(|s| s.relay.address());
        Ok(format!("tcp://{}", address.unwrap_or_default()))
    }

    /// Starts creel for a copy.
    fn start(&self, verb: &[&str], path: &Path, rest: &[&str]) -> Step<Child> {
        let program = self.program()?;
        let mut command = own_group(&program);
        command.args(verb).arg(path).args(rest).stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().map_err(unstarted)
    }

    fn creel(&self, verb: &[&str], path: &Path, rest: &[&str]) -> Step<Output> {
        let child = self.start(verb, path, rest)?;
        child.wait_with_output().map_err(unstarted)
    }

    fn refused(&self, what: &str, output: &Output) -> Halt {
        let text = String::from_utf8_lossy(&output.stderr).replace('\n', " ");
        let detail = format!("{what} ends with {}: {text}", output.status);
        self.broken(Check::Calls, detail)
    }

    /// One pull by a process of its own.
    pub(super) fn pull_over_tcp(&mut self, at: usize) -> Step<Pulled> {
        let address = self.address()?;
        if let Some((kind, draw)) = self.fault_now(at) {
            self.pull_through_damage(at, &address, kind, draw)?;
        }
        let before = self.index_of(at)?;
        if let Some(server) = &self.server {
            server.relay.forge(self.diverges());
        }
        let output = self.pull_process(at, &address)?;
        match output.status.code() {
            Some(0 | LIMITED) => {}
            Some(RESEED | DIVERGED) => return Ok(Pulled::Refused),
            _ => return Err(self.refused("a pull over TCP", &output)),
        }
        Ok(match self.index_of(at)?.saturating_sub(before) {
            0 => Pulled::Nothing,
            entries => Pulled::Entries(entries),
        })
    }

    fn pull_process(&self, at: usize, address: &str) -> Step<Output> {
        let path = self.replicas.get(at).map(|r| r.path.clone());
        let most = self.fleet.max_frames.to_string();
        let rest = ["--from", address, "-q", "--max-frames", &most]; // always with full sync
        self.creel(&["replicate", "pull"], &path.unwrap_or_default(), &rest)
    }

    /// A pull over a connection that is damaged once. What it takes all the same is looked at by the
    /// pull that follows.
    fn pull_through_damage(
        &mut self,
        at: usize,
        address: &str,
        kind: FaultKind,
        mut draw: Draw,
    ) -> Step {
        let place = draw.below(EARLY) * 8 + draw.below(8);
        let damage = match kind {
            FaultKind::CorruptFrame => Damage::Flip(place),
            _ => Damage::Cut(place),
        };
        if let Some(server) = &self.server {
            server.relay.arm(damage);
        }
        let output = self.pull_process(at, address)?;
        let struck = self.server.as_ref().is_some_and(|s| s.relay.disarm());
        if struck {
            let reported = !matches!(output.status.code(), Some(0 | LIMITED));
            self.count_fault(kind, reported);
        }
        Ok(())
    }

    pub(super) fn promote_by_command(&mut self, chosen: usize, loss: Option<(u64, u64)>) -> Step {
        let Some(replica) = self.replicas.get(chosen) else {
            return Ok(());
        };
        let (path, name) = (replica.path.clone(), format!("copy-{}", replica.number));
        let old = self.primary.path.to_string_lossy().into_owned();
        let mut rest = vec!["--old-primary", &old, "--yes", "-q", "--name", &name];
        rest.extend(["--reason", "soak"]);
        if loss.is_some() {
            rest.push("--accept-loss");
        }
        self.freeze_headers()?;
        let before = self.headers_to_lose()?;
        let output = self.creel(&["promote"], &path, &rest)?;
        if !output.status.success() {
            return Err(self.refused("creel promote", &output));
        }
        self.lose_headers(before)?;
        self.open_again(chosen)
    }

    /// Another process has changed what the copy is.
    fn open_again(&mut self, at: usize) -> Step {
        let Some(path) = self.replicas.get(at).map(|r| r.path.clone()) else {
            return Ok(());
        };
        let db = self.open(&path, "open a copy again")?;
        if let Some(replica) = self.replicas.get_mut(at) {
            replica.db = db;
        }
        Ok(())
    }

    pub(super) fn rejoin_by_command(&mut self, chosen: usize) -> Step<Option<Rejoined>> {
        let Some(path) = self.replicas.get(chosen).map(|r| r.path.clone()) else {
            return Ok(None);
        };
        let from = self.primary.path.to_string_lossy().into_owned();
        let verb = ["replicate", "rejoin"];
        let output = self.creel(&verb, &path, &["--from", &from, "--json"])?;
        match output.status.code() {
            Some(0) => {}
            Some(RESEED) => return Ok(None),
            _ => return Err(self.refused("creel replicate rejoin", &output)),
        }
        self.open_again(chosen)?;
        let said: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        let index = |name| said.pointer(name).and_then(serde_json::Value::as_u64);
        let at = |index: Option<u64>| Position {
            epoch: 0,
            index: index.unwrap_or(0),
            hash: None,
        };
        let files = said.get("saved").and_then(serde_json::Value::as_array);
        let saved = files.into_iter().flatten().map(|file| {
            let number = |name| file.get(name).and_then(serde_json::Value::as_u64);
            Saved {
                path: PathBuf::new(),
                from: number("first_index").unwrap_or(0),
                to: number("last_index").unwrap_or(0),
                bytes: number("bytes").unwrap_or(0),
            }
        });
        Ok(Some(Rejoined {
            ancestor: at(index("/ancestor/index")),
            from: at(index("/was_at/index")),
            saved: saved.collect(),
        }))
    }

    /// A new copy by `pull --reseed`, while the primary writes.
    pub(super) fn reseed_by_command(&mut self, at: usize, parted: bool) -> Step {
        let address = self.address()?;
        let Some(path) = self.replicas.get(at).map(|r| r.path.clone()) else {
            return Ok(());
        };
        let how = if parted { "force" } else { "auto" };
        let rest = ["--from", address.as_str(), "-q", "--reseed", how];
        let child = self.start(&["replicate", "pull"], &path, &rest)?;
        let committed = self.commit_meanwhile();
        let output = child.wait_with_output().map_err(unstarted)?;
        committed?;
        match output.status.success() {
            true => Ok(()),
            false => Err(self.refused("a new copy over TCP", &output)),
        }
    }

    /// A handle on a copy, through the seam of the run.
    pub(super) fn open(&self, path: &Path, doing: &'static str) -> Step<crate::db::Db> {
        let options = super::node::options(&self.seam, self.fleet.sync);
        options.open(path).map_err(engine(doing))
    }
}
