//! One chain in one store: reading its objects, checked.

use std::sync::Arc;

use super::error::{ChainError, ChainResult};
use super::name::{Name, prefix};
use super::object::{Creel, Damage, Facts, MAX_SMALL, SEGMENT_HEADER_SIZE, Segment};
use super::pace::{Pace, repeat};
use super::store::{Created, MAX_LIST, MAX_OBJECT, Store};
use crate::format::entry::Point;
use crate::sys::{OsVfs, Vfs};

/// A store that holds a chain.
#[derive(Debug, Clone)]
pub struct Chain {
    store: Arc<dyn Store>,
    creel: Creel,
    /// What comes behind this number is not looked at.
    last: Option<u64>,
}

/// Where an index stands in the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Located {
    /// Entries behind the index begin in this segment, or will begin there: it is the next one.
    At(u64),
    /// They are not kept any more; the first segment that is.
    BelowFloor(u64),
    /// The chain ends before that index.
    Beyond(Option<Facts>),
}

impl Chain {
    /// Opens the chain of a store.
    pub fn open(store: Arc<dyn Store>, pace: &mut dyn Pace) -> ChainResult<Chain> {
        match read_creel(&*store, pace)? {
            Some(creel) => Ok(Chain {
                store,
                creel,
                last: None,
            }),
            None => Err(ChainError::NoChain {
                address: store.address(),
            }),
        }
    }

    /// Opens the chain of a store, and begins it there if there is none yet.
    pub fn create(store: Arc<dyn Store>, creel: &Creel, pace: &mut dyn Pace) -> ChainResult<Chain> {
        let name = Name::Creel.to_string();
        let bytes = creel.encode();
        // A lost answer is no trouble: whoever wrote it, reading tells what is there.
        let made = repeat(pace, "creating creel.json", || store.create(&name, &bytes))?;
        let found = match made {
            Created::Created => creel.clone(),
            Created::Exists => read_creel(&*store, pace)?.ok_or(ChainError::NoChain {
                address: store.address(),
            })?,
        };
        if found.lineage != creel.lineage {
            return Err(ChainError::OtherLineage {
                store: found.lineage,
                own: creel.lineage,
            });
        }
        Ok(Chain {
            store,
            creel: found,
            last: None,
        })
    }

    /// The store.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// What `creel.json` says.
    pub fn creel(&self) -> &Creel {
        &self.creel
    }

    /// Lineage of the database.
    pub fn lineage(&self) -> [u8; 16] {
        self.creel.lineage
    }

    /// The log before segment 1.
    pub fn start(&self) -> Point {
        self.creel.start.into()
    }

    /// Refuses a store that belongs to another database.
    pub fn check_lineage(&self, own: [u8; 16]) -> ChainResult<()> {
        if self.creel.lineage == own {
            return Ok(());
        }
        Err(ChainError::OtherLineage {
            store: self.creel.lineage,
            own,
        })
    }

    /// Refuses a mirror: fencing is decided elsewhere.
    pub fn check_authority(&self) -> ChainResult<()> {
        match &self.creel.mirror_of {
            Some(of) => Err(ChainError::Mirror { of: of.clone() }),
            None => Ok(()),
        }
    }

    /// A whole segment; [`None`] where it is not there.
    pub fn segment(&self, number: u64, pace: &mut dyn Pace) -> ChainResult<Option<Segment>> {
        let name = Name::Segment(number).to_string();
        let bytes = repeat(pace, "reading a segment", || {
            self.store.get(&name, MAX_OBJECT)
        })?;
        let Some(bytes) = bytes else { return Ok(None) };
        let segment = Segment::parse(bytes).map_err(|e| ChainError::damaged(&name, e))?;
        self.check_place(&segment.facts, segment.lineage(), number)?;
        Ok(Some(segment))
    }

