//! The entries of a file's log, and what vouches for them: later entries, the mark at the end, the other region.

use std::ops::Range;

use creel::format::header::Header;
use creel::format::mark::{MARK_SIZE, Mark};
use creel::format::region::REGION_HEADER_SIZE;
use creel::sys::File;
use creel::wal::scan::Placed;
use creel::wal::{extents, tail};

/// An entry that counts, and where it stands in the file.
struct Entry {
    index: u64,
    place: Range<usize>,
}

/// Bytes that promise, as long as they stand, that others were durable. Without the header of its region, which has
/// the salt, nobody can tell whose an entry or a mark is.
struct Witness {
    region: Range<usize>,
    place: Range<usize>,
    vouches: Vec<Range<usize>>,
}

/// All of it.
pub struct Log {
    entries: Vec<Entry>,
    witnesses: Vec<Witness>,
}

impl Log {
    pub fn of(bytes: &[u8], file: &dyn File, header: &Header) -> Log {
        let mut placed: Vec<Placed> = Vec::new();
        let loaded = tail::load(file, header, &mut |frame, _| {
            placed.push(*frame);
            Ok(())
        });
        let (tail, _) = loaded.expect("the log");
        let other = extents(header)[(tail.active ^ 1) & 1];
        let newest = tail.extent.start as usize;
        let before =
            other.start as usize..other.start as usize + tail.region.prev_end_units as usize * 8;
        let header_at = |start: usize| start..start + REGION_HEADER_SIZE;
        let (mut entries, mut witnesses) = (Vec::new(), Vec::new());
        for frame in &placed {
            let index = frame.header.entry.index;
            let newer = index >= tail.region.first_index;
            let start = if newer { newest } else { other.start as usize };
            let at = start + frame.offset as usize;
            let place = at..at + frame.header.frame_len() as usize;
            let upto = frame.header.envelope.synced_units as usize * 8;
            let own = start..start + upto;
            let mut vouches = vec![own];
            if newer && upto > 0 {
                vouches.push(before.clone());
            }
            entries.push(Entry {
                index,
                place: place.clone(),
            });
            witnesses.push(Witness {
                region: header_at(start),
                place,
                vouches,
            });
        }
        let end = newest + tail.end as usize;
        if let Some(mark) = bytes
            .get(end..)
            .and_then(|b| Mark::decode(b, tail.region.salt))
        {
            let upto = newest + mark.own_units as usize * 8;
            witnesses.push(Witness {
                region: header_at(newest),
                place: end..end + MARK_SIZE,
                vouches: vec![newest..upto, before.clone()],
            });
        }
        // Nothing of the newer region is touched.
        witnesses.push(Witness {
            region: header_at(newest),
            place: newest..end,
            vouches: vec![before],
        });
        Log { entries, witnesses }
    }

    /// An entry after `index` that somebody vouches for whose bytes still stand in `now`.
    pub fn vouched_for(&self, index: u64, was: &[u8], now: &[u8]) -> Option<u64> {
        let same = |range: &Range<usize>| was.get(range.clone()) == now.get(range.clone());
        let stands = |w: &&Witness| same(&w.region) && same(&w.place);
        let standing: Vec<&Witness> = self.witnesses.iter().filter(stands).collect();
        let covers = |entry: &Entry, range: &Range<usize>| {
            range.start <= entry.place.start && entry.place.end <= range.end
        };
        let lost = self.entries.iter().filter(|entry| entry.index > index);
        let mut vouched = lost.filter(|entry| {
            let by = |w: &&Witness| w.vouches.iter().any(|range| covers(entry, range));
            standing.iter().any(by)
        });
        vouched.next().map(|entry| entry.index)
    }
}
