//! How a copy stands: what its file says, what the process says that serves or follows it, and what
//! its source says.

use std::collections::BTreeMap;
use std::path::Path;

use creel::chain::ChainError;
use creel::chain::object::RetentionRow;
use creel::replica::acks::Acks;
use creel::replica::address::Source;
use creel::replica::lag::{Keeps, Lag, behind, oldest_us};
use creel::replica::live::{Follower, Status};
use creel::replica::path::look as look_at;
use creel::replica::store::hole;
use creel::stream::speed::seconds_left;
use creel::{Db, Error, Facts, Info, Interest, Position, Role};
use serde::Serialize;

use super::super::super::info::{hex_id, role_name};
use super::super::outcome::At;
use super::super::source::SourceArgs;
use super::super::store::{PatienceArg, chain_failure, now_us, open_chain};
use super::lines::{Trouble, millis, place, words};
use super::published::publishing;
use super::server::of_server;
use super::store::SnapshotRow;
use crate::cli::args::DbArg;
use crate::cli::{Context, Failure, codes};

/// What is told about a copy.
#[derive(Serialize)]
pub struct CopyStatus {
    schema: &'static str,
    pub path: String,
    pub db_id: String,
    pub file_id: String,
    pub role: &'static str,
    pub fenced: bool,
    pub fence_epoch: Option<u32>,
    /// Writes wait for the store.
    pub held_back: bool,
    pub position: At,
    /// What is here was compared with the source.
    pub history_same: Option<bool>,
    /// The oldest position whose entries this copy still has.
    pub oldest_index: u64,
    pub epochs: Vec<EpochRow>,
    pub source: Option<String>,
    pub source_index: Option<u64>,
    pub lag_entries: Option<u64>,
    pub lag_bytes: Option<u64>,
    pub lag_ms: Option<u64>,
    pub headroom_bytes: Option<u64>,
    /// Entries that came in a second of late.
    pub entries_per_s: Option<f64>,
    /// When it has what it lacks now, at that rate.
    pub eta_s: Option<u64>,
    /// How it is followed, if a process does; or why it cannot go on.
    pub phase: Option<String>,
    /// Times that the source delivered something damaged to the process that follows.
    pub damaged: Option<u64>,
    /// Entries that came from the other source then.
    pub other_source_entries: Option<u64>,
    /// Times that the source's epoch was over.
    pub older_epochs: Option<u64>,
    /// When the source was last heard of.
    pub contact_ms: Option<u64>,
    /// Why a new copy is needed.
    pub reseed: Option<String>,
    /// Why the source could not be asked.
    pub source_error: Option<String>,
    pub publish: Option<String>,
    pub published_index: Option<u64>,
    pub unpublished_entries: Option<u64>,
    pub unpublished_bytes: Option<u64>,
    pub unpublished_ms: Option<u64>,
    /// When the store last answered: the process that publishes, else the one that asked now.
    pub store_contact_ms: Option<u64>,
    /// Whether the store that was asked, or is published to now, decides who is primary.
    pub fencing: Option<String>,
    /// Of the store that was asked.
    pub newest_snapshot: Option<SnapshotRow>,
    /// Failures of the store by their kind, since the process that publishes or follows began.
    pub store_errors: Option<Vec<KindRow>>,
    /// A process serves or follows the file now.
    pub served: bool,
    /// Commits that counted as done without the copies that they were to have, since it began to serve.
    pub degraded: Option<u64>,
    pub followers: Vec<FollowerRow>,
    pub holds: Vec<HoldRow>,
    /// When it last passed creel verify --note.
    pub verified_ms: Option<u64>,
    pub errors: Vec<Trouble>,
}

/// Failures of one kind.
#[derive(Serialize)]
pub struct KindRow {
    pub kind: String,
    pub count: u64,
}

#[derive(Serialize)]
pub struct EpochRow {
    epoch: u32,
    first_index: u64,
    node: String,
    name: String,
    reason: String,
    time_ms: u64,
    lost_entries: u64,
}

