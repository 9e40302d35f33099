//! The operations, as a function of the seed and a counter; keys and values by number.

mod keys;
mod operation;
mod pool;
mod values;

pub use keys::Keys;
pub use operation::{Action, Hash, Operation, Stream};
pub use pool::{Pool, PoolError};
pub use values::{Reference, Values};
