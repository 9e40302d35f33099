//! `creel log`: saved commits that the present history does not have.

use std::path::{Path, PathBuf};

use creel::chain::object::Segment;
use creel::replica::tail;

use super::Verb;
use crate::cli::{Failure, codes};

mod diff;
mod reapply;
mod show;

/// All verbs of it.
pub(super) const VERBS: &[Verb] = &[
    Verb::of::<show::ShowArgs>(),
    Verb::of::<diff::DiffArgs>(),
    Verb::of::<reapply::ReapplyArgs>(),
];

pub(super) const NAME: &str = "log";
pub(super) const ABOUT: &str = "Look at commits that rejoining took back, and make them again";
pub(super) const EXAMPLES: &str = "\
Examples:
  creel log show old.db.diverged/2-813-820-9f31c0aa.seg
  creel log diff new.db old.db.diverged/*.seg
  creel log reapply new.db old.db.diverged/*.seg --on-conflict skip

Nothing is merged by itself: this shows what a merge would do, and does it when told to.
Exit status: that of the command; others: creel explain CODE";

/// Reads a file of saved commits.
fn read(path: &Path) -> Result<Segment, Failure> {
    tail::read(path).map_err(|error| {
        let failure = Failure::from(error).at(path);
        match failure.code() == &codes::NOT_FOUND {
            true => failure.hint(
                "check the path: creel replicate rejoin saves such files beside the database, in FILE.diverged",
            ),
            false => failure,
        }
    })
}

/// Reads all of them, oldest entries first.
fn read_all(files: &[PathBuf]) -> Result<Vec<Segment>, Failure> {
    let all: Result<Vec<Segment>, Failure> = files.iter().map(|path| read(path)).collect();
    let mut all = all?;
    all.sort_by_key(|segment| segment.facts.before.index);
    Ok(all)
}
