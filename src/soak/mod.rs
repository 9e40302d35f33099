//! Long test runs that can really fail: operations that follow from a seed, an oracle that knows what
//! has to be there, faults, kills, measurements, verdicts.
//!
//! Reading order: [`workload`] (which operation comes when), [`oracle`] (what has to be there),
//! [`store`] (the run), [`seam`] (where faults and defects enter), [`measure`].

pub mod bounds;
pub mod check;
pub mod config;
pub mod faults;
pub mod fleet;
pub mod measure;
pub mod minimize;
pub mod oracle;
pub mod outcome;
pub mod plants;
pub mod random;
pub mod report;
pub mod seam;
pub mod store;
pub mod text;
pub mod watch;
pub mod workload;
