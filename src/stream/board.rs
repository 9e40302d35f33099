//! Who follows, and how far each has got.

use std::collections::HashMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::message::Ack;
use super::speed::Speed;
use crate::format::entry::Point;

/// Nodes that are remembered; the ones not seen for longest are forgotten first.
const PEERS_MAX: usize = 1024;

/// How often a wait looks whether it is still wanted.
const LOOK: Duration = Duration::from_secs(1);

/// A follower as its leader knows it.
#[derive(Debug, Clone)]
pub struct Peer {
    /// File id of the copy.
    pub node: [u8; 16],
    /// The process that connected last with it.
    pub incarnation: [u8; 16],
    /// What it calls itself.
    pub name: String,
    /// Where it connected from.
    pub address: String,
    /// Connections that it has now.
    pub connections: u32,
    /// What it holds durably, on this node's history.
    pub durable: Option<Point>,
    /// Newest index that it has received.
    pub received: u64,
    /// Newest index that its readers see, once it has said so.
    pub applied: Option<u64>,
    /// Wall clock of the last sign of life.
    pub contact_us: u64,
    /// Wall clock of the last step forward.
    pub progress_us: u64,
    /// Bytes of entries sent since the process began.
    pub sent_bytes: u64,
    /// How fast what it holds grows.
    pub speed: Speed,
}

/// A follower, and the process that speaks for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Who {
    /// File id of the copy.
    pub node: [u8; 16],
    /// Random for each process.
    pub incarnation: [u8; 16],
}

#[derive(Default)]
struct State {
    peers: HashMap<[u8; 16], Peer>,
    /// Those who wait for an acknowledgement.
    waiters: usize,
    closed: bool,
}

/// All followers of a node.
#[derive(Default)]
pub struct Board {
    state: Mutex<State>,
    changed: Condvar,
}

impl Board {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn update(&self, node: &[u8; 16], change: impl FnOnce(&mut Peer)) {
        let mut state = self.lock();
        if let Some(peer) = state.peers.get_mut(node) {
            change(peer);
        }
        drop(state);
        self.changed.notify_all();
    }

    /// A follower has connected. What it held before counts again once its history was checked.
    pub fn joined(&self, who: Who, name: &str, address: &str, wall_us: u64) {
        let Who { node, incarnation } = who;
        let mut state = self.lock();
        // One process has one copy: what it held as another file was replaced by this one.
        let others = state.peers.values_mut();
        for other in others.filter(|peer| peer.incarnation == incarnation && peer.node != node) {
            other.durable = None;
        }
        if state.peers.len() >= PEERS_MAX && !state.peers.contains_key(&node) {
            let idle = state.peers.values().filter(|peer| peer.connections == 0);
            let oldest = idle
                .min_by_key(|peer| peer.contact_us)
                .map(|peer| peer.node);
            if let Some(oldest) = oldest {
                state.peers.remove(&oldest);
            }
        }
        let peer = state.peers.entry(node).or_insert_with(|| Peer {
            node,
            incarnation,
            name: String::new(),
            address: String::new(),
            connections: 0,
            durable: None,
            received: 0,
            applied: None,
            contact_us: 0,
            progress_us: wall_us,
            sent_bytes: 0,
            speed: Speed::default(),
        });
        peer.connections += 1;
        peer.incarnation = incarnation;
        peer.name = name.to_owned();
        peer.address = address.to_owned();
        (peer.durable, peer.applied) = (None, None);
        // What it comes with did not come from here.
        peer.speed = Speed::default();
        peer.contact_us = wall_us;
    }

    /// It is gone.
    pub fn left(&self, node: &[u8; 16]) {
        self.update(node, |peer| {
            peer.connections = peer.connections.saturating_sub(1)
        });
    }

    /// Its file makes room for a new copy, which has another id: what it holds counts no more, so
    /// that one copy does not count twice.
    pub fn replaced(&self, node: &[u8; 16]) {
        self.update(node, |peer| peer.durable = None);
    }

