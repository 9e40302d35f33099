//! Waiting until other copies hold a commit: a question to the process that serves the file.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use super::control::{Ask, Holders, Wait, hex};
use super::dial::client;
use super::live::Status;
use super::remote::has;
use super::slot::entropy;
use crate::db::{Commit, Db, Position};
use crate::error::Result;
use crate::stream::auth::TokenKey;
use crate::stream::client::{AskError, Client};
use crate::stream::follower::FollowerEnd;
use crate::stream::message::Code;
use crate::stream::transport::{Wire, tcp};

/// The server of this machine answers at once, or is not there.
pub(super) const CONNECT: Duration = Duration::from_secs(2);
/// The answer may come a little later than the wait that it is about.
pub(super) const GRACE: Duration = Duration::from_secs(2);

/// What stands behind the secret where acknowledgements are not to be asked for.
const LOOK: &str = "look";

/// Processes that may serve or follow one file at a time, each with a door of its own.
const DOORS: usize = 4;
/// Where there are several, each is asked for so long before the next one.
const SLICE: Duration = Duration::from_millis(50);

/// Connections to the processes that serve a file: mostly one.
pub struct Acks(Vec<Client>);

/// Where a server answers the commands of its machine. Whoever can read the file can ask it, and
/// nobody else: the secret stands in the file.
pub struct Door {
    /// Bound on loopback.
    pub listener: TcpListener,
    /// What is written into the file.
    text: String,
    /// The secret as the stream takes it.
    pub key: TokenKey,
}

impl Door {
    /// A new one, with a secret of its own.
    pub fn new() -> io::Result<Door> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let secret = hex(&entropy()?);
        let key = TokenKey::new(secret.as_bytes());
        Ok(Door {
            text: format!("{} {secret}", listener.local_addr()?),
            key: key.ok_or(io::ErrorKind::InvalidData)?,
            listener,
        })
    }

    /// What is written into the file.
    pub fn text(&self) -> String {
        self.text.clone()
    }

    /// The same where the process follows and serves nobody: it tells how it stands, and knows of no
    /// acknowledgements.
    pub fn text_to_look(&self) -> String {
        format!("{} {LOOK}", self.text)
    }
}

/// Writes into the file where its server answers, beside others that are there.
pub fn announce(db: &Db, text: &str) -> Result<()> {
    let before = db.facts()?.control;
    // Who was killed has left a line behind.
    let gone: Vec<&str> = before.lines().filter(|line| !answers(line)).collect();
    db.change_facts(|facts| {
        let lines = facts.control.lines();
        let mut lines: Vec<&str> = lines
            .filter(|line| *line != text && !gone.contains(line))
            .collect();
        lines.push(text);
        let newest = lines.len().saturating_sub(DOORS);
        facts.control = lines.split_off(newest).join("\n");
    })
}

/// Takes that back.
pub fn withdraw(db: &Db, text: &str) -> Result<()> {
    if !db.facts()?.control.lines().any(|line| line == text) {
        return Ok(());
    }
    db.change_facts(|facts| {
        let lines = facts.control.lines().filter(|line| *line != text);
        facts.control = lines.collect::<Vec<_>>().join("\n");
    })
}

/// True where somebody listens: who it is, his secret will tell.
fn answers(line: &str) -> bool {
    let address = line.split_once(' ').and_then(|(at, _)| at.parse().ok());
    address.is_some_and(|at: SocketAddr| TcpStream::connect_timeout(&at, CONNECT).is_ok())
}

pub(super) fn failed(error: AskError) -> io::Error {
    match error {
        AskError::Io(error) => error,
        AskError::Timeout => io::ErrorKind::TimedOut.into(),
        AskError::Ended(end) => {
            let kind = match &end {
                FollowerEnd::Unproven | FollowerEnd::TokenWanted => io::ErrorKind::PermissionDenied,
                FollowerEnd::Refused(fault) if fault.code == Code::Auth => {
                    io::ErrorKind::PermissionDenied
                }
                _ => io::ErrorKind::ConnectionAborted,
            };
            io::Error::new(kind, super::dial::ending(&end))
        }
    }
}

impl Acks {
    /// Connects to the servers that the file names; `None` where it names none.
    pub fn of(db: &Db) -> Result<Option<io::Result<Acks>>> {
        let control = db.facts()?.control;
        let mut reached = Vec::new();
        let mut failure = None;
        for line in control.lines() {
            match door(line, false).map(connect) {
                Some(Ok(client)) => reached.push(client),
                Some(Err(error)) => failure = Some(Err(error)),
                None => {}
            }
        }
        Ok(match reached.is_empty() {
            true => failure,
            false => Some(Ok(Acks(reached))),
        })
    }

