//! Facts about one file: where it gets its log from, where it publishes, what it keeps.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::Db;
use super::archive::keeps_log;
use super::checkpoint::Cut;
use super::handle::{Inner, lock};
use super::job::Job;
use super::region::RegionWish;
use crate::error::{Bounded, Error, Result};
use crate::format::Invariant;
use crate::format::bytes::{id_at, split_bytes, u16_at, u32_at, u64_at};
use crate::format::entry::Point;
use crate::format::key::{CATALOGUE, FullKey};
use crate::format::local::{facts_user_key, push_owner, split_owner};
use crate::format::op::Op;
use crate::progress::NoProgress;
use crate::tree;

/// Longest address in bytes.
const MAX_ADDRESS: usize = 1024;
/// Longest name of a hold in bytes, and most holds.
const MAX_NAME: usize = 128;
const MAX_HOLDS: usize = 256;
/// Entries that are kept for those who are behind, unless something else was asked for.
const RETAIN_ENTRIES: u64 = 1024;
/// Log bytes from which on a checkpoint waits for no publisher.
pub(super) const MAX_UNFOLDED: u64 = 256 << 20;
/// Bytes of old log that are kept at most, unless something else was asked for.
const RETAIN_BYTES: u64 = 256 << 20;

/// Facts about one file. They are part of no other copy, and of no sum.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Facts {
    /// Where `replicate pull` gets the log from; empty = not said.
    pub source: String,
    /// Where commits are published; empty = nowhere.
    pub publish: String,
    /// The chain there is being begun: it may not be there yet. Nobody else is believed that it is not.
    pub beginning: bool,
    /// The last commit known to be published, and the number of its segment.
    pub published: Option<(Point, u64)>,
    /// Where the process that serves the file answers the commands of this machine, and the secret
    /// that both know; empty = none said so.
    pub control: String,
    /// The highest epoch seen anywhere.
    pub highest_epoch: u32,
    /// How much of the log is kept.
    pub retention: Retention,
    /// Writes wait: too much is unpublished.
    pub held_back: bool,
    /// Who needs more of it.
    pub holds: Vec<Hold>,
    /// When the file last passed a check of every page, microseconds since 1970; 0 = not noted.
    pub verified_us: u64,
}

/// Bits of the byte behind the retention.
const STANDALONE: u8 = 1;
const HELD_BACK: u8 = 2;
const BEGINNING: u8 = 4;

/// How much of the log is kept for those who are behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// So many entries at least.
    pub min_entries: u64,
    /// What is younger than this.
    pub time_ms: u64,
    /// But no more bytes than this.
    pub max_bytes: u64,
    /// Keep the log of a file that is not replicated, too.
    pub standalone: bool,
    /// Bytes that may wait so that a file that is replicated can be taken back beyond its last
    /// checkpoint: as many as the file has, 32 to 256 MiB, where this is not said.
    pub rewind_bytes: Option<u64>,
}

impl Default for Retention {
    fn default() -> Self {
        Retention {
            min_entries: RETAIN_ENTRIES,
            time_ms: 0,
            max_bytes: RETAIN_BYTES,
            standalone: false,
            rewind_bytes: None,
        }
    }
}

/// Somebody needs the log from a position on, within limits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// Who.
    pub name: String,
    /// He has everything up to this entry.
    pub index: u64,
    /// The hold ends when it keeps more bytes than this.
    pub max_bytes: u64,
    /// The hold ends at this time, microseconds since 1970.
    pub expires_us: u64,
}

impl Facts {
    fn encode(&self, file_id: &[u8; 16]) -> Vec<u8> {
        let mut out = Vec::new();
        push_owner(&mut out, file_id);
        let text = |out: &mut Vec<u8>, text: &str| {
            out.extend_from_slice(&(text.len() as u16).to_le_bytes());
            out.extend_from_slice(text.as_bytes());
        };
        let number = |out: &mut Vec<u8>, number: u64| out.extend_from_slice(&number.to_le_bytes());
        text(&mut out, &self.source);
        text(&mut out, &self.publish);
        text(&mut out, &self.control);
        out.extend_from_slice(&self.highest_epoch.to_le_bytes());
        let none = Point {
            index: 0,
            epoch: 0,
            history: [0; 16],
        };
        let (point, segment) = self.published.unwrap_or((none, 0));
        number(&mut out, point.index);
        out.extend_from_slice(&point.epoch.to_le_bytes());
        out.extend_from_slice(&point.history);
        number(&mut out, segment);
        let keep = &self.retention;
        for value in [keep.min_entries, keep.time_ms, keep.max_bytes] {
            number(&mut out, value);
        }
        let held = u8::from(self.held_back) * HELD_BACK;
        let begins = u8::from(self.beginning) * BEGINNING;
        out.push(u8::from(keep.standalone) * STANDALONE + held + begins);
        out.extend_from_slice(&(self.holds.len() as u16).to_le_bytes());
        for hold in &self.holds {
            text(&mut out, &hold.name);
            for value in [hold.index, hold.max_bytes, hold.expires_us] {
                number(&mut out, value);
            }
        }
        let rewind = keep.rewind_bytes;
        if self.verified_us > 0 || rewind.is_some() {
            number(&mut out, self.verified_us);
        }
        if let Some(bytes) = rewind {
            number(&mut out, bytes);
        }
        out
    }

