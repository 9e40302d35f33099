//! `verify`: every invariant is broken in a real file and found by its id; whole files of many
//! shapes are clean; no byte can change unseen; nothing makes it panic, hang or write.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout
)]

mod archive;
mod breaker;
mod clean;
mod engine;
mod files;
mod flips;
mod header;
mod hostile;
mod live;
mod log;
mod look;
mod pages;
mod reads;
mod space;
mod speed;
mod tree;

use std::path::Path;

use creel::{Depth, Invariant, NoProgress, Severity, Verdict, VerifyOptions, VerifyReport};

/// Verifies at a level.
pub fn check(path: &Path, level: Depth) -> VerifyReport {
    let options = VerifyOptions {
        level,
        ..VerifyOptions::default()
    };
    creel::verify(path, &options, &NoProgress).unwrap()
}

/// Ids of the findings, damage or not.
pub fn ids(report: &VerifyReport) -> Vec<Invariant> {
    report.findings.iter().map(|f| f.id).collect()
}

/// The invariant is among the damage, at its own level, and the level counts it.
#[track_caller]
pub fn expect_damage(path: &Path, id: Invariant) -> VerifyReport {
    let report = check(path, id.depth());
    let found = report
        .findings
        .iter()
        .any(|f| f.id == id && f.severity == Severity::Damage);
    assert!(found, "{id} not found: {:#?}", report.findings);
    assert_eq!(report.verdict, Verdict::Damaged);
    assert!(
        report.checked.iter().any(|(c, n)| *c == id && *n > 0),
        "{id} is not counted"
    );
    engine::bears(path);
    report
}

/// The invariant is among the findings, and nothing is lost.
#[track_caller]
pub fn expect_recoverable(path: &Path, id: Invariant) -> VerifyReport {
    let report = check(path, Depth::Deep);
    assert!(
        ids(&report).contains(&id),
        "{id} not found: {:#?}",
        report.findings
    );
    assert_eq!(
        report.verdict,
        Verdict::Recoverable,
        "{:#?}",
        report.findings
    );
    report
}

/// Nothing is wrong at any level.
#[track_caller]
pub fn expect_clean(path: &Path) -> VerifyReport {
    for level in [Depth::Quick, Depth::Full] {
        let report = check(path, level);
        assert_eq!(
            report.verdict,
            Verdict::Clean,
            "{level:?}: {:#?}",
            report.findings
        );
    }
    let report = check(path, Depth::Deep);
    let damage = report
        .findings
        .iter()
        .filter(|f| f.severity == Severity::Damage)
        .count();
    assert_eq!(
        (report.verdict, damage),
        (Verdict::Clean, 0),
        "{:#?}",
        report.findings
    );
    report
}
