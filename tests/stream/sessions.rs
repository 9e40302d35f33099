//! Both sessions face to face, without faults: what they say to each other.

use creel::format::entry::Point;
use creel::format::frame::EntryKind;
use creel::stream::auth::TokenKey;
use creel::stream::clock::Now;
use creel::stream::follower::{FollowerAction, FollowerEnd, FollowerSession};
use creel::stream::hello::{CAP_BOOTSTRAP, CAP_EARLY, CAP_SNAPSHOT, PeerRole, early_limit};
use creel::stream::leader::{LeaderAction, LeaderConfig, LeaderEnd, LeaderSession, WINDOW, Want};
use creel::stream::message::{Code, Message};
use creel::stream::source::SinkError;

use crate::memory::Log;
use crate::pair::{Pair, follower_config, leader_config, log};

#[test]
fn catches_up_past_a_batch_and_then_streams() {
    let mut pair = Pair::new(log(95), Log::default());
    pair.run();
    pair.same();
    for i in 0..20 {
        pair.leader_log.write(EntryKind::Note, 1, &[i]);
        pair.run();
        pair.same();
    }
    assert_eq!((pair.leader_end, pair.follower_end), (None, None));
}

#[test]
fn no_more_than_the_window_is_on_its_way() {
    let mut pair = Pair::new(log(95), Log::default());
    pair.hold_apply = true;
    pair.run();
    assert_eq!(pair.held.len(), WINDOW);
    assert!(!pair.follower.is_caught_up(), "entries are not applied yet");
    pair.hold_apply = false;
    for bytes in std::mem::take(&mut pair.held) {
        let outcome = pair.follower_log.apply(&bytes);
        pair.follower.applied(pair.now, outcome);
    }
    pair.run();
    pair.same();
}

#[test]
fn another_database_is_refused() {
    let mut config = follower_config(&Log::default());
    config.hello.lineage = [9; 16];
    config.hello.highest_epoch = 7;
    let mut pair = Pair::with(leader_config(), log(3), config, Log::default());
    pair.run();
    assert_eq!(pair.leader_end, Some(LeaderEnd::Refused(Code::Lineage)));
    assert_eq!(pair.fenced, None, "a stranger's epoch fences nobody");
    assert_eq!(pair.follower_log.head().index, 0);
}

/// Everybody who reaches a port could stop the primary otherwise.
#[test]
fn who_has_shown_nothing_fences_nobody() {
    for (may_fence, fenced) in [(false, None), (true, Some(2))] {
        let leader = LeaderConfig {
            may_fence,
            ..leader_config()
        };
        let mut config = follower_config(&log(3));
        config.hello.highest_epoch = 2;
        let mut pair = Pair::with(leader, log(5), config, log(3));
        pair.run();
        assert_eq!(pair.leader_end, Some(LeaderEnd::Refused(Code::Fenced)));
        assert_eq!(pair.fenced, fenced);
        assert_eq!(pair.follower_log.head().index, 3);
    }
}

#[test]
fn a_fork_is_named_at_once() {
    let mut mine = log(5);
    mine.write(EntryKind::Note, 1, b"fork");
    let mut pair = Pair::new(log(9), mine);
    pair.run();
    assert!(matches!(
        pair.follower_end,
        Some(FollowerEnd::Diverged { .. })
    ));
    assert_eq!(pair.follower_log.head().index, 6, "nothing applied");
}

#[test]
fn a_wrong_history_in_an_acknowledgement_ends_the_session() {
    let mut pair = Pair::new(log(9), Log::default());
    pair.hold_apply = true;
    pair.run();
    let wrong = Point {
        history: [0xee; 16],
        ..pair.leader.sent_to()
    };
    pair.follower.applied(pair.now, Ok(wrong));
    pair.run();
    assert_eq!(pair.leader_end, Some(LeaderEnd::Refused(Code::Diverged)));
    assert!(matches!(
        pair.follower_end,
        Some(FollowerEnd::Diverged { .. })
    ));
    assert!(pair.acked.is_empty());
}

