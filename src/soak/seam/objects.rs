//! An object store whose answers may be damaged.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::forge;
use crate::chain::store::{Created, Store, StoreError, StoreErrorKind, StoreOver};

/// What happens to the next answer about the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Damage {
    /// A bit of it flips; the number says which.
    Flip(u64),
    /// It does not come; for a stream, behind a part that the number says.
    Cut(u64),
}

/// A store behind a seam.
#[derive(Debug)]
pub struct SeamStore {
    inner: Arc<dyn Store>,
    armed: Mutex<Option<Damage>>,
    /// Of the log nothing behind this object is to be seen: a defect.
    frozen: Mutex<Option<String>>,
    /// Values change on their way, and everything that vouches for them: a defect.
    forges: AtomicBool,
    /// All of the log but its newest object goes away by itself: a defect.
    expires: AtomicBool,
}

/// Names of what holds log entries.
const LOG: &str = "log/";
/// Names that a listing gives at once.
const LISTED: usize = 1000;

impl SeamStore {
    /// In front of this one.
    pub fn new(inner: Arc<dyn Store>) -> SeamStore {
        SeamStore {
            inner,
            armed: Mutex::new(None),
            frozen: Mutex::new(None),
            forges: AtomicBool::new(false),
            expires: AtomicBool::new(false),
        }
    }

    /// From now on the last entry of every segment that is read has another value, or not.
    pub fn forge(&self, forges: bool) {
        self.forges.store(forges, Ordering::Relaxed);
    }

    /// From now on what is written to the log takes away all that was there before.
    pub fn expire(&self) {
        self.expires.store(true, Ordering::Relaxed);
    }

    /// The log is what it is now, for whoever looks through this seam.
    pub fn freeze(&self) -> Result<(), StoreError> {
        let newest = self.log()?.pop().unwrap_or_default();
        *lock(&self.frozen) = Some(newest);
        Ok(())
    }

    /// The newest object of the log was confirmed, and is lost.
    pub fn lose_newest(&self) -> Result<(), StoreError> {
        let newest = self.log()?.pop();
        newest.map_or(Ok(()), |name| self.inner.delete(&name))
    }

    fn log(&self) -> Result<Vec<String>, StoreError> {
        let mut all = self.inner.list_after(LOG, "", LISTED)?;
        while all.len().is_multiple_of(LISTED)
            && let Some(last) = all.last().cloned()
        {
            let more = self.inner.list_after(LOG, &last, LISTED)?;
            if more.is_empty() {
                break;
            }
            all.extend(more);
        }
        Ok(all)
    }

    fn is_hidden(&self, name: &str) -> bool {
        let frozen = lock(&self.frozen);
        let newest = frozen.as_deref();
        name.starts_with(LOG) && newest.is_some_and(|newest| name > newest)
    }

    /// The next answer about the log is damaged.
    pub fn arm(&self, damage: Damage) {
        *lock(&self.armed) = Some(damage);
    }

    /// Takes the damage away; true where it has struck.
    pub fn disarm(&self) -> bool {
        lock(&self.armed).take().is_none()
    }

    fn answer(
        &self,
        name: &str,
        found: Result<Option<Vec<u8>>, StoreError>,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let Ok(Some(mut bytes)) = found else {
            return found;
        };
        if self.is_hidden(name) {
            return Ok(None);
        }
        if !name.starts_with(LOG) || bytes.is_empty() {
            return Ok(Some(bytes));
        }
        if self.forges.load(Ordering::Relaxed)
            && let Some(forged) = forge::segment(&bytes)
        {
            return Ok(Some(forged));
        }
        match lock(&self.armed).take() {
            None => {}
            Some(Damage::Flip(number)) => {
                let place = number / 8 % bytes.len() as u64;
                if let Some(byte) = bytes.get_mut(place as usize) {
                    *byte ^= 1 << (number % 8);
                }
            }
            Some(Damage::Cut(_)) => {
                let kind = StoreErrorKind::Unreachable;
                return Err(StoreError::new(kind, "get", name, "the connection broke"));
            }
        }
        Ok(Some(bytes))
    }
}

fn lock<T>(what: &Mutex<T>) -> MutexGuard<'_, T> {
    what.lock().unwrap_or_else(PoisonError::into_inner)
}

impl StoreOver for SeamStore {
    fn under(&self) -> &dyn Store {
        &*self.inner
    }

    fn create(&self, name: &str, bytes: &[u8]) -> Result<Created, StoreError> {
        if self.expires.load(Ordering::Relaxed) && name.starts_with(LOG) {
            for old in self.log()? {
                self.inner.delete(&old)?;
            }
        }
        self.inner.create(name, bytes)
    }

    fn get(&self, name: &str, limit: u64) -> Result<Option<Vec<u8>>, StoreError> {
        self.answer(name, self.inner.get(name, limit))
    }

    fn get_range(&self, name: &str, offset: u64, len: u64) -> Result<Option<Vec<u8>>, StoreError> {
        self.answer(name, self.inner.get_range(name, offset, len))
    }

    fn head(&self, name: &str) -> Result<Option<u64>, StoreError> {
        match self.is_hidden(name) {
            true => Ok(None),
            false => self.inner.head(name),
        }
    }

    fn list_after(
        &self,
        prefix: &str,
        after: &str,
        limit: usize,
    ) -> Result<Vec<String>, StoreError> {
        let mut names = self.inner.list_after(prefix, after, limit)?;
        names.retain(|name| !self.is_hidden(name));
        Ok(names)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may panic
mod tests {
    use super::*;
    use crate::chain::store::MemoryStore;

    #[test]
    fn one_answer_about_the_log_is_damaged_and_no_other() {
        let seam = SeamStore::new(Arc::new(MemoryStore::default()));
        let store: &dyn Store = &seam;
        store.put("log/1", b"entries").unwrap();
        store.put("cat/1", b"index").unwrap();
        let get = |name| store.get(name, 100);
        assert_eq!(get("log/1").unwrap().unwrap(), b"entries");
        seam.arm(Damage::Flip(0));
        assert_eq!(get("cat/1").unwrap().unwrap(), b"index");
        assert_eq!(get("log/1").unwrap().unwrap(), b"dntries");
        assert!(seam.disarm());
        seam.arm(Damage::Cut(0));
        assert!(store.get_range("log/1", 0, 3).unwrap_err().is_retryable());
        assert!(seam.disarm());
        seam.arm(Damage::Cut(0));
        assert!(!seam.disarm());
        assert_eq!(get("log/1").unwrap().unwrap(), b"entries");
    }

    #[test]
    fn a_frozen_log_ends_a_lost_object_is_gone_and_an_expiring_one_is_alone() {
        let seam = SeamStore::new(Arc::new(MemoryStore::default()));
        let store: &dyn Store = &seam;
        let listed = || store.list_after(LOG, "", 10).unwrap();
        store.create("log/1", b"one").unwrap();
        store.create("log/2", b"two").unwrap();
        seam.freeze().unwrap();
        store.create("log/3", b"three").unwrap();
        assert_eq!(listed(), ["log/1", "log/2"]);
        assert_eq!(store.head("log/3").unwrap(), None);
        assert_eq!(store.get("log/3", 10).unwrap(), None);
        assert_eq!(store.head("log/2").unwrap(), Some(3));
        seam.lose_newest().unwrap();
        assert_eq!(seam.inner.head("log/3").unwrap(), None);
        seam.expire();
        store.create("log/2a", b"newer").unwrap();
        assert_eq!(seam.inner.list_after(LOG, "", 10).unwrap(), ["log/2a"]);
    }
}
