//! What was exported, in one line or one object.

use std::time::Duration;

use creel::Info;
use creel::digest::Digest;
use creel::exchange::frame::{Header, Position};
use creel::exchange::write::Options;
use serde::Serialize;

use super::target::Written;
use crate::cli::{Context, Failure, report, text, units};

/// The `--json` object.
#[derive(Serialize)]
pub struct Report {
    schema: &'static str,
    path: String,
    output: Option<String>,
    format: &'static str,
    compression: &'static str,
    framed: bool,
    db_id: String,
    position: Position,
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<Position>,
    keyspaces: u64,
    records: u64,
    bytes: u64,
    stored_bytes: u64,
    digest: String,
    elapsed_ms: u64,
}

impl Report {
    /// The report of a finished export.
    pub fn new(
        info: &Info,
        options: &Options,
        header: &Header,
        written: &Written,
        elapsed: Duration,
    ) -> Report {
        let trailer = &written.summary.trailer;
        Report {
            schema: "creel.export/1",
            path: info.path.to_string_lossy().into_owned(),
            output: written
                .path
                .as_ref()
                .map(|p| p.to_string_lossy().into_owned()),
            format: options.format.name(),
            compression: written.compression.name(),
            framed: options.header.is_some(),
            db_id: text::hex(&info.lineage_id),
            position: header.position,
            since: header.since,
            keyspaces: written.summary.keyspaces,
            records: trailer.records,
            bytes: written.bytes,
            stored_bytes: written.stored,
            digest: trailer.digest.to_string(),
            elapsed_ms: u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX),
        }
    }

    /// The entries were written in another order than a digest is made of: this is the right one.
    pub fn digest(&mut self, digest: &Digest) {
        self.digest = digest.to_string();
    }

    /// Prints it: where the data does not go.
    pub fn print(&self, ctx: &mut Context) -> Result<(), Failure> {
        if ctx.globals.json {
            if self.output.is_some() {
                return ctx.out.json(self);
            }
            if let Ok(line) = serde_json::to_string(self) {
                report::stderr(&format!("{line}\n"));
            }
            return Ok(());
        }
        ctx.notice(&self.line());
        Ok(())
    }

    fn line(&self) -> String {
        let seconds = (self.elapsed_ms.max(1)) as f64 / 1000.0;
        let rate = units::human_size((self.bytes as f64 / seconds) as u64);
        let packed = if self.stored_bytes == self.bytes {
            String::new()
        } else {
            format!(
                ", {} after {}",
                units::human_size(self.stored_bytes),
                self.compression
            )
        };
        let records = if self.records == 1 {
            "record"
        } else {
            "records"
        };
        format!(
            "exported {} {records}, {}{packed} in {seconds:.1} s, {rate}/s",
            self.records,
            units::human_size(self.bytes)
        )
    }
}
