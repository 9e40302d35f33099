use predicates::prelude::*;

use crate::support::{creel, json};

#[test]
fn version_names_the_file_format() {
    creel()
        .arg("version")
        .assert()
        .success()
        .stdout(predicate::str::contains("file format 1.0"));
    creel()
        .arg("--version")
        .assert()
        .success()
        .stdout(predicate::str::starts_with("creel "));
    let mut command = creel();
    command.arg("version");
    let report = json(command);
    assert_eq!(report["schema"], "creel.version/1");
    assert_eq!(report["format_write"], "1.0");
}
