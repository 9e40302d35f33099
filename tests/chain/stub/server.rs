//! The server: one thread a connection.

use std::io::{self, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use creel::chain::store::{Store, StoreError};

use super::answer::Answer;
use super::http::{self, Message};
use super::s3;
#[cfg(feature = "cloud")]
use super::{azure, gcs};

/// The only bucket.
pub const BUCKET: &str = "bucket";

/// Whose protocol is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    S3,
    #[cfg(feature = "cloud")]
    Gcs,
    #[cfg(feature = "cloud")]
    Azure,
    /// Every listing begins at the front.
    #[cfg(feature = "cloud")]
    AzureFromTheFront,
}

impl Dialect {
    fn answer(
        self,
        request: &Message,
        _count: u64,
        store: &dyn Store,
    ) -> Result<Answer, StoreError> {
        match self {
            Dialect::S3 => s3::answer(request, store),
            #[cfg(feature = "cloud")]
            Dialect::Gcs => gcs::answer(request, _count, store),
            #[cfg(feature = "cloud")]
            Dialect::Azure => azure::answer(request, _count, false, store),
            #[cfg(feature = "cloud")]
            Dialect::AzureFromTheFront => azure::answer(request, _count, true, store),
        }
    }
}

/// A server on a port of its own; it ends with this value.
#[derive(Debug)]
pub struct Stub {
    address: SocketAddr,
    stop: Arc<AtomicBool>,
    requests: Arc<AtomicU64>,
}

impl Stub {
    /// Serves a store as the S3 bucket `bucket`. Its errors become 503, or a closed connection.
    pub fn start(store: Arc<dyn Store>) -> Stub {
        Stub::speaking(Dialect::S3, store)
    }

    /// The same in another dialect.
    pub fn speaking(dialect: Dialect, store: Arc<dyn Store>) -> Stub {
        Stub::listening(dialect, store, ([127, 0, 0, 1], 0).into())
    }

    /// The same at a certain address.
    pub fn listening(dialect: Dialect, store: Arc<dyn Store>, at: SocketAddr) -> Stub {
        let listener = TcpListener::bind(at).unwrap();
        let stub = Stub {
            address: listener.local_addr().unwrap(),
            stop: Arc::default(),
            requests: Arc::default(),
        };
        let (stop, requests) = (Arc::clone(&stub.stop), Arc::clone(&stub.requests));
        std::thread::spawn(move || {
            for connection in listener.incoming() {
                if stop.load(Ordering::Relaxed) {
                    return;
                }
                let (store, requests) = (Arc::clone(&store), Arc::clone(&requests));
                std::thread::spawn(move || {
                    let _ = serve(connection?, dialect, &*store, &requests);
                    io::Result::Ok(())
                });
            }
        });
        stub
    }

    /// `127.0.0.1:PORT`.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Requests so far.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }
}

impl Drop for Stub {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(self.address); // wakes the listener
    }
}

fn serve(
    mut connection: TcpStream,
    dialect: Dialect,
    store: &dyn Store,
    requests: &AtomicU64,
) -> io::Result<()> {
    connection.set_nodelay(true)?;
    let mut reader = BufReader::new(connection.try_clone()?);
    while let Some(request) = http::read(&mut reader, false)? {
        let count = requests.fetch_add(1, Ordering::Relaxed);
        let head = request.line.starts_with("HEAD ");
        let answer = match dialect.answer(&request, count, store) {
            Ok(answer) => answer,
            // Half of the failures are answers that never come.
            Err(_) if count.is_multiple_of(2) => return Ok(()),
            Err(_) => Answer::error(503, "SlowDown"),
        };
        let mut text = format!("HTTP/1.1 {} X\r\n", answer.status);
        for (name, value) in &answer.headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        if answer.status != 204 {
            text.push_str(&format!("Content-Length: {}\r\n", answer.body.len()));
        }
        text.push_str("\r\n");
        let mut bytes = text.into_bytes();
        if !head && answer.status != 204 {
            bytes.extend_from_slice(&answer.body);
        }
        connection.write_all(&bytes)?;
    }
    Ok(())
}
