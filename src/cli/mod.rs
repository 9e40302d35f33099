//! What the commands share: streams, errors, encodings, units, progress, signals.

pub mod advice;
pub mod args;
pub mod behind;
pub mod codes;
pub mod context;
pub mod escape;
pub mod exit;
pub mod failure;
pub mod glob;
pub mod globals;
pub mod input;
pub mod log;
pub mod moment;
pub mod outfile;
pub mod output;
pub mod panic;
pub mod progress;
pub mod range;
pub mod report;
pub mod signals;
pub mod stream;
pub mod table;
pub mod text;
pub mod units;
pub mod usage;
pub mod words;

pub use context::Context;
pub use exit::Exit;
pub use failure::{Failure, Outcome};
