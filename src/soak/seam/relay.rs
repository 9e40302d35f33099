//! A relay between who pulls and who serves, which may damage what it passes on.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use super::objects::Damage;
use super::wire::Forger;

/// Bytes that are passed on at a time.
const CHUNK: usize = 16 << 10;

/// Listens on a port of its own for as long as it lives.
#[derive(Debug)]
pub struct Relay {
    address: String,
    shared: Arc<Shared>,
    ended: Arc<AtomicBool>,
}

#[derive(Debug, Default)]
struct Shared {
    armed: Mutex<Option<Damage>>,
    /// Values change on their way, and everything that vouches for them: a defect.
    forges: AtomicBool,
}

impl Relay {
    /// In front of a server.
    pub fn start(upstream: String) -> io::Result<Relay> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?.to_string();
        let shared: Arc<Shared> = Arc::default();
        let ended = Arc::new(AtomicBool::new(false));
        let (own, end) = (Arc::clone(&shared), Arc::clone(&ended));
        thread::Builder::new()
            .name("relay".to_owned())
            .spawn(move || {
                for connection in listener.incoming() {
                    if end.load(Ordering::Acquire) {
                        return;
                    }
                    let (Ok(client), Ok(server)) = (connection, TcpStream::connect(&upstream))
                    else {
                        continue;
                    };
                    let _ = pass_both(client, server, Arc::clone(&own));
                }
            })?;
        Ok(Relay {
            address,
            shared,
            ended,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> String {
        self.address.clone()
    }

    /// What the server says next is damaged, in one place: the number of a bit.
    pub fn arm(&self, damage: Damage) {
        *lock(&self.shared.armed) = Some(damage);
    }

    /// From now on the last of the entries that are passed on at a time has another value, or not.
    pub fn forge(&self, forges: bool) {
        self.shared.forges.store(forges, Ordering::Relaxed);
    }

    /// Takes the damage away; true where it has struck.
    pub fn disarm(&self) -> bool {
        lock(&self.shared.armed).take().is_none()
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Release);
        // The thread waits for a connection: this is the last one.
        let _ = TcpStream::connect(&self.address);
    }
}

fn lock(armed: &Mutex<Option<Damage>>) -> std::sync::MutexGuard<'_, Option<Damage>> {
    armed.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Passes on both directions, each by a thread that ends with its connection.
fn pass_both(client: TcpStream, server: TcpStream, shared: Arc<Shared>) -> io::Result<()> {
    let (up_from, up_to) = (client.try_clone()?, server.try_clone()?);
    let up = thread::Builder::new().name("relay-up".to_owned());
    up.spawn(move || pass(up_from, up_to, None))?;
    let down = thread::Builder::new().name("relay-down".to_owned());
    down.spawn(move || pass(server, client, Some(&shared)))?;
    Ok(())
}

fn pass(mut from: TcpStream, mut to: TcpStream, shared: Option<&Shared>) {
    let mut chunk = vec![0; CHUNK];
    let mut passed = 0;
    let forges = shared.is_some_and(|s| s.forges.load(Ordering::Relaxed));
    let mut forger = forges.then(Forger::default);
    loop {
        let count = match from.read(&mut chunk) {
            Ok(0) | Err(_) => break,
            Ok(count) => count,
        };
        let Some(bytes) = chunk.get_mut(..count) else {
            break;
        };
        if let Some(forger) = &mut forger {
            if to.write_all(&forger.pass(bytes)).is_err() {
                break;
            }
            continue;
        }
        let left = shared.map_or(count, |shared| strike(&shared.armed, passed, bytes));
        let whole = left == count;
        let sent = to.write_all(bytes.get(..left).unwrap_or(&[]));
        if sent.is_err() || !whole {
            break;
        }
        passed += count as u64;
    }
    let _ = to.shutdown(Shutdown::Both);
    let _ = from.shutdown(Shutdown::Both);
}

/// Damages a chunk where its turn has come; gives how many of its bytes are passed on.
fn strike(armed: &Mutex<Option<Damage>>, passed: u64, bytes: &mut [u8]) -> usize {
    let mut armed = lock(armed);
    let (Some(Damage::Flip(bit) | Damage::Cut(bit)), count) = (*armed, bytes.len()) else {
        return bytes.len();
    };
    let Some(place) = (bit / 8).checked_sub(passed).map(|p| p as usize) else {
        return count; // too late for this connection
    };
    if place >= count {
        return count;
    }
    match armed.take() {
        Some(Damage::Cut(_)) => place,
        _ => {
            if let Some(byte) = bytes.get_mut(place) {
                *byte ^= 1 << (bit % 8);
            }
            count
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may panic
mod tests {
    use super::*;

    /// What comes through to a client of a server that says 100 zeros.
    fn through(damage: Option<Damage>) -> (Vec<u8>, bool) {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let upstream = server.local_addr().unwrap().to_string();
        let serving = thread::spawn(move || {
            let (mut stream, _) = server.accept().unwrap();
            let _ = stream.write_all(&[0; 100]);
        });
        let relay = Relay::start(upstream).unwrap();
        if let Some(damage) = damage {
            relay.arm(damage);
        }
        let mut client = TcpStream::connect(relay.address()).unwrap();
        let mut found = Vec::new();
        let _ = client.read_to_end(&mut found);
        serving.join().unwrap();
        (found, relay.disarm())
    }

    #[test]
    fn one_place_is_damaged() {
        assert_eq!(through(None).0, vec![0; 100]);
        let (found, struck) = through(Some(Damage::Flip(50 * 8 + 1)));
        assert!(struck && found.len() == 100);
        assert_eq!(found.iter().position(|b| *b != 0), Some(50));
        assert_eq!(found.get(50), Some(&2));
        assert_eq!(through(Some(Damage::Cut(30 * 8))), (vec![0; 30], true));
        assert!(!through(Some(Damage::Cut(3000 * 8))).1);
    }
}
