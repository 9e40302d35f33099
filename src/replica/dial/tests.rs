//! What is told of connections, and where they lead.

use super::*;
use crate::stream::message::Fault;

#[test]
fn an_epoch_that_is_over_is_told_from_other_ends() {
    let refused = |code| {
        FollowerEnd::Refused(Fault {
            code,
            retryable: true,
            retry_after_ms: 0,
            text: String::new(),
        })
    };
    let stale = FollowerEnd::Stale {
        epoch: 1,
        highest: 2,
    };
    let deposed = FollowerEnd::Deposed {
        epoch: 2,
        address: String::new(),
    };
    for (end, older) in [
        (stale, true),
        (deposed, true),
        (refused(Code::Fenced), true),
        (refused(Code::Busy), false),
        (FollowerEnd::Bye, false),
        (FollowerEnd::Dead, false),
    ] {
        let words = format!("{end:?}");
        assert_eq!(is_older_epoch(&Trouble::Ended(end)), older, "{words}");
    }
    let nobody = Trouble::Connect(io::Error::other("x"));
    assert!(!is_older_epoch(&nobody));
}

#[test]
fn a_shell_reads_one_word() {
    assert_eq!(shell_word("a b"), "'a b'");
    assert_eq!(shell_word("it's"), "'it'\\''s'");
    assert_eq!(shell_word("a\\b"), "'a'\\\\'b'");
}

#[test]
fn each_end_of_a_connection_is_told_with_what_is_known_of_it() {
    let fault = |text: &str| {
        FollowerEnd::Refused(Fault {
            code: Code::Busy,
            retryable: true,
            retry_after_ms: 0,
            text: text.to_owned(),
        })
    };
    let reason = || "because".to_owned();
    for (end, words) in [
        (FollowerEnd::Bye, "ended"),
        (fault(Code::Busy.words()), "refused: too many connections"),
        (fault("9 of 9"), "refused: too many connections (9 of 9)"),
        (FollowerEnd::Unproven, "token"),
        (FollowerEnd::TokenWanted, "asks for a token"),
        (FollowerEnd::Lineage, "another database"),
        (
            FollowerEnd::Diverged {
                ancestor: 3,
                reason: reason(),
            },
            "parted: because",
        ),
        (
            FollowerEnd::Reseed { reason: reason() },
            "copy is needed: because",
        ),
        (
            FollowerEnd::Redirect {
                address: "tcp://h:1".to_owned(),
            },
            "tcp://h:1",
        ),
        (
            FollowerEnd::Stale {
                epoch: 2,
                highest: 3,
            },
            "at epoch 2, this copy has seen 3",
        ),
        (
            FollowerEnd::Deposed {
                epoch: 4,
                address: String::new(),
            },
            "epoch 4",
        ),
        (
            FollowerEnd::Sink { reason: reason() },
            "cannot go on: because",
        ),
        (FollowerEnd::Carrier { reason: reason() }, "because"),
        (FollowerEnd::Dead, "nothing more"),
    ] {
        let told = trouble(&Trouble::Ended(end));
        assert!(told.contains(words), "{told}");
    }
    let refused = Trouble::Connect(io::ErrorKind::ConnectionRefused.into());
    assert!(trouble(&refused).starts_with("cannot connect: "));
}

/// Nobody gets a copy to run a command or to speak without encryption by sending it elsewhere.
#[test]
fn a_source_leads_to_its_own_kind_only() {
    let dir = tempfile::tempdir().unwrap();
    let slot = Slot::new(&dir.path().join("a"), crate::db::OpenOptions::new(), None);
    let (slot, state) = (Arc::new(slot), Arc::new(State::default()));
    let led = |from: &str, to: &str| {
        let (slot, state) = (Arc::clone(&slot), Arc::clone(&state));
        let tell: Tell = Box::new(|_| ());
        let source = from.parse().unwrap();
        let dialer = Dialer::new(source, DialOptions::default(), slot, state, tell);
        dialer.unwrap().redirected(to).map_err(|e| e.kind())
    };
    for (from, to) in [
        ("tcp://a:1", "tcp://b:2"),
        ("tcp://a:1", "tls://b:2"),
        ("tls://a:1", "tls://b:2"),
    ] {
        assert_eq!(led(from, to).unwrap(), to.parse().unwrap());
    }
    for (from, to) in [
        ("tls://a:1", "tcp://b:2"),
        ("tcp://a:1", "ssh://b/c"),
        ("tcp://a:1", "c.db"),
        ("tcp://a:1", "nonsense://"),
        ("ssh://a/b", "ssh://c/d"),
        ("-", "tcp://b:2"),
    ] {
        assert_eq!(
            led(from, to),
            Err(io::ErrorKind::InvalidData),
            "{from} {to}"
        );
    }
}

#[test]
fn sources_that_nothing_is_dialled_for() {
    for source in ["a.db", "-", "dir:/x"] {
        let source: Source = source.parse().unwrap();
        let refused = dial(&source, &DialOptions::default()).map(drop);
        assert_eq!(refused.unwrap_err().kind(), io::ErrorKind::Unsupported);
    }
    #[cfg(feature = "tls")]
    {
        let tls: Source = "tls://localhost:1".parse().unwrap();
        let refused = dial(&tls, &DialOptions::default()).map(drop).unwrap_err();
        assert!(refused.to_string().contains("--tls-ca"), "{refused}");
    }
}
