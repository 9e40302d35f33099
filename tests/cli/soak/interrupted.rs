//! Ctrl-C at a terminal goes to the whole process group: the run ends with its report.

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use super::Soak;

/// Starts a run as a shell does, interrupts its group once it is on its way.
fn interrupted(args: &[&str]) {
    let soak = Soak::new();
    let report = soak.path("report");
    let mut child = Command::new(env!("CARGO_BIN_EXE_creel"))
        .args(["soak", "--mode", "store", "--duration", "600s"])
        .args(["--sample-every", "20ms", "--progress", "plain"])
        .args(["--progress-interval", "20ms", "--out"])
        .arg(&report)
        .args(args)
        .env("TMPDIR", soak.dir.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
    let on_its_way: Vec<String> = said.by_ref().take(3).map(Result::unwrap).collect();
    assert_eq!(on_its_way.len(), 3, "{args:?}: {on_its_way:?}");
    let group = format!("-{}", child.id());
    let killed = Command::new("kill").args(["-INT", "--", &group]).status();
    assert!(killed.unwrap().success());
    let rest: Vec<String> = said.map(Result::unwrap).collect();
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let status = output.status;
    assert!(
        super::super::signals::is_by(status, 2),
        "{args:?}: {status} {text} {rest:?}"
    );
    assert!(text.contains("verdict\tinterrupted"), "{args:?}: {text}");
    let last = text.lines().last().unwrap();
    assert!(last.starts_with("reproduce\tcreel soak"), "{last}");
    let result = std::fs::read(report.join("result.json")).unwrap();
    let result: serde_json::Value = serde_json::from_slice(&result).unwrap();
    assert_eq!(result["verdict"], "interrupted");
    assert!(result["operations"].as_u64().unwrap() > 0, "{result}");
}

#[test]
fn ctrl_c_ends_a_run_with_its_report() {
    interrupted(&[]);
}

#[test]
fn ctrl_c_is_not_for_the_processes_that_a_run_starts() {
    interrupted(&["--kill-every", "2000"]);
    interrupted(&["--hold", "50"]);
}
