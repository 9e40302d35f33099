//! The check itself, part after part.

use std::path::Path;
use std::sync::Arc;

use super::findings::{Findings, Weight, finding};
use super::free;
use super::leaves::Sweep;
use super::older;
use super::owners::{Owner, Owners};
use super::report::{VerifyOptions, VerifyReport};
use super::sample::{Chooser, Coverage, Sample};
use super::slots::{check_epoch_start, refuse_foreign, report_slots};
use super::snapshot::{Locks, Snapshot, distrust, moved, stable_slots, take};
use super::source::Source;
use super::tree::{Context, walk};
use crate::error::{Error, Result};
use crate::format::header::{Header, first_page};
use crate::format::{Depth, Invariant};
use crate::progress::Progress;
use crate::sys::{Access, File};

/// How often the whole check is repeated where the file changed and could not be pinned.
const ATTEMPTS: usize = 3;

/// What only a look at everything can tell.
const NOT_SAMPLED: &str = "only a sample of the leaves was checked: counts, sums, pages without an \
owner and the tree of the previous header were not compared";

/// Checks a file. Never writes a byte and never creates a file; needs no permission but to read.
///
/// On a live database it checks one snapshot. It goes on after damage; what it found stands in
/// the report. An error means that the check could not be made at all.
pub fn verify(
    path: &Path,
    options: &VerifyOptions,
    progress: &dyn Progress,
) -> Result<VerifyReport> {
    let file = options
        .vfs
        .open(path, Access::Read)
        .map_err(|e| Error::on_open(path, e))?;
    verify_opened(path, file, options, progress)
}

/// The same for a file that is open: one that is still arriving, say, whose reads wait for it.
pub fn verify_opened(
    path: &Path,
    file: Arc<dyn File>,
    options: &VerifyOptions,
    progress: &dyn Progress,
) -> Result<VerifyReport> {
    let len = file.size().map_err(|e| Error::io_at("look at", path, e))?;
    if options.level == Depth::Deep {
        file.drop_cache(0, len); // so that the medium is read, not memory
    }
    let locks = Locks::open(options.vfs.as_ref(), path, file.as_ref());
    let mut source = Source::new(file, len, progress);
    for attempt in 1..=ATTEMPTS {
        let Some(snapshot) = take(options, &mut source, &locks)? else {
            return unreadable(path, options, &source);
        };
        let mut check = Check::new(options, snapshot);
        check.run(&source)?;
        if !check.snapshot.pinned {
            check.findings.remark("the generation could not be pinned");
            let changed = moved(options, &source, &check.snapshot.headers)?;
            if changed && attempt < ATTEMPTS {
                continue;
            }
            if changed {
                distrust(&mut check.findings);
            }
        }
        let header = check.snapshot.headers.current.header.clone();
        if let Some(other) = &options.against {
            let findings = &mut check.findings;
            super::against::compare(options, &source, &header, other, findings)?;
        }
        return Ok(check.report(options, &source));
    }
    Err(Error::io_at(
        "take a snapshot of",
        path,
        std::io::ErrorKind::ResourceBusy.into(),
    ))
}

fn unreadable(path: &Path, options: &VerifyOptions, source: &Source<'_>) -> Result<VerifyReport> {
    let slots = stable_slots(options.vfs.as_ref(), source.file.as_ref())?;
    refuse_foreign(&slots, path, source)?;
    let mut findings = Findings::new(options.max_findings);
    report_slots(&slots.states, false, &mut findings);
    findings.set_unreadable();
    let verdict = findings.verdict();
    let checked = vec![(Invariant::H1, findings.checked(Invariant::H1))];
    let (findings, findings_left_out) = findings.finish();
    Ok(VerifyReport {
        verdict,
        findings,
        findings_left_out,
        checked,
        pages: 0,
        bytes: source.done().0,
        entries: 0,
        frames: 0,
        generation: 0,
        last_index: 0,
        coverage: None,
        lossless_fallback: false,
        pinned: false,
        notes: vec!["without a header nothing else can be found in the file".into()],
    })
}

struct Check {
    snapshot: Snapshot,
    findings: Findings,
    level: Depth,
    sample: Option<Sample>,
    coverage: Option<Coverage>,
    entries: u64,
    fallback: bool,
}

impl Check {
    fn new(options: &VerifyOptions, snapshot: Snapshot) -> Self {
        let entries = snapshot.headers.current.header.entry_count;
        Check {
            snapshot,
            findings: Findings::new(options.max_findings),
            level: options.level,
            sample: options.sample,
            coverage: None,
            entries,
            fallback: false,
        }
    }

