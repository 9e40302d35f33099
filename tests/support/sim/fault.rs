//! Calls that fail on purpose.

use std::io;

use super::state::FailedSync;

/// Which calls a fault strikes. A durable write counts once as a write and then once as a sync.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultOn {
    Read,
    Write,
    Sync,
    SetSize,
    Rename,
    DirSync,
    Create,
    Remove,
    /// Opening a file that is there: no call of the trace, for it changes nothing.
    Open,
    /// Any of these but the last.
    Any,
}

/// How a call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// The error, and nothing happens. A failed sync leaves its writes pending.
    Errno(i32),
    /// Half of the bytes are written, then the error. On other calls the error alone.
    ShortWriteThenError(i32),
    /// A failed sync after which reads see the new bytes and the medium has the old ones, until
    /// the cache is dropped; a later sync succeeds and persists nothing (other open files are
    /// told once, by their next sync). On other calls EIO.
    SyncKeepsNew,
    /// The same with another error.
    SyncKeepsNewFor(i32),
    /// A failed sync after which reads see the old bytes. On other calls EIO.
    SyncReverts,
}

/// How often a fault strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeat {
    Once,
    Forever,
}

/// The `nth` call (from 1, counted from when the plan was set) of the kind `on` fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FaultPlan {
    pub nth: usize,
    pub kind: FaultKind,
    pub repeat: Repeat,
    pub on: FaultOn,
}

impl FaultKind {
    pub fn error(self) -> io::Error {
        io::Error::from_raw_os_error(match self {
            FaultKind::Errno(errno)
            | FaultKind::ShortWriteThenError(errno)
            | FaultKind::SyncKeepsNewFor(errno) => errno,
            FaultKind::SyncKeepsNew | FaultKind::SyncReverts => libc::EIO,
        })
    }

    pub fn failed_sync(self) -> Option<FailedSync> {
        match self {
            FaultKind::SyncKeepsNew | FaultKind::SyncKeepsNewFor(_) => Some(FailedSync::KeepsNew),
            FaultKind::SyncReverts => Some(FailedSync::Reverts),
            FaultKind::Errno(_) | FaultKind::ShortWriteThenError(_) => None,
        }
    }
}

/// A plan and how far it has come.
#[derive(Debug, Default)]
pub struct Faults {
    plan: Option<FaultPlan>,
    /// Calls that the plan might have struck.
    seen: usize,
    hits: usize,
    /// All calls, by kind.
    calls: Vec<(FaultOn, usize)>,
}

impl Faults {
    pub fn set(&mut self, plan: Option<FaultPlan>) {
        *self = Faults {
            plan,
            ..Faults::default()
        };
    }

    /// How many calls of a kind there were.
    pub fn calls(&self, on: FaultOn) -> usize {
        let of = |(kind, count): &(FaultOn, usize)| (*kind == on).then_some(*count);
        self.calls.iter().find_map(of).unwrap_or(0)
    }

    pub fn hits(&self) -> usize {
        self.hits
    }

    /// Counts a call; tells whether it is to fail.
    pub fn strike(&mut self, on: FaultOn) -> Option<FaultKind> {
        match self.calls.iter_mut().find(|(kind, _)| *kind == on) {
            Some((_, count)) => *count += 1,
            None => self.calls.push((on, 1)),
        }
        let plan = self.plan?;
        if plan.on != on && (plan.on != FaultOn::Any || on == FaultOn::Open) {
            return None;
        }
        self.seen += 1;
        let struck = match plan.repeat {
            Repeat::Once => self.seen == plan.nth,
            Repeat::Forever => self.seen >= plan.nth,
        };
        self.hits += usize::from(struck);
        struck.then_some(plan.kind)
    }
}