#[derive(Serialize)]
pub struct FollowerRow {
    pub node: String,
    pub name: String,
    pub address: String,
    pub connected: bool,
    pub position: Option<At>,
    /// Newest entry that it has received.
    received_index: u64,
    /// Newest entry that its readers see, where it has said so.
    applied_index: Option<u64>,
    /// What it holds was compared with the log here.
    history_same: Option<bool>,
    pub lag_entries: u64,
    pub lag_bytes: Option<u64>,
    pub lag_ms: Option<u64>,
    pub headroom_bytes: Option<u64>,
    pub entries_per_s: Option<f64>,
    pub eta_s: Option<u64>,
    pub contact_ms: Option<u64>,
    pub progress_ms: Option<u64>,
    sent_bytes: u64,
}

#[derive(Serialize)]
pub struct HoldRow {
    pub name: String,
    pub index: u64,
    pub max_bytes: u64,
    pub expires_ms: u64,
    pub expired: bool,
}

/// Looks at a copy. `ask_store`: how far a primary is published is worth a request.
pub fn look(
    ctx: &mut Context,
    db: &DbArg,
    source: &SourceArgs,
    (patience, ask_store): (&PatienceArg, bool),
) -> Result<CopyStatus, Failure> {
    let db = ctx.open_read(db, Interest::None)?;
    let (info, facts, position) = (db.info()?, db.facts()?, db.position()?);
    let now_us = now_us();
    let live = Acks::look(&db)?;
    let mut status = of_file(&db, &info, &facts, &position, now_us)?;
    if let Some(live) = &live {
        of_process(&mut status, live, now_us);
        for row in &mut status.followers {
            row.lag_ms = row.lag_ms.or_else(|| lacks_since(&db, row, now_us));
        }
    }
    let store = ask_store.then_some(patience);
    publishing(&mut status, &db, &facts, (live.as_ref(), store), now_us)?;
    let from = source
        .or_stored(&facts.source)
        .filter(|_| info.role == Role::Replica || source.is_given());
    status.source.clone_from(&from);
    let parsed = from.as_deref().map(str::parse::<Source>);
    let asked = match parsed {
        Some(Ok(Source::Path(path))) => of_path(ctx, &mut status, &db, &path, now_us),
        Some(Ok(Source::Store(address))) => {
            of_store(&mut status, &position, &address, patience, now_us)
        }
        Some(Ok(Source::Pipe)) | None => Ok(()),
        Some(Ok(server)) => source
            .ask(&server, db.path(), &position)
            .map(|said| of_server(&mut status, &said, &position, now_us)),
        Some(Err(text)) => Err(Failure::usage(text)),
    };
    let mut asked_in_vain = false;
    if let Err(failure) = asked {
        asked_in_vain = failure.code() == &codes::UNAUTHORISED;
        let text = words(&failure);
        status.errors.push(Trouble::new("source", text.clone()));
        status.source_error = Some(text);
    }
    status.set_rate(status.entries_per_s);
    status.stuck(asked_in_vain);
    Ok(status)
}

impl CopyStatus {
    /// It got so many entries a second.
    pub fn set_rate(&mut self, per_second: Option<f64>) {
        self.entries_per_s = per_second;
        self.eta_s = self
            .lag_entries
            .and_then(|entries| seconds_left(entries, per_second));
    }
}

/// How old the oldest entry is that a follower lacks.
fn lacks_since(db: &Db, row: &FollowerRow, now_us: u64) -> Option<u64> {
    let at = row.position.as_ref()?;
    let after = Position {
        epoch: at.epoch,
        index: at.index,
        hash: None,
    };
    let time_us = oldest_us(db, &after).ok()??;
    Some(now_us.saturating_sub(time_us) / 1000)
}

