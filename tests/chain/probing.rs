//! The probe believes stores that fence, and refuses those that do not.

use std::sync::Arc;

use creel::NoProgress;
use creel::chain::object::Verdict;
use creel::chain::store::{DirStore, MemoryStore, Store};
use creel::chain::{ProbeOptions, ProbeReport, Tries, probe};

use crate::faulty::Faulty;
use crate::flawed::{Flaw, Flawed};
use crate::rng;
use crate::stub::{HttpStore, Stub};

fn run(store: &dyn Store) -> ProbeReport {
    let options = ProbeOptions::default();
    let report = probe(store, &options, &mut Tries(200), &NoProgress).unwrap();
    println!("{}: {:?}", store.address(), report.result);
    let left = store.list_after("probe/", "", 9).unwrap_or_default();
    assert!(left.is_empty(), "scratch objects are removed: {left:?}");
    report
}

fn fit(store: &dyn Store) {
    let report = run(store);
    assert_eq!(
        report.result.verdict,
        Verdict::Fit,
        "{:?}",
        report.result.faults
    );
    assert_eq!((report.result.rounds, report.result.racers), (32, 8));
}

#[test]
fn memory_and_directories_are_fit() {
    fit(&MemoryStore::new());
    let dir = tempfile::tempdir().unwrap();
    fit(&DirStore::open(&dir.path().join("s"), true).unwrap());
}

#[test]
fn an_s3_server_is_fit_with_and_without_faults() {
    let seed = rng::seed("an_s3_server_is_fit");
    for percent in [0, 15] {
        let faulty = Faulty::new(Arc::new(MemoryStore::new()), percent, seed);
        let stub = Stub::start(Arc::new(faulty));
        let store = HttpStore(stub.address());
        let options = ProbeOptions::default();
        let report = probe(&store, &options, &mut Tries(200), &NoProgress).unwrap();
        let faults = &report.result.faults;
        assert_eq!(
            report.result.verdict,
            Verdict::Fit,
            "seed {seed}, {percent} %: {faults:?}"
        );
        assert!(stub.requests() > 32 * 8);
    }
}

#[test]
fn flawed_stores_are_refused() {
    for flaw in [
        Flaw::Ignored,
        Flaw::NotAtomic,
        Flaw::LateList,
        Flaw::NoStartAfter,
    ] {
        let store = Flawed {
            inner: Arc::new(MemoryStore::new()),
            flaw,
        };
        let options = ProbeOptions::default();
        let report = probe(&store, &options, &mut Tries(20), &NoProgress).unwrap();
        assert_eq!(report.result.verdict, Verdict::Unfit, "{flaw:?}");
        println!("{flaw:?}: {:?}", report.result.faults);
    }
}

#[test]
fn a_server_that_is_not_atomic_is_refused_over_http() {
    let store: Arc<dyn Store> = Arc::new(Flawed {
        inner: Arc::new(MemoryStore::new()),
        flaw: Flaw::NotAtomic,
    });
    let stub = Stub::start(store);
    let options = ProbeOptions::default();
    let store = HttpStore(stub.address());
    let report = probe(&store, &options, &mut Tries(20), &NoProgress).unwrap();
    assert_eq!(report.result.verdict, Verdict::Unfit);
}
