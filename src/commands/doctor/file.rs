//! What creel does with an open file: locks, syncs, maps, shared storage.

use std::io::{self, IoSlice};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Instant;

use creel::sys::{Access, File, LockMode, OsVfs, Vfs, machine, share_range};

use super::check::Check;
use super::scratch::Scratch;
use crate::cli::Failure;

/// Far beyond any file: where creel's own locks are, and the highest that it may ask for.
const BYTES: [u64; 2] = [1 << 62, (1 << 62) + (1 << 32) + (1 << 60)];
/// Durable writes that are timed.
const ROUNDS: usize = 9;
/// Faster than any device that keeps data over a power cut without a protected cache.
const TOO_FAST_NS: u64 = 15_000;
/// What is written where something has to be there.
const BLOCK: usize = 64 << 10;

const LOCKS: &str = "locks";

/// Whether locks exclude: two opens of one process, two processes, after a close in between.
pub(super) fn locks(scratch: &Scratch) -> Check {
    match try_locks(scratch) {
        Ok(None) => Check::ok(
            LOCKS,
            "two opens and two processes exclude each other",
            "one writer at a time, and no lock stays behind",
        ),
        Ok(Some(Flaw::Untried(why))) => Check::warn(
            LOCKS,
            format!("two opens exclude each other; two processes were not tried: {why}"),
            "it is likely that processes exclude each other too",
            "run it where creel may start itself",
        ),
        Ok(Some(Flaw::Broken(found))) => Check::fail(
            LOCKS,
            found,
            "two writers could write at once and damage the file",
            "use another file system, and do not use creel on this one",
        ),
        Err(e) => Check::fail(
            LOCKS,
            format!("no lock could be taken: {e}"),
            "creel cannot open a database here",
            "use another file system",
        ),
    }
}

enum Flaw {
    Broken(&'static str),
    Untried(String),
}

fn try_locks(scratch: &Scratch) -> io::Result<Option<Flaw>> {
    let (first, second) = (&scratch.file, scratch.again()?);
    for byte in BYTES {
        let take = |file: &Arc<dyn File>, mode| file.try_lock(byte, 1, mode);
        if !take(first, LockMode::Exclusive)? {
            return Ok(Some(Flaw::Broken("a lock that nobody holds was refused")));
        }
        if take(&second, LockMode::Exclusive)? || take(&second, LockMode::Shared)? {
            return Ok(Some(Flaw::Broken("two opens of one file held one lock")));
        }
        // With the older kind of locks this would give up those of the whole process.
        drop(scratch.again()?);
        if take(&second, LockMode::Exclusive)? {
            let broken = "a lock was lost when another descriptor was closed";
            return Ok(Some(Flaw::Broken(broken)));
        }
        match other_process(scratch.path(), byte) {
            Ok(true) => return Ok(Some(Flaw::Broken("two processes held one lock"))),
            Ok(false) => {}
            Err(e) => return Ok(Some(Flaw::Untried(e.to_string()))),
        }
        first.unlock(byte, 1)?;
        match other_process(scratch.path(), byte) {
            Ok(true) => {}
            Ok(false) => return Ok(Some(Flaw::Broken("a lock stayed after it was given back"))),
            Err(e) => return Ok(Some(Flaw::Untried(e.to_string()))),
        }
        let both = take(first, LockMode::Shared)? && take(&second, LockMode::Shared)?;
        if !both {
            return Ok(Some(Flaw::Broken("two readers excluded each other")));
        }
        first.unlock(byte, 1)?;
        second.unlock(byte, 1)?;
    }
    Ok(None)
}

/// Whether another process gets the lock. It is this program, asked by [`answer`].
fn other_process(path: &Path, byte: u64) -> io::Result<bool> {
    let output = Command::new(std::env::current_exe()?)
        .args(["doctor", "--lock-byte", &byte.to_string()])
        .arg(path)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()?;
    match output.stdout.as_slice() {
        b"taken\n" => Ok(true),
        b"refused\n" => Ok(false),
        _ => Err(io::Error::other("the other process gave no answer")),
    }
}

/// What the other process does: tries the lock, and says how it went.
pub(super) fn answer(path: &Path, byte: u64) -> Result<&'static str, Failure> {
    let taken = OsVfs
        .open(path, Access::Write)
        .and_then(|file| file.try_lock(byte, 1, LockMode::Exclusive))
        .map_err(|e| Failure::file("lock", path, &e))?;
    Ok(if taken { "taken" } else { "refused" })
}

