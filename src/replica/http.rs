//! Health checks for load balancers, and metrics: a few GETs on loopback.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::lag::behind;
use super::metrics::{Sight, Store, prometheus};
use super::slot::Slot;
use super::state::{Phase, State};
use super::store::SharedService;
use crate::db::{Db, Position};
use crate::error::Error;
use crate::format::entry::Point;
use crate::format::header::Role;
use crate::stream::hub::Hub;
use crate::stream::stop::Stop;
use crate::sys::{OsVfs, Vfs};

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
    /// How it is published.
    pub publisher: Option<SharedService>,
}

impl Facts {
    /// Why this is not the primary; `None` where it is.
    fn standing(&self) -> Option<String> {
        let fenced = self.hub.as_ref().is_some_and(|hub| hub.fenced().is_some());
        let Some(db) = self.slot.get() else {
            return Some("there is no copy".to_owned());
        };
        match db.info() {
            Err(error) => Some(error.to_string()),
            Ok(info) if info.role == Role::Replica => Some("this is a replica".to_owned()),
            Ok(info) if info.role != Role::Primary => {
                Some("this is a database on its own".to_owned())
            }
            Ok(info) if info.fenced || fenced => {
                Some("a newer epoch has begun elsewhere".to_owned())
            }
            Ok(_) => None,
        }
    }

    /// Why writes are not accepted; `None` where they are.
    fn refusal(&self) -> Option<String> {
        let held_back = || match self.slot.get()?.facts() {
            Err(error) => Some(error.to_string()),
            Ok(facts) => facts.held_back.then(|| Error::HeldBack.to_string()),
        };
        self.standing().or_else(held_back)
    }

    /// How far it is published.
    fn store(&self) -> Option<Store> {
        let state = self.publisher.as_ref()?.look();
        Some(Store {
            index: state.published,
            errors: state.store_errors.clone(),
            unpublished_bytes: self
                .slot
                .get()
                .and_then(|db| unpublished(&db, &state.point)),
        })
    }

    /// Status and body for a path.
    pub fn answer(&self, target: &str) -> (u16, String) {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let following = self.state.as_ref().map(|state| state.look());
        let verdict = |good: bool, text: String| (if good { 200 } else { 503 }, text);
        match path {
            "/primary" => {
                let refusal = self.refusal();
                let words = match &refusal {
                    None => "primary\n".to_owned(),
                    Some(why) => format!("not primary: {why}\n"),
                };
                verdict(refusal.is_none(), words)
            }
            "/replica" => match following {
                Some(state) => {
                    let good = state.phase == Phase::Streaming;
                    verdict(good, format!("{}\n", state.phase.name()))
                }
                None => verdict(false, "not following\n".to_owned()),
            },
            "/lag" => {
                let Ok(max) = limit(query) else {
                    return (400, "max is a number of entries\n".to_owned());
                };
                let Some(state) = following else {
                    return verdict(
                        self.standing().is_none(),
                        "{\"entries\":0,\"seconds\":0.0}\n".to_owned(),
                    );
                };
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
                let text = prometheus(&Sight {
                    hub: self.hub.as_deref(),
                    following: following.as_ref(),
                    primary: self.refusal().is_none(),
                    store: self.store(),
                });
                (200, text)
            }
            _ => (404, "/primary /replica /lag /metrics\n".to_owned()),
        }
    }
}

/// Bytes of the log behind what is published, where they can be told.
fn unpublished(db: &Db, published: &Point) -> Option<u64> {
    let after = Position {
        epoch: published.epoch,
        index: published.index,
        hash: Some(published.history),
    };
    behind(db, &after, OsVfs.now_us()).ok()?.bytes
}

/// The most entries that may be missing, as `max=N` says; one that says something else is refused, since
/// who asks would take any answer for the one that was wanted.
fn limit(query: &str) -> Result<Option<u64>, ()> {
    let mut most = None;
    for pair in query.split('&') {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        if name == "max" {
            most = Some(value.parse().map_err(drop)?);
        }
    }
    Ok(most)
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
        400 => "Bad Request",
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_that_is_no_number_is_none_that_was_asked_for() {
        assert_eq!(limit(""), Ok(None));
        assert_eq!(limit("max=7"), Ok(Some(7)));
        assert_eq!(limit("from=probe&max=0"), Ok(Some(0)));
        assert_eq!(limit("maximum=x"), Ok(None));
        for bad in ["max", "max=", "max=x", "max=-1", "max=1.5", "a=b&max=1x"] {
            assert_eq!(limit(bad), Err(()), "{bad}");
        }
    }
}
