//! Keys and values of the user's own records.

use std::io::Read;
use std::sync::Arc;

use crate::exchange::Format;
use crate::exchange::read::{Block, Op, ReadOptions, Reader, Stop};
use crate::soak::config::Class;

/// All records of an input, in memory.
#[derive(Debug, Default)]
pub struct Pool {
    arena: Vec<u8>,
    /// Distinct keys in their order.
    keys: Vec<(usize, usize)>,
    /// Values of each class.
    values: [Vec<(usize, usize)>; 3],
}

/// What is wrong with an input.
#[derive(Debug)]
pub enum PoolError {
    /// It cannot be read or understood.
    Read(Stop),
    /// A line has no record: its number, and why.
    Line(u64, String),
    /// More bytes than may be kept.
    TooLarge(u64),
    /// It holds no records.
    Empty,
}

/// The longest key that every page size can hold.
const KEY_MAX: usize = 960;
/// The longest value: a batch has several.
const VALUE_MAX: usize = 4 << 20;

impl Pool {
    /// Adds the records of one class: JSONL, bare or framed, perhaps compressed. `room` is the
    /// number of bytes that all inputs may take.
    pub fn add(
        &mut self,
        class: Class,
        input: impl Read + Send + 'static,
        room: u64,
    ) -> Result<(), PoolError> {
        let options = ReadOptions {
            format: Format::Jsonl,
            max_key: KEY_MAX,
            max_value: VALUE_MAX,
            ..ReadOptions::default()
        };
        let mut reader = Reader::open(input, options).map_err(PoolError::Read)?;
        let mut block = Block::default();
        let before = self.keys.len();
        loop {
            let more = reader.fill(&mut block).map_err(PoolError::Read)?;
            if let Some(reject) = block.rejects().first() {
                let fault = &reject.fault;
                return Err(PoolError::Line(fault.line, fault.to_string()));
            }
            for record in block.records() {
                if record.op != Op::Put {
                    let why = "a soak takes records only, no deletes";
                    return Err(PoolError::Line(record.line, why.into()));
                }
                let key = self.keep(record.key);
                self.keys.push(key);
                let value = self.keep(record.value);
                if let Some(values) = self.values.get_mut(class as usize) {
                    values.push(value);
                }
            }
            if self.arena.len() as u64 > room {
                return Err(PoolError::TooLarge(room));
            }
            if !more {
                break;
            }
        }
        match self.keys.len() > before {
            true => Ok(()),
            false => Err(PoolError::Empty),
        }
    }

    fn keep(&mut self, bytes: &[u8]) -> (usize, usize) {
        let at = self.arena.len();
        self.arena.extend_from_slice(bytes);
        (at, self.arena.len())
    }

    fn slice(&self, span: (usize, usize)) -> &[u8] {
        self.arena.get(span.0..span.1).unwrap_or(&[])
    }

    /// All is read: sorts the keys.
    pub fn finish(mut self) -> Arc<Pool> {
        let mut keys = std::mem::take(&mut self.keys);
        keys.sort_by(|a, b| self.slice(*a).cmp(self.slice(*b)));
        keys.dedup_by(|a, b| self.slice(*a) == self.slice(*b));
        self.keys = keys;
        Arc::new(self)
    }

    /// Number of distinct keys.
    pub fn keys(&self) -> u64 {
        self.keys.len() as u64
    }

    /// The key with a number.
    pub fn key(&self, number: u64) -> &[u8] {
        let span = usize::try_from(number).ok().and_then(|n| self.keys.get(n));
        span.map_or(&[], |span| self.slice(*span))
    }

    /// Which classes have values.
    pub fn has(&self, class: Class) -> bool {
        self.values
            .get(class as usize)
            .is_some_and(|values| !values.is_empty())
    }

    /// A value of a class, by any number.
    pub fn value(&self, class: Class, number: u64) -> &[u8] {
        let values = self
            .values
            .get(class as usize)
            .map_or(&[][..], Vec::as_slice);
        let at = match values.len() as u64 {
            0 => return &[],
            count => (number % count) as usize,
        };
        values.get(at).map_or(&[], |span| self.slice(*span))
    }
}
