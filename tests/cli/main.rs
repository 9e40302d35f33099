//! The command as a script sees it: arguments in; standard output, standard error and exit
//! status out. One file for each verb, and one for what all verbs share.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)] // a test may panic

mod backup;
mod batch;
mod bytes;
mod checkpoint;
mod compact;
mod completions;
mod delete;
mod diff;
mod digest;
mod doctor;
mod drill;
mod exists;
mod exits;
mod explain;
mod export;
mod export_import;
mod export_streams;
mod export_tools;
mod files;
mod get;
mod globals;
mod import;
mod info;
mod inspect;
mod keyspaces;
mod kill;
mod list;
mod man;
mod many;
mod open;
mod put;
mod schema;
mod signals;
mod stats;
mod streams;
mod support;
mod verify;
mod verify_extras;
mod version;
