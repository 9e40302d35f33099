//! Several sorted runs as one: a tournament in which each run plays with its present key, and
//! one path of it is played again for each record.

use super::Duplicates;
use super::record::common;
use super::run::{Reader, Run};
use crate::error::{Error, Result};

/// Records of several runs by rising full key.
#[derive(Debug)]
pub(super) struct Merge {
    /// The oldest run first.
    readers: Vec<Reader>,
    /// Eight bytes of each reader's key, behind what all keys have in common.
    heads: Vec<u64>,
    skip: usize,
    /// Losers of the matches, by node from 1 on; the leaves are numbered behind them.
    losers: Vec<usize>,
    winner: usize,
    duplicates: Duplicates,
    /// Nothing was given yet.
    fresh: bool,
    /// The key given last, and its record's number.
    last: Vec<u8>,
    last_ordinal: u64,
    dropped: u64,
}

impl Merge {
    /// `chunk`: bytes to read at a time from a run that lies in a file.
    pub fn new(runs: Vec<Run>, chunk: usize, duplicates: Duplicates) -> Result<Merge> {
        let sample = runs.first().map_or(Vec::new(), |run| run.first.clone());
        let shared = runs.iter().flat_map(|run| [&run.first, &run.last]);
        let skip = shared.map(|key| common(&sample, key)).min().unwrap_or(0);
        let ordinals = duplicates == Duplicates::Refuse;
        let readers = runs
            .into_iter()
            .map(|run| Reader::new(run, chunk, ordinals));
        let readers: Vec<Reader> = readers.collect::<Result<_>>()?;
        let mut merge = Merge {
            heads: readers.iter().map(|reader| reader.head(skip)).collect(),
            losers: vec![0; readers.len()],
            readers,
            skip,
            winner: 0,
            duplicates,
            fresh: true,
            last: Vec::new(),
            last_ordinal: 0,
            dropped: 0,
        };
        merge.play_all();
        Ok(merge)
    }

    /// Number of runs that are merged.
    pub fn runs(&self) -> usize {
        self.readers.len()
    }

    /// Goes on to the next record, which stays until the next call; false at the end.
    #[inline]
    pub fn next(&mut self) -> Result<bool> {
        if self.fresh {
            self.fresh = false;
        } else {
            self.pass()?;
            // A run has each key once, unless all have to be seen.
            let once = self.readers.len() == 1 && self.duplicates.drops();
            let alone = once || self.duplicates == Duplicates::All;
            while !alone && self.is_again() {
                if self.duplicates == Duplicates::Refuse {
                    return Err(Error::Duplicate {
                        first: self.last_ordinal,
                        second: self.present().map_or(0, Reader::ordinal),
                    });
                }
                self.dropped += 1;
                self.pass()?;
            }
        }
        let present = self.readers.get(self.winner).filter(|r| !r.is_done());
        let Some(present) = present else {
            return Ok(false);
        };
        self.last.clear();
        self.last.extend_from_slice(present.key());
        self.last_ordinal = present.ordinal();
        Ok(true)
    }

    /// The same, with equal keys one after the other.
    pub fn next_of_all(&mut self) -> Result<bool> {
        if !std::mem::take(&mut self.fresh) {
            self.pass()?;
        }
        Ok(self.present().is_some_and(|r| !r.is_done()))
    }

    /// Where the present record is.
    pub fn present(&self) -> Option<&Reader> {
        self.readers.get(self.winner)
    }

    /// Full key of the record that [`Merge::next`] gave.
    #[inline]
    pub fn key(&self) -> &[u8] {
        &self.last
    }

    /// Its value.
    #[inline]
    pub fn value(&self) -> Option<&[u8]> {
        self.present().and_then(Reader::value)
    }

    /// Records left out because another one has the same key.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    fn is_again(&self) -> bool {
        let present = self.present().filter(|r| !r.is_done());
        present.is_some_and(|r| r.key() == self.last)
    }

    /// Lets the winner go on, and plays its path again.
    #[inline]
    fn pass(&mut self) -> Result<()> {
        let i = self.winner;
        let Some(reader) = self.readers.get_mut(i) else {
            return Ok(());
        };
        reader.advance()?;
        let head = reader.head(self.skip);
        if let Some(slot) = self.heads.get_mut(i) {
            *slot = head;
        }
        let mut node = (i + self.readers.len()) / 2;
        let mut best = i;
        while node > 0 {
            let other = self.losers.get(node).copied().unwrap_or(best);
            if self.beats(other, best) {
                if let Some(slot) = self.losers.get_mut(node) {
                    *slot = best;
                }
                best = other;
            }
            node /= 2;
        }
        self.winner = best;
        Ok(())
    }

    fn play_all(&mut self) {
        let count = self.readers.len();
        // Winners of all matches, from the leaves up.
        let mut winners = vec![0; count];
        winners.extend(0..count);
        for node in (1..count).rev() {
            let pick = |i: usize| winners.get(i).copied().unwrap_or(0);
            let (a, b) = (pick(2 * node), pick(2 * node + 1));
            let (best, loser) = if self.beats(a, b) { (a, b) } else { (b, a) };
            if let Some(slot) = winners.get_mut(node) {
                *slot = best;
            }
            if let Some(slot) = self.losers.get_mut(node) {
                *slot = loser;
            }
        }
        self.winner = winners.get(1).copied().unwrap_or(0);
    }

    /// Does the record of run `a` come before that of run `b`?
    #[inline]
    fn beats(&self, a: usize, b: usize) -> bool {
        let head = |i: usize| self.heads.get(i).copied().unwrap_or(u64::MAX);
        match head(a).cmp(&head(b)) {
            std::cmp::Ordering::Equal => self.beats_slowly(a, b),
            order => order.is_lt(),
        }
    }

    fn beats_slowly(&self, a: usize, b: usize) -> bool {
        let (Some(x), Some(y)) = (self.readers.get(a), self.readers.get(b)) else {
            return false; // there is none at all
        };
        // Of equal keys the one that stays comes first.
        let age = if self.duplicates == Duplicates::Last {
            b.cmp(&a)
        } else {
            a.cmp(&b)
        };
        let keys = || x.key().cmp(y.key());
        x.is_done()
            .cmp(&y.is_done())
            .then_with(keys)
            .then(age)
            .is_lt()
    }
}
