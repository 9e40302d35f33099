//! The result: a new file, synced, verified, and only then given its name.

use std::path::Path;
use std::sync::Arc;

use super::flow::Sink;
use super::log::changed;
use super::pages::read_value;
use super::report::Salvaged;
use super::survey::Salvage;
use crate::check::source::Source;
use crate::check::{Verdict, VerifyOptions, verify};
use crate::db::CreateOptions;
use crate::db::create::{self, Identity};
use crate::db::newfile::NewFile;
use crate::error::{Error, Result};
use crate::format::checksum::history_start;
use crate::format::header::{Header, Role};
use crate::format::leaf::StoredValue;
use crate::format::{Depth, Invariant};
use crate::progress::Progress;
use crate::store::space::Space;
use crate::store::writer::PageWriter;
use crate::sys::File;
use crate::tree::{Assembler, Fill, NewValue, NoPages, TreeStats};

/// Log regions of the new file: as in the old one, inside these bounds.
const LOG_SIZES: std::ops::RangeInclusive<u64> = (512 << 10)..=(64 << 20);

impl Salvage<'_> {
    /// Fails where `new` cannot be written to: before the survey, so that nobody waits in vain.
    pub fn check_target(
        path: &Path,
        new: &Path,
        force: bool,
        vfs: &dyn crate::sys::Vfs,
    ) -> Result<()> {
        let Ok(there) = vfs.identity(new) else {
            return Ok(());
        };
        if vfs
            .identity(path)
            .is_ok_and(|source| source.same_file(&there))
        {
            let reason = format!("{} is the damaged file itself", new.display());
            return Err(Error::Invalid { reason });
        }
        if force {
            let free = vfs.may_replace(new);
            return free.map_err(|e| Error::io_at("replace", new, e));
        }
        Err(Error::Exists {
            path: new.to_owned(),
        })
    }

    /// Writes what the survey found to a new file. It gets its name when it is whole, synced and
    /// verified; `force` replaces a file that has that name.
    pub fn write(&self, new: &Path, force: bool, progress: &dyn Progress) -> Result<Salvaged> {
        progress.begin("write");
        let vfs = Arc::clone(&self.options.vfs);
        Salvage::check_target(&self.path, new, force, vfs.as_ref())?;
        let file = NewFile::create(new, &vfs)?;
        let salvaged = self.fill(file.file(), file.path(), progress)?;
        file.publish(force)?;
        Ok(salvaged)
    }

    fn fill(&self, file: &Arc<dyn File>, path: &Path, progress: &dyn Progress) -> Result<Salvaged> {
        let mut header = self.first_header()?;
        let mut space = Space::fresh(&header);
        let mut writer = PageWriter::new(file, &mut space, header.page_size(), 1);
        let no_pages = NoPages(header.page_size());
        let mut build = Build {
            source: &self.moment.source,
            newest: u64::MAX,
            assembler: Assembler::new(&no_pages, &mut writer, Fill::Dense),
            value: Vec::new(),
        };
        for (key, value) in self.tally.names.entries(self.report().complete) {
            build.assembler.push_entry(&key, NewValue::Raw(&value))?;
        }
        let (tally, _) = self.run(&mut build)?;
        let (root, stats) = build.assembler.finish()?;
        writer.flush()?;
        if tally.all != self.tally.all || !is_same(&stats, &header_sums(self)) {
            return Err(changed());
        }
        header.page_count = space.page_count();
        (header.root_page, header.root_crc, header.root_height) =
            (root.page, root.crc, root.height);
        (header.entry_count, header.logical_bytes) = (stats.entries, stats.logical_bytes);
        header.content_sum = stats.content_sum;
        let (first, history, epoch) = (header.checkpoint_index + 1, header.history, header.epoch);
        let vfs = self.options.vfs.as_ref();
        create::write_regions(file.as_ref(), &header, vfs, first, &history, epoch)?;
        create::write_first_header(file.as_ref(), &header)?;
        file.sync().map_err(|e| Error::io_at("sync", path, e))?;
        self.check(path, &header, progress)?;
        let bytes = u64::from(header.page_count) * header.page_size() as u64;
        let continues = self.report().complete;
        Ok(Salvaged {
            entries: stats.entries,
            bytes,
            continues,
        })
    }

    /// The new file's header, but for its tree. A complete result continues the history of the
    /// old file; any other one begins a history of its own, so that nobody takes it for a copy
    /// of what was lost.
    fn first_header(&self) -> Result<Header> {
        let vfs = self.options.vfs.as_ref();
        let old = self
            .header
            .as_ref()
            .zip(self.log.end)
            .filter(|_| self.report().complete);
        let mut identity = Identity::random(vfs)?;
        if let Some((header, _)) = &old {
            identity.lineage_id = header.lineage_id;
        }
        let page_size = self.moment.source.page_size;
        let options = CreateOptions {
            page_size: page_size as u32,
            wal_size: self.log_size(page_size as u64),
            role: old
                .as_ref()
                .map_or(Role::Standalone, |(header, _)| header.role),
        };
        let mut new = create::first_header(&options, &identity, vfs.now_us() / 1000);
        new.history = history_start(&identity.lineage_id);
        if let Some((header, end)) = old {
            new.checkpoint_index = end.index;
            new.history = end.history;
            new.epoch = end.epoch.max(header.epoch);
            new.epoch_start_index = header.epoch_start_index;
            (new.fenced, new.fence_epoch) = (header.fenced, header.fence_epoch);
            new.upstream_file_id = header.upstream_file_id;
            new.created_time_ms = header.created_time_ms;
            for region in &mut new.regions {
                region.first_index = end.index + 1;
            }
        }
        Ok(new)
    }

    fn log_size(&self, page_size: u64) -> u64 {
        let base = self
            .header
            .as_ref()
            .map(|h| u64::from(h.regions[0].base_pages));
        let size = base.map_or(0, |pages| pages.saturating_mul(page_size));
        size.clamp(*LOG_SIZES.start(), *LOG_SIZES.end())
    }

    /// The result has to pass the deepest check before it gets its name.
    fn check(&self, path: &Path, header: &Header, progress: &dyn Progress) -> Result<()> {
        let options = VerifyOptions {
            level: Depth::Deep,
            vfs: Arc::clone(&self.options.vfs),
            ..VerifyOptions::default()
        };
        progress.begin("verify");
        let report = verify(path, &options, progress)?;
        if report.verdict == Verdict::Clean && report.entries == header.entry_count {
            return Ok(());
        }
        let first = report.findings.first();
        let (id, detail) = match first {
            Some(finding) => (finding.id, finding.detail.clone()),
            None => (Invariant::T6, "entries are missing".to_owned()),
        };
        let text = format!("the new file does not pass verification: {detail}");
        Err(Error::corrupt(id, text))
    }
}

fn header_sums(salvage: &Salvage<'_>) -> TreeStats {
    let all = &salvage.tally.all;
    TreeStats {
        entries: all.entries,
        logical_bytes: all.bytes,
        content_sum: all.content_sum,
        ..TreeStats::default()
    }
}

fn is_same(a: &TreeStats, b: &TreeStats) -> bool {
    (a.entries, a.logical_bytes, a.content_sum) == (b.entries, b.logical_bytes, b.content_sum)
}

/// Puts entries into the new tree.
struct Build<'b, W: crate::tree::PageWrite> {
    source: &'b Source<'b>,
    newest: u64,
    assembler: Assembler<'b, NoPages, W>,
    value: Vec<u8>,
}

impl<W: crate::tree::PageWrite> Sink for Build<'_, W> {
    fn entry(&mut self, full_key: &[u8], value: &StoredValue<'_>) -> Result<()> {
        let bytes = match value {
            StoredValue::Inline(bytes) => bytes,
            StoredValue::Overflow(reference) => {
                if !read_value(self.source, reference, self.newest, &mut self.value)? {
                    return Err(changed());
                }
                self.value.as_slice()
            }
        };
        self.assembler.push_entry(full_key, NewValue::Raw(bytes))
    }
}
