//! A read-only map of the beginning of a file.

use std::io;
use std::ptr;

use memmap2::Mmap;

/// A read-only map of the beginning of a file.
///
/// The map keeps the open file description alive: locks taken through the same `File` must be
/// given back explicitly, closing is not enough.
#[derive(Debug)]
pub struct FileMap(Mmap);

impl FileMap {
    #[cfg(unix)]
    pub(super) fn new(map: Mmap) -> Self {
        FileMap(map)
    }

    /// The mapped bytes.
    ///
    /// Read only ranges that no writer changes any more (pages of a pinned generation): bytes
    /// past the end of the file raise SIGBUS, bytes being written may be seen torn.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Length of the map in bytes.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True when nothing is mapped.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Hint: reads will jump around (no read-ahead).
    pub fn advise_random(&self) {
        #[cfg(unix)]
        let _ = self.0.advise(memmap2::Advice::Random);
    }

    /// Hint: reads will go from front to back (more read-ahead).
    pub fn advise_sequential(&self) {
        #[cfg(unix)]
        let _ = self.0.advise(memmap2::Advice::Sequential);
    }

    /// Reads a range into memory ahead of its use and tells of pages that cannot be read
    /// (past the end of the file, medium error) by an error instead of a later SIGBUS.
    ///
    /// `Ok` without effect where the kernel cannot do this.
    pub fn populate(&self, offset: usize, len: usize) -> io::Result<()> {
        let end = offset.checked_add(len).filter(|end| *end <= self.0.len());
        if end.is_none() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "range outside the map",
            ));
        }
        if len == 0 {
            return Ok(());
        }
        #[cfg(target_os = "linux")]
        loop {
            let advice = memmap2::Advice::PopulateRead;
            match self.0.advise_range(advice, offset, len) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                // Kernels before 5.14 do not know this advice.
                Err(e) if e.raw_os_error() == Some(libc::EINVAL) => return Ok(()),
                other => return other,
            }
        }
        #[cfg(not(target_os = "linux"))]
        Ok(())
    }

    /// Starts to bring a range that is in memory into the processor's cache. Costs an instruction
    /// for each 64 bytes and waits for nothing.
    #[inline]
    pub fn prefetch(&self, offset: usize, len: usize) {
        #[cfg(target_arch = "x86_64")]
        if let Some(bytes) = self.0.get(offset..offset.saturating_add(len)) {
            use std::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
            for line in bytes.chunks(64) {
                // SAFETY: a prefetch of any address has no effect that a program can see.
                unsafe { _mm_prefetch::<_MM_HINT_T1>(line.as_ptr().cast()) };
            }
        }
        #[cfg(not(target_arch = "x86_64"))]
        let _ = (offset, len);
    }

    /// Gives the memory of all that was read back to the system. What is read again comes from
    /// its cache of the file.
    pub fn forget(&self) {
        // SAFETY: the map is of a file and never written through, so no byte is lost by this;
        // references into it stay valid and read the same bytes again.
        #[cfg(unix)]
        let _ = unsafe { self.0.unchecked_advise(memmap2::UncheckedAdvice::DontNeed) };
    }

    /// A little-endian word that another process may be writing; a hint only.
    ///
    /// `None` when it does not lie in the map or `offset` is not a multiple of 4.
    pub fn volatile_u32(&self, offset: usize) -> Option<u32> {
        let word: *const u32 = self.word(offset)?;
        // SAFETY: `word` checked that the word is aligned and lies inside the live map; any bit
        // pattern is a u32; volatile because another process may change it.
        Some(u32::from_le(unsafe { ptr::read_volatile(word) }))
    }

    /// A little-endian word that another process may be writing; a hint only.
    ///
    /// `None` when it does not lie in the map or `offset` is not a multiple of 8.
    pub fn volatile_u64(&self, offset: usize) -> Option<u64> {
        let word: *const u64 = self.word(offset)?;
        // SAFETY: as in `volatile_u32`.
        Some(u64::from_le(unsafe { ptr::read_volatile(word) }))
    }

    /// Address of an aligned word that lies wholly inside the map.
    fn word<T>(&self, offset: usize) -> Option<*const T> {
        let word = self
            .0
            .get(offset..offset.checked_add(size_of::<T>())?)?
            .as_ptr()
            .cast::<T>();
        word.is_aligned().then_some(word)
    }
}
