//! Health checks for load balancers, and metrics: a few GETs on loopback.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::metrics::prometheus;
use super::slot::Slot;
use super::state::{Phase, State};
use crate::format::header::Role;
use crate::stream::hub::Hub;
use crate::stream::stop::Stop;

/// A request has at most so many bytes and so much time.
const REQUEST_MAX: usize = 4 << 10;
const PATIENCE: Duration = Duration::from_secs(2);

/// What is looked at.
pub struct Facts {
    /// The file.
    pub slot: Arc<Slot>,
    /// What is served of it.
    pub hub: Option<Arc<Hub>>,
    /// How it follows.
    pub state: Option<Arc<State>>,
}

impl Facts {
    /// Does it accept writes?
    fn is_primary(&self) -> bool {
        let info = self.slot.get().and_then(|db| db.info().ok());
        let fenced = self.hub.as_ref().is_some_and(|hub| hub.fenced().is_some());
        info.is_some_and(|info| info.role == Role::Primary && !info.fenced) && !fenced
    }

    /// Status and body for a path.
    pub fn answer(&self, target: &str) -> (u16, String) {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let following = self.state.as_ref().map(|state| state.look());
        let verdict = |good: bool, text: String| (if good { 200 } else { 503 }, text);
        match path {
            "/primary" => {
                let primary = self.is_primary();
                verdict(
                    primary,
                    format!("{}\n", if primary { "primary" } else { "not primary" }),
                )
            }
            "/replica" => match following {
                Some(state) => {
                    let good = state.phase == Phase::Streaming;
                    verdict(good, format!("{}\n", state.phase.name()))
                }
                None => verdict(false, "not following\n".to_owned()),
            },
            "/lag" => {
                let Some(state) = following else {
                    return verdict(
                        self.is_primary(),
                        "{\"entries\":0,\"seconds\":0.0}\n".to_owned(),
                    );
                };
                let max = query
                    .strip_prefix("max=")
                    .and_then(|max| max.parse::<u64>().ok());
                let entries = state.lag_entries();
                let known = state.phase == Phase::Streaming || state.phase == Phase::CatchingUp;
                let good = known && max.is_none_or(|max| entries <= max);
                let seconds = state
                    .lag()
                    .map_or("null".to_owned(), |lag| format!("{:.3}", lag.as_secs_f64()));
                let phase = state.phase.name();
                let body = format!(
                    "{{\"entries\":{entries},\"seconds\":{seconds},\"phase\":\"{phase}\"}}\n"
                );
                verdict(good, body)
            }
            "/metrics" => {
                let text = prometheus(self.hub.as_deref(), following.as_ref(), self.is_primary());
                (200, text)
            }
            _ => (404, "/primary /replica /lag /metrics\n".to_owned()),
        }
    }
}

/// The listener.
pub struct Http {
    address: SocketAddr,
    thread: Option<JoinHandle<()>>,
    stop: Arc<Stop>,
}

impl Http {
    /// Begins to answer; one request at a time, each within a moment.
    pub fn start(listener: TcpListener, facts: Facts, stop: Arc<Stop>) -> io::Result<Http> {
        let address = listener.local_addr()?;
        let wish = Arc::clone(&stop);
        let thread = std::thread::Builder::new()
            .name("http".to_owned())
            .spawn(move || {
                while !wish.is_requested() {
                    match listener.accept() {
                        Ok(_) if wish.is_requested() => return,
                        Ok((stream, _)) => drop(serve(stream, &facts)),
                        // Out of descriptors, most likely: others must end first.
                        Err(_) => drop(wish.wait(Duration::from_millis(100))),
                    }
                }
            })?;
        Ok(Http {
            address,
            thread: Some(thread),
            stop,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends it.
    pub fn finish(mut self) {
        self.stop.request();
        let _ = TcpStream::connect_timeout(&self.address, Duration::from_secs(1));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn serve(mut stream: TcpStream, facts: &Facts) -> io::Result<()> {
    let until = Instant::now() + PATIENCE;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut request = Vec::new();
    let mut chunk = [0u8; 1024];
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() || request.len() > REQUEST_MAX {
            return Ok(());
        }
        stream.set_read_timeout(Some(left))?;
        let got = stream.read(&mut chunk)?;
        if got == 0 {
            return Ok(());
        }
        request.extend_from_slice(chunk.get(..got).unwrap_or_default());
    }
    let text = String::from_utf8_lossy(&request);
    let mut words = text.split_ascii_whitespace();
    let (status, body) = match (words.next(), words.next()) {
        (Some("GET" | "HEAD"), Some(target)) => facts.answer(target),
        _ => (405, "GET only\n".to_owned()),
    };
    let reason = match status {
        200 => "OK",
        404 => "Not Found",
        405 => "Method Not Allowed",
        _ => "Service Unavailable",
    };
    let kind = if body.starts_with('{') {
        "application/json"
    } else {
        "text/plain; version=0.0.4"
    };
    let head = format!(
        "HTTP/1.1 {status} {reason}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\
         Cache-Control: no-store\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes())?;
    if !text.starts_with("HEAD") {
        stream.write_all(body.as_bytes())?;
    }
    Ok(())
}