    /// It holds everything up to here; the history was compared.
    pub fn durable(&self, node: &[u8; 16], point: Point, wall_us: u64) {
        self.update(node, |peer| {
            if peer.durable.is_none_or(|before| before.index < point.index) {
                peer.progress_us = wall_us;
            }
            peer.durable = Some(point);
            peer.speed.note(Instant::now(), point.index);
            peer.received = peer.received.max(point.index);
            peer.contact_us = wall_us;
        });
    }

    /// An acknowledgement.
    pub fn acked(&self, node: &[u8; 16], ack: &Ack, wall_us: u64) {
        self.durable(node, ack.durable, wall_us);
        self.update(node, |peer| {
            (peer.received, peer.applied) = (ack.received, Some(ack.applied));
        });
    }

    /// A sign of life.
    pub fn contact(&self, node: &[u8; 16], wall_us: u64) {
        self.update(node, |peer| peer.contact_us = wall_us);
    }

    /// Bytes went there.
    pub fn sent(&self, node: &[u8; 16], bytes: u64) {
        if let Some(peer) = self.lock().peers.get_mut(node) {
            peer.sent_bytes += bytes;
        }
    }

    /// The log is another one now: nothing that was acknowledged counts for it.
    pub fn clear(&self) {
        for peer in self.lock().peers.values_mut() {
            peer.durable = None;
        }
        self.changed.notify_all();
    }

    /// Nobody waits any longer.
    pub fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    /// All followers, by name.
    pub fn peers(&self) -> Vec<Peer> {
        let mut peers: Vec<Peer> = self.lock().peers.values().cloned().collect();
        peers.sort_by(|a, b| (&a.name, a.node).cmp(&(&b.name, b.node)));
        peers
    }

    /// How many hold everything up to this entry.
    pub fn holders(&self, entry: &Point) -> usize {
        count(&self.lock(), entry)
    }

    /// Waits until so many followers hold everything up to this entry, or the time is over; gives
    /// how many do.
    pub fn wait(&self, entry: &Point, wanted: usize, time: Duration) -> usize {
        self.wait_unless(entry, wanted, time, &|| false)
    }

