//! Writes the mutants into the copy of the source, and leaves out what the compiler refuses.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use serde_json::Value;
use syn::visit::Visit;

use super::edit::{Mutant, Nodes, edit_of};
use super::files::{load, save};
use super::refused::refused;
use super::writer::Writer;
use super::{Place, mix};

/// The question, and its answer: appended to `src/lib.rs` of the copy.
const QUESTION: &str = include_str!("question.rs");

/// What a mutant computes may be nonsense, and overflow.
const ALLOW: &str = "#![allow(warnings, arithmetic_overflow, unconditional_panic)]";

/// Where the mutants of each written file stand.
pub type Places = BTreeMap<String, Vec<(Range<usize>, usize)>>;

fn write_all(
    place: &Place,
    list: &[Value],
    left_out: &BTreeSet<usize>,
) -> (Places, BTreeSet<usize>) {
    let mut by_file: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (id, mutant) in list.iter().enumerate() {
        by_file
            .entry(mutant["file"].as_str().expect("a file"))
            .or_default()
            .push(id);
    }
    let (mut places, mut woven) = (Places::new(), BTreeSet::new());
    for (file, ids) in by_file {
        let text = std::fs::read_to_string(place.source.join(file)).expect("source");
        let parsed = syn::parse_file(&text).expect("Rust");
        let mut nodes = Nodes::default();
        nodes.visit_file(&parsed);
        let mutants = ids
            .iter()
            .filter(|id| !left_out.contains(id))
            .filter_map(|id| {
                let edit = edit_of(&nodes, &text, &list[*id])?;
                woven.insert(*id);
                Some(Mutant { id: *id, edit })
            });
        let mut writer = Writer {
            text: &text,
            mutants: mutants.collect(),
            out: String::new(),
            places: Vec::new(),
        };
        writer.write(0..text.len(), None);
        let to = place.tree.join(file);
        if std::fs::read_to_string(&to).ok().as_ref() != Some(&writer.out) {
            std::fs::write(&to, &writer.out).expect("a file to write");
        }
        places.insert(file.to_owned(), writer.places);
    }
    (places, woven)
}

pub fn weave(place: &Place, args: &[String]) {
    let [one_in, part] = args else {
        panic!("weave SOURCE WORK ONE-IN PART");
    };
    let (one_in, part): (u64, u64) = (
        one_in.parse().expect("one in N"),
        part.parse().expect("a part"),
    );
    let list = load(place, "list.json");
    let list = list.as_array().expect("a list");
    let lib = std::fs::read_to_string(place.source.join("src/lib.rs")).expect("source");
    let question = QUESTION.replace("1_000_000", &list.len().to_string());
    std::fs::write(
        place.tree.join("src/lib.rs"),
        format!("{ALLOW}\n{lib}\n{question}"),
    )
    .expect("lib.rs");
    let named = std::env::var("MUTATE_FUNCTIONS").unwrap_or_default();
    let named: BTreeSet<&str> = named.split_whitespace().collect();
    let is_named = |id: usize| {
        let (file, function) = (&list[id]["file"], &list[id]["function"]["function_name"]);
        let name = |value: &Value| value.as_str().unwrap_or("").replace(' ', "");
        named.contains(format!("{}:{}", name(file), name(function)).as_str())
    };
    let drawn = |id: usize| one_in > 0 && mix(id as u64) % one_in == part;
    let mut left_out: BTreeSet<usize> = (0..list.len())
        .filter(|id| !drawn(*id) && !is_named(*id))
        .collect();
    println!(
        "{} of {} mutants are looked at",
        list.len() - left_out.len(),
        list.len()
    );
    loop {
        let (places, woven) = write_all(place, list, &left_out);
        let more = refused(place, list, &places);
        println!("{} mutants woven, {} refused", woven.len(), more.len());
        if more.is_empty() {
            let ids: Vec<usize> = woven.into_iter().collect();
            save(place, "woven.json", &serde_json::json!(ids));
            return;
        }
        left_out.extend(more);
    }
}
