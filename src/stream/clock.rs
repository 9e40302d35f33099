//! Time as the sessions see it: given to them, never read by them.

/// One moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Now {
    /// Never goes back; all time-outs count in it.
    pub mono_us: u64,
    /// Since 1970; only shown.
    pub wall_us: u64,
}

/// Intervals of a session, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// A side that has sent nothing for so long sends a heartbeat.
    pub heartbeat_us: u64,
    /// A side that has received nothing for so long gives up.
    pub dead_us: u64,
    /// The handshake ends within this.
    pub handshake_us: u64,
}

impl Default for Pace {
    fn default() -> Pace {
        Pace {
            heartbeat_us: 1_000_000,
            dead_us: 3_000_000,
            handshake_us: 5_000_000,
        }
    }
}

/// When bytes last went and came.
#[derive(Debug, Clone, Copy)]
pub struct Pulse {
    pace: Pace,
    started_us: u64,
    sent_us: u64,
    received_us: u64,
}

/// What a pulse asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beat {
    /// Nothing.
    Quiet,
    /// A heartbeat.
    Due,
    /// The other side is gone.
    Dead,
    /// The handshake takes too long.
    Late,
}

impl Pulse {
    /// Of a connection made now.
    pub fn new(pace: Pace, now: Now) -> Pulse {
        Pulse {
            pace,
            started_us: now.mono_us,
            sent_us: now.mono_us,
            received_us: now.mono_us,
        }
    }

    /// Bytes went.
    pub fn sent(&mut self, now: Now) {
        self.sent_us = now.mono_us;
    }

    /// Bytes came.
    pub fn received(&mut self, now: Now) {
        self.received_us = now.mono_us;
    }

    /// What is due; before the handshake is done only its own limit counts.
    pub fn beat(&self, now: Now, greeted: bool) -> Beat {
        let passed = |since: u64| now.mono_us.saturating_sub(since);
        if !greeted {
            return if passed(self.started_us) >= self.pace.handshake_us {
                Beat::Late
            } else {
                Beat::Quiet
            };
        }
        if passed(self.received_us) >= self.pace.dead_us {
            Beat::Dead
        } else if passed(self.sent_us) >= self.pace.heartbeat_us {
            Beat::Due
        } else {
            Beat::Quiet
        }
    }

    /// The next moment at which `beat` may say something else.
    pub fn next_us(&self, greeted: bool) -> u64 {
        if !greeted {
            return self.started_us + self.pace.handshake_us;
        }
        let due = self.sent_us + self.pace.heartbeat_us;
        due.min(self.received_us + self.pace.dead_us)
    }
}
