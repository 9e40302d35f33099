//! Failures of a store, counted by what they are.

use std::collections::BTreeMap;

use super::store::StoreFailure;
use crate::chain::ChainError;
use crate::chain::store::StoreErrorKind;

/// Counts since the process began.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ByKind(BTreeMap<&'static str, u64>);

impl ByKind {
    /// Counts a failure, where it is one of the store.
    pub fn count(&mut self, failure: &StoreFailure) {
        if let Some(kind) = kind(failure) {
            *self.0.entry(kind).or_default() += 1;
        }
    }

    /// Those of another as well.
    pub fn add(&mut self, other: &ByKind) {
        for (kind, count) in other.rows() {
            *self.0.entry(kind).or_default() += count;
        }
    }

    /// Each kind that there was.
    pub fn rows(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.0.iter().map(|(kind, count)| (*kind, *count))
    }
}

/// In a word; [`None`] where it is none of the store.
fn kind(failure: &StoreFailure) -> Option<&'static str> {
    Some(match failure {
        StoreFailure::Db(_) | StoreFailure::Unexpected { .. } => return None,
        StoreFailure::HalfPromoted { failure, .. } => return kind(failure),
        StoreFailure::Elsewhere { failure, .. } => {
            return failure.as_deref().and_then(kind);
        }
        StoreFailure::Chain(error) => match error {
            ChainError::Store(error) => word(error.kind),
            ChainError::GaveUp { last, .. } => {
                let last = last.as_ref().map(|error| error.kind);
                word(last.unwrap_or(StoreErrorKind::Unreachable))
            }
            ChainError::Damaged { .. } => "damaged",
            ChainError::Lost {
                damage: Some(_), ..
            } => "damaged",
            ChainError::Missing(_) | ChainError::LostSnapshot(_) | ChainError::Lost { .. } => {
                "missing"
            }
            ChainError::Fenced(_) => "fenced",
            ChainError::Foreign(_) => "foreign",
            ChainError::Gap { .. } => "below_floor",
            ChainError::OffChain { .. } | ChainError::OtherLineage { .. } => "diverged",
            _ => return None,
        },
    })
}

fn word(kind: StoreErrorKind) -> &'static str {
    match kind {
        StoreErrorKind::Unreachable => "unreachable",
        StoreErrorKind::Unauthorised => "unauthorised",
        StoreErrorKind::Unsupported => "unsupported",
        StoreErrorKind::NoStore => "no_store",
        StoreErrorKind::TooLarge => "too_large",
        StoreErrorKind::Invalid => "invalid",
        StoreErrorKind::Io => "io",
        StoreErrorKind::Odd => "damaged",
        StoreErrorKind::Poisoned => "poisoned",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chain::store::StoreError;
    use crate::error::Error;

    #[test]
    fn failures_are_counted_by_what_they_are() {
        let mut counts = ByKind::default();
        let store = |kind| StoreFailure::Chain(StoreError::new(kind, "list", "log/", "x").into());
        counts.count(&store(StoreErrorKind::Io));
        counts.count(&store(StoreErrorKind::Unreachable));
        let last = Some(StoreError::new(
            StoreErrorKind::Unreachable,
            "list",
            "",
            "x",
        ));
        counts.count(&StoreFailure::Chain(ChainError::GaveUp {
            doing: "x",
            last,
        }));
        counts.count(&StoreFailure::Db(Error::Interrupted));
        counts.count(&StoreFailure::Chain(ChainError::Interrupted));
        let rows: Vec<_> = counts.rows().collect();
        assert_eq!(rows, [("io", 1), ("unreachable", 2)]);
    }

    #[test]
    fn a_lost_segment_was_counted_as_one_below_the_floor() {
        let lost = |damage| ChainError::Lost {
            number: 2,
            damage,
            passed: true,
        };
        let damage = crate::chain::object::Damage::new("x");
        let mut counts = ByKind::default();
        counts.count(&StoreFailure::Chain(lost(None)));
        counts.count(&StoreFailure::Chain(lost(Some(damage))));
        let rows: Vec<_> = counts.rows().collect();
        assert_eq!(rows, [("damaged", 1), ("missing", 1)]);
    }
}
