//! JSON in the folder of the work.

use std::fs::{File, OpenOptions};

use serde_json::Value;

use super::Place;

pub fn load(place: &Place, name: &str) -> Value {
    let path = place.work.join(name);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path:?}: {e}"));
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{path:?}: {e}"))
}

pub fn load_or(place: &Place, name: &str, or: Value) -> Value {
    match place.work.join(name).exists() {
        true => load(place, name),
        false => or,
    }
}

pub fn save(place: &Place, name: &str, value: &Value) {
    let text = serde_json::to_string(value).expect("JSON");
    std::fs::write(place.work.join(name), text).expect("a file to write");
}

pub fn text_of(value: &Value) -> String {
    value.as_str().unwrap_or("").to_owned()
}

pub fn append_to(place: &Place, name: &str) -> File {
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    options.open(place.work.join(name)).expect("a log")
}
