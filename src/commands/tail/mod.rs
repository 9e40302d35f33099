//! `creel log`: saved commits that the present history does not have.

use super::Verb;

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
