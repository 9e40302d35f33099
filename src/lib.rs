//! creel: an ordered key-value store in one file.

mod error;
#[doc(hidden)]
pub mod format;
#[doc(hidden)]
pub mod sys;
#[doc(hidden)]
pub mod store;
#[doc(hidden)]
pub mod wal;
#[doc(hidden)]
pub mod delta;
#[doc(hidden)]
pub mod tree;

pub use error::{Corruption, Error, Holder, Result};
