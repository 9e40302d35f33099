//! Every JSON output against its schema.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use predicates::prelude::*;
use regex::Regex;
use serde_json::Value;

use self::validator::Schema;
use crate::support::{creel, json, stdout};

mod copies;
mod outputs;
mod validator;

/// Fields that not every machine shows.
const UNSEEN: &[(&str, &str)] = &[
    ("creel.doctor/1", "/facts/properties/claimed_bytes"),
    ("creel.doctor/1", "/facts/properties/files"),
    // Verify notices every bit that it vouches for.
    ("creel.verify/1", "/missed_at/items/properties/offset"),
    ("creel.verify/1", "/missed_at/items/properties/bit"),
];

fn names() -> Vec<String> {
    let mut command = creel();
    command.arg("schema");
    stdout(command).lines().map(str::to_owned).collect()
}

fn schema(name: &str) -> String {
    let mut command = creel();
    command.args(["schema", name]);
    stdout(command)
}

/// One object for each output of each command, with and without options that change its form.
#[test]
fn outputs_are_what_their_schemas_say() {
    let mut schemas: BTreeMap<String, Schema> = names()
        .into_iter()
        .map(|name| (name.clone(), Schema::new(&schema(&name))))
        .collect();
    let mut used = BTreeSet::new();
    for (command, object) in outputs::all() {
        let name = object["schema"]
            .as_str()
            .unwrap_or_else(|| panic!("{command}: {object}"));
        let Some(schema) = schemas.get_mut(name) else {
            panic!("{command}: there is no schema {name}");
        };
        if let Err(reason) = schema.check(&object) {
            panic!("{command}, {name}: {reason}\n{object}");
        }
        used.insert(name.to_owned());
    }
    let mut missing = Vec::new();
    for (name, schema) in &schemas {
        if !used.contains(name) {
            missing.push(format!("{name}: no output"));
            continue;
        }
        let known = |field: &str| UNSEEN.iter().any(|(n, f)| n == name && field.ends_with(f));
        let unseen = schema.unseen().into_iter().filter(|field| !known(field));
        missing.extend(unseen.map(|field| format!("{name}: {field}")));
    }
    assert!(
        missing.is_empty(),
        "no output of tests/cli/schema/outputs.rs and copies.rs has:\n  {}",
        missing.join("\n  ")
    );
}

#[test]
fn every_name_in_the_source_has_a_schema() {
    let pattern = Regex::new("\"(creel\\.[a-z_]+/[0-9]+)\"").unwrap();
    let mut found = BTreeSet::new();
    sources(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("src").as_path(),
        &mut |text| {
            for name in pattern.captures_iter(text) {
                found.insert(name[1].to_owned());
            }
        },
    );
    let names: BTreeSet<String> = names().into_iter().collect();
    assert_eq!(
        found, names,
        "on the left: names in src; on the right: creel schema"
    );
}

fn sources(folder: &Path, look: &mut impl FnMut(&str)) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, look);
        } else if path.extension().is_some_and(|e| e == "rs") {
            look(&fs::read_to_string(path).unwrap());
        }
    }
}

/// Descriptions are what a reader of a schema has: every field has one, except the two that
/// are the same everywhere.
#[test]
fn every_field_is_described() {
    for name in names() {
        let text = schema(&name);
        let root: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            root["$schema"],
            "https://json-schema.org/draft/2020-12/schema"
        );
        for word in ["title", "description"] {
            assert!(root[word].is_string(), "{name}: {word}");
        }
        for place in Schema::new(&text).fields() {
            let field = root.pointer(&place[1..]).unwrap();
            let obvious = place.ends_with("/schema") || place.ends_with("/record");
            assert!(
                obvious || field["description"].is_string(),
                "{name}: {place}"
            );
        }
    }
}

#[test]
fn a_schema_has_three_names() {
    let whole = schema("creel.put/1");
    assert_eq!(whole, schema("creel.put"));
    assert_eq!(whole, schema("put"));
    creel()
        .args(["schema", "nothing"])
        .assert()
        .code(1)
        .stdout("")
        .stderr(predicate::str::contains("creel schema"));
    let mut command = creel();
    command.arg("schema");
    let list = json(command);
    assert_eq!(list["names"].as_array().unwrap().len(), names().len());
}
