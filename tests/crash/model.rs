//! What a database holds, and what a commit changes: the plain picture the engine is held to.

use std::collections::BTreeMap;
use std::sync::Arc;

use creel::{Batch, Db, KeyRange, Snapshot};

type Entries = BTreeMap<Vec<u8>, Arc<[u8]>>;

/// Every keyspace with its entries (`main` is always there), and the import positions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content(BTreeMap<String, Entries>, Entries);

/// The contents after each commit, by log index; the first is the empty database.
pub type History = Vec<Arc<Content>>;

/// One operation of a commit.
#[derive(Debug, Clone)]
pub enum Op {
    Put(Vec<u8>, Arc<[u8]>),
    Delete(Vec<u8>),
    DeleteRange(Vec<u8>, Vec<u8>),
    DropKeyspace,
    Position(Vec<u8>, Option<Arc<[u8]>>),
}

/// One commit: operations, each with its keyspace.
#[derive(Debug, Clone, Default)]
pub struct Change(pub Vec<(&'static str, Op)>);

impl Default for Content {
    fn default() -> Self {
        let spaces = BTreeMap::from([("main".to_owned(), Entries::new())]);
        Content(spaces, Entries::new())
    }
}

impl Content {
    pub fn after(&self, change: &Change) -> Content {
        let mut next = self.clone();
        for (keyspace, op) in &change.0 {
            let entries = next.0.entry((*keyspace).to_owned()).or_default();
            match op {
                Op::Put(key, value) => {
                    entries.insert(key.clone(), Arc::clone(value));
                }
                Op::Delete(key) => {
                    entries.remove(key);
                }
                Op::DeleteRange(from, to) => {
                    entries.retain(|key, _| key < from || key >= to);
                }
                Op::DropKeyspace => {
                    next.0.remove(*keyspace);
                }
                Op::Position(id, Some(record)) => {
                    next.1.insert(id.clone(), Arc::clone(record));
                }
                Op::Position(id, None) => {
                    next.1.remove(id);
                }
            }
        }
        next
    }

    /// What a database holds.
    pub fn of(db: &Db) -> Result<Content, String> {
        let snapshot = db.snapshot();
        Content::of_snapshot(&snapshot.map_err(unreadable)?)
    }

    /// The same for a snapshot.
    pub fn of_snapshot(snapshot: &Snapshot) -> Result<Content, String> {
        let fail = unreadable;
        let mut content = Content::default();
        for name in snapshot.keyspaces().map_err(fail)? {
            let keyspace = snapshot.keyspace(&name).map_err(fail)?;
            let entries = content.0.entry(name).or_default();
            let mut cursor = keyspace.cursor(&KeyRange::all());
            while let Some((key, value)) = cursor.next_entry().map_err(fail)? {
                entries.insert(key.to_vec(), value.into());
            }
        }
        for (id, record) in snapshot.import_positions().map_err(fail)? {
            content.1.insert(id, record.into());
        }
        Ok(content)
    }

    /// Nothing is there that the other does not have.
    pub fn is_part_of(&self, whole: &Content) -> Result<(), String> {
        for (name, entries) in &self.0 {
            for (key, value) in entries {
                if whole.0.get(name).and_then(|e| e.get(key)) != Some(value) {
                    let key = String::from_utf8_lossy(key);
                    return Err(format!("{key} in {name} was never so"));
                }
            }
        }
        Ok(())
    }

    /// Reads the whole database and says where it differs.
    pub fn compare(&self, db: &Db) -> Result<(), String> {
        let snapshot = db.snapshot();
        self.compare_at(&snapshot.map_err(unreadable)?)
    }

    /// The same for a snapshot.
    pub fn compare_at(&self, snapshot: &Snapshot) -> Result<(), String> {
        let fail = unreadable;
        let names = snapshot.keyspaces().map_err(fail)?;
        if !names.iter().eq(self.0.keys()) {
            return Err(format!(
                "keyspaces {names:?} instead of {:?}",
                self.0.keys()
            ));
        }
        let positions = snapshot.import_positions().map_err(fail)?;
        let wanted = self.1.iter().map(|(id, record)| (&id[..], &record[..]));
        if !positions.iter().map(|(id, r)| (&id[..], &r[..])).eq(wanted) {
            return Err(format!(
                "import positions {positions:?} instead of {:?}",
                self.1
            ));
        }
        for (name, entries) in &self.0 {
            let keyspace = snapshot.keyspace(name).map_err(fail)?;
            let mut cursor = keyspace.cursor(&KeyRange::all());
            let mut wanted = entries.iter();
            loop {
                let found = cursor.next_entry().map_err(fail)?;
                match (found, wanted.next()) {
                    (None, None) => break,
                    (Some((k, v)), Some((key, value))) if k == key && v == &value[..] => {}
                    (found, wanted) => {
                        let text = |e: Option<(&[u8], &[u8])>| match e {
                            Some((k, v)) => {
                                format!("{} ({} bytes)", String::from_utf8_lossy(k), v.len())
                            }
                            None => "the end".to_owned(),
                        };
                        let wanted = wanted.map(|(k, v)| (&k[..], &v[..]));
                        return Err(format!(
                            "in {name}: {} instead of {}",
                            text(found),
                            text(wanted)
                        ));
                    }
                }
            }
        }
        Ok(())
    }
}

impl Content {
    /// Asks for every key by itself, and for some that are not there.
    pub fn compare_gets(&self, db: &Db) -> Result<(), String> {
        let fail = unreadable;
        let snapshot = db.snapshot().map_err(fail)?;
        for (name, entries) in &self.0 {
            let keyspace = snapshot.keyspace(name).map_err(fail)?;
            for (key, value) in entries {
                let same = keyspace.get_with(key, |found| found == &value[..]);
                if same.map_err(fail)? != Some(true) {
                    return Err(String::from_utf8_lossy(key).into_owned());
                }
                let behind = [key.as_slice(), b"\0"].concat();
                if keyspace.contains(&behind).map_err(fail)? {
                    return Err("a key that was never put".into());
                }
            }
        }
        Ok(())
    }

    /// The same where some of it may be refused as damaged; what is given is right.
    pub fn compare_what_can_be_got(&self, db: &Db) -> Result<(), String> {
        let allowed = |got: creel::Result<bool>, right: bool| match got {
            Ok(got) if got == right => Ok(()),
            Ok(_) => Err("another answer".to_owned()),
            Err(creel::Error::Corrupt(_)) => Ok(()),
            Err(e) => Err(format!("an error of another kind: {e}")),
        };
        let Ok(snapshot) = db.snapshot() else {
            return Ok(()); // told by whoever called
        };
        for (name, entries) in &self.0 {
            let Ok(keyspace) = snapshot.keyspace(name) else {
                continue;
            };
            for (key, value) in entries {
                let same = keyspace.get_with(key, |found| found == &value[..]);
                allowed(same.map(|same| same == Some(true)), true)?;
                let behind = [key.as_slice(), b"\0"].concat();
                allowed(keyspace.contains(&behind), false)?;
            }
        }
        Ok(())
    }

    /// What a keyspace has.
    pub fn entries(&self, keyspace: &str) -> impl Iterator<Item = (&[u8], &[u8])> {
        let entries = self.0.get(keyspace).into_iter().flatten();
        entries.map(|(key, value)| (&key[..], &value[..]))
    }

    pub fn value(&self, keyspace: &str, key: &[u8]) -> Option<&[u8]> {
        Some(self.0.get(keyspace)?.get(key)?)
    }

    /// The text of an export of this, without its frame.
    pub fn export(&self) -> Result<Vec<u8>, String> {
        let mut text = Vec::new();
        let fail = |e: creel::exchange::Error| e.to_string();
        let options = creel::exchange::write::Options::default();
        let mut export = options.start(Box::new(&mut text)).map_err(fail)?;
        for (name, entries) in &self.0 {
            export.keyspace(name);
            for (key, value) in entries {
                export.entry(key, value).map_err(fail)?;
            }
        }
        export.finish().map_err(fail)?;
        Ok(text)
    }
}

/// A read that failed, with all that its error says: where calls are made to fail that has to be theirs.
pub fn unreadable(e: creel::Error) -> String {
    format!("reading fails: {e} ({e:?})")
}

impl Change {
    pub fn put(key: &str, value: Vec<u8>) -> Change {
        Change::default().and_put("main", key, value)
    }

    pub fn and_put(mut self, keyspace: &'static str, key: &str, value: Vec<u8>) -> Change {
        self.0
            .push((keyspace, Op::Put(key.as_bytes().to_vec(), value.into())));
        self
    }

    pub fn and_delete(mut self, keyspace: &'static str, key: &str) -> Change {
        self.0.push((keyspace, Op::Delete(key.as_bytes().to_vec())));
        self
    }

    pub fn and_delete_range(mut self, keyspace: &'static str, from: &str, to: &str) -> Change {
        let (from, to) = (from.as_bytes().to_vec(), to.as_bytes().to_vec());
        self.0.push((keyspace, Op::DeleteRange(from, to)));
        self
    }

    pub fn and_drop(mut self, keyspace: &'static str) -> Change {
        self.0.push((keyspace, Op::DropKeyspace));
        self
    }

    pub fn and_position(mut self, id: &str, record: Option<&str>) -> Change {
        let record = record.map(|text| text.as_bytes().into());
        self.0
            .push(("main", Op::Position(id.as_bytes().to_vec(), record)));
        self
    }

    pub fn batch(&self) -> Batch {
        let mut batch = Batch::new();
        for (keyspace, op) in &self.0 {
            batch.keyspace(keyspace);
            match op {
                Op::Put(key, value) => batch.put(key, value),
                Op::Delete(key) => batch.delete(key),
                Op::DeleteRange(from, to) => batch.delete_range(&KeyRange::from_to(from, to)),
                Op::DropKeyspace => batch.drop_keyspace(),
                Op::Position(id, record) => batch.import_position(id, record.as_deref()),
            };
        }
        batch
    }
}
