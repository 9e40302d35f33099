//! A file without a header that could be used: what the rest of it says. Nothing found this way
//! can be proven to be the newest state.

use std::path::Path;

use super::census::{self, Census};
use super::log::{Log, Position, RawEntry, chain, collect, follow, generations_ahead};
use super::moment::Moment;
use super::report::SalvageOptions;
use super::root;
use super::walk::Tree;
use crate::check::source::Source;
use crate::error::{Error, Result};
use crate::format::frame::EntryKind;

/// What stands in for a header.
pub(super) struct Headless {
    pub tree: Option<Tree>,
    pub log: Log,
    pub notes: Vec<String>,
}

/// Finds root and log; an error where the file is none of ours.
pub(super) fn find(
    moment: &mut Moment<'_>,
    path: &Path,
    options: &SalvageOptions,
) -> Result<Headless> {
    let census = census::take(&moment.source)?;
    if census.pages == 0 && census.regions.is_empty() {
        // A header that was one once makes the file ours, and hopeless.
        return Err(match moment.slots.current(path) {
            Err(error) => error,
            Ok(_) => Error::NotADatabase {
                path: path.to_owned(),
                reason: "no page found".into(),
            },
        });
    }
    if let Some(size) = census.page_size {
        moment.source.page_size = size;
    }
    let mut tree = root::choose(&moment.source, &census)?;
    let mut found = read_log(&moment.source, &census, options, tree.as_ref())?;
    if let Some(tree) = &mut tree {
        // Nothing tells at which log entry the tree stands, so the log may begin too late.
        tree.unproven = true;
    }
    found.log.doubts.extend(found.gap);
    let log = found.log;
    let mut notes = vec![format!(
        "neither header can be used; {} whole pages of {} bytes were found",
        census.pages, moment.source.page_size
    )];
    notes.push(match &tree {
        Some(tree) => format!(
            "page {} of generation {} is taken for the root",
            tree.root.page, tree.generation
        ),
        None => "no page is certain to be the root".into(),
    });
    Ok(Headless { tree, log, notes })
}

/// The log, and why it may not begin where the tree ends.
struct Found {
    log: Log,
    gap: Option<String>,
}

/// The log, from the first entry that leads without a gap to the beginning of the newest region.
fn read_log(
    source: &Source<'_>,
    census: &Census,
    options: &SalvageOptions,
    tree: Option<&Tree>,
) -> Result<Found> {
    let places: Vec<_> = census
        .regions
        .iter()
        .map(|(extent, region)| (*extent, Some(*region)))
        .collect();
    let Some((_, newest)) = census.regions.first() else {
        return Ok(Found {
            log: Log::default(),
            gap: Some("no log region was found".into()),
        });
    };
    let raw = collect(source, &places, 0)?;
    let ahead = tree.map_or(0, |tree| generations_ahead(&raw, tree.generation));
    let mut gap = (ahead > 0).then(|| format!("the log knew a tree {ahead} generations newer"));
    let anchor = |index: u64, history| Position {
        index,
        history,
        epoch: 0,
    };
    let own = anchor(newest.first_index - 1, newest.history);
    let mut start = own;
    // The first regions of a file have none before them.
    let mut is_led_to = newest.region_seq <= 2;
    for (_, region) in census.regions.iter().skip(1) {
        let from = anchor(region.first_index - 1, region.history);
        let links = chain(&raw.entries, from.index, from.history);
        let meets = |i: &usize| {
            let entry = raw.entries.get(*i);
            entry.is_some_and(|e| e.index() == own.index && e.history_after == own.history)
        };
        if from == own || from.index < own.index && links.iter().any(meets) {
            is_led_to = true;
            if from.index < start.index {
                start = from;
            }
        }
    }
    if !is_led_to {
        // The older region may have had entries that the tree lacks.
        gap.get_or_insert("the older log region does not lead to the newer one".into());
    }
    let links = chain(&raw.entries, start.index, start.history);
    // A bulk load, and all before it, is in the tree or nowhere.
    let entry = |i: &usize| raw.entries.get(*i);
    let is_bulk = |e: &RawEntry| e.header.kind == EntryKind::Bulk;
    let bulk = links.iter().rposition(|i| entry(i).is_some_and(is_bulk));
    let (skip, start) = match bulk.and_then(|at| Some((at, entry(links.get(at)?)?))) {
        Some((at, bulk)) => (at + 1, anchor(bulk.index(), bulk.history_after)),
        None => (0, start),
    };
    let mut log = follow(
        source,
        &raw,
        links.get(skip..).unwrap_or(&[]),
        start,
        options,
    )?;
    log.end = None; // which entries the tree has is not known
    Ok(Found { log, gap })
}
