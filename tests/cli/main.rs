//! The command as a script sees it: arguments in; standard output, standard error and exit
//! status out. One file for each verb, and one for what all verbs share.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)] // a test may panic

mod backup;
mod batch;
mod bytes;
mod checkpoint;
mod compact;
#[cfg(unix)]
mod completing;
mod completions;
mod delete;
mod diff;
mod digest;
mod doctor;
mod drill;
mod errors;
mod exists;
mod exits;
mod exits_io;
mod exits_signals;
mod explain;
mod export;
mod export_import;
mod export_streams;
mod export_tools;
mod failing;
mod files;
mod get;
mod globals;
mod honest;
mod honest_tools;
mod import;
mod import_bad;
mod import_gap;
mod import_peers;
mod import_resume;
mod import_room;
mod import_round;
mod info;
mod inputs;
mod inspect;
mod keyspaces;
mod kill;
mod kill_copies;
mod kill_more;
mod kill_own;
mod kill_store;
#[cfg(target_os = "linux")]
#[path = "../support/kills.rs"]
mod kills;
mod list;
mod log;
mod man;
mod many;
mod many_random;
mod not_itself;
mod odd_calls;
mod older;
mod open;
mod put;
mod replicate;
mod salvage;
mod schema;
mod signals;
#[path = "../support/skip.rs"]
mod skip;
mod soak;
mod stats;
mod streams;
mod support;
#[path = "../support/sweeps.rs"]
mod sweeps;
mod swept;
mod terminal;
mod verify;
mod verify_extras;
mod version;
mod wait_for;
