//! Both directions of a connection, whatever carries it.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::process::Child;
use std::sync::Mutex;
use std::time::Duration;

/// Ends a connection from another thread: its reader and writer return.
pub trait Closer: Send + Sync {
    /// Ends it.
    fn close(&self);
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
    }
}

struct ChildCloser(Mutex<Child>);

impl Closer for ChildCloser {
    fn close(&self) {
        if let Ok(mut child) = self.0.lock() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Drop for ChildCloser {
    fn drop(&mut self) {
        self.close();
    }
}

/// A program that was started with piped stdin and stdout, such as ssh.
pub fn child(mut child: Child, peer: &str) -> io::Result<Wire> {
    let missing = || io::Error::other("the program has no pipes");
    let reader = child.stdout.take().ok_or_else(missing)?;
    let writer = child.stdin.take().ok_or_else(missing)?;
    Ok(Wire {
        reader: Box::new(reader),
        writer: Box::new(writer),
        closer: Box::new(ChildCloser(Mutex::new(child))),
        channel: [0; 32],
        peer: peer.to_owned(),
    })
}