fn of_file(
    db: &Db,
    info: &Info,
    facts: &Facts,
    position: &Position,
    now_us: u64,
) -> Result<CopyStatus, Failure> {
    let row = |record: creel::FenceRecord| EpochRow {
        epoch: record.epoch,
        first_index: record.previous_index + 1,
        node: hex_id(&record.node),
        name: record.name,
        reason: record.reason,
        time_ms: record.time_us / 1000,
        lost_entries: record.lost.map_or(0, |(from, to)| to - from + 1),
    };
    let holds = facts.holds.iter().map(|hold| HoldRow {
        name: hold.name.clone(),
        index: hold.index,
        max_bytes: hold.max_bytes,
        expires_ms: hold.expires_us / 1000,
        expired: hold.expires_us <= now_us,
    });
    Ok(CopyStatus {
        schema: "creel.status/1",
        path: db.path().display().to_string(),
        db_id: hex_id(&info.lineage_id),
        file_id: hex_id(&info.file_id),
        role: role_name(info.role),
        fenced: info.fenced,
        fence_epoch: info.fenced.then_some(info.fence_epoch),
        held_back: facts.held_back,
        position: At::of(
            position.epoch,
            position.index,
            position.hash.unwrap_or_default(),
        ),
        history_same: None,
        oldest_index: db.oldest_index()?,
        epochs: db.epochs()?.into_iter().map(row).collect(),
        source: None,
        source_index: None,
        lag_entries: None,
        lag_bytes: None,
        lag_ms: None,
        headroom_bytes: None,
        entries_per_s: None,
        eta_s: None,
        phase: None,
        damaged: None,
        other_source_entries: None,
        older_epochs: None,
        contact_ms: None,
        reseed: None,
        source_error: None,
        publish: None,
        published_index: None,
        unpublished_entries: None,
        unpublished_bytes: None,
        unpublished_ms: None,
        store_contact_ms: None,
        fencing: None,
        newest_snapshot: None,
        store_errors: None,
        served: false,
        degraded: None,
        followers: Vec::new(),
        holds: holds.collect(),
        verified_ms: millis(facts.verified_us),
        errors: Vec::new(),
    })
}

fn follower(said: &Follower, keeps: Option<&Keeps>, now_us: u64) -> FollowerRow {
    let lag = Lag {
        entries: said.behind,
        bytes: said.behind_bytes,
        ms: Some(now_us.saturating_sub(said.progress_us) / 1000),
    };
    let held = said.durable.as_ref().map_or(0, |at| at.index);
    FollowerRow {
        node: said.node.clone(),
        name: said.name.clone(),
        address: said.address.clone(),
        connected: said.connected,
        position: said.durable.as_ref().map(place),
        lag_entries: lag.entries,
        received_index: said.received,
        applied_index: said.applied,
        // A position with another history ends the connection, and is not noted.
        history_same: said.durable.as_ref().map(|_| true),
        lag_bytes: lag.bytes,
        lag_ms: (lag.entries == 0).then_some(0),
        entries_per_s: said.entries_per_s,
        eta_s: seconds_left(lag.entries, said.entries_per_s),
        headroom_bytes: keeps.and_then(|keeps| keeps.headroom(held, &lag, now_us)),
        contact_ms: millis(said.contact_us),
        progress_ms: millis(said.progress_us),
        sent_bytes: said.sent_bytes,
    }
}

/// What the process that serves or follows the file knows.
fn of_process(status: &mut CopyStatus, live: &Status, now_us: u64) {
    status.served = true;
    status.degraded = Some(live.degraded);
    let rows = live.followers.iter();
    status.followers = rows
        .map(|said| follower(said, live.keeps.as_ref(), now_us))
        .collect();
    if let Some(follows) = &live.follows {
        status.phase = Some(follows.phase.clone());
        status.entries_per_s = follows.entries_per_s;
        status.contact_ms = millis(follows.contact_us);
        status.lag_ms = follows.lag_ms;
        status.damaged = Some(follows.damaged);
        status.other_source_entries = Some(follows.relieved);
        status.older_epochs = Some(follows.older_epochs);
        if follows.contact_us > 0 {
            status.source_index = Some(follows.source_index);
            let here = status.position.index;
            status.lag_entries = Some(follows.source_index.saturating_sub(here));
        }
        let error = follows.last_error.clone();
        let error = error.filter(|_| follows.phase == "disconnected");
        let error = error.map(|text| Trouble::new("follow", text));
        status.errors.extend(error);
    }
    let trouble = live
        .trouble
        .clone()
        .map(|text| Trouble::new("server", text));
    status.errors.extend(trouble);
    let stores = [
        live.publishes
            .as_ref()
            .map(|publishes| &publishes.store_errors),
        live.follows.as_ref().map(|follows| &follows.store_errors),
    ];
    let mut errors = BTreeMap::new();
    for (kind, count) in stores.into_iter().flatten().flatten() {
        *errors.entry(kind.clone()).or_default() += count;
    }
    let row = |(kind, count)| KindRow { kind, count };
    let rows: Vec<KindRow> = errors.into_iter().map(row).collect();
    status.store_errors = Some(rows).filter(|rows| !rows.is_empty());
    if let Some(publishes) = &live.publishes {
        status.store_contact_ms = millis(publishes.contact_us);
        let known = Some(&publishes.fencing).filter(|word| !word.is_empty());
        status.fencing = known.cloned();
        let trouble = publishes.trouble.clone();
        let trouble = trouble.map(|text| Trouble::new("publish", text));
        status.errors.extend(trouble);
    }
}

