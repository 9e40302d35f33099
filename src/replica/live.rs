//! What a process that serves or follows knows, for other processes: as JSON.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::by_kind::ByKind;
use super::control::hex;
use super::lag::Keeps;
use super::slot::Slot;
use super::state::{Following, State};
use super::store::{ServiceState, SharedService};
use crate::format::entry::Point;
use crate::stream::board::Peer;
use crate::stream::hub::Hub;

/// A place in the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Epoch.
    pub epoch: u32,
    /// Index.
    pub index: u64,
    /// History up to it.
    pub hash: String,
}

impl From<&Point> for Place {
    fn from(point: &Point) -> Place {
        Place {
            epoch: point.epoch,
            index: point.index,
            hash: hex(&point.history),
        }
    }
}

/// A follower.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Follower {
    /// File id.
    pub node: String,
    /// What it calls itself.
    pub name: String,
    /// Where it connected from.
    pub address: String,
    /// It is connected now.
    pub connected: bool,
    /// What it holds durably.
    pub durable: Option<Place>,
    /// Newest index received.
    pub received: u64,
    /// Newest index that its readers see, where it has said so.
    #[serde(default)]
    pub applied: Option<u64>,
    /// Entries that it does not hold.
    pub behind: u64,
    /// Their bytes, where they are in memory.
    pub behind_bytes: Option<u64>,
    /// Wall clock of the last sign of life, microseconds since 1970.
    pub contact_us: u64,
    /// Wall clock of its last step forward.
    pub progress_us: u64,
    /// Bytes sent to it.
    pub sent_bytes: u64,
    /// Entries a second that it has made durable of late, where that is known.
    #[serde(default)]
    pub entries_per_s: Option<f64>,
}

/// How a copy follows.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Follows {
    /// How it stands.
    pub phase: String,
    /// Newest entry of the source.
    pub source_index: u64,
    /// Newest entry here.
    pub index: u64,
    /// Time since when something has been missing.
    pub lag_ms: Option<u64>,
    /// Wall clock of the last sign of life, microseconds since 1970; 0 before the first.
    pub contact_us: u64,
    /// Connections made.
    pub connects: u64,
    /// Times that the source delivered something damaged.
    #[serde(default)]
    pub damaged: u64,
    /// Entries that came from another source then.
    #[serde(default)]
    pub relieved: u64,
    /// Times that the source's epoch was over.
    #[serde(default)]
    pub older_epochs: u64,
    /// Entries a second that were applied of late, where that is known.
    #[serde(default)]
    pub entries_per_s: Option<f64>,
    /// What ended the last one.
    pub last_error: Option<String>,
    /// Failures of the store that is followed, by their kind.
    #[serde(default)]
    pub store_errors: BTreeMap<String, u64>,
}

/// How publishing stands.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Publishes {
    /// Newest entry in the store.
    pub index: u64,
    /// Its segment.
    pub number: u64,
    /// Wall clock of the last answer of the store, microseconds since 1970; 0 before the first.
    pub contact_us: u64,
    /// Whether the store decides who is primary: a word, empty where the process is of an older creel.
    #[serde(default)]
    pub fencing: String,
    /// Failures so far.
    pub failures: u64,
    /// The last one, until something succeeds.
    pub trouble: Option<String>,
    /// Failures of the store by their kind.
    #[serde(default)]
    pub store_errors: BTreeMap<String, u64>,
}

/// A server, or a process that follows.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Status {
    /// File id.
    pub node: String,
    /// Lineage.
    pub lineage: String,
    /// Newest durable entry.
    pub head: Place,
    /// Newest index in the store.
    pub published: u64,
    /// Oldest position that can be gone on from.
    pub floor: u64,
    /// A newer epoch was heard of.
    pub fenced_by: Option<u32>,
    /// Why the log cannot be read now.
    pub trouble: Option<String>,
    /// Who follows.
    pub followers: Vec<Follower>,
    /// Commits that counted as done though too few copies had confirmed them.
    #[serde(default)]
    pub degraded: u64,
    /// How much of the log is kept for those who are behind.
    pub keeps: Option<Keeps>,
    /// How it follows, if it does.
    pub follows: Option<Follows>,
    /// How it publishes, if it does.
    pub publishes: Option<Publishes>,
}