#[test]
fn an_acknowledgement_of_what_was_never_sent_is_refused() {
    let mut pair = Pair::new(log(9), Log::default());
    pair.hold_apply = true;
    pair.run();
    let within = Point {
        index: 5,
        ..pair.leader.sent_to()
    };
    pair.follower.applied(pair.now, Ok(within));
    pair.run();
    assert!(matches!(pair.leader_end, Some(LeaderEnd::Wire(_))));
    assert!(pair.acked.is_empty());
    // Beyond all that there is: the leader is asked to go on from there, and cannot.
    let mut pair = Pair::new(log(9), Log::default());
    pair.hold_apply = true;
    pair.run();
    let beyond = Point {
        index: 500,
        ..pair.leader.sent_to()
    };
    pair.follower.applied(pair.now, Ok(beyond));
    pair.run();
    assert!(pair.leader_end.is_some());
    assert!(pair.acked.is_empty());
}

#[test]
fn a_leader_of_an_older_epoch_fences_itself() {
    let mut config = follower_config(&Log::default());
    config.hello.highest_epoch = 2;
    let mut pair = Pair::with(leader_config(), log(3), config, Log::default());
    pair.run();
    assert_eq!(pair.fenced, Some(2));
    assert_eq!(
        pair.follower_log.head().index,
        0,
        "nothing of the old epoch"
    );
}

#[test]
fn a_follower_remembers_the_epoch_before_it_acknowledges() {
    let mut leader = log(3);
    leader.write(EntryKind::Fence, 2, b"fence");
    leader.write(EntryKind::Note, 2, b"after");
    let mut pair = Pair::new(leader, Log::default());
    pair.run();
    pair.same();
    assert_eq!(pair.seen_epoch, 2);
}

#[test]
fn a_fenced_leader_tells_its_followers() {
    let mut pair = Pair::new(log(3), Log::default());
    pair.run();
    pair.leader.fenced(pair.now, 3, "tcp://new:1");
    pair.run();
    let address = "tcp://new:1".to_owned();
    assert_eq!(
        pair.follower_end,
        Some(FollowerEnd::Deposed { epoch: 3, address })
    );
    assert_eq!(pair.seen_epoch, 3);
}

#[test]
fn a_copy_behind_the_retained_log_is_told_or_seeded() {
    let mut leader = log(50);
    leader.floor = 30;
    let mut config = follower_config(&log(10));
    config.hello.caps = 0;
    let mut pair = Pair::with(leader_config(), leader.clone(), config, log(10));
    pair.run();
    assert!(matches!(
        pair.follower_end,
        Some(FollowerEnd::Reseed { .. })
    ));
    assert_eq!(pair.follower_log.head().index, 10, "no partial apply");

    let mut config = follower_config(&log(10));
    config.hello.caps = CAP_SNAPSHOT;
    let mut pair = Pair::with(leader_config(), leader, config, log(10));
    pair.run();
    let mut pair = pair.again();
    pair.leader_log
        .write(EntryKind::Note, 1, b"after the snapshot");
    pair.run();
    pair.same();
}

#[test]
fn a_bulk_load_in_the_middle_of_the_stream_brings_a_snapshot() {
    let mut pair = Pair::new(log(20), Log::default());
    pair.run();
    pair.same();
    pair.leader_log.write(EntryKind::Bulk, 1, b"in the tree");
    pair.leader_log.write(EntryKind::Note, 1, b"behind it");
    pair.run();
    let mut pair = pair.again();
    pair.leader_log.write(EntryKind::Note, 1, b"and later");
    pair.run();
    pair.same();
}

/// A copy that follows over a connection and is fed from a store at the same time.
#[test]
fn entries_that_another_process_applied_break_no_connection() {
    for (batch, ahead) in [(10, 25), (10, 40), (7, 33), (40, 40)] {
        let mut pair = Pair::new(log(40), Log::default());
        pair.batch = batch;
        pair.hold_apply = true;
        pair.run();
        assert!(!pair.held.is_empty());
        let other = pair.leader_log.between(0, ahead);
        pair.follower_log.apply(&other).unwrap();
        while !pair.held.is_empty() {
            let bytes = pair.held.remove(0);
            let outcome = pair.follower_log.apply(&bytes);
            pair.follower.applied(pair.now, outcome);
            pair.run();
        }
        pair.hold_apply = false;
        pair.leader_log.write(EntryKind::Note, 1, b"and later");
        pair.run();
        assert_eq!((&pair.leader_end, &pair.follower_end), (&None, &None));
        pair.same();
    }
}

