//! Whose contents were taken in, and as of which position. Changes lead on from a position, so the
//! contents of that position have to be here: where an export between two others was left out,
//! nothing in the records themselves would show it.

use creel::Snapshot;
use creel::exchange::frame::{Header, Position};

use super::position;
use crate::cli::{Failure, codes, text};

/// Version of the record; those of positions in inputs have another one.
const VERSION: u8 = 2;
const LEN: usize = 1 + 8 + 4 + 8 + 1 + 16;
/// Before the id of the lineage.
const TAG: &[u8] = b"from";

/// What an export says about itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Source {
    lineage: [u8; 16],
    /// Which part of the database; zeros for all of it.
    part: [u8; 8],
    since: Option<Position>,
    position: Position,
}

impl Source {
    /// Of the header of an export.
    pub fn of(header: &Header) -> Source {
        Source {
            lineage: header.db,
            part: header.part(),
            since: header.since.filter(|since| since.epoch > 0), // 0: of contents without one
            position: header.position,
        }
    }

    /// Changes between things that have no common history lead to no position.
    fn leads_nowhere(&self) -> bool {
        self.since
            .is_some_and(|since| same(&since, &self.position) || self.position.epoch == 0)
    }

    /// The id of its record; `None` for the one of the whole database.
    fn id(&self, part: [u8; 8]) -> Vec<u8> {
        [TAG, &self.lineage, &part].concat()
    }

    /// What becomes of its record once all of the export is in; `None`: it stays as it is.
    /// `whole`: nothing was left out. `records`: how many there were.
    pub fn record(&self, whole: bool, records: u64) -> Option<(Vec<u8>, Option<Vec<u8>>)> {
        if self.leads_nowhere() && records == 0 {
            return None;
        }
        let holds = whole && !self.leads_nowhere();
        Some((self.id(self.part), holds.then(|| encode(&self.position))))
    }
}

/// Fails where one of these exports, imported one after the other, leads on from contents that are
/// not here.
pub fn check(snapshot: Option<&Snapshot>, sources: &[(String, Source)]) -> Result<(), Failure> {
    let mut taken: Vec<(Vec<u8>, Position)> = Vec::new();
    for (name, source) in sources {
        if let Some(since) = source.since {
            let bases = bases(snapshot, source, &taken)?;
            leads_on(name, source, &since, &bases)?;
        }
        taken.push((source.id(source.part), source.position));
    }
    Ok(())
}

/// Positions of this lineage whose contents are here; the one that matters most first.
fn bases(
    snapshot: Option<&Snapshot>,
    source: &Source,
    taken: &[(Vec<u8>, Position)],
) -> Result<Vec<Position>, Failure> {
    let mut found = Vec::new();
    for id in [source.id(source.part), source.id([0; 8])] {
        let now = taken.iter().rev().find(|(other, _)| *other == id);
        match (now, snapshot) {
            (Some((_, position)), _) => found.push(*position),
            (None, Some(snapshot)) => {
                let record = snapshot.import_position(&id)?;
                found.extend(record.as_deref().and_then(decode));
            }
            (None, None) => {}
        }
    }
    // A copy of the database itself.
    if let Some(snapshot) = snapshot.filter(|s| s.lineage_id() == source.lineage) {
        let own = snapshot.position_unproven()?;
        found.push(Position {
            epoch: own.epoch,
            index: own.index,
            hash: own.hash,
        });
    }
    Ok(found)
}

fn leads_on(
    name: &str,
    source: &Source,
    since: &Position,
    bases: &[Position],
) -> Result<(), Failure> {
    let fits = |base: &Position| same(base, since) || same(base, &source.position);
    if bases.iter().any(fits) || (bases.is_empty() && since.index == 0) {
        return Ok(());
    }
    let lineage = text::hex(&source.lineage);
    let begins = format!("{name} leads on from position {since} of database {lineage}");
    let failure = match bases.first() {
        None => Failure::new(
            &codes::GAP,
            format!("{begins}, and nothing of it was imported here before"),
        )
        .hint(format!(
            "import an export of everything as of {since} first; --allow-gap takes the changes as they are"
        )),
        Some(base) if base.index == since.index => Failure::new(
            &codes::DIVERGED,
            format!("{begins}, and here is position {base} of another history"),
        ),
        Some(base) => Failure::new(
            &codes::GAP,
            format!("{begins}, and here are the contents of {base}"),
        )
        .hint(format!(
            "creel export SOURCE --since {base} has what is missing; --allow-gap takes the changes as they are"
        )),
    };
    let failure = failure
        .detail("since", since.to_string())
        .detail("lineage", lineage);
    Err(match bases.first() {
        Some(base) => failure.detail("here", base.to_string()),
        None => failure,
    })
}

