//! Logs in memory as sources and copies of real connections.

use std::io::{self, Cursor};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use creel::format::entry::Point;
use creel::format::frame::EntryKind;
use creel::stream::follow::{Connector, FollowOptions, Followed, Trouble, follow};
use creel::stream::follower::FollowerConfig;
use creel::stream::hello::{CAP_BOOTSTRAP, CAP_SNAPSHOT};
use creel::stream::hub::Hub;
use creel::stream::server::{ServeOptions, Server};
use creel::stream::source::{
    Batch, Bounds, EntryCursor, Head, LogSource, Refusal, ReplicaSink, SinkError, Snapshot, shared,
};
use creel::stream::stop::Stop;
use creel::stream::transport::{Wire, tcp};

use crate::memory::Log;
use crate::pair::follower_config;

pub const PATIENCE: Duration = Duration::from_secs(60);

/// A log that grows while others read it.
#[derive(Default)]
pub struct Shared {
    pub log: Mutex<Log>,
    grown: Condvar,
    pub fenced: AtomicU64,
    pub reads: AtomicU64,
}

#[derive(Clone, Default)]
pub struct MemSource(pub Arc<Shared>);

impl MemSource {
    pub fn write(&self, payload: &[u8]) -> Point {
        let point = self
            .0
            .log
            .lock()
            .unwrap()
            .write(EntryKind::Note, 1, payload);
        self.0.grown.notify_all();
        point
    }

    pub fn head(&self) -> Point {
        self.0.log.lock().unwrap().head()
    }

    pub fn sum(&self) -> u64 {
        self.0.log.lock().unwrap().sum
    }
}

impl LogSource for MemSource {
    fn lineage(&self) -> [u8; 16] {
        Log::lineage()
    }

    fn node(&self) -> [u8; 16] {
        *b"node of a leader"
    }

    fn head(&self) -> Result<Head, Refusal> {
        Ok(self.0.log.lock().unwrap().position_head())
    }

    fn open(&self, after: &Point) -> Result<Box<dyn EntryCursor>, Refusal> {
        self.0.log.lock().unwrap().check(after)?;
        Ok(Box::new(MemCursor {
            shared: Arc::clone(&self.0),
            after: after.index,
        }))
    }

    fn bounds(&self) -> Bounds {
        Bounds {
            published: 0,
            floor: self.0.log.lock().unwrap().floor,
        }
    }

    fn wait(&self, after: u64, timeout: Duration) -> Result<(), Refusal> {
        let log = self.0.log.lock().unwrap();
        let behind = |log: &mut Log| log.head().index <= after;
        drop(
            self.0
                .grown
                .wait_timeout_while(log, timeout, behind)
                .unwrap(),
        );
        Ok(())
    }

    fn snapshot(&self) -> Result<Snapshot, Refusal> {
        let log = self.0.log.lock().unwrap();
        let bytes = log.snapshot();
        Ok(Snapshot {
            early: Box::new([(0, vec![7; 10])].into_iter()),
            position: log.head(),
            bytes: bytes.len() as u64,
            reader: Box::new(Cursor::new(bytes)),
        })
    }

    fn saw_epoch(&self, epoch: u32) -> bool {
        self.0.fenced.store(u64::from(epoch), Ordering::SeqCst);
        true
    }
}

struct MemCursor {
    shared: Arc<Shared>,
    after: u64,
}

impl EntryCursor for MemCursor {
    fn read(&mut self, max_entries: usize, _: usize) -> Result<Option<Batch>, Refusal> {
        self.shared.reads.fetch_add(1, Ordering::SeqCst);
        let log = self.shared.log.lock().unwrap();
        let batch = log.read(self.after, max_entries.min(5000))?;
        if let Some(batch) = &batch {
            self.after = batch.end.index;
        }
        Ok(batch)
    }
}

/// Lets `apply` through, or not.
#[derive(Default)]
pub struct Gate {
    closed: Mutex<bool>,
    opened: Condvar,
}

