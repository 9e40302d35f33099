//! Names beside a database for what is to become it: a copy that arrives, a snapshot that is fetched.
//!
//! Some are written by others than this process, or have to be opened by name before they are whole, so they
//! cannot be nameless. Who makes one first makes a claim, a small file of the same number, and holds a lock
//! of it until the other file is gone. What has no claim, or one that nobody holds, was left behind by a
//! process that was killed.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::sys::{Access, File, LockMode, OsVfs, Vfs};

/// What the files are for; the end of their names.
const KINDS: [&str; 3] = ["fetch", "seed", "reseed"];
/// The end of the name of a claim.
const CLAIM: &str = "claim";
/// Numbers that are tried; each is taken by somebody else with hardly any chance.
const TRIES: usize = 16;

/// A name that nothing has, or a file of that name; gone at the end, unless it was renamed.
pub struct Beside {
    /// The name.
    pub path: PathBuf,
    claim: PathBuf,
    _held: Arc<dyn File>,
}

impl Drop for Beside {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
        // The last: without it the other one belongs to nobody.
        let _ = std::fs::remove_file(&self.claim);
    }
}

impl Beside {
    /// A name for a file that is to stand at `dest`. Removes what killed processes left there before.
    pub fn new(dest: &Path, kind: &str) -> io::Result<Beside> {
        sweep(dest);
        for _ in 0..TRIES {
            let mut random = [0; 4];
            OsVfs.random(&mut random)?;
            let number = u32::from_le_bytes(random);
            let claim = name(dest, number, CLAIM);
            let held = match OsVfs.open(&claim, Access::CreateNew) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => continue,
                opened => opened?,
            };
            if is_own(held.as_ref(), &claim) {
                return Ok(Beside {
                    path: name(dest, number, kind),
                    claim,
                    _held: held,
                });
            }
        }
        Err(io::Error::other("no free name beside the file"))
    }
}

/// Locks a claim. False where somebody took it for one that was left behind, before it was locked.
fn is_own(held: &dyn File, claim: &Path) -> bool {
    match held.try_lock(0, 1, LockMode::Exclusive) {
        Ok(true) => is_at(held, claim),
        Ok(false) => false,
        // No locks here: then nobody gets one to take it away either.
        Err(_) => true,
    }
}

fn is_at(file: &dyn File, path: &Path) -> bool {
    match (file.identity(), OsVfs.identity(path)) {
        (Ok(own), Ok(there)) => own.same_file(&there),
        _ => false,
    }
}

fn name(dest: &Path, number: u32, kind: &str) -> PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(dest.file_name().unwrap_or_default());
    name.push(format!(".{number:08x}.{kind}"));
    dest.with_file_name(name)
}

/// The number in such a name.
fn number(dest: &Path, name: &std::ffi::OsStr) -> Option<u32> {
    let own = dest.file_name()?.as_encoded_bytes();
    let rest = name.as_encoded_bytes().strip_prefix(b".")?;
    let rest = rest.strip_prefix(own)?.strip_prefix(b".")?;
    let (digits, kind) = std::str::from_utf8(rest).ok()?.split_once('.')?;
    let is_ours = kind == CLAIM || KINDS.contains(&kind);
    let is_number = digits.len() == 8
        && digits
            .bytes()
            .all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f'));
    u32::from_str_radix(digits, 16)
        .ok()
        .filter(|_| is_ours && is_number)
}

/// Removes what killed processes left beside `dest`. What hinders it hinders nothing else.
fn sweep(dest: &Path) {
    let folder = dest
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let Ok(entries) = std::fs::read_dir(folder.unwrap_or(Path::new("."))) else {
        return;
    };
    let mut numbers: Vec<u32> = entries
        .filter_map(Result::ok)
        .filter_map(|entry| number(dest, &entry.file_name()))
        .collect();
    numbers.sort_unstable();
    numbers.dedup();
    for number in numbers {
        sweep_one(dest, number);
    }
}

fn sweep_one(dest: &Path, number: u32) {
    let claim = name(dest, number, CLAIM);
    // Looked at after the file of this number was seen, and who makes one has its claim before.
    let held = match OsVfs.open(&claim, Access::Write) {
        Ok(held) => Some(held),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(_) => return,
    };
    if let Some(held) = &held {
        let locked = held.try_lock(0, 1, LockMode::Exclusive);
        if !matches!(locked, Ok(true)) || !is_at(held.as_ref(), &claim) {
            return;
        }
    }
    for kind in KINDS {
        let path = name(dest, number, kind);
        if std::fs::symlink_metadata(&path).is_ok_and(|found| found.is_file()) {
            let _ = std::fs::remove_file(&path);
        }
    }
    if held.is_some() {
        let _ = std::fs::remove_file(&claim);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(dir: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(dir).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn what_nobody_holds_goes_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let dest = dir.path().join("k.db");
        let used = Beside::new(&dest, "seed").unwrap();
        std::fs::write(&used.path, b"arrives").unwrap();
        let left = [
            ".k.db.0000000a.fetch",
            ".k.db.0000000b.seed",
            ".k.db.0000000b.claim",
            ".k.db.0000000c.claim",
            ".k.db.deadbeef.reseed",
        ];
        let others = [
            "k.db",
            ".k.db.0000000a.tmp",
            ".k.db.0000000A.seed",
            ".k.db.000000a.seed",
            ".k.db.0000000a.seed.gz",
            ".k.db.0000000a.0000000b.seed",
            ".k.dbx.0000000a.seed",
            "x.k.db.0000000a.seed",
            ".other.db.0000000a.seed",
        ];
        for name in left.iter().chain(&others) {
            std::fs::write(dir.path().join(name), b"x").unwrap();
        }
        std::fs::create_dir(dir.path().join(".k.db.0000000d.seed")).unwrap();
        let again = Beside::new(&dest, "fetch").unwrap();
        let found = names(dir.path());
        for name in left {
            assert!(!found.iter().any(|found| found == name), "{name}");
        }
        for name in others {
            assert!(found.iter().any(|found| found == name), "{name}");
        }
        assert_eq!(std::fs::read(&used.path).unwrap(), b"arrives");
        assert!(used.claim.exists() && again.claim.exists());
        // Two claims, the file of one of them, and the folder.
        assert_eq!(found.len(), others.len() + 4, "{found:?}");
        drop((used, again));
        assert_eq!(names(dir.path()).len(), others.len() + 1);
    }

    /// A claim that was taken away before it was locked is none.
    #[test]
    fn a_claim_is_one_only_where_it_still_stands() {
        let dir = tempfile::tempdir().unwrap();
        let claim = dir.path().join(".k.db.0000000a.claim");
        let held = OsVfs.open(&claim, Access::CreateNew).unwrap();
        std::fs::remove_file(&claim).unwrap();
        assert!(!is_own(held.as_ref(), &claim));
        let other = OsVfs.open(&claim, Access::CreateNew).unwrap();
        assert!(!is_own(held.as_ref(), &claim), "another one of that name");
        assert!(is_own(other.as_ref(), &claim));
        let late = OsVfs.open(&claim, Access::Write).unwrap();
        assert!(!is_own(late.as_ref(), &claim), "it is held");
    }
}
