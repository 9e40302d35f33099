//! What takes a second process to see.

use std::fs;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use super::super::*;
use super::{BASE, create, folder};

/// Another test may be starting a process right now: until that runs a program of its own it has this one's
/// descriptors, and is a holder too.
fn is_held_by(path: &Path, pid: u32) {
    let begun = Instant::now();
    loop {
        let holder = holder_of(path, BASE + 7).unwrap();
        if holder.pid == pid {
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "{holder:?}");
        std::thread::yield_now();
    }
}

#[test]
fn the_holder_of_a_lock_is_named() {
    let dir = folder();
    let path = dir.path().join("db");
    let own = create(&path);
    assert!(!Path::new("/proc/self/fdinfo").exists() || holder_of(&path, BASE + 7).is_none());
    let mut child = Role::start("hold", &path);
    child.wait_for("READY");
    let Some(holder) = holder_of(&path, BASE + 7) else {
        if Path::new("/proc/self/fdinfo").exists() {
            panic!("the holder was not found");
        }
        super::skip::skipped("proc", "no /proc here");
        return;
    };
    assert_eq!(holder.pid, child.process.id());
    assert!(holder.command.contains("play_a_role"), "{holder:?}");
    assert!(!holder.host.is_empty());
    assert_eq!(holder_of(&path, BASE + 8), None);
    // Shared by both: the other process is the one to name.
    assert!(own.try_lock(BASE + 7, 1, LockMode::Shared).unwrap());
    is_held_by(&path, child.process.id());
    // Its locks end with a killed process.
    child.process.kill().unwrap();
    assert_eq!(child.end().signal(), Some(libc::SIGKILL));
    assert!(own.try_lock(BASE + 7, 1, LockMode::Exclusive).unwrap());
    is_held_by(&path, std::process::id());
}

#[test]
fn new_files_are_private_whatever_the_umask() {
    for role in ["umask 000", "umask 777"] {
        let dir = folder();
        let path = dir.path().join("db");
        assert!(Role::start(role, &path).end().success());
        assert_eq!(
            fs::metadata(&path).unwrap().mode() & 0o7777,
            0o600,
            "{role}"
        );
    }
}

#[test]
fn no_file_takes_the_place_of_a_closed_stdin() {
    let dir = folder();
    assert!(
        Role::start("closed stdin", &dir.path().join("db"))
            .end()
            .success()
    );
}

#[test]
fn a_truncated_map_ends_with_a_message() {
    let dir = folder();
    let mut child = Role::start("truncated map", &dir.path().join("db"));
    let mut message = String::new();
    std::io::Read::read_to_string(&mut child.process.stderr.take().unwrap(), &mut message).unwrap();
    assert_eq!(child.end().code(), Some(8));
    assert!(
        message.contains("creel: reading the mapped database failed"),
        "{message}"
    );
}

#[test]
fn signals_end_a_process_the_way_a_shell_expects() {
    let dir = folder();
    let path = dir.path().join("db");
    assert_eq!(
        Role::start("raise INT", &path).end().signal(),
        Some(libc::SIGINT)
    );
    assert_eq!(
        Role::start("sent BUS", &path).end().signal(),
        Some(libc::SIGBUS)
    );
    assert_eq!(
        Role::start("pipe", &path).end().signal(),
        Some(libc::SIGPIPE)
    );
    assert!(Role::start("file size limit", &path).end().success());
}

/// It was killed unasked: ssh left the terminal without echo where it was asking for a password.
#[test]
fn a_process_that_stays_was_killed_unasked() {
    let dir = folder();
    let mark = dir.path().join("asked");
    let script = "trap 'echo >\"$1\"; exit 3' TERM; echo ready; while :; do sleep 0.01; done";
    let start = |script: &str| {
        let mut command = Command::new("sh");
        command.args(["-c", script, "sh"]).arg(&mark);
        command.stdout(Stdio::piped()).spawn().unwrap()
    };
    let mut child = start(script);
    let mut ready = [0; 6];
    child
        .stdout
        .as_mut()
        .unwrap()
        .read_exact(&mut ready)
        .unwrap();
    let patience = Duration::from_secs(60);
    assert!(see_off(&mut child, Duration::ZERO, patience).is_none());
    assert!(mark.exists());
    assert_eq!(child.wait().unwrap().code(), Some(3));
    // One that obeys nobody ends all the same.
    let mut child = start("trap '' TERM; echo ready; while :; do sleep 0.01; done");
    child
        .stdout
        .as_mut()
        .unwrap()
        .read_exact(&mut ready)
        .unwrap();
    assert!(see_off(&mut child, Duration::ZERO, Duration::ZERO).is_none());
    assert_eq!(child.wait().unwrap().signal(), Some(libc::SIGKILL));
    let mut child = start("exit 7");
    let status = see_off(&mut child, patience, patience).unwrap();
    assert_eq!(status.code(), Some(7));
}

