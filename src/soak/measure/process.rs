//! What a process uses, as the system tells.

use std::io;
use std::path::PathBuf;

/// Memory and open files of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Memory in use, mapped files included.
    pub rss_kb: u64,
    /// Memory that is no file's: where a leak shows.
    pub anon_kb: u64,
    /// Open descriptors.
    pub descriptors: u64,
}

/// Of this process, or of another one.
pub fn usage(pid: Option<u32>) -> io::Result<Usage> {
    let folder = match pid {
        None => PathBuf::from("/proc/self"),
        Some(pid) => PathBuf::from("/proc").join(pid.to_string()),
    };
    let status = std::fs::read_to_string(folder.join("status"))?;
    // One of them is the descriptor that reads the folder.
    let own = u64::from(pid.is_none());
    let descriptors = std::fs::read_dir(folder.join("fd"))?.count() as u64 - own;
    Ok(Usage {
        rss_kb: field(&status, "VmRSS:")?,
        anon_kb: field(&status, "RssAnon:")?,
        descriptors,
    })
}

fn field(status: &str, name: &str) -> io::Result<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|rest| rest.split_whitespace().next()?.parse().ok());
    number.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, format!("no {name}")))
}

#[cfg(test)]
#[cfg(target_os = "linux")]
#[allow(clippy::unwrap_used)] // a test may panic
mod tests {
    use super::*;

    #[test]
    fn memory_and_files_that_are_taken_show() {
        // Other tests of this process take and give back memory meanwhile: only what is held counts.
        let block = std::hint::black_box(vec![1_u8; 32 << 20]);
        let file = std::fs::File::open("/proc/self/status").unwrap();
        let after = usage(None).unwrap();
        assert!(after.anon_kb >= 30 << 10, "{after:?}");
        assert!(after.descriptors > 0 && after.rss_kb >= after.anon_kb);
        drop((block, file));
        assert!(usage(Some(std::process::id())).is_ok());
        assert!(field("VmRSS: x kB", "VmRSS:").is_err());
    }
}