/// Whether a busy message can say who holds a lock.
pub(super) fn holder(scratch: &Scratch) -> Check {
    const NAME: &str = "lock_holder";
    let [byte, _] = BYTES;
    let held = scratch.file.try_lock(byte, 1, LockMode::Exclusive);
    let holder = OsVfs.holder_of(scratch.path(), byte);
    let _ = scratch.file.unlock(byte, 1);
    match (held, holder) {
        (Ok(true), Some(holder)) if holder.pid == std::process::id() => Check::ok(
            NAME,
            "the process that holds a lock is found",
            "a busy message names it",
        ),
        _ => Check::warn(
            NAME,
            "the process that holds a lock is not found",
            "a busy message cannot say who holds the lock",
            "mount /proc so that it shows the processes of the users concerned",
        ),
    }
}

/// Whether writes are made durable, by which call, and how fast.
pub(super) fn sync(scratch: &Scratch, volatile: bool) -> Check {
    const NAME: &str = "sync";
    let durable = |_| {
        let start = Instant::now();
        let block = IoSlice::new(&[7; 512]);
        scratch.file.write_durable_at(&[block], 0)?;
        Ok(u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX))
    };
    let times: io::Result<Vec<u64>> = (0..ROUNDS).map(durable).collect();
    let mut times = match times.and_then(|times| scratch.file.sync().map(|()| times)) {
        Ok(times) => times,
        Err(e) => {
            return Check::fail(
                NAME,
                format!("a write could not be synced: {e}"),
                "no commit can be confirmed",
                "look at the kernel's messages (dmesg); use another disk",
            );
        }
    };
    times.sort_unstable();
    let median = times.get(ROUNDS / 2).copied().unwrap_or_default();
    let found = format!("{} us for a durable write of 512 bytes", median / 1000);
    let ranges = scratch
        .plain()
        .and_then(|file| machine::write_and_sync_range(&file, &[7; 512]));
    let check = if ranges.is_err() {
        Check::warn(
            NAME,
            format!("{found}; ranges cannot be synced alone"),
            "each commit syncs the whole file, which is slower but as safe",
            "use a kernel and a file system with RWF_DSYNC where commits are too slow",
        )
    } else if median < TOO_FAST_NS && !volatile {
        Check::warn(
            NAME,
            found,
            "so fast that the device may confirm what a power cut would take",
            "make sure that its write cache is protected, or that a virtual disk passes syncs on",
        )
    } else {
        Check::ok(NAME, found, "about what one commit takes")
    };
    check.fact("median_ns", median)
}

/// Whether what is written shows in a map, without and with a sync in between.
pub(super) fn map(scratch: &Scratch) -> Check {
    const NAME: &str = "map";
    let tried = || -> io::Result<Option<bool>> {
        scratch.file.write_at(&[1; BLOCK], 0)?;
        let Some(map) = scratch.file.map(BLOCK as u64)? else {
            return Ok(None);
        };
        let sees = |byte: u8| map.volatile_u32(4096) == Some(u32::from_le_bytes([byte; 4]));
        let before = sees(1);
        scratch.again()?.write_at(&[2; BLOCK], 0)?;
        let after = sees(2);
        scratch
            .file
            .write_durable_at(&[IoSlice::new(&[3; BLOCK])], 0)?;
        map.populate(0, BLOCK)?;
        Ok(Some(before && after && sees(3)))
    };
    match tried() {
        Ok(Some(true)) => Check::ok(
            NAME,
            "writes show in the map at once",
            "reads go through the map",
        ),
        Ok(Some(false)) => Check::fail(
            NAME,
            "writes do not show in the map",
            "readers would see old pages; they would be found out by their checksums",
            "use another file system",
        ),
        Ok(None) => Check::warn(
            NAME,
            "files cannot be mapped here",
            "reads copy each page, which is slower",
            "use another file system where reads are too slow",
        ),
        Err(e) => Check::fail(
            NAME,
            format!("a file cannot be mapped: {e}"),
            "creel may not be able to open a database here",
            "look at ulimit -v; use another file system",
        ),
    }
}

/// Whether a copy can share the storage of its source.
pub(super) fn reflink(scratch: &Scratch, directory: &Path) -> Result<Check, Failure> {
    const NAME: &str = "reflink";
    let copy = Scratch::new(directory)?;
    let shared = scratch
        .file
        .write_at(&[5; BLOCK], 0)
        .and_then(|()| scratch.file.sync())
        .and_then(|()| share_range(scratch.file.as_ref(), copy.file.as_ref(), 0, BLOCK as u64));
    let mut back = [0; BLOCK];
    let same = copy.file.read_at(&mut back, 0).is_ok_and(|n| n == BLOCK) && back == [5; BLOCK];
    Ok(match shared {
        Ok(()) if same => Check::ok(
            NAME,
            "copies share the storage of their source",
            "backup takes next to no time and room at first",
        ),
        Ok(()) => Check::fail(
            NAME,
            "a copy that shares storage has other bytes",
            "backup would find the difference and fail",
            "look at the kernel's messages (dmesg); backup --reflink never",
        ),
        Err(_) => Check::ok(
            NAME,
            "copies cannot share storage here",
            "backup copies all bytes",
        ),
    })
}
