//! A database file of any moment that the store still has.

use std::path::Path;

use super::StoreResult;
use super::pull::{PullWish, pull};
use super::seed::fetch_image;
use crate::chain::{Chain, Pace, RestorePlan, RestoreTo};
use crate::db::{BackupOptions, OpenOptions, Receipt, SeedOptions};
use crate::error::Error;
use crate::format::entry::Point;
use crate::progress::Progress;

/// What to restore.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RestoreWish {
    /// The moment.
    pub to: RestoreTo,
    /// The entry there must be this commit.
    pub receipt: Option<Receipt>,
    /// The file can follow the chain; else it is a database on its own, of a new lineage.
    pub as_replica: bool,
    /// Replace an existing file.
    pub replace: bool,
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestoreReport {
    /// How.
    pub plan: RestorePlan,
    /// The last entry in the file.
    pub point: Point,
    /// Entries applied behind the snapshot.
    pub entries: u64,
    /// Lineage of the file.
    pub lineage: [u8; 16],
    /// Bytes of the file.
    pub bytes: u64,
}

/// How it is done; a commit that is not in the chain is refused before anything is fetched.
pub fn plan(chain: &Chain, wish: &RestoreWish, pace: &mut dyn Pace) -> StoreResult<RestorePlan> {
    let plan = chain.plan_restore(wish.to, pace)?;
    if let Some(receipt) = wish.receipt {
        let end = chain.end_of(&plan, pace)?;
        if !receipt.is_at(&end) {
            let reason = format!(
                "entry {} of the chain is another commit than {receipt}",
                receipt.index
            );
            return Err(Error::TokenLost { reason }.into());
        }
    }
    Ok(plan)
}

/// Writes the file. Its name appears when it is whole and passes `verify`.
pub fn restore(
    chain: &Chain,
    dest: &Path,
    wish: &RestoreWish,
    pace: &mut dyn Pace,
    progress: &dyn Progress,
) -> StoreResult<RestoreReport> {
    if !wish.replace && dest.symlink_metadata().is_ok() {
        return Err(Error::Exists {
            path: dest.to_owned(),
        }
        .into());
    }
    let plan = plan(chain, wish, pace)?;
    let image = fetch_image(chain, &plan.snapshot, dest, pace, progress)?;
    let db = OpenOptions::new().open(&image.path)?;
    let limits = PullWish {
        upto: plan.upto,
        ..PullWish::default()
    };
    let pulled = pull(&db, chain, &limits, pace, progress)?;
    if let Some(upto) = plan.upto.filter(|upto| pulled.point.index < *upto) {
        let reason = format!(
            "the chain ends at entry {}, not at {upto}",
            pulled.point.index
        );
        return Err(Error::Invalid { reason }.into());
    }
    let backup = BackupOptions {
        replace: wish.replace,
        ..BackupOptions::default()
    };
    let made = match wish.as_replica {
        true => db.seed(dest, &SeedOptions { backup }, progress)?,
        false => db.detach(dest, &backup, progress)?,
    };
    db.close()?;
    let info = crate::db::info(dest)?;
    Ok(RestoreReport {
        plan,
        point: pulled.point,
        entries: pulled.entries,
        lineage: info.lineage_id,
        bytes: made.bytes,
    })
}
