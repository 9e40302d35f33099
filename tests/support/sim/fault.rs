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
    /// Any of these.
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
            FaultKind::Errno(errno) | FaultKind::ShortWriteThenError(errno) => errno,
            FaultKind::SyncKeepsNew | FaultKind::SyncReverts => libc::EIO,
        })
    }

    pub fn failed_sync(self) -> Option<FailedSync> {
        match self {
            FaultKind::SyncKeepsNew => Some(FailedSync::KeepsNew),
            FaultKind::SyncReverts => Some(FailedSync::Reverts),
            FaultKind::Errno(_) | FaultKind::ShortWriteThenError(_) => None,
        }
    }
}

/// A plan and how far it has come.
#[derive(Debug, Default)]
pub struct Faults {
    plan: Option<FaultPlan>,
    seen: usize,
    hits: usize,
}

impl Faults {
    pub fn set(&mut self, plan: Option<FaultPlan>) {
        *self = Faults {
            plan,
            seen: 0,
            hits: 0,
        };
    }

    pub fn hits(&self) -> usize {
        self.hits
    }

    /// Counts a call; tells whether it is to fail.
    pub fn strike(&mut self, on: FaultOn) -> Option<FaultKind> {
        let plan = self.plan?;
        if plan.on != FaultOn::Any && plan.on != on {
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
