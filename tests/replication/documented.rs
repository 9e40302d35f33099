//! The commands of docs/replication.md, as they stand there.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::world::{World, free_address};

/// All blocks that are marked as shell, one after the other.
fn script(text: &str) -> String {
    let blocks = text.split("```sh\n").skip(1);
    let blocks = blocks.map(|rest| rest.split("```").next().unwrap());
    blocks.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_documented_commands_work() {
    let text =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/replication.md"));
    let mut script = script(&text.unwrap());
    assert!(script.matches("creel replicate").count() > 8, "{script}");
    for port in ["7070", "7071", "7072"] {
        let free = free_address();
        let free = free.rsplit_once(':').unwrap().1;
        script = script.replace(port, free);
    }
    let world = World::new();
    let creel = Path::new(env!("CARGO_BIN_EXE_creel"));
    let path = format!(
        "{}:{}",
        creel.parent().unwrap().display(),
        std::env::var("PATH").unwrap()
    );
    // What it started ends with it.
    let script = format!("set -eu\ntrap 'kill $(jobs -p)' EXIT\n{script}");
    let output = Command::new("bash")
        .args(["-c", &script])
        .current_dir(world.dir.path())
        .env("PATH", path)
        .env_remove("CREEL_DB")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = crate::world::text(&output);
    assert!(output.status.success(), "{said}\n{script}");
    assert!(said.contains("welcome"), "{said}");
    world.same("far.db", "primary.db");
}
