//! How far an input was imported: stored in the same commit as its records, so that neither can be
//! without the other.

use creel::Snapshot;
use creel::exchange::read::{Identity, Mark};

use super::lineage;

/// Version of the record.
const VERSION: u8 = 1;
const LEN: usize = 2 + 8 + 8 + 8 + 4 + 8 + 8;
/// Older positions than these many are forgotten.
const KEPT: usize = 128;

/// How far an input was imported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Done {
    /// In which way the input was read.
    pub way: [u8; 8],
    /// Where the next record begins.
    pub mark: Mark,
    /// Records before it.
    pub records: u64,
    /// The input has ended here, and its trailer has matched.
    pub finished: bool,
    /// When, in milliseconds since 1970.
    pub time: u64,
}

impl Done {
    /// The record that is stored.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(LEN);
        bytes.push(VERSION);
        bytes.push(u8::from(self.finished));
        bytes.extend_from_slice(&self.way);
        bytes.extend_from_slice(&self.mark.line.to_le_bytes());
        bytes.extend_from_slice(&self.mark.byte.to_le_bytes());
        bytes.extend_from_slice(&self.mark.crc.to_le_bytes());
        bytes.extend_from_slice(&self.records.to_le_bytes());
        bytes.extend_from_slice(&self.time.to_le_bytes());
        bytes
    }

    /// Reads a record; `None` for one that a newer version has written.
    pub fn decode(bytes: &[u8]) -> Option<Done> {
        let (&[version, finished], rest) = bytes.split_first_chunk::<2>()?;
        let (way, rest) = rest.split_first_chunk::<8>()?;
        let (line, rest) = rest.split_first_chunk::<8>()?;
        let (byte, rest) = rest.split_first_chunk::<8>()?;
        let (crc, rest) = rest.split_first_chunk::<4>()?;
        let (records, rest) = rest.split_first_chunk::<8>()?;
        let time: &[u8; 8] = rest.try_into().ok()?;
        (version == VERSION && finished <= 1).then(|| Done {
            way: *way,
            mark: Mark {
                line: u64::from_le_bytes(*line),
                byte: u64::from_le_bytes(*byte),
                crc: u32::from_le_bytes(*crc),
            },
            records: u64::from_le_bytes(*records),
            finished: finished == 1,
            time: u64::from_le_bytes(*time),
        })
    }
}

/// Milliseconds since 1970.
pub fn now() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |d| u64::try_from(d.as_millis()).unwrap_or(u64::MAX))
}

/// How far earlier runs have come in an input, and the id under which they said so. Where it has
/// been changed since near its beginning, it has another id, but begins as it did.
pub fn find(snapshot: &Snapshot, input: &Identity) -> creel::Result<Option<(Vec<u8>, Done)>> {
    if let Some(record) = snapshot.import_position(&input.id)? {
        return Ok(Done::decode(&record).map(|done| (input.id.to_vec(), done)));
    }
    let all = snapshot.import_positions()?.into_iter();
    Ok(all
        .filter_map(|(id, record)| Some((id, Done::decode(&record)?)))
        .filter(|(_, done)| done.way == input.way && input.begins_with(&done.mark))
        .max_by_key(|(_, done)| done.mark.byte))
}

/// Ids of positions that have to go so that one more may come.
pub fn outdated(snapshot: &Snapshot) -> creel::Result<Vec<Vec<u8>>> {
    let all = snapshot.import_positions()?;
    let done = |record: &[u8]| Done::decode(record).map(|done| done.time);
    let mut old = oldest(&all, done);
    old.extend(oldest(&all, lineage::time));
    Ok(old)
}

/// Ids of the oldest records of one kind, so many that there is room for one more.
fn oldest(all: &[(Vec<u8>, Vec<u8>)], time: impl Fn(&[u8]) -> Option<u64>) -> Vec<Vec<u8>> {
    let known = all.iter();
    let mut known: Vec<(u64, &Vec<u8>)> = known
        .filter_map(|(id, record)| Some((time(record)?, id)))
        .collect();
    known.sort_unstable();
    let many = (known.len() + 1).saturating_sub(KEPT);
    known
        .into_iter()
        .take(many)
        .map(|(_, id)| id.clone())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_come_back() {
        let done = Done {
            way: [6; 8],
            mark: Mark {
                line: 1,
                byte: 1 << 40,
                crc: 3,
            },
            records: 4,
            finished: true,
            time: 5,
        };
        let bytes = done.encode();
        assert_eq!(bytes.len(), LEN);
        assert_eq!(Done::decode(&bytes), Some(done));
        assert_eq!(Done::decode(&bytes[1..]), None);
        assert_eq!(Done::decode(&[2; LEN]), None);
    }
}
