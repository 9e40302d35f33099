//! All mutants in one program.
//!
//! `cargo mutants` builds anew for each mutant, which takes a minute of this repository. Here its
//! list of mutants is woven into a copy of the source, each behind a question that the environment
//! answers (`CREEL_MUTANT=17`); then a mutant costs the time of the tests that reach it.
//!
//! ```text
//! weave   the mutants of a list into a copy of the source; what does not compile is left out
//! reach   runs every test once by itself: how long it takes, which mutants it reaches
//! judge   for each mutant of a sample: the tests that reach it, the quickest first
//! ```

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
        eprintln!("mutate weave|reach|judge SOURCE WORK [judge: SHARE-OF SEED [PREFIX]]");
        std::process::exit(2);
    };
    let work = PathBuf::from(work);
    let place = Place {
        tree: work.join("tree"),
        source: PathBuf::from(source),
        work,
    };
    match verb.as_str() {
        "weave" => weave::weave(&place),
        "reach" => reach::reach(&place),
        "judge" => judge::judge(&place, more),
        _ => panic!("no verb {verb:?}"),
    }
}
