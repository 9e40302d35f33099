//! Differences as an export of changes: importing it into A makes A hold what B holds.

use creel::exchange::Error;
use creel::exchange::frame::{Enc, Header, Position};
use creel::exchange::write::Options;

use super::Selection;
use super::compare::{self, Counts, Next};
use crate::cli::args::OutFileArgs;
use crate::cli::stream::Stream;
use crate::cli::{Failure, range};
use crate::commands::content::Content;

/// Writes the patch to standard output.
pub(super) fn write(
    a: &mut Content,
    b: &mut Content,
    selection: &Selection,
    meter: &dyn creel::Progress,
) -> Result<Counts, Failure> {
    let stream = Stream::open(&OutFileArgs {
        o: None,
        force: false,
    })?;
    let failure = |error: Error| match error {
        Error::Io(error) => stream.failure(&error),
        other => stream.failure(&std::io::Error::other(other)),
    };
    let options = Options {
        header: Some(header(a, b, selection)),
        ..Options::default()
    };
    let mut export = options.start(Box::new(&stream)).map_err(failure)?;
    let counts = compare::run(a, b, meter, &mut |found| {
        export.keyspace(found.keyspace);
        let written = match found.after {
            Some(value) => export.entry(found.key, value),
            None => export.delete(found.key),
        };
        written.map_err(failure)?;
        Ok(Next::GoOn)
    })?;
    export.finish().map_err(failure)?;
    Ok(counts)
}

/// Leads on from A. B's position is that of the result only where both have one history.
fn header(a: &Content, b: &Content, selection: &Selection) -> Header {
    let unknown = Position {
        epoch: 0,
        index: 0,
        hash: None,
    };
    let (a, b) = (a.about(), b.about());
    let since = a.position.unwrap_or(unknown);
    let of_b = b.position.filter(|_| a.lineage == b.lineage);
    let lineage = a.lineage.or(b.lineage).unwrap_or_default();
    let mut header = Header::new(lineage, of_b.unwrap_or(since), Enc::Base64);
    header.since = Some(since);
    header.keyspace.clone_from(&selection.keyspace);
    (header.from, header.to) = range::half_open(&selection.range);
    header
}
