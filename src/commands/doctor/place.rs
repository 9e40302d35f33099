//! The directory: file system, room, quota, names, large files.

use std::io::{self, ErrorKind};
use std::path::Path;

use creel::sys::{Access, FileSystem, OsVfs, Vfs, machine};

use super::check::Check;
use super::scratch::Scratch;
use crate::cli::Failure;
use crate::cli::units::human_size;

/// A new database, twice: less than this and not even that fits.
const LEAST: u64 = 4 << 20;
/// Less than this will be used up soon.
const LITTLE: u64 = 64 << 20;
/// What is claimed to see whether a quota stands in the way.
const CLAIM: u64 = 8 << 20;
/// Beyond what 32 bits can count.
const LARGE: u64 = 5 << 30;
/// File systems on which a large empty file takes no room.
const SPARSE: [&str; 8] = [
    "ext4", "xfs", "btrfs", "tmpfs", "f2fs", "zfs", "bcachefs", "overlay",
];

pub(super) fn file_system(directory: &Path) -> (Check, Option<String>) {
    const NAME: &str = "file_system";
    match OsVfs.file_system(directory) {
        Ok(FileSystem::Network(kind)) => {
            let check = Check::fail(
                NAME,
                format!("{kind}, over a network"),
                "locks and syncs cannot be trusted; creel refuses to open a file here",
                "use a local disk; --force-network opens a file at your own risk",
            );
            (check, Some(kind))
        }
        Ok(FileSystem::Local(kind)) => (local(NAME, &kind), Some(kind)),
        Err(e) => (
            Check::warn(
                NAME,
                e.to_string(),
                "it is not known whether this is a network file system",
                "make sure that it is a local disk",
            ),
            None,
        ),
    }
}

fn local(name: &'static str, kind: &str) -> Check {
    match kind {
        "tmpfs" | "ramfs" => Check::warn(
            name,
            kind,
            "contents are gone after a restart, whatever creel has confirmed",
            "use a disk for data that is to stay",
        ),
        "overlay" => Check::warn(
            name,
            kind,
            "this is a layer of a container: the file goes when the container goes",
            "use a volume for data that is to stay",
        ),
        "vfat" | "exfat" => Check::warn(
            name,
            kind,
            "no journal, no permissions; a power cut may damage the file system itself",
            "use ext4, xfs or btrfs for data that matters",
        ),
        kind if kind.starts_with("type ") => Check::warn(
            name,
            kind,
            "an unknown file system is taken for a local one",
            "make sure that it is no network file system",
        ),
        _ => Check::ok(name, kind, "a local file system"),
    }
}

/// Free space; twice the size of the database is what `compact -o` and `backup` may need.
pub(super) fn room(directory: &Path, database: u64) -> Check {
    const NAME: &str = "free_space";
    let room = match machine::room(directory) {
        Ok(room) => room,
        Err(e) => {
            return Check::warn(
                NAME,
                e.to_string(),
                "it is not known how much can be written",
                "look with df",
            );
        }
    };
    let found = format!(
        "{} of {} are free",
        human_size(room.available),
        human_size(room.total)
    );
    let check = if room.total == 0 || room.available > room.total {
        Check::warn(
            NAME,
            found,
            "these numbers cannot be right, so they are no help",
            "look with df; a full disk shows as exit 8, with the previous state intact",
        )
    } else if room.available < LEAST || room.files == Some(0) {
        Check::fail(
            NAME,
            if room.files == Some(0) {
                format!("{found}, but no file can be made")
            } else {
                found
            },
            "a database cannot be made or grow; commits end with exit 8",
            "make room",
        )
    } else if room.available < LITTLE.max(database) {
        Check::warn(
            NAME,
            found,
            "compact -o and backup need as much as the file has, and it may have to grow",
            "make room, or write copies elsewhere",
        )
    } else {
        Check::ok(NAME, found, "enough for copies and for growth")
    };
    let check = check
        .fact("available_bytes", exact(room.available))
        .fact("total_bytes", exact(room.total));
    match room.files {
        Some(files) => check.fact("files", exact(files)),
        None => check,
    }
}

