//! Random commands of several processes at once, each against a map of its own.
#![allow(clippy::print_stdout)]

use std::collections::BTreeMap;
use std::io::Write;
use std::process::{Command, Output, Stdio};

use crate::support::{Db, json};

const WORKERS: u64 = 4;
const STEPS: usize = 45;

type Map = BTreeMap<String, String>;

struct Worker<'a> {
    db: &'a Db,
    prefix: String,
    word: u64,
    map: Map,
}

impl Worker<'_> {
    fn below(&mut self, n: u64) -> u64 {
        self.word = self.word.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.word;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (x ^ (x >> 31)) % n
    }

    fn key(&mut self) -> String {
        let n = self.below(30);
        format!("{}{n:02}", self.prefix)
    }

    fn value(&mut self) -> String {
        let len = match self.below(8) {
            0 => 0,
            1 => 20_000,
            _ => self.below(300) as usize,
        };
        char::from(b'a' + self.below(26) as u8)
            .to_string()
            .repeat(len)
    }

    fn run(&mut self, args: &[&str], input: &str) -> Output {
        let sync = ["full", "normal"][self.below(2) as usize];
        let mut child = Command::new(env!("CARGO_BIN_EXE_creel"))
            .arg(args[0])
            .arg(&self.db.path)
            .args(&args[1..])
            .args(["--lock-timeout", "1m", "--sync", sync])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let _ = stdin.write_all(input.as_bytes()); // who needs none may be gone
        drop(stdin);
        child.wait_with_output().unwrap()
    }

    /// Runs a command that has to succeed, and gives what it prints.
    fn must(&mut self, args: &[&str], input: &str) -> String {
        let output = self.run(args, input);
        assert!(output.status.success(), "{args:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn step(&mut self) {
        let key = self.key();
        match self.below(16) {
            0..4 => {
                let value = self.value();
                self.must(&["put", &key, "--value-file", "-"], &value);
                self.map.insert(key, value);
            }
            4 => {
                let output = self.run(&["put", &key, "new", "--if-absent"], "");
                let absent = !self.map.contains_key(&key);
                assert_eq!(output.status.code(), Some(i32::from(!absent)), "{key}");
                self.map.entry(key).or_insert("new".to_owned());
            }
            5..7 => {
                self.must(&["delete", &key], "");
                self.map.remove(&key);
            }
            7 => {
                let part = key[..key.len() - 1].to_owned();
                let gone = self.map.keys().filter(|k| k.starts_with(&part)).count();
                let text = self.must(&["delete", "--prefix", &part, "--yes"], "");
                assert_eq!(text.trim(), gone.to_string(), "{part}");
                self.map.retain(|k, _| !k.starts_with(&part));
            }
            8..10 => {
                let mut lines = String::new();
                for _ in 0..self.below(12) {
                    let (key, value) = (self.key(), self.value());
                    if self.below(4) == 0 {
                        lines.push_str(&format!("del\t{key}\n"));
                        self.map.remove(&key);
                    } else {
                        lines.push_str(&format!("put\t{key}\t{value}\n"));
                        self.map.insert(key, value);
                    }
                }
                self.must(&["batch"], &lines);
            }
            10..12 => {
                let output = self.run(&["get", &key], "");
                let expected = self.map.get(&key);
                assert_eq!(output.status.code(), Some(i32::from(expected.is_none())));
                let expected = expected.map_or("", String::as_str);
                assert!(output.stdout == expected.as_bytes(), "{key}");
            }
            12..14 => {
                let prefix = self.prefix.clone();
                let reverse = self.below(2) == 1;
                let mut args = vec!["list", "--prefix", &prefix];
                args.extend(reverse.then_some("--reverse"));
                let text = self.must(&args, "");
                let mut lines: Vec<&str> = text.lines().collect();
                if reverse {
                    lines.reverse();
                }
                let expected = self.map.iter().map(|(k, v)| format!("{k}\t{v}"));
                assert!(lines.into_iter().eq(expected), "{prefix}: {text}");
            }
            14 => drop(self.must(&["checkpoint"], "")),
            _ => drop(self.must(&["compact", "--no-verify"], "")),
        }
    }
}

#[test]
fn random_commands_of_several_processes_behave_like_maps() {
    let given = std::env::var("CREEL_SEED")
        .ok()
        .and_then(|s| s.parse().ok());
    let seed: u64 = given.unwrap_or_else(|| u64::from(std::process::id()));
    println!("CREEL_SEED={seed}");
    let db = Db::new();
    let maps: Vec<Map> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..WORKERS)
            .map(|n| {
                let mut worker = Worker {
                    db: &db,
                    prefix: format!("w{n}-"),
                    word: seed ^ (n << 32),
                    map: Map::new(),
                };
                scope.spawn(move || {
                    (0..STEPS).for_each(|_| worker.step());
                    worker.map
                })
            })
            .collect();
        workers.into_iter().map(|w| w.join().unwrap()).collect()
    });
    let expected: Vec<String> = maps
        .iter()
        .flat_map(|map| map.iter().map(|(k, v)| format!("{k}\t{v}")))
        .collect();
    assert!(expected.len() > 10, "hardly anything was written");
    assert!(
        db.list().lines().eq(expected),
        "not the union of what all wrote"
    );
    let mut verify = db.run("verify");
    verify.args(["--level", "deep"]);
    assert_eq!(json(verify)["verdict"], "clean");
}
