//! Stores that must not be trusted, each in a way that a real server was.

use std::sync::Arc;

use creel::chain::store::{Created, Store, StoreError, StoreOver};

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    /// The condition of a create is not looked at: it overwrites, and says that it created.
    Ignored,
    /// It is looked at, and then the object is written: two at once both pass.
    NotAtomic,
    /// A listing lacks what was created last.
    LateList,
    /// A listing starts at its beginning whatever it is asked.
    NoStartAfter,
    /// No flaw: while an upload that was given up is removed, somebody goes on with it.
    TriedAgain,
}

/// A store with a flaw.
#[derive(Debug)]
pub struct Flawed {
    pub inner: Arc<dyn Store>,
    pub flaw: Flaw,
}

impl StoreOver for Flawed {
    fn under(&self) -> &dyn Store {
        &*self.inner
    }

    fn create(&self, name: &str, bytes: &[u8]) -> Result<Created, StoreError> {
        match self.flaw {
            Flaw::Ignored => {
                self.inner.put(name, bytes)?;
                Ok(Created::Created)
            }
            Flaw::NotAtomic => {
                if self.inner.head(name)?.is_some() {
                    return Ok(Created::Exists);
                }
                std::thread::yield_now();
                self.inner.put(name, bytes)?;
                Ok(Created::Created)
            }
            _ => self.inner.create(name, bytes),
        }
    }

    fn list_after(
        &self,
        prefix: &str,
        after: &str,
        limit: usize,
    ) -> Result<Vec<String>, StoreError> {
        let after = if self.flaw == Flaw::NoStartAfter {
            ""
        } else {
            after
        };
        let mut names = self.inner.list_after(prefix, after, limit)?;
        if self.flaw == Flaw::LateList {
            names.pop();
        }
        Ok(names)
    }

    fn delete(&self, name: &str) -> Result<(), StoreError> {
        self.inner.delete(name)?;
        match name.rsplit_once('/') {
            Some((folder, _)) if self.flaw == Flaw::TriedAgain => {
                self.inner.put(&format!("{folder}/begin.json"), b"another")
            }
            _ => Ok(()),
        }
    }

    fn address(&self) -> String {
        format!("{:?}", self.flaw)
    }
}
