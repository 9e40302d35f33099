//! Where a chain lives: named objects that can be made, read, listed and removed.
//!
//! Safety rests on two properties only: of all who create a name at once exactly one succeeds, and
//! a listing shows every create that has ended. `probe` tests both before anything is published.

mod address;
#[cfg(feature = "cloud")]
mod cloud;
mod dir;
mod memory;
mod over;

use std::fmt;

use crate::sys::Odd;

pub use address::{Address, open};
pub use dir::DirStore;
pub use memory::MemoryStore;
pub use over::StoreOver;

/// Longest name of an object.
pub const MAX_NAME: usize = 160;
/// Most names that one listing gives.
pub const MAX_LIST: usize = 1000;
/// Largest object: one segment with one entry of the largest size, and what stands around it.
pub const MAX_OBJECT: u64 = 72 << 20;

/// What came of a create.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Created {
    /// The object is there now, with these bytes.
    Created,
    /// Something has this name. Whose it is, only reading it tells.
    Exists,
}

/// A store of objects. Every call is one request: nothing is repeated inside.
pub trait Store: Send + Sync + fmt::Debug {
    /// Makes an object if none has the name. After an error it may have been made all the same, or
    /// may be made later.
    fn create(&self, name: &str, bytes: &[u8]) -> Result<Created, StoreError>;
    /// The whole object, or [`None`] where there is none; an error where it is longer than `limit`.
    fn get(&self, name: &str, limit: u64) -> Result<Option<Vec<u8>>, StoreError>;
    /// Up to `len` bytes from `offset`; fewer at the end of the object.
    fn get_range(&self, name: &str, offset: u64, len: u64) -> Result<Option<Vec<u8>>, StoreError>;
    /// Length of the object.
    fn head(&self, name: &str) -> Result<Option<u64>, StoreError>;
    /// Names that begin with `prefix` and come behind `after` in byte order, rising; at most
    /// `limit` (and [`MAX_LIST`]) of them. Fewer mean that there are no more.
    fn list_after(
        &self,
        prefix: &str,
        after: &str,
        limit: usize,
    ) -> Result<Vec<String>, StoreError>;
    /// Writes an object whether or not the name is taken. Never for what must be written once.
    fn put(&self, name: &str, bytes: &[u8]) -> Result<(), StoreError>;
    /// Removes an object; one that is not there is no error.
    fn delete(&self, name: &str) -> Result<(), StoreError>;
    /// Where it is, for messages: without credentials.
    fn address(&self) -> String;
    /// Whether most of the time of a request is its way there and back.
    fn is_far(&self) -> bool {
        false
    }
}

/// Why a store did not do what it was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreErrorKind {
    /// No answer, or one that says to try later. A write may have happened.
    Unreachable,
    /// The credentials are missing, wrong or not sufficient.
    Unauthorised,
    /// This store, or this build, cannot do it.
    Unsupported,
    /// The bucket or directory itself is not there.
    NoStore,
    /// The object is larger than it may be.
    TooLarge,
    /// A name or address that is not allowed.
    Invalid,
    /// The operating system refused.
    Io,
    /// No object stands there, but a folder, a link or the like, that is no part of a store.
    Odd,
    /// A sync failed: what this process made there may or may not last.
    Poisoned,
}

/// A failed request.
#[derive(Debug)]
pub struct StoreError {
    /// What to do about it depends on this alone.
    pub kind: StoreErrorKind,
    /// What was being done: `"create"`, `"list"`.
    pub doing: &'static str,
    /// The object or address concerned.
    pub name: String,
    /// The cause in words.
    pub detail: String,
}

impl StoreError {
    /// A failed request.
    pub fn new(
        kind: StoreErrorKind,
        doing: &'static str,
        name: &str,
        detail: impl fmt::Display,
    ) -> StoreError {
        StoreError {
            kind,
            doing,
            name: name.to_owned(),
            detail: detail.to_string(),
        }
    }

