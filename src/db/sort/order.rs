//! Puts the records of one block in order.
//!
//! Keys are compared by eight bytes at a time that lie in an array; the records are touched once
//! for each eight bytes that several keys have in common, and once more to be copied.

use super::Duplicates;
use super::record::{self, Record, common, head};

/// Groups of keys with the same eight bytes up to this size are compared directly.
const SMALL: usize = 24;
/// So are those whose first bytes are the same beyond all measure.
const DEEP: usize = 64;

/// Eight bytes of the key above the record's place in the block.
type Place = u128;

fn place(head: u64, at: usize) -> Place {
    u128::from(head) << 64 | at as u128
}

fn offset(place: Place) -> usize {
    place as u64 as usize
}

fn head_of(place: Place) -> u64 {
    (place >> 64) as u64
}

/// The records of `bytes` by rising key; equal keys in their old order, or without those that
/// `duplicates` drops. Gives the records and how many were dropped.
pub(super) fn sorted(bytes: &[u8], count: usize, duplicates: Duplicates) -> (Vec<u8>, u64) {
    let block = Block {
        bytes,
        ordinals: duplicates == Duplicates::Refuse,
    };
    let skip = block.common();
    let mut places = Vec::with_capacity(count);
    block.each(|at, key| places.push(place(head(key, skip), at)));
    places.sort_unstable();
    block.refine(&mut places, skip, 0);
    block.gather(&places, duplicates)
}

struct Block<'b> {
    bytes: &'b [u8],
    ordinals: bool,
}

