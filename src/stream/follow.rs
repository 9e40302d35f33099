//! Following for long: connect, receive, wait, connect again.

use std::io;
use std::time::{Duration, Instant};

use super::backoff::Backoff;
use super::follower::{FollowerConfig, FollowerEnd};
use super::receiver::{Limits, Received, receive};
use super::source::Sink;
use super::stop::Stop;
use super::transport::Wire;

/// Redirects in a row before the address is at fault.
const REDIRECTS_MAX: u32 = 4;

/// Between two looks whether following is over.
const LOOK: Duration = Duration::from_millis(500);

/// Makes connections to the source.
pub trait Connector {
    /// Connects; to another address where a source said so.
    fn connect(&mut self, redirect: Option<&str>) -> io::Result<Wire>;
    /// The first message, with where the copy stands now. `reseed`: a new copy is wanted.
    fn config(&mut self, wire: &Wire, reseed: bool) -> io::Result<FollowerConfig>;
    /// Any number, for the length of waits.
    fn random(&mut self) -> u64;
    /// An attempt failed, or a connection ended; the next one comes after `wait`.
    fn retrying(&mut self, why: &Trouble, wait: Duration);
    /// Why following is over, whatever the source does: asked before each attempt, and while the next one is
    /// waited for.
    fn over(&mut self) -> Option<String> {
        None
    }
    /// A connection was made and the source said where it stands.
    fn finished(&mut self, _received: &Received) {}
}

/// Why there is no connection.
#[derive(Debug)]
pub enum Trouble {
    /// None was made.
    Connect(io::Error),
    /// It ended.
    Ended(FollowerEnd),
}

/// How following is to go on.
#[derive(Debug, Clone, Copy, Default)]
pub struct FollowOptions {
    /// When to stop by oneself.
    pub limits: Limits,
    /// Try again after a failure that may pass.
    pub retry: bool,
    /// Take a new copy where the source's log does not reach back.
    pub reseed: bool,
    /// Take a new copy also where the histories parted.
    pub reseed_diverged: bool,
    /// Begin with a new copy.
    pub reseed_first: bool,
    /// Take so many new copies at most where nothing else is tried again; 0: no such limit.
    pub reseed_most: u64,
}

/// How following ended.
#[derive(Debug)]
pub struct Followed {
    /// Entries applied in all.
    pub entries: u64,
    /// Their bytes.
    pub bytes: u64,
    /// New copies put in place.
    pub seeds: u64,
    /// The last connection; none was ever made if there is none.
    pub last: Option<Received>,
    /// Why the last attempt failed, if it did.
    pub trouble: Option<Trouble>,
}

enum Next {
    Now,
    Again,
    Reseed,
    Redirect(String),
    Stop,
}

/// Follows until the end is wished, a limit is reached, or going on makes no sense.
pub fn follow(
    connector: &mut dyn Connector,
    sink: &Sink,
    stop: &Stop,
    options: FollowOptions,
) -> Followed {
    let mut followed = Followed {
        entries: 0,
        bytes: 0,
        seeds: 0,
        last: None,
        trouble: None,
    };
    let most = options.reseed_most;
    let mut backoff = Backoff::default();
    let mut reseed = options.reseed_first;
    let mut redirect: Option<String> = None;
    let mut redirects = 0;
    while !stop.is_requested() {
        if let Some(trouble) = over(connector) {
            followed.trouble = Some(trouble);
            break;
        }
        let begun = Instant::now();
        followed.trouble = None;
        let received = attempt(connector, sink, stop, &options, redirect.as_deref(), reseed);
        let next = match received {
            Ok(received) => {
                connector.finished(&received);
                followed.entries += received.entries;
                followed.bytes += received.bytes;
                followed.seeds += u64::from(received.seeded);
                if received.greeted {
                    redirects = 0;
                }
                reseed &= !received.seeded;
                let next = after(&received, stop, &options);
                if !matches!(received.end, FollowerEnd::Bye) {
                    followed.trouble = Some(Trouble::Ended(received.end.clone()));
                }
                followed.last = Some(received);
                next
            }
            Err(error) => {
                followed.trouble = Some(Trouble::Connect(error));
                Next::Again
            }
        };
        match next {
            Next::Stop => break,
            Next::Reseed if !reseed && (most == 0 || followed.seeds < most) => {
                reseed = true;
                continue;
            }
            Next::Redirect(address) if redirects < REDIRECTS_MAX => {
                redirects += 1;
                redirect = Some(address);
                continue;
            }
            Next::Now => continue,
            Next::Again | Next::Reseed | Next::Redirect(_) => redirect = None,
        }
        if !options.retry {
            break;
        }
        let wait = backoff.wait(begun.elapsed(), connector.random());
        if let Some(trouble) = &followed.trouble {
            connector.retrying(trouble, wait);
        }
        let until = Instant::now() + wait;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() || stop.wait(left.min(LOOK)) || over(connector).is_some() {
                break;
            }
        }
    }
    followed
}

/// The copy itself takes no more.
fn over(connector: &mut dyn Connector) -> Option<Trouble> {
    let reason = connector.over()?;
    Some(Trouble::Ended(FollowerEnd::Sink { reason }))
}

fn attempt(
    connector: &mut dyn Connector,
    sink: &Sink,
    stop: &Stop,
    options: &FollowOptions,
    redirect: Option<&str>,
    reseed: bool,
) -> io::Result<Received> {
    let wire = connector.connect(redirect)?;
    let config = connector.config(&wire, reseed)?;
    receive(wire, config, sink, stop, options.limits)
}

fn after(received: &Received, stop: &Stop, options: &FollowOptions) -> Next {
    if received.seeded && matches!(received.end, FollowerEnd::Bye) && !stop.is_requested() {
        return Next::Now;
    }
    let enough = received.limited || (options.limits.at_head && received.caught_up);
    if stop.is_requested() || enough {
        return Next::Stop;
    }
    match &received.end {
        FollowerEnd::Bye | FollowerEnd::Dead | FollowerEnd::Wire(_) => Next::Again,
        FollowerEnd::Carrier { .. } => Next::Again,
        // The source may be fenced, replaced or catch up in the meantime.
        FollowerEnd::Stale { .. } | FollowerEnd::Deposed { .. } => Next::Again,
        FollowerEnd::Refused(fault) if fault.retryable => Next::Again,
        FollowerEnd::Reseed { .. } if options.reseed => Next::Reseed,
        FollowerEnd::Diverged { .. } if options.reseed_diverged => Next::Reseed,
        FollowerEnd::Redirect { address } => Next::Redirect(address.clone()),
        FollowerEnd::Refused(_)
        | FollowerEnd::Unproven
        | FollowerEnd::TokenWanted
        | FollowerEnd::Lineage
        | FollowerEnd::Diverged { .. }
        | FollowerEnd::Reseed { .. }
        | FollowerEnd::Sink { .. } => Next::Stop,
    }
}
