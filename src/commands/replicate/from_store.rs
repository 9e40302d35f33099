//! `init` and `pull` where the source is an object store.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use creel::chain::store::Address;
use creel::chain::{Chain, ChainError, Pace, RestoreTo};
use creel::replica::path::Outlook;
use creel::replica::store::{
    PullReport, PullWish, Replace, StoreFailure, fetch_copy, hole, is_diverged, pull,
    reseed_reason, say_trouble, say_where,
};
use creel::sys::{OsVfs, Vfs};
use creel::{Db, Position, Receipt};

use super::files;
use super::outcome::StoreOutcome;
use super::source::Reseed;
use super::store::{PatienceArg, chain_failure, failure, open_chain};
use super::stream::node_name;
use crate::cli::{Context, Failure, codes, signals};

/// Makes a copy, and brings it up to date.
pub fn init(
    ctx: &mut Context,
    path: &Path,
    from: &str,
    patience: &PatienceArg,
) -> Result<StoreOutcome, Failure> {
    let chain =
        open_chain(from, patience).map_err(|failure| match failure.code() == &codes::NO_CHAIN {
            // Whoever is to publish there has not begun.
            true => not_yet("nothing has been published to the store yet", from),
            false => failure,
        })?;
    let mut pace = patience.start();
    new_copy(ctx, &chain, path, Replace::Nothing, &mut pace)?;
    let db = ctx.open(path, ctx.options(), "opened for pulling")?;
    remember_source(&db, from)?;
    let run = run(ctx, &db, &chain, &PullWish::default(), &mut pace);
    let mut outcome = match run {
        Ok(outcome) => outcome,
        Err(failure) => {
            let at = db.position()?.index;
            return Err(failure.state(format!(
                "the copy is there, up to entry {at}; creel replicate pull takes it further"
            )));
        }
    };
    outcome.new_copies = 1;
    db.close()?;
    Ok(outcome)
}

/// Brings a copy up to date, with a new copy where that is needed and allowed.
pub fn update(
    ctx: &mut Context,
    path: &Path,
    from: &str,
    (wish, reseed): (&PullWish, Reseed),
    patience: &PatienceArg,
) -> Result<StoreOutcome, Failure> {
    let chain = open_chain(from, patience)?;
    let mut pace = patience.start();
    let saved = if reseed == Reseed::Force {
        new_copy(ctx, &chain, path, Replace::Forced, &mut pace)?
    } else {
        let db = ctx.open(path, ctx.options(), "opened for pulling")?;
        match run_raw(ctx, &db, &chain, wish, &mut pace) {
            Ok(report) => {
                let outcome = finish(ctx, &db, &chain, report, wish, &mut pace)?;
                db.close()?;
                return Ok(outcome);
            }
            Err(error) => {
                let reason = reseed_reason(&error);
                if reseed == Reseed::Never || reason.is_none() {
                    tell(&db, &chain, &error, &mut pace);
                    return Err(explain(error, from));
                }
            }
        }
        db.close()?;
        new_copy(ctx, &chain, path, Replace::Behind, &mut pace)?
    };
    let db = ctx.open(path, ctx.options(), "opened for pulling")?;
    remember_source(&db, from)?;
    let mut outcome = run(ctx, &db, &chain, wish, &mut pace)?;
    outcome.new_copies = 1;
    outcome.saved = saved;
    db.close()?;
    Ok(outcome)
}

/// What a pull would do.
pub fn outlook(db: &Db, from: &str, patience: &PatienceArg) -> Result<Outlook, Failure> {
    let chain = open_chain(from, patience)?;
    let mut pace = patience.start();
    let here = db.position()?;
    let reseed = match chain.behind(here.index, 0, &mut pace) {
        Ok(behind) if !behind.below_floor => None,
        Ok(behind) => Some(ChainError::Gap {
            wanted: 0,
            found: behind.from,
        }),
        Err(error) => Some(error),
    };
    let reseed = reseed.map(|error| hole(&chain, here.index, error, &mut pace));
    let reseed = match reseed.map(StoreFailure::Chain) {
        Some(error) => match reseed_reason(&error) {
            Some(reason) => Some(reason),
            None => return Err(explain(error, from)),
        },
        None => None,
    };
    let tail = chain.tail(0, &mut pace).map_err(chain_failure)?;
    let end = tail.map_or(chain.start(), |segment| segment.facts.after);
    Ok(Outlook {
        here,
        there: Position {
            epoch: end.epoch,
            index: end.index,
            hash: Some(end.history),
        },
        reseed,
    })
}

