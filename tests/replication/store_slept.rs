//! Primaries that are stopped, replaced and go on; and a server that publishes.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::store::{Site, creel, exit, json, succeeds};

/// Ended by the signal, which the program passes on.
fn terminated(status: std::process::ExitStatus) -> bool {
    use std::os::unix::process::ExitStatusExt;
    status.signal() == Some(15) || status.code() == Some(143)
}

fn signal(child: &Child, name: &str) {
    let status = Command::new("kill")
        .args([name, &child.id().to_string()])
        .status()
        .unwrap();
    assert!(status.success());
}

/// Waits for something that another process does.
fn until(what: &str, mut done: impl FnMut() -> bool) {
    let start = std::time::Instant::now();
    while !done() {
        assert!(start.elapsed().as_secs() < 60, "{what} does not happen");
        std::thread::yield_now();
    }
}

/// A primary is stopped in its tracks, another copy takes over, old log is removed, and the primary
/// wakes up: its next write ends with status 10 and leaves no byte.
#[test]
fn a_primary_that_slept_through_a_fail_over_writes_nothing() {
    let site = Site::with_copy();
    let (a, b, store) = (site.path("a.db"), site.path("b.db"), site.store());
    let mut writer = creel(&["batch", &a, "--every", "1", "--ack", "published"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = writer.stdin.take().unwrap();
    lines.write_all(b"put\tbefore\tx\n").unwrap();
    lines.flush().unwrap();
    until("the first line", || site.segments().len() == 1);
    // It has the answer of the store when it asks for the next line; only then is it stopped.
    let state = format!("/proc/{}/syscall", writer.id());
    until("the wait for a line", || {
        fs::read_to_string(&state).is_ok_and(|text| text.starts_with("0 0x0 "))
    });
    signal(&writer, "-STOP");
    succeeds(&["promote", &b, "--yes", "-q"]);
    assert!(site.has("b.db", "before"));
    for i in 0..3 {
        site.publish("b.db", &format!("k{i}"));
    }
    succeeds(&["replicate", "snapshot", &b, "--to", &store, "-q"]);
    site.publish("b.db", "last");
    let done = json(&[
        "replicate",
        "gc",
        &store,
        "--retain",
        "0s",
        "--retain-min",
        "0",
    ]);
    assert!(done["segments_removed"].as_u64().unwrap() > 0, "{done}");
    let log_end = creel::log_info(Path::new(&a)).unwrap().last_index;
    lines.write_all(b"put\tafter\tx\n").unwrap();
    signal(&writer, "-CONT");
    drop(lines);
    let output = writer.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(10), "{text}");
    assert_eq!(creel::log_info(Path::new(&a)).unwrap().last_index, log_end);
    assert!(!site.has("a.db", "after") && site.has("a.db", "before"));
    // Whatever it does later is refused without asking anybody.
    let (code, _) = exit(&["put", &a, "later", "x"]);
    assert_eq!(code, 10);
    // The log that it would need is gone: it is a replica now, and takes a new copy.
    let (code, text) = exit(&["replicate", "rejoin", &a, "--from", &store]);
    assert_eq!(code, 11, "{text}");
    succeeds(&[
        "replicate",
        "pull",
        &a,
        "--from",
        &store,
        "--reseed",
        "auto",
        "-q",
    ]);
    assert_eq!(site.digest("a.db"), site.digest("b.db"));
    site.verify_store();
}

/// The same with writes that wait for nobody: what it confirms before it knows is in the saved tail
/// when it is back, and the file then holds nothing that the new history lacks.
#[test]
fn what_a_primary_that_slept_confirms_for_itself_is_set_aside() {
    let site = Site::with_copy();
    let (a, b, store) = (site.path("a.db"), site.path("b.db"), site.store());
    let mut writer = creel(&["batch", &a, "--every", "1"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = writer.stdin.take().unwrap();
    lines.write_all(b"put\tbefore\tx\n").unwrap();
    lines.flush().unwrap();
    until("the first line", || site.has("a.db", "before"));
    signal(&writer, "-STOP");
    succeeds(&["promote", &b, "--yes", "-q"]);
    assert!(!site.has("b.db", "before"), "it was never published");
    site.publish("b.db", "new");
    lines.write_all(b"put\tafter\tx\n").unwrap();
    signal(&writer, "-CONT");
    drop(lines);
    let output = writer.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "it cannot know: {text}");
    let (code, text) = exit(&["put", &a, "late", "x", "--ack", "published"]);
    assert_eq!(code, 10, "{text}");
    let done = json(&["replicate", "rejoin", &a, "--from", &store]);
    assert_eq!(done["diverged"], 2, "{done}");
    let saved = done["saved"][0]["path"].as_str().unwrap();
    let shown = succeeds(&["log", "show", saved]);
    assert!(
        shown.contains("before") && shown.contains("after"),
        "{shown}"
    );
    assert!(!shown.contains("late"), "{shown}");
    assert_eq!(site.digest("a.db"), site.digest("b.db"));
    for key in ["before", "after", "late"] {
        assert!(!site.has("a.db", key), "{key}");
    }
    succeeds(&["verify", &a, "--level", "deep", "-q"]);
    site.verify_store();
}

#[test]
fn a_server_publishes_what_others_commit() {
    let site = Site {
        dir: tempfile::tempdir().unwrap(),
    };
    let (a, b, store) = (site.path("a.db"), site.path("b.db"), site.store());
    succeeds(&["open", &a, "--create", "-q"]);
    let mut server = creel(&["replicate", "serve", &a, "--publish", &store])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut ready = String::new();
    let mut out = std::io::BufReader::new(server.stdout.take().unwrap());
    while !ready.ends_with("ready\n") {
        assert!(
            std::io::BufRead::read_line(&mut out, &mut ready).unwrap() > 0,
            "{ready}"
        );
    }
    succeeds(&["replicate", "init", &b, "--from", &store, "-q"]);
    let follower = creel(&["replicate", "follow", &b, "--from", &store, "-q"])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    for i in 0..20 {
        succeeds(&["put", &a, &format!("k{i}"), "v"]);
    }
    // Both the server and a command of its own publish.
    site.publish("a.db", "waited");
    until("following", || site.has("b.db", "waited"));
    signal(&server, "-TERM");
    assert!(terminated(server.wait().unwrap()));
    let mut follower = follower;
    signal(&follower, "-TERM");
    assert!(terminated(follower.wait().unwrap()));
    assert_eq!(site.digest("a.db"), site.digest("b.db"));
    // What comes after the fence of another copy ends the server.
    let mut server = creel(&["replicate", "serve", &a, "--publish", &store, "-qq"])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    succeeds(&["promote", &b, "--yes", "-q"]);
    until("the end of the old primary", || {
        let _ = exit(&["put", &a, "poke", "x"]);
        server.try_wait().unwrap().is_some()
    });
    assert_eq!(server.wait().unwrap().code(), Some(10));
    site.verify_store();
}
