//! Questions that other processes of this machine ask a server: who follows, how far are they.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::live::Live;
use super::remote::{AskHistory, Told};
use crate::format::entry::Point;
use crate::stream::Answer;
use crate::stream::hub::{Counters, Hub, words};
use crate::stream::source::Refusal;

/// Longest wait that one question may ask for.
const WAIT_MAX: Duration = Duration::from_secs(3600);

/// Waits at once.
const WAITS_MAX: usize = 256;

/// A question.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ask {
    /// How does it stand?
    Status,
    /// Tell me once so many copies hold this commit.
    Wait(Wait),
    /// What led to where it is?
    History(AskHistory),
    /// A commit counts as done though too few copies hold it: note that.
    Degraded,
}

/// A wait for acknowledgements.
#[derive(Debug, Serialize, Deserialize)]
pub struct Wait {
    /// Index of the commit.
    pub index: u64,
    /// Its epoch.
    pub epoch: u32,
    /// The history that it ends, in hexadecimal digits.
    pub history: String,
    /// Copies wanted.
    pub replicas: usize,
    /// How long to wait.
    pub timeout_ms: u64,
}

/// The answer to a wait.
#[derive(Debug, Serialize, Deserialize)]
pub struct Holders {
    /// Copies that hold the commit durably.
    pub holders: usize,
    /// Why nobody can hold it.
    pub refused: Option<String>,
}

/// A history in hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The bytes of a history, or of an id.
pub(super) fn history(text: &str) -> Option<[u8; 16]> {
    if text.len() != 32 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    Some(u128::from_str_radix(text, 16).ok()?.to_be_bytes())
}

/// Answers questions about this hub. Waits only where `waits`: each takes a thread, so it is for
/// processes of this machine, and only so many at once.
pub fn answerer(hub: &Arc<Hub>, live: &Live, waits: bool) -> Answer {
    let hub = Arc::clone(hub);
    let live = live.clone();
    let waiting = AtomicUsize::new(0);
    Arc::new(move |json, gone| {
        let answer = match serde_json::from_slice(json) {
            Ok(Ask::Status) => serde_json::to_vec(&live.status(&hub)),
            Ok(Ask::History(ask)) => told(&live, &ask),
            Ok(Ask::Degraded) => {
                if waits {
                    Counters::one(&hub.counters.degraded);
                }
                Ok(b"{}".to_vec())
            }
            Ok(Ask::Wait(_)) if !waits => serde_json::to_vec(&refused("not at this address")),
            Ok(Ask::Wait(wait)) => {
                let others = waiting.fetch_add(1, Ordering::SeqCst);
                let answer = match others < WAITS_MAX {
                    true => wait_for(&hub, &wait, gone),
                    false => refused("too many wait already"),
                };
                waiting.fetch_sub(1, Ordering::SeqCst);
                serde_json::to_vec(&answer)
            }
            Err(error) => serde_json::to_vec(&serde_json::json!({ "error": error.to_string() })),
        };
        answer.unwrap_or_else(|_| b"{}".to_vec())
    })
}

/// What led to where the file is.
fn told(live: &Live, ask: &AskHistory) -> serde_json::Result<Vec<u8>> {
    let told = live.slot.get().map(|db| Told::by(&db, ask));
    match told {
        Some(Ok(told)) => serde_json::to_vec(&told),
        Some(Err(error)) => serde_json::to_vec(&serde_json::json!({ "error": error.to_string() })),
        None => serde_json::to_vec(&serde_json::json!({ "error": "no copy yet" })),
    }
}

fn refused(why: &str) -> Holders {
    Holders {
        holders: 0,
        refused: Some(why.to_owned()),
    }
}

fn wait_for(hub: &Hub, wait: &Wait, gone: &dyn Fn() -> bool) -> Holders {
    let Some(history) = history(&wait.history) else {
        return refused("no history");
    };
    let point = Point {
        index: wait.index,
        epoch: wait.epoch,
        history,
    };
    // Acknowledgements are for this log: the commit has to be in it. Where the log no longer
    // reaches back, whoever acknowledges a later index has it too.
    match hub.contains(&point) {
        Ok(()) | Err(Refusal::NotRetained { .. }) => {}
        Err(refusal) => return refused(&words(&refusal)),
    }
    let time = Duration::from_millis(wait.timeout_ms).min(WAIT_MAX);
    let generation = hub.generation();
    let holders = hub.board.wait_unless(&point, wait.replicas, time, gone);
    if hub.generation() != generation {
        return refused("the log is another one now");
    }
    Holders {
        holders,
        refused: None,
    }
}
