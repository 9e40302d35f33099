//! Who holds a lock: read from `/proc`, only when an error is about to be reported.

use std::fs;
use std::io::Read;
use std::path::Path;

use super::FileIdentity;
use super::os::identity_of;
use crate::Holder;

/// The most bytes of a command line that are shown.
const COMMAND_LIMIT: u64 = 4096;

/// The process that holds a lock on byte `byte` of the file at `path`; `None` where that cannot
/// be read.
///
/// The kernel does not tell the owner of an open-file-description lock, but `/proc/PID/fdinfo`
/// lists the locks of each descriptor. Other processes come first: this one is named only when
/// nobody else holds the byte.
pub fn holder_of(path: &Path, byte: u64) -> Option<Holder> {
    let file = identity_of(&fs::metadata(path).ok()?);
    let own = std::process::id();
    let mut pids: Vec<u32> = fs::read_dir("/proc")
        .ok()?
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect();
    pids.sort_by_key(|pid| (*pid == own, *pid));
    let pid = pids.into_iter().find(|pid| holds(*pid, &file, byte))?;
    Some(Holder {
        pid,
        host: host_name(),
        command: command_of(pid),
    })
}

/// True when some descriptor of `pid` holds a lock on `byte` of `file`.
fn holds(pid: u32, file: &FileIdentity, byte: u64) -> bool {
    let Ok(entries) = fs::read_dir(format!("/proc/{pid}/fdinfo")) else {
        return false;
    };
    entries.flatten().any(|entry| {
        let Ok(info) = fs::read_to_string(entry.path()) else {
            return false;
        };
        let covers = |line| {
            HeldLock::parse(line).is_some_and(|held| held.inode == file.inode && held.covers(byte))
        };
        // The device is compared through `stat`: where a file system has several (btrfs,
        // overlay) the lock line names another number than `stat` does. Asked last, so that no
        // descriptor on a hanging mount is touched.
        info.lines().any(covers)
            && fs::metadata(format!("/proc/{pid}/fd/{}", entry.file_name().display()))
                .is_ok_and(|found| identity_of(&found).same_file(file))
    })
}

/// One `lock:` line, such as `lock: 1: OFDLCK ADVISORY WRITE -1 fe:00:131 100 200`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct HeldLock {
    inode: u64,
    first: u64,
    last: u64,
}

impl HeldLock {
    pub(super) fn parse(line: &str) -> Option<HeldLock> {
        let mut words = line.strip_prefix("lock:")?.split_whitespace();
        let _number = words.next()?;
        // FLOCK locks never conflict with byte ranges; `->` is somebody who waits.
        if !matches!(words.next()?, "OFDLCK" | "POSIX") {
            return None;
        }
        let (_advisory, _mode, _pid) = (words.next()?, words.next()?, words.next()?);
        let inode = words.next()?.rsplit(':').next()?.parse().ok()?;
        let first = words.next()?.parse().ok()?;
        let last = match words.next()? {
            "EOF" => u64::MAX,
            last => last.parse().ok()?,
        };
        Some(HeldLock { inode, first, last })
    }

    pub(super) fn covers(&self, byte: u64) -> bool {
        (self.first..=self.last).contains(&byte)
    }
}

/// The command line with its arguments, or the short name where there is none; no control
/// characters, because it is shown on terminals.
fn command_of(pid: u32) -> String {
    let mut line = Vec::new();
    if let Ok(file) = fs::File::open(format!("/proc/{pid}/cmdline")) {
        let _ = file.take(COMMAND_LIMIT).read_to_end(&mut line);
    }
    if line.iter().all(|byte| *byte == 0) {
        line = fs::read(format!("/proc/{pid}/comm")).unwrap_or_default();
    }
    let words: Vec<_> = line
        .split(|byte| *byte == 0)
        .filter(|word| !word.is_empty())
        .map(|word| String::from_utf8_lossy(word))
        .collect();
    words
        .join(" ")
        .trim_end()
        .chars()
        .map(|c| if c.is_control() { '?' } else { c })
        .collect()
}

/// The node name, as `uname -n` prints it.
fn host_name() -> String {
    // SAFETY: utsname is plain bytes, for which zeros are valid.
    let mut names: libc::utsname = unsafe { std::mem::zeroed() };
    // SAFETY: the kernel fills the struct it is given.
    if unsafe { libc::uname(&mut names) } != 0 {
        return String::new();
    }
    let name: Vec<u8> = names
        .nodename
        .iter()
        .map(|c| *c as u8)
        .take_while(|c| *c != 0)
        .collect();
    String::from_utf8_lossy(&name).into_owned()
}
