//! A test that cannot do what it is there for says so, past the test harness, which keeps back what a
//! test that passes prints. `CREEL_REQUIRE` names what must be there: then it fails.

#![allow(dead_code)] // One program reads the names alone.

use std::io::Write;

/// What `CREEL_REQUIRE` may name, and what is missing where it is. `docs/testing.md` has the same names.
pub const NEEDS: &[(&str, &str)] = &[
    ("strace", "strace that may inject faults"),
    ("python3", "Python"),
    (
        "uml",
        "User-Mode Linux, dmsetup, busybox, mkfs of each file system, root",
    ),
    ("dust", "dm-dust among the modules of that kernel"),
    ("mount", "the right to mount, and mkfs"),
    ("netns", "network namespaces"),
    ("moto", "moto_server"),
    ("azurite", "azurite-blob"),
    ("etcd", "etcd and etcdctl"),
    ("kubectl", "kubectl"),
    ("systemd", "systemd-analyze"),
    ("sshd", "sshd, and the right to log in"),
    (
        "peers",
        "what reads or writes exports: LMDB's tools, sqlite3, zstd, gzip and others",
    ),
    ("packages", "Debian's index of packages"),
    ("shells", "bash, zsh and fish"),
    ("script", "script of util-linux, for a terminal"),
    ("mandoc", "mandoc or groff"),
    ("chromium", "chromium or chrome"),
    ("proc", "/proc and /dev/full"),
    ("core", "a system that writes core files"),
    ("files", "ulimit -n of more than 20,000"),
    ("nobody", "a user without rights who can run the tests"),
    ("debug", "a debug build"),
    ("uncounted", "a build that measures no coverage"),
    // Of .ci/run and the folder nightly.
    ("msrv", "the oldest Rust that Cargo.toml names"),
    ("ceph", "an S3 server, or a container with Ceph"),
    ("llvm-cov", "cargo-llvm-cov"),
    ("mutants", "cargo-mutants"),
];

/// Says that something was not looked at for want of `what`, or fails where that has to be there.
pub fn skipped(what: &str, why: &str) {
    if is_required(what, std::env::var("CREEL_REQUIRE").as_deref().ok()) {
        panic!("{what} is in CREEL_REQUIRE: {why}");
    }
    // One call, so that lines of threads do not mix; `eprintln` would be kept back.
    let _ = std::io::stderr().write_all(format!("SKIPPED: {what}: {why}\n").as_bytes());
}

fn is_required(what: &str, required: Option<&str>) -> bool {
    let is_known = |name: &str| NEEDS.iter().any(|(known, _)| *known == name);
    assert!(is_known(what), "{what} is not among NEEDS");
    let names = required.unwrap_or_default().split(',').map(str::trim);
    names.filter(|name| !name.is_empty()).any(|name| {
        let whole = name == "all";
        assert!(whole || is_known(name), "CREEL_REQUIRE: what is {name:?}?");
        whole || name == what
    })
}

/// In each program once more, for it costs nothing.
#[test]
fn what_is_required_is_not_skipped() {
    // What the environment has must mean something, whether anything is skipped or not.
    is_required("strace", std::env::var("CREEL_REQUIRE").as_deref().ok());
    assert!(!is_required("strace", None));
    assert!(!is_required("strace", Some("uml, moto")));
    assert!(is_required("moto", Some("uml, moto")));
    assert!(is_required("core", Some("all")));
    let unknown = std::panic::catch_unwind(|| is_required("moto", Some("stracce")));
    assert!(unknown.is_err(), "a name that means nothing");
}