impl Status {
    /// The same with what another process knows that has the same file.
    #[must_use]
    pub fn beside(mut self, other: Status) -> Status {
        for row in other.followers {
            match self.followers.iter_mut().find(|own| own.node == row.node) {
                Some(own) if own.contact_us < row.contact_us => *own = row,
                Some(_) => {}
                None => self.followers.push(row),
            }
        }
        if other.head.index > self.head.index {
            self.head = other.head;
        }
        self.published = self.published.max(other.published);
        self.fenced_by = self.fenced_by.max(other.fenced_by);
        self.degraded += other.degraded;
        self.trouble = self.trouble.or(other.trouble);
        self.follows = self.follows.or(other.follows);
        self.publishes = self.publishes.or(other.publishes);
        self
    }
}

/// Where what is told comes from.
#[derive(Clone)]
pub struct Live {
    /// The file.
    pub slot: Arc<Slot>,
    /// How it follows.
    pub state: Option<Arc<State>>,
    /// How it is published.
    pub publisher: Option<SharedService>,
}

fn follower(hub: &Hub, head: u64, peer: Peer) -> Follower {
    let held = peer.durable.map_or(0, |point| point.index);
    Follower {
        node: hex(&peer.node),
        connected: peer.connections > 0,
        durable: peer.durable.as_ref().map(Place::from),
        received: peer.received,
        applied: peer.applied,
        behind: head.saturating_sub(held),
        // What is in memory may end a moment before the newest entry.
        behind_bytes: Some(held)
            .filter(|_| hub.head().point.index >= head)
            .and_then(|held| hub.bytes_behind(held)),
        contact_us: peer.contact_us,
        progress_us: peer.progress_us,
        sent_bytes: peer.sent_bytes,
        entries_per_s: peer.speed.per_second(Instant::now()),
        name: peer.name,
        address: peer.address,
    }
}

fn follows(state: &Following) -> Follows {
    Follows {
        phase: state.phase.name().to_owned(),
        source_index: state.source_index,
        index: state.index,
        lag_ms: state
            .lag()
            .map(|lag| u64::try_from(lag.as_millis()).unwrap_or(u64::MAX)),
        contact_us: state.contact_us,
        connects: state.connects,
        damaged: state.damaged,
        relieved: state.relieved,
        older_epochs: state.older_epochs,
        entries_per_s: state.entries_per_s(Instant::now()),
        last_error: state.last_error.clone(),
        store_errors: by_kind(&state.store_errors),
    }
}

fn publishes(state: &ServiceState) -> Publishes {
    Publishes {
        index: state.published,
        number: state.number,
        contact_us: state.contact_us,
        fencing: state.fencing.to_owned(),
        failures: state.failures,
        trouble: state.trouble.clone(),
        store_errors: by_kind(&state.store_errors),
    }
}

fn by_kind(errors: &ByKind) -> BTreeMap<String, u64> {
    errors
        .rows()
        .map(|(kind, count)| (kind.to_owned(), count))
        .collect()
}

impl Live {
    /// How it all stands.
    pub fn status(&self, hub: &Hub) -> Status {
        let head = hub.fresh_head();
        let peers = hub.board.peers().into_iter();
        let published = self.publisher.as_ref().map(SharedService::look);
        Status {
            node: hex(&hub.source().node()),
            lineage: hex(&hub.source().lineage()),
            head: Place::from(&head.point),
            published: published.as_ref().map_or(head.published, |p| p.published),
            floor: head.floor,
            fenced_by: hub.fenced().map(|fenced| fenced.epoch),
            trouble: hub.trouble(),
            followers: peers
                .map(|peer| follower(hub, head.point.index, peer))
                .collect(),
            degraded: hub.counters.degraded.load(Ordering::Relaxed),
            keeps: self
                .slot
                .get()
                .and_then(|db| db.facts().ok())
                .map(|facts| Keeps::of(&facts)),
            follows: self.state.as_ref().map(|state| follows(&state.look())),
            publishes: published.as_ref().map(publishes),
        }
    }
}
