//! What can still be read of a damaged file, into a new one. Never writes to the old one.
//!
//! ```text
//! survey    the ladder: newest tree, log, tree before it, what is reachable, single pages
//! moment    the file, its headers, pins        log       entries proven to follow each other
//! walk      trees in key order                 flow      what the log says of their entries
//! mend      the older tree for what is missing bulk      a tree whose header is lost
//! headless  no header at all: census, root     scrape, order, sweep   single pages
//! lost      what is missing                    losses, report         the same for people
//! write     the new file
//! ```
//!
//! Every page is checked before it is used: checksum, place, generation, and the checksum that
//! its parent names. What was written may be wrong, built by nobody who means well, or change
//! while it is read: the work is bounded by the size of the file, and memory by what is stated
//! where it is taken.

mod bulk;
mod census;
mod flow;
mod headless;
mod log;
mod losses;
mod lost;
mod mend;
mod moment;
mod names;
mod order;
mod pages;
mod report;
mod root;
mod scrape;
mod survey;
mod sweep;
mod walk;
mod write;

pub use report::{
    LostCommits, LostRange, SalvageOptions, SalvageReport, Salvaged, SalvagedKeyspace, Step,
};
pub use survey::Salvage;
