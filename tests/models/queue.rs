//! The queue of callers: the first leads, those who come meanwhile wait, the leader serves all
//! that wait and makes the first of the others the next leader. Everybody gets the result of his
//! own batch, once; nobody waits for ever; there is one leader at a time.

use super::explore::{Machine, all};

/// Where a caller is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum At {
    Begin,
    /// Writes alone, without a ticket.
    Alone,
    Waits,
    /// Is to lead, and has to take the queue.
    Leads,
    /// Has taken these tickets (a set of callers) and writes for them.
    Serves(u32),
    /// Is done with writing and hands over.
    Hands,
    End,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Queue {
    at: Vec<At>,
    /// How many batches each still has to commit.
    left: Vec<u8>,
    busy: bool,
    /// In the order in which they came.
    waiting: Vec<usize>,
    /// Whose result was delivered, and whether a caller was told to lead.
    result: Vec<Option<usize>>,
    leader: Vec<bool>,
    commits: Vec<usize>,
    mistake: Mistake,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Mistake {
    None,
    /// The leader does not look again whether somebody has come.
    NoHandOver,
    /// Results go to the callers in the wrong order.
    Reversed,
    /// A caller does not see that somebody writes.
    BusyIgnored,
}

impl Queue {
    fn new(callers: usize, batches: u8, mistake: Mistake) -> Queue {
        Queue {
            at: vec![At::Begin; callers],
            left: vec![batches; callers],
            busy: false,
            waiting: Vec::new(),
            result: vec![None; callers],
            leader: vec![false; callers],
            commits: Vec::new(),
            mistake,
        }
    }

    fn writers(&self) -> usize {
        let writes = |at: &&At| matches!(at, At::Alone | At::Serves(_));
        self.at.iter().filter(writes).count()
    }

    fn done(&mut self, me: usize) {
        self.left[me] -= 1;
        self.at[me] = if self.left[me] == 0 {
            At::End
        } else {
            At::Begin
        };
    }
}

impl Machine for Queue {
    fn threads(&self) -> usize {
        self.at.len()
    }

    fn ended(&self, thread: usize) -> bool {
        self.at[thread] == At::End
    }

    fn step(&mut self, me: usize) -> Result<bool, String> {
        match self.at[me] {
            At::Begin => {
                // Under the lock of the queue.
                let busy = self.busy && self.mistake != Mistake::BusyIgnored;
                // Where several were served before, a caller leads others instead.
                if !busy && me.is_multiple_of(2) {
                    self.busy = true;
                    self.at[me] = At::Alone;
                } else {
                    self.waiting.push(me);
                    self.at[me] = At::Waits;
                    if !busy {
                        self.busy = true;
                        self.at[me] = At::Leads;
                    }
                }
            }
            At::Alone => {
                self.commits.push(me);
                self.at[me] = At::Hands;
            }
            At::Waits => {
                if let Some(result) = self.result[me].take() {
                    if result != me {
                        return Err(format!("caller {me} has the result of {result}"));
                    }
                    self.done(me);
                } else if std::mem::take(&mut self.leader[me]) {
                    self.at[me] = At::Leads;
                } else {
                    return Ok(false);
                }
            }
            At::Leads => {
                let tickets = std::mem::take(&mut self.waiting);
                if !tickets.contains(&me) {
                    return Err(format!("leader {me} has lost its ticket"));
                }
                let set = tickets.iter().fold(0, |set, t| set | 1 << t);
                self.at[me] = At::Serves(set);
            }
            At::Serves(set) => {
                let served: Vec<usize> = (0..self.at.len()).filter(|t| set >> t & 1 == 1).collect();
                self.commits.extend(&served);
                let mut results = served.clone();
                if self.mistake == Mistake::Reversed {
                    results.reverse();
                }
                for (caller, result) in served.iter().zip(results) {
                    if *caller != me {
                        self.result[*caller] = Some(result);
                    } else if result != me {
                        return Err(format!("leader {me} has the result of {result}"));
                    }
                }
                self.at[me] = At::Hands;
            }
            At::Hands => {
                match self.waiting.first() {
                    Some(next) if self.mistake != Mistake::NoHandOver => self.leader[*next] = true,
                    _ => self.busy = false,
                }
                self.done(me);
            }
            At::End => return Ok(false),
        }
        // So whoever finds it idle may write alone.
        if !self.busy && !self.waiting.is_empty() {
            return Err(format!("somebody waits, and nobody is busy: {self:?}"));
        }
        match self.writers() {
            0 | 1 => Ok(true),
            n => Err(format!("{n} write at once")),
        }
    }

    fn judge(&self) -> Result<(), String> {
        let all = self.at.len();
        let each = self.commits.len() / all;
        let fair = (0..all).all(|t| self.commits.iter().filter(|c| **c == t).count() == each);
        match fair && !self.busy && self.waiting.is_empty() {
            true => Ok(()),
            false => Err(format!("in the end: {self:?}")),
        }
    }
}

#[test]
fn every_caller_gets_its_own_result_and_nobody_waits_for_ever() {
    for (callers, batches) in [(2, 3), (3, 2), (4, 1)] {
        let states = all(Queue::new(callers, batches, Mistake::None)).unwrap();
        println!("queue {callers} callers {batches} batches {states} states");
        assert!(states > 50);
    }
}

#[test]
fn mistakes_in_the_queue_are_found() {
    for mistake in [Mistake::NoHandOver, Mistake::Reversed, Mistake::BusyIgnored] {
        let found = all(Queue::new(3, 2, mistake));
        assert!(found.is_err(), "{mistake:?} is not found");
    }
}
