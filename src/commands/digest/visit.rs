//! What is done with the records that a side hands over.

use creel::digest::{ContentDigest, Digest, Range, RangeDigests};

use crate::cli::{Failure, codes};
use crate::commands::export::Visit;

/// The digest of everything.
#[derive(Debug, Default)]
pub struct Whole {
    digest: ContentDigest,
    /// Bytes of keys and values.
    pub bytes: u64,
}

impl Whole {
    /// Records so far.
    pub fn entries(&self) -> u64 {
        self.digest.entries()
    }

    /// The digest.
    pub fn finish(self) -> Digest {
        self.digest.finish()
    }
}

impl Visit for Whole {
    fn keyspace(&mut self, name: &str) -> Result<(), Failure> {
        self.digest.keyspace(name);
        Ok(())
    }

    fn entry(&mut self, key: &[u8], value: &[u8]) -> Result<(), Failure> {
        self.digest.entry(key, value);
        self.bytes += (key.len() + value.len()) as u64;
        Ok(())
    }

    fn delete(&mut self, key: &[u8]) -> Result<(), Failure> {
        self.digest.delete(key);
        self.bytes += key.len() as u64;
        Ok(())
    }

    fn delete_range(&mut self, from: &[u8], to: Option<&[u8]>) -> Result<(), Failure> {
        self.digest.delete_range(from, to);
        Ok(())
    }
}

/// Digests of ranges beside that of everything.
pub struct Cut<'a, F> {
    whole: &'a mut Whole,
    ranges: RangeDigests,
    print: F,
}

impl<'a, F: FnMut(Range) -> Result<(), Failure>> Cut<'a, F> {
    /// Cuts by so many bits and hands over each range.
    pub fn new(whole: &'a mut Whole, bits: u32, print: F) -> Cut<'a, F> {
        Cut {
            whole,
            ranges: RangeDigests::new(bits),
            print,
        }
    }

    /// Hands over the last range.
    pub fn finish(mut self) -> Result<(), Failure> {
        let last = self.ranges.finish();
        self.ended(last)
    }

    fn ended(&mut self, range: Option<Range>) -> Result<(), Failure> {
        range.map_or(Ok(()), |range| (self.print)(range))
    }
}

impl<F: FnMut(Range) -> Result<(), Failure>> Visit for Cut<'_, F> {
    fn keyspace(&mut self, name: &str) -> Result<(), Failure> {
        self.whole.keyspace(name)?;
        let ended = self.ranges.keyspace(name);
        self.ended(ended)
    }

    fn entry(&mut self, key: &[u8], value: &[u8]) -> Result<(), Failure> {
        self.whole.entry(key, value)?;
        let ended = self.ranges.entry(key, value);
        self.ended(ended)
    }

    fn delete(&mut self, _key: &[u8]) -> Result<(), Failure> {
        Err(no_ranges())
    }

    fn delete_range(&mut self, _from: &[u8], _to: Option<&[u8]>) -> Result<(), Failure> {
        Err(no_ranges())
    }
}

/// Changes are of no range.
pub fn no_ranges() -> Failure {
    Failure::new(
        &codes::BAD_INPUT,
        "an export of changes has no range digests",
    )
    .state("nothing was changed")
    .hint("leave out ranges, or use an export of everything")
}

/// Number of records.
#[derive(Debug, Default)]
pub struct Count(pub u64);

impl Visit for Count {
    fn keyspace(&mut self, _name: &str) -> Result<(), Failure> {
        Ok(())
    }

    fn entry(&mut self, _key: &[u8], _value: &[u8]) -> Result<(), Failure> {
        self.0 += 1;
        Ok(())
    }

    fn delete(&mut self, _key: &[u8]) -> Result<(), Failure> {
        Err(no_ranges())
    }

    fn delete_range(&mut self, _from: &[u8], _to: Option<&[u8]>) -> Result<(), Failure> {
        Err(no_ranges())
    }
}
