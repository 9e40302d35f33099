//! Listens, and gives each connection its threads, within limits.

use std::collections::HashMap;
use std::io::{self, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::auth::TokenKey;
use super::clock::Pace;
use super::connection::Connection;
use super::frame::Framer;
use super::hub::{Counters, Hub};
use super::leader::{LeaderConfig, LeaderEnd};
use super::message::{Code, Fault, Message};
use super::sender::Answer;
use super::transport::{Closer, Wire, tcp};

/// Connections at once.
pub const CONNECTIONS_MAX: usize = 64;
/// Of them, such that have not shown yet who they are.
pub const STRANGERS_MAX: usize = 8;
/// How long connections may take to say goodbye.
const FAREWELL: Duration = Duration::from_secs(2);

/// Makes a connection of an accepted socket: plain, or encrypted.
pub type Dress = Arc<dyn Fn(TcpStream) -> io::Result<Wire> + Send + Sync>;
/// Says whether what comes over a connection is believed.
pub type Vouch = Arc<dyn Fn(&TcpStream) -> bool + Send + Sync>;
/// Fills bytes with randomness of the operating system.
pub type Entropy = Arc<dyn Fn() -> io::Result<[u8; 32]> + Send + Sync>;

/// How to serve.
#[derive(Clone)]
pub struct ServeOptions {
    /// The token that followers must know.
    pub token: Option<TokenKey>,
    /// Plain or encrypted.
    pub dress: Dress,
    /// Randomness.
    pub entropy: Entropy,
    /// Answers questions.
    pub answer: Option<Answer>,
    /// Only clients that ask are let in.
    pub clients_only: bool,
    /// Where no token shows who it is: whether this connection is believed when it says that a newer
    /// epoch has begun. Without it all are.
    pub vouch: Option<Vouch>,
    /// Followers are sent there.
    pub redirect: Option<String>,
    /// Intervals.
    pub pace: Pace,
}

impl ServeOptions {
    /// Plain TCP without a token.
    pub fn plain(entropy: Entropy) -> ServeOptions {
        ServeOptions {
            token: None,
            dress: Arc::new(tcp),
            entropy,
            answer: None,
            clients_only: false,
            vouch: None,
            redirect: None,
            pace: Pace::default(),
        }
    }
}

#[derive(Default)]
struct Open {
    next: u64,
    closers: HashMap<u64, Arc<dyn Closer>>,
}

struct Shared {
    hub: Arc<Hub>,
    options: ServeOptions,
    incarnation: [u8; 16],
    open: Mutex<Open>,
    ended: Condvar,
    strangers: Arc<AtomicUsize>,
}

/// A listener with its connections.
pub struct Server {
    shared: Arc<Shared>,
    address: SocketAddr,
    acceptor: Option<JoinHandle<()>>,
}

fn first16(bytes: [u8; 32]) -> [u8; 16] {
    let (head, _) = bytes.split_first_chunk::<16>().unwrap_or((&[0; 16], &[]));
    *head
}

impl Server {
    /// Begins to accept.
    pub fn start(
        listener: TcpListener,
        hub: Arc<Hub>,
        options: ServeOptions,
    ) -> io::Result<Server> {
        let address = listener.local_addr()?;
        let incarnation = first16((options.entropy)()?);
        let shared = Arc::new(Shared {
            hub,
            options,
            incarnation,
            open: Mutex::default(),
            ended: Condvar::new(),
            strangers: Arc::default(),
        });
        let accepting = Arc::clone(&shared);
        let acceptor = std::thread::Builder::new()
            .name("accept".to_owned())
            .spawn(move || accepting.accept(&listener))?;
        Ok(Server {
            shared,
            address,
            acceptor: Some(acceptor),
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Connections now.
    pub fn connections(&self) -> usize {
        self.shared.count()
    }

    /// Says goodbye to all and ends, once the hub's end is wished.
    pub fn finish(mut self) {
        self.shared.hub.stop().request();
        // The accepting thread waits for a connection: here is one.
        let mut own = self.address;
        if own.ip().is_unspecified() {
            own.set_ip(match own {
                SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
                SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
            });
        }
        let _ = TcpStream::connect_timeout(&own, Duration::from_secs(1));
        if let Some(acceptor) = self.acceptor.take() {
            let _ = acceptor.join();
        }
        self.shared.farewell();
    }
}

impl Shared {
    fn count(&self) -> usize {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.closers.len()
    }

    /// Waits until all connections have ended, and ends those that do not.
    fn farewell(&self) {
        let until = Instant::now() + FAREWELL;
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let mut forced = false;
        while !open.closers.is_empty() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                if forced {
                    return;
                }
                forced = true;
                open.closers.values().for_each(|closer| closer.close());
            }
            let wait = left.max(Duration::from_millis(100));
            let woken = self.ended.wait_timeout(open, wait);
            open = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn accept(self: &Arc<Shared>, listener: &TcpListener) {
        loop {
            let accepted = listener.accept();
            if self.hub.stop().is_requested() {
                return;
            }
            match accepted {
                Ok((stream, _)) => self.receive(stream),
                // Out of descriptors, most likely: others must end first.
                Err(_) => {
                    self.hub.stop().wait(Duration::from_millis(100));
                }
            }
        }
    }

    fn receive(self: &Arc<Shared>, stream: TcpStream) {
        let counters = &self.hub.counters;
        Counters::one(&counters.accepted);
        let full = self.count() >= CONNECTIONS_MAX;
        if full || self.strangers.load(Ordering::SeqCst) >= STRANGERS_MAX {
            Counters::one(&counters.busy);
            return turn_away(stream);
        }
        self.strangers.fetch_add(1, Ordering::SeqCst);
        let shared = Arc::clone(self);
        let spawned = std::thread::Builder::new()
            .name("sender".to_owned())
            .spawn(move || shared.serve_socket(stream));
        if spawned.is_err() {
            self.strangers.fetch_sub(1, Ordering::SeqCst);
        }
    }

    fn serve_socket(&self, stream: TcpStream) {
        let stranger = Stranger::new(&self.strangers);
        let may_fence = match (&self.options.vouch, self.options.token.is_some()) {
            (Some(vouch), false) => vouch(&stream),
            _ => true,
        };
        if let Ok(wire) = (self.options.dress)(stream) {
            self.serve(wire, may_fence, stranger);
        }
    }

    fn config(&self, channel: [u8; 32], may_fence: bool) -> io::Result<LeaderConfig> {
        let source = self.hub.source();
        Ok(LeaderConfig {
            lineage: source.lineage(),
            node: source.node(),
            incarnation: self.incarnation,
            token: self.options.token.clone(),
            channel,
            nonce: (self.options.entropy)()?,
            clients_only: self.options.clients_only,
            may_fence,
            redirect: self.options.redirect.clone(),
            pace: self.options.pace,
        })
    }

    fn serve(&self, wire: Wire, may_fence: bool, stranger: Arc<Stranger>) -> LeaderEnd {
        let Ok(config) = self.config(wire.channel, may_fence) else {
            return LeaderEnd::Refused(Code::Internal);
        };
        let answer = self.options.answer.clone();
        let ends = (wire.reader, wire.writer);
        let guest = Arc::clone(&stranger);
        let begun = Connection::begin(&self.hub, config, ends, &wire.peer, answer, guest);
        let Ok(connection) = begun else {
            return LeaderEnd::Refused(Code::Internal);
        };
        let closer: Arc<dyn Closer> = Arc::from(wire.closer);
        let id = {
            let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
            open.next += 1;
            let id = open.next;
            open.closers.insert(id, Arc::clone(&closer));
            id
        };
        let end = connection.run(&*closer, || stranger.known());
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.closers.remove(&id);
        drop(open);
        self.ended.notify_all();
        end
    }
}

/// Serves one connection that is no socket, such as stdin and stdout, until it ends.
pub fn serve_wire(hub: &Arc<Hub>, options: &ServeOptions, wire: Wire) -> io::Result<LeaderEnd> {
    let shared = Shared {
        hub: Arc::clone(hub),
        incarnation: first16((options.entropy)()?),
        options: options.clone(),
        open: Mutex::default(),
        ended: Condvar::new(),
        strangers: Arc::new(AtomicUsize::new(1)),
    };
    Ok(shared.serve(wire, true, Stranger::new(&shared.strangers)))
}

/// A connection that is counted among the strangers until it is known, or none of its threads is left.
struct Stranger {
    count: Arc<AtomicUsize>,
    is_counted: AtomicBool,
}

impl Stranger {
    fn new(count: &Arc<AtomicUsize>) -> Arc<Stranger> {
        Arc::new(Stranger {
            count: Arc::clone(count),
            is_counted: AtomicBool::new(true),
        })
    }

    fn known(&self) {
        if self.is_counted.swap(false, Ordering::SeqCst) {
            self.count.fetch_sub(1, Ordering::SeqCst);
        }
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        self.known();
    }
}

/// No thread is spent on a connection that is too much.
fn turn_away(mut stream: TcpStream) {
    let fault = Message::Error(Fault {
        code: Code::Busy,
        retryable: true,
        retry_after_ms: 1000,
        text: Code::Busy.words().to_owned(),
    });
    let _ = stream.set_nonblocking(true);
    let _ = stream.write(&fault.frame(&mut Framer::default()));
}