    /// How the processes stand that serve or follow the file; `None` where there is none.
    pub fn look(db: &Db) -> Result<Option<Status>> {
        let control = db.facts()?.control;
        let mut all: Option<Status> = None;
        for line in control.lines() {
            // One that was killed has left its name behind.
            let Some(Ok(mut client)) = door(line, true).map(connect) else {
                continue;
            };
            if let Ok(status) = ask_status(&mut client) {
                all = Some(match all {
                    Some(others) => status.beside(others),
                    None => status,
                });
            }
        }
        Ok(all)
    }

    /// Tells one server that a commit counts as done though too few copies hold it: status shows it.
    pub fn degraded(&mut self) {
        for client in &mut self.0 {
            if tell_degraded(client).is_ok() {
                return;
            }
        }
    }

    /// Waits until so many copies hold the commit. A copy may have been with each of several servers, so
    /// what they know is not added up.
    pub fn wait(
        &mut self,
        commit: &Commit,
        replicas: usize,
        time: Duration,
    ) -> io::Result<Holders> {
        let slice = match self.0.len() {
            0 | 1 => time,
            _ => time.min(SLICE),
        };
        let mut best: Option<io::Result<Holders>> = None;
        for (i, client) in self.0.iter_mut().enumerate() {
            let answer = wait_at(client, commit, replicas, slice);
            let knows = |answer: &io::Result<Holders>| match answer {
                Ok(holders) => (1 + usize::from(holders.refused.is_none()), holders.holders),
                Err(_) => (0, 0),
            };
            let enough = answer.as_ref().is_ok_and(|a| a.holders >= replicas);
            if best
                .as_ref()
                .is_none_or(|best| knows(best) < knows(&answer))
            {
                best = Some(answer);
            }
            if enough {
                self.0.swap(0, i); // the next commit will be known there first
                break;
            }
        }
        best.unwrap_or_else(|| Err(io::ErrorKind::NotConnected.into()))
    }
}

/// Tells the servers that a commit counts as done without its copies. One of an older creel does not
/// understand, and nobody waits for it.
fn tell_degraded(client: &mut Client) -> io::Result<()> {
    let json = serde_json::to_vec(&Ask::Degraded)?;
    client.ask(&json, GRACE).map(drop).map_err(failed)
}

/// Where a line says that somebody answers, and how he is asked. `looks`: how he stands, if no more.
fn door(line: &str, looks: bool) -> Option<(SocketAddr, TokenKey)> {
    let (address, secret) = line.split_once(' ')?;
    let secret = match secret.strip_suffix(LOOK) {
        Some(_) if !looks => return None,
        Some(secret) => secret.trim_end(),
        None => secret,
    };
    Some((address.parse().ok()?, TokenKey::new(secret.as_bytes())?))
}

/// Connects, before anything is written: where nobody serves the file nothing is tried.
fn connect((address, secret): (SocketAddr, TokenKey)) -> io::Result<Client> {
    let wire = tcp(TcpStream::connect_timeout(&address, CONNECT)?)?;
    let config = client(Some(secret), &wire)?;
    Client::open(wire, config, CONNECT).map_err(failed)
}

fn wait_at(
    client: &mut Client,
    commit: &Commit,
    replicas: usize,
    time: Duration,
) -> io::Result<Holders> {
    let ask = Ask::Wait(Wait {
        index: commit.token.index,
        epoch: commit.token.epoch,
        history: hex(&commit.hash),
        replicas,
        timeout_ms: u64::try_from(time.as_millis()).unwrap_or(u64::MAX),
    });
    let json = serde_json::to_vec(&ask)?;
    let answer = client
        .ask(&json, time.saturating_add(GRACE))
        .map_err(failed)?;
    Ok(serde_json::from_slice(&answer)?)
}

/// Asks a server how it stands.
pub fn ask_status(client: &mut Client) -> io::Result<Status> {
    let json = serde_json::to_vec(&Ask::Status)?;
    let answer = client.ask(&json, GRACE).map_err(failed)?;
    Ok(serde_json::from_slice(&answer)?)
}

/// Asks the server at the other end of a connection how it stands, and whether its history has what a copy
/// holds: [`None`] where it cannot tell.
pub fn status_over(
    wire: Wire,
    token: Option<TokenKey>,
    here: &Position,
) -> io::Result<(Status, Option<bool>)> {
    let config = client(token, &wire)?;
    let mut client = Client::open(wire, config, CONNECT).map_err(failed)?;
    let status = ask_status(&mut client)?;
    Ok((status, has(&mut client, here)))
}
