//! How far a primary is published: what the process that publishes says, else what the store has, else
//! what the file knew last.

use creel::chain::Chain;
use creel::replica::lag::behind;
use creel::replica::live::Status;
use creel::{Db, Error, Facts, Position};

use super::super::store::{PatienceArg, chain_failure, open_chain};
use super::copy::CopyStatus;
use super::lines::{Trouble, millis, words};
use super::store::SnapshotRow;
use crate::cli::{Exit, Failure, codes};

/// `store`: how long it may be asked, where that is wanted.
pub fn publishing(
    status: &mut CopyStatus,
    db: &Db,
    facts: &Facts,
    (live, store): (Option<&Status>, Option<&PatienceArg>),
    now_us: u64,
) -> Result<(), Failure> {
    if facts.publish.is_empty() {
        return Ok(());
    }
    status.publish = Some(facts.publish.clone());
    let known = facts.published.map(|(point, _)| point.index);
    let mut said = live
        .and_then(|live| live.publishes.as_ref())
        .map(|p| p.index);
    if let (None, Some(patience), "primary") = (said, store, status.role) {
        match end_of_store(db, facts, patience) {
            Ok((chain, index)) => {
                said = Some(index);
                match chain.snapshots(&mut patience.start()) {
                    Ok(rows) => {
                        let newest = rows.last();
                        status.newest_snapshot = newest.map(|row| SnapshotRow::of(row, now_us));
                    }
                    Err(error) => {
                        let failure = chain_failure(error);
                        let trouble = Trouble::new("snapshots", words(&failure));
                        status.errors.push(trouble);
                    }
                }
                status.store_contact_ms = millis(now_us);
                status.fencing = Some(chain.creel().fencing().to_owned());
            }
            Err(failure) => {
                let is_deposed = failure.exit() == Exit::Fenced;
                status.errors.push(Trouble::new("publish", words(&failure)));
                // How much of it others have is not what the file knew last.
                if is_deposed {
                    return Ok(());
                }
            }
        }
    }
    let Some(index) = said.max(known) else {
        return Ok(());
    };
    status.published_index = Some(index);
    if status.role == "replica" {
        return Ok(());
    }
    let after = Position {
        hash: None,
        ..db.position_at(index.min(status.position.index))?
    };
    let lag = behind(db, &after, now_us)?;
    status.unpublished_entries = Some(lag.entries);
    status.unpublished_bytes = lag.bytes;
    status.unpublished_ms = lag.ms;
    Ok(())
}

/// The newest entry in the store, where it is one of this file.
fn end_of_store(db: &Db, facts: &Facts, patience: &PatienceArg) -> Result<(Chain, u64), Failure> {
    let chain = open_chain(&facts.publish, patience)?;
    let lineage = db.info()?.lineage_id;
    chain.check_lineage(lineage).map_err(chain_failure)?;
    let hint = facts.published.map_or(0, |(_, number)| number);
    let tail = chain.tail(hint, &mut patience.start());
    let tail = tail.map_err(chain_failure)?;
    let end = tail.map_or(chain.start(), |segment| segment.facts.after);
    let same = match db.position_at(end.index) {
        Ok(here) => here.hash == Some(end.history),
        // So old that the log does not tell any more.
        Err(Error::NotRetained { .. }) => end.index < db.position()?.index,
        Err(error) => return Err(error.into()),
    };
    if !same {
        let text = "the store goes on with commits that this file lacks";
        return Err(Failure::new(&codes::FENCED, text));
    }
    Ok((chain, end.index))
}
