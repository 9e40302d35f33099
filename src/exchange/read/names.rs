//! The names of keyspaces that an input uses, each kept once.

use std::collections::HashSet;
use std::sync::Arc;

use super::fault::{FaultCode, Flaw};

/// More names than this in one input are refused: they would have to be remembered.
const MAX: usize = 1 << 16;
/// Longest name of a keyspace.
const MAX_LEN: usize = 255;

/// The names so far.
#[derive(Debug)]
pub(super) struct Names {
    default: Arc<str>,
    last: Arc<str>,
    all: HashSet<Arc<str>>,
}

impl Names {
    /// Records that name no keyspace are in `default`.
    pub fn new(default: &Arc<str>) -> Names {
        Names {
            default: Arc::clone(default),
            last: Arc::clone(default),
            all: HashSet::new(),
        }
    }

    /// The keyspace of records that name none.
    #[inline]
    pub fn default(&self) -> &Arc<str> {
        &self.default
    }

    /// The keyspace with this name.
    #[inline]
    pub fn get(&mut self, name: &[u8]) -> Result<&Arc<str>, Flaw> {
        if self.last.as_bytes() != name {
            self.change(name)?;
        }
        Ok(&self.last)
    }

    fn change(&mut self, name: &[u8]) -> Result<(), Flaw> {
        if name.is_empty() || name.len() > MAX_LEN {
            return Err(Flaw::new(FaultCode::BadKeyspace, 0).field("ks"));
        }
        let Ok(text) = std::str::from_utf8(name) else {
            return Err(Flaw::new(FaultCode::BadUtf8, 0).field("ks"));
        };
        if let Some(known) = self.all.get(text) {
            self.last = Arc::clone(known);
            return Ok(());
        }
        if self.all.len() >= MAX {
            return Err(Flaw::new(FaultCode::TooManyKeyspaces, 0).field("ks"));
        }
        self.last = Arc::from(text);
        self.all.insert(Arc::clone(&self.last));
        Ok(())
    }
}
