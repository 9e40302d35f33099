//! The restoring itself, and the check of what came out.

use std::path::Path;
use std::time::Instant;

use creel::chain::RestoreTo;
use creel::digest::ContentDigest;
use creel::replica::store::{RestoreWish, restore};
use creel::{
    BackupOptions, BulkChange, BulkSource, CreateOptions, Db, Depth, Interest, Keyspaces, Reflink,
    VerifyOptions,
};

use super::report::Report;
use crate::cli::log::Level;
use crate::cli::{Context, Failure};
use crate::commands::content::{Content, Entry, Selection, Summary};
use crate::commands::replicate::store::{PatienceArg, failure, open_chain};

/// Copies a database file, as one does who restores a backup, and opens the copy for writing.
/// Gives what the source holds.
pub(super) fn from_database(
    ctx: &Context,
    from: &Path,
    to: &Path,
    report: &mut Report,
) -> Result<Summary, Failure> {
    report.kind = "database";
    let options = ctx.options().read_only(true).interest(Interest::All);
    let source = ctx.open(from, options, "opened for reading")?;
    let meter = ctx.meter("restore").of_bytes();
    let started = Instant::now();
    let options = BackupOptions {
        // What shares its storage was not read.
        reflink: Reflink::Never,
        verify: None,
        ..BackupOptions::default()
    };
    let (made, snapshot) = source.backup_and_snapshot(to, &options, &meter)?;
    open(to)?.close()?;
    report.restore = Some(started.elapsed());
    restored(ctx, made.bytes, started);
    report.bytes = made.bytes;
    report.position = Some((made.token.epoch, made.token.index));
    drop(meter);
    let mut content = Content::of_snapshot(from, snapshot, &Selection::default())?;
    content.digest(ctx)
}

/// Restores the newest moment of a store.
pub(super) fn from_store(
    ctx: &Context,
    store: &str,
    to: &Path,
    patience: &PatienceArg,
    report: &mut Report,
) -> Result<(), Failure> {
    report.kind = "store";
    let chain = open_chain(store, patience)?;
    let meter = ctx.meter("restore").of_bytes();
    let started = Instant::now();
    let wish = RestoreWish {
        to: RestoreTo::Newest,
        receipt: None,
        as_replica: false,
        replace: false,
    };
    let mut pace = patience.start();
    let done = restore(&chain, to, &wish, &mut pace, &meter).map_err(failure)?;
    open(to)?.close()?;
    report.restore = Some(started.elapsed());
    restored(ctx, done.bytes, started);
    report.bytes = done.bytes;
    report.position = Some((done.point.epoch, done.point.index));
    Ok(())
}

/// Loads an export into a new database. Gives what the export holds.
pub(super) fn from_export(
    ctx: &Context,
    content: Content,
    to: &Path,
    page_size: u64,
    report: &mut Report,
) -> Result<Summary, Failure> {
    report.kind = content.about().kind;
    report.position = content.about().position.map(|p| (p.epoch, p.index));
    let meter = ctx.meter("restore").of_bytes();
    let started = Instant::now();
    let create = CreateOptions {
        page_size: u32::try_from(page_size).unwrap_or(u32::MAX),
        ..CreateOptions::default()
    };
    let db = ctx.options().create(to, &create)?;
    let mut taken = Taken::default();
    let loaded = db.bulk_step(
        |_, keyspaces| {
            Ok(Feed {
                content,
                keyspaces,
                entry: Entry::default(),
                present: String::new(),
                id: 0,
                taken: &mut taken,
            })
        },
        &meter,
    );
    if let Some(failure) = taken.failure.take() {
        return Err(failure);
    }
    loaded.map_err(|e| too_long(e, page_size))?;
    db.close()?;
    open(to)?.close()?;
    report.restore = Some(started.elapsed());
    let size = std::fs::metadata(to).map_err(|e| Failure::file("read", to, &e))?;
    report.bytes = size.len();
    restored(ctx, size.len(), started);
    Ok(Summary {
        entries: taken.digest.entries(),
        digest: taken.digest.finish(),
    })
}

fn restored(ctx: &Context, bytes: u64, started: Instant) {
    let millis = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    let fields = [("bytes", bytes.into()), ("ms", millis.into())];
    ctx.log.event(Level::Info, "drill", "restored", &fields);
}

fn open(path: &Path) -> creel::Result<Db> {
    creel::OpenOptions::new()
        .background_checkpoint(false)
        .open(path)
}

/// Keys that fitted the pages of the database they come from.
fn too_long(error: creel::Error, page_size: u64) -> Failure {
    let limit = matches!(
        error,
        creel::Error::Limit {
            what: creel::Bounded::KeyLength,
            ..
        }
    );
    let failure = Failure::from(error);
    match limit && page_size < 65536 {
        true => failure.hint("--page-size 65536 takes the longest keys there are"),
        false => failure,
    }
}

/// What went by.
#[derive(Default)]
struct Taken {
    digest: ContentDigest,
    failure: Option<Failure>,
}

/// The entries of an export as changes.
struct Feed<'a> {
    content: Content,
    keyspaces: Keyspaces,
    entry: Entry,
    /// The present keyspace and its id; 0 = none yet.
    present: String,
    id: u32,
    taken: &'a mut Taken,
}

impl BulkSource for Feed<'_> {
    fn next(&mut self) -> creel::Result<Option<BulkChange<'_>>> {
        match self.content.next(&mut self.entry) {
            Ok(true) => {}
            Ok(false) => return Ok(None),
            Err(failure) => {
                // The error that comes out is not looked at.
                self.taken.failure = Some(failure);
                return Err(creel::Error::Interrupted);
            }
        }
        let entry = &self.entry;
        if self.id == 0 || entry.keyspace != self.present {
            self.id = self.keyspaces.id(&entry.keyspace)?;
            self.present.clone_from(&entry.keyspace);
            self.taken.digest.keyspace(&entry.keyspace);
        }
        self.taken.digest.entry(&entry.key, &entry.value);
        Ok(Some(BulkChange {
            keyspace: self.id,
            key: &entry.key,
            value: Some(&entry.value),
        }))
    }
}

/// Verifies the restored database; gives what is wrong with it.
pub(super) fn check(
    ctx: &Context,
    path: &Path,
    report: &mut Report,
) -> Result<Option<String>, Failure> {
    let meter = ctx.meter("verify").of_bytes();
    let started = Instant::now();
    let options = VerifyOptions {
        level: Depth::Deep,
        ..VerifyOptions::default()
    };
    let found = creel::verify(path, &options, &meter)?;
    report.verify = Some(started.elapsed());
    let fields = [
        ("pages", found.pages.into()),
        ("entries", found.entries.into()),
    ];
    ctx.log.event(Level::Info, "drill", "verified", &fields);
    if found.verdict == creel::Verdict::Clean {
        return Ok(None);
    }
    let first = found.findings.first();
    Ok(Some(first.map_or("it has no header".to_owned(), |f| {
        format!("{}: {}", f.id, f.detail)
    })))
}
