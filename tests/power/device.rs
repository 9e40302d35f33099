//! A device that begins to fail in the middle of a workload: what was acknowledged before is
//! there once it is whole again.

use std::time::Instant;

use super::kept::Case;
use super::machine::{Device, KINDS, Kind, Mounted, has_program, missing, run};
use super::replay::{expected, judge, steps};
use super::skip::skipped;

/// How it fails, as a table of the device mapper.
const WAYS: &[(&str, &str)] = &[
    ("writes fail", "flakey /dev/ubda 0 0 1000 1 error_writes"),
    ("everything fails", "error"),
];

/// One run in which the device fails from a step on.
fn one(kind: &Kind, way: usize, at: usize, expected: &[Option<String>]) -> Result<(), String> {
    let (steps, (name, table)) = (steps(), WAYS[way]);
    let done = run(kind, &steps, &Device::Breaks { at, table });
    let (acked, begun) = (done.done.checked_sub(1), Some(done.done));
    let begun = begun.filter(|n| *n < steps.len());
    let place = done.dir.path().join("mnt");
    let outcome = match Mounted::new(kind, &done.image(), &place) {
        None => Err("the file system does not mount".to_owned()),
        Some(_mounted) => judge(&place.join("test.db"), expected, acked, begun),
    };
    outcome.map_err(|text| {
        let line = Case::Fails { way, at }.line(kind);
        format!("{line}\n    {name} from step {at}: {text}\n{}", done.said)
    })
}

#[test]
#[ignore = "takes a User-Mode Linux, root and minutes"]
fn a_device_that_begins_to_fail_loses_nothing_acknowledged() {
    if let Some(why) = missing() {
        skipped("uml", &why);
        return;
    }
    let expected = expected(&steps());
    if let Some((kind, case)) = Case::from_environment() {
        if let Case::Fails { way, at } = case {
            one(kind, way, at, &expected).unwrap_or_else(|text| panic!("{text}"));
        }
        return;
    }
    let mut wrong = Vec::new();
    for kind in KINDS {
        if !has_program(kind.program) {
            skipped("uml", &format!("{} needs {}", kind.name, kind.program));
            continue;
        }
        for (way, (name, _)) in WAYS.iter().enumerate() {
            let started = Instant::now();
            let places = (1..steps().len()).step_by(5);
            let cycles = places.len();
            wrong.extend(places.filter_map(|at| one(kind, way, at, &expected).err()));
            println!(
                "device {:<15} {name:<17} {cycles:>3} runs {:>7.2} s",
                kind.name,
                started.elapsed().as_secs_f64()
            );
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
