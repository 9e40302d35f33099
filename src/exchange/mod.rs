//! Data on its way in and out: text formats, compression and the frame that shows a cut or changed
//! file. Bytes only; nothing here knows a database. `docs/exchange.md` specifies the formats.

pub mod compress;
mod error;
pub mod frame;
pub mod read;

pub use error::{Error, Result};
