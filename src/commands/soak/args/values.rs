//! Values of flags.

use std::path::PathBuf;

use creel::soak::config::Class;
use creel::soak::faults::FaultKind;
use creel::soak::plants::Plant;

use crate::cli::units;

/// Files with the records of each class.
pub(in crate::commands::soak) type Inputs = Vec<(Class, PathBuf)>;

/// `small=a.jsonl,large=b.jsonl`
pub(super) fn inputs(text: &str) -> Result<Inputs, String> {
    let example = "not a list of files, for example small=a.jsonl,large=b.jsonl";
    let mut inputs: Inputs = Vec::new();
    for part in text.split(',') {
        let (name, path) = part.split_once('=').ok_or(example)?;
        let class = match name {
            "small" => Class::Small,
            "medium" => Class::Medium,
            "large" => Class::Large,
            _ => return Err(example.into()),
        };
        if path.is_empty() || inputs.iter().any(|(known, _)| *known == class) {
            return Err(example.into());
        }
        inputs.push((class, PathBuf::from(path)));
    }
    Ok(inputs)
}

/// `70/25/5`
pub(super) fn mix(text: &str) -> Result<[u32; 3], String> {
    let example = "not a mix, for example 70/25/5";
    let parts: Result<Vec<u32>, _> = text.split('/').map(str::parse).collect();
    let parts = parts.map_err(|_| example)?;
    parts.try_into().map_err(|_| example.into())
}

/// A percentage, in parts of 10,000.
pub(super) fn share(text: &str) -> Result<u32, String> {
    Ok((units::percent(text)? * 100.0).round() as u32)
}

/// The name of a fault.
pub(super) fn fault(text: &str) -> Result<FaultKind, String> {
    FaultKind::from_name(text).ok_or_else(|| {
        let names: Vec<String> = FaultKind::ALL.iter().map(|kind| kind.name()).collect();
        format!("not a fault; there are {}", names.join(", "))
    })
}

/// The name of a defect.
pub(super) fn plant(text: &str) -> Result<Plant, String> {
    Plant::from_name(text).ok_or_else(|| {
        let names: Vec<String> = Plant::ALL.iter().map(|plant| plant.name()).collect();
        format!("not a defect; there are {}", names.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_whole_or_not_at_all() {
        assert_eq!(mix("70/25/5"), Ok([70, 25, 5]));
        for bad in ["", "70/25", "70/25/5/1", "a/b/c", "70/25/-5", "70/25/5%"] {
            assert!(mix(bad).is_err(), "{bad}");
        }
        assert_eq!(share("5%"), Ok(500));
        assert_eq!(share("0.5%"), Ok(50));
        assert!(share("5").is_err());
        assert_eq!(fault("torn-write"), Ok(FaultKind::TornWrite));
        assert!(fault("flood").is_err());
        let two = inputs("small=a,large=b=c").map(|i| i.len());
        assert_eq!(two, Ok(2));
        for bad in [
            "",
            "a.jsonl",
            "small=",
            "huge=a",
            "small=a,small=b",
            "small=a,",
        ] {
            assert!(inputs(bad).is_err(), "{bad}");
        }
    }
}
