//! Who gets in.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Output};

use crate::world::{World, text};

fn token(world: &World, name: &str, text: &str, mode: u32) -> String {
    let path = world.path(name);
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_token_opens_and_another_does_not() {
    let world = World::new();
    world.create("a.db");
    world.put("a.db", "key", "value");
    let right = token(&world, "right", "a token that is long enough\n", 0o600);
    let wrong = token(&world, "wrong", "another that is long enough\n", 0o600);
    let served = world.serve("a.db", &["--listen", "127.0.0.1:0", "--token-file", &right]);
    let from = ["--from", served.address.as_str()];
    let with = |file: &str| [from[0], from[1], "--from-token-file", file].map(str::to_owned);
    let refused = |words: &[&str]| {
        let said = world.replicate_to(8, "init", "b.db", words);
        assert!(said.contains("token"), "{said}");
        assert!(!world.path("b.db").exists());
    };
    refused(&from);
    refused(&with(&wrong).each_ref().map(String::as_str));
    world.replicate_to(
        0,
        "init",
        "b.db",
        &with(&right).each_ref().map(String::as_str),
    );
    world.same("b.db", "a.db");
}

/// A secret is in its file, and nowhere else: not in messages, reports, health, or what others see of
/// the process.
#[test]
fn a_token_is_shown_to_nobody() {
    const CANARY: &str = "canary-4711-that-nobody-may-see";
    let world = World::new();
    world.create("a.db");
    world.put("a.db", "key", "value");
    let right = token(&world, "right", &format!("{CANARY}\n"), 0o600);
    let other = token(&world, "other", &format!("{CANARY}-not\n"), 0o600);
    let http = crate::world::free_address();
    let listen = ["--listen", "127.0.0.1:0", "--http", &http];
    let served = world.serve("a.db", &[&listen[..], &["--token-file", &right]].concat());
    let from = ["--from", served.address.as_str(), "--from-token-file"];
    let mut shown = vec![served.address.clone()];
    let with = |file: &str| [from[0], from[1], from[2], file, "-vv"].map(str::to_owned);
    for (verb, file, status) in [
        ("init", &right, 0),
        ("pull", &right, 0),
        ("pull", &other, 8),
    ] {
        let words = with(file);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        shown.push(world.replicate_to(status, verb, "b.db", &words));
        shown.push(text(&world.replicate(
            verb,
            "b.db",
            &[&words[..], &["--json"]].concat(),
        )));
    }
    for name in ["a.db", "b.db"] {
        for words in [&["--json"][..], &["-vv"]] {
            shown.push(text(&world.replicate("status", name, words)));
        }
        let file = fs::read(world.path(name)).unwrap();
        shown.push(String::from_utf8_lossy(&file).into_owned());
    }
    let mut stream = std::net::TcpStream::connect(&http).unwrap();
    let ask = "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    std::io::Write::write_all(&mut stream, ask.as_bytes()).unwrap();
    let mut answer = String::new();
    std::io::Read::read_to_string(&mut stream, &mut answer).unwrap();
    assert!(answer.contains("creel_"), "{answer}");
    shown.push(answer);
    for what in ["cmdline", "environ"] {
        let path = format!("/proc/{}/{what}", served.process.child.id());
        shown.push(String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned());
    }
    for text in shown {
        assert!(!text.contains("canary-4711"), "{text}");
    }
}

/// Killed in a way that leaves a core file where that is allowed; gives whether it did.
fn core_of(world: &World, words: &[&str]) -> bool {
    use std::os::unix::process::ExitStatusExt;
    let mut command = std::process::Command::new("sh");
    command
        .args(["-c", "ulimit -c unlimited; exec \"$0\" \"$@\""])
        .arg(env!("CARGO_BIN_EXE_creel"))
        .args(["replicate", "serve"])
        .arg(world.path("a.db"))
        .args(["--listen", "127.0.0.1:0"])
        .args(words)
        .current_dir(world.dir.path())
        .stdin(std::process::Stdio::null());
    let mut served = crate::world::ready(command);
    served.process.signal("-ABRT");
    let status = served.process.child.wait().unwrap();
    assert_eq!(status.signal(), Some(6), "{status:?}");
    status.core_dumped()
}

#[test]
fn a_process_that_knows_a_token_leaves_no_core() {
    let world = World::new();
    world.create("a.db");
    let right = token(&world, "right", "a token that is long enough\n", 0o600);
    assert!(
        !core_of(&world, &["--token-file", &right]),
        "its memory is in a file"
    );
    if !core_of(&world, &[]) {
        crate::skip::skipped(
            "core",
            "no core files are written here, so none can be missing",
        );
    }
}

#[test]
fn tokens_that_others_can_read_or_guess_are_refused() {
    let world = World::new();
    world.create("a.db");
    let listen = ["--listen", "127.0.0.1:0", "--token-file"];
    let open = token(&world, "open", "a token that is long enough\n", 0o644);
    let said = world.replicate_to(
        2,
        "serve",
        "a.db",
        &[listen[0], listen[1], listen[2], &open],
    );
    assert!(said.contains("others may read"), "{said}");
    let short = token(&world, "short", "password\n", 0o600);
    let said = world.replicate_to(
        2,
        "serve",
        "a.db",
        &[listen[0], listen[1], listen[2], &short],
    );
    assert!(said.contains("16"), "{said}");
}

#[test]
fn no_plain_listener_beyond_this_machine_by_accident() {
    let world = World::new();
    world.create("a.db");
    let said = world.replicate_to(2, "serve", "a.db", &["--listen", "0.0.0.0:0"]);
    assert!(said.contains("--insecure"), "{said}");
    let token = token(&world, "token", "a token that is long enough\n", 0o600);
    let words = ["--listen", "0.0.0.0:0", "--token-file", &token];
    world.replicate_to(2, "serve", "a.db", &words);
    let served = world.serve("a.db", &["--listen", "0.0.0.0:0", "--insecure"]);
    assert!(
        served.address.starts_with("tcp://0.0.0.0:"),
        "{}",
        served.address
    );
    served.process.terminate();
}

/// An authority, and what makes certificates for `localhost` and their keys.
#[cfg(feature = "tls")]
pub fn authority() -> (String, impl Fn() -> (String, String)) {
    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let pem = authority.pem();
    let issue = move || {
        let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let key = KeyPair::generate().unwrap();
        let cert = params.signed_by(&key, &authority).unwrap();
        (cert.pem(), key.serialize_pem())
    };
    (pem, issue)
}

#[cfg(feature = "tls")]
#[test]
fn certificates_from_files() {
    let (authority, certificate) = authority();
    let world = World::new();
    let file = |name: &str, text: String| {
        fs::write(world.path(name), text).unwrap();
        world.path(name).to_str().unwrap().to_owned()
    };
    let ca = file("ca.pem", authority);
    let issue = |name: &str| {
        let (cert, key) = certificate();
        (
            file(&format!("{name}.pem"), cert),
            file(&format!("{name}.key"), key),
        )
    };
    let (cert, key) = issue("server");
    let (own_cert, own_key) = issue("replica");
    world.create("a.db");
    world.put("a.db", "key", "value");
    let words = [
        "--listen",
        "0.0.0.0:0",
        "--tls-cert",
        &cert,
        "--tls-key",
        &key,
        "--client-ca",
        &ca,
    ];
    let served = world.serve("a.db", &words);
    let port = served.address.rsplit_once(':').unwrap().1;
    let from = format!("tls://localhost:{port}");
    let plain = format!("tcp://127.0.0.1:{port}");
    world.replicate_to(2, "init", "b.db", &["--from", &from]);
    world.replicate_to(12, "init", "b.db", &["--from", &plain]);
    world.replicate_to(12, "init", "b.db", &["--from", &from, "--tls-ca", &ca]);
    let own = ["--from-tls-cert", &own_cert, "--from-tls-key", &own_key];
    let words = [
        "--from", &from, "--tls-ca", &ca, own[0], own[1], own[2], own[3],
    ];
    world.replicate_to(0, "init", "b.db", &words);
    world.same("b.db", "a.db");
}

/// A command of a user of the machine who may reach the port, and nothing else.
fn as_nobody(folder: &Path, words: &[&str]) -> Output {
    // Where the program was built others may not be able to look.
    let program = folder.join("creel");
    // Not by this process: a child that is just being started elsewhere would hold it open for
    // writing, and it could not be run.
    let mut copy = Command::new("cp");
    copy.arg(env!("CARGO_BIN_EXE_creel")).arg(&program);
    assert!(copy.status().unwrap().success());
    let mut command = Command::new(&program);
    command.args(words).current_dir(folder);
    command.uid(65534).gid(65534).output().unwrap()
}

/// On loopback without a token everybody on the machine reaches the port: that must not be enough to
/// stop a primary.
#[test]
fn another_user_of_the_machine_fences_no_primary() {
    let world = World::new();
    world.create("a.db");
    world.put("a.db", "key", "value");
    let mut served = world.serve_local("a.db");
    let from = ["--from", served.address.as_str()];
    world.replicate_to(0, "init", "b.db", &from);
    let b = world.path("b.db");
    world.ok(&["promote", "--accept-loss", "--yes"], &[&b]);
    // A copy of the new primary knows of epoch 2.
    let folder = world.path("other");
    fs::create_dir(&folder).unwrap();
    world.replicate_to(0, "init", "other/c.db", &["--from", b.to_str().unwrap()]);
    if fs::metadata(&b).unwrap().uid() == 0 {
        for (path, mode) in [
            (world.dir.path(), 0o755),
            (&folder, 0o777),
            (&folder.join("c.db"), 0o666),
        ] {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        }
        let output = as_nobody(&folder, &["replicate", "pull", "c.db", from[0], from[1]]);
        let said = text(&output);
        assert_eq!(output.status.code(), Some(10), "{said}");
        assert!(said.contains("has shown who it is"), "{said}");
        world.put("a.db", "key", "still the primary");
    } else {
        eprintln!("NOT TRIED as another user: only root can be one");
    }
    // The same of a process of this user is believed.
    world.replicate_to(10, "pull", "other/c.db", &from);
    assert_eq!(served.process.wait().0, Some(10));
    let a = world.path("a.db");
    let output = world.run(&["put"], &[&a, Path::new("key"), Path::new("late")]);
    assert_eq!(output.status.code(), Some(10));
}

/// Asked for its history, or how it stands, a server that refuses a token was one that cannot be reached (12): tried again and
/// again, it refuses it again and again.
#[test]
fn a_wrong_token_was_a_server_that_does_not_answer() {
    let world = World::new();
    world.create("a.db");
    world.put("a.db", "key", "value");
    let right = token(&world, "right", "a token that is long enough\n", 0o600);
    let wrong = token(&world, "wrong", "another that is long enough\n", 0o600);
    let served = world.serve("a.db", &["--listen", "127.0.0.1:0", "--token-file", &right]);
    let from = ["--from", served.address.as_str()];
    let with = [from[0], from[1], "--from-token-file", &right];
    world.replicate_to(0, "init", "b.db", &with);
    let wrong = [from[0], from[1], "--from-token-file", &wrong];
    for words in [&from[..], &wrong] {
        let said = world.replicate_to(8, "rejoin", "b.db", words);
        assert!(said.contains("token"), "{said}");
        let said = world.replicate_to(0, "status", "b.db", &[words, &["--json"]].concat());
        assert!(said.contains("\"phase\":\"unauthorised\""), "{said}");
    }
}
