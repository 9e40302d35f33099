//! Which errors a call that was made to fail may lead to: its own, what a handle says after it, and the little
//! that follows from a commit that is not there. Damage is none, but where nothing was promised.

use super::support::sim::FaultKind;

/// How calls fail, and in which workload.
#[derive(Debug, Clone, Copy)]
pub struct Failing {
    pub kind: FaultKind,
    pub workload: &'static str,
}

/// What follows from an earlier failure, by workload.
const FOLLOWS: &[(&str, &str)] = &[
    // The value that is required was not put.
    ("conditions", "Precondition {"),
    // The keyspace that is dropped was not made.
    ("keyspaces", "NoKeyspace { name: \"orders\" }"),
    // The backup before has its name, which was not certain to last.
    ("backups", "Exists { path: \"copy\" }"),
    // An epoch began with the header and not yet with its entry.
    ("promote", "the start of epoch"),
    ("rewind", "the start of epoch"),
    // Checkpoints that fail make no room.
    ("no-room", "nothing made way"),
];

impl Failing {
    /// Whether an error, with its `Debug` text, is one that the calls themselves give.
    pub fn gives(&self, text: &str) -> bool {
        if text.contains("Corrupt(") || text.contains("NotADatabase {") {
            return self.halves_a_header(text);
        }
        let own = self.kind.error();
        let code = |errno: i32| format!("code: {errno},");
        // As it is told to others who waited for the same.
        let told = |error: &std::io::Error| format!("Kind({:?})", error.kind());
        let mut answers = vec![
            code(own.raw_os_error().unwrap_or(0)),
            told(&own),
            // An earlier call has failed.
            "Poisoned".into(),
            "something has failed".into(),
            "Busy {".into(),
        ];
        if self.kind.failed_sync().is_some() {
            // What other files are told by their next sync.
            answers.push(code(libc::EIO));
        }
        if own.raw_os_error() == Some(libc::EDQUOT) {
            answers.push(told(&std::io::ErrorKind::StorageFull.into()));
        }
        if self.workload == "no-room" {
            // Which has no more room of its own.
            answers.push(code(libc::ENOSPC));
        }
        answers.iter().any(|answer| text.contains(answer))
    }

    /// Half a header slot, which no power loss leaves (a sector is whole), next to a bulk load
    /// that only a header could have confirmed: refusing is right, nobody can tell.
    pub fn halves_a_header(&self, text: &str) -> bool {
        let half = matches!(self.kind, FaultKind::ShortWriteThenError(_));
        half && text.contains("the log has a bulk load that only it knew")
    }

    /// Whether it may come after something else has failed.
    pub fn follows(&self, text: &str) -> bool {
        let known =
            |(workload, says): &(&str, &str)| *workload == self.workload && text.contains(says);
        FOLLOWS.iter().any(known)
    }
}

#[test]
fn damage_is_no_answer_to_a_failing_call() {
    let failing = |kind| Failing {
        kind,
        workload: "conditions",
    };
    let eio = failing(FaultKind::Errno(libc::EIO));
    let io = |errno| {
        let source = std::io::Error::from_raw_os_error(errno);
        format!("{:?}", creel::Error::io("read", source))
    };
    assert!(eio.gives(&io(libc::EIO)) && !eio.gives(&io(libc::ENOSPC)));
    assert!(eio.gives(&format!("{:?}", creel::Error::Poisoned)));
    let damage = format!(
        "{:?}",
        creel::Error::corrupt(creel::Invariant::W2, "code: 5,")
    );
    assert!(!eio.gives(&damage));
    assert!(failing(FaultKind::SyncKeepsNewFor(libc::ENOSPC)).gives(&io(libc::EIO)));
    assert!(eio.follows("Precondition { at: 0 }") && !eio.follows("NoKeyspace"));
}