    /// What the header of a segment says: all but the history after it.
    pub fn facts(&self, number: u64, pace: &mut dyn Pace) -> ChainResult<Option<Facts>> {
        let name = Name::Segment(number).to_string();
        let bytes = repeat(pace, "reading the header of a segment", || {
            self.store.get_range(&name, 0, SEGMENT_HEADER_SIZE as u64)
        })?;
        let Some(bytes) = bytes else { return Ok(None) };
        let (facts, lineage) = Segment::peek(&bytes).map_err(|e| ChainError::damaged(&name, e))?;
        self.check_place(&facts, lineage, number)?;
        Ok(Some(facts))
    }

    /// An object that was copied from another store or number says so.
    fn check_place(&self, facts: &Facts, lineage: [u8; 16], number: u64) -> ChainResult<()> {
        let wrong = if lineage != self.creel.lineage {
            "it belongs to another database"
        } else if facts.number != number {
            "it was written under another number"
        } else {
            return Ok(());
        };
        Err(ChainError::damaged(
            Name::Segment(number),
            Damage::new(wrong),
        ))
    }

    /// The first number above `after`.
    pub fn first_after(&self, after: u64, pace: &mut dyn Pace) -> ChainResult<Option<u64>> {
        let mut from = after_name(after);
        loop {
            let names = self.page(&from, 2, pace)?;
            match names.iter().find_map(|name| number_of(name)) {
                Some(number) => return Ok(Some(number)),
                None => match names.last() {
                    // Something else stands there: look behind it.
                    Some(last) => from = last.clone(),
                    None => return Ok(None),
                },
            }
        }
    }

    /// Up to a thousand numbers above `after`; none is the end.
    pub fn numbers_after(&self, after: u64, pace: &mut dyn Pace) -> ChainResult<Vec<u64>> {
        Ok(self.some_numbers_after(after, pace)?.0)
    }

    /// The same, with whether there may be more.
    fn some_numbers_after(&self, after: u64, pace: &mut dyn Pace) -> ChainResult<(Vec<u64>, bool)> {
        let mut from = after_name(after);
        loop {
            let names = self.page(&from, MAX_LIST, pace)?;
            let numbers: Vec<u64> = names.iter().filter_map(|name| number_of(name)).collect();
            match names.last() {
                Some(last) if numbers.is_empty() => from = last.clone(),
                _ => return Ok((numbers, names.len() == MAX_LIST)),
            }
        }
    }

    fn page(&self, from: &str, limit: usize, pace: &mut dyn Pace) -> ChainResult<Vec<String>> {
        repeat(pace, "listing the log", || {
            self.store.list_after(prefix::LOG, from, limit)
        })
    }

    /// The same chain as if it ended with this number: for those who only look.
    pub(super) fn upto(&self, last: u64) -> Chain {
        Chain {
            last: Some(last),
            ..self.clone()
        }
    }

    /// The highest number. `hint` is a number that may be near.
    pub fn newest(&self, hint: u64, pace: &mut dyn Pace) -> ChainResult<Option<u64>> {
        let newest = self.newest_listed(hint, pace)?;
        let last = self.last.unwrap_or(u64::MAX);
        Ok(newest.map(|number| number.min(last)).filter(|n| *n > 0))
    }

    fn newest_listed(&self, hint: u64, pace: &mut dyn Pace) -> ChainResult<Option<u64>> {
        let mut newest = None;
        let mut after = hint.saturating_sub(1);
        loop {
            let (numbers, more) = self.some_numbers_after(after, pace)?;
            match numbers.last() {
                Some(last) if !more => return Ok(Some(*last)),
                Some(last) => {
                    newest = Some(*last);
                    after = *last;
                }
                // Above a hint that is too high there is nothing.
                None if newest.is_none() && hint > 1 => return self.newest_listed(0, pace),
                None => return Ok(newest),
            }
        }
    }

    /// The newest segment, whole. While the chain grows, a newer one may be there already.
    pub fn tail(&self, hint: u64, pace: &mut dyn Pace) -> ChainResult<Option<Segment>> {
        let (mut hint, mut attempt) = (hint, 0);
        loop {
            let Some(number) = self.newest(hint, pace)? else {
                return Ok(None);
            };
            if let Some(segment) = self.segment(number, pace)? {
                return Ok(Some(segment));
            }
            // Removed since, so there is a newer one; or the store lists what it does not have.
            attempt += 1;
            if attempt > 1 && !pace.wait(attempt) {
                return Err(ChainError::Missing(Name::Segment(number).to_string()));
            }
            hint = number;
        }
    }

