//! The seven calls, through the clients of the clouds. Those take their settings from the environment of
//! the process: each store is opened in a process of its own, which is this program once more.

use std::sync::{Arc, Barrier};

use creel::chain::store::{
    Address, Created, DirStore, MemoryStore, Store, StoreError, StoreErrorKind, open,
};

use super::{DIALECTS, Server, for_each_cloud};
use crate::faulty::Faulty;
use crate::race;
use crate::rng;
use crate::stub::{Dialect, HttpStore, Stub};

/// Which store a child opens, and what it does there.
const STORE: &str = "CREEL_TEST_STORE";
const WORK: &str = "CREEL_TEST_WORK";

/// Runs `child` with the environment of a server.
pub fn in_a_process(server: &Server, store: &str, work: &str) {
    let mut command = server.command(&std::env::current_exe().unwrap());
    command
        .args(["--exact", "cloud::contract::child", "--nocapture"])
        .env(STORE, store)
        .env(WORK, work);
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{store} {work}: {text}{errors}");
    assert!(text.contains("done: "), "{store} {work}: {text}{errors}");
    for line in text.lines().filter(|line| line.contains(" rounds, ")) {
        println!("{store}: {line}");
    }
}

/// Does nothing unless another test began this process for it.
#[test]
fn child() {
    let (Ok(address), Ok(work)) = (std::env::var(STORE), std::env::var(WORK)) else {
        return;
    };
    let opened = |address: &str| open(&Address::parse(address).unwrap(), false).unwrap();
    let store = opened(&address);
    match work.as_str() {
        "contract" => contract(&*store),
        "race" => {
            let sums = race::run("race", 3, 20, &|seed| {
                Arc::from(opened(&format!("{address}/{seed}")))
            });
            assert!(sums.confirmed >= 3, "{sums:?}");
        }
        // Publishers, promoters and a collector at once. Whether a primary still writes when it is fenced is chance:
        // some servers are so slow that nobody is for eighty rounds.
        "race on another's server" => {
            let rounds = rng::count("CREEL_CHAIN_RACES", 4);
            let sums = race::run("race", rounds, 60, &|seed| {
                Arc::from(opened(&format!("{address}/{seed}")))
            });
            assert!(sums.confirmed >= rounds && sums.promotions > 0, "{sums:?}");
        }
        "last" => {
            let names = store.list_after("log/", "log/02998", 1).unwrap();
            assert_eq!(names, ["log/02999"]);
        }
        "strangers" => {
            let kind = |error: StoreError| error.kind;
            let lists = store.list_after("log/", "", 9).map_err(kind);
            let reads = store.get("log/1", 9).map_err(kind);
            let removes = store.delete("log/1").map_err(kind);
            assert_eq!(lists, Err(StoreErrorKind::Unauthorised));
            assert_eq!(reads, Err(StoreErrorKind::Unauthorised));
            assert_eq!(removes, Err(StoreErrorKind::Unauthorised));
        }
        "nowhere" => {
            let error = store.list_after("log/", "", 9).unwrap_err();
            assert_eq!(error.kind, StoreErrorKind::NoStore, "{error}");
        }
        other => panic!("{other}"),
    }
    println!("done: {work}");
}

fn contract(store: &dyn Store) {
    let name = "log/00000000000000000001.seg";
    assert_eq!(store.get(name, 99).unwrap(), None);
    assert_eq!(store.get_range(name, 0, 9).unwrap(), None);
    assert_eq!(store.head(name).unwrap(), None);
    store.delete(name).unwrap();
    assert_eq!(store.create(name, b"first").unwrap(), Created::Created);
    // Twice, for one store says it in two ways.
    for _ in 0..2 {
        assert_eq!(store.create(name, b"other").unwrap(), Created::Exists);
    }
    assert_eq!(store.get(name, 5).unwrap().unwrap(), b"first");
    let too_large = store.get(name, 4).unwrap_err();
    assert_eq!(too_large.kind, StoreErrorKind::TooLarge);
    assert_eq!(store.head(name).unwrap(), Some(5));
    assert_eq!(store.get_range(name, 1, 3).unwrap().unwrap(), b"irs");
    assert_eq!(store.get_range(name, 3, 9).unwrap().unwrap(), b"st");
    assert_eq!(store.get_range(name, 9, 3).unwrap().unwrap(), b"");
    store.create("log/empty", b"").unwrap();
    assert_eq!(store.get("log/empty", 9).unwrap().unwrap(), b"");
    assert_eq!(store.get_range("log/empty", 0, 9).unwrap().unwrap(), b"");
    for bytes in [b"1", b"2"] {
        store.put("progress/n.json", bytes).unwrap();
        assert_eq!(store.get("progress/n.json", 9).unwrap().unwrap(), bytes);
    }
    let large: Vec<u8> = (0..3_000_000u32).map(|i| (i % 251) as u8).collect();
    store.create("snap/p0", &large).unwrap();
    assert!(store.get("snap/p0", 3_000_000).unwrap().unwrap() == large);
    listings(store);
    races(store);
    store.delete(name).unwrap();
    store.delete(name).unwrap();
    assert_eq!(store.head(name).unwrap(), None);
    assert_eq!(store.create(name, b"again").unwrap(), Created::Created);
}

