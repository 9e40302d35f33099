//! The commands of docs/replication.md, as they stand there.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::world::World;

/// All blocks that are marked as shell, one after the other.
fn script(text: &str) -> String {
    let blocks = text.split("```sh\n").skip(1);
    let blocks = blocks.map(|rest| rest.split("```").next().unwrap());
    let blocks = blocks.filter(|block| cfg!(feature = "tls") || !block.contains("--tls-"));
    blocks.collect::<Vec<_>>().join("\n")
}

/// What the page has of each way to replicate.
const TOPOLOGIES: [&str; 9] = [
    "creel replicate follow copy.db --from tcp://",
    "creel replicate pull copy.db --from tcp://",
    "creel replicate serve copy.db",
    "creel replicate serve db1.db --publish dir:store",
    "creel promote db2.db --yes",
    "creel replicate rejoin db1.db --from dir:store",
    "--from-token-file token",
    "creel promote new.db --accept-loss --yes",
    "creel replicate rejoin old.db --from tcp://",
];

#[cfg(feature = "tls")]
fn certificates(world: &World) {
    let (authority, issue) = crate::secure::authority();
    fs::write(world.path("ca.pem"), authority).unwrap();
    for name in ["server", "replica"] {
        let (cert, key) = issue();
        fs::write(world.path(&format!("{name}.pem")), cert).unwrap();
        fs::write(world.path(&format!("{name}.key")), key).unwrap();
    }
}

#[test]
fn the_documented_commands_work() {
    let text =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/replication.md"));
    let mut script = script(&text.unwrap());
    for part in TOPOLOGIES {
        assert!(script.contains(part), "{part}");
    }
    // Below those that the system gives to whoever asks for any: another test took one before it was used,
    // and the script waited for its server for ever.
    let first = 20_000 + (std::process::id() % 10_000) as u16;
    let free = |port: &u16| std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok();
    let mut ports = (first..32_000).filter(free);
    for port in ["7070", "7071", "7072", "7073", "7074", "7075"] {
        assert!(script.contains(port) || !cfg!(feature = "tls"), "{port}");
        script = script.replace(port, &ports.next().unwrap().to_string());
    }
    let world = World::new();
    #[cfg(feature = "tls")]
    certificates(&world);
    let creel = Path::new(env!("CARGO_BIN_EXE_creel"));
    let path = format!(
        "{}:{}",
        creel.parent().unwrap().display(),
        std::env::var("PATH").unwrap()
    );
    // What it started ends with it.
    let script = format!("set -eu\ntrap 'kill $(jobs -p)' EXIT\n{script}");
    let output = Command::new("timeout")
        .args(["300", "bash", "-c", &script])
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
    #[cfg(feature = "tls")]
    world.same("tls.db", "primary.db");
    for (back, promoted) in [("db1.db", "db2.db"), ("old.db", "new.db")] {
        world.same(back, promoted);
        for name in [back, promoted] {
            let db = world.open(name);
            assert!(db.get(b"late").unwrap().is_none(), "{name}");
            for key in ["first", "second"] {
                assert!(db.get(key.as_bytes()).unwrap().is_some(), "{name}: {key}");
            }
        }
    }
    assert_eq!(said.matches("put late").count(), 2, "{said}");
}
