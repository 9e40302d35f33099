//! What is done with bytes that mean harm. The targets of `fuzz/` and the replay in `tests/fuzz`
//! call the same functions; none may panic, hang, or take memory without bound.

// Each user calls its own.
#![allow(dead_code)]

#[path = "../../support/mod.rs"]
mod support;

mod decode;
mod file;
pub mod objects;
mod records;

pub use decode::{header, page, wire};
pub use file::{file, log};
pub use objects::objects;
pub use records::records;

/// What is done with an input.
pub type Target = fn(&[u8]);

/// All targets, by the names of their folders in `fuzz/corpus`.
pub const TARGETS: &[(&str, Target)] = &[
    ("header", header),
    ("page", page),
    ("log", log),
    ("file", file),
    ("records", records),
    ("wire", wire),
    ("objects", objects),
];