    /// The same; ends early, within a second, where nobody waits for the answer any more.
    pub fn wait_unless(
        &self,
        entry: &Point,
        wanted: usize,
        time: Duration,
        gone: &dyn Fn() -> bool,
    ) -> usize {
        let until = Instant::now() + time;
        let mut state = self.lock();
        state.waiters += 1;
        loop {
            let holders = count(&state, entry);
            let left = until.saturating_duration_since(Instant::now());
            if holders >= wanted || left.is_zero() || state.closed || gone() {
                state.waiters -= 1;
                return holders;
            }
            let woken = self.changed.wait_timeout(state, left.min(LOOK));
            state = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// How many are connected; `None` where somebody waits for one of them.
    pub fn in_no_hurry(&self) -> Option<usize> {
        let state = self.lock();
        let connected = state.peers.values().filter(|peer| peer.connections > 0);
        (state.waiters == 0).then(|| connected.count())
    }
}

/// An entry's index says nothing of another history.
fn holds(point: &Point, entry: &Point) -> bool {
    if point.index == entry.index {
        return point == entry;
    }
    point.index > entry.index && point.epoch >= entry.epoch
}

fn count(state: &State, entry: &Point) -> usize {
    let holds = |peer: &&Peer| peer.durable.is_some_and(|point| holds(&point, entry));
    state.peers.values().filter(holds).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn who(node: u8, process: u8) -> Who {
        Who {
            node: [node; 16],
            incarnation: [process; 16],
        }
    }

    fn point(index: u64) -> Point {
        Point {
            index,
            epoch: 1,
            history: [0; 16],
        }
    }

    #[test]
    fn a_node_counts_once_and_only_with_a_checked_history() {
        let board = Board::default();
        board.joined(who(1, 1), "a", "", 1);
        board.joined(who(1, 1), "a", "", 1);
        board.joined(who(2, 2), "b", "", 1);
        assert_eq!(board.holders(&point(0)), 0);
        board.durable(&[1; 16], point(5), 2);
        assert_eq!((board.holders(&point(5)), board.holders(&point(6))), (1, 0));
        board.durable(&[2; 16], point(9), 3);
        assert_eq!(board.wait(&point(5), 2, Duration::ZERO), 2);
        // It comes back from an older copy: what it held before is no promise any more.
        board.joined(who(2, 3), "b", "", 4);
        assert_eq!(board.holders(&point(5)), 1);
        board.clear();
        assert_eq!(board.holders(&point(1)), 0);
        assert_eq!(board.peers()[0].connections, 2);
    }

    /// A log that was taken back has another entry at the index that a follower had acknowledged.
    #[test]
    fn an_acknowledgement_counts_only_for_its_own_history() {
        let board = Board::default();
        let entry = |index, epoch, history| Point {
            index,
            epoch,
            history: [history; 16],
        };
        board.joined(who(1, 1), "a", "", 1);
        board.durable(&[1; 16], entry(200, 1, 1), 1);
        assert_eq!(board.holders(&entry(150, 1, 3)), 1);
        assert_eq!(board.holders(&entry(160, 2, 2)), 0, "of a newer epoch");
        assert_eq!(board.holders(&entry(200, 1, 2)), 0, "another entry 200");
        board.durable(&[1; 16], entry(161, 2, 4), 2);
        assert_eq!(board.holders(&entry(160, 2, 2)), 1);
    }

    /// A copy that is made anew has another id: it is still one copy.
    #[test]
    fn a_copy_that_is_made_anew_counts_once() {
        let board = Board::default();
        board.joined(who(1, 1), "a", "", 1);
        board.durable(&[1; 16], point(7), 1);
        board.left(&[1; 16]);
        // The same process comes back with the new file.
        board.joined(who(2, 1), "a", "", 2);
        board.durable(&[2; 16], point(7), 2);
        assert_eq!(board.holders(&point(7)), 1);
        // Or the leader knows that it sent the new file, and another process follows with it.
        board.replaced(&[2; 16]);
        board.joined(who(3, 9), "a", "", 3);
        board.durable(&[3; 16], point(7), 3);
        assert_eq!(board.holders(&point(7)), 1);
    }

    #[test]
    fn who_waits_for_followers_is_in_a_hurry() {
        let board = Board::default();
        board.joined(who(1, 1), "a", "", 1);
        board.joined(who(2, 2), "b", "", 1);
        board.left(&[2; 16]);
        assert_eq!(board.in_no_hurry(), Some(1));
        let hour = Duration::from_secs(3600);
        std::thread::scope(|scope| {
            let waits = scope.spawn(|| board.wait(&point(9), 1, hour));
            while board.in_no_hurry().is_some() {
                std::thread::yield_now();
            }
            board.durable(&[1; 16], point(9), 2);
            assert_eq!(waits.join().unwrap(), 1);
        });
        assert_eq!(board.in_no_hurry(), Some(1), "nobody waits any more");
    }

    #[test]
    fn a_wait_whose_asker_left_ends() {
        let board = Board::default();
        let begun = Instant::now();
        let hour = Duration::from_secs(3600);
        assert_eq!(board.wait_unless(&point(9), 1, hour, &|| true), 0);
        assert!(begun.elapsed() < Duration::from_secs(60));
    }

    #[test]
    fn nodes_without_number_are_forgotten() {
        let board = Board::default();
        for i in 0..3000u32 {
            let mut node = [0; 16];
            node[..4].copy_from_slice(&i.to_le_bytes());
            let incarnation = node;
            board.joined(Who { node, incarnation }, "x", "", u64::from(i));
            board.left(&node);
        }
        assert_eq!(board.peers().len(), PEERS_MAX);
    }
}
