//! An object store whose answers may be damaged.

use std::sync::{Arc, Mutex, PoisonError};

use crate::chain::store::{Created, Store, StoreError, StoreErrorKind};

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
}

/// Names of what holds log entries.
const LOG: &str = "log/";

impl SeamStore {
    /// In front of this one.
    pub fn new(inner: Arc<dyn Store>) -> SeamStore {
        SeamStore {
            inner,
            armed: Mutex::new(None),
        }
    }

    /// The next answer about the log is damaged.
    pub fn arm(&self, damage: Damage) {
        *self.lock() = Some(damage);
    }

    /// Takes the damage away; true where it has struck.
    pub fn disarm(&self) -> bool {
        self.lock().take().is_none()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Damage>> {
        self.armed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(
        &self,
        name: &str,
        found: Result<Option<Vec<u8>>, StoreError>,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let Ok(Some(mut bytes)) = found else {
            return found;
        };
        if !name.starts_with(LOG) || bytes.is_empty() {
            return Ok(Some(bytes));
        }
        match self.lock().take() {
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

impl Store for SeamStore {
    fn create(&self, name: &str, bytes: &[u8]) -> Result<Created, StoreError> {
        self.inner.create(name, bytes)
    }

    fn get(&self, name: &str, limit: u64) -> Result<Option<Vec<u8>>, StoreError> {
        self.answer(name, self.inner.get(name, limit))
    }

    fn get_range(&self, name: &str, offset: u64, len: u64) -> Result<Option<Vec<u8>>, StoreError> {
        self.answer(name, self.inner.get_range(name, offset, len))
    }

    fn head(&self, name: &str) -> Result<Option<u64>, StoreError> {
        self.inner.head(name)
    }

    fn list_after(
        &self,
        prefix: &str,
        after: &str,
        limit: usize,
    ) -> Result<Vec<String>, StoreError> {
        self.inner.list_after(prefix, after, limit)
    }

    fn put(&self, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        self.inner.put(name, bytes)
    }

    fn delete(&self, name: &str) -> Result<(), StoreError> {
        self.inner.delete(name)
    }

    fn address(&self) -> String {
        self.inner.address()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may panic
mod tests {
    use super::*;
    use crate::chain::store::MemoryStore;

    #[test]
    fn one_answer_about_the_log_is_damaged_and_no_other() {
        let store = SeamStore::new(Arc::new(MemoryStore::default()));
        store.put("log/1", b"entries").unwrap();
        store.put("cat/1", b"index").unwrap();
        let get = |name| store.get(name, 100);
        assert_eq!(get("log/1").unwrap().unwrap(), b"entries");
        store.arm(Damage::Flip(0));
        assert_eq!(get("cat/1").unwrap().unwrap(), b"index");
        assert_eq!(get("log/1").unwrap().unwrap(), b"dntries");
        assert!(store.disarm());
        store.arm(Damage::Cut(0));
        assert!(store.get_range("log/1", 0, 3).unwrap_err().is_retryable());
        assert!(store.disarm());
        store.arm(Damage::Cut(0));
        assert!(!store.disarm());
        assert_eq!(get("log/1").unwrap().unwrap(), b"entries");
    }
}