fn of_path(
    ctx: &Context,
    status: &mut CopyStatus,
    db: &Db,
    path: &Path,
    now_us: u64,
) -> Result<(), Failure> {
    let options = ctx.options().read_only(true).interest(Interest::None);
    let source = options.open(path)?;
    status.contact_ms = millis(now_us);
    let outlook = match look_at(db, &source) {
        Ok(outlook) => outlook,
        Err(e @ (Error::Diverged { .. } | Error::Fenced { .. })) => {
            let diverged = matches!(e, Error::Diverged { .. });
            status.history_same = diverged.then_some(false);
            status.reseed = Some(e.to_string());
            return Ok(());
        }
        Err(e) => return Err(e.into()),
    };
    status.source_index = Some(outlook.there.index);
    // Looked at; where the log does not reach back nobody can tell.
    status.history_same = outlook.reseed.is_none().then_some(true);
    status.reseed = outlook.reseed;
    let lag = behind(&source, &outlook.here, now_us)?;
    status.lag_entries = Some(lag.entries);
    (status.lag_bytes, status.lag_ms) = (lag.bytes, lag.ms);
    let keeps = Keeps::of(&source.facts()?);
    status.headroom_bytes = match status.reseed {
        Some(_) => Some(0),
        None => keeps.headroom(outlook.here.index, &lag, now_us),
    };
    Ok(())
}

fn of_store(
    status: &mut CopyStatus,
    position: &Position,
    address: &str,
    patience: &PatienceArg,
    now_us: u64,
) -> Result<(), Failure> {
    let chain = open_chain(address, patience)?;
    let mut pace = patience.start();
    let behind = match chain.behind(position.index, 0, &mut pace) {
        Ok(behind) => behind,
        Err(error) => {
            let error = hole(&chain, position.index, error, &mut pace);
            return status.before(&chain, (position.index, now_us), error, &mut pace);
        }
    };
    let catalogue = chain.catalogue(&mut pace).map_err(chain_failure)?;
    let catalogue = catalogue.map(|(catalogue, _)| catalogue);
    let newest = catalogue.as_ref().and_then(|found| found.snapshots.last());
    status.newest_snapshot = newest.map(|row| SnapshotRow::of(row, now_us));
    let most = catalogue.map(|catalogue| catalogue.node_max_bytes());
    let here = position.hash.as_ref();
    status.history_same = here.and_then(|history| behind.is_same(history));
    status.contact_ms = millis(now_us);
    status.fencing = Some(chain.creel().fencing().to_owned());
    status.source_index = Some(position.index + behind.entries);
    status.lag_entries = Some(behind.entries);
    status.lag_bytes = behind.bytes;
    let since = behind.since_us;
    status.lag_ms = Some(since.map_or(0, |since| now_us.saturating_sub(since) / 1000));
    let most = most.unwrap_or_else(|| RetentionRow::default().node_max_bytes(None));
    status.headroom_bytes = behind.bytes.map(|bytes| most.saturating_sub(bytes));
    if behind.below_floor {
        status.headroom_bytes = Some(0);
        let (wanted, found) = (0, behind.from);
        let gap = ChainError::Gap { wanted, found };
        status.reseed = Some(hole(&chain, position.index, gap, &mut pace).to_string());
    }
    Ok(())
}
