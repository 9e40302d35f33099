//! Where two databases differ: range digests of the one, held against the other.

use std::path::Path;

use creel::digest::bits_for;

use super::ranges::{Listed, Ranges};
use super::side::{Side, Which};
use super::visit::{Cut, Whole};
use crate::cli::{Context, Failure, range};
use crate::commands::content::Selection;

/// About so many ranges.
const RANGES: u64 = 256;

/// The first range that differs.
pub(crate) struct Difference {
    pub keyspace: String,
    /// Its first key; empty at the start of the keyspace.
    pub from: Vec<u8>,
    /// The first key behind it; empty at the end of the keyspace.
    pub to: Vec<u8>,
    /// Entries in it, in the one database and in the other.
    pub entries: (u64, u64),
    /// Ranges that differ.
    pub ranges: u64,
}

/// Compares the contents of two databases; [`None`] where they are the same.
pub(crate) fn first_difference(
    ctx: &mut Context,
    one: &Path,
    other: &Path,
) -> Result<Option<Difference>, Failure> {
    let which = Which {
        selection: Selection {
            keyspace: None,
            range: range::all(),
        },
        format: None,
    };
    let mut side = Side::open(ctx, one.as_os_str(), &which)?;
    let entries = match &side {
        Side::Database(selection) => selection.entries(),
        Side::Export(..) => 0,
    };
    let (mut whole, mut list) = (Whole::default(), Vec::new());
    let mut cut = Cut::new(&mut whole, bits_for(entries, RANGES), |range| {
        list.push(Listed::of(range));
        Ok(())
    });
    let meter = side.meter(ctx);
    side.walk(&meter, &mut cut)?;
    cut.finish()?;
    drop(meter);
    let mut seen = Whole::default();
    let mut ranges = Ranges::new(&mut seen, list);
    let mut side = Side::open(ctx, other.as_os_str(), &which)?;
    let meter = side.meter(ctx);
    side.walk(&meter, &mut ranges)?;
    let found = ranges.first_difference();
    Ok(found.filter(|_| whole.finish() != seen.finish()))
}
