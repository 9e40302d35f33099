//! The first messages: who is there, where it stands, and what the leader decides.

use super::codec::{Take, push_point, push_text};
use super::wire_error::WireError;
use crate::format::entry::Point;

/// First bytes of HELLO.
pub const MAGIC: [u8; 8] = *b"CREELREP";
/// The protocol that this build speaks.
pub const PROTOCOL: u16 = 1;
/// Version of the entries that this build reads.
pub const ENTRY_FORMAT: u32 = 1;

/// Epochs that may begin between two meetings. A number beyond that is damage or an attack: taken
/// at its word it would fence for good, as no epoch could begin after it.
pub const EPOCH_JUMP_MAX: u32 = 1 << 16;

/// The follower can take a snapshot where the log does not reach back.
pub const CAP_SNAPSHOT: u32 = 1;
/// The follower has nothing, or wants all of it anew.
pub const CAP_BOOTSTRAP: u32 = 2;
/// The follower makes use of parts of a snapshot ahead of their turn.
pub const CAP_EARLY: u32 = 4;
/// A follower of this build that takes snapshots.
pub const CAP_COPIES: u32 = CAP_SNAPSHOT | CAP_EARLY;

/// Bytes of a snapshot of so many that may come ahead of their turn.
pub const fn early_limit(bytes: u64) -> u64 {
    bytes / 8 + (256 << 10)
}

/// What a node that connects wants to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PeerRole {
    /// Receives the log.
    Follower,
    /// Asks and waits for acknowledgements; gets no entries.
    Client,
}

/// HELLO: the first message of the side that connects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hello {
    /// Oldest protocol that it speaks.
    pub protocol_min: u16,
    /// Newest.
    pub protocol_max: u16,
    /// What it wants to be.
    pub role: PeerRole,
    /// `CAP_` bits.
    pub caps: u32,
    /// Version of entries that it reads.
    pub entry_format: u32,
    /// Its lineage; all zero: any.
    pub lineage: [u8; 16],
    /// File id of the copy.
    pub node: [u8; 16],
    /// Random for each start of the process.
    pub incarnation: [u8; 16],
    /// Where its durable log ends.
    pub position: Point,
    /// Highest epoch that it has heard of.
    pub highest_epoch: u32,
    /// Random, for the challenge.
    pub nonce: [u8; 32],
    /// For people: host name or path.
    pub name: String,
}

impl Hello {
    /// Body of the message.
    pub fn encode(&self) -> Vec<u8> {
        let mut b = MAGIC.to_vec();
        b.extend_from_slice(&self.protocol_min.to_le_bytes());
        b.extend_from_slice(&self.protocol_max.to_le_bytes());
        b.push(match self.role {
            PeerRole::Follower => 1,
            PeerRole::Client => 2,
        });
        b.extend_from_slice(&self.caps.to_le_bytes());
        b.extend_from_slice(&self.entry_format.to_le_bytes());
        b.extend_from_slice(&self.lineage);
        b.extend_from_slice(&self.node);
        b.extend_from_slice(&self.incarnation);
        push_point(&mut b, &self.position);
        b.extend_from_slice(&self.highest_epoch.to_le_bytes());
        b.extend_from_slice(&self.nonce);
        push_text(&mut b, &self.name);
        b
    }

    /// Reads the body. Fields that a later protocol adds stand behind these and are passed over:
    /// the two sides have not agreed on a version yet.
    pub fn decode(body: &[u8]) -> Result<Hello, WireError> {
        let what = "HELLO";
        let mut take = Take::new(body, what);
        if take.bytes(8)? != MAGIC {
            return Err(WireError::Malformed { what });
        }
        let protocol_min = take.u16()?;
        let protocol_max = take.u16()?;
        let role = match take.u8()? {
            1 => PeerRole::Follower,
            2 => PeerRole::Client,
            _ => return Err(WireError::Malformed { what }),
        };
        let hello = Hello {
            protocol_min,
            protocol_max,
            role,
            caps: take.u32()?,
            entry_format: take.u32()?,
            lineage: take.id()?,
            node: take.id()?,
            incarnation: take.id()?,
            position: take.point()?,
            highest_epoch: take.u32()?,
            nonce: take.key()?,
            name: take.text()?,
        };
        if protocol_min <= PROTOCOL {
            take.end()?;
        }
        Ok(hello)
    }
}

