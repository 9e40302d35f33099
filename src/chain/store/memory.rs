//! A store in memory, for tests and for trying things.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Created, MAX_LIST, Store, StoreError, StoreErrorKind, check_name};

type Objects = BTreeMap<String, Arc<[u8]>>;

/// Objects in memory; clones are the same store.
#[derive(Debug, Clone, Default)]
pub struct MemoryStore {
    objects: Arc<Mutex<Objects>>,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> MemoryStore {
        MemoryStore::default()
    }

    fn objects(&self) -> MutexGuard<'_, Objects> {
        // No call leaves the map half changed.
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for MemoryStore {
    fn create(&self, name: &str, bytes: &[u8]) -> Result<Created, StoreError> {
        check_name("create", name)?;
        let mut objects = self.objects();
        if objects.contains_key(name) {
            return Ok(Created::Exists);
        }
        objects.insert(name.to_owned(), bytes.into());
        Ok(Created::Created)
    }

    fn get(&self, name: &str, limit: u64) -> Result<Option<Vec<u8>>, StoreError> {
        check_name("read", name)?;
        let found = self.objects().get(name).cloned();
        match found {
            Some(bytes) if bytes.len() as u64 > limit => {
                let detail = format!("{} bytes, at most {limit}", bytes.len());
                Err(StoreError::new(
                    StoreErrorKind::TooLarge,
                    "read",
                    name,
                    detail,
                ))
            }
            found => Ok(found.map(|bytes| bytes.to_vec())),
        }
    }

    fn get_range(&self, name: &str, offset: u64, len: u64) -> Result<Option<Vec<u8>>, StoreError> {
        check_name("read", name)?;
        let found = self.objects().get(name).cloned();
        Ok(found.map(|bytes| {
            let from = usize::try_from(offset).map_or(bytes.len(), |o| o.min(bytes.len()));
            let rest = bytes.get(from..).unwrap_or_default();
            let len = usize::try_from(len).map_or(rest.len(), |l| l.min(rest.len()));
            rest.get(..len).unwrap_or_default().to_vec()
        }))
    }

    fn head(&self, name: &str) -> Result<Option<u64>, StoreError> {
        check_name("look at", name)?;
        Ok(self.objects().get(name).map(|bytes| bytes.len() as u64))
    }

    fn list_after(
        &self,
        prefix: &str,
        after: &str,
        limit: usize,
    ) -> Result<Vec<String>, StoreError> {
        let from = if after < prefix { prefix } else { after };
        let objects = self.objects();
        let names = objects
            .range(from.to_owned()..)
            .map(|(name, _)| name)
            .take_while(|name| name.starts_with(prefix))
            .filter(|name| name.as_str() > after);
        Ok(names.take(limit.min(MAX_LIST)).cloned().collect())
    }

    fn put(&self, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        check_name("write", name)?;
        self.objects().insert(name.to_owned(), bytes.into());
        Ok(())
    }

    fn delete(&self, name: &str) -> Result<(), StoreError> {
        check_name("remove", name)?;
        self.objects().remove(name);
        Ok(())
    }

    fn address(&self) -> String {
        "mem:".to_owned()
    }
}
