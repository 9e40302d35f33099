//! The documents say what the code says.

use std::path::Path;

use creel::format::{Depth, Invariant};

fn document(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("docs")
        .join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// `docs/invariants.md` has a row `| ID | level | ...` for each invariant, in order, and no other.
#[test]
fn invariants_are_those_of_the_code() {
    let text = document("invariants.md");
    let rows: Vec<(String, String)> = text
        .lines()
        .filter_map(|line| {
            let mut cells = line.strip_prefix("| ")?.split(" | ");
            let (id, level) = (cells.next()?, cells.next()?);
            let known = ["quick", "full", "deep"].contains(&level);
            assert!(!known || cells.count() == 3, "three more cells in {line}");
            known.then(|| (id.to_owned(), level.to_owned()))
        })
        .collect();
    let expected: Vec<(String, String)> = Invariant::ALL
        .iter()
        .map(|id| {
            let level = match id.depth() {
                Depth::Quick => "quick",
                Depth::Full => "full",
                Depth::Deep => "deep",
            };
            (id.name().to_owned(), level.to_owned())
        })
        .collect();
    assert_eq!(rows, expected);
}

#[test]
fn meanings_are_those_of_the_code() {
    let text = document("invariants.md");
    for id in Invariant::ALL {
        let meaning = format!(" | {} | ", id.text());
        assert!(text.contains(&meaning), "{id}: {meaning}");
    }
}
