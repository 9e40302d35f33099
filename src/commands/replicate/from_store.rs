//! `init` and `pull` where the source is an object store.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use creel::chain::store::Address;
use creel::chain::{Chain, Pace, RestoreTo};
use creel::replica::path::Outlook;
use creel::replica::relief::{Relief, is_damaged_store};
use creel::replica::slot::{Slot, check_follows};
use creel::replica::state::State;
use creel::replica::store::{
    Patience, PullReport, PullWish, Replace, StoreFailure, fetch_copy, is_diverged, pull,
    reseed_reason, say_trouble, say_where,
};
use creel::stream::source::Head;
use creel::stream::stop::Stop;
use creel::sys::{OsVfs, Vfs};
use creel::{Db, Error, NoProgress, Position, Receipt};

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
    let chain = open_chain(from, patience)?;
    let mut pace = patience.start();
    new_copy(ctx, &chain, path, Replace::Nothing, &mut pace)?;
    let db = ctx.open(path, ctx.options(), "opened for pulling")?;
    remember_source(&db, from)?;
    let mut outcome = run(ctx, &db, &chain, &PullWish::default(), &mut pace)?;
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
    let behind = chain
        .behind(here.index, 0, &mut pace)
        .map_err(chain_failure)?;
    let tail = chain.tail(0, &mut pace).map_err(chain_failure)?;
    let end = tail.map_or(chain.start(), |segment| segment.facts.after);
    let reason = || "the store does not keep the log so far back any more".to_owned();
    Ok(Outlook {
        here,
        there: Position {
            epoch: end.epoch,
            index: end.index,
            hash: Some(end.history),
        },
        reseed: behind.below_floor.then(reason),
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
        db.wait_for(receipt, Duration::ZERO)?;
    }
    db.close()?;
    Ok(())
}

/// Nothing is waited for that a promoted copy would not take.
fn is_promoted(slot: &Slot) -> bool {
    let copy = slot.get();
    copy.is_some_and(|copy| matches!(check_follows(&copy), Err(Error::Fenced { .. })))
}

fn open_copy(slot: &Slot) -> Result<Db, Error> {
    slot.get().ok_or_else(|| Error::NotFound {
        path: slot.path().to_owned(),
    })
}

/// Keeps a copy up to date until it is told to stop. Polls get rarer while nothing comes.
pub fn follow(
    ctx: &mut Context,
    slot: &Slot,
    from: &str,
    reseed: Reseed,
    relief: Option<&Relief>,
    (state, stop): (&State, &Stop),
) -> Result<StoreOutcome, Failure> {
    const FIRST: Duration = Duration::from_millis(250);
    const MOST: Duration = Duration::from_secs(5);
    let patience = PatienceArg {
        store_timeout: Duration::from_secs(3600),
    };
    let ends = || signals::stopped() || is_promoted(slot);
    let chain = open_chain(from, &patience)?;
    let mut total: Option<StoreOutcome> = None;
    let (mut wait, mut new_copies) = (FIRST, 0);
    let mut replace = match reseed {
        Reseed::Force => Some(Replace::Forced),
        _ => None,
    };
    let mut saved = Vec::new();
    let mut hint = None;
    loop {
        if let Some(copy) = slot.get() {
            check_follows(&copy)?;
        }
        let mut pace = Patience::for_each(patience.store_timeout, &ends);
        if let Some(replace) = replace.take() {
            saved.extend(new_copy(ctx, &chain, slot.path(), replace, &mut pace)?);
            slot.reopen()?;
            new_copies += 1;
        }
        let db = open_copy(slot)?;
        let wish = PullWish {
            hint,
            ..PullWish::default()
        };
        let report = match pull(&db, &chain, &wish, &mut pace, &NoProgress) {
            Ok(report) => report,
            Err(error) if reseed != Reseed::Never && reseed_reason(&error).is_some() => {
                replace = Some(Replace::Behind);
                continue;
            }
            Err(_) if stop.is_requested() => break,
            Err(_) if is_promoted(slot) => continue,
            Err(error) if passes(ctx, relief, &error, state) => match stop.wait(wait) {
                true => break,
                false => continue,
            },
            Err(error) => {
                tell(&db, &chain, &error, &mut pace);
                return Err(explain(error, from));
            }
        };
        hint = Some(report.number);
        state.applied(report.point.index);
        let head = Head {
            point: report.point,
            published: report.point.index,
            floor: 0,
        };
        state.heard(&head, report.at_end);
        wait = match report.entries {
            0 => (wait * 2).min(MOST),
            _ => FIRST,
        };
        let moved = report.entries > 0 || total.is_none();
        let before = total.take();
        let mut outcome = match (moved, before) {
            (false, Some(before)) => before,
            (_, before) => {
                let mut outcome = finish(ctx, &db, &chain, report, &wish, &mut pace)?;
                if let Some(before) = before {
                    outcome.report.entries += before.report.entries;
                    outcome.report.bytes += before.report.bytes;
                }
                outcome
            }
        };
        outcome.new_copies = new_copies;
        outcome.saved.clone_from(&saved);
        total = Some(outcome);
        if stop.wait(wait) {
            break;
        }
    }
    total.ok_or_else(|| Error::Interrupted.into())
}

/// It may go on later. Somebody has the file to himself for long, as a promotion does; or the other source
/// helps.
fn passes(ctx: &Context, relief: Option<&Relief>, error: &StoreFailure, state: &State) -> bool {
    if let StoreFailure::Db(busy @ Error::Busy { .. }) = error {
        state.lost(Some(busy.to_string()));
        return true;
    }
    relieves(ctx, relief, error, state)
}

/// Brings the copy on from the other source where the store delivered damage. False: there is none, or it
/// is no damage.
fn relieves(ctx: &Context, relief: Option<&Relief>, error: &StoreFailure, state: &State) -> bool {
    if is_damaged_store(error) {
        state.damaged(&error.to_string());
    }
    let Some(other) = relief.filter(|_| is_damaged_store(error)) else {
        return false;
    };
    if let Err(why) = other.pull() {
        ctx.notice(&format!(
            "warning: {error}; nor from the other source: {why}"
        ));
    }
    true
}

/// Tells the others that this copy cannot go on; who may only read the store cannot.
fn tell(db: &Db, chain: &Chain, error: &StoreFailure, pace: &mut dyn Pace) {
    let stuck = reseed_reason(error).is_some() || is_diverged(error);
    if stuck && chain.check_authority().is_ok() {
        let _ = say_trouble(db, chain, error.to_string(), &node_name(db.path()), pace);
    }
}

fn explain(error: StoreFailure, from: &str) -> Failure {
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

fn new_copy(
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
        true => Failure::new(&codes::UNREACHABLE, "the store has no snapshot yet")
            .state("nothing was created")
            .hint("creel replicate snapshot DB --to STORE, at the primary"),
        false => failure,
    })?;
    let meter = ctx.meter("copy").of_bytes();
    let saved = fetch_copy(chain, &plan.snapshot, path, replace, pace, &meter);
    let saved = saved.map_err(|error| explain(error, &chain.store().address()))?;
    Ok(saved.into_iter().map(|saved| saved.path).collect())
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