    fn io(doing: &'static str, name: &str, error: &std::io::Error) -> StoreError {
        use std::io::ErrorKind;
        let kind = match error.kind() {
            _ if Odd::is_in(error) => StoreErrorKind::Odd,
            ErrorKind::PermissionDenied => StoreErrorKind::Unauthorised,
            ErrorKind::InvalidInput => StoreErrorKind::Invalid,
            _ => StoreErrorKind::Io,
        };
        StoreError::new(kind, doing, name, error)
    }

    /// True where the same request may succeed later.
    pub fn is_retryable(&self) -> bool {
        self.kind == StoreErrorKind::Unreachable
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let StoreError {
            doing,
            name,
            detail,
            ..
        } = self;
        match self.kind {
            StoreErrorKind::Unreachable => write!(f, "no answer to {doing} {name}: {detail}"),
            StoreErrorKind::Unauthorised => write!(f, "not allowed to {doing} {name}: {detail}"),
            StoreErrorKind::Unsupported => write!(f, "cannot {doing} {name}: {detail}"),
            StoreErrorKind::NoStore => write!(f, "no such store: {name}: {detail}"),
            StoreErrorKind::TooLarge => write!(f, "{name} is too large to {doing}: {detail}"),
            StoreErrorKind::Invalid => write!(f, "cannot {doing} {name:?}: {detail}"),
            StoreErrorKind::Io | StoreErrorKind::Odd | StoreErrorKind::Poisoned => {
                write!(f, "cannot {doing} {name}: {detail}")
            }
        }
    }
}

impl std::error::Error for StoreError {}

/// Names are made of up to three plain parts, so that none can lead out of a directory.
fn check_name(doing: &'static str, name: &str) -> Result<(), StoreError> {
    let plain = |part: &str| {
        !part.is_empty()
            && !part.starts_with('.')
            && part
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
    };
    let parts = name.split('/').count();
    if name.len() <= MAX_NAME && parts <= 3 && name.split('/').all(plain) {
        return Ok(());
    }
    Err(StoreError::new(
        StoreErrorKind::Invalid,
        doing,
        name,
        "not a name of an object",
    ))
}

/// Keeps the smallest `limit` of all names that are offered.
#[derive(Debug)]
struct Smallest {
    limit: usize,
    names: std::collections::BTreeSet<String>,
}

impl Smallest {
    fn new(limit: usize) -> Smallest {
        Smallest {
            limit: limit.min(MAX_LIST),
            names: std::collections::BTreeSet::new(),
        }
    }

    fn offer(&mut self, name: &str) {
        let full = self.names.len() >= self.limit;
        if full && self.names.last().is_none_or(|last| name >= last.as_str()) {
            return;
        }
        self.names.insert(name.to_owned());
        if self.names.len() > self.limit {
            self.names.pop_last();
        }
    }

    fn into_vec(self) -> Vec<String> {
        self.names.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_lead_elsewhere() {
        for good in [
            "creel.json",
            "log/00000000000000000001.seg",
            "snap/1-2-a/p0",
        ] {
            check_name("get", good).unwrap();
        }
        let long = "a".repeat(MAX_NAME + 1);
        for bad in [
            "", "/", "/a", "a/", "a//b", "..", "a/../b", ".x", "a/.x", "a\\b", "a b", "a\0b",
            "a/b/c/d", "\u{e9}", &long,
        ] {
            let error = check_name("get", bad).unwrap_err();
            assert_eq!(error.kind, StoreErrorKind::Invalid, "{bad:?}");
        }
    }

    #[test]
    fn the_smallest_names_are_kept() {
        let mut smallest = Smallest::new(3);
        for name in ["d", "a", "e", "c", "b", "a"] {
            smallest.offer(name);
        }
        assert_eq!(smallest.into_vec(), ["a", "b", "c"]);
    }
}
