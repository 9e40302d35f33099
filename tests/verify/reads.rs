//! Reads that the medium refuses, one after the other: what could not be looked at is never clean.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use creel::sys::{Access, File, FileOver, OsVfs, Vfs, VfsOver};
use creel::{Depth, Error, NoProgress, Verdict, VerifyOptions, VerifyReport};

use super::files::{TestFile, rich, tiny};

/// Reads from the `nth` on that fail: one of them, or all.
#[derive(Debug, Default)]
struct Plan {
    nth: usize,
    forever: bool,
    reads: AtomicUsize,
}

#[derive(Debug)]
struct Refusing(Arc<Plan>);

impl VfsOver for Refusing {
    fn under(&self) -> &dyn Vfs {
        &OsVfs
    }

    fn open(&self, path: &Path, access: Access) -> io::Result<Arc<dyn File>> {
        let file = OsVfs.open(path, access)?;
        let plan = Arc::clone(&self.0);
        Ok(Arc::new(RefusingFile { file, plan }))
    }
}

#[derive(Debug)]
struct RefusingFile {
    file: Arc<dyn File>,
    plan: Arc<Plan>,
}

impl FileOver for RefusingFile {
    fn under(&self) -> &dyn File {
        self.file.as_ref()
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let now = self.plan.reads.fetch_add(1, Ordering::Relaxed) + 1;
        if now == self.plan.nth || (self.plan.forever && now > self.plan.nth) {
            return Err(io::Error::from_raw_os_error(libc::EIO));
        }
        self.file.read_at(buf, offset)
    }
}

fn verify(file: &TestFile, level: Depth, plan: &Arc<Plan>) -> creel::Result<VerifyReport> {
    let options = VerifyOptions {
        level,
        vfs: Arc::new(Refusing(Arc::clone(plan))),
        ..VerifyOptions::default()
    };
    creel::verify(&file.path, &options, &NoProgress)
}

fn refuse_each(file: &TestFile, level: Depth) {
    let plan = Arc::new(Plan::default());
    let whole = verify(file, level, &plan).unwrap();
    assert_eq!(whole.verdict, Verdict::Clean, "{:?}", whole.findings);
    let reads = plan.reads.load(Ordering::Relaxed);
    assert!(reads > 5, "{reads} reads");
    for nth in 1..=reads {
        for forever in [false, true] {
            let plan = Arc::new(Plan {
                nth,
                forever,
                ..Plan::default()
            });
            let place = format!("{level:?}, read {nth} of {reads}, forever: {forever}");
            match verify(file, level, &plan) {
                // Of pages that only the older header needs it is noted.
                Ok(report) if report.verdict == Verdict::Clean && report.findings.is_empty() => {
                    assert_eq!(report.checked, whole.checked, "{place}: {:?}", report.notes);
                    assert_eq!(report.entries, whole.entries, "{place}");
                    assert!(!forever, "{place}: clean");
                }
                Ok(_) | Err(Error::Io { .. }) => {}
                Err(e) => panic!("{place}: {e:?}"),
            }
        }
    }
}

/// Where a read of the catalogue failed once, the log was not replayed, and the verdict was clean.
#[test]
fn what_a_failed_read_kept_from_being_checked_was_clean() {
    for level in [Depth::Quick, Depth::Full, Depth::Deep] {
        refuse_each(&rich(), level);
        refuse_each(&tiny(), level);
    }
}
