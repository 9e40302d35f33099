//! How far a copy is behind, and how much longer the log will reach back to it.

use serde::{Deserialize, Serialize};

use crate::db::{Db, Facts, Position};
use crate::error::{Error, Result};
use crate::format::entry::Entry;

/// Bytes of log that are read at a time.
const READ: usize = 8 << 20;

/// What is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Lag {
    /// Entries.
    pub entries: u64,
    /// Their bytes, where that is known.
    pub bytes: Option<u64>,
    /// Age of the oldest of them; 0 where nothing is missing, so that an idle source is not behind.
    pub ms: Option<u64>,
}

/// What is behind a position in this log. Reads it: as long as the log reaches back, that is no more
/// than what is kept.
pub fn behind(log: &Db, after: &Position, now_us: u64) -> Result<Lag> {
    let newest = log.position()?.index;
    let mut lag = Lag {
        entries: newest.saturating_sub(after.index),
        ..Lag::default()
    };
    let mut reader = match log.log_reader(after) {
        Ok(reader) => reader.with_bulk(),
        Err(Error::NotRetained { .. }) => return Ok(lag),
        Err(error) => return Err(error),
    };
    let (mut bytes, mut oldest_us) = (0, None);
    loop {
        let read = reader.read(usize::MAX, READ)?;
        if oldest_us.is_none()
            && let Ok(Some((entry, _))) = Entry::split(&read)
        {
            oldest_us = Some(entry.header.time_us);
        }
        if read.is_empty() {
            break;
        }
        bytes += read.len() as u64;
    }
    lag.bytes = Some(bytes);
    lag.ms = Some(oldest_us.map_or(0, |time_us| now_us.saturating_sub(time_us) / 1000));
    Ok(lag)
}

/// When the oldest entry behind a position was committed; [`None`] where nothing is.
pub fn oldest_us(log: &Db, after: &Position) -> Result<Option<u64>> {
    let read = log.log_reader(after)?.with_bulk().read(1, 1)?;
    let first = Entry::split(&read).ok().flatten();
    Ok(first.map(|(entry, _)| entry.header.time_us))
}

/// How much of its log a file keeps for those who are behind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Keeps {
    /// So many entries at least.
    pub min_entries: u64,
    /// What is younger than this.
    pub time_ms: u64,
    /// But no more bytes than this.
    pub max_bytes: u64,
    /// Who needs more.
    pub holds: Vec<KeptFor>,
}

/// Somebody needs more of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptFor {
    /// Who.
    pub name: String,
    /// He has everything up to this entry.
    pub index: u64,
    /// Not more bytes than this.
    pub max_bytes: u64,
    /// Nor longer.
    pub expires_us: u64,
}

impl Keeps {
    /// What the facts of a file say.
    pub fn of(facts: &Facts) -> Keeps {
        let holds = facts.holds.iter().map(|hold| KeptFor {
            name: hold.name.clone(),
            index: hold.index,
            max_bytes: hold.max_bytes,
            expires_us: hold.expires_us,
        });
        Keeps {
            min_entries: facts.retention.min_entries,
            time_ms: facts.retention.time_ms,
            max_bytes: facts.retention.max_bytes,
            holds: holds.collect(),
        }
    }

    /// Bytes of log that may still be written before a copy at `index` can be left without what it
    /// lacks, and so has to be made anew.
    pub fn headroom(&self, index: u64, lag: &Lag, now_us: u64) -> Option<u64> {
        let bytes = lag.bytes?;
        // By number or by age; beyond both the next checkpoint may let it go.
        let young = self.time_ms > 0 && lag.ms.is_some_and(|ms| ms < self.time_ms);
        let kept = match lag.entries < self.min_entries || young {
            true => self.max_bytes,
            false => 0,
        };
        let holds = self.holds.iter();
        let held = holds
            .filter(|hold| hold.index <= index && now_us < hold.expires_us)
            .map(|hold| hold.max_bytes)
            .max();
        Some(kept.max(held.unwrap_or(0)).saturating_sub(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headroom_is_what_retention_or_a_hold_leave() {
        let mut keeps = Keeps {
            min_entries: 100,
            time_ms: 0,
            max_bytes: 1000,
            holds: Vec::new(),
        };
        let lag = |entries, bytes, ms| Lag {
            entries,
            bytes: Some(bytes),
            ms: Some(ms),
        };
        assert_eq!(keeps.headroom(7, &lag(5, 300, 9), 50), Some(700));
        assert_eq!(keeps.headroom(7, &lag(5, 3000, 9), 50), Some(0));
        assert_eq!(keeps.headroom(7, &lag(100, 300, 9), 50), Some(0));
        keeps.time_ms = 10;
        assert_eq!(keeps.headroom(7, &lag(100, 300, 9), 50), Some(700));
        assert_eq!(keeps.headroom(7, &lag(100, 300, 10), 50), Some(0));
        keeps.holds.push(KeptFor {
            name: "b".to_owned(),
            index: 7,
            max_bytes: 400,
            expires_us: 60,
        });
        assert_eq!(keeps.headroom(7, &lag(100, 300, 10), 50), Some(100));
        assert_eq!(keeps.headroom(6, &lag(100, 300, 10), 50), Some(0), "older");
        assert_eq!(keeps.headroom(7, &lag(100, 300, 10), 60), Some(0), "over");
        let unknown = Lag::default();
        assert_eq!(keeps.headroom(7, &unknown, 50), None);
    }
}
