//! `--wait`: as long as it takes.

use std::time::{Duration, Instant};

use creel::{CheckpointOptions, CheckpointReport, Db, Error, Interest};

use crate::cli::args::DbArg;
use crate::cli::log::Level;
use crate::cli::{Context, Failure, signals};

/// Between two looks at whether to stop.
const STEP: Duration = Duration::from_millis(200);

/// Opens for writing with a handle that asks often.
pub(super) fn open(ctx: &mut Context, db: &DbArg) -> Result<Db, Failure> {
    let path = ctx.path(db)?;
    ctx.refuse_read_only()?;
    let step = limit(ctx).map_or(STEP, |limit| limit.min(STEP));
    let options = ctx.options().interest(Interest::All).lock_timeout(step);
    ctx.open(&path, options, "opened for writing")
}

/// Checkpoints once the locks can be had.
pub(super) fn checkpoint(
    ctx: &Context,
    db: &Db,
    options: &CheckpointOptions,
    meter: &dyn creel::Progress,
) -> Result<CheckpointReport, Failure> {
    let started = Instant::now();
    loop {
        match db.checkpoint(options, meter) {
            Err(Error::Busy { lock, holder, .. })
                if limit(ctx).is_some_and(|limit| started.elapsed() >= limit) =>
            {
                let waited = started.elapsed();
                return Err(Error::Busy {
                    lock,
                    holder,
                    waited,
                }
                .into());
            }
            Err(Error::Busy { .. }) if signals::stopped() => return Err(Error::Interrupted.into()),
            Err(Error::Busy { lock, holder, .. }) => {
                let pid = holder.map_or(0, |h| h.pid);
                let fields = [("lock", lock.into()), ("holder", pid.into())];
                ctx.log
                    .event(Level::Debug, "checkpoint", "waiting", &fields);
            }
            other => return Ok(other?),
        }
    }
}

/// The longest time, where one was given.
fn limit(ctx: &Context) -> Option<Duration> {
    ctx.globals.lock_timeout
}
