//! Connecting to a source: TCP, TLS, ssh, or the pipes of this process.

use std::io;
use std::net::{TcpStream, ToSocketAddrs};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use super::address::{HostPort, Source};
use super::program::carry;
use super::relief::{Relief, is_damaged_stream};
use super::slot::{Slot, check_follows, durable_point, entropy, identity};
use super::state::State;
use crate::db::Db;
use crate::error::Error;
use crate::format::entry::Point;
use crate::stream::auth::TokenKey;
use crate::stream::follow::{Connector, Trouble};
use crate::stream::follower::{FollowerConfig, FollowerEnd};
use crate::stream::hello::{CAP_BOOTSTRAP, CAP_COPIES, ENTRY_FORMAT, Hello, PROTOCOL, PeerRole};
use crate::stream::message::Code;
use crate::stream::receiver::Received;
#[cfg(feature = "tls")]
use crate::stream::tls::TlsClient;
use crate::stream::transport::{Wire, tcp};

#[cfg(test)]
mod tests;

/// A host that does not answer is given up after this.
const CONNECT: Duration = Duration::from_secs(5);

/// How to reach a source.
#[derive(Clone, Default)]
pub struct DialOptions {
    /// The token that both sides know.
    pub token: Option<TokenKey>,
    /// For `tls://`.
    #[cfg(feature = "tls")]
    pub tls: Option<TlsClient>,
    /// The program for `ssh://`, with its options; `ssh` where it is empty.
    pub ssh: Vec<String>,
    /// The creel of the other machine; `creel` where it is empty.
    pub remote_creel: String,
    /// What this copy calls itself.
    pub name: String,
}

/// What happens on the way, for people.
pub type Tell = Box<dyn FnMut(&str) + Send>;

/// Makes the connections of one copy.
pub struct Dialer {
    source: Source,
    options: DialOptions,
    slot: Arc<Slot>,
    state: Arc<State>,
    incarnation: [u8; 16],
    tell: Tell,
    /// The copy takes a snapshot where the log does not reach back.
    pub takes_snapshots: bool,
    /// Another source, for what this one delivers damaged.
    pub relief: Option<Relief>,
    /// For the source `-`: there is one such connection.
    pub pipe: Option<Wire>,
}

fn other(error: Error) -> io::Error {
    io::Error::other(error.to_string())
}

fn first16(bytes: &[u8; 32]) -> [u8; 16] {
    let (head, _) = bytes.split_first_chunk::<16>().unwrap_or((&[0; 16], &[]));
    *head
}

impl Dialer {
    /// For the copy in the slot, or the one that is to come there.
    pub fn new(
        source: Source,
        options: DialOptions,
        slot: Arc<Slot>,
        state: Arc<State>,
        tell: Tell,
    ) -> io::Result<Dialer> {
        Ok(Dialer {
            source,
            options,
            slot,
            state,
            incarnation: first16(&entropy()?),
            tell,
            takes_snapshots: false,
            relief: None,
            pipe: None,
        })
    }

    fn redirected(&self, address: &str) -> io::Result<Source> {
        let invalid = |text: String| io::Error::new(io::ErrorKind::InvalidData, text);
        let source: Source = address.parse().map_err(invalid)?;
        // An encrypted connection leads to no plain one, nor a network one to a local command.
        match (&self.source, &source) {
            (Source::Tls(_), Source::Tls(_))
            | (Source::Tcp(_), Source::Tcp(_) | Source::Tls(_)) => Ok(source),
            _ => Err(invalid(format!(
                "the source sends us to {address:?}, which is refused"
            ))),
        }
    }
}

/// Makes a connection.
pub fn dial(source: &Source, options: &DialOptions) -> io::Result<Wire> {
    match source {
        Source::Tcp(to) => tcp(connect(to)?),
        #[cfg(feature = "tls")]
        Source::Tls(to) => {
            let missing = || io::Error::other("tls:// needs --tls-ca");
            let tls = options.tls.as_ref().ok_or_else(missing)?;
            tls.connect(connect(to)?, &to.host)
        }
        Source::Ssh { target, port, path } => ssh(options, target, *port, path),
        #[allow(unreachable_patterns)] // where a feature is off
        _ => Err(io::Error::new(
            io::ErrorKind::Unsupported,
            "this build does not stream from such a source",
        )),
    }
}