impl Block<'_> {
    fn record(&self, at: usize) -> Record {
        record::at(self.bytes, at, self.ordinals).unwrap_or_default()
    }

    fn key(&self, at: usize) -> &[u8] {
        self.bytes.get(self.record(at).key).unwrap_or(&[])
    }

    fn each(&self, mut visit: impl FnMut(usize, &[u8])) {
        let mut at = 0;
        while let Some(found) = record::at(self.bytes, at, self.ordinals) {
            visit(at, self.bytes.get(found.key).unwrap_or(&[]));
            at = found.value.end;
        }
    }

    /// Bytes that all keys begin with.
    fn common(&self) -> usize {
        let first = self.key(0);
        let mut shared = first.len();
        self.each(|_, key| {
            let begins = first.get(..shared).is_some_and(|f| key.starts_with(f));
            if !begins {
                shared = common(first, key);
            }
        });
        shared
    }

    /// Orders the groups of places whose eight bytes, from `skip` on, are the same.
    fn refine(&self, places: &mut [Place], skip: usize, depth: usize) {
        let mut rest = places;
        while let Some(&first) = rest.first() {
            let same = |p: &&Place| head_of(**p) == head_of(first);
            let len = rest.iter().take_while(same).count();
            let (group, after) = rest.split_at_mut(len);
            rest = after;
            if len > 1 {
                self.order_group(group, skip, depth);
            }
        }
    }

    fn order_group(&self, group: &mut [Place], skip: usize, depth: usize) {
        if group.len() <= SMALL || depth > DEEP {
            let tail = |p: Place| self.key(offset(p)).get(skip..).unwrap_or(&[]);
            group.sort_unstable_by(|a, b| tail(*a).cmp(tail(*b)).then(offset(*a).cmp(&offset(*b))));
            return;
        }
        // Zeros stood for what lies behind the end of a key: those that end here are the
        // beginning of the others, so they come first, and the shorter ones of them before.
        let next = skip + 8;
        let (mut ended, mut longer) = (Vec::new(), Vec::new());
        for &old in group.iter() {
            let at = offset(old);
            let key = self.key(at);
            if key.len() < next {
                ended.push(place(key.len() as u64, at));
            } else {
                longer.push(place(head(key, next), at));
            }
        }
        ended.sort_unstable();
        longer.sort_unstable();
        self.refine(&mut longer, next, depth + 1);
        let new = ended.into_iter().chain(longer);
        group.iter_mut().zip(new).for_each(|(slot, p)| *slot = p);
    }

    /// Copies the records in order. Of equal keys one stays, unless they are refused later.
    fn gather(&self, places: &[Place], duplicates: Duplicates) -> (Vec<u8>, u64) {
        let mut out: Vec<u8> = Vec::with_capacity(self.bytes.len());
        let (mut last, mut last_start, mut dropped) = (0..0, 0, 0);
        for &place in places {
            let start = offset(place);
            let found = self.record(start);
            let key = self.bytes.get(found.key.clone()).unwrap_or(&[]);
            if duplicates.drops() && out.get(last.clone()) == Some(key) {
                dropped += 1;
                if duplicates == Duplicates::First {
                    continue;
                }
                out.truncate(last_start);
            }
            last_start = out.len();
            last = last_start + found.key.start - start..last_start + found.key.end - start;
            out.extend_from_slice(self.bytes.get(start..found.value.end).unwrap_or(&[]));
        }
        (out, dropped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(keys: &[(u32, Vec<u8>)]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (keyspace, key) in keys {
            record::push(&mut bytes, None, *keyspace, key, Some(b"v"));
        }
        bytes
    }

    fn keys_of(bytes: &[u8]) -> Vec<Vec<u8>> {
        let (mut at, mut keys) = (0, Vec::new());
        while let Some(found) = record::at(bytes, at, false) {
            keys.push(bytes[found.key].to_vec());
            at = found.value.end;
        }
        keys
    }

    fn check(keys: &[(u32, Vec<u8>)]) {
        let full = |(keyspace, key): &(u32, Vec<u8>)| [&keyspace.to_be_bytes(), &key[..]].concat();
        let mut expected: Vec<Vec<u8>> = keys.iter().map(full).collect();
        expected.sort();
        let (out, dropped) = sorted(&block(keys), keys.len(), Duplicates::All);
        assert!(keys_of(&out) == expected, "{} keys", keys.len());
        assert_eq!(dropped, 0);
        expected.dedup();
        let (out, dropped) = sorted(&block(keys), keys.len(), Duplicates::Last);
        assert!(keys_of(&out) == expected, "{} keys", keys.len());
        assert_eq!(dropped as usize, keys.len() - expected.len());
    }

    #[test]
    fn what_all_keys_begin_with_is_known() {
        let common = |keys: &[&[u8]]| {
            let keys: Vec<_> = keys.iter().map(|key| (1, key.to_vec())).collect();
            let bytes = block(&keys);
            let block = Block {
                bytes: &bytes,
                ordinals: false,
            };
            block.common()
        };
        // The keyspace comes first.
        assert_eq!(common(&[]), 0);
        assert_eq!(common(&[b"apple"]), 4 + 5);
        assert_eq!(common(&[b"abcde", b"abcxy", b"abcd"]), 4 + 3);
        assert_eq!(common(&[b"abcde", b"ab", b"abcd"]), 4 + 2);
        assert_eq!(common(&[b"abcde", b"x"]), 4);
    }

    #[test]
    fn keyspaces_with_high_numbers_come_last() {
        let ids = [9, 1 << 24, 5, (1 << 24) + 1, 1 << 31, 255, 256];
        check(&ids.map(|id| (id, b"key".to_vec())));
    }

    /// Nothing but zeros: the bytes compared first do not tell them apart, only the length does.
    #[test]
    fn keys_that_end_in_zeros_are_ordered_by_their_lengths() {
        let lengths = (0..120).map(|i| (1, vec![0; 1 + i * 37 % 61]));
        let mut keys: Vec<(u32, Vec<u8>)> = lengths.collect();
        check(&keys);
        keys.extend((0..60u32).map(|i| (1, vec![0, 0, 0, 0, (i * 7 % 60) as u8])));
        check(&keys);
    }

    /// Groups of such keys were gone into eight bytes at a time, which took more than a thread's stack.
    #[test]
    fn long_keys_that_differ_in_their_last_byte_need_no_deep_stack() {
        let mut keys: Vec<(u32, Vec<u8>)> = vec![(1, b"another beginning".to_vec())];
        keys.extend((0..2 * SMALL as u8).map(|i| {
            let mut key = vec![b'k'; 60_000];
            key.push(i * 5 % 48);
            (1, key)
        }));
        let thread = std::thread::Builder::new().stack_size(512 << 10);
        let done = thread.spawn(move || check(&keys)).unwrap();
        done.join().unwrap();
    }
}
