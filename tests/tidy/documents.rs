//! The documents say what the code says.

use std::path::Path;

use crate::tree::{all, none, read, root};

#[test]
fn the_minimum_rust_version_is_the_same_everywhere() {
    let manifest = read("Cargo.toml");
    let line = manifest.lines().find(|l| l.starts_with("rust-version"));
    let version = line
        .and_then(|l| l.split('"').nth(1))
        .expect("rust-version in Cargo.toml");
    let readme = read("README.md");
    let stated = format!("Rust {version} or newer");
    assert!(readme.contains(&stated), "README.md should say {stated:?}");
    let clippy = read("clippy.toml");
    assert!(
        clippy.contains(&format!("msrv = \"{version}\"")),
        "clippy.toml: msrv"
    );
}

/// `src/cli/exit.rs` has a row `Variant code "name" Retry "when" ...` for each status.
#[test]
fn the_exit_table_is_that_of_the_code() {
    let source = read("src/cli/exit.rs");
    let body = source
        .split("exits! {\n")
        .nth(1)
        .expect("the table")
        .split("\n}\n")
        .next()
        .unwrap();
    let mut codes = Vec::new();
    for line in body.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        if let [_, code, name, _] = words.as_slice()
            && let (Ok(code), Some(name)) = (code.parse::<u8>(), quoted(name))
        {
            codes.push((code, name.to_owned()));
        }
    }
    assert!(codes.len() > 20, "{codes:?}");
    let rows: Vec<(u8, String)> = read("README.md").lines().filter_map(exit_row).collect();
    assert_eq!(rows, codes, "README.md, exit table");
}

fn quoted(word: &str) -> Option<&str> {
    word.strip_prefix('"')?.strip_suffix('"')
}

/// `| 7 | busy | ...`
fn exit_row(line: &str) -> Option<(u8, String)> {
    let mut cells = line.strip_prefix("| ")?.split(" | ");
    let code = cells.next()?.trim().parse().ok()?;
    let name = cells.next()?.trim();
    let is_name = name.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    (is_name && cells.count() == 2).then(|| (code, name.to_owned()))
}

#[test]
fn what_tests_may_skip_is_documented() {
    let text = read("docs/testing.md");
    for (name, what) in crate::skip::NEEDS {
        let row = format!("| `{name}` | {what} |\n");
        assert!(text.contains(&row), "docs/testing.md should have {row:?}");
    }
}

#[test]
fn decisions_are_numbered_without_gaps() {
    let mut numbers = Vec::new();
    let index = read("docs/README.md");
    for source in all() {
        let Some(name) = source.path.strip_prefix("docs/decisions/") else {
            continue;
        };
        let number: usize = name.split('-').next().unwrap().parse().expect(name);
        numbers.push(number);
        let title = source.text.lines().next().unwrap_or_default();
        assert!(
            title.starts_with(&format!("# {number}. ")),
            "{name}: {title}"
        );
        for part in ["## What", "## Why", "## Rejected"] {
            assert!(source.text.contains(part), "{name} has no part {part:?}");
        }
        assert!(index.contains(name), "docs/README.md does not list {name}");
    }
    let expected: Vec<usize> = (1..=numbers.len()).collect();
    assert_eq!(numbers, expected);
    assert!(numbers.len() >= 10);
}

/// Links from one document to another lead somewhere.
#[test]
fn links_lead_somewhere() {
    let mut offences = Vec::new();
    for source in all().iter().filter(|s| s.path.ends_with(".md")) {
        let folder = Path::new(&source.path).parent().unwrap();
        for (number, line) in source.lines() {
            for part in line.split("](").skip(1) {
                let target = part.split([')', '#']).next().unwrap_or_default();
                if target.is_empty() || target.contains("://") {
                    continue;
                }
                if !root().join(folder).join(target).exists() {
                    offences.push(format!("{}:{number}: {target}", source.path));
                }
            }
        }
    }
    none(&offences, "links lead to files that exist");
}

