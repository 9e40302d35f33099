//! Both directions of a connection, whatever carries it.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use super::clock::Pace;
use super::follower::FollowerEnd;

/// Ends a connection from another thread: its reader and writer return.
pub trait Closer: Send + Sync {
    /// Ends it.
    fn close(&self);

    /// Knows more of the end, once it is closed: of a program that carried it. `greeted`: the other side was heard.
    fn explain(&self, end: FollowerEnd, greeted: bool) -> FollowerEnd {
        let _ = greeted;
        end
    }
}

/// A connection.
pub struct Wire {
    /// From the other side.
    pub reader: Box<dyn Read + Send>,
    /// To it.
    pub writer: Box<dyn Write + Send>,
    /// Ends both.
    pub closer: Box<dyn Closer>,
    /// What only the two ends of a TLS connection know; zeros without TLS.
    pub channel: [u8; 32],
    /// The other side's address, for people.
    pub peer: String,
    /// The other side's first words may take so much longer: somebody logs in.
    pub patience: Duration,
}

impl Wire {
    /// Time-outs of the side that has connected.
    pub fn pace(&self) -> Pace {
        let usual = Pace::default();
        let more_us = u64::try_from(self.patience.as_micros()).unwrap_or(u64::MAX);
        Pace {
            handshake_us: usual.handshake_us.saturating_add(more_us),
            ..usual
        }
    }
}

/// A write that takes longer ends the connection.
pub const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

struct TcpCloser(TcpStream);

impl Closer for TcpCloser {
    fn close(&self) {
        let _ = self.0.shutdown(Shutdown::Both);
    }
}

/// Both directions of a socket, with the time-outs of the stream.
pub fn tcp(stream: TcpStream) -> io::Result<Wire> {
    let closer = tcp_closer(&stream)?;
    let peer = stream.peer_addr()?.to_string();
    Ok(Wire {
        reader: Box::new(stream.try_clone()?),
        writer: Box::new(stream),
        closer,
        channel: [0; 32],
        peer,
        patience: Duration::ZERO,
    })
}

/// Prepares a socket and gives what ends it.
pub fn tcp_closer(stream: &TcpStream) -> io::Result<Box<dyn Closer>> {
    stream.set_nodelay(true)?;
    stream.set_write_timeout(Some(WRITE_TIMEOUT))?;
    stream.set_read_timeout(None)?;
    Ok(Box::new(TcpCloser(stream.try_clone()?)))
}

struct NoCloser;

impl Closer for NoCloser {
    fn close(&self) {}
}

/// Any two pipes, such as this process's own stdin and stdout. Who closes it ends the process.
pub fn pipes(reader: Box<dyn Read + Send>, writer: Box<dyn Write + Send>, peer: &str) -> Wire {
    Wire {
        reader,
        writer,
        closer: Box::new(NoCloser),
        channel: [0; 32],
        peer: peer.to_owned(),
        patience: Duration::ZERO,
    }
}
