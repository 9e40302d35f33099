//! Carries out the steps of `protocol` on a store.

mod promote;
mod publish;
mod read;

pub use promote::{Promotion, promote};
pub use publish::{Opened, PublishRun};
pub use read::{Delivered, ReadRun, Start};
