//! R4: two copies of one database agree where both have the history. Which of them is right
//! cannot be told from one alone, so it is a note, not damage.

use std::path::Path;

use super::findings::{Findings, Weight, finding};
use super::report::VerifyOptions;
use super::source::Source;
use crate::error::{Error, Result};
use crate::format::Invariant;
use crate::format::checksum::History;
use crate::format::header::Header;
use crate::store::slots;
use crate::sys::{Access, File};
use crate::wal::{retained, tail};

/// Compares the file under test with another copy.
pub(super) fn compare(
    options: &VerifyOptions,
    source: &Source<'_>,
    header: &Header,
    other: &Path,
    findings: &mut Findings,
) -> Result<()> {
    let failed = |e| Error::io_at("open", other, e);
    let file = options.vfs.open(other, Access::Read).map_err(failed)?;
    let theirs = slots::read(file.as_ref())?.current(other)?.header;
    findings.count(Invariant::R4, 1);
    let name = other.display();
    if theirs.lineage_id != header.lineage_id {
        findings.remark(format!("R4: {name} is no copy of this database"));
        return Ok(());
    }
    let index = last_index(source.file.as_ref(), header)?.min(last_index(file.as_ref(), &theirs)?);
    let ours = history_at(source.file.as_ref(), header, index)?;
    let known = ours.zip(history_at(file.as_ref(), &theirs, index)?);
    match known {
        Some((ours, theirs)) if ours != theirs => {
            let text = format!("{name} has another history at entry {index}");
            findings.add(Weight::Note, finding(Invariant::R4, text));
        }
        Some(_) => {}
        None => {
            let text = format!("R4: entry {index} is too old in one of the copies to compare them");
            findings.remark(text);
        }
    }
    let same_tree = theirs.checkpoint_index == header.checkpoint_index;
    if same_tree && theirs.history == header.history {
        findings.count(Invariant::R4, 1);
        if theirs.content_sum != header.content_sum {
            let text = format!(
                "{name} has the content sum {:016x} at entry {}, this file {:016x}",
                theirs.content_sum, header.checkpoint_index, header.content_sum
            );
            findings.add(Weight::Note, finding(Invariant::R4, text));
        }
    }
    Ok(())
}

fn last_index(file: &dyn File, header: &Header) -> Result<u64> {
    let (tail, _) = tail::load(file, header, &mut |_, _| Ok(()))?;
    Ok(tail.last_index())
}

/// History up to an entry, where the log or the header still tells it.
fn history_at(file: &dyn File, header: &Header, index: u64) -> Result<Option<History>> {
    if header.checkpoint_index == index {
        return Ok(Some(header.history));
    }
    let (tail, _) = tail::load(file, header, &mut |_, _| Ok(()))?;
    if tail.last_index() == index {
        return tail::history(file, header, &tail).map(Some);
    }
    let mut found = None;
    retained::walk(file, header, index, &mut |point, _, _| {
        found = Some(*point).filter(|point| point.index == index);
        Ok(point.index < index)
    })?;
    Ok(found.map(|point| point.history))
}
