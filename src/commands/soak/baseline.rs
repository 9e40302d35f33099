//! `--baseline`: as fast as an earlier run was?

use std::path::Path;

use creel::soak::check::{Broken, Check};
use serde_json::Value;

use super::result::Done;
use crate::cli::{Failure, codes};

/// The share of the baseline's pace that is enough.
const PACE: f64 = 0.8;
/// So many times the baseline's p99 is too long.
const P99: f64 = 2.0;

/// An earlier `result.json`.
pub(super) struct Baseline(Value);

impl Baseline {
    pub fn read(path: &Path) -> Result<Baseline, Failure> {
        let text = std::fs::read_to_string(path).map_err(|e| Failure::file("read", path, &e))?;
        let bad = |why: String| {
            Failure::new(
                &codes::BAD_INPUT,
                format!("{} is no result.json of a soak", path.display()),
            )
            .cause(why)
            .at(path)
            .state("nothing was run")
            .hint(
                "the report of an earlier run has one: creel soak --out DIR makes DIR/result.json",
            )
        };
        let value: Value = serde_json::from_str(&text).map_err(|e| bad(e.to_string()))?;
        match value.get("schema").and_then(Value::as_str) == Some("creel.soak/1") {
            true => Ok(Baseline(value)),
            false => Err(bad("its schema is not creel.soak/1".into())),
        }
    }

    /// Adds what is too slow to a part, and what could not be compared.
    pub fn judge(&self, done: &mut Done) {
        let parts = self
            .0
            .get("parts")
            .and_then(Value::as_array)
            .into_iter()
            .flatten();
        let same = |part: &&Value| part.get("name").and_then(Value::as_str) == Some(done.part.name);
        let Some(part) = parts.into_iter().find(same) else {
            let note = "the baseline has no such part".to_owned();
            done.found.inconclusive.push(note);
            return;
        };
        let pace = part.get("operations_per_s").and_then(Value::as_f64);
        let p99 = part
            .pointer("/commit_latency/p99_ns")
            .and_then(Value::as_f64);
        let (Some(pace), Some(p99)) = (pace, p99) else {
            let note = "the baseline has no figures".to_owned();
            done.found.inconclusive.push(note);
            return;
        };
        let found_pace = done.found.rate();
        let found_p99 = done.found.commit_times.quantile(0.99) as f64;
        let operation = done.found.operations;
        let mut note = |check: Check, slow: bool, detail: String| match slow {
            false => done.found.ledger.pass(check),
            true => done.found.ledger.fail(Broken {
                check,
                operation,
                detail,
            }),
        };
        let text = format!("{found_pace:.0} operations in a second, the baseline had {pace:.0}");
        note(Check::Throughput, found_pace < pace * PACE, text);
        let (a, b) = (found_p99 / 1000.0, p99 / 1000.0);
        let text = format!("99 % of commits take {a:.0} us at most, in the baseline {b:.0} us");
        note(Check::Latency, found_p99 > p99 * P99, text);
    }
}