/// Whether both are one position, as far as they tell.
fn same(a: &Position, b: &Position) -> bool {
    let hashes = a.hash.zip(b.hash);
    (a.epoch, a.index) == (b.epoch, b.index) && hashes.is_none_or(|(a, b)| a == b)
}

fn encode(at: &Position) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(LEN);
    bytes.push(VERSION);
    bytes.extend_from_slice(&position::now().to_le_bytes());
    bytes.extend_from_slice(&at.epoch.to_le_bytes());
    bytes.extend_from_slice(&at.index.to_le_bytes());
    bytes.push(u8::from(at.hash.is_some()));
    bytes.extend_from_slice(&at.hash.unwrap_or_default());
    bytes
}

fn decode(bytes: &[u8]) -> Option<Position> {
    let (&[version], rest) = bytes.split_first_chunk::<1>()?;
    let (_time, rest) = rest.split_first_chunk::<8>()?;
    let (epoch, rest) = rest.split_first_chunk::<4>()?;
    let (index, rest) = rest.split_first_chunk::<8>()?;
    let (&[hashed], rest) = rest.split_first_chunk::<1>()?;
    let hash: &[u8; 16] = rest.try_into().ok()?;
    (version == VERSION && hashed <= 1).then(|| Position {
        epoch: u32::from_le_bytes(*epoch),
        index: u64::from_le_bytes(*index),
        hash: (hashed == 1).then_some(*hash),
    })
}

/// When a record was written; `None` where it is none of these.
pub fn time(bytes: &[u8]) -> Option<u64> {
    decode(bytes)?;
    let time = bytes.get(1..)?.first_chunk::<8>()?;
    Some(u64::from_le_bytes(*time))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(index: u64, hash: u8) -> Position {
        Position {
            epoch: 1,
            index,
            hash: Some([hash; 16]),
        }
    }

    fn source(since: Option<Position>, position: Position) -> Source {
        Source {
            lineage: [7; 16],
            part: [0; 8],
            since,
            position,
        }
    }

    #[test]
    fn records_come_back() {
        for position in [
            at(5, 9),
            Position {
                hash: None,
                ..at(u64::MAX, 0)
            },
        ] {
            let bytes = encode(&position);
            assert_eq!(bytes.len(), LEN);
            assert_eq!(decode(&bytes), Some(position));
            assert!(time(&bytes).is_some_and(|t| t > 0));
            assert_eq!(decode(&bytes[1..]), None);
            assert_eq!(position::Done::decode(&bytes), None);
        }
    }

    #[test]
    fn files_of_one_step_lead_on_from_each_other() {
        let name = |s| ("x".to_owned(), s);
        let whole = name(source(None, at(3, 3)));
        let next = name(source(Some(at(3, 3)), at(5, 5)));
        let last = name(source(Some(at(5, 5)), at(9, 9)));
        assert!(check(None, &[whole.clone(), next.clone(), last.clone()]).is_ok());
        let gap = check(None, &[whole.clone(), last]).unwrap_err();
        assert_eq!(gap.code(), &codes::GAP);
        assert_eq!(check(None, &[next]).unwrap_err().code(), &codes::GAP);
        let fork = name(source(Some(at(3, 4)), at(5, 5)));
        let fork = check(None, &[whole.clone(), fork]).unwrap_err();
        assert_eq!(fork.code(), &codes::DIVERGED);
        // Without its hash a position is taken by its numbers; from nothing on all is new.
        let short = name(source(
            Some(Position {
                hash: None,
                ..at(3, 0)
            }),
            at(5, 5),
        ));
        assert!(check(None, &[whole, short]).is_ok());
        assert!(check(None, &[name(source(Some(at(0, 0)), at(5, 5)))]).is_ok());
    }

    #[test]
    fn only_what_is_whole_has_a_position_afterwards() {
        let all = source(None, at(3, 3));
        let (id, record) = all.record(true, 1).unwrap();
        assert_eq!(record.as_deref().and_then(decode), Some(at(3, 3)));
        assert_eq!(all.record(false, 1), Some((id.clone(), None)));
        // A patch between strangers leads to no position, and one without records nowhere else.
        let patch = source(Some(at(3, 3)), at(3, 3));
        assert_eq!(patch.record(true, 2), Some((id, None)));
        assert_eq!(patch.record(true, 0), None);
    }
}
