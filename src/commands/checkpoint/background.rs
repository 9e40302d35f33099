//! `--background`: the same command again, in a process that nobody waits for.

use std::ffi::OsString;
use std::path::Path;

use crate::cli::globals::Sync;
use crate::cli::units::Threshold;
use crate::cli::{Context, Failure};

/// Starts it and gives its process id.
pub(super) fn start(
    ctx: &Context,
    db: &Path,
    if_wal_above: Option<Threshold>,
) -> Result<u32, Failure> {
    let failed = |what: &str, e: &std::io::Error| Failure::file(what, Path::new("creel"), e);
    let program = std::env::current_exe().map_err(|e| failed("find the program", &e))?;
    // The process begins in another directory.
    let db = std::path::absolute(db).map_err(|e| Failure::file("find", db, &e))?;
    let mut args: Vec<OsString> = vec!["checkpoint".into(), "--wait".into(), "-qq".into()];
    let globals = &ctx.globals;
    if let Some(sync) = globals.sync {
        args.push("--sync".into());
        args.push(sync_name(sync).into());
    }
    if let Some(limit) = globals.lock_timeout {
        args.push(format!("--lock-timeout={}ns", limit.as_nanos()).into());
    }
    for (given, flag) in [
        (globals.allow_hard_links, "--allow-hard-links"),
        (globals.force_network, "--force-network"),
    ] {
        args.extend(given.then(|| flag.into()));
    }
    if let Some(threshold) = if_wal_above {
        args.push(
            match threshold {
                Threshold::Percent(percent) => format!("--if-wal-above={percent}%"),
                Threshold::Bytes(bytes) => format!("--if-wal-above={bytes}"),
            }
            .into(),
        );
    }
    args.push("--".into());
    args.push(db.into());
    creel::sys::spawn_detached(&program, &args).map_err(|e| failed("start", &e))
}

fn sync_name(sync: Sync) -> &'static str {
    match sync {
        Sync::Full => "full",
        Sync::Normal => "normal",
        Sync::Off => "off",
    }
}
