//! A dense copy in a new file: `compact -o NEW`.

use std::path::Path;
use std::sync::Arc;

use super::Db;
use super::compact::CompactReport;
use super::create::{self, Identity};
use super::cursor::Cursor;
use super::handle::{Inner, lock};
use super::options::CreateOptions;
use super::pace::Paced;
use super::snapshot::Snapshot;
use crate::error::{Error, Result};
use crate::format::Depth;
use crate::format::Invariant;
use crate::format::checksum::History;
use crate::format::header::Header;
use crate::format::local::is_local;
use crate::progress::Progress;
use crate::store::space::Space;
use crate::store::writer::PageWriter;
use crate::sys::File;
use crate::tree::{Assembler, Fill, NewValue, NoPages};

/// One moment of the database, with its place in the log.
struct Moment {
    /// Held, so that commits during the copy leave the versions that it reads.
    snapshot: Snapshot,
    header: Header,
    index: u64,
    epoch: u32,
    history: History,
}

/// How to make a dense copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CopyOptions {
    /// Replace an existing file, which must not be the database itself.
    pub replace: bool,
    /// Bytes to write in a second at most.
    pub rate: Option<u64>,
    /// How thoroughly to check the new file before it gets its name; `None` = not at all. At
    /// [`Depth::Deep`] the content sum is that of what can be read back.
    pub verify: Option<Depth>,
}

impl Db {
    /// Writes a dense copy of the present state to `dest`, which must not exist. The copy has the
    /// same lineage and log position, and a file id of its own.
    pub fn copy_dense(&self, dest: &Path, progress: &dyn Progress) -> Result<CompactReport> {
        self.copy_dense_with(dest, &CopyOptions::default(), progress)
    }

    /// The same with options.
    pub fn copy_dense_with(
        &self,
        dest: &Path,
        options: &CopyOptions,
        progress: &dyn Progress,
    ) -> Result<CompactReport> {
        self.inner.copy_dense(dest, options, progress)
    }
}

impl Inner {
    fn copy_dense(
        self: &Arc<Self>,
        dest: &Path,
        options: &CopyOptions,
        progress: &dyn Progress,
    ) -> Result<CompactReport> {
        self.check_destination(dest, options.replace)?;
        let paced = Paced::new(self, progress, options.rate, false);
        let moment = self.moment()?;
        let mut report = CompactReport {
            done: true,
            rounds: 1,
            ..CompactReport::default()
        };
        let size = |f: &dyn File| f.size().map_err(|e| Error::io_at("look at", &self.path, e));
        report.bytes_before = size(self.file.as_ref())?;
        let vfs = Arc::clone(&self.options.vfs);
        let new = create::filled(dest, &vfs, |file| {
            let header = self.write_copy(file, &moment, &paced)?;
            report.bytes_after = u64::from(header.page_count) * header.page_size() as u64;
            report.bytes_written = report.bytes_after;
            report.entries = header.entry_count;
            report.content_sum_after = header.content_sum;
            Ok(())
        })?;
        report.content_sum_before = report.content_sum_after;
        if let Some(level) = options.verify {
            // What is read back is to be what the medium holds.
            new.file().drop_cache(0, report.bytes_after);
            progress.begin("verify");
            self.check_copy(new.path(), level, progress)?;
        }
        self.check_destination(dest, options.replace)?;
        new.publish(options.replace)?;
        Ok(report)
    }

    /// A snapshot together with the history of the log up to it.
    fn moment(self: &Arc<Self>) -> Result<Moment> {
        let mut log = lock(&self.log);
        self.hold_all(&mut log, false)?;
        if !log.writing {
            self.refresh(&mut log, false)?;
        }
        let history = self.history(&mut log)?;
        let index = log.tail.last_index();
        // Under the lock of the log nothing becomes visible, so this is the same moment.
        let snapshot = Snapshot::of_present(self);
        let header = log.current.header.clone();
        Ok(Moment {
            snapshot,
            header,
            index,
            epoch: log.tail.link.epoch,
            history,
        })
    }

    fn write_copy(
        &self,
        file: &Arc<dyn File>,
        moment: &Moment,
        progress: &dyn Progress,
    ) -> Result<Header> {
        let old = &moment.header;
        let options = CreateOptions {
            page_size: old.page_size() as u32,
            wal_size: u64::from(old.regions[0].base_pages) * old.page_size() as u64,
            role: old.role,
        };
        let mut identity = Identity::random(self.vfs())?;
        identity.lineage_id = old.lineage_id;
        let now_ms = self.vfs().now_us() / 1000;
        let mut header = create::first_header(&options, &identity, now_ms);
        let mut space = Space::fresh(&header);
        let mut writer = PageWriter::new(file, &mut space, header.page_size(), 1);
        writer.watch(progress);
        let no_pages = NoPages(header.page_size());
        let mut assembler = Assembler::new(&no_pages, &mut writer, Fill::Dense);
        let everything = (std::ops::Bound::Unbounded, std::ops::Bound::Unbounded);
        let mut cursor = Cursor::of(&moment.snapshot, everything);
        while let Some((key, value)) = cursor.next_full()? {
            if is_local(key) {
                continue; // facts about this file, not about the copy
            }
            assembler.push_entry(key, NewValue::Raw(value))?;
        }
        let (root, stats) = assembler.finish()?;
        writer.flush()?;
        header.page_count = space.page_count();
        (header.root_page, header.root_crc, header.root_height) =
            (root.page, root.crc, root.height);
        header.entry_count = stats.entries;
        header.logical_bytes = stats.logical_bytes;
        header.content_sum = stats.content_sum;
        header.checkpoint_index = moment.index;
        header.history = moment.history;
        header.epoch = moment.epoch.max(old.epoch);
        (header.fenced, header.fence_epoch) = (old.fenced, old.fence_epoch);
        header.epoch_start_index = old.epoch_start_index;
        header.upstream_file_id = old.upstream_file_id;
        header.created_time_ms = old.created_time_ms;
        for region in &mut header.regions {
            region.first_index = moment.index + 1;
        }
        if moment.index == old.checkpoint_index && header.content_sum != old.content_sum {
            let text = "the copy's content sum differs from the original's";
            return Err(Error::corrupt(Invariant::T11, text));
        }
        let vfs = self.vfs();
        let next = moment.index + 1;
        create::write_regions(
            file.as_ref(),
            &header,
            vfs,
            next,
            &moment.history,
            moment.epoch,
        )?;
        create::write_first_header(file.as_ref(), &header)?;
        Ok(header)
    }
}
