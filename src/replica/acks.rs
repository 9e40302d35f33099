//! Waiting until other copies hold a commit: a question to the process that serves the file.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use super::control::{Ask, Holders, Wait, hex};
use super::dial::client;
use super::live::Status;
use super::slot::entropy;
use crate::db::{Commit, Db};
use crate::error::Result;
use crate::stream::auth::TokenKey;
use crate::stream::client::{AskError, Client};
use crate::stream::transport::{Wire, tcp};

/// The server of this machine answers at once, or is not there.
pub(super) const CONNECT: Duration = Duration::from_secs(2);
/// The answer may come a little later than the wait that it is about.
pub(super) const GRACE: Duration = Duration::from_secs(2);

/// What stands behind the secret where acknowledgements are not to be asked for.
const LOOK: &str = "look";

/// A connection to the process that serves a file.
pub struct Acks(Client);

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

/// Writes into the file where its server answers.
pub fn announce(db: &Db, text: &str) -> Result<()> {
    db.change_facts(|facts| text.clone_into(&mut facts.control))
}

/// Takes that back, unless another server has come meanwhile.
pub fn withdraw(db: &Db, text: &str) -> Result<()> {
    if db.facts()?.control != text {
        return Ok(());
    }
    db.change_facts(|facts| {
        if facts.control == text {
            facts.control.clear();
        }
    })
}

pub(super) fn failed(error: AskError) -> io::Error {
    match error {
        AskError::Io(error) => error,
        AskError::Timeout => io::ErrorKind::TimedOut.into(),
        AskError::Ended(end) => {
            let text = super::dial::ending(&end);
            io::Error::new(io::ErrorKind::ConnectionAborted, text)
        }
    }
}

impl Acks {
    /// Connects to the server that the file names; `None` where it names none.
    pub fn of(db: &Db) -> Result<Option<io::Result<Acks>>> {
        Acks::named(&db.facts()?.control, false)
    }

    /// How the process stands that serves or follows the file; `None` where there is none.
    pub fn look(db: &Db) -> Result<Option<Status>> {
        // One that was killed has left its name behind.
        let Some(Ok(mut acks)) = Acks::named(&db.facts()?.control, true)? else {
            return Ok(None);
        };
        Ok(acks.status().ok())
    }

    fn named(control: &str, looks: bool) -> Result<Option<io::Result<Acks>>> {
        let Some((address, secret)) = control.split_once(' ') else {
            return Ok(None);
        };
        let secret = match secret.strip_suffix(LOOK) {
            Some(secret) if looks => secret.trim_end(),
            Some(_) => return Ok(None),
            None => secret,
        };
        let (Ok(address), Some(key)) = (address.parse(), TokenKey::new(secret.as_bytes())) else {
            return Ok(None);
        };
        Ok(Some(Acks::connect(address, key)))
    }

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

    /// How the server stands.
    pub fn status(&mut self) -> io::Result<Status> {
        ask_status(&mut self.0)
    }
}

/// Asks a server how it stands.
pub fn ask_status(client: &mut Client) -> io::Result<Status> {
    let json = serde_json::to_vec(&Ask::Status)?;
    let answer = client.ask(&json, GRACE).map_err(failed)?;
    Ok(serde_json::from_slice(&answer)?)
}

/// Asks the server at the other end of a connection how it stands.
pub fn status_over(wire: Wire, token: Option<TokenKey>) -> io::Result<Status> {
    let config = client(token, wire.channel)?;
    let mut client = Client::open(wire, config, CONNECT).map_err(failed)?;
    ask_status(&mut client)
}
