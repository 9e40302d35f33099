//! `--against`: does another database or export hold the same?

use std::ffi::OsStr;
use std::path::Path;

use creel::digest::Digest;

use crate::cli::{Context, Failure};
use crate::commands::content::{Content, Selection};

/// Two digests.
#[derive(Debug)]
pub(super) struct Compared {
    pub path: String,
    pub own: Digest,
    pub other: Digest,
}

impl Compared {
    /// The contents are the same.
    pub fn same(&self) -> bool {
        self.own == self.other
    }
}

/// Reads both.
pub(super) fn compare(ctx: &mut Context, own: &Path, other: &OsStr) -> Result<Compared, Failure> {
    let all = Selection::default();
    let mut theirs = Content::open(ctx, other, None, &all)?;
    let mut ours = Content::open(ctx, own.as_os_str(), None, &all)?;
    Ok(Compared {
        path: other.to_string_lossy().into_owned(),
        own: ours.digest(ctx)?.digest,
        other: theirs.digest(ctx)?.digest,
    })
}
