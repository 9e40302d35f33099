//! What the medium and the cache hold, and what lies between them.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use super::content::Content;
use super::pending::{Names, Pending};
use super::{CrashChoice, PAGE, SECTOR, mix};

/// One file, whatever its names.
#[derive(Clone, Default)]
pub struct Inode {
    /// On the medium.
    durable: Arc<Content>,
    /// What reads see.
    pub cache: Arc<Content>,
    /// Never survives a crash, so its writes are not worth listing.
    scratch: bool,
    /// Its last sync was one without a name.
    synced_nameless: bool,
    /// What such a sync brought to the medium, once the name is there without it.
    withheld: Option<Arc<Content>>,
}

impl Inode {
    fn sync_begins(&mut self, has_name: bool) {
        self.synced_nameless = !has_name;
        if has_name && let Some(content) = self.withheld.take() {
            self.durable = content;
        }
    }

    fn withhold(&mut self) {
        if self.synced_nameless && self.withheld.is_none() {
            self.withheld = Some(std::mem::take(&mut self.durable));
        }
    }
}

/// What becomes of the writes whose sync failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailedSync {
    /// Reads go on seeing them until the cache is dropped (ext4, XFS).
    KeepsNew,
    /// Reads see the medium at once (btrfs).
    Reverts,
}

/// The whole disk. A clone costs a few pointers per file and per pending operation.
#[derive(Clone, Default)]
pub struct State {
    inodes: BTreeMap<u64, Inode>,
    names: Names,
    durable_names: Names,
    pending: Vec<Pending>,
    last_inode: u64,
}

impl State {
    pub fn pending(&self) -> usize {
        self.pending.len()
    }

    pub fn inode(&self, inode: u64) -> &Inode {
        &self.inodes[&inode]
    }

