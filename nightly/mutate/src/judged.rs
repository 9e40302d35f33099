//! The verdicts, a line each, the last of a mutant being the one that holds.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Place;
use super::files::{load, text_of};

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Word {
    Caught,
    Timeout,
    /// Every test that reaches it passes.
    Missed,
    /// No test reaches it.
    Unreached,
    /// The time for one mutant was over.
    Open,
}

const WORDS: [(Word, &str); 5] = [
    (Word::Caught, "caught"),
    (Word::Timeout, "timeout"),
    (Word::Missed, "MISSED"),
    (Word::Unreached, "UNREACHED"),
    (Word::Open, "OPEN"),
];

impl Word {
    pub fn is_caught(self) -> bool {
        matches!(self, Word::Caught | Word::Timeout)
    }

    fn text(self) -> &'static str {
        let found = WORDS.iter().find(|(word, _)| *word == self);
        found.map_or("", |(_, text)| text)
    }
}

pub const JUDGED: &str = "judged.txt";

pub struct Judged {
    verdicts: BTreeMap<usize, (Word, String)>,
    /// Those that were not noticed are judged again: there are other tests now, or more time.
    again: bool,
}

impl Judged {
    pub fn read(place: &Place) -> Self {
        let text = std::fs::read_to_string(place.work.join(JUDGED)).unwrap_or_default();
        let verdicts = text.lines().filter_map(|line| {
            let mut parts = line.split(' ');
            let first = parts.next()?;
            let (word, _) = WORDS.iter().find(|(_, text)| *text == first)?;
            let id = parts.next()?.parse().ok()?;
            Some((id, (*word, line.to_owned())))
        });
        Self {
            verdicts: verdicts.collect(),
            again: std::env::var_os("MUTATE_AGAIN").is_some(),
        }
    }

    pub fn is_open(&self, id: usize) -> bool {
        match self.verdicts.get(&id) {
            None => true,
            Some((word, _)) => self.again && !word.is_caught(),
        }
    }

    /// Mutants with the test that noticed each.
    pub fn noticed(&self) -> impl Iterator<Item = (usize, &str)> {
        let caught = self.verdicts.iter().filter(|(_, (w, _))| w.is_caught());
        caught.filter_map(|(id, (_, line))| Some((*id, line.rsplit(' ').next()?)))
    }

    pub fn line(word: Word, id: usize, mutant: &Value, seconds: f64, by: &str) -> String {
        let (word, start) = (word.text(), &mutant["span"]["start"]);
        let name = text_of(&mutant["name"]);
        let what = name.split_once(": ").map_or("", |(_, what)| what);
        let file = text_of(&mutant["file"]);
        let (line, column) = (&start["line"], &start["column"]);
        format!("{word} {id} {file}:{line}:{column} {what}, {seconds:.1} s {by}")
    }
}

/// The figures by layer.
pub fn tell(place: &Place) {
    let list = load(place, "list.json");
    let judged = Judged::read(place);
    let mut sums: BTreeMap<String, BTreeMap<Word, usize>> = BTreeMap::new();
    for (id, (word, _)) in &judged.verdicts {
        let file = text_of(&list[*id]["file"]);
        let layer = file.split('/').nth(1).unwrap_or("").to_owned();
        for name in [layer, "all".to_owned()] {
            *sums.entry(name).or_default().entry(*word).or_default() += 1;
        }
    }
    for (layer, sum) in sums {
        let all: usize = sum.values().sum();
        let caught: usize = sum
            .iter()
            .filter_map(|(word, n)| word.is_caught().then_some(n))
            .sum();
        let share = 100.0 * caught as f64 / all as f64;
        print!("{layer:<8} {all:>5} judged, {caught:>5} noticed ({share:.1} %):");
        for (word, text) in WORDS {
            print!(" {} {text}", sum.get(&word).unwrap_or(&0));
        }
        println!();
    }
}
