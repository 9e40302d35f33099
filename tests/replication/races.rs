//! Promotions that race, round after round, with processes and the store in a directory.

use std::collections::BTreeSet;
use std::process::{Child, Stdio};

use crate::store::{Site, creel, exit, json, succeeds};

/// Nodes; one of them is the primary.
const NODES: [&str; 4] = ["a.db", "b.db", "c.db", "d.db"];

fn rounds() -> u64 {
    let asked = std::env::var("CREEL_RACE_ROUNDS").ok();
    asked.map_or(50, |text| text.parse().unwrap())
}

fn spawn(args: &[&str]) -> Child {
    creel(args)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Exit status and standard error.
fn end_of(child: Child) -> (i32, String) {
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code().unwrap_or(-1), text)
}

struct Race {
    site: Site,
    primary: usize,
    epoch: u64,
    /// Confirmed with `--ack published`.
    confirmed: BTreeSet<String>,
    refused: u64,
    in_place: u64,
}

impl Race {
    fn new() -> Race {
        let site = Site::new();
        for name in &NODES[1..] {
            succeeds(&[
                "replicate",
                "init",
                &site.path(name),
                "--from",
                &site.store(),
                "-q",
            ]);
        }
        Race {
            site,
            primary: 0,
            epoch: 1,
            confirmed: BTreeSet::new(),
            refused: 0,
            in_place: 0,
        }
    }

    fn path(&self, node: usize) -> String {
        self.site.path(NODES[node])
    }

    /// All copies want to be primary, the primary writes, and in some rounds wants a new epoch itself.
    fn round(&mut self, round: u64) {
        let primary = self.path(self.primary);
        let before = format!("before {round}");
        succeeds(&["put", &primary, &before, "1", "--ack", "published"]);
        self.confirmed.insert(before);
        let expect = self.epoch.to_string();
        let racers: Vec<usize> = (0..NODES.len())
            .filter(|node| *node != self.primary || round.is_multiple_of(3))
            .collect();
        let promotions: Vec<(usize, Child)> = racers
            .iter()
            .map(|node| {
                let path = self.path(*node);
                (
                    *node,
                    spawn(&["promote", &path, "--expect-epoch", &expect, "--yes", "-q"]),
                )
            })
            .collect();
        let beside: Vec<(String, Child)> = (0..2)
            .map(|n| {
                let key = format!("beside {round} {n}");
                let child = spawn(&["put", &primary, &key, "1", "--ack", "published"]);
                (key, child)
            })
            .collect();
        let ended: Vec<(usize, (i32, String))> = promotions
            .into_iter()
            .map(|(node, child)| (node, end_of(child)))
            .collect();
        let won: Vec<usize> = ended
            .iter()
            .filter(|(_, (code, _))| *code == 0)
            .map(|(node, _)| *node)
            .collect();
        assert_eq!(won.len(), 1, "round {round}: {ended:?}");
        assert!(
            ended.iter().all(|(_, (code, _))| [0, 10].contains(code)),
            "round {round}: {ended:?}"
        );
        for (key, child) in beside {
            match end_of(child) {
                (0, _) => {
                    self.confirmed.insert(key);
                }
                (10, _) => self.refused += 1,
                (code, text) => panic!("round {round}: a write beside the race: {code}: {text}"),
            }
        }
        self.settle(round, won[0]);
    }

    /// Everything that was confirmed is with the winner, and all others follow it.
    fn settle(&mut self, round: u64, winner: usize) {
        let (old, path, store) = (self.primary, self.path(winner), self.site.store());
        self.in_place += u64::from(winner == old);
        let listed = succeeds(&["list", &path, "--keys-only"]);
        let there: BTreeSet<&str> = listed.lines().collect();
        let lost: Vec<&String> = self
            .confirmed
            .iter()
            .filter(|key| !there.contains(key.as_str()))
            .collect();
        assert!(
            lost.is_empty(),
            "round {round}: confirmed and lost: {lost:?}"
        );
        let epoch = json(&["replicate", "status", &store])["epoch"]
            .as_u64()
            .unwrap();
        assert_eq!(epoch, self.epoch + 1, "round {round}");
        for node in (0..NODES.len()).filter(|node| *node != winner) {
            let path = self.path(node);
            let words = match node == old {
                true => ["replicate", "rejoin", &path, "--from", &store, "-q"],
                false => ["replicate", "pull", &path, "--from", &store, "-q"],
            };
            let (code, text) = exit(&words);
            assert_eq!(code, 0, "round {round}: {words:?}: {text}");
            if round.is_multiple_of(10) {
                assert_eq!(
                    self.site.digest(NODES[node]),
                    self.site.digest(NODES[winner])
                );
            }
        }
        (self.primary, self.epoch) = (winner, epoch);
    }
}

/// Exactly one wins each of them, and what was confirmed is in every history that follows.
#[test]
fn promotions_race_again_and_again() {
    let mut race = Race::new();
    let rounds = rounds();
    for round in 0..rounds {
        race.round(round);
    }
    race.site.verify_store();
    let confirmed = race.confirmed.len() as u64;
    eprintln!(
        "{rounds} races: {confirmed} writes confirmed, {} refused, {} times the primary itself won",
        race.refused, race.in_place
    );
    assert!(confirmed >= rounds);
}

/// The promotion had taken the commit along and put both into the chain; the write said that its outcome
/// was not known.
#[test]
fn a_commit_that_a_promotion_in_place_took_along_was_not_confirmed() {
    use creel::chain::Tries;
    use creel::format::entry::Point;
    use creel::replica::store::{PromoteWish, Publishing, Settled, open_chain, promote_in_store};
    let (site, tries) = (Site::new(), &mut Tries(0));
    let (path, store) = (site.path("a.db"), site.store());
    let chain = open_chain(&store, tries).unwrap();
    let writer = creel::Db::open(&path).unwrap();
    let mut publishing = Publishing::open(&writer, chain.clone(), tries).unwrap();
    let commit = writer.put(b"beside", b"1").unwrap();
    let other = creel::Db::open(&path).unwrap();
    let wish = PromoteWish::default();
    let done = promote_in_store(&other, &chain, &store, &wish, tries, &creel::NoProgress);
    assert_eq!(done.unwrap().adopted, 1);
    let at = commit.position();
    let point = Point {
        index: at.index,
        epoch: at.epoch,
        history: commit.hash,
    };
    let settled = publishing.settle(&point, tries).unwrap();
    assert_eq!(settled, Settled::Published);
    // What the promotion has noted stays.
    let noted = other.facts().unwrap().published;
    publishing.remember().unwrap();
    assert_eq!(other.facts().unwrap().published, noted);
    assert!(writer.put(b"late", b"1").is_err(), "its epoch is over");
    let newer = Point {
        index: point.index + 1,
        ..point
    };
    let settled = publishing.settle(&newer, tries).unwrap();
    assert!(matches!(settled, Settled::Refused(_)), "{settled:?}");
}