    /// `None`: malformed. Facts about another file are as if there were none.
    fn decode(value: &[u8], file_id: &[u8; 16]) -> Option<Facts> {
        let (owner, rest) = split_owner(value)?;
        if owner != *file_id {
            return Some(Facts::default());
        }
        let (source, rest) = split_text(rest)?;
        let (publish, rest) = split_text(rest)?;
        let (control, rest) = split_text(rest)?;
        let highest_epoch = u32_at(rest, 0)?;
        let point = Point {
            index: u64_at(rest, 4)?,
            epoch: u32_at(rest, 12)?,
            history: id_at(rest, 16)?,
        };
        let segment = u64_at(rest, 32)?;
        let bits = *rest.get(64)?;
        let mut retention = Retention {
            min_entries: u64_at(rest, 40)?,
            time_ms: u64_at(rest, 48)?,
            max_bytes: u64_at(rest, 56)?,
            standalone: bits & STANDALONE != 0,
            rewind_bytes: None,
        };
        let count = u16_at(rest, 65)?;
        let mut rest = rest.get(67..)?;
        let mut holds = Vec::new();
        for _ in 0..count {
            let (name, behind) = split_text(rest)?;
            holds.push(Hold {
                name,
                index: u64_at(behind, 0)?,
                max_bytes: u64_at(behind, 8)?,
                expires_us: u64_at(behind, 16)?,
            });
            rest = behind.get(24..)?;
        }
        let verified_us = match rest.len() {
            0 => 0,
            8 => u64_at(rest, 0).filter(|time| *time > 0)?,
            16 => {
                retention.rewind_bytes = Some(u64_at(rest, 8)?);
                u64_at(rest, 0)?
            }
            _ => return None,
        };
        Some(Facts {
            source,
            publish,
            beginning: bits & BEGINNING != 0,
            control,
            published: (point.epoch > 0).then_some((point, segment)),
            highest_epoch,
            retention,
            held_back: bits & HELD_BACK != 0,
            holds,
            verified_us,
        })
    }

    fn check(&self) -> Result<()> {
        let limits = [
            (Bounded::Address, self.source.len(), MAX_ADDRESS),
            (Bounded::Address, self.publish.len(), MAX_ADDRESS),
            (Bounded::Address, self.control.len(), MAX_ADDRESS),
            (Bounded::Holds, self.holds.len(), MAX_HOLDS),
        ];
        let names = self.holds.iter();
        let names = names.map(|hold| (Bounded::HoldName, hold.name.len(), MAX_NAME));
        for (what, actual, limit) in limits.into_iter().chain(names) {
            if actual > limit {
                let (actual, limit) = (actual as u64, limit as u64);
                return Err(Error::Limit {
                    what,
                    actual,
                    limit,
                });
            }
        }
        Ok(())
    }
}

fn split_text(bytes: &[u8]) -> Option<(String, &[u8])> {
    let len = u16_at(bytes, 0)?;
    let (text, rest) = split_bytes(bytes.get(2..)?, u64::from(len))?;
    Some((std::str::from_utf8(text).ok()?.to_owned(), rest))
}

impl Db {
    /// Facts about this file.
    pub fn facts(&self) -> Result<Facts> {
        self.inner.catch_up()?;
        self.inner.facts()
    }

    /// Changes the facts: durable when this returns. That is a checkpoint; it makes no log entry.
    pub fn set_facts(&self, facts: &Facts) -> Result<()> {
        self.change_facts(|own| own.clone_from(facts))
    }

