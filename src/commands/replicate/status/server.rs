//! What the server of a source says, of itself and of this copy.

use creel::Position;
use creel::replica::lag::Lag;
use creel::replica::live::Status;

use super::copy::CopyStatus;
use super::lines::millis;

/// Why nothing that comes from there would lead on from here. What only counts entries does not see it.
fn apart(
    status: &mut CopyStatus,
    said: &Status,
    has: Option<bool>,
    position: &Position,
) -> Option<String> {
    if said.lineage != status.db_id {
        status.history_same = Some(false);
        return Some("another history: the source is another database".to_owned());
    }
    if said.head.epoch < position.epoch {
        let (there, here) = (said.head.epoch, position.epoch);
        return Some(format!(
            "the source is of epoch {there}, the copy of {here}"
        ));
    }
    status.history_same = has.filter(|same| !same);
    status.history_same?;
    let index = position.index;
    Some(format!(
        "another history: the source does not have entry {index} as it is here"
    ))
}

/// What the server of the source says, of itself and of this copy.
pub fn of_server(
    status: &mut CopyStatus,
    (said, has): &(Status, Option<bool>),
    position: &Position,
    now_us: u64,
) {
    status.contact_ms = millis(now_us);
    if let Some(why) = apart(status, said, *has, position) {
        status.reseed = Some(why);
        status.headroom_bytes = Some(0);
        return;
    }
    status.source_index = Some(said.head.index);
    let entries = said.head.index.saturating_sub(position.index);
    status.lag_entries = Some(entries);
    let mut rows = said.followers.iter();
    let own = rows.find(|row| row.node == status.file_id);
    let durable = own.and_then(|row| row.durable.as_ref());
    let compared = durable.filter(|at| at.index == position.index);
    status.history_same = has.or(compared.map(|_| true));
    status.entries_per_s = status
        .entries_per_s
        .or(own.and_then(|row| row.entries_per_s));
    // What it lacked at its last acknowledgement is what it lacks now, or nothing is missing.
    status.lag_bytes = match durable {
        _ if entries == 0 => Some(0),
        Some(at) if at.index == position.index => own.and_then(|row| row.behind_bytes),
        _ => None,
    };
    if entries == 0 {
        status.lag_ms = Some(0);
    }
    let lag = Lag {
        entries,
        bytes: status.lag_bytes,
        ms: status.lag_ms,
    };
    let keeps = said.keeps.as_ref();
    status.headroom_bytes = keeps.and_then(|keeps| keeps.headroom(position.index, &lag, now_us));
    if position.index < said.floor {
        status.headroom_bytes = Some(0);
        let text = format!("the source's log begins behind entry {}", said.floor);
        status.reseed = Some(text);
    }
}
