//! All mutants in one program.
//!
//! `cargo mutants` builds anew for each mutant, which takes a minute of this repository. Here its
//! list of mutants is woven into a copy of the source, each behind a question that the environment
//! answers (`CREEL_MUTANT=17`); then a mutant costs the time of the tests that reach it.
//!
//! ```text
//! weave   the mutants of a list into a copy of the source; what does not compile is left out
//! reach   runs every test once by itself: how long it takes, which mutants it reaches
//! judge   for each mutant: the tests that reach it, the quickest first
//! ```
//!
//! `weave .. 8 0` takes one in eight of the list, by a hash of its numbers; parts 0 to 7 are all.
//! `MUTATE_FUNCTIONS="src/db/archive.rs:expired .."` takes those of some functions as well; with 0 instead of 8
//! nothing else.

mod judge;
mod reach;
mod weave;

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
        eprintln!("mutate weave SOURCE WORK ONE-IN PART; mutate reach|judge SOURCE WORK");
        std::process::exit(2);
    };
    let work = PathBuf::from(work);
    let place = Place {
        tree: work.join("tree"),
        source: PathBuf::from(source),
        work,
    };
    match verb.as_str() {
        "weave" => weave::weave(&place, more),
        "reach" => reach::reach(&place),
        "judge" => judge::judge(&place),
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
