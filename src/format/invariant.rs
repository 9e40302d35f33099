//! The invariants of a creel file, by id. The same ids stand in `docs/invariants.md`, in error
//! messages, in the output of `verify` and in test names.

use std::fmt;
use std::str::FromStr;

/// How thoroughly `verify` has to look before it can judge an invariant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Depth {
    /// Headers, log and free list.
    Quick,
    /// Every page.
    Full,
    /// Every value, content sums and a replay of the log.
    Deep,
}

macro_rules! invariants {
    ($($id:ident $depth:ident $text:literal;)*) => {
        /// Id of an invariant.
        #[allow(missing_docs)] // each id's meaning is its `text()`
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Invariant { $($id),* }

        impl Invariant {
            /// All ids, in the order of the documentation.
            pub const ALL: &'static [Invariant] = &[$(Invariant::$id),*];

            /// The id as it is printed.
            pub fn name(self) -> &'static str {
                match self { $(Invariant::$id => stringify!($id)),* }
            }

            /// What must hold.
            pub fn text(self) -> &'static str {
                match self { $(Invariant::$id => $text),* }
            }

            /// The level of `verify` that checks it.
            pub fn depth(self) -> Depth {
                match self { $(Invariant::$id => Depth::$depth),* }
            }
        }
    };
}

invariants! {
    H1 Quick "at least one header slot has the right magic, length and checksum";
    H2 Quick "a header's slot byte is its physical slot and the parity of its generation";
    H3 Quick "identity fields are equal in both headers";
    H4 Quick "generations of the two headers differ by one, or one slot is blank and the other is generation 1";
    H5 Quick "the newer header names the checksum of the older one";
    H6 Quick "checkpoint index, epoch, epoch start and archive start never decrease from the older to the newer header, but the first of them where a replica was taken back (both log regions begin behind it)";
    H7 Quick "the file is at least as long as the header's page count says";
    H8 Quick "no unknown incompatible feature bit is set and all reserved bytes are zero";
    H9 Quick "root page, root height and an empty tree agree; the height is at most 16";
    H10 Quick "role, fence and epoch fields agree with each other";
    P1 Full "a page's checksum matches its bytes";
    P2 Full "a page stands where its own page id says";
    P3 Full "a page's checksum is the one that its parent (or the header) names";
    P4 Full "a page is not newer than its parent or the header";
    P5 Full "a page's kind and level are what its place in the tree calls for";
    P6 Full "every page id lies inside the file";
    P7 Full "slots are inside the cell area and rising, cells decode exactly to their end, gaps are zero";
    T1 Full "keys rise strictly inside a page";
    T2 Full "keys of a child lie between its separators";
    T3 Full "a page's prefix is a prefix of every key in it";
    T4 Full "all leaves have the same depth";
    T5 Full "no leaf is empty and every branch has at least two children";
    T6 Full "entry counts of branches and header equal the entries below";
    T7 Full "keys and values are inside their limits";
    T8 Full "cell flags are known";
    T9 Full "an overflow extent has the right kind and length and is owned once";
    T10 Deep "a large value's checksum matches its bytes";
    T11 Deep "content sum and logical bytes equal what is stored";
    T12 Full "every entry belongs to a keyspace in the catalogue, keyspace ids are unique, and import positions and the epoch table are as they should be";
    T13 Full "a leaf's earliest expiry is that of its entries";
    S1 Full "every page of the file has exactly one owner";
    S2 Quick "available extents are sorted, joined and apart from each other";
    S3 Quick "pending extents are sorted and not newer than the header";
    S4 Quick "the free list adds up to the header's counts";
    S5 Quick "free-list pages are whole and their chain has no cycle";
    S6 Full "no page that the older header's tree needs is available or rewritten";
    S7 Full "no page of an older tree that is kept to go back to is available or rewritten";
    W1 Quick "log regions lie inside the file and apart from each other";
    W2 Quick "region headers are whole and belong to this file and place";
    W3 Quick "log entries are consecutive and linked, across the region boundary too";
    W4 Full "log entries are whole and decode exactly";
    W5 Quick "the log reaches from the checkpoint to its end without a gap";
    W6 Quick "no later frame promises the durability of a bad one";
    W7 Quick "epochs never decrease and change only at an epoch start";
    W8 Quick "a frame promises nothing beyond itself or the header's generation";
    W9 Full "the history hash recomputed along the log matches";
    W10 Deep "replaying the log on the tree succeeds";
    W11 Quick "the previous header and the log could replace the newest header without loss (information)";
    R1 Full "archived log extents are contiguous with each other and with the log";
    R2 Full "archived log entries are whole and linked";
    R3 Quick "no log entry has a newer epoch than the header";
    R4 Quick "two copies of one lineage agree where both have the history, and made the same contents of it where both checkpointed at a marker";
}

impl fmt::Display for Invariant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Invariant {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Invariant::ALL
            .iter()
            .copied()
            .find(|i| i.name().eq_ignore_ascii_case(text))
            .ok_or(())
    }
}
