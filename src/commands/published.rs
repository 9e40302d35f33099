//! Reading only what the store has: `--read published`.

use std::time::Duration;

use creel::chain::store::Address;
use creel::replica::store::Patience;
use creel::{Db, Error, Interest, OpenOptions, Position, Role};

use super::replicate::store::{PatienceArg, chain_failure, open_chain};
use crate::cli::args::{DbArg, ReadArgs, Seen};
use crate::cli::{Context, Failure, codes, signals};

/// How long a store is asked.
const PATIENCE: Duration = Duration::from_secs(30);

/// Opens for reading, as of the commits that are wanted.
pub fn open(
    ctx: &mut Context,
    db: &DbArg,
    interest: Interest,
    read: &ReadArgs,
) -> Result<Db, Failure> {
    if read.read == Seen::Local {
        return ctx.open_read(db, interest);
    }
    let index = {
        let whole = ctx.open_read(db, Interest::None)?;
        published(&whole)?
    };
    let path = ctx.path(db)?;
    let options: OpenOptions = ctx.options().read_only(true).interest(interest);
    let opened = ctx.open(&path, options.upto(Some(index)), "opened for reading");
    opened.map_err(|failure| match failure.code() == &codes::NOT_RETAINED {
        true => {
            let text = format!(
                "commits behind entry {index} are in the tree already, and the store lacks them"
            );
            Failure::new(&codes::TIMED_OUT, text)
                .state("nothing was read")
                .hint("creel replicate status DB tells what the store lacks; read again once it has it")
        }
        false => failure,
    })
}

/// The newest entry here that the store has.
fn published(db: &Db) -> Result<u64, Failure> {
    let (facts, info) = (db.facts()?, db.info()?);
    let known = [facts.publish, facts.source];
    let mut known = known.into_iter();
    let Some(address) = known.find(|address| Address::is_address(address)) else {
        let text = "the commits of this file are published nowhere";
        return Err(Failure::usage(text).hint("creel replicate serve DB --publish STORE"));
    };
    let patience = PatienceArg {
        store_timeout: PATIENCE,
    };
    let chain = open_chain(&address, &patience)?;
    chain
        .check_lineage(info.lineage_id)
        .map_err(chain_failure)?;
    let hint = facts.published.map_or(0, |(_, number)| number);
    let mut pace = Patience::new(Some(PATIENCE), &signals::stopped);
    let end = chain.end(hint, &mut pace).map_err(chain_failure)?;
    let end = end.map_or(chain.start(), |facts| facts.after);
    let here = db.position()?;
    if info.role == Role::Replica && end.index >= here.index {
        return Ok(here.index); // what it has came from there
    }
    let at = match end.index == here.index {
        true => Ok(here),
        false => db.position_at(end.index),
    };
    let same = |at: Position| at.hash == Some(end.history);
    match at {
        Ok(at) if same(at) => Ok(end.index),
        // So old that the log does not tell any more: it is in the tree.
        Err(Error::NotRetained { .. }) if end.index < here.index => Ok(end.index),
        Ok(_) | Err(Error::NotRetained { .. }) => Err(Failure::new(
            &codes::FENCED,
            "the store goes on with commits that this file lacks",
        )
        .state("nothing was read")
        .hint(format!("creel replicate rejoin DB --from {address}"))),
        Err(error) => Err(error.into()),
    }
}
