//! Large values: their extents, each owned once, and their checksums (T9, T10).

use super::findings::finding;
use super::owners::Owner;
use super::page::{Expect, check};
use super::report::Finding;
use super::source::{Pages, RUN};
use super::tree::Context;
use crate::defect::{Defect, planted};
use crate::error::Result;
use crate::format::bytes::all_zero;
use crate::format::checksum::{crc, crc_append};
use crate::format::leaf::Leaf;
use crate::format::overflow::OverflowRef;
use crate::format::page::PageKind;
use crate::format::{Invariant, PAGE_HEADER_SIZE};

/// References that are gathered before the values are read.
const BATCH: usize = 64 << 10;
/// Unneeded pages that are read along where that makes a longer run.
const GAP: u64 = 4;

/// A reference and where it stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct ValueAt {
    pub reference: OverflowRef,
    /// Of the leaf: the value cannot be newer.
    pub generation: u64,
    pub leaf: u32,
    pub cell: u32,
}

/// References whose values are still to be checked.
#[derive(Debug, Default)]
pub(super) struct Values {
    waiting: Vec<ValueAt>,
    pages: Pages,
}

impl Values {
    pub fn push(&mut self, value: ValueAt) {
        self.waiting.push(value);
    }

    pub fn flush_if_full(&mut self, context: &mut Context<'_>) -> Result<()> {
        if self.waiting.len() >= BATCH {
            self.flush(context)
        } else {
            Ok(())
        }
    }

    /// Checks all values, in the order in which they stand in the file.
    pub fn flush(&mut self, context: &mut Context<'_>) -> Result<()> {
        let mut values = std::mem::take(&mut self.waiting);
        values.sort_unstable_by_key(|v| v.reference.page);
        let page_size = context.source.page_size;
        values.retain(|value| claim(context, value));
        let mut rest = values.as_slice();
        while let Some(first) = rest.first() {
            let (run, after) = rest.split_at(run_length(rest, page_size));
            rest = after;
            let pages = first.reference.pages(page_size);
            if run.len() == 1 && pages as usize * page_size > RUN {
                self.long_value(context, first)?;
                continue;
            }
            let end = run.iter().map(|v| end_of(v, page_size)).max().unwrap_or(0);
            let start = first.reference.page;
            let count = (end - u64::from(start)) as u32;
            context.source.read_pages(start, count, &mut self.pages)?;
            for value in run {
                let from = (value.reference.page - start) as usize * page_size;
                let len = value.reference.pages(page_size) as usize * page_size;
                let bytes = self.pages.bytes.get(from..from + len).unwrap_or(&[]);
                let result = match self.refused(value, page_size) {
                    Some(what) => Err(what),
                    None => check_value(context, value, bytes),
                };
                report(context, value, result);
            }
        }
        values.clear();
        self.waiting = values;
        Ok(())
    }

    fn refused(&self, value: &ValueAt, page_size: usize) -> Option<Finding> {
        let start = value.reference.page;
        let pages = start..start.saturating_add(value.reference.pages(page_size));
        let (page, reason) = self.pages.refused.iter().find(|(p, _)| pages.contains(p))?;
        let text = format!("page {page} of a large value cannot be read: {reason}");
        Some(finding(Invariant::T10, text))
    }

    /// Checks a value that is longer than what is read at a time.
    fn long_value(&mut self, context: &mut Context<'_>, value: &ValueAt) -> Result<()> {
        let page_size = context.source.page_size;
        let most = (RUN / page_size) as u32;
        let (mut page, mut left) = (value.reference.page, value.reference.pages(page_size));
        let mut sum = 0;
        let mut to_come = value.reference.stored_len as usize;
        let mut result = Ok(());
        while left > 0 && result.is_ok() {
            let count = left.min(most);
            context.source.read_pages(page, count, &mut self.pages)?;
            let is_first = page == value.reference.page;
            result = match self.refused(value, page_size) {
                Some(what) => Err(what),
                None if is_first => check_head(context, value, &self.pages.bytes),
                None => Ok(()),
            };
            let skip = if is_first { PAGE_HEADER_SIZE } else { 0 };
            let bytes = self.pages.bytes.get(skip..).unwrap_or(&[]);
            let (part, slack) = bytes.split_at_checked(to_come).unwrap_or((bytes, &[]));
            sum = crc_append(sum, part);
            to_come -= part.len();
            if result.is_ok() && !all_zero(slack) {
                result = Err(finding(Invariant::T9, SLACK));
            }
            context.source.count_pages(u64::from(count));
            (page, left) = (page + count, left - count);
        }
        let result = result.and_then(|()| check_sum(context, value, sum));
        report(context, value, result);
        Ok(())
    }
}

