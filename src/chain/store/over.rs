//! Stores on top of others: what is not written down goes to the one below.

use std::fmt::Debug;

use super::{Created, Store, StoreError};

/// A [`Store`] on top of another one.
pub trait StoreOver: Send + Sync + Debug {
    /// The one below.
    fn under(&self) -> &dyn Store;
    /// See [`Store::create`].
    fn create(&self, name: &str, bytes: &[u8]) -> Result<Created, StoreError> {
        self.under().create(name, bytes)
    }
    /// See [`Store::get`].
    fn get(&self, name: &str, limit: u64) -> Result<Option<Vec<u8>>, StoreError> {
        self.under().get(name, limit)
    }
    /// See [`Store::get_range`].
    fn get_range(&self, name: &str, offset: u64, len: u64) -> Result<Option<Vec<u8>>, StoreError> {
        self.under().get_range(name, offset, len)
    }
    /// See [`Store::head`].
    fn head(&self, name: &str) -> Result<Option<u64>, StoreError> {
        self.under().head(name)
    }
    /// See [`Store::list_after`].
    fn list_after(
        &self,
        prefix: &str,
        after: &str,
        limit: usize,
    ) -> Result<Vec<String>, StoreError> {
        self.under().list_after(prefix, after, limit)
    }
    /// See [`Store::put`].
    fn put(&self, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        self.under().put(name, bytes)
    }
    /// See [`Store::delete`].
    fn delete(&self, name: &str) -> Result<(), StoreError> {
        self.under().delete(name)
    }
    /// See [`Store::address`].
    fn address(&self) -> String {
        self.under().address()
    }
    /// See [`Store::is_far`].
    fn is_far(&self) -> bool {
        self.under().is_far()
    }
}

impl<T: StoreOver> Store for T {
    fn create(&self, name: &str, bytes: &[u8]) -> Result<Created, StoreError> {
        StoreOver::create(self, name, bytes)
    }
    fn get(&self, name: &str, limit: u64) -> Result<Option<Vec<u8>>, StoreError> {
        StoreOver::get(self, name, limit)
    }
    fn get_range(&self, name: &str, offset: u64, len: u64) -> Result<Option<Vec<u8>>, StoreError> {
        StoreOver::get_range(self, name, offset, len)
    }
    fn head(&self, name: &str) -> Result<Option<u64>, StoreError> {
        StoreOver::head(self, name)
    }
    fn list_after(
        &self,
        prefix: &str,
        after: &str,
        limit: usize,
    ) -> Result<Vec<String>, StoreError> {
        StoreOver::list_after(self, prefix, after, limit)
    }
    fn put(&self, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        StoreOver::put(self, name, bytes)
    }
    fn delete(&self, name: &str) -> Result<(), StoreError> {
        StoreOver::delete(self, name)
    }
    fn address(&self) -> String {
        StoreOver::address(self)
    }
    fn is_far(&self) -> bool {
        StoreOver::is_far(self)
    }
}
