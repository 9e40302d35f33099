//! Pulls over TCP: a process serves the primary, another one pulls, as users run them.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};

use super::node::Behind;
use super::pull::Pulled;
use super::run::{FleetRun, engine};
use crate::error::Error;
use crate::soak::check::{Check, Halt, Step};
use crate::soak::store::advance;
use crate::sys::own_group;

/// Statuses of `creel replicate pull`.
const LIMITED: i32 = 13;
const RESEED: i32 = 11;
const DIVERGED: i32 = 15;

/// A process that serves the present primary.
#[derive(Debug)]
pub(super) struct Server {
    child: Child,
    address: String,
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
                    "ready" => return Ok(Server { child, address }),
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

impl FleetRun<'_> {
    /// The primary is another one now: the next pull starts another server.
    pub(super) fn forget_server(&mut self) {
        self.server = None;
    }

    /// One pull by a process of its own.
    pub(super) fn pull_over_tcp(&mut self, at: usize, program: &Path) -> Step<Pulled> {
        let failed = |e| Halt::Setup(Error::io("start a server or a pull", e));
        if self.server.is_none() {
            let server = Server::start(program, &self.primary.path).map_err(failed)?;
            self.server = Some(server);
        }
        let address = self.server.as_ref().map(|s| s.address.clone());
        let (Some(replica), Some(address)) = (self.replicas.get(at), address) else {
            return Ok(Pulled::Nothing);
        };
        let before = replica.position().map_err(engine("read the position"))?;
        let output = own_group(program)
            .args(["replicate", "pull"])
            .arg(&replica.path)
            .args(["--from", &address, "-q"]) // always with full sync
            .args(["--max-frames", &self.fleet.max_frames.to_string()])
            .stdin(Stdio::null())
            .output()
            .map_err(failed)?;
        match output.status.code() {
            Some(0 | LIMITED) => {}
            Some(RESEED | DIVERGED) => {
                if let Some(replica) = self.replicas.get_mut(at) {
                    replica.needs_reseed = true;
                }
                return Ok(Pulled::Refused);
            }
            _ => {
                let text = String::from_utf8_lossy(&output.stderr).replace('\n', " ");
                let detail = format!("a pull over TCP ends with {}: {text}", output.status);
                return Err(self.broken(Check::Calls, detail));
            }
        }
        self.counts.pulls += 1;
        let Some(replica) = self.replicas.get_mut(at) else {
            return Ok(Pulled::Nothing);
        };
        let now = replica.position().map_err(engine("read the position"))?;
        for (from, to) in self.commits.between(before.index, now.index) {
            for counter in from..to {
                advance(&mut replica.model, &self.stream.at(counter), &self.values);
            }
            replica.model.set_progress(to);
        }
        self.ledger.pass(Check::Prefix);
        let taken = now.index.saturating_sub(before.index);
        self.counts.frames_applied += taken;
        replica.behind = Behind::Entries(taken);
        Ok(match taken {
            0 => Pulled::Nothing,
            entries => Pulled::Entries(entries),
        })
    }
}
