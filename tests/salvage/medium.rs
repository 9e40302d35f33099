//! A medium that refuses to read some places.

use std::io::{self};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use creel::salvage::SalvageOptions;
use creel::sys::{Access, File, FileOver, OsVfs, Vfs, VfsOver};

use crate::breaker::Breaker;
use crate::oracle::{Saved, save_with};
use crate::world::{Image, rich};

/// The machine's file system, but for bytes of the database that cannot be read.
#[derive(Debug, Clone)]
struct BadMedium(Vec<Range<u64>>);

#[derive(Debug)]
struct BadFile(Arc<dyn File>, Vec<Range<u64>>);

impl FileOver for BadFile {
    fn under(&self) -> &dyn File {
        self.0.as_ref()
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let end = offset + buf.len() as u64;
        if self.1.iter().any(|bad| bad.start < end && offset < bad.end) {
            return Err(io::Error::other("the medium is bad here"));
        }
        self.0.read_at(buf, offset)
    }
}

impl VfsOver for BadMedium {
    fn under(&self) -> &dyn Vfs {
        &OsVfs
    }

    fn open(&self, path: &Path, access: Access) -> io::Result<Arc<dyn File>> {
        let file = OsVfs.open(path, access)?;
        let is_database = path.file_name().is_some_and(|name| name == "damaged.db");
        let bad = if is_database {
            self.0.clone()
        } else {
            Vec::new()
        };
        Ok(Arc::new(BadFile(file, bad)))
    }
}

fn save(image: &Image, bad: &[(usize, usize)]) -> Saved {
    let bad = bad
        .iter()
        .map(|(from, to)| *from as u64..*to as u64)
        .collect();
    let options = SalvageOptions {
        vfs: Arc::new(BadMedium(bad)),
        ..SalvageOptions::default()
    };
    save_with(image, &image.bytes, &options)
}

#[test]
fn headers_that_cannot_be_read() {
    let image = rich(4096);
    for slot in [0, 8192] {
        let saved = save(&image, &[(slot, slot + 512)]);
        assert_eq!(
            (saved.step(), saved.report.complete),
            ("copy", true),
            "{slot}"
        );
        assert!(saved.state == image.newest());
    }
    let saved = save(&image, &[(0, 16384)]);
    assert_eq!((saved.step(), saved.report.complete), ("root", false));
    assert!(saved.state == image.newest());
}

#[test]
fn pages_that_cannot_be_read() {
    let image = rich(4096);
    let b = Breaker::new(&image.bytes);
    let place = |page: u32| (page as usize * 4096, (page as usize + 1) * 4096);
    let saved = save(
        &image,
        &[place(b.header().root_page), place(b.new_leaves()[0])],
    );
    assert_eq!((saved.step(), saved.report.complete), ("previous", true));
    assert!(saved.state == image.newest());
    let shared = b.shared_leaves();
    let saved = save(&image, &[place(shared[4]), place(shared[9])]);
    assert_eq!(saved.report.lost.len(), 2);
    assert!(
        saved.report.lost[0]
            .cause
            .detail
            .contains("cannot read the page")
    );
}

#[test]
fn a_log_that_cannot_be_read() {
    let image = rich(4096);
    let b = Breaker::new(&image.bytes);
    let frames = b.frames();
    let (at, len, index) = frames[frames.len() / 2];
    let saved = save(&image, &[(at, at + len)]);
    assert_eq!(saved.step(), "log");
    assert!(!saved.report.complete && saved.report.last_index < Some(index));
    let (_, start, _) = b.active();
    let saved = save(&image, &[(start, start + 65536)]);
    assert_eq!(saved.report.last_index, Some(b.header().checkpoint_index));
}
