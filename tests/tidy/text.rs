//! What stands in the files.

use std::collections::BTreeSet;

use crate::tree::{all, none, rust};

#[test]
fn sources_are_ascii() {
    let mut offences = Vec::new();
    for source in rust(&["src", "tests", "benches", "examples"]) {
        for (number, line) in source.lines() {
            if !line.is_ascii() || line.contains('\t') {
                offences.push(format!("{}:{number}: {line}", source.path));
            }
        }
    }
    none(
        &offences,
        "sources are ASCII without tabs; write others as \\u{..}",
    );
}

/// Tests wait for what they need, not for time to pass.
#[test]
fn tests_do_not_sleep() {
    let calls = [["thread::", "sleep"].concat(), [" sle", "ep("].concat()];
    let mut offences = Vec::new();
    for source in rust(&["tests"]) {
        for (number, line) in source.lines() {
            if calls.iter().any(|call| line.contains(call)) {
                offences.push(format!("{}:{number}", source.path));
            }
        }
    }
    none(&offences, "tests do not sleep");
}

#[test]
fn nothing_is_left_undone() {
    let words = ["TO", "FIX", "XX"].map(|w| {
        format!(
            "{w}{}",
            if w == "TO" {
                "DO"
            } else if w == "XX" {
                "X"
            } else {
                "ME"
            }
        )
    });
    let macros = ["todo", "unimplemented", "dbg"].map(|m| format!("{m}!("));
    let mut offences = Vec::new();
    for source in rust(&["src", "tests", "benches", "examples"]) {
        for (number, line) in source.lines() {
            if words
                .iter()
                .chain(&macros)
                .any(|w| line.contains(w.as_str()))
            {
                offences.push(format!("{}:{number}: {line}", source.path));
            }
        }
    }
    none(&offences, "finish it, or write down where it is planned");
}

/// Nothing that is true on one machine only.
#[test]
fn nothing_names_a_machine() {
    let words = ["work", "root", "home"].map(|d| format!("/{d}/"));
    let mut offences = Vec::new();
    for source in all() {
        for (number, line) in source.lines() {
            if words.iter().any(|w| line.contains(w.as_str())) {
                offences.push(format!("{}:{number}: {line}", source.path));
            }
        }
    }
    none(&offences, "paths of a machine do not belong here");
}

/// A file that no `mod` line names is never compiled, and its tests never run.
#[test]
fn every_file_is_declared() {
    let sources = rust(&["src", "tests", "benches", "examples"]);
    let mut declared = BTreeSet::new();
    for source in &sources {
        let (folder, name) = source.path.rsplit_once('/').unwrap();
        let name = name.strip_suffix(".rs").unwrap();
        let own = ["main", "lib", "mod"].contains(&name) || folder == "tests";
        let base = if own {
            folder.to_owned()
        } else {
            format!("{folder}/{name}")
        };
        let mut path: Option<String> = None;
        for (_, line) in source.lines() {
            let line = line.trim();
            if let Some(rest) = line.strip_prefix("#[path = \"") {
                path = rest.split('"').next().map(str::to_owned);
                continue;
            }
            let item = line
                .strip_prefix("pub(super) ")
                .or(line.strip_prefix("pub(crate) "))
                .or(line.strip_prefix("pub "))
                .unwrap_or(line);
            if let Some(name) = item.strip_prefix("mod ").and_then(|n| n.strip_suffix(';')) {
                match path.take() {
                    Some(path) => declared.insert(normal(&format!("{folder}/{path}"))),
                    None => {
                        declared.insert(format!("{base}/{name}.rs"));
                        declared.insert(format!("{base}/{name}/mod.rs"))
                    }
                };
            }
        }
    }
    let mut offences = Vec::new();
    for source in &sources {
        let parts: Vec<&str> = source.path.split('/').collect();
        let target = match parts.as_slice() {
            ["src", name] => ["main.rs", "lib.rs"].contains(name),
            ["tests" | "benches" | "examples", _] => true,
            ["tests" | "benches" | "examples", _, "main.rs" | "lib.rs"] => true,
            [.., "src", "main.rs"] => true, // of a package of its own
            _ => false,
        };
        if !target && !declared.contains(&source.path) {
            offences.push(source.path.clone());
        }
    }
    none(&offences, "a `mod` line names every file");
}

/// Resolves `..` in a path of the repository.
fn normal(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}