/// A number that every reader of JSON gets exactly.
fn exact(number: u64) -> u64 {
    number.min((1 << 53) - 1)
}

/// Claims some room: a quota shows here and nowhere else.
pub(super) fn quota(directory: &Path) -> Result<Check, Failure> {
    const NAME: &str = "quota";
    let scratch = Scratch::new(directory)?;
    let claimed = scratch
        .plain()
        .and_then(|file| machine::reserve(&file, CLAIM));
    Ok(match claimed {
        Ok(()) => Check::ok(
            NAME,
            format!("{} could be claimed", human_size(CLAIM)),
            "no quota stands in the way",
        )
        .fact("claimed_bytes", CLAIM),
        Err(e) if e.kind() == ErrorKind::Unsupported => Check::ok(
            NAME,
            "not told: space cannot be claimed here",
            "a quota would show as exit 8, with the previous state intact",
        ),
        Err(e) => Check::fail(
            NAME,
            format!("{} could not be claimed: {e}", human_size(CLAIM)),
            "a database cannot be made or grow; commits end with exit 8",
            "ask for more room, or use another disk",
        ),
    })
}

/// Making, renaming and keeping names: what `open --create`, `-o` and `backup` rest on.
pub(super) fn names(directory: &Path) -> Result<Check, Failure> {
    const NAME: &str = "names";
    let mut scratch = Scratch::new(directory)?;
    let other = Scratch::new(directory)?;
    let target = scratch.path().with_extension("moved");
    let mut wrong = None;
    if OsVfs.open(other.path(), Access::CreateNew).is_ok() {
        wrong = Some("a new file took the place of an existing one".to_owned());
    }
    if OsVfs.rename_new(scratch.path(), other.path()).is_ok() {
        wrong = Some("a rename that must not replace a file did".to_owned());
    }
    match OsVfs.rename_new(scratch.path(), &target) {
        Ok(()) => scratch.moved_to(target),
        Err(e) => wrong = Some(format!("a file cannot be renamed: {e}")),
    }
    if let Err(e) = OsVfs.sync_dir_of(scratch.path()) {
        wrong = Some(format!("a directory cannot be synced: {e}"));
    }
    Ok(match wrong {
        None => Check::ok(
            NAME,
            "files are made and renamed without replacing others",
            "a file appears whole under its name, or not at all",
        ),
        Some(found) => Check::fail(
            NAME,
            found,
            "a new file might replace another one, or be lost with its name",
            "use another file system",
        ),
    })
}

/// A file beyond 4 GiB, which takes no room where it is tried.
pub(super) fn large_files(directory: &Path, kind: Option<&str>) -> Result<Check, Failure> {
    const NAME: &str = "large_files";
    if !kind.is_some_and(|kind| SPARSE.contains(&kind)) {
        return Ok(Check::ok(
            NAME,
            "not tried: a large file might take room here",
            "a file that is too large shows as exit 8, with the previous state intact",
        ));
    }
    let scratch = Scratch::new(directory)?;
    let file = &scratch.file;
    let tried = || -> io::Result<bool> {
        file.set_size(LARGE)?;
        file.write_at(b"creel", LARGE - 5)?;
        let mut back = [0; 5];
        let read = file.read_at(&mut back, LARGE - 5)?;
        Ok(read == 5 && &back == b"creel" && file.size()? == LARGE)
    };
    Ok(match tried() {
        Ok(true) => Check::ok(NAME, "5 GiB and more", "the file may grow beyond 4 GiB"),
        Ok(false) => Check::fail(
            NAME,
            "bytes beyond 4 GiB are not those that were written",
            "a large database would be damaged",
            "use another file system",
        ),
        Err(e) => Check::warn(
            NAME,
            format!("no file of 5 GiB: {e}"),
            "a command that has to write beyond the limit ends with exit 8",
            "use another file system for large databases; look at ulimit -f",
        ),
    })
}
