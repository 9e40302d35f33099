//! Garbage and damage against both sessions: refused, never a panic, never kept without bound.

use creel::format::frame::EntryKind;
use creel::stream::clock::Now;
use creel::stream::follower::{FollowerAction, FollowerSession};
use creel::stream::frame::{BODY_STRANGER, Framer, HEADER_SIZE, Kind};
use creel::stream::leader::{LeaderAction, LeaderSession};

use crate::memory::Log;
use crate::pair::{follower_config, leader_config};
use crate::rng::Rng;
use crate::samples;

const SEEDS: u64 = 3000;

fn log() -> Log {
    let mut log = Log::default();
    for i in 0..30u8 {
        log.write(EntryKind::Note, 1, &[i; 20]);
    }
    log
}

/// Some bytes: noise, frames with right checksums and wrong bodies, good frames with damage.
fn mess(rng: &mut Rng, framer: &mut Framer) -> Vec<u8> {
    let samples = samples::all();
    match rng.below(4) {
        0 => (0..rng.below(200)).map(|_| rng.next() as u8).collect(),
        1 => {
            let kind = *rng.pick(&Kind::ALL);
            let body: Vec<u8> = (0..rng.below(300)).map(|_| rng.next() as u8).collect();
            framer.frame(kind, 0, &body)
        }
        2 => {
            let (_, message) = rng.pick(&samples);
            let good = message.frame(&mut Framer::default());
            let mut body = good[HEADER_SIZE..].to_vec();
            if !body.is_empty() {
                let at = rng.below(body.len());
                body[at] ^= 1 << rng.below(8);
            }
            framer.frame(message.kind(), 0, &body)
        }
        _ => rng.pick(&samples).1.frame(framer),
    }
}

#[test]
fn a_leader_survives_any_bytes() {
    let (log, now) = (log(), Now::default());
    for seed in 0..SEEDS {
        let mut rng = Rng::new(seed);
        let mut leader = LeaderSession::new(leader_config(), log.position_head(), now);
        let mut framer = Framer::default();
        for _ in 0..12 {
            leader.receive(now, &mess(&mut rng, &mut framer));
            while let Some(action) = leader.next_action() {
                if let LeaderAction::Open(point) = action {
                    leader.opened(now, log.check(&point));
                }
            }
            if !leader.is_greeted() {
                let most = BODY_STRANGER as usize + HEADER_SIZE + 400;
                assert!(leader.waiting() <= most, "seed {seed}");
            }
            if rng.chance(20) {
                let sent_to = leader.sent_to().index;
                if let Ok(Some(batch)) = log.read(sent_to, 3) {
                    leader.entries(now, &batch.bytes, batch.end);
                }
            }
        }
    }
}

#[test]
fn a_follower_applies_nothing_that_is_not_whole() {
    let now = Now::default();
    let good = log();
    for seed in 0..SEEDS {
        let mut rng = Rng::new(seed);
        let mut own = Log::default();
        let mut follower = FollowerSession::new(follower_config(&own), now);
        let mut framer = Framer::default();
        for _ in 0..12 {
            follower.receive(now, &mess(&mut rng, &mut framer));
            while let Some(action) = follower.next_action() {
                if let FollowerAction::Apply(bytes) = action {
                    let outcome = own.apply(&bytes);
                    follower.applied(now, outcome);
                }
            }
        }
        own.check_whole();
        // The sample's entries are the only whole ones that can come.
        assert!(own.head().index <= 2, "seed {seed}");
        assert!(good.head().index > 2);
    }
}
