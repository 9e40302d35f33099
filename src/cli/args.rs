//! Groups of arguments that several commands share.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;

use super::text::{Enc, OutEnc};

/// The database.
#[derive(Debug, Clone, Args)]
pub struct DbArg {
    /// The database file; @ stands for $CREEL_DB
    #[arg(value_name = "DB", value_hint = clap::ValueHint::FilePath)]
    pub db: OsString,
}

/// The keyspace.
#[derive(Debug, Clone, Args)]
pub struct KeyspaceArg {
    /// The keyspace to work in
    #[arg(long, value_name = "NAME", default_value = "main")]
    pub keyspace: String,
}

/// Which commits are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Seen {
    /// All that are committed here
    Local,
    /// Those that the store has
    Published,
}

/// How much of the log is read.
#[derive(Debug, Clone, Args)]
pub struct ReadArgs {
    /// Which commits are seen: local, or only those that the store has which they are published to (published),
    /// so that no fail-over loses what was seen
    #[arg(
        long,
        value_name = "WHICH",
        default_value = "local",
        hide_possible_values = true
    )]
    pub read: Seen,
}

/// What a command that writes does at its end.
#[derive(Debug, Clone, Args)]
pub struct WriteArgs {
    /// Leave the log as it is, even where it is due to be folded into the tree
    #[arg(long)]
    pub no_checkpoint: bool,
}

/// How keys given as text are encoded.
#[derive(Debug, Clone, Args)]
pub struct KeyEncArgs {
    /// Encoding of keys and values given here: raw, hex, base64 or escape [default: raw]
    #[arg(long, value_name = "ENC", hide_possible_values = true)]
    pub enc: Option<Enc>,
    /// Encoding of keys, where it is not that of --enc
    #[arg(long, value_name = "ENC", hide_possible_values = true)]
    pub key_enc: Option<Enc>,
}

impl KeyEncArgs {
    /// The encoding of keys.
    pub fn key(&self) -> Enc {
        self.key_enc.or(self.enc).unwrap_or(Enc::Raw)
    }
}

/// How values given as text are encoded.
#[derive(Debug, Clone, Args)]
pub struct ValueEncArgs {
    /// Encoding of values, where it is not that of --enc
    #[arg(long, value_name = "ENC", hide_possible_values = true)]
    pub val_enc: Option<Enc>,
}

/// How bytes are printed.
#[derive(Debug, Clone, Args)]
pub struct OutArgs {
    /// Print bytes as raw, hex, base64, escape or json [default: raw to a pipe, escape to a terminal]
    #[arg(long, value_name = "ENC", hide_possible_values = true)]
    pub out: Option<OutEnc>,
    /// Print length and digest in place of keys and values
    #[arg(long)]
    pub redact: bool,
}

/// Which keys.
#[derive(Debug, Clone, Args)]
pub struct RangeArgs {
    /// Only keys that start with this
    #[arg(long, value_name = "START")]
    pub prefix: Option<OsString>,
    /// Only keys from this one on
    #[arg(long, value_name = "KEY")]
    pub from: Option<OsString>,
    /// Only keys before this one
    #[arg(long, value_name = "KEY")]
    pub to: Option<OsString>,
}

/// A file to be written.
#[derive(Debug, Clone, Args)]
pub struct OutFileArgs {
    /// Write to this file: all of it or nothing
    #[arg(short, value_name = "FILE")]
    pub o: Option<PathBuf>,
    /// Replace an existing file
    #[arg(long, requires = "o")]
    pub force: bool,
}
