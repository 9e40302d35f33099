//! Looks at every interleaving of a machine's threads.

use std::collections::HashSet;
use std::hash::Hash;

/// A machine of a few threads.
pub trait Machine: Clone + Eq + Hash {
    /// How many threads.
    fn threads(&self) -> usize;
    /// Makes the next step of a thread; false where it has to wait. `Err`: what must not be.
    fn step(&mut self, thread: usize) -> Result<bool, String>;
    /// The thread has ended.
    fn ended(&self, thread: usize) -> bool;
    /// What must hold when all have ended.
    fn judge(&self) -> Result<(), String>;
}

/// Goes through all interleavings. Gives the number of states, or what is wrong with which steps
/// on the way.
pub fn all<M: Machine>(machine: M) -> Result<usize, String> {
    let mut seen = HashSet::new();
    let mut todo = vec![(machine, Vec::new())];
    while let Some((state, path)) = todo.pop() {
        if !seen.insert(state.clone()) {
            continue;
        }
        let live: Vec<usize> = (0..state.threads()).filter(|t| !state.ended(*t)).collect();
        if live.is_empty() {
            state
                .judge()
                .map_err(|text| format!("{text}, by {path:?}"))?;
        }
        let mut moved = false;
        for thread in &live {
            let mut next = state.clone();
            let mut path = path.clone();
            path.push(*thread);
            match next.step(*thread) {
                Ok(false) => continue,
                Ok(true) => {
                    moved = true;
                    todo.push((next, path));
                }
                Err(text) => return Err(format!("{text}, by {path:?}")),
            }
        }
        if !moved && !live.is_empty() {
            return Err(format!("threads {live:?} wait for ever, by {path:?}"));
        }
    }
    Ok(seen.len())
}
