//! All mutants in one program.
//!
//! `cargo mutants` builds anew for each mutant, which takes a minute of this repository. Here its
//! list of mutants is woven into a copy of the source, each behind a question that the environment
//! answers (`CREEL_MUTANT=17`); then a mutant costs the time of the tests that reach it.
//!
//! ```text
//! weave     the mutants of a list into a copy of the source; what does not compile is left out
//! reach     runs every test once by itself: how long it takes, which mutants it reaches
//! judge     for each mutant: the tests that reach it, the likeliest and quickest first
//! control   the tests that noticed something, without a mutant
//! tell      the figures
//! ```
//!
//! `weave .. 8 0` takes one in eight of the list, by a hash of its numbers; parts 0 to 7 are all.
//! `MUTATE_FUNCTIONS="src/db/archive.rs:expired .."` takes those of some functions as well; with 0
//! instead of 8 nothing else. `judge` goes on where it was ended; `MUTATE_AGAIN=1` judges those again
//! that nothing noticed. `MUTATE_BUDGET` seconds of tests for a mutant, tests of at most
//! `MUTATE_LONGEST` seconds, `MUTATE_GRACE` seconds before a test that hangs is ended,
//! `MUTATE_WORKERS` processes at a time.

mod control;
mod edit;
mod files;
mod judge;
mod judged;
mod order;
mod reach;
mod refused;
mod run;
mod weave;
mod writer;

use std::path::PathBuf;

/// What the subcommands share: one folder for everything.
pub struct Place {
    /// The copy of the source that is woven.
    pub tree: PathBuf,
    /// The source as it was.
    pub source: PathBuf,
    /// `list.json`, and what comes of it.
    pub work: PathBuf,
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [verb, source, work, more @ ..] = args.as_slice() else {
        eprintln!(
            "mutate weave SOURCE WORK ONE-IN PART; mutate reach|judge|control|tell SOURCE WORK"
        );
        std::process::exit(2);
    };
    let work = std::path::absolute(work).expect("a folder");
    let place = Place {
        tree: work.join("tree"),
        source: PathBuf::from(source),
        work,
    };
    match verb.as_str() {
        "weave" => weave::weave(&place, more),
        "reach" => reach::reach(&place),
        "judge" => judge::judge(&place),
        "control" => control::control(&place),
        "tell" => judged::tell(&place),
        _ => panic!("no verb {verb:?}"),
    }
}

/// Numbers that look like chance (splitmix64).
pub fn mix(x: u64) -> u64 {
    let mut x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// A number from the environment.
pub fn number(name: &str, or: f64) -> f64 {
    let text = std::env::var(name).ok();
    text.and_then(|text| text.parse().ok()).unwrap_or(or)
}
