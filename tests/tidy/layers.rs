//! Which folder of `src` may use which. The same table stands in `docs/style.md`.

use std::collections::BTreeSet;

use crate::tree::{Source, none, read, rust};

/// Layer, and what it may name after `crate::` (or `creel::` in the binary). A layer may always
/// name itself.
const LAYERS: &[(&str, &[&str])] = &[
    ("defect", &[]),
    ("threads", &[]),
    ("format", &["defect", "error"]),
    ("error", &["format"]),
    ("progress", &["error"]),
    ("sys", &["error"]),
    ("delta", &["format", "threads"]),
    ("digest", &[]),
    ("exchange", &["defect", "digest", "error"]),
    ("wal", &["defect", "error", "format", "sys"]),
    ("tree", &["defect", "error", "format"]),
    (
        "store",
        &[
            "defect", "error", "format", "progress", "sys", "threads", "tree",
        ],
    ),
    (
        "check",
        &[
            "defect", "delta", "error", "format", "progress", "store", "sys", "tree", "wal",
        ],
    ),
    (
        "db",
        &[
            "check", "defect", "delta", "error", "format", "progress", "store", "sys", "threads",
            "tree", "wal",
        ],
    ),
    (
        "salvage",
        &[
            "check", "db", "delta", "error", "format", "progress", "store", "sys", "tree", "wal",
        ],
    ),
    ("stream", &["error", "format"]),
    ("chain", &["error", "format", "progress", "sys"]),
    (
        "soak",
        &[
            "chain", "check", "db", "digest", "error", "exchange", "format", "progress", "replica",
            "stream", "sys",
        ],
    ),
    (
        "replica",
        &[
            "chain", "check", "db", "error", "format", "progress", "stream", "sys",
        ],
    ),
    ("cli", &["creel"]),
    ("commands", &["cli", "creel"]),
];

/// Names that `lib.rs` gives again: the same as naming the layer that they come from.
const ALIASES: &[(&str, &str)] = &[
    ("Error", "error"),
    ("Result", "error"),
    ("Holder", "error"),
    ("Corruption", "error"),
];

fn layer_of(path: &str) -> &str {
    let inside = path.strip_prefix("src/").unwrap();
    let first = inside.split('/').next().unwrap();
    first.strip_suffix(".rs").unwrap_or(first)
}

/// The first names after `crate::` and `creel::` in a file, with the lines they stand on.
fn names(source: &Source) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (number, line) in source.lines() {
        if line.trim_start().starts_with("//") {
            continue;
        }
        for (at, _) in line.match_indices("crate::") {
            let rest = &line[at + "crate::".len()..];
            let inner = rest.strip_prefix('{').unwrap_or(rest);
            let end = inner
                .find(|c: char| !c.is_alphanumeric() && c != '_')
                .unwrap_or(inner.len());
            found.push((number, inner[..end].to_owned()));
        }
        let word = line.match_indices("creel::").next();
        if word.is_some_and(|(at, _)| !line[..at].ends_with(|c: char| c.is_alphanumeric())) {
            found.push((number, "creel".to_owned()));
        }
    }
    found
}

#[test]
fn layers_use_only_what_lies_below() {
    let mut offences = Vec::new();
    let mut seen = BTreeSet::new();
    for source in rust(&["src"]) {
        let layer = layer_of(&source.path);
        if layer == "lib" || layer == "main" {
            continue;
        }
        seen.insert(layer.to_owned());
        let Some((_, allowed)) = LAYERS.iter().find(|(name, _)| *name == layer) else {
            offences.push(format!("{}: a layer without a rule", source.path));
            continue;
        };
        for (line, name) in names(&source) {
            let alias = ALIASES.iter().find(|(alias, _)| *alias == name);
            let name = alias.map_or(name.as_str(), |(_, target)| target);
            if name != layer && !allowed.contains(&name) {
                offences.push(format!("{}:{line}: {layer} uses {name}", source.path));
            }
        }
    }
    none(
        &offences,
        "a layer uses only what tests/tidy/layers.rs allows",
    );
    let ruled: BTreeSet<String> = LAYERS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(seen, ruled, "a rule for each layer, and no other");
}

/// What the threads of a handle meet in comes from `src/threads`, or no schedule could turn there. Threads that
/// only compute, and meet nobody but who waits for them, may be the system's own.
const OWN_THREADS: &[&str] = &["src/db/sort/", "src/db/backup/read_ahead.rs"];

#[test]
fn threads_of_a_handle_meet_in_what_a_schedule_knows() {
    let places = ["Mutex", "Condvar", "RwLock", "mpsc", "thread::", "Barrier"];
    let mut offences = Vec::new();
    for source in rust(&["src/db", "src/delta", "src/store"]) {
        let path = source.path.as_str();
        let test = path.contains("/tests/") || path.ends_with("tests.rs");
        if test || OWN_THREADS.iter().any(|own| path.starts_with(own)) {
            continue;
        }
        let code = source
            .lines()
            .take_while(|(_, line)| !line.contains("mod tests {"));
        for (line, text) in code.filter(|(_, text)| text.contains("std::")) {
            if let Some(name) = places.iter().find(|name| text.contains(**name)) {
                offences.push(format!("{path}:{line}: {name} of the standard library"));
            }
        }
    }
    none(&offences, "threads meet in what src/threads has");
}

#[test]
fn the_document_has_the_same_table() {
    let text = read("docs/style.md");
    for (layer, allowed) in LAYERS {
        let row = format!("| `{layer}` | {} |", allowed.join(", "));
        assert!(
            text.contains(&row),
            "docs/style.md should have the row {row}"
        );
    }
}

#[test]
fn unsafe_code_stays_in_sys() {
    let mut offences = Vec::new();
    for source in rust(&["src", "tests", "benches", "examples"]) {
        // benches/peers is a package of its own: other stores' interfaces call for it. An allocator
        // that counts cannot be written without.
        let free = [
            "src/sys/",
            "tests/tidy/",
            "benches/peers/",
            "tests/fuzz/allocator.rs",
        ];
        if free.iter().any(|folder| source.path.starts_with(folder)) {
            continue;
        }
        for (number, line) in source.lines() {
            let code = line.split("//").next().unwrap_or_default();
            if code.contains("unsafe {")
                || code.contains("unsafe fn")
                || code.contains("unsafe impl")
            {
                offences.push(format!("{}:{number}", source.path));
            }
        }
    }
    none(&offences, "unsafe code belongs into src/sys");
}

#[test]
fn only_the_binary_prints() {
    let mut offences = Vec::new();
    for source in rust(&["src"]) {
        let layer = layer_of(&source.path);
        if ["cli", "commands", "main"].contains(&layer) || source.path.contains("/tests") {
            continue;
        }
        for (number, line) in source.lines() {
            let code = line.split("//").next().unwrap_or_default();
            if ["println!(", "print!(", "io::stdout", "io::stderr"]
                .iter()
                .any(|w| code.contains(w))
            {
                offences.push(format!("{}:{number}", source.path));
            }
        }
    }
    none(&offences, "the library prints nothing");
}
