//! The run over one store.

mod commit;
mod flip;
mod hold;
mod judge;
mod maintain;
mod place;
mod read;
mod recover;
mod run;
mod sampling;
mod setup;
mod worker;

pub(crate) use commit::{advance, first_batch};
pub(crate) use hold::digest_of;
pub use hold::serve_reader;
pub(crate) use judge::judge;
pub use place::{Helper, Place};
pub use run::{Counts, Run};
pub use setup::{Material, run};
pub use worker::{Job, Workers, run_with_kills, serve_worker};