/// Goes on until the copy has a commit, for a time at most.
pub fn wait_for(
    ctx: &mut Context,
    path: &Path,
    from: &str,
    (receipt, time): (&Receipt, Duration),
    patience: &PatienceArg,
    done: &mut StoreOutcome,
) -> Result<(), Failure> {
    const POLL: Duration = Duration::from_millis(200);
    let begun = Instant::now();
    let chain = open_chain(from, patience)?;
    let db = ctx.open(path, ctx.options(), "opened for pulling")?;
    let wish = PullWish {
        upto: Some(receipt.index),
        ..PullWish::default()
    };
    while done.report.point.index < receipt.index
        && !done.limited
        && begun.elapsed() < time
        && !signals::stopped()
    {
        OsVfs.pause(POLL.min(time));
        let mut pace = patience.start();
        let more = run(ctx, &db, &chain, &wish, &mut pace)?;
        let (entries, bytes) = (done.report.entries, done.report.bytes);
        done.report = more.report;
        done.report.entries += entries;
        done.report.bytes += bytes;
        done.source_index = more.source_index;
    }
    if !done.limited {
        let here = db.wait_for(receipt, Duration::ZERO);
        here.map_err(|error| {
            let failure = files::not_reached(waited(error, begun.elapsed()));
            match done.report.entries {
                0 => failure,
                entries => {
                    failure.state(format!("{entries} entries were applied, the copy is whole"))
                }
            }
        })?;
    }
    db.close()?;
    Ok(())
}

/// The last look waits no more: the time that was waited lies before it.
pub(super) fn waited(error: creel::Error, time: Duration) -> creel::Error {
    match error {
        creel::Error::TimedOut { what, .. } => creel::Error::TimedOut { what, waited: time },
        error => error,
    }
}

/// Tells the others that this copy cannot go on; who may only read the store cannot.
pub(super) fn tell(db: &Db, chain: &Chain, error: &StoreFailure, pace: &mut dyn Pace) {
    let is_lost = matches!(error, StoreFailure::Chain(ChainError::Lost { .. }));
    let stuck = is_lost || reseed_reason(error).is_some() || is_diverged(error);
    if stuck && chain.check_authority().is_ok() {
        let _ = say_trouble(db, chain, error.to_string(), &node_name(db.path()), pace);
    }
}

/// As an exit status, with what helps.
pub(in crate::commands) fn explain(error: StoreFailure, from: &str) -> Failure {
    let needs_copy = reseed_reason(&error).is_some();
    let diverged = is_diverged(&error);
    let failure = failure(error);
    if needs_copy {
        return failure.hint(format!(
            "creel replicate pull DB --from {from} --reseed auto"
        ));
    }
    if diverged {
        return failure.hint(format!("creel replicate rejoin DB --from {from}"));
    }
    failure
}

/// Puts a copy of the newest snapshot in place. Gives the files with what only the old one had.
pub(super) fn new_copy(
    ctx: &Context,
    chain: &Chain,
    path: &Path,
    replace: Replace,
    pace: &mut dyn Pace,
) -> Result<Vec<PathBuf>, Failure> {
    let plan = chain
        .plan_restore(RestoreTo::Newest, pace)
        .map_err(chain_failure);
    let plan = plan.map_err(|failure| match failure.code() == &codes::NOT_IN_STORE {
        // Somebody has only begun.
        true => not_yet("the store has no snapshot yet", &chain.store().address()),
        false => failure,
    })?;
    let meter = ctx.meter("copy").of_bytes();
    let saved = fetch_copy(chain, &plan.snapshot, path, replace, pace, &meter);
    let saved = saved.map_err(|error| explain(error, &chain.store().address()))?;
    Ok(saved.into_iter().map(|saved| saved.path).collect())
}

/// The path here is that of the copy, not of who publishes.
fn not_yet(what: &str, store: &str) -> Failure {
    Failure::new(&codes::UNREACHABLE, what)
        .state("nothing was created")
        .hint(format!(
            "creel replicate snapshot PRIMARY --to {store}, where the primary is"
        ))
}

fn remember_source(db: &Db, from: &str) -> Result<(), Failure> {
    let from = &Address::lasting(from);
    if db.facts()?.source != *from {
        db.change_facts(|facts| facts.source.clone_from(from))?;
    }
    Ok(())
}

fn run_raw(
    ctx: &Context,
    db: &Db,
    chain: &Chain,
    wish: &PullWish,
    pace: &mut dyn Pace,
) -> Result<PullReport, StoreFailure> {
    let meter = ctx.meter("pull").of_bytes();
    pull(db, chain, wish, pace, &meter)
}

fn run(
    ctx: &Context,
    db: &Db,
    chain: &Chain,
    wish: &PullWish,
    pace: &mut dyn Pace,
) -> Result<StoreOutcome, Failure> {
    let from = chain.store().address();
    let report = run_raw(ctx, db, chain, wish, pace).map_err(|error| explain(error, &from))?;
    finish(ctx, db, chain, report, wish, pace)
}

fn finish(
    ctx: &Context,
    db: &Db,
    chain: &Chain,
    report: PullReport,
    wish: &PullWish,
    pace: &mut dyn Pace,
) -> Result<StoreOutcome, Failure> {
    // Others only want to know; a store that may only be read is no trouble.
    if chain.check_authority().is_ok()
        && let Err(error) = say_where(db, chain, &report, &node_name(db.path()), pace)
    {
        ctx.notice(&format!(
            "warning: the store was not told where this copy is: {error}"
        ));
    }
    let tail = chain.tail(report.number, pace).map_err(chain_failure)?;
    Ok(StoreOutcome {
        limited: !report.at_end
            && wish.is_limited()
            && wish.upto.is_none_or(|upto| report.point.index < upto),
        source_index: tail.map_or(report.point.index, |segment| segment.facts.after.index),
        new_copies: 0,
        saved: Vec::new(),
        report,
    })
}
