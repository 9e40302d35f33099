//! Values by reference: the operation that wrote a value says all about it.

use std::num::NonZeroU64;
use std::sync::Arc;

use super::pool::Pool;
use crate::soak::config::Class;
use crate::soak::random::{Draw, Purpose};

/// Which value a key has: class, and counter of the operation that set it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reference(NonZeroU64);

impl Reference {
    /// The value that this operation sets.
    pub fn new(counter: u64, class: Class) -> Reference {
        let number = (counter + 1) << 2 | class as u64;
        Reference(NonZeroU64::new(number).unwrap_or(NonZeroU64::MIN))
    }

    /// The operation.
    pub fn counter(self) -> u64 {
        (self.0.get() >> 2).saturating_sub(1)
    }

    /// As a number that is not 0.
    pub fn number(self) -> u64 {
        self.0.get()
    }

    /// From such a number; nothing from 0.
    pub fn from_number(number: u64) -> Option<Reference> {
        NonZeroU64::new(number).map(Reference)
    }

    fn class(self) -> Class {
        match self.0.get() & 3 {
            0 => Class::Small,
            1 => Class::Medium,
            _ => Class::Large,
        }
    }
}

/// Bytes of values that are made, by class: the shortest and the longest.
const LENGTHS: [(u64, u64); 3] = [(16, 128), (256, 1024), (4096, 16_384)];

/// The values of a run.
#[derive(Debug, Clone)]
pub enum Values {
    /// Made from their references.
    Made(u64),
    /// The user's, in any order.
    Given(u64, Arc<Pool>),
}

impl Values {
    fn draw(seed: u64, reference: Reference) -> Draw {
        Draw::at(seed, Purpose::Value, reference.number())
    }

    /// Length of a value.
    pub fn length(&self, reference: Reference) -> u64 {
        match self {
            Values::Made(seed) => Self::made_length(&mut Self::draw(*seed, reference), reference),
            Values::Given(seed, pool) => {
                let mut draw = Self::draw(*seed, reference);
                pool.value(reference.class(), draw.number()).len() as u64
            }
        }
    }

    fn made_length(draw: &mut Draw, reference: Reference) -> u64 {
        let class = reference.class() as usize;
        let (low, high) = LENGTHS.get(class).copied().unwrap_or((16, 128));
        draw.between(low, high)
    }

    /// Adds a value.
    pub fn append(&self, reference: Reference, out: &mut Vec<u8>) {
        match self {
            Values::Made(seed) => {
                let mut draw = Self::draw(*seed, reference);
                let len = Self::made_length(&mut draw, reference) as usize;
                // A value says where it comes from, which helps when it is found somewhere else.
                out.extend_from_slice(&reference.counter().to_le_bytes());
                draw.fill(out, len.saturating_sub(8));
            }
            Values::Given(seed, pool) => {
                let mut draw = Self::draw(*seed, reference);
                out.extend_from_slice(pool.value(reference.class(), draw.number()));
            }
        }
    }

    /// Puts a value in place of what `out` holds.
    pub fn write(&self, reference: Reference, out: &mut Vec<u8>) {
        out.clear();
        self.append(reference, out);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may panic
mod tests {
    use super::*;

    #[test]
    fn values_follow_from_their_references() {
        let values = Values::Made(3);
        for (counter, class) in [
            (0, Class::Small),
            (1, Class::Medium),
            (77, Class::Large),
            (1 << 40, Class::Small),
        ] {
            let reference = Reference::new(counter, class);
            assert_eq!(reference.counter(), counter);
            assert_eq!(Reference::from_number(reference.number()), Some(reference));
            let (mut one, mut two) = (Vec::new(), vec![1]);
            values.write(reference, &mut one);
            values.write(reference, &mut two);
            assert_eq!(one, two);
            assert_eq!(one.len() as u64, values.length(reference));
            let (low, high) = *LENGTHS.get(class as usize).unwrap();
            assert!((low..=high).contains(&(one.len() as u64)));
            assert_eq!(one.get(..8).unwrap(), counter.to_le_bytes());
            Values::Made(4).write(reference, &mut two);
            assert_ne!(one, two);
        }
        assert_eq!(Reference::from_number(0), None);
    }
}
