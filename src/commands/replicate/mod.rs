//! `creel replicate`: copies of a database that follow it. One file a verb.

use super::Verb;

mod check;
pub mod files;
mod follow;
mod follow_store;
pub(super) mod from_store;
mod gc;
mod hold;
mod init;
mod keep;
mod mirror;
mod outcome;
mod probe;
mod publishing;
mod pull;
mod rejoin;
mod reseed;
mod serve;
mod snapshot;
mod source;
mod status;
pub mod store;
pub mod stream;

/// All verbs of it.
pub(super) const VERBS: &[Verb] = &[
    Verb::of::<serve::ServeArgs>(),
    Verb::of::<init::InitArgs>(),
    Verb::of::<pull::PullArgs>(),
    Verb::of::<follow::FollowArgs>(),
    Verb::of::<reseed::ReseedArgs>(),
    Verb::of::<status::StatusArgs>(),
    Verb::of::<keep::KeepArgs>(),
    Verb::of::<rejoin::RejoinArgs>(),
    Verb::of::<snapshot::SnapshotArgs>(),
    Verb::of::<probe::ProbeArgs>(),
    Verb::of::<check::CheckArgs>(),
    Verb::of::<gc::GcArgs>(),
    Verb::of::<mirror::MirrorArgs>(),
    Verb::of::<hold::HoldArgs>(),
    Verb::of::<hold::ForgetArgs>(),
];

pub(super) const NAME: &str = "replicate";
pub(super) const ABOUT: &str = "Keep copies of a database that follow it";
pub(super) const EXAMPLES: &str = "\
Examples:
  creel replicate serve my.db --listen 127.0.0.1:7070
  creel replicate init copy.db --from tcp://127.0.0.1:7070
  creel replicate follow copy.db --from tcp://127.0.0.1:7070

A copy has the same commits at the same positions; it refuses writes of its own.
Exit status: that of the command; others: creel explain CODE";
