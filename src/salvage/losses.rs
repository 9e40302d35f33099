//! Lost ranges as a report tells them: keyspace by keyspace.

use std::collections::BTreeSet;

use super::flow::Tally;
use super::lost::Range;
use super::report::LostRange;
use crate::format::key::{CATALOGUE, keyspace_start, split_key};

/// All ranges of a tally, cut where keyspaces meet.
pub(super) fn describe(tally: &Tally) -> Vec<LostRange> {
    let named = tally.names.ids();
    let known: BTreeSet<u32> = named.chain(tally.keyspaces.keys().copied()).collect();
    let mut all = Vec::new();
    for (damage, range) in (1..).zip(tally.lost.ranges()) {
        cut(damage, range, &known, tally, &mut all);
    }
    all
}

fn cut(damage: u64, range: &Range, known: &BTreeSet<u32>, tally: &Tally, out: &mut Vec<LostRange>) {
    let (first, from) = split_key(&range.from).unwrap_or((first_id(&range.from), &[]));
    let last = range
        .to
        .as_deref()
        .map(|to| split_key(to).unwrap_or((first_id(to), &[])));
    let mut ids: BTreeSet<u32> = match last {
        Some((last, _)) => known.range(first..=last.max(first)).copied().collect(),
        None => known.range(first..).copied().collect(),
    };
    ids.insert(first);
    let spans = last.is_none_or(|(last, _)| last > first);
    let unknown = spans && tally.lost.touches_keyspace(CATALOGUE);
    // A range that ends where a keyspace begins has nothing of it.
    if let Some((last, [])) = last
        && last > first
    {
        ids.remove(&last);
    }
    let ids = ids.into_iter().map(Some);
    for (i, id) in ids.chain(unknown.then_some(None)).enumerate() {
        let is_first = i == 0;
        out.push(LostRange {
            damage,
            keyspace: id,
            name: id.and_then(|id| tally.names.get(id)).map(str::to_owned),
            from: if id == Some(first) {
                from.to_vec()
            } else {
                Vec::new()
            },
            to: last
                .filter(|(last, _)| Some(*last) == id)
                .map(|(_, to)| to.to_vec()),
            entries: range.entries.filter(|_| is_first),
            recovered: if is_first { range.recovered } else { 0 },
            cause: range.cause.clone(),
            places: range.places,
        });
    }
}

/// The keyspace that a separator shorter than a keyspace id leads to.
fn first_id(short: &[u8]) -> u32 {
    let mut id = keyspace_start(CATALOGUE);
    for (slot, byte) in id.iter_mut().zip(short) {
        *slot = *byte;
    }
    id.first_chunk()
        .map_or(CATALOGUE, |id| u32::from_be_bytes(*id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Corruption;
    use crate::format::Invariant;
    use crate::format::key::catalogue_key;

    type Shown = (Option<u32>, Vec<u8>, Option<Vec<u8>>, Option<u64>);

    fn shown(from: &[u8], to: Option<&[u8]>) -> Vec<Shown> {
        let mut tally = Tally::default();
        tally
            .names
            .take(&catalogue_key(b"fruit"), &5u32.to_le_bytes());
        tally
            .names
            .take(&catalogue_key(b"other"), &8u32.to_le_bytes());
        tally.lost.push(Range {
            from: from.to_vec(),
            to: to.map(<[u8]>::to_vec),
            entries: Some(9),
            recovered: 0,
            cause: Corruption::new(Invariant::P1, "x"),
            places: 1,
        });
        let all = describe(&tally).into_iter();
        all.map(|r| (r.keyspace, r.from, r.to, r.entries)).collect()
    }

    #[test]
    fn a_range_inside_a_keyspace_stays_whole() {
        let found = shown(&[0, 0, 0, 5, b'a'], Some(&[0, 0, 0, 5, b'c']));
        assert_eq!(
            found,
            [(Some(5), b"a".to_vec(), Some(b"c".to_vec()), Some(9))]
        );
    }

    #[test]
    fn a_range_across_keyspaces_is_cut() {
        let found = shown(&[0, 0, 0, 1, b'a'], Some(&[0, 0, 0, 8, b'c']));
        let expected = [
            (Some(1), b"a".to_vec(), None, Some(9)),
            (Some(5), vec![], None, None),
            (Some(8), vec![], Some(b"c".to_vec()), None),
        ];
        assert_eq!(found, expected);
        // Separators may be shorter than a keyspace id.
        let found = shown(&[0, 0, 0, 1, b'a'], Some(&[0, 0, 0, 5]));
        assert_eq!(found, [(Some(1), b"a".to_vec(), None, Some(9))]);
    }

    #[test]
    fn everything_is_the_catalogue_and_all_keyspaces() {
        let found = shown(&[], None);
        let ids: Vec<Option<u32>> = found.iter().map(|f| f.0).collect();
        // And whatever the catalogue does not tell of.
        assert_eq!(ids, [Some(0), Some(1), Some(5), Some(8), None]);
        assert!(found.iter().all(|f| f.1.is_empty() && f.2.is_none()));
    }
}
