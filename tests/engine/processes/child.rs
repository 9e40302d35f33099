//! The child: one command a line, one answer a line. An answer begins with `@` because the test
//! harness prints lines of its own.

use std::io::{BufRead, Write};
use std::path::PathBuf;
use std::time::Duration;

use creel::{CheckpointOptions, Db, Error, NoProgress, OpenOptions, Snapshot, SyncMode};

use super::{digest, value_of};

pub const PATH: &str = "CREEL_ENGINE_CHILD";
pub const NAME: &str = "processes::child::a_child_obeys";

#[derive(Default)]
struct Child {
    path: PathBuf,
    db: Option<Db>,
    snapshot: Option<Snapshot>,
}

/// Does nothing unless a test of this folder started it.
#[test]
fn a_child_obeys() {
    let Some(path) = std::env::var_os(PATH) else {
        return;
    };
    let mut child = Child {
        path: path.into(),
        ..Child::default()
    };
    println!();
    say("ready");
    for line in std::io::stdin().lock().lines() {
        let line = line.unwrap();
        let words: Vec<&str> = line.split_whitespace().collect();
        say(&child.obey(&words));
    }
    std::process::exit(0);
}

fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "@{text}").unwrap();
    out.flush().unwrap();
}

/// Errors by variant: that is what the parent compares.
fn answer(result: Result<String, Error>) -> String {
    match result {
        Ok(text) => text,
        Err(Error::Io { source, .. }) => format!("error Io {:?}", source.kind()),
        Err(e) => {
            let text = format!("{e:?}");
            let variant = text.split([' ', '(', '{']).next().unwrap_or_default();
            format!("error {variant}")
        }
    }
}

impl Child {
    fn db(&self) -> &Db {
        self.db.as_ref().expect("open first")
    }

    fn obey(&mut self, words: &[&str]) -> String {
        match words {
            ["open", how @ ..] => answer(self.open(how)),
            ["close"] => {
                self.snapshot = None;
                self.db.take().unwrap().close().unwrap();
                "closed".into()
            }
            ["put", key, round] => answer(self.put(key, round.parse().unwrap())),
            ["get", key] => {
                let value = self.db().get(key.as_bytes()).unwrap();
                value.map_or("none".into(), |v| String::from_utf8(v).unwrap())
            }
            ["snapshot"] => {
                let snapshot = self.db().snapshot().unwrap();
                let text = format!("{} {}", snapshot.generation(), snapshot.token().index);
                self.snapshot = Some(snapshot);
                text
            }
            ["digest"] => digest(self.snapshot.as_ref().unwrap()),
            ["release"] => {
                self.snapshot = None;
                // Looking at the file lets go of the generation that the handle stood on.
                self.db().snapshot().unwrap().generation().to_string()
            }
            ["checkpoint"] => {
                let report = self
                    .db()
                    .checkpoint(&CheckpointOptions::default(), &NoProgress);
                answer(report.map(|r| format!("generation {}", r.generation)))
            }
            ["many", prefix, count] => self.many(prefix, count.parse().unwrap()),
            ["one-shots", prefix, count] => self.one_shots(prefix, count.parse().unwrap()),
            other => panic!("unknown command {other:?}"),
        }
    }

    fn open(&mut self, how: &[&str]) -> Result<String, Error> {
        let mut options = OpenOptions::new().lock_timeout(Duration::from_secs(30));
        for word in how {
            options = match *word {
                "read-only" => options.read_only(true),
                "hold" => options.hold_lock(true),
                "unmapped" => options.mmap(false),
                "normal" => options.sync(SyncMode::Normal),
                "eager" => options.checkpoint_at(Some(16 << 10)),
                "alone" => options.background_checkpoint(false),
                other => panic!("unknown option {other}"),
            };
        }
        self.db = Some(options.open(&self.path)?);
        Ok("opened".into())
    }

    fn put(&self, key: &str, round: u64) -> Result<String, Error> {
        let commit = self.db().put(key.as_bytes(), &value_of(key, round))?;
        Ok(commit.token.index.to_string())
    }

    /// Puts, each acknowledged by a line of its own: its number and log index.
    fn many(&self, prefix: &str, count: u64) -> String {
        for i in 0..count {
            let key = format!("{prefix}{i}");
            match self.put(&key, 0) {
                Ok(index) => say(&format!("{i} {index}")),
                Err(e) => panic!("put {key}: {e:?}"),
            }
        }
        "done".into()
    }

    /// The same with a handle for each put, as commands have.
    fn one_shots(&mut self, prefix: &str, count: u64) -> String {
        for i in 0..count {
            self.open(&["alone"]).unwrap();
            let index = self.put(&format!("{prefix}{i}"), 0).unwrap();
            say(&format!("{i} {index}"));
        }
        "done".into()
    }
}
