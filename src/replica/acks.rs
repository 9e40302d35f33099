//! Waiting until other copies hold a commit: a question to the process that serves the file.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use super::control::{Ask, Holders, Wait, hex};
use super::dial::client;
use crate::db::Commit;
use crate::stream::auth::TokenKey;
use crate::stream::client::{AskError, Client};
use crate::stream::transport::tcp;

/// The server of this machine answers at once, or is not there.
const CONNECT: Duration = Duration::from_secs(2);
/// The answer may come a little later than the wait that it is about.
const GRACE: Duration = Duration::from_secs(2);

/// A connection to the process that serves a file.
pub struct Acks(Client);

fn failed(error: AskError) -> io::Error {
    match error {
        AskError::Io(error) => error,
        AskError::Timeout => io::ErrorKind::TimedOut.into(),
        AskError::Ended(end) => {
            io::Error::new(io::ErrorKind::ConnectionAborted, super::dial::ending(&end))
        }
    }
}

impl Acks {
    /// Connects, before anything is written: where nobody serves the file nothing is tried.
    pub fn connect(address: SocketAddr, secret: TokenKey) -> io::Result<Acks> {
        let wire = tcp(TcpStream::connect_timeout(&address, CONNECT)?)?;
        let config = client(Some(secret), wire.channel)?;
        Client::open(wire, config, CONNECT)
            .map(Acks)
            .map_err(failed)
    }

    /// Waits until so many copies hold the commit.
    pub fn wait(
        &mut self,
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
        let answer = self
            .0
            .ask(&json, time.saturating_add(GRACE))
            .map_err(failed)?;
        Ok(serde_json::from_slice(&answer)?)
    }

    /// How the server stands, as JSON.
    pub fn status(&mut self) -> io::Result<serde_json::Value> {
        let json = serde_json::to_vec(&Ask::Status)?;
        let answer = self.0.ask(&json, GRACE).map_err(failed)?;
        Ok(serde_json::from_slice(&answer)?)
    }
}
