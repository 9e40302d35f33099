//! Readers: text in, [`Block`]s of decoded records out. One design for all formats: a window of
//! text, a decoder that turns whole records of it into spans of one arena, no allocation for each
//! record. What is wrong with a record is a [`Fault`] with its line and byte.

mod base64;
mod block;
mod cell;
mod csv;
mod decode;
mod escape;
mod fault;
mod framed;
mod identity;
mod jsonl;
mod mdb;
mod names;
mod options;
mod raw;
mod reader;
#[cfg(test)]
mod tests;
mod text;
mod tsv;

pub use block::{Block, Mark, Op, Record, Reject};
pub use fault::{Fault, FaultCode};
pub use framed::TrailerState;
pub use identity::Identity;
pub use options::{CellEnc, Cut, FieldMap, ReadOptions};
pub use reader::{Reader, Stop};