const SLACK: &str = "bytes after a large value are not zero";

fn end_of(value: &ValueAt, page_size: usize) -> u64 {
    u64::from(value.reference.page) + u64::from(value.reference.pages(page_size))
}

/// How many values from the front one read takes in. Extents of different values may overlap
/// where that was reported before.
fn run_length(values: &[ValueAt], page_size: usize) -> usize {
    let Some(first) = values.first() else {
        return 0;
    };
    let start = u64::from(first.reference.page);
    let mut end = end_of(first, page_size);
    let more = values.iter().take_while(|value| {
        let near = u64::from(value.reference.page) <= end + GAP;
        end = end.max(end_of(value, page_size));
        near && (end - start) * page_size as u64 <= RUN as u64
    });
    more.count().max(1)
}

/// Takes the pages of a value; `false` where they are not inside the file.
fn claim(context: &mut Context<'_>, value: &ValueAt) -> bool {
    let page_size = context.source.page_size;
    let (page, pages) = (value.reference.page, value.reference.pages(page_size));
    context.findings.count(Invariant::T9, 1);
    context.findings.count(Invariant::P6, 1);
    if !context.owners.contains(page, pages) {
        let text = format!(
            "a large value of {} bytes at page {page} lies outside the file",
            value.reference.stored_len
        );
        let what = finding(Invariant::P6, text).in_pages(value.leaf, 1, page_size);
        report(context, value, Err(what));
        return false;
    }
    if let Some((at, other)) = context.owners.claim(page, pages, Owner::Value) {
        let id = if other == Owner::Value {
            Invariant::T9
        } else {
            Invariant::S1
        };
        let text = format!("page {at} of a large value belongs to {} too", other.name());
        report(
            context,
            value,
            Err(finding(id, text).in_pages(page, pages, page_size)),
        );
    }
    true
}

fn check_value(context: &mut Context<'_>, value: &ValueAt, bytes: &[u8]) -> Result<(), Finding> {
    let page_size = context.source.page_size;
    context
        .source
        .count_pages(u64::from(value.reference.pages(page_size)));
    check_head(context, value, bytes)?;
    let body = bytes.get(PAGE_HEADER_SIZE..).unwrap_or(&[]);
    let length = value.reference.stored_len as usize;
    let (data, slack) = body.split_at_checked(length).unwrap_or((body, &[]));
    if !all_zero(slack) {
        return Err(finding(Invariant::T9, SLACK));
    }
    check_sum(context, value, crc(data))
}

fn check_head(context: &mut Context<'_>, value: &ValueAt, bytes: &[u8]) -> Result<(), Finding> {
    let expect = Expect {
        page: value.reference.page,
        crc: None,
        generation: value.generation,
        kind: PageKind::Overflow,
        level: 0,
    };
    let first = bytes.get(..context.source.page_size).unwrap_or(bytes);
    let head = check(first, &expect, context.findings)?;
    if (head.cell_count, head.prefix_len, head.cells_end) != (0, 0, 0) {
        return Err(finding(Invariant::T9, "a large value's header has cells"));
    }
    Ok(())
}

fn check_sum(context: &mut Context<'_>, value: &ValueAt, sum: u32) -> Result<(), Finding> {
    context.findings.count(Invariant::T10, 1);
    if sum == value.reference.crc || planted(Defect::VerifySkipsValues) {
        return Ok(());
    }
    let text = format!(
        "checksum is {sum:08x}, its entry says {:08x}",
        value.reference.crc
    );
    Err(finding(Invariant::T10, text))
}

/// Reports damage to a value, with the key that it belongs to.
fn report(context: &mut Context<'_>, value: &ValueAt, result: Result<(), Finding>) {
    let Err(what) = result else { return };
    let page_size = context.source.page_size;
    let pages = value.reference.pages(page_size);
    let mut what = if what.page.is_some() {
        what
    } else {
        what.in_pages(value.reference.page, pages, page_size)
    };
    what.records_unreachable = Some(1);
    let mut leaf = Pages::default();
    if context.source.read_pages(value.leaf, 1, &mut leaf).is_ok() {
        let leaf = Leaf::new(&leaf.bytes);
        let key =
            leaf.and_then(|l| Some([l.prefix(), l.cell(value.cell as usize)?.suffix].concat()));
        if let Some(user) = key.as_deref().and_then(crate::format::key::split_key) {
            what.key_from = Some(user.1.to_vec());
            what.key_to = Some([user.1, &[0]].concat());
        }
    }
    context.findings.damage(what);
}
