//! Which pages go ahead, of trees that are put together here.

#![allow(clippy::unwrap_used)] // a test may panic

use std::collections::BTreeMap;

use super::{page, *};
use crate::error::Error;
use crate::format::branch::{BranchBuilder, ChildRef};
use crate::format::overflow::OverflowRef;

const SIZE: usize = 4096;

#[derive(Default)]
struct Pages(BTreeMap<u32, Vec<u8>>);

impl PageRead for Pages {
    fn page_size(&self) -> usize {
        SIZE
    }
    fn page(&self, child: PageRef) -> Result<&[u8]> {
        let bytes = self.0.get(&child.page).map(Vec::as_slice);
        bytes.ok_or_else(|| Error::Invalid {
            reason: format!("page {}", child.page),
        })
    }
    fn value(&self, _: &OverflowRef) -> Result<&[u8]> {
        Err(Error::Poisoned)
    }
}

impl Pages {
    fn leaves(&mut self, ids: &[u32]) {
        self.0.extend(ids.iter().map(|id| (*id, vec![0; SIZE])));
    }

    /// A branch over pages, each but the first with its separator.
    fn branch(&mut self, id: u32, level: u8, children: &[(&[u8], u32)]) {
        let mut builder = BranchBuilder::new(SIZE);
        for (separator, child) in children {
            let child = ChildRef {
                page: *child,
                crc: 0,
                entries: 1,
            };
            assert!(builder.push(separator, child));
        }
        let mut bytes = Vec::new();
        builder.write(&mut bytes, id, 1, level);
        self.0.insert(id, bytes);
    }

    /// The pages that are given from this one on, until so many were.
    fn given(&self, root: u32, level: u8, most: usize) -> (Vec<u64>, bool) {
        let mut given = Vec::new();
        let at = PageRef { page: root, crc: 0 };
        let mut give = |at: u64, bytes: &[u8]| {
            assert_eq!(bytes.len(), SIZE);
            given.push(at / SIZE as u64);
            given.len() < most
        };
        let goes_on = page(self, at, level, true, &mut give).unwrap();
        (given, goes_on)
    }
}

/// Four leaves of keyspace 0, and as many of others, below two branches.
fn tree() -> Pages {
    let mut pages = Pages::default();
    pages.leaves(&[10, 11, 12, 13, 14, 15, 16, 17]);
    let zero = |byte: u8| vec![0, 0, 0, 0, byte];
    let main = MAIN.to_be_bytes();
    let behind = [0, 0, 0, 1, 7];
    pages.branch(
        20,
        1,
        &[
            (b"", 10),
            (&zero(3), 11),
            (&zero(5), 12),
            (&zero(9), 13),
            (&main, 14),
        ],
    );
    pages.branch(
        21,
        1,
        &[(&behind, 15), (&[0, 0, 0, 2], 16), (&[0, 0, 0, 3], 17)],
    );
    pages.branch(30, 2, &[(b"", 20), (&behind, 21)]);
    pages
}

#[test]
fn branches_and_the_leaves_of_keyspace_0_go_ahead_and_no_others() {
    let pages = tree();
    let all = [30, 20, 10, 11, 12, 13, 21];
    assert_eq!(pages.given(30, 2, usize::MAX), (all.to_vec(), true));
    for most in 1..=all.len() {
        let (given, goes_on) = pages.given(30, 2, most);
        assert_eq!((given.as_slice(), goes_on), (&all[..most], false), "{most}");
    }
    // A tree of one leaf.
    assert_eq!(pages.given(10, 0, usize::MAX), (vec![10], true));
}

#[test]
fn a_page_of_another_level_is_given_and_not_followed() {
    let mut pages = tree();
    // It says that it stands as high as its parent, and leads back to it.
    pages.branch(20, 2, &[(b"", 30), (&MAIN.to_be_bytes(), 30)]);
    assert_eq!(pages.given(30, 2, 100), (vec![30, 20, 21], true));
    pages.leaves(&[20]);
    assert_eq!(pages.given(30, 2, 100), (vec![30, 20, 21], true));
}
