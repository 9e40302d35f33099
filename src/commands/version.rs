//! `creel version`.

use clap::Args;
use serde::Serialize;

use super::Run;
use crate::cli::{Context, Exit, Outcome};

/// The file format that this build reads and writes.
const FORMAT: &str = "1.0";

/// Arguments of `creel version`.
#[derive(Debug, Args)]
pub struct VersionArgs {}

#[derive(Serialize)]
struct VersionReport {
    schema: &'static str,
    version: &'static str,
    format_read: [&'static str; 1],
    format_write: &'static str,
    arch: &'static str,
    os: &'static str,
    debug: bool,
    linked: &'static str,
}

impl Run for VersionArgs {
    const NAME: &'static str = "version";
    const ABOUT: &'static str = "Print version and file formats";
    const EXAMPLES: &'static str = "\
Examples:
  creel version
  creel version --json";

    fn run(self, ctx: &mut Context) -> Outcome {
        let report = VersionReport {
            schema: "creel.version/1",
            version: env!("CARGO_PKG_VERSION"),
            format_read: [FORMAT],
            format_write: FORMAT,
            arch: std::env::consts::ARCH,
            os: std::env::consts::OS,
            debug: cfg!(debug_assertions),
            linked: env!("CREEL_LINKED"),
        };
        if ctx.globals.json {
            ctx.out.json(&report)?;
        } else {
            let VersionReport {
                version, arch, os, ..
            } = report;
            ctx.out.line(&format!(
                "creel {version} (file format {FORMAT}, {arch}-{os})"
            ))?;
        }
        Ok(Exit::Ok)
    }
}