/// This test binary once more, as another process.
struct Role {
    process: Child,
    output: BufReader<std::process::ChildStdout>,
}

impl Role {
    fn start(role: &str, path: &Path) -> Role {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "sys::tests::processes::play_a_role",
                "--nocapture",
                "--test-threads=1",
            ])
            .env("CREEL_TEST_ROLE", role)
            .env("CREEL_TEST_PATH", path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(process.stdout.take().unwrap());
        Role { process, output }
    }

    fn wait_for(&mut self, word: &str) {
        let mut line = String::new();
        while !line.contains(word) {
            line.clear();
            assert_ne!(
                self.output.read_line(&mut line).unwrap(),
                0,
                "the child ended early"
            );
        }
    }

    fn end(mut self) -> ExitStatus {
        drop(self.process.stdin.take());
        std::io::copy(&mut self.output, &mut std::io::sink()).unwrap();
        self.process.wait().unwrap()
    }
}

/// Not a test by itself: what [`Role`] runs.
#[test]
fn play_a_role() {
    let Ok(role) = std::env::var("CREEL_TEST_ROLE") else {
        return;
    };
    let path = PathBuf::from(std::env::var_os("CREEL_TEST_PATH").unwrap());
    match role.as_str() {
        "hold" => {
            let file = OsVfs.open(&path, Access::Read).unwrap();
            assert!(file.try_lock(BASE + 7, 1, LockMode::Shared).unwrap());
            println!("READY");
            // Until the parent closes its end.
            std::io::copy(&mut std::io::stdin(), &mut std::io::sink()).unwrap();
        }
        "umask 000" | "umask 777" => {
            let mask = if role == "umask 000" { 0 } else { 0o777 };
            // SAFETY: only a number is passed.
            unsafe { libc::umask(mask) };
            create(&path);
        }
        "closed stdin" => {
            // SAFETY: nothing in this process uses stdin.
            unsafe { libc::close(0) };
            let fd = descriptor_of_new(&path);
            assert!(fd >= 3, "descriptor {fd}");
        }
        "truncated map" => {
            signal::install_sigbus_message().unwrap();
            let file = create(&path);
            file.set_size(8192).unwrap();
            let map = file.map(8192).unwrap().unwrap();
            file.set_size(0).unwrap();
            std::process::exit(i32::from(map.bytes()[5000]));
        }
        "raise INT" => {
            signal::ignore_file_size_signal().unwrap();
            signal::raise_default(libc::SIGINT);
        }
        "sent BUS" => {
            signal::install_sigbus_message().unwrap();
            // SAFETY: only a number is passed.
            unsafe { libc::raise(libc::SIGBUS) };
        }
        "pipe" => {
            signal::reset_sigpipe_default().unwrap();
            let (reader, mut writer) = std::io::pipe().unwrap();
            drop(reader);
            let _ = writer.write_all(b"x");
        }
        "file size limit" => {
            signal::ignore_file_size_signal().unwrap();
            let limit = libc::rlimit {
                rlim_cur: 1000,
                rlim_max: 1000,
            };
            // SAFETY: the struct lives during the call and is only read.
            assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_FSIZE, &limit) }, 0);
            let file = create(&path);
            let refused = file.write_at(&[1; 2000], 0).unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::FileTooLarge);
        }
        other => panic!("unknown role {other}"),
    }
}

/// The number of the descriptor of a new file, which is only to be seen from outside the trait.
fn descriptor_of_new(path: &Path) -> i32 {
    let file = create(path);
    let wanted = file.identity().unwrap();
    let free = fs::File::open("/dev/null").unwrap().as_raw_fd();
    assert_eq!(free, 0, "0 has to be free for this test to mean anything");
    (0..100)
        .find(|fd| {
            let found = OsVfs.identity(Path::new(&format!("/proc/self/fd/{fd}")));
            found.is_ok_and(|identity| identity.same_file(&wanted))
        })
        .unwrap()
}