impl Gate {
    pub fn close(&self) {
        *self.closed.lock().unwrap() = true;
    }

    pub fn open(&self) {
        *self.closed.lock().unwrap() = false;
        self.opened.notify_all();
    }

    fn pass(&self) {
        let closed = self.closed.lock().unwrap();
        drop(self.opened.wait_while(closed, |closed| *closed).unwrap());
    }
}

/// A copy in memory, seen from the test.
#[derive(Default)]
pub struct Copy {
    pub log: Mutex<Log>,
    pub grown: Condvar,
    pub gate: Gate,
    pub applies: AtomicU64,
    /// The next batch arrives damaged.
    pub damage: AtomicBool,
}

impl Copy {
    /// Waits until the copy is there.
    pub fn wait_for(&self, point: Point) {
        let log = self.log.lock().unwrap();
        let missing = |log: &mut Log| log.head() != point;
        let (log, timeout) = self
            .grown
            .wait_timeout_while(log, PATIENCE, missing)
            .unwrap();
        assert!(
            !timeout.timed_out(),
            "still at {:?} instead of {point:?}",
            log.head()
        );
    }
}

pub struct MemSink {
    pub copy: Arc<Copy>,
    arriving: Vec<u8>,
}

impl MemSink {
    pub fn new(copy: &Arc<Copy>) -> MemSink {
        MemSink {
            copy: Arc::clone(copy),
            arriving: Vec::new(),
        }
    }
}

impl ReplicaSink for MemSink {
    fn apply(&mut self, entries: &[u8]) -> Result<Point, SinkError> {
        self.copy.gate.pass();
        if self.copy.damage.swap(false, Ordering::SeqCst) {
            let reason = "damaged by the test".to_owned();
            return Err(SinkError::Damaged { reason });
        }
        let point = self.copy.log.lock().unwrap().apply(entries);
        self.copy.applies.fetch_add(1, Ordering::SeqCst);
        self.copy.grown.notify_all();
        point
    }

    fn seed_begin(&mut self, _: u64, _: &Point) -> Result<(), SinkError> {
        self.arriving.clear();
        Ok(())
    }

    fn seed_part(&mut self, bytes: &[u8]) -> Result<(), SinkError> {
        self.arriving.extend_from_slice(bytes);
        Ok(())
    }

    fn seed_end(&mut self) -> Result<Point, SinkError> {
        self.copy.gate.pass();
        let log = Log::from_snapshot(&self.arriving).unwrap();
        let head = log.head();
        *self.copy.log.lock().unwrap() = log;
        self.copy.grown.notify_all();
        Ok(head)
    }

    fn seed_abort(&mut self) {
        self.arriving.clear();
    }

    fn saw_epoch(&mut self, _: u32) -> Result<(), SinkError> {
        Ok(())
    }
}

/// Changes a connection before it is used.
pub type Twist = Box<dyn FnMut(Wire) -> Wire + Send>;
/// Makes a connection.
pub type Dial = Box<dyn FnMut() -> io::Result<Wire> + Send>;

pub struct MemConnector {
    pub dial: Dial,
    pub copy: Arc<Copy>,
    pub twist: Option<Twist>,
    pub config: Box<dyn FnMut(&mut FollowerConfig) + Send>,
    pub node: u8,
    pub connects: u32,
}

impl MemConnector {
    pub fn new(address: SocketAddr, copy: &Arc<Copy>, node: u8) -> MemConnector {
        MemConnector {
            dial: Box::new(move || tcp(TcpStream::connect(address)?)),
            copy: Arc::clone(copy),
            twist: None,
            config: Box::new(|_| {}),
            node,
            connects: 0,
        }
    }
}

impl Connector for MemConnector {
    fn connect(&mut self, _: Option<&str>) -> io::Result<Wire> {
        self.connects += 1;
        let wire = (self.dial)()?;
        Ok(match &mut self.twist {
            Some(twist) => twist(wire),
            None => wire,
        })
    }