#[test]
fn an_empty_copy_is_bootstrapped() {
    let mut config = follower_config(&Log::default());
    config.hello.lineage = [0; 16];
    config.hello.caps = CAP_SNAPSHOT | CAP_BOOTSTRAP;
    let mut pair = Pair::with(leader_config(), log(40), config, Log::default());
    pair.run();
    let mut pair = pair.again();
    pair.leader_log.write(EntryKind::Note, 1, b"later");
    pair.run();
    pair.same();
}

/// A pair whose leader is about to send a snapshot.
fn about_to_send(caps: u32) -> Pair {
    let mut config = follower_config(&Log::default());
    config.hello.lineage = [0; 16];
    config.hello.caps = CAP_BOOTSTRAP | caps;
    let mut pair = Pair::with(leader_config(), log(40), config, Log::default());
    while pair.leader.wants() != Want::Part {
        assert!(pair.step(), "nothing happens");
    }
    pair
}

#[test]
fn what_is_checked_first_goes_ahead_to_those_who_make_use_of_it() {
    let mut pair = about_to_send(CAP_EARLY);
    let limit = early_limit(pair.snapshot.len() as u64) as usize;
    let now = pair.now;
    assert!(pair.leader.early(now, 3, b"ahead"));
    assert!(pair.leader.early(now, 0, &vec![1; limit - 5]));
    assert!(!pair.leader.early(now, 0, b"1"), "beyond the limit");
    while pair.leader.wants() == Want::Part {
        pair.feed();
        assert!(!pair.leader.early(now, 8, b"late"));
    }
    pair.run();
    assert_eq!(pair.early, [(3, b"ahead".to_vec())]);
    let refused = matches!(pair.follower_end, Some(FollowerEnd::Wire(_)));
    assert!(refused, "more than there is in all");
    let mut pair = about_to_send(CAP_EARLY);
    assert!(pair.leader.early(now, 3, b"ahead"));
    assert!(pair.leader.early(now, 30, b"of"));
    pair.run();
    assert_eq!(pair.early, [(3, b"ahead".to_vec()), (30, b"of".to_vec())]);
    let mut pair = pair.again();
    pair.leader_log.write(EntryKind::Note, 1, b"later");
    pair.run();
    pair.same();
}

#[test]
fn nothing_goes_ahead_to_an_older_follower() {
    let mut pair = about_to_send(0);
    assert!(!pair.leader.takes_early());
    let now = pair.now;
    assert!(!pair.leader.early(now, 3, b"ahead"));
    pair.run();
    assert!(pair.early.is_empty());
    let mut pair = pair.again();
    pair.leader_log.write(EntryKind::Note, 1, b"later");
    pair.run();
    pair.same();
}

#[test]
fn what_comes_ahead_keeps_to_its_limits() {
    for (offset, len) in [(1 << 40, 5), (u64::MAX, 5), (0, 0)] {
        let mut pair = about_to_send(CAP_EARLY);
        let bytes = vec![0; len];
        pair.say(&Message::SnapEarly { offset, bytes });
        pair.run();
        assert!(pair.early.is_empty());
        let refused = matches!(pair.follower_end, Some(FollowerEnd::Wire(_)));
        assert!(refused, "{offset} {len}: {:?}", pair.follower_end);
    }
    // Not behind the first part.
    let mut pair = about_to_send(CAP_EARLY);
    pair.feed();
    pair.say(&Message::SnapEarly {
        offset: 0,
        bytes: vec![0; 5],
    });
    pair.run();
    assert!(pair.early.is_empty());
    assert!(matches!(pair.follower_end, Some(FollowerEnd::Wire(_))));
}

#[test]
fn damage_between_log_and_wire_is_read_again() {
    let mut pair = Pair::new(log(10), Log::default());
    pair.hold_apply = true;
    pair.run();
    pair.held.clear();
    pair.hold_apply = false;
    let reason = "checksum".to_owned();
    pair.follower
        .applied(pair.now, Err(SinkError::Damaged { reason }));
    pair.run();
    pair.same();
}

