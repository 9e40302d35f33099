//! Carries out the steps of `protocol` on a store, and keeps what stands around the chain.

mod catalogue;
mod collect;
mod ending;
mod fetch;
mod floors;
mod mirror;
mod overview;
mod promote;
mod publish;
mod read;
mod restore;
mod retain;
mod snapshot;
mod verify;

pub use collect::{Collected, collect};
pub use fetch::Target;
pub use mirror::{MirrorReport, mirror};
pub use overview::{Behind, DamagedEnd, HoldView, NodeView, Overview};
pub use promote::{Promotion, promote};
pub use publish::{Opened, PublishRun};
pub use read::{Delivered, ReadRun, Start};
pub use restore::{RestorePlan, RestoreTo};
pub use retain::{GcReport, GcWish, MAX_HOLDS};
pub use snapshot::{Image, SnapshotWish};
pub use verify::{StoreFinding, StoreReport, StoreVerifyOptions, verify_store};

use super::object::Damage;

fn damage(text: &str) -> Damage {
    Damage::new(text)
}
