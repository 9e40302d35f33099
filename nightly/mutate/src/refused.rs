//! What the compiler says.

use std::collections::BTreeSet;
use std::ops::Range;
use std::process::Command;

use serde_json::Value;

use super::Place;
use super::weave::Places;

/// The mutants that the compiler names; the innermost one where they are nested.
pub fn refused(place: &Place, list: &[Value], places: &Places) -> BTreeSet<usize> {
    let out = Command::new("cargo")
        .args(["check", "--lib", "--locked", "--message-format=json"])
        .current_dir(&place.tree)
        .output()
        .expect("cargo");
    let (mut found, mut near) = (BTreeSet::new(), BTreeSet::new());
    let mut strange = Vec::new();
    let text = String::from_utf8_lossy(&out.stdout);
    let lines = text
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    for line in lines {
        let message = &line["message"];
        if message["level"] != "error" {
            continue;
        }
        let named: Vec<usize> = spans(message)
            .filter_map(|span| innermost(places, span))
            .collect();
        if named.is_empty() && spans(message).next().is_some() {
            near.extend(around(list, places, message));
            strange.push(message["rendered"].as_str().unwrap_or("").to_owned());
        }
        found.extend(named);
    }
    // Errors that name no mutant often come of those that do.
    if found.is_empty() {
        found = near;
    }
    if found.is_empty() && !out.status.success() {
        for text in strange.iter().take(5) {
            eprintln!("{text}");
        }
        panic!("it does not compile, and no mutant is the cause");
    }
    found
}

fn spans(message: &Value) -> impl Iterator<Item = &Value> {
    message["spans"].as_array().into_iter().flatten()
}

fn range_of(span: &Value) -> Range<usize> {
    let number = |name: &str| span[name].as_u64().unwrap_or(0) as usize;
    number("byte_start")..number("byte_end")
}

fn innermost(places: &Places, span: &Value) -> Option<usize> {
    let at = range_of(span).start;
    let here = places.get(span["file_name"].as_str()?)?;
    let around = here.iter().filter(|(range, _)| range.contains(&at));
    around
        .min_by_key(|(range, _)| range.len())
        .map(|(_, id)| *id)
}

/// An arm that may be left out makes a `match` incomplete, a value decides an opaque type: the
/// compiler names something else then, and such mutants stand between what it names.
fn around(list: &[Value], places: &Places, message: &Value) -> Vec<usize> {
    let advice = message["children"].as_array().into_iter().flatten();
    let all = spans(message).chain(advice.flat_map(spans));
    let Some(file) = spans(message).next().and_then(|s| s["file_name"].as_str()) else {
        return Vec::new();
    };
    let all: Vec<Range<usize>> = all
        .filter(|span| span["file_name"] == file)
        .map(range_of)
        .collect();
    let start = all.iter().map(|r| r.start).min().unwrap_or(0);
    let end = all.iter().map(|r| r.end).max().unwrap_or(0);
    let here = places.get(file).into_iter().flatten();
    here.filter(|(range, id)| {
        let genre = &list[*id]["genre"];
        start <= range.start && range.end <= end && (genre == "MatchArm" || genre == "FnValue")
    })
    .map(|(_, id)| *id)
    .collect()
}
