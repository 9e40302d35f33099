//! The log in an object store: numbered segments that are created once, and nothing else decides
//! who may write.
//!
//! ```text
//! creel.json              what the store is
//! log/<number>.seg        the chain: segments, and fences that begin epochs
//! snap/<id>/...           database files, in parts
//! cat/<n>.json            an index of the above, never an authority
//! floor/<n>.json          below which number segments may be gone
//! progress/<node>.json    what each node says about itself
//! hold/<name>.json        what is to stay
//! ```
//!
//! `store` is where objects are, `object` what is in them, `protocol` the rules as pure functions;
//! the rest carries them out. Start with `protocol`.

pub mod name;
pub mod object;
pub mod protocol;
pub mod store;

#[allow(clippy::module_inception)]
mod chain;
mod error;
mod pace;
mod probe;
mod run;

pub use chain::{Chain, Located, random_id};
pub use error::{ChainError, ChainResult};
pub use pace::{Pace, Tries, backoff, repeat};
pub use probe::{ProbeOptions, ProbeReport, probe};
pub use protocol::Held;
pub use run::{
    Behind, Collected, DamagedEnd, Delivered, GcReport, GcWish, HoldView, Image, MAX_HOLDS,
    MirrorReport, NodeView, Opened, Overview, Promotion, PublishRun, ReadRun, RestorePlan,
    RestoreTo, SnapshotWish, Start, StoreFinding, StoreReport, StoreVerifyOptions, Target, collect,
    mirror, promote, verify_store,
};
