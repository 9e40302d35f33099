//! What must be true after each step.

use creel::format::entry::Point;
use creel::stream::frame::{BODY_STRANGER, HEADER_SIZE};
use creel::stream::leader::WINDOW;

use super::link::Link;
use super::node::Node;
use crate::memory::Written;

/// Knows every entry that was ever written, and how far each node was checked.
#[derive(Debug, Default)]
pub struct Oracle {
    pub written: Written,
    checked: Vec<(u32, u64)>,
}

impl Oracle {
    /// I2, I4, I7: a node's log links and is byte for byte what a primary wrote. I6, I16: the
    /// data is what the position says. Only what is new since the last look is compared.
    pub fn node(&mut self, at: usize, node: &Node) {
        self.checked.resize(self.checked.len().max(at + 1), (0, 0));
        let (copy, index) = self.checked[at];
        let from = if copy == node.copy { index } else { 0 };
        let head = node.log.head().index;
        assert!(head >= from, "a log that got shorter without a new copy");
        self.written.check(&node.log, from);
        self.checked[at] = (node.copy, head);
    }

    /// I10: what the leader takes for durable is durable there, with the same history, and the
    /// leader's own.
    pub fn acked(leader: &Node, follower: &Node, durable: &Point) {
        assert_eq!(
            follower.log.at(durable.index),
            Some(durable),
            "acked, not there"
        );
        assert_eq!(
            leader.log.at(durable.index),
            Some(durable),
            "acked, another history"
        );
    }

    /// I14: what waits in memory is bounded.
    pub fn memory(link: &Link) {
        assert!(link.pending.len() <= WINDOW);
        if !link.leader_side.is_greeted() {
            assert!(link.leader_side.waiting() <= BODY_STRANGER as usize + HEADER_SIZE);
        }
    }
}
