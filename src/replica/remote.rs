//! The history of a database that a server has: asked for over a connection, by who rejoins.

use std::io;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::acks::{CONNECT, GRACE, failed};
use super::control::{Ask, hex, history};
use super::dial::client;
use super::live::Place;
use super::rejoin::{Primary, Standing, role_name};
use crate::db::{Db, Position};
use crate::error::{Error, Result};
use crate::format::fence::FenceRecord;
use crate::format::header::Role;
use crate::stream::auth::TokenKey;
use crate::stream::client::Client;
use crate::stream::transport::Wire;

/// Epochs in one answer.
const PAGE: usize = 1000;
/// Answers that are asked for: epochs are rare, so more come from nobody honest.
const PAGES_MAX: usize = 100;

/// A question about the history of what is served.
#[derive(Debug, Serialize, Deserialize)]
pub struct AskHistory {
    /// Epochs above this one are told.
    pub after_epoch: u32,
    /// The history at this entry is told, too.
    pub index: Option<u64>,
}

/// The answer.
#[derive(Debug, Serialize, Deserialize)]
pub struct Told {
    lineage: String,
    node: String,
    role: String,
    head: Place,
    /// Records of the epoch table, in hexadecimal digits; more follow where there are many.
    epochs: Vec<String>,
    at: Option<Place>,
}

impl Told {
    /// What a database has to say.
    pub fn by(db: &Db, ask: &AskHistory) -> Result<Told> {
        let standing = db.standing()?;
        let epochs = standing.epochs.iter();
        let epochs = epochs.filter(|record| record.epoch > ask.after_epoch);
        let at = ask.index.map(|index| db.position_at(index)).transpose()?;
        Ok(Told {
            lineage: hex(&standing.lineage),
            node: hex(&standing.node),
            role: role_name(standing.role).to_owned(),
            head: place(&standing.head),
            epochs: epochs.take(PAGE).map(|r| hex(&r.encode())).collect(),
            at: at.as_ref().map(place),
        })
    }
}

fn place(position: &Position) -> Place {
    Place {
        epoch: position.epoch,
        index: position.index,
        hash: hex(&position.hash.unwrap_or_default()),
    }
}

fn malformed() -> io::Error {
    let text = "the source does not tell its history: is its creel an older one?";
    io::Error::new(io::ErrorKind::InvalidData, text)
}

fn position(place: &Place) -> io::Result<Position> {
    Ok(Position {
        epoch: place.epoch,
        index: place.index,
        hash: Some(history(&place.hash).ok_or_else(malformed)?),
    })
}

fn record(text: &str) -> Option<FenceRecord> {
    let digits = text.as_bytes().chunks(2);
    let bytes: Option<Vec<u8>> = digits
        .map(|two| u8::from_str_radix(std::str::from_utf8(two).ok()?, 16).ok())
        .collect();
    FenceRecord::decode(&bytes?)
}

/// A primary at the other end of a connection.
pub struct RemotePrimary {
    client: Mutex<Client>,
    standing: Standing,
}

impl RemotePrimary {
    /// Asks how it stands.
    pub fn open(wire: Wire, token: Option<TokenKey>) -> io::Result<RemotePrimary> {
        let config = client(token, &wire)?;
        let mut client = Client::open(wire, config, CONNECT).map_err(failed)?;
        let mut epochs: Vec<FenceRecord> = Vec::new();
        for _ in 0..PAGES_MAX {
            let after_epoch = epochs.last().map_or(0, |last| last.epoch);
            let index = None;
            let told = ask(&mut client, AskHistory { after_epoch, index })?;
            let count = told.epochs.len();
            for text in &told.epochs {
                let record = record(text).ok_or_else(malformed)?;
                let before = epochs.last().map_or(0, |last| last.epoch);
                if record.epoch <= before {
                    return Err(malformed());
                }
                epochs.push(record);
            }
            if count < PAGE {
                let standing = told.standing(epochs)?;
                let client = Mutex::new(client);
                return Ok(RemotePrimary { client, standing });
            }
        }
        Err(malformed())
    }
}

impl Told {
    fn standing(&self, epochs: Vec<FenceRecord>) -> io::Result<Standing> {
        let roles = [Role::Standalone, Role::Primary, Role::Replica];
        let role = roles.into_iter().find(|role| role_name(*role) == self.role);
        Ok(Standing {
            lineage: history(&self.lineage).ok_or_else(malformed)?,
            node: history(&self.node).ok_or_else(malformed)?,
            role: role.ok_or_else(malformed)?,
            head: position(&self.head)?,
            epochs,
        })
    }
}

fn ask(client: &mut Client, question: AskHistory) -> io::Result<Told> {
    let json = serde_json::to_vec(&Ask::History(question))?;
    let answer = client.ask(&json, GRACE).map_err(failed)?;
    serde_json::from_slice(&answer).map_err(|_| malformed())
}

/// Whether the history that is served has what a copy holds; [`None`] where that cannot be told.
pub(super) fn has(client: &mut Client, here: &Position) -> Option<bool> {
    let after_epoch = here.epoch;
    let index = None;
    let table = ask(client, AskHistory { after_epoch, index }).ok()?;
    // Where the next epoch began the copy's ended.
    if let Some(text) = table.epochs.first() {
        let next = record(text)?;
        if next.previous_index <= here.index {
            let same = Some(next.previous_history) == here.hash;
            return Some(next.previous_index == here.index && same);
        }
    }
    let mut at = position(&table.head).ok()?;
    if at.index < here.index {
        return None;
    }
    if at.index > here.index {
        let index = Some(here.index);
        let told = ask(client, AskHistory { after_epoch, index }).ok()?;
        at = position(&told.at?).ok()?;
    }
    Some(at.hash == here.hash)
}

impl Primary for RemotePrimary {
    fn standing(&self) -> Result<Standing> {
        Ok(self.standing.clone())
    }

    fn position_at(&self, index: u64) -> Result<Position> {
        let mut client = self.client.lock().unwrap_or_else(PoisonError::into_inner);
        let question = AskHistory {
            after_epoch: u32::MAX,
            index: Some(index),
        };
        let at =
            ask(&mut client, question).and_then(|told| position(&told.at.ok_or_else(malformed)?));
        at.map_err(|error| Error::TimedOut {
            what: format!("the source does not say what led to its entry {index}: {error}"),
            waited: Duration::ZERO,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_record_is_refused() {
        for bad in ["", "0", "zz", "00", "\u{e9}1"] {
            assert_eq!(record(bad), None, "{bad}");
        }
        let good = FenceRecord {
            epoch: 2,
            node: [1; 16],
            incarnation: [2; 16],
            previous_index: 7,
            previous_history: [3; 16],
            time_us: 5,
            lost: None,
            name: "b".into(),
            reason: String::new(),
        };
        assert_eq!(record(&hex(&good.encode())), Some(good));
    }
}