    fn config(&mut self, wire: &Wire, reseed: bool) -> io::Result<FollowerConfig> {
        let mut config = follower_config(&self.copy.log.lock().unwrap());
        config.channel = wire.channel;
        config.hello.node = [self.node; 16];
        // Each as a process of its own: a process has one copy, and what it held before as another
        // file counts no more once it joins.
        config.hello.incarnation = [self.node; 16];
        config.hello.nonce = [self.node; 32];
        config.hello.caps = if reseed {
            CAP_SNAPSHOT | CAP_BOOTSTRAP
        } else {
            CAP_SNAPSHOT
        };
        (self.config)(&mut config);
        Ok(config)
    }

    fn random(&mut self) -> u64 {
        0
    }

    fn retrying(&mut self, _: &Trouble, _: Duration) {}
}

/// A leader on loopback.
pub struct Leader {
    pub source: MemSource,
    pub hub: Arc<Hub>,
    pub server: Server,
    reader: JoinHandle<()>,
}

pub fn options() -> ServeOptions {
    let next = AtomicU64::new(1);
    ServeOptions::plain(Arc::new(move || {
        let mut bytes = [7; 32];
        bytes[..8].copy_from_slice(&next.fetch_add(1, Ordering::SeqCst).to_le_bytes());
        Ok(bytes)
    }))
}

impl Leader {
    pub fn start(source: MemSource, options: ServeOptions, ring_bytes: usize) -> Leader {
        let stop = Arc::new(Stop::default());
        let hub = Hub::with_ring(Arc::new(source.clone()), stop, ring_bytes).unwrap();
        let reading = Arc::clone(&hub);
        let reader = std::thread::Builder::new()
            .name("log".to_owned())
            .spawn(move || reading.run())
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Server::start(listener, Arc::clone(&hub), options).unwrap();
        Leader {
            source,
            hub,
            server,
            reader,
        }
    }

    pub fn plain() -> Leader {
        Leader::start(MemSource::default(), options(), 1 << 20)
    }

    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    pub fn finish(self) {
        self.server.finish();
        self.reader.join().unwrap();
    }

    /// Waits until so many followers hold all of the log durably.
    pub fn wait_acked(&self, followers: usize) {
        let head = self.source.head();
        assert_eq!(self.hub.board.wait(&head, followers, PATIENCE), followers);
    }
}

/// A follower in its own thread.
pub struct Following {
    pub copy: Arc<Copy>,
    pub stop: Arc<Stop>,
    thread: JoinHandle<(Followed, MemConnector)>,
}

impl Following {
    pub fn start(mut connector: MemConnector, options: FollowOptions) -> Following {
        let copy = Arc::clone(&connector.copy);
        let stop = Arc::new(Stop::default());
        let wish = Arc::clone(&stop);
        let sink = shared(MemSink::new(&copy));
        let thread = std::thread::spawn(move || {
            let followed = follow(&mut connector, &sink, &wish, options);
            (followed, connector)
        });
        Following { copy, stop, thread }
    }

    pub fn forever(leader: &Leader, node: u8) -> Following {
        let connector = MemConnector::new(leader.address(), &Arc::default(), node);
        Following::start(connector, forever())
    }

    /// Waits for the end that comes by itself.
    pub fn join(self) -> (Followed, MemConnector) {
        self.thread.join().unwrap()
    }

    pub fn finish(self) -> (Followed, MemConnector) {
        self.stop.request();
        self.join()
    }
}

pub fn forever() -> FollowOptions {
    FollowOptions {
        retry: true,
        reseed: true,
        ..FollowOptions::default()
    }
}

/// How long something took is at most this much.
pub fn within(begun: Instant, limit: Duration) {
    let took = begun.elapsed();
    assert!(took <= limit, "took {took:?}, at most {limit:?}");
}