/// Files that the documents name in code font exist.
#[test]
fn named_sources_exist() {
    let mut offences = Vec::new();
    let folders = ["src/", "tests/", "docs/", "benches/", "examples/"];
    for source in all().iter().filter(|s| s.path.ends_with(".md")) {
        if source.path == "CHANGELOG.md" {
            continue;
        }
        for (number, line) in source.lines() {
            for word in line.split('`').skip(1).step_by(2) {
                let path = word.split([' ', ':']).next().unwrap_or_default();
                let named = folders.iter().any(|f| path.starts_with(f));
                if named && !path.contains(['*', '<', '{']) && !root().join(path).exists() {
                    offences.push(format!("{}:{number}: {path}", source.path));
                }
            }
        }
    }
    none(&offences, "files that documents name exist");
}

/// `- **D1** ...` in the README, `| D1 | ...` with a file and a test in `docs/testing.md`.
#[test]
fn every_promise_has_its_tests() {
    let readme = read("README.md");
    let promised: Vec<&str> = readme
        .lines()
        .filter_map(|line| line.strip_prefix("- **")?.split_once("**"))
        .map(|(id, _)| id)
        .filter(|id| id.len() == 2 && id.as_bytes()[1].is_ascii_digit())
        .collect();
    assert!(promised.len() >= 13, "{promised:?}");
    let table = read("docs/testing.md");
    let mut offences = Vec::new();
    for id in promised {
        let row = table
            .lines()
            .find(|line| line.starts_with(&format!("| {id} |")));
        let Some(row) = row else {
            offences.push(format!("docs/testing.md has no row for {id}"));
            continue;
        };
        offences.extend(missing_tests(id, row));
        if ignored_only(row) {
            offences.push(format!("{id}: cargo test runs none of its tests"));
        }
    }
    none(&offences, "every promise names tests that exist");
}

/// All tests of a row are left out of a usual run.
fn ignored_only(row: &str) -> bool {
    let named: Vec<&str> = row.split('`').skip(1).step_by(2).collect();
    named.chunks_exact(2).all(|pair| {
        let source = read(pair[0]);
        let before = source.split(&format!("fn {}()", pair[1])).next().unwrap();
        let attributes = before.rsplit("#[test]").next().unwrap();
        attributes.contains("#[ignore")
    })
}

/// What a row of a table names, file and test by turns, and does not exist.
fn missing_tests(id: &str, row: &str) -> Vec<String> {
    let named: Vec<&str> = row.split('`').skip(1).step_by(2).collect();
    assert!(!named.is_empty() && named.len().is_multiple_of(2), "{row}");
    let missing = named.chunks(2).filter_map(|pair| {
        let (file, test) = (pair[0], format!("fn {}()", pair[1]));
        (!read(file).contains(&test)).then(|| format!("{id}: {file} has no {test}"))
    });
    missing.collect()
}

/// The accidents and failures of `docs/testing.md`, each with its tests.
#[test]
fn every_accident_has_its_tests() {
    let text = read("docs/testing.md");
    let sections = [
        ("Accidents", 15),
        ("Failures of replication", 38),
        ("What other stores lost", 30),
    ];
    for (title, least) in sections {
        let title = format!("\n## {title}\n");
        let section = text.split(title.as_str()).nth(1).expect("it is there");
        let section = section.split("\n## ").next().unwrap_or_default();
        let rows = section.lines().filter(|line| line.starts_with("| "));
        let rows: Vec<&str> = rows.filter(|line| line.contains('`')).collect();
        assert!(rows.len() >= least, "{title}{}", rows.len());
        let missing = |row: &&str| missing_tests(row.split('|').nth(1).unwrap_or(""), row);
        let offences: Vec<String> = rows.iter().flat_map(missing).collect();
        none(&offences, "every accident names tests that exist");
    }
}
