//! The new file: only under its own name when it is whole, and never in place of the old one.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use creel::salvage::{Salvage, SalvageOptions, Salvaged};
use creel::{Error, NoProgress, Progress, info};

use crate::breaker::Breaker;
use crate::world::{Image, rich};

fn salvage(path: &Path, new: &Path, force: bool) -> Result<Salvaged, Error> {
    let survey = Salvage::survey(path, new, &SalvageOptions::default(), &NoProgress)?;
    survey.write(new, force, &NoProgress)
}

fn placed(image: &Image) -> (tempfile::TempDir, std::path::PathBuf, std::path::PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let (path, new) = (dir.path().join("d.db"), dir.path().join("n.db"));
    std::fs::write(&path, &image.bytes).unwrap();
    (dir, path, new)
}

#[test]
fn an_existing_file_is_replaced_only_on_demand() {
    let (_dir, path, new) = placed(&rich(4096));
    std::fs::write(&new, b"precious").unwrap();
    assert!(matches!(
        salvage(&path, &new, false),
        Err(Error::Exists { .. })
    ));
    assert_eq!(std::fs::read(&new).unwrap(), b"precious");
    salvage(&path, &new, true).unwrap();
    assert!(info(&new).is_ok());
}

#[test]
fn the_damaged_file_is_never_the_target() {
    let image = rich(4096);
    let (dir, path, _) = placed(&image);
    let link = dir.path().join("link.db");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    let hard = dir.path().join("hard.db");
    std::fs::hard_link(&path, &hard).unwrap();
    for target in [&path, &link, &hard] {
        for force in [false, true] {
            assert!(matches!(
                salvage(&path, target, force),
                Err(Error::Invalid { .. })
            ));
        }
    }
    assert!(std::fs::read(&path).unwrap() == image.bytes);
}

#[test]
fn a_complete_result_continues_the_history_and_any_other_begins_one() {
    let image = rich(4096);
    let (_dir, path, new) = placed(&image);
    salvage(&path, &new, false).unwrap();
    let (old, copy) = (info(&path).unwrap(), info(&new).unwrap());
    assert_eq!(copy.lineage_id, old.lineage_id);
    assert_eq!(copy.checkpoint_index, image.last_index());
    assert_ne!(copy.file_id, old.file_id);
    let mut b = Breaker::new(&image.bytes);
    let page = b.shared_leaves()[3];
    b.smash_page(page);
    std::fs::write(&path, &b.bytes).unwrap();
    salvage(&path, &new, true).unwrap();
    let other = info(&new).unwrap();
    assert_ne!(other.lineage_id, old.lineage_id);
    assert_eq!(other.checkpoint_index, 0);
}

/// Stops at the n-th report.
struct StopAt {
    left: AtomicU64,
}

impl Progress for StopAt {
    fn report(&self, _: u64, _: Option<u64>) {
        let _ = self
            .left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1));
    }

    fn stopped(&self) -> bool {
        self.left.load(Ordering::Relaxed) == 0
    }
}

#[test]
fn stopping_anywhere_leaves_nothing_behind() {
    let image = rich(4096);
    let mut b = Breaker::new(&image.bytes);
    let page = b.shared_leaves()[3];
    b.smash_page(page);
    let (mut stopped, mut done) = (0, false);
    for n in (1..).step_by(19) {
        let dir = tempfile::tempdir().unwrap();
        let (path, new) = (dir.path().join("d.db"), dir.path().join("n.db"));
        std::fs::write(&path, &b.bytes).unwrap();
        let stop = StopAt {
            left: AtomicU64::new(n),
        };
        let survey = Salvage::survey(&path, &new, &SalvageOptions::default(), &stop);
        let result = survey.and_then(|survey| survey.write(&new, false, &stop));
        match result {
            Ok(_) => done = true,
            Err(Error::Interrupted) => {
                stopped += 1;
                let names = std::fs::read_dir(dir.path()).unwrap().count();
                assert_eq!(names, 1, "only the damaged file is there");
            }
            Err(e) => panic!("{e}"),
        }
        if done {
            break;
        }
    }
    assert!(stopped > 10, "{stopped}");
}
