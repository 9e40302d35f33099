//! What must not be in a program that people use.

use std::process::Command;

use crate::tree::root;

/// Compiles a file as if it were all, with a feature for tests.
fn compiles(file: &str, feature: &str, assertions: &str) -> (bool, String) {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let out = tempfile::tempdir().unwrap();
    let output = Command::new(rustc)
        .current_dir(root())
        .args(["--edition=2024", "--crate-type=lib", "--emit=metadata"])
        .arg("--cfg")
        .arg(format!("feature=\"{feature}\""))
        .args(["-C", assertions])
        .arg("--out-dir")
        .arg(out.path())
        .arg(file)
        .output()
        .expect("rustc runs");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.success(), text)
}

#[test]
fn a_release_build_with_planted_defects_is_refused() {
    // It needs nothing else.
    let build = |assertions| compiles("src/defect.rs", "planted-defects", assertions);
    let (ok, text) = build("debug-assertions=on");
    assert!(ok, "{text}");
    let (ok, text) = build("debug-assertions=off");
    assert!(!ok);
    assert!(text.contains("never in a release build"), "{text}");
}

#[test]
fn a_release_build_with_scheduled_threads_is_refused() {
    // What else is missing here is missing in both.
    let build = |assertions| compiles("src/threads/mod.rs", "scheduled-threads", assertions).1;
    let refusal = "never in a release build";
    assert!(!build("debug-assertions=on").contains(refusal));
    let text = build("debug-assertions=off");
    assert!(text.contains(refusal), "{text}");
}

/// Only a build with the feature reads the variable that names a mistake.
#[test]
#[cfg(not(feature = "planted-defects"))]
fn the_program_knows_no_planted_defect() {
    let program = std::fs::read(env!("CARGO_BIN_EXE_creel")).unwrap();
    let has = |text: &[u8]| program.windows(text.len()).any(|window| window == text);
    assert!(has(b"CREEL_DB"), "strings can be found in the program");
    assert!(!has(b"CREEL_DEFECT") && !has(b"header-before-sync"));
}