    pub fn lookup(&self, path: &Path) -> io::Result<u64> {
        if let Some(inode) = nameless(path) {
            let known = self.inodes.contains_key(&inode).then_some(inode);
            return known.ok_or_else(|| io::ErrorKind::NotFound.into());
        }
        self.names
            .get(&clean(path))
            .copied()
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    pub fn paths(&self) -> Vec<PathBuf> {
        self.names.keys().cloned().collect()
    }

    pub fn links(&self, inode: u64) -> u64 {
        self.names.values().filter(|named| **named == inode).count() as u64
    }

    pub fn create(&mut self, path: &Path) -> io::Result<u64> {
        let path = clean(path);
        if self.names.contains_key(&path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let inode = self.add_inode(false);
        self.names.insert(path.clone(), inode);
        self.pending.push(Pending::Create {
            path: path.into(),
            inode,
        });
        Ok(inode)
    }

    /// A file without a name, and where it can be found as long as it is open.
    pub fn create_nameless(&mut self) -> (u64, PathBuf) {
        let inode = self.add_inode(false);
        (inode, PathBuf::from(format!("{NAMELESS}{inode}")))
    }

    /// Gives a file that has none a name.
    pub fn link(&mut self, inode: u64, to: &Path) -> io::Result<()> {
        let path = clean(to);
        if self.names.contains_key(&path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        self.names.insert(path.clone(), inode);
        self.pending.push(Pending::Create {
            path: path.into(),
            inode,
        });
        Ok(())
    }

    pub fn create_scratch(&mut self) -> u64 {
        self.add_inode(true)
    }

    fn add_inode(&mut self, scratch: bool) -> u64 {
        self.last_inode += 1;
        self.inodes.insert(
            self.last_inode,
            Inode {
                scratch,
                ..Inode::default()
            },
        );
        self.last_inode
    }

    pub fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        let inode = self.lookup(from)?;
        let (from, to) = (clean(from), clean(to));
        if self.names.get(&to) == Some(&inode) {
            return Ok(());
        }
        self.names.remove(&from);
        self.names.insert(to.clone(), inode);
        self.pending.push(Pending::Rename {
            from: from.into(),
            to: to.into(),
            inode,
        });
        Ok(())
    }

    pub fn remove(&mut self, path: &Path) -> io::Result<()> {
        let inode = self.lookup(path)?;
        let path = clean(path);
        self.names.remove(&path);
        self.pending.push(Pending::Remove {
            path: path.into(),
            inode,
        });
        Ok(())
    }

    /// Makes the entries in the directory of `path` durable. For a file that was synced only while
    /// it had no name that is the name alone (btrfs).
    pub fn sync_dir_of(&mut self, path: &Path) {
        let path = clean(path);
        let directory = path.parent();
        let durable_names = &mut self.durable_names;
        let inodes = &mut self.inodes;
        self.pending.retain(|op| {
            let concerned = op
                .paths()
                .into_iter()
                .flatten()
                .any(|p| p.parent() == directory);
            if concerned {
                op.apply_to_names(durable_names);
                if let Some(file) = inodes.get_mut(&op.inode()) {
                    file.withhold();
                }
            }
            !concerned
        });
    }

    pub fn write(&mut self, inode: u64, bytes: &[u8], offset: u64) {
        let end = offset + bytes.len() as u64;
        if end > self.inode(inode).cache.len() {
            self.set_size(inode, end);
        }
        let file = self.inodes.get_mut(&inode).unwrap();
        Arc::make_mut(&mut file.cache).write(bytes, offset);
        if file.scratch {
            return;
        }
        let data: Arc<[u8]> = bytes.into();
        let mut at = offset;
        while at < end {
            let next = end.min((at / SECTOR + 1) * SECTOR);
            let (from, to) = ((at - offset) as usize, (next - offset) as usize);
            let data = Arc::clone(&data);
            self.pending.push(Pending::Write {
                inode,
                offset: at,
                data,
                from,
                to,
            });
            at = next;
        }
    }

    pub fn set_size(&mut self, inode: u64, size: u64) {
        let file = self.inodes.get_mut(&inode).unwrap();
        if size == file.cache.len() {
            return;
        }
        Arc::make_mut(&mut file.cache).set_len(size);
        if !file.scratch {
            self.pending.push(Pending::Size { inode, size });
        }
    }

    /// Makes all earlier writes and size changes of a file durable.
    pub fn sync(&mut self, inode: u64) {
        let has_name = self.links(inode) > 0;
        self.inodes.get_mut(&inode).unwrap().sync_begins(has_name);
        self.settle(inode, |_| true, |medium, _, op| op.apply_to(medium));
    }

    /// Makes a range durable: the pending sectors in it, and the size where the range needs it.
    pub fn sync_range(&mut self, inode: u64, offset: u64, len: u64) {
        let grows = offset + len > self.inode(inode).durable.len();
        let chosen = |op: &Pending| op.in_range(offset, len).unwrap_or(grows);
        self.settle(inode, chosen, |medium, _, op| op.apply_to(medium));
    }

    /// The pending writes of a file (in a range, if given) are lost, but no longer pending: a
    /// later sync has nothing to do and succeeds. Size changes stay pending.
    pub fn fail_sync(&mut self, inode: u64, range: Option<(u64, u64)>, mode: FailedSync) {
        let chosen = |op: &Pending| match range {
            Some((offset, len)) => op.in_range(offset, len).unwrap_or(false),
            None => op.in_range(0, u64::MAX).unwrap_or(false),
        };
        self.settle(inode, chosen, |medium, cache, op| {
            if let (
                FailedSync::Reverts,
                Pending::Write {
                    offset, from, to, ..
                },
            ) = (mode, op)
            {
                Arc::make_mut(cache).copy_from(medium, *offset, (to - from) as u64);
            }
        });
    }

    /// Takes the chosen data operations of one file off the list, in order, doing `act` to each.
    fn settle(
        &mut self,
        inode: u64,
        chosen: impl Fn(&Pending) -> bool,
        act: impl Fn(&mut Arc<Content>, &mut Arc<Content>, &Pending),
    ) {
        let file = self.inodes.get_mut(&inode).unwrap();
        self.pending.retain(|op| {
            let settled = op.data_of() == Some(inode) && chosen(op);
            if settled {
                act(&mut file.durable, &mut file.cache, op);
            }
            !settled
        });
    }

    /// As the kernel does it: only whole pages inside the range (the last page of the file counts
    /// as whole), and no page that has pending writes.
    pub fn drop_cache(&mut self, inode: u64, offset: u64, len: u64) {
        let size = self.inode(inode).cache.len();
        let end = offset.saturating_add(len);
        let last = if end >= size {
            size.div_ceil(PAGE)
        } else {
            end / PAGE
        };
        let dirty: BTreeSet<u64> = self
            .pending
            .iter()
            .filter_map(|op| match op {
                Pending::Write {
                    inode: of, offset, ..
                } if *of == inode => Some(offset / PAGE),
                _ => None,
            })
            .collect();
        let file = self.inodes.get_mut(&inode).unwrap();
        if file.scratch || Arc::ptr_eq(&file.cache, &file.durable) {
            return;
        }
        for page in (offset.div_ceil(PAGE)..last).filter(|page| !dirty.contains(page)) {
            Arc::make_mut(&mut file.cache).copy_from(&file.durable, page * PAGE, PAGE);
        }
    }

    /// Forgets files that have no name, now or after a crash, and are not open any more.
    pub fn forget_unnamed(&mut self, open: impl Fn(u64) -> bool) {
        let mut used: BTreeSet<u64> = self
            .names
            .values()
            .chain(self.durable_names.values())
            .copied()
            .collect();
        used.extend(
            self.pending
                .iter()
                .filter(|op| op.data_of().is_none())
                .map(Pending::inode),
        );
        self.inodes
            .retain(|inode, _| used.contains(inode) || open(*inode));
        let left = &self.inodes;
        self.pending.retain(|op| left.contains_key(&op.inode()));
    }

    /// What a power loss leaves behind.
    pub fn after_crash(&self, choice: &CrashChoice) -> State {
        let total = self.pending.len();
        // The newest size change that survives, by file: it implies the older ones.
        let mut sizes = BTreeMap::new();
        for (i, op) in self.pending.iter().enumerate() {
            if matches!(op, Pending::Size { .. }) && choice.keeps(i, total) {
                sizes.insert(op.inode(), i);
            }
        }
        let mut names = self.durable_names.clone();
        let mut media: BTreeMap<u64, Arc<Content>> = self
            .inodes
            .iter()
            .map(|(inode, file)| (*inode, Arc::clone(&file.durable)))
            .collect();
        for (i, op) in self.pending.iter().enumerate() {
            let kept = match op {
                Pending::Size { inode, .. } => sizes.get(inode).is_some_and(|newest| i <= *newest),
                _ => choice.keeps(i, total),
            };
            if kept {
                op.apply_to_names(&mut names);
                if let Some(medium) = op.data_of().and_then(|inode| media.get_mut(&inode)) {
                    op.apply_to(medium);
                }
            }
        }
        let inodes = names.values().filter_map(|inode| {
            let durable = Arc::clone(media.get(inode)?);
            let cache = Arc::clone(&durable);
            Some((
                *inode,
                Inode {
                    durable,
                    cache,
                    ..Inode::default()
                },
            ))
        });
        State {
            inodes: inodes.collect(),
            durable_names: names.clone(),
            names,
            pending: Vec::new(),
            last_inode: self.last_inode,
        }
    }

    /// The same for disks on which the same names lead to the same bytes.
    pub fn fingerprint(&self) -> u64 {
        self.names.iter().fold(0, |all, (path, inode)| {
            let name = path.as_os_str().as_encoded_bytes().iter();
            let name = name.fold(all, |all, byte| mix(all ^ u64::from(*byte)));
            mix(name ^ self.inodes[inode].cache.fingerprint())
        })
    }

    /// Puts a synced file there, replacing whatever had the name.
    pub fn install(&mut self, path: &Path, bytes: &[u8]) {
        let mut content = Content::default();
        content.set_len(bytes.len() as u64);
        content.write(bytes, 0);
        let content = Arc::new(content);
        let inode = self.add_inode(false);
        let file = Inode {
            durable: Arc::clone(&content),
            cache: content,
            ..Inode::default()
        };
        self.inodes.insert(inode, file);
        self.names.insert(clean(path), inode);
        self.durable_names.insert(clean(path), inode);
    }

    /// Inode, offset and length of every pending write.
    pub fn pending_writes(&self) -> impl Iterator<Item = (u64, u64, u64)> + '_ {
        self.pending.iter().filter_map(|op| match op {
            Pending::Write {
                inode,
                offset,
                from,
                to,
                ..
            } => Some((*inode, *offset, (to - from) as u64)),
            _ => None,
        })
    }

    /// One line per pending operation.
    pub fn describe_pending(&self) -> Vec<String> {
        self.pending.iter().map(Pending::describe).collect()
    }
}

/// What the paths of files without a name begin with.
const NAMELESS: &str = "nameless-";

fn nameless(path: &Path) -> Option<u64> {
    path.to_str()?.strip_prefix(NAMELESS)?.parse().ok()
}

/// Without `.` components, so that `db` and `./db` are one name.
fn clean(path: &Path) -> PathBuf {
    path.components()
        .filter(|part| *part != Component::CurDir)
        .collect()
}
