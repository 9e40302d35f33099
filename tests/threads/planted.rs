//! Mistakes made on purpose: the scene that is there for each must notice it, in so many schedules.

use std::time::Instant;

use creel::defect::{Defect as D, Defect, plant};

use super::run::{LOT, lots, prepare};
use super::scenes::SCENES;

/// A mistake and who finds it.
const PLANTED: &[(Defect, &str)] = &[
    (D::HandOverForgotten, "callers"),
    (D::GroupResultsMixed, "callers"),
    (D::ConditionsTooEarly, "callers"),
    (D::SyncSkipped, "callers"),
    (D::IndexBeforeTable, "checkpoints"),
    (D::BatchPartlyVisible, "checkpoints"),
    (D::SnapshotApart, "checkpoints"),
    (D::CheckpointClearsActive, "checkpoints"),
    (D::PinIgnored, "pins"),
    (D::SwitchUnproven, "regions"),
    (D::WriterLockIgnored, "regions"),
    (D::EpochUnchecked, "epochs"),
    (D::LossUnnoticed, "failing"),
];

/// In so many schedules each has to be found.
const SCHEDULES: usize = 20_000;

#[test]
#[ignore = "makes mistakes in everything else that runs in this process: run it alone"]
fn planted_mistakes_are_found_in_some_schedule() {
    prepare();
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let mut missed = Vec::new();
    for (defect, name) in PLANTED {
        let started = Instant::now();
        let scene = SCENES.iter().find(|scene| scene.name == *name).unwrap();
        plant(Some(*defect));
        let found = lots(scene)
            .take(SCHEDULES / LOT)
            .enumerate()
            .find_map(|(n, lot)| Some((n, lot.run(LOT).err()?)));
        plant(None);
        let text = match &found {
            Some((n, text)) => format!("lot {n}: {}", text.lines().next().unwrap_or("")),
            None => "NOT CAUGHT".into(),
        };
        let seconds = started.elapsed().as_secs_f64();
        println!("{:<26} {name:<12} {seconds:>6.2} s  {text}", defect.name());
        if found.is_none() {
            missed.push(defect.name());
        }
    }
    std::panic::set_hook(hook);
    assert!(missed.is_empty(), "not caught: {}", missed.join(", "));
}