/// Tries all addresses of the host.
pub fn connect(to: &HostPort) -> io::Result<TcpStream> {
    let mut last = io::Error::new(
        io::ErrorKind::NotFound,
        format!("no address of {}", to.host),
    );
    for address in (to.host.as_str(), to.port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, CONNECT) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// What a shell reads as this one word. Most take a backslash in quotes for itself, fish does not.
fn shell_word(text: &str) -> String {
    let bare = |c: char| format!("'\\{c}'");
    let parts = text.chars().map(|c| match c {
        '\'' | '\\' => bare(c),
        c => c.to_string(),
    });
    format!("'{}'", parts.collect::<String>())
}

fn ssh(options: &DialOptions, target: &str, port: Option<u16>, path: &str) -> io::Result<Wire> {
    let mut words = options.ssh.iter();
    let mut command = Command::new(words.next().map_or("ssh", String::as_str));
    command.args(words);
    if let Some(port) = port {
        command.arg("-p").arg(port.to_string());
    }
    let creel = match options.remote_creel.as_str() {
        "" => "creel".to_owned(),
        // A login begins in the home directory, and in quotes no shell knows the tilde.
        path => match path.strip_prefix("~/") {
            Some(path) => format!("./{path}"),
            None => path.to_owned(),
        },
    };
    // The other side's shell takes it apart again.
    let remote = format!(
        "{} replicate serve {} --stdio",
        shell_word(&creel),
        shell_word(path)
    );
    command.arg(target).arg("--").arg(remote);
    carry(command, target)
}

/// The first message of a copy.
fn hello(db: Option<&Db>, name: &str, incarnation: [u8; 16], nonce: [u8; 32]) -> io::Result<Hello> {
    let mut hello = Hello {
        protocol_min: PROTOCOL,
        protocol_max: PROTOCOL,
        role: PeerRole::Follower,
        caps: 0,
        entry_format: ENTRY_FORMAT,
        lineage: [0; 16],
        node: incarnation,
        incarnation,
        position: Point {
            index: 0,
            epoch: 0,
            history: [0; 16],
        },
        highest_epoch: 0,
        nonce,
        name: name.to_owned(),
    };
    if let Some(db) = db {
        let own = identity(db);
        hello.lineage = own.lineage;
        hello.node = own.node;
        hello.position = durable_point(db).map_err(other)?;
        hello.highest_epoch = db.highest_epoch().map_err(other)?;
    }
    Ok(hello)
}

/// The first message of a client that only asks.
pub fn client(token: Option<TokenKey>, wire: &Wire) -> io::Result<FollowerConfig> {
    let nonce = entropy()?;
    let mut hello = hello(None, "client", first16(&nonce), nonce)?;
    hello.role = PeerRole::Client;
    Ok(FollowerConfig {
        hello,
        token,
        channel: wire.channel,
        pace: wire.pace(),
    })
}

impl Connector for Dialer {
    fn connect(&mut self, redirect: Option<&str>) -> io::Result<Wire> {
        let ended = || io::Error::new(io::ErrorKind::NotConnected, "the pipe has ended");
        let wire = match redirect {
            None if self.source == Source::Pipe => self.pipe.take().ok_or_else(ended)?,
            Some(address) => dial(&self.redirected(address)?, &self.options)?,
            None => dial(&self.source, &self.options)?,
        };
        self.state.update(|state| state.connects += 1);
        Ok(wire)
    }

    fn config(&mut self, wire: &Wire, reseed: bool) -> io::Result<FollowerConfig> {
        let db = self.slot.get();
        let name = &self.options.name;
        let mut hello = hello(db.as_ref(), name, self.incarnation, entropy()?)?;
        if db.is_some() {
            let heard = self.state.look().highest_epoch;
            hello.highest_epoch = hello.highest_epoch.max(heard);
        }
        if reseed || db.is_none() {
            hello.caps = CAP_COPIES | CAP_BOOTSTRAP;
        } else if self.takes_snapshots {
            hello.caps = CAP_COPIES;
        }
        Ok(FollowerConfig {
            hello,
            token: self.options.token.clone(),
            channel: wire.channel,
            pace: wire.pace(),
        })
    }

    fn random(&mut self) -> u64 {
        let bytes = entropy().unwrap_or_default();
        let (head, _) = bytes.split_first_chunk::<8>().unwrap_or((&[0; 8], &[]));
        u64::from_le_bytes(*head)
    }

    fn retrying(&mut self, why: &Trouble, wait: Duration) {
        let text = trouble(why);
        self.state.lost(Some(text.clone()));
        let wait_ms = wait.as_millis();
        (self.tell)(&format!("{text}; next attempt in {wait_ms} ms"));
        if is_older_epoch(why) {
            self.state.update(|state| state.older_epochs += 1);
        }
        if !is_damaged_stream(why) {
            return;
        }
        self.state.damaged(&text);
        if let Some(relief) = &self.relief {
            match relief.pull() {
                Ok(entries) => {
                    (self.tell)(&format!("{entries} entries came from the other source"))
                }
                Err(why) => (self.tell)(&format!("nor from the other source: {why}")),
            }
        }
    }

    fn over(&mut self) -> Option<String> {
        match check_follows(&self.slot.get()?) {
            Err(Error::Fenced { reason }) => Some(reason),
            _ => None,
        }
    }

    fn finished(&mut self, received: &Received) {
        self.state.lost(None);
        if received.seeded {
            (self.tell)("a new copy is in place");
        }
    }
}

/// The source's epoch is over: whichever side noticed it, nothing is taken from there.
fn is_older_epoch(why: &Trouble) -> bool {
    match why {
        Trouble::Ended(FollowerEnd::Stale { .. } | FollowerEnd::Deposed { .. }) => true,
        Trouble::Ended(FollowerEnd::Refused(fault)) => fault.code == Code::Fenced,
        _ => false,
    }
}

/// Why there is no connection, for people.
pub fn trouble(trouble: &Trouble) -> String {
    match trouble {
        Trouble::Connect(error) => format!("cannot connect: {error}"),
        Trouble::Ended(end) => ending(end),
    }
}

/// How a connection ended, for people.
pub fn ending(end: &FollowerEnd) -> String {
    match end {
        FollowerEnd::Bye => "the source ended the connection".to_owned(),
        FollowerEnd::Refused(fault) => match fault.text == fault.code.words() {
            true => format!("refused: {}", fault.text),
            false => format!("refused: {} ({})", fault.code.words(), fault.text),
        },
        FollowerEnd::Unproven => "the source does not know the token".to_owned(),
        FollowerEnd::TokenWanted => "the source asks for a token".to_owned(),
        FollowerEnd::Lineage => "the source has another database".to_owned(),
        FollowerEnd::Diverged { reason, .. } => format!("the histories parted: {reason}"),
        FollowerEnd::Reseed { reason } => format!("a new copy is needed: {reason}"),
        FollowerEnd::Redirect { address } => format!("the source sends us to {address}"),
        FollowerEnd::Stale { epoch, highest } => {
            format!("the source is at epoch {epoch}, this copy has seen {highest}")
        }
        FollowerEnd::Deposed { epoch, .. } => {
            format!("the source is no longer the primary: epoch {epoch} has begun")
        }
        FollowerEnd::Sink { reason } => format!("the copy cannot go on: {reason}"),
        FollowerEnd::Wire(error) => format!("bad bytes from the source: {error}"),
        FollowerEnd::Carrier { reason } => reason.clone(),
        FollowerEnd::Dead => "nothing more came from the source".to_owned(),
    }
}