    fn run(&mut self, source: &Source<'_>) -> Result<()> {
        let headers = self.snapshot.headers.clone();
        let header = &headers.current.header;
        let slot_lost = report_slots(&headers.states, true, &mut self.findings);
        super::slots::check(&headers, source, &mut self.findings)?;
        let log = &mut self.snapshot.log;
        self.findings
            .absorb(std::mem::replace(&mut log.findings, Findings::new(0)));
        check_epoch_start(header, log.last_index, &log.fences, &mut self.findings);
        self.judge_lost_slot(slot_lost);
        self.fallback = headers.older.is_some() && self.snapshot.log.covers_older;

        let first = first_page(header.page_size());
        let mut owners = Owners::new(first, header.page_count.min(source.file_pages()));
        claim_regions(header, &mut owners, &mut self.findings);
        let list = free::read_chain(source, header, &mut owners, &mut self.findings)?;
        free::check_records(
            &list,
            header,
            source.page_size,
            &mut owners,
            &mut self.findings,
        );

        let chooser = self.sample.map(|sample| Chooser::new(sample, header));
        let mut sweep = Sweep::new(self.level == Depth::Deep, chooser);
        let mut context = Context {
            source,
            header,
            owners: &mut owners,
            findings: &mut self.findings,
            level: self.level,
            broken: false,
        };
        walk(&mut context, &mut sweep)?;
        let broken = context.broken;
        if self.level == Depth::Quick {
            return Ok(());
        }
        if self.sample.is_some() {
            self.coverage = Some(sweep.coverage);
            self.fallback = false;
            self.findings.remark(NOT_SAMPLED);
            return Ok(());
        }
        self.entries = sweep.content.entries();
        sweep
            .content
            .judge(header, self.level, !broken, &mut self.findings);
        let archived = super::archive::listed(sweep.content.catalogue());
        let regions = &self.snapshot.log.regions;
        let findings = &mut self.findings;
        super::archive::check(&archived, source, header, regions, &mut owners, findings)?;
        let known = !broken && list.whole;
        report_orphans(&owners, source, known, &mut self.findings);
        if let Some(older) = &headers.older {
            let whole = older::walk(
                source,
                &older.header,
                header,
                Invariant::S6,
                &mut owners,
                &mut self.findings,
                !known,
            )?;
            self.fallback &= whole;
        }
        let (catalogue, findings) = (sweep.content.catalogue(), &mut self.findings);
        older::kept(catalogue, source, header, &mut owners, findings, !known)?;
        Ok(())
    }

    /// A damaged slot together with an unfinished bulk load: the slot may have been the header
    /// that made the load part of the tree.
    fn judge_lost_slot(&mut self, slot_lost: bool) {
        if slot_lost && self.snapshot.log.open_bulk {
            let text =
                "a header slot is damaged and the log has a bulk load that only it may have known";
            self.findings.damage(finding(Invariant::W5, text));
        }
    }

    fn report(mut self, options: &VerifyOptions, source: &Source<'_>) -> VerifyReport {
        let log = &self.snapshot.log;
        if let Some(expected) = options.expect_index.filter(|&index| index > log.last_index) {
            let text = format!(
                "the log ends at entry {}, entry {expected} was confirmed",
                log.last_index
            );
            self.findings.damage(finding(Invariant::W5, text));
        }
        remark_on_absent(
            &self.snapshot.headers.current.header,
            options,
            &mut self.findings,
        );
        let verdict = self.findings.verdict();
        let reached =
            |id: &&Invariant| id.depth() <= options.level || self.findings.checked(**id) > 0;
        let checked = Invariant::ALL.iter().filter(reached);
        let checked = checked.map(|&id| (id, self.findings.checked(id))).collect();
        let notes = std::mem::take(&mut self.findings.remarks);
        let (findings, findings_left_out) = self.findings.finish();
        let (bytes, pages) = source.done();
        VerifyReport {
            verdict,
            findings,
            findings_left_out,
            checked,
            pages,
            bytes,
            entries: self.entries,
            frames: log.frames,
            generation: self.snapshot.headers.current.header.generation,
            last_index: log.last_index,
            coverage: self.coverage,
            lossless_fallback: self.fallback,
            pinned: self.snapshot.pinned,
            notes,
        }
    }
}

fn claim_regions(header: &Header, owners: &mut Owners, findings: &mut Findings) {
    for (i, region) in header.regions.iter().enumerate() {
        // Where the file is too short H7 says so; the pages that are there still have an owner.
        let conflict = owners.claim(region.start_page, region.pages, Owner::Log);
        if let Some((page, other)) = conflict {
            let text = format!(
                "page {page} of log region {i} belongs to {} too",
                other.name()
            );
            let what = finding(Invariant::S1, text);
            findings.damage(what.in_pages(region.start_page, region.pages, header.page_size()));
        }
    }
}

/// S1: pages that nobody owns.
fn report_orphans(owners: &Owners, source: &Source<'_>, known: bool, findings: &mut Findings) {
    let mut lost = 0u64;
    for run in owners.orphans() {
        lost += u64::from(run.pages);
        if known {
            let text = format!("{} pages belong to nobody", run.pages);
            findings.damage(finding(Invariant::S1, text).in_pages(
                run.start,
                run.pages,
                source.page_size,
            ));
        }
    }
    findings.count(Invariant::S1, u64::from(source.file_pages()));
    if !known && lost > 0 {
        let text =
            format!("{lost} pages without a known owner: some are below what cannot be read");
        findings.add(Weight::Note, finding(Invariant::S1, text));
    }
}

/// Says why some invariants were checked no times.
fn remark_on_absent(header: &Header, options: &VerifyOptions, findings: &mut Findings) {
    if options.level >= Depth::Full {
        if header.archive_first_index == 0 {
            findings.remark("R1, R2: the file keeps no archived log");
        }
        if findings.checked(Invariant::S7) == 0 {
            findings.remark("S7: the file keeps no older tree");
        }
    }
    if options.against.is_none() {
        findings.remark("R4: no second copy was given to compare with");
    }
}
