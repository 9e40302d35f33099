//! What a run uses and how fast it is.

mod histogram;
mod process;
mod sample;
mod trend;

pub use histogram::{Histogram, Quantiles};
pub use process::{Usage, usage};
pub use sample::{Sample, Series};
pub use trend::{Trend, trend};