    /// The same for a part of the facts, whoever else changes another part at the same time.
    pub fn change_facts(&self, change: impl FnOnce(&mut Facts)) -> Result<()> {
        self.inner.check_writable()?;
        let mut published = 0;
        let make = |inner: &Inner| {
            inner.refresh(&mut lock(&inner.log), true)?;
            let mut facts = inner.facts()?;
            change(&mut facts);
            facts.check()?;
            published = facts.published.map_or(0, |(point, _)| point.index);
            let file_id = inner.view.load().tree.header().file_id;
            let value = facts.encode(&file_id);
            Ok(Job {
                force: true,
                facts: Some(Arc::new((facts, value))),
                // Facts of one file use up no entry of the log.
                marks: false,
                ..Job::fold(RegionWish::Keep)
            })
        };
        self.inner.run_job_made(make, &NoProgress, || ())?;
        self.note_published(published);
        Ok(())
    }

    /// Everything up to this entry is published: checkpoints that can wait no longer wait for it.
    /// Kept in memory; [`Db::set_facts`] makes it last.
    pub fn note_published(&self, index: u64) {
        self.inner.published.fetch_max(index, Ordering::Relaxed);
    }
}

/// Puts what a job says of the file into the tree to be built.
pub(super) fn note_facts(job: &Job, cut: &Cut) {
    if let Some(facts) = &job.facts {
        let op = Op::Put {
            keyspace: CATALOGUE,
            key: &facts_user_key(),
            value: &facts.1,
        };
        cut.frozen.writer().apply(cut.index, &op, 0);
    }
}

impl Inner {
    /// True where a checkpoint that can wait does: until what it would fold is published, so that
    /// the file can be taken back to what the others know. Not for ever.
    pub(super) fn is_gated(&self) -> bool {
        let view = self.view.load();
        if !keeps_log(view.tree.header()) || self.log_used.load(Ordering::Relaxed) > MAX_UNFOLDED {
            return false;
        }
        // Where the facts cannot be read the checkpoint itself will say so.
        let Ok(facts) = self.facts() else {
            return false;
        };
        let published = facts.published.map_or(0, |(point, _)| point.index);
        let published = published.max(self.published.load(Ordering::Relaxed));
        !facts.publish.is_empty() && published < lock(&self.snapshots).visible
    }

    /// Facts as of the newest checkpoint that this handle knows.
    pub(super) fn facts(&self) -> Result<Facts> {
        let view = self.view.load();
        let tree = &view.tree;
        let key = FullKey::new(CATALOGUE, &facts_user_key());
        match tree::get(&tree.pages, tree.root(), &key)? {
            None => Ok(Facts::default()),
            Some(value) => {
                let value = tree::read_value(&tree.pages, &value)?;
                Facts::decode(value, &tree.header().file_id)
            }
            .ok_or_else(|| {
                let text = "the facts about the file are malformed";
                Error::corrupt(Invariant::T12, text)
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_are_read_as_they_were_written_and_only_by_their_own_file() {
        let facts = Facts {
            source: "tcp://host:7".into(),
            publish: "dir:/backup".into(),
            beginning: true,
            control: "127.0.0.1:7 secret".into(),
            published: Some((
                Point {
                    index: 812,
                    epoch: 3,
                    history: [9; 16],
                },
                44,
            )),
            highest_epoch: 4,
            held_back: true,
            retention: Retention {
                time_ms: 7,
                standalone: true,
                ..Retention::default()
            },
            holds: vec![Hold {
                name: "b".into(),
                index: 800,
                max_bytes: 5,
                expires_us: 6,
            }],
            verified_us: 0,
        };
        let verified = Facts {
            verified_us: 9,
            ..facts.clone()
        };
        let id = [5; 16];
        let mut rewound = facts.clone();
        rewound.retention.rewind_bytes = Some(0);
        let both = Facts {
            verified_us: 9,
            ..rewound.clone()
        };
        for facts in [facts.clone(), Facts::default(), verified, rewound, both] {
            let bytes = facts.encode(&id);
            assert_eq!(Facts::decode(&bytes, &id).as_ref(), Some(&facts));
            assert_eq!(Facts::decode(&bytes, &[6; 16]), Some(Facts::default()));
            for end in 0..bytes.len() {
                // The last fields are left out where nothing was noted.
                let window = usize::from(facts.retention.rewind_bytes.is_some());
                let noted = usize::from(facts.verified_us > 0);
                let without = match bytes.len() - end {
                    8 => noted > 0,
                    16 => window > 0,
                    _ => false,
                };
                let found = Facts::decode(&bytes[..end], &id);
                assert_eq!(found.is_some(), without, "cut at {end}");
            }
        }
    }
}