#[test]
fn tokens_are_shown_by_both_sides() {
    let key = |byte| TokenKey::new(&[byte; 32]);
    let outcome = |leader, follower| {
        let mut leader_side = leader_config();
        leader_side.token = leader;
        let mut follower_side = follower_config(&Log::default());
        follower_side.token = follower;
        let mut pair = Pair::with(leader_side, log(5), follower_side, Log::default());
        pair.run();
        (
            pair.follower_log.head().index,
            pair.leader_end,
            pair.follower_end,
        )
    };
    assert_eq!(outcome(key(1), key(1)), (5, None, None));
    let (applied, leader, _) = outcome(key(1), key(2));
    assert_eq!((applied, leader), (0, Some(LeaderEnd::Refused(Code::Auth))));
    let (applied, _, follower) = outcome(key(1), None);
    assert_eq!((applied, follower), (0, Some(FollowerEnd::TokenWanted)));
    // A leader that asks for none is not the one that was meant.
    let (applied, _, follower) = outcome(None, key(1));
    assert_eq!((applied, follower), (0, Some(FollowerEnd::Unproven)));
}

#[test]
fn a_recorded_handshake_does_not_open_the_door_again() {
    let token = TokenKey::new(&[1; 32]);
    let mut leader_side = leader_config();
    leader_side.token = token.clone();
    let mut follower_side = follower_config(&Log::default());
    follower_side.token = token;
    let now = Now::default();
    let head = log(1).position_head();
    let mut follower = FollowerSession::new(follower_side, now);
    let mut leader = LeaderSession::new(leader_side.clone(), head, now);
    let mut recorded = Vec::new();
    for _ in 0..4 {
        while let Some(action) = follower.next_action() {
            if let FollowerAction::Send(bytes) = action {
                leader.receive(now, &bytes);
                recorded.push(bytes);
            }
        }
        while let Some(action) = leader.next_action() {
            if let LeaderAction::Send(bytes) = action {
                follower.receive(now, &bytes);
            }
        }
    }
    assert!(leader.is_greeted());
    // The same bytes to a leader with another challenge.
    leader_side.nonce = [6; 32];
    let mut again = LeaderSession::new(leader_side, head, now);
    recorded.iter().for_each(|bytes| again.receive(now, bytes));
    assert!(again.is_closed());
    let mut actions = std::iter::from_fn(|| again.next_action());
    assert!(!actions.any(|action| matches!(action, LeaderAction::Joined(_))));
}

#[test]
fn silence_ends_both_sides_and_heartbeats_keep_them() {
    let mut pair = Pair::new(log(3), Log::default());
    pair.run();
    for second in 1..20 {
        pair.now.mono_us = second * 1_000_000;
        pair.leader.tick(pair.now);
        pair.follower.tick(pair.now);
        pair.run();
    }
    assert_eq!((&pair.leader_end, &pair.follower_end), (&None, &None));
    pair.now.mono_us += 3_000_000;
    pair.leader.tick(pair.now);
    pair.follower.tick(pair.now);
    pair.run();
    assert_eq!(pair.leader_end, Some(LeaderEnd::Dead));
    assert_eq!(pair.follower_end, Some(FollowerEnd::Dead));
}

#[test]
fn a_handshake_that_does_not_end_is_ended() {
    let head = log(3).position_head();
    let mut leader = LeaderSession::new(leader_config(), head, Now::default());
    let mut now = Now::default();
    // A byte now and then is no progress.
    for second in 1..=5 {
        now.mono_us = second * 1_000_000;
        leader.receive(now, &[0][..usize::from(second < 4)]);
        leader.tick(now);
    }
    assert!(leader.is_closed());
}

#[test]
fn a_client_asks_and_gets_no_entries() {
    let mut config = follower_config(&Log::default());
    config.hello.role = PeerRole::Client;
    let mut pair = Pair::with(leader_config(), log(3), config, Log::default());
    pair.run();
    pair.follower.ask(pair.now, b"{\"status\":true}");
    let mut answer = None;
    while let Some(action) = pair.follower.next_action() {
        pair.follower_action(action);
    }
    while let Some(action) = pair.leader.next_action() {
        pair.leader_action(action);
    }
    while let Some(action) = pair.leader.next_action() {
        pair.leader_action(action);
    }
    while let Some(action) = pair.follower.next_action() {
        if let FollowerAction::Answer(json) = action {
            answer = Some(json);
        }
    }
    assert_eq!(answer.as_deref(), Some(&b"{\"status\":true}"[..]));
    assert_eq!(pair.leader.wants(), Want::Nothing);
}