fn listings(store: &dyn Store) {
    let names: Vec<String> = (0..9).map(|n| format!("cat/{n}.json")).collect();
    for name in names.iter().rev() {
        store.create(name, b"x").unwrap();
    }
    store.create("cau/0", b"behind all of them").unwrap();
    let after = |after: &str, limit| store.list_after("cat/", after, limit).unwrap();
    assert_eq!(after("", 99), names);
    assert_eq!(after("", 4), names[..4]);
    assert_eq!(after("cat/3.json", 99), names[4..], "not the name itself");
    assert_eq!(after("cat/3.json", 1), names[4..5]);
    assert_eq!(after("cat/3", 2), names[3..5], "a name that is not there");
    assert_eq!(after("cat/8.json", 5), Vec::<String>::new());
    assert_eq!(
        store.list_after("nothing/", "", 5).unwrap(),
        Vec::<String>::new()
    );
}

fn races(store: &dyn Store) {
    for round in 0..4 {
        let name = format!("probe/{round}");
        let barrier = Barrier::new(8);
        let won: Vec<u8> = std::thread::scope(|scope| {
            let racers: Vec<_> = (0..8u8)
                .map(|racer| {
                    let (name, barrier) = (&name, &barrier);
                    scope.spawn(move || {
                        barrier.wait();
                        let made = store.create(name, &[racer; 100]).unwrap();
                        (made == Created::Created).then_some(racer)
                    })
                })
                .collect();
            let ended = racers.into_iter().filter_map(|r| r.join().unwrap());
            ended.collect()
        });
        assert_eq!(won.len(), 1, "round {round}: {won:?}");
        assert_eq!(store.get(&name, 100).unwrap().unwrap(), [won[0]; 100]);
    }
}

#[test]
fn every_store_keeps_the_contract() {
    contract(&MemoryStore::new());
    let dir = tempfile::tempdir().unwrap();
    contract(&DirStore::open(&dir.path().join("s"), true).unwrap());
    let stub = Stub::start(Arc::new(MemoryStore::new()));
    contract(&HttpStore(stub.address()));
    for dialect in DIALECTS.into_iter().chain([Dialect::AzureFromTheFront]) {
        let server = Server::start(dialect, Arc::new(MemoryStore::new()));
        in_a_process(&server, &format!("{}/here", server.bucket()), "contract");
        in_a_process(&server, &server.bucket(), "contract");
    }
}

#[test]
fn the_chain_is_raced_through_every_client_with_faults() {
    let seed = rng::seed("the_chain_is_raced_through_every_client");
    for_each_cloud(|dialect| {
        let faulty = Faulty::new(Arc::new(MemoryStore::new()), 15, seed);
        let server = Server::start(dialect, Arc::new(faulty));
        in_a_process(&server, &server.bucket(), "race");
    });
}

/// It asked for one name at a time, from the first one on.
#[test]
fn listings_that_begin_at_the_front_are_read_in_large_pages() {
    let store = MemoryStore::new();
    for number in 0..3000 {
        store.create(&format!("log/{number:05}"), b"x").unwrap();
    }
    let server = Server::start(Dialect::AzureFromTheFront, Arc::new(store));
    in_a_process(&server, &server.bucket(), "last");
    let requests = server.stub.as_ref().unwrap().requests();
    assert!(requests <= 4, "{requests} requests");
}

/// They looked like a server that is not there, and were asked again until the patience was over.
#[test]
fn missing_rights_and_buckets_are_told_from_a_missing_server() {
    for dialect in DIALECTS {
        let mut server = Server::start(dialect, Arc::new(MemoryStore::new()));
        let nowhere = format!("{}://another", server.scheme);
        in_a_process(&server, &nowhere, "nowhere");
        for (name, value) in &mut server.environment {
            match *name {
                "GOOGLE_BEARER_TOKEN" => *value = "wrong".to_owned(),
                "AZURE_STORAGE_ACCOUNT" => *value = "wrong".to_owned(),
                _ => {}
            }
        }
        // Our S3 server looks at no signature.
        if dialect != Dialect::S3 {
            in_a_process(&server, &server.bucket(), "strangers");
        }
    }
}