    /// Finds the segment with the entry behind `index`: first at the number `floor`, then by a
    /// search over headers between it and the tail. It may be one that cannot be read.
    pub fn locate(&self, index: u64, floor: u64, pace: &mut dyn Pace) -> ChainResult<Located> {
        if floor > 0
            && let Header::Of(facts) = self.header_from(floor, floor + 1, pace)?
            && (facts.before.index..=facts.after.index).contains(&index)
        {
            let behind = u64::from(index == facts.after.index);
            return Ok(Located::At(floor + behind));
        }
        let Some(tail) = self.tail(floor, pace)? else {
            return Ok(match index.cmp(&self.start().index) {
                std::cmp::Ordering::Less => Located::BelowFloor(1),
                std::cmp::Ordering::Equal => Located::At(1),
                std::cmp::Ordering::Greater => Located::Beyond(None),
            });
        };
        let tail = tail.facts;
        if index > tail.after.index {
            return Ok(Located::Beyond(Some(tail)));
        }
        if index == tail.after.index {
            return Ok(Located::At(tail.number + 1));
        }
        // The answer is in low..=high; what is missing was removed, so it lies higher.
        let (mut low, mut high) = (floor.max(1), tail.number);
        // Between high and this one nothing can be read.
        let mut kept = tail;
        while low < high {
            let middle = low + (high - low) / 2;
            match self.header_from(middle, high, pace)? {
                Header::Of(facts) if facts.after.index > index => {
                    kept = facts;
                    high = middle;
                }
                Header::Of(Facts { number, .. }) | Header::Gone(number) => low = number + 1,
                Header::Unreadable => high = middle,
            }
        }
        Ok(match kept.before.index <= index {
            true => Located::At(kept.number),
            false if low < kept.number => Located::At(low),
            false => Located::BelowFloor(kept.number),
        })
    }

    /// The first of the numbers `from..to` of which something is known. What cannot be read is passed over:
    /// those around it tell where it belongs.
    fn header_from(&self, from: u64, to: u64, pace: &mut dyn Pace) -> ChainResult<Header> {
        for number in from..to {
            match self.facts(number, pace) {
                Ok(Some(facts)) => return Ok(Header::Of(facts)),
                Ok(None) => return Ok(Header::Gone(number)),
                Err(ChainError::Damaged { damage, .. })
                    if !damage.newer && number < from + MOST_UNREADABLE => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Header::Unreadable)
    }
}

/// Headers that cannot be read and are passed over in a row: each is a request.
const MOST_UNREADABLE: u64 = 16;

/// What is known of a number.
enum Header {
    Of(Facts),
    Gone(u64),
    Unreadable,
}

fn after_name(after: u64) -> String {
    match after {
        0 => String::new(),
        after => Name::Segment(after).to_string(),
    }
}

fn number_of(name: &str) -> Option<u64> {
    match name.parse() {
        Ok(Name::Segment(number)) => Some(number),
        _ => None,
    }
}

fn read_creel(store: &dyn Store, pace: &mut dyn Pace) -> ChainResult<Option<Creel>> {
    let name = Name::Creel.to_string();
    let bytes = repeat(pace, "reading creel.json", || store.get(&name, MAX_SMALL))?;
    let decode = |bytes: Vec<u8>| Creel::decode(&bytes).map_err(|e| ChainError::damaged(name, e));
    bytes.map(decode).transpose()
}

/// Sixteen random bytes.
pub fn random_id() -> ChainResult<[u8; 16]> {
    let mut bytes = [0; 16];
    OsVfs
        .random(&mut bytes)
        .map_err(|e| ChainError::Refused(format!("no random bytes: {e}")))?;
    Ok(bytes)
}
