//! A device that begins to fail, or to lie, in the middle of a workload: what was acknowledged before is
//! there once it is whole again, and nobody gets a wrong answer meanwhile.

use std::time::Instant;

use super::kept::Case;
use super::machine::{Device, Kind, Mounted, Way, cycles, has_program, kinds, missing, run};
use super::skip::skipped;
use super::work::{Expected, Work, judge, works};

const WAYS: &[Way] = &[
    Way {
        name: "writes fail",
        table: "flakey /dev/ubda 0 0 1000 1 error_writes",
        lies: false,
    },
    Way {
        name: "everything fails",
        table: "error",
        lies: false,
    },
    Way {
        name: "writes are dropped",
        table: "flakey /dev/ubda 0 0 1000 1 drop_writes",
        lies: true,
    },
];

/// Answers that were given while the device lied: what some moment had, or a status that says no.
fn honest(said: &str, expected: &Expected) -> Result<usize, String> {
    let mut answers = 0;
    for line in said.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let right = match words.as_slice() {
            ["wrong", ..] => false,
            // A command of the workload, digest, verify.
            ["step", _, "status", status] => documented(status),
            ["answer", n, "0", name, digest] => expected.ever(name, n.parse().unwrap(), digest),
            ["answer", _, status, ..] => documented(status),
            ["verified", _, status, ..] => documented(status),
            _ => continue,
        };
        answers += 1;
        if !right {
            return Err(line.to_owned());
        }
    }
    Ok(answers)
}

/// No status of a signal or of a bug.
fn documented(status: &str) -> bool {
    matches!(status.parse(), Ok(0..=16u8))
}

/// One run in which the device fails from a step on.
fn one(
    kind: &Kind,
    (work, expected): (&Work, &Expected),
    (way, at, late): (usize, usize, usize),
) -> Result<usize, String> {
    let Way { name, lies, .. } = WAYS[way];
    let device = Device::Breaks {
        at,
        late,
        way: &WAYS[way],
    };
    let done = run(kind, &work.steps, &device);
    // Where it lies nothing behind the change counts as done: the step in whose midst it came neither.
    let (acked, begun) = (done.done.checked_sub(1), Some(done.done));
    let begun = begun.filter(|n| *n < work.steps.len());
    let place = done.dir.path().join("mnt");
    let answers = honest(&done.said, expected);
    let outcome = answers.and_then(|answers| {
        let Some(_mounted) = Mounted::new(kind, &done.image(), &place) else {
            return Err("the file system does not mount".to_owned());
        };
        judge(&place, work, expected, acked, begun)?;
        Ok(if lies { answers } else { 0 })
    });
    outcome.map_err(|text| {
        let case = Case::Fails {
            work: work.name.to_owned(),
            way,
            at,
            late,
        };
        let line = case.line(kind);
        format!("{line}\n    {name} from step {at}: {text}\n{}", done.said)
    })
}

/// Where the device changes: before steps that are spread evenly; once all had their turn, in the midst of
/// them, each time later.
fn places(steps: usize, cycles: usize) -> Vec<(usize, usize)> {
    let few = cycles.min(steps - 1);
    let place = |n: usize| 1 + n % few * (steps - 1) / few;
    (0..cycles).map(|n| (place(n), n / few * 1500)).collect()
}

#[test]
#[ignore = "takes a User-Mode Linux, root and minutes"]
fn a_device_that_begins_to_fail_loses_nothing_acknowledged() {
    if let Some(why) = missing() {
        skipped("uml", &why);
        return;
    }
    let works = works();
    let works = works.iter().map(|work| (work, Expected::new(work)));
    let works: Vec<(&Work, Expected)> = works.collect();
    if let Some((kind, case)) = Case::from_environment() {
        if let Case::Fails {
            work,
            way,
            at,
            late,
        } = case
        {
            let named = works.iter().find(|(known, _)| known.name == work).unwrap();
            one(kind, (named.0, &named.1), (way, at, late)).unwrap_or_else(|text| panic!("{text}"));
        }
        return;
    }
    let mut wrong = Vec::new();
    for kind in kinds() {
        if !has_program(kind.program) {
            skipped("uml", &format!("{} needs {}", kind.name, kind.program));
            continue;
        }
        for (way, Way { name, .. }) in WAYS.iter().enumerate() {
            let started = Instant::now();
            let (mut runs, mut answers) = (0, 0);
            for (work, expected) in &works {
                for (at, late) in places(work.steps.len(), cycles().div_ceil(works.len())) {
                    runs += 1;
                    match one(kind, (work, expected), (way, at, late)) {
                        Ok(more) => answers += more,
                        Err(text) => wrong.push(text),
                    }
                }
            }
            println!(
                "device {:<15} {name:<18} {runs:>3} runs {answers:>4} answers {:>7.2} s",
                kind.name,
                started.elapsed().as_secs_f64()
            );
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_device_changes_at_all_steps_before_it_changes_within_them() {
    assert_eq!(places(21, 4), [(1, 0), (6, 0), (11, 0), (16, 0)]);
    let many = places(4, 7);
    assert_eq!(many[..4], [(1, 0), (2, 0), (3, 0), (1, 1500)]);
}
