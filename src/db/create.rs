//! Creating a database: a file without its name, synced, then named.

use std::io::IoSlice;
use std::path::Path;
use std::sync::Arc;

use super::newfile::NewFile;
use super::options::CreateOptions;
use crate::defect::{Defect, planted};
use crate::error::{Error, Result};
use crate::format::bytes::u32_at;
use crate::format::checksum::history_start;
use crate::format::header::{Header, RegionSlot, Role, first_page};
use crate::format::mark::Mark;
use crate::format::region::{REGION_HEADER_SIZE, RegionHeader};
use crate::format::{PAGE_SIZES, SLOT_SIZE};
use crate::sys::{File, Vfs, allocate_zeroed};

/// Smallest and largest first size of a log region.
const WAL_SIZES: std::ops::RangeInclusive<u64> = (64 << 10)..=(1 << 30);

/// Ids of a new file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Identity {
    pub lineage_id: [u8; 16],
    pub file_id: [u8; 16],
}

impl Identity {
    pub(crate) fn random(vfs: &dyn Vfs) -> Result<Identity> {
        let mut bytes = [0u8; 32];
        vfs.random(&mut bytes)
            .map_err(|e| Error::io("get random bytes", e))?;
        let mut id = Identity {
            lineage_id: [0; 16],
            file_id: [0; 16],
        };
        let (lineage, file) = bytes.split_at(16);
        id.lineage_id.copy_from_slice(lineage);
        id.file_id.copy_from_slice(file);
        Ok(id)
    }
}

/// Makes a database that is to be called `path`, which must not exist, and does not have the name
/// yet.
pub(crate) fn create(path: &Path, options: &CreateOptions, vfs: &Arc<dyn Vfs>) -> Result<NewFile> {
    check_options(options)?;
    if vfs.identity(path).is_ok() {
        return Err(Error::Exists {
            path: path.to_owned(),
        });
    }
    let identity = Identity::random(vfs.as_ref())?;
    let header = first_header(options, &identity, vfs.now_us() / 1000);
    filled(path, vfs, |file| {
        let history = history_start(&header.lineage_id);
        write_regions(file.as_ref(), &header, vfs.as_ref(), 1, &history, 1)?;
        write_first_header(file.as_ref(), &header)
    })
}

/// Fills a file that has no name yet and syncs it. The final name is for the caller to give, when
/// everything is durable; nothing is left behind on failure.
pub(crate) fn filled(
    path: &Path,
    vfs: &Arc<dyn Vfs>,
    fill: impl FnOnce(&Arc<dyn File>) -> Result<()>,
) -> Result<NewFile> {
    let new = NewFile::create(path, vfs)?;
    fill(new.file())?;
    let synced = match planted(Defect::RenameBeforeSync) {
        true => Ok(()),
        false => new.file().sync(),
    };
    synced.map_err(|e| Error::io_at("sync", path, e))?;
    Ok(new)
}

fn check_options(options: &CreateOptions) -> Result<()> {
    let size = options.page_size;
    if !size.is_power_of_two() || !PAGE_SIZES.contains(&size) {
        let reason = format!("page size {size} is not a power of two from 4096 to 65536");
        return Err(Error::Invalid { reason });
    }
    if !WAL_SIZES.contains(&options.wal_size) {
        let reason = format!(
            "log size {} is not between 64 KiB and 1 GiB",
            options.wal_size
        );
        return Err(Error::Invalid { reason });
    }
    if options.role == Role::Replica {
        let reason = "a replica is made from its source, not empty".into();
        return Err(Error::Invalid { reason });
    }
    Ok(())
}

/// Header of generation 1 with an empty tree and two fresh log regions.
pub(crate) fn first_header(options: &CreateOptions, identity: &Identity, now_ms: u64) -> Header {
    let page_size = options.page_size as usize;
    let first = first_page(page_size);
    let pages = options.wal_size.div_ceil(page_size as u64) as u32;
    let region = |number: u32| RegionSlot {
        start_page: first + number * pages,
        pages,
        // Region 0 is the newer incarnation, so the log begins there.
        region_seq: 2 - u64::from(number),
        first_index: 1,
        zero_filled: true,
        base_pages: pages,
    };
    Header {
        page_shift: options.page_size.trailing_zeros() as u8,
        compat: 0,
        ro_compat: 0,
        incompat: 0,
        lineage_id: identity.lineage_id,
        file_id: identity.file_id,
        generation: 1,
        checkpoint_index: 0,
        history: history_start(&identity.lineage_id),
        checkpoint_time_ms: now_ms,
        entry_count: 0,
        logical_bytes: 0,
        content_sum: 0,
        root_page: 0,
        root_crc: 0,
        root_height: 0,
        page_count: first + 2 * pages,
        free_head: 0,
        free_head_crc: 0,
        free_available: 0,
        free_pending: 0,
        prev_header_crc: 0,
        regions: [region(0), region(1)],
        epoch: 1,
        role: options.role,
        fenced: false,
        epoch_start_index: 1,
        fence_epoch: 0,
        upstream_file_id: [0; 16],
        archive_first_index: 0,
        created_time_ms: now_ms,
        trees_from: 0,
    }
}

/// Zero-fills both regions (so that no commit has to allocate) and writes their headers.
pub(crate) fn write_regions(
    file: &dyn File,
    header: &Header,
    vfs: &dyn Vfs,
    first_index: u64,
    history: &[u8; 16],
    epoch: u32,
) -> Result<()> {
    let failed = |e| Error::io("write the log regions", e);
    for (slot, extent) in header.regions.iter().zip(crate::wal::extents(header)) {
        allocate_zeroed(file, extent.start, extent.len).map_err(failed)?;
        let region = RegionHeader {
            salt: random_salt(vfs)?,
            region_seq: slot.region_seq,
            first_index,
            history: *history,
            epoch,
            prev_end_units: 0,
            prev_crc: 0,
            durable_gen: 1,
            file_id_low: u32_at(&header.file_id, 0).unwrap_or(0),
        };
        file.write_at(&region.encode(), extent.start)
            .map_err(failed)?;
        // The file is synced before anybody opens it.
        let units = (REGION_HEADER_SIZE / 8) as u32;
        let mark = Mark {
            own_units: units,
            prev_crc: 0,
        };
        file.write_at(
            &mark.encode(region.salt),
            extent.start + REGION_HEADER_SIZE as u64,
        )
        .map_err(failed)?;
    }
    Ok(())
}

/// A salt for a new incarnation of a region.
pub(crate) fn random_salt(vfs: &dyn Vfs) -> Result<u64> {
    let mut bytes = [0u8; 8];
    vfs.random(&mut bytes)
        .map_err(|e| Error::io("get random bytes", e))?;
    if planted(Defect::NoSalt) {
        bytes = [7; 8];
    }
    // A sync word of zero would look like unused space.
    Ok(u64::from_le_bytes(bytes) | 1)
}

/// Writes generation 1 into its slot and leaves the other one blank.
pub(crate) fn write_first_header(file: &dyn File, header: &Header) -> Result<()> {
    let bytes: [u8; SLOT_SIZE] = header.encode();
    file.write_durable_at(&[IoSlice::new(&bytes)], header.slot_offset())
        .map_err(|e| Error::io("write the header", e))
}
