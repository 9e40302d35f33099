//! What `docs/invariants.md` says about an invariant: the page is part of the program, so both
//! always say the same.

use creel::Invariant;

const PAGE: &str = include_str!("../../../docs/invariants.md");

/// The two last cells of a row of the page.
pub(in crate::commands) struct Row {
    /// What it means when the invariant does not hold.
    pub(in crate::commands) consequence: String,
    /// What to do then.
    pub(in crate::commands) next: String,
}

/// The row of an invariant. `As P1` stands for what is said there.
pub(in crate::commands) fn row(id: Invariant) -> Row {
    let (consequence, next) = cells(id.name()).unwrap_or_default();
    Row {
        consequence: resolved(consequence, 0),
        next: resolved(next, 1),
    }
}

/// The texts of `| id | level | what must hold | when it does not | what to do |`.
fn cells(id: &str) -> Option<(&'static str, &'static str)> {
    PAGE.lines().find_map(|line| {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        match cells.as_slice() {
            ["", name, _, _, consequence, next, ""] if *name == id => Some((*consequence, *next)),
            _ => None,
        }
    })
}

/// A cell with `As P1` followed up, and without the marks of the page.
fn resolved(cell: &str, column: usize) -> String {
    let mut text = String::new();
    let mut rest = cell;
    // A chain of references is short; the bound is for a page that refers in a circle.
    for _ in 0..8 {
        let Some((id, after)) = reference(rest) else {
            break;
        };
        let Some(target) = cells(id) else { break };
        let target = if column == 0 { target.0 } else { target.1 };
        let after = after.trim_start_matches(['.', ':', ';', ' ']);
        let mut chars = after.chars();
        let first = chars.next().into_iter().flat_map(char::to_uppercase);
        text = first.chain(chars).chain(text.chars()).collect();
        rest = target;
    }
    let mut whole = rest.to_owned();
    if !text.is_empty() {
        whole.push(' ');
        whole.push_str(&text);
    }
    whole.replace('`', "")
}

/// The invariant that a cell refers to, and what follows.
fn reference(cell: &str) -> Option<(&str, &str)> {
    let rest = cell.strip_prefix("As ")?;
    let end = rest
        .find(|c: char| !c.is_ascii_alphanumeric())
        .unwrap_or(rest.len());
    Some(rest.split_at(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_invariant_has_a_row_and_every_reference_ends() {
        for id in Invariant::ALL {
            let row = row(*id);
            for text in [&row.consequence, &row.next] {
                assert!(!text.is_empty(), "{id}");
                assert!(
                    !text.starts_with("As ") && !text.contains('`'),
                    "{id}: {text}"
                );
            }
        }
    }

    #[test]
    fn references_are_followed() {
        let p1 = row(Invariant::P1);
        assert_eq!(row(Invariant::P2).next, p1.next);
        let p6 = row(Invariant::P6).next;
        assert!(p6.starts_with(&p1.next) && p6.contains("defect"), "{p6}");
    }
}
