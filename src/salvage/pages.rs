//! Pages and large values as they are in the file, each used once.

use crate::check::source::Source;
use crate::error::{Corruption, Error, Result};
use crate::format::bytes::all_zero;
use crate::format::checksum::crc_append;
use crate::format::header::first_page;
use crate::format::overflow::OverflowRef;
use crate::format::page::{PageKind, check_page};
use crate::format::{Invariant, PAGE_HEADER_SIZE};
use crate::tree::RawPages;

/// Bytes of a large value that are read at a time.
const PIECE: usize = 1 << 20;

/// The file as the walk of a tree reads it.
pub(super) struct FilePages<'s>(pub &'s Source<'s>);

impl RawPages for FilePages<'_> {
    fn page_size(&self) -> usize {
        self.0.page_size
    }

    fn raw_page(&self, page: u32, buffer: &mut [u8]) -> Result<()> {
        let at = u64::from(page) * buffer.len() as u64;
        // Whether to stop is asked elsewhere: here it would look like a page that is lost.
        let _ = self.0.advance(buffer.len() as u64);
        let got = self
            .0
            .file
            .read_at(buffer, at)
            .map_err(|e| Error::io("read the page", e))?;
        if got < buffer.len() {
            return Err(Error::io(
                "read the page",
                std::io::ErrorKind::UnexpectedEof.into(),
            ));
        }
        self.0.count_pages(1);
        Ok(())
    }
}

/// One bit for each page of the file.
#[derive(Debug, Clone)]
pub(super) struct Used {
    bits: Vec<u64>,
}

impl Used {
    /// No page is used yet.
    pub fn new(pages: u32) -> Self {
        Used {
            bits: vec![0; (pages as usize).div_ceil(64)],
        }
    }

    /// True where the page was taken.
    pub fn has(&self, page: u32) -> bool {
        let word = self.bits.get(page as usize / 64);
        word.is_some_and(|word| word & (1 << (page % 64)) != 0)
    }

    /// Takes pages; `false` where one of them was taken before.
    pub fn take(&mut self, first: u32, pages: u32) -> bool {
        let mut fresh = true;
        for page in first..first.saturating_add(pages) {
            if let Some(word) = self.bits.get_mut(page as usize / 64) {
                let bit = 1 << (page % 64);
                fresh &= *word & bit == 0;
                *word |= bit;
            }
        }
        fresh
    }
}

/// Reads a large value, if it is whole. `newest`: it cannot be of a later generation. Memory is
/// taken only once the checksum has been found right.
pub(super) fn read_value(
    source: &Source<'_>,
    reference: &OverflowRef,
    newest: u64,
    out: &mut Vec<u8>,
) -> Result<bool, Error> {
    if check_value(source, reference, newest)?.is_err() {
        return Ok(false);
    }
    let at = u64::from(reference.page) * source.page_size as u64 + PAGE_HEADER_SIZE as u64;
    source.read_what_is_there(at, reference.stored_len as usize, out)?;
    source.advance(out.len() as u64)?;
    Ok(crc_append(0, out) == reference.crc)
}

/// Checks a large value without keeping it (T9, T10, P1, P2, P4, P6).
pub(super) fn check_value(
    source: &Source<'_>,
    reference: &OverflowRef,
    newest: u64,
) -> Result<Result<(), Corruption>> {
    let page_size = source.page_size;
    let (first, pages) = (reference.page, reference.pages(page_size));
    let bad = |id, text: &str| Ok(Err(Corruption::new(id, text).in_page(first, page_size)));
    let end = u64::from(first) + u64::from(pages);
    if first < first_page(page_size) || end > u64::from(source.file_pages()) {
        return bad(Invariant::P6, "a large value lies outside the file");
    }
    let start = u64::from(first) * page_size as u64;
    let (mut at, mut left) = (start, u64::from(pages) * page_size as u64);
    let (mut sum, mut to_come) = (0, reference.stored_len as usize);
    let mut piece = Vec::new();
    while left > 0 {
        let len = left.min(PIECE as u64) as usize;
        source.read_what_is_there(at, len, &mut piece)?;
        let mut body = piece.as_slice();
        if at == start {
            let head = piece.get(..page_size).unwrap_or(&piece);
            let head = match check_page(head, first) {
                Ok(head) => head,
                Err(c) => return Ok(Err(c.in_page(first, page_size))),
            };
            if head.kind != PageKind::Overflow || head.generation > newest {
                return bad(Invariant::T9, "no large value of this entry begins here");
            }
            body = piece.get(PAGE_HEADER_SIZE..).unwrap_or(&[]);
        }
        let (value, slack) = body.split_at_checked(to_come).unwrap_or((body, &[]));
        sum = crc_append(sum, value);
        to_come -= value.len();
        if !all_zero(slack) {
            return bad(Invariant::T9, "bytes after a large value are not zero");
        }
        (at, left) = (at + len as u64, left - len as u64);
    }
    if sum != reference.crc {
        return bad(
            Invariant::T10,
            "the checksum of a large value does not match",
        );
    }
    Ok(Ok(()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_taken_once() {
        let mut used = Used::new(200);
        assert!(used.take(60, 10));
        assert!(used.take(70, 1));
        assert!(!used.take(64, 1));
        assert!(!used.take(69, 100));
        assert!(used.has(168) && !used.has(169) && !used.has(59) && !used.has(u32::MAX));
        assert!(used.take(0, 60));
    }
}
