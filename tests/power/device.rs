//! A device that begins to fail in the middle of a workload: what was acknowledged before is
//! there once it is whole again.

use std::time::Instant;

use super::machine::{Device, KINDS, Mounted, has_program, missing, run};
use super::replay::{expected, judge, steps};

/// How it fails, as a table of the device mapper.
const WAYS: &[(&str, &str)] = &[
    ("writes fail", "flakey /dev/ubda 0 0 1000 1 error_writes"),
    ("everything fails", "error"),
];

#[test]
#[ignore = "takes a User-Mode Linux, root and minutes"]
fn a_device_that_begins_to_fail_loses_nothing_acknowledged() {
    if let Some(why) = missing() {
        println!("SKIPPED: {why}");
        return;
    }
    let steps = steps();
    let expected = expected(&steps);
    let mut wrong = Vec::new();
    for kind in KINDS {
        if !has_program(kind.program) {
            println!("SKIPPED: {} needs {}", kind.name, kind.program);
            continue;
        }
        for (way, table) in WAYS {
            let started = Instant::now();
            let mut cycles = 0;
            for at in (1..steps.len()).step_by(5) {
                let done = run(kind, &steps, &Device::Breaks { at, table });
                cycles += 1;
                let (acked, begun) = (done.done.checked_sub(1), Some(done.done));
                let begun = begun.filter(|n| *n < steps.len());
                let place = done.dir.path().join("mnt");
                let outcome = match Mounted::new(kind, &done.image(), &place) {
                    None => Err("the file system does not mount".to_owned()),
                    Some(_mounted) => judge(&place.join("test.db"), &expected, acked, begun),
                };
                if let Err(text) = outcome {
                    let name = kind.name;
                    wrong.push(format!(
                        "{name}, {way} from step {at}: {text}\n{}",
                        done.said
                    ));
                }
            }
            println!(
                "device {:<15} {way:<17} {cycles:>3} runs {:>7.2} s",
                kind.name,
                started.elapsed().as_secs_f64()
            );
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
