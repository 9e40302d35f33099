//! Data on its way in and out: text formats, compression and the frame that shows a cut or changed
//! file. Bytes only; nothing here knows a database. `docs/exchange.md` specifies the formats.

pub mod compress;
mod error;
mod format;
pub mod frame;
pub mod read;
pub mod write;

pub use error::{Error, Result};
pub use format::Format;
