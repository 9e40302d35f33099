//! Who commits hands out tokens, and others wait for them anywhere (I11). What a log answers is
//! decided by the program, on a log that is all there is of a node.

use creel::awaited::{Answer, Asked};
use creel::format::entry::Point;
use creel::{Commit, Receipt, Result, Token};

use super::node::Node;
use super::oracle::Oracle;
use super::seen::Weak;
use super::world::World;
use crate::memory::Log;

/// Most that wait at a time.
const WAITING: usize = 12;

/// What somebody got for a commit.
#[derive(Debug)]
struct Given {
    receipt: Receipt,
    point: Point,
    /// A power cut took it from its writer, who may give its number to another commit.
    taken: bool,
    /// A node has said that it is lost.
    lost: bool,
}

/// All tokens, and who waits for which one where.
#[derive(Debug, Default)]
pub struct Tokens {
    given: Vec<Given>,
    waiting: Vec<(usize, usize)>,
}

impl Tokens {
    /// A power cut took these commits.
    pub fn taken(&mut self, points: &[Point]) {
        for given in &mut self.given {
            given.taken |= points.contains(&given.point);
        }
    }
}

impl Asked for Log {
    fn point_at(&self, index: u64) -> Result<Option<Point>> {
        let there = self.at(index).copied();
        Ok(there.filter(|_| index >= self.floor))
    }

    fn epochs(&self) -> Result<Vec<(u32, u64)>> {
        let pairs = self.points().windows(2);
        let begun = pairs.filter(|pair| pair[0].epoch < pair[1].epoch);
        Ok(begun.map(|pair| (pair[1].epoch, pair[0].index)).collect())
    }
}

impl World {
    /// The newest commit of a node gets a token, now and then, and somebody waits for it.
    pub(super) fn hand_out(&mut self, at: usize) {
        if !self.rng.chance(20) {
            return;
        }
        let point = self.nodes[at].log.head();
        let commit = Commit {
            token: Token {
                epoch: point.epoch,
                index: point.index,
            },
            hash: point.history,
            deleted: 0,
        };
        self.tokens.given.push(Given {
            receipt: commit.receipt(),
            point,
            taken: false,
            lost: false,
        });
        self.seen.tokens += 1;
        let newest = self.tokens.given.len() - 1;
        self.wait_for(newest);
    }

    fn wait_for(&mut self, token: usize) {
        let waiter = (token, self.rng.below(self.nodes.len()));
        let waiting = &mut self.tokens.waiting;
        if waiting.len() == WAITING {
            // Somebody's time is over.
            waiting.swap_remove(self.rng.below(WAITING));
        }
        waiting.push(waiter);
    }

    /// Everybody who waits looks, and now and then somebody comes with an old token.
    pub(super) fn look_for_tokens(&mut self) {
        if self.rng.chance(10) && !self.tokens.given.is_empty() {
            let token = self.rng.below(self.tokens.given.len());
            self.wait_for(token);
        }
        let mut waiting = std::mem::take(&mut self.tokens.waiting);
        waiting.retain(|&(token, at)| self.paused(at) || self.ask(token, at) == Answer::NotYet);
        self.tokens.waiting = waiting;
    }

    /// A node's answer, which must be true.
    fn ask(&mut self, token: usize, at: usize) -> Answer {
        let node = &self.nodes[at];
        let given = &mut self.tokens.given[token];
        let (newest, index) = (node.log.head(), given.point.index);
        let answer = match self.weak {
            Weak::TokensByNumber if index <= newest.index => Answer::Here,
            _ => given.receipt.answer(&newest, &node.log).unwrap(),
        };
        let by_table = index < node.log.floor;
        match &answer {
            Answer::Here => {
                let here = self.oracle.has(node, &given.point);
                // Too old to look at, and its writer has lost it: two commits with one number.
                let twice = given.taken && by_table;
                assert!(
                    here || twice,
                    "node {at}: {} is not the commit that was waited for: {:?}, floor {}",
                    given.receipt,
                    node.log.at(index),
                    node.log.floor
                );
                self.seen.found += 1;
                self.seen.found_by_table += u64::from(by_table);
            }
            Answer::Lost(reason) => {
                assert!(
                    node.log.at(index) != Some(&given.point),
                    "node {at}: {} is here, and said to be lost: {reason}",
                    given.receipt
                );
                given.lost = true;
                self.seen.lost_tokens += 1;
                self.seen.lost_by_table += u64::from(by_table);
            }
            Answer::NotYet => {
                assert!(
                    node.log.at(index) != Some(&given.point),
                    "node {at}: {} is here, and waited for",
                    given.receipt
                );
                self.seen.other_way += u64::from(index <= newest.index);
            }
        }
        answer
    }

    /// At the end all nodes have one history: what is in it is found everywhere, and nothing else.
    pub(super) fn ask_for_all(&mut self, leader: usize) {
        for token in 0..self.tokens.given.len() {
            let Given { point, lost, .. } = self.tokens.given[token];
            let survives = self.nodes[leader].log.at(point.index) == Some(&point);
            // Without a store two may be promoted, one behind the other's back, and both be believed.
            assert!(
                !(survives && lost && self.store.is_some()),
                "{point:?} was said to be lost"
            );
            for at in 0..self.nodes.len() {
                let answer = self.ask(token, at);
                assert!(
                    !survives || answer == Answer::Here,
                    "node {at} says of {point:?}: {answer:?}"
                );
            }
        }
    }
}

impl Oracle {
    /// The commit is in the node's log, with the bytes that were written.
    fn has(&self, node: &Node, point: &Point) -> bool {
        let there = node.log.at(point.index) == Some(point);
        let bytes = node.log.bytes_of(point.index);
        there && (node.rotten || self.written.is(point, bytes))
    }
}
