//! Kernel, memory pages, clock and limits of the process.

use creel::sys::{OsVfs, Vfs, machine};

use super::check::Check;
use crate::cli::units::human_size;

/// The first kernel that can sync a range together with writing it.
const SYNCS_RANGES: (u32, u32) = (4, 7);
/// 2025 and 2100, in microseconds: what a clock that was ever set shows.
const PLAUSIBLE: std::ops::Range<u64> = 1_735_689_600_000_000..4_102_444_800_000_000;
/// The largest memory page that maps have been thought through for.
const LARGEST_PAGE: u64 = 64 << 10;

pub(super) fn kernel() -> Check {
    const NAME: &str = "kernel";
    let Ok(found) = machine::kernel() else {
        return Check::warn(
            NAME,
            "unknown",
            "creel is tested on Linux only",
            "expect less than the documents promise",
        );
    };
    if !found.starts_with("Linux ") {
        return Check::warn(
            NAME,
            found,
            "creel is tested on Linux only",
            "expect less than the documents promise",
        );
    }
    if release(&found).is_some_and(|release| release < SYNCS_RANGES) {
        return Check::warn(
            NAME,
            found,
            "before 4.7 each commit syncs the whole file",
            "use a newer kernel where commits are too slow",
        );
    }
    Check::ok(NAME, found, "has the calls that creel uses")
}

/// `(6, 1)` of `Linux 6.1.0-13-amd64`.
fn release(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.split_whitespace().nth(1)?.split(['.', '-']);
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

pub(super) fn memory_page() -> Check {
    const NAME: &str = "memory_page";
    match machine::memory_page() {
        Ok(bytes) if bytes.is_power_of_two() && bytes <= LARGEST_PAGE => Check::ok(
            NAME,
            human_size(bytes),
            "any page size of a database works with it",
        )
        .fact("bytes", bytes),
        Ok(bytes) => Check::warn(
            NAME,
            human_size(bytes),
            "nobody has tried creel with memory pages of this size",
            "run creel verify --level deep on a copy of your data before you rely on it",
        )
        .fact("bytes", bytes),
        Err(e) => Check::warn(
            NAME,
            e.to_string(),
            "the size of a memory page is not known",
            "nothing; please report it",
        ),
    }
}

pub(super) fn clock() -> Check {
    const NAME: &str = "clock";
    let now = OsVfs.now_us();
    let found = format!("{} seconds since 1970", now / 1_000_000);
    let check = if PLAUSIBLE.contains(&now) {
        Check::ok(NAME, found, "times in reports are plausible")
    } else {
        Check::warn(
            NAME,
            found,
            "times in reports will be wrong; nothing else depends on the clock",
            "set the clock",
        )
    };
    check.fact("unix_ms", now / 1000)
}

pub(super) fn file_size_limit() -> Check {
    const NAME: &str = "file_size_limit";
    match machine::file_size_limit() {
        Ok(None) => Check::ok(NAME, "none", "the file may grow as its file system allows"),
        Ok(Some(bytes)) => Check::warn(
            NAME,
            human_size(bytes),
            "no file grows beyond it; a command that would have to ends with exit 8",
            "ulimit -f unlimited",
        )
        .fact("bytes", bytes),
        Err(e) => Check::warn(
            NAME,
            e.to_string(),
            "it is not known how far the file may grow",
            "nothing; please report it",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_read() {
        assert_eq!(release("Linux 6.1.0-13-amd64"), Some((6, 1)));
        assert_eq!(release("Linux 4.4-custom"), Some((4, 4)));
        assert_eq!(release("Linux"), None);
        assert!(release("Linux 4.4.0") < Some(SYNCS_RANGES));
    }
}