/// What the leader does with a follower.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Entries follow, from this index.
    Stream {
        /// First index to come.
        from: u64,
    },
    /// A snapshot follows on this connection, then entries.
    Snapshot,
    /// The follower's log left this history.
    Diverged {
        /// Newest index that both may share, 0 where unknown.
        ancestor: u64,
    },
    /// The log does not reach back so far.
    Reseed {
        /// Oldest position that the leader can go on from.
        oldest: u64,
        /// Why, for people.
        reason: String,
    },
    /// Another node should be asked.
    Redirect {
        /// Its address.
        address: String,
    },
}

/// WELCOME: the leader's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Welcome {
    /// Protocol chosen.
    pub protocol: u16,
    /// Lineage of the leader's log.
    pub lineage: [u8; 16],
    /// File id of the leader's file.
    pub node: [u8; 16],
    /// Random for each start.
    pub incarnation: [u8; 16],
    /// The leader's epoch.
    pub epoch: u32,
    /// Where its durable log ends.
    pub head: Point,
    /// Newest index in the store, 0 without one.
    pub published: u64,
    /// Oldest position that it can go on from.
    pub floor: u64,
    /// Heartbeats come this often.
    pub heartbeat_ms: u32,
    /// What happens now.
    pub decision: Decision,
}

impl Welcome {
    /// Body of the message.
    pub fn encode(&self) -> Vec<u8> {
        let mut b = self.protocol.to_le_bytes().to_vec();
        b.extend_from_slice(&self.lineage);
        b.extend_from_slice(&self.node);
        b.extend_from_slice(&self.incarnation);
        b.extend_from_slice(&self.epoch.to_le_bytes());
        push_point(&mut b, &self.head);
        b.extend_from_slice(&self.published.to_le_bytes());
        b.extend_from_slice(&self.floor.to_le_bytes());
        b.extend_from_slice(&self.heartbeat_ms.to_le_bytes());
        match &self.decision {
            Decision::Stream { from } => {
                b.push(1);
                b.extend_from_slice(&from.to_le_bytes());
            }
            Decision::Snapshot => b.push(2),
            Decision::Diverged { ancestor } => {
                b.push(3);
                b.extend_from_slice(&ancestor.to_le_bytes());
            }
            Decision::Reseed { oldest, reason } => {
                b.push(4);
                b.extend_from_slice(&oldest.to_le_bytes());
                push_text(&mut b, reason);
            }
            Decision::Redirect { address } => {
                b.push(5);
                push_text(&mut b, address);
            }
        }
        b
    }

    /// Reads the body.
    pub fn decode(body: &[u8]) -> Result<Welcome, WireError> {
        let what = "WELCOME";
        let mut take = Take::new(body, what);
        let protocol = take.u16()?;
        let lineage = take.id()?;
        let node = take.id()?;
        let incarnation = take.id()?;
        let epoch = take.u32()?;
        let head = take.point()?;
        let published = take.u64()?;
        let floor = take.u64()?;
        let heartbeat_ms = take.u32()?;
        let decision = match take.u8()? {
            1 => Decision::Stream { from: take.u64()? },
            2 => Decision::Snapshot,
            3 => Decision::Diverged {
                ancestor: take.u64()?,
            },
            4 => Decision::Reseed {
                oldest: take.u64()?,
                reason: take.text()?,
            },
            5 => Decision::Redirect {
                address: take.text()?,
            },
            _ => return Err(WireError::Malformed { what }),
        };
        take.end()?;
        Ok(Welcome {
            protocol,
            lineage,
            node,
            incarnation,
            epoch,
            head,
            published,
            floor,
            heartbeat_ms,
            decision,
        })
    }
}
