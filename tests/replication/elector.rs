//! What docs/operations.md says of electors: two machines and a real etcd.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Instant;

use crate::world::{PATIENCE, Process, World, creel, free_address, skipped, text};

/// That part of the document.
fn section() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/operations.md");
    let text = fs::read_to_string(path).unwrap();
    let title = "\n## Let something else decide who is primary\n";
    let rest = text.split(title).nth(1).unwrap();
    rest.split("\n## ").next().unwrap().to_owned()
}

/// Its blocks of this kind.
fn blocks(kind: &str) -> Vec<String> {
    let text = section();
    let begin = format!("```{kind}\n");
    let blocks = text.split(&begin).skip(1);
    let blocks = blocks.map(|rest| rest.split("```").next().unwrap().to_owned());
    blocks.collect()
}

fn is_there(program: &str) -> bool {
    let found = Command::new(program).arg("--version").output();
    found.is_ok()
}

/// A process group, which ends with the test.
struct Group(Process);

impl Group {
    fn signal(&self, name: &str) {
        let group = format!("-{}", self.0.child.id());
        let mut kill = Command::new("kill");
        let _ = kill
            .args([name, "--", &group])
            .stderr(Stdio::null())
            .status();
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal("-KILL");
    }
}

struct Etcd {
    endpoint: String,
    _process: Process,
}

impl Etcd {
    fn start(world: &World) -> Option<Etcd> {
        if !is_there("etcd") || !is_there("etcdctl") {
            skipped(
                "etcd",
                "the recipe for etcd: etcd and etcdctl are not installed",
            );
            return None;
        }
        // Somebody may take a port in between.
        let tries = (0..8).map(|number| Etcd::once(&world.path(&format!("etcd {number}"))));
        let started = tries.into_iter().flatten().next();
        Some(started.expect("etcd starts"))
    }

    fn once(dir: &Path) -> Option<Etcd> {
        let url = || format!("http://{}", free_address());
        let (client, peer) = (url(), url());
        fs::create_dir(dir).unwrap();
        let mut command = Command::new("etcd");
        command.arg("--data-dir").arg(dir.join("data")).args([
            "--listen-client-urls",
            &client,
            "--advertise-client-urls",
            &client,
            "--listen-peer-urls",
            &peer,
            "--initial-advertise-peer-urls",
            &peer,
            "--initial-cluster",
            &format!("default={peer}"),
        ]);
        let log = File::create(dir.join("log")).unwrap();
        command.stdout(log.try_clone().unwrap()).stderr(log);
        let mut process = Process {
            child: command.spawn().unwrap(),
        };
        let begun = Instant::now();
        loop {
            let mut health = Command::new("etcdctl");
            health.args(["endpoint", "health"]).env("ETCDCTL_API", "3");
            let health = health.env("ETCDCTL_ENDPOINTS", &client).output().unwrap();
            if health.status.success() {
                return Some(Etcd {
                    endpoint: client,
                    _process: process,
                });
            }
            if process.child.try_wait().unwrap().is_some() {
                return None;
            }
            assert!(begun.elapsed() < PATIENCE, "{}", text(&health));
        }
    }
}

/// One of the machines: a directory with what the document puts there.
struct Machine {
    dir: PathBuf,
    running: Option<Group>,
}

impl Machine {
    fn new(world: &World, name: &str) -> Machine {
        let dir = world.path(name);
        fs::create_dir(&dir).unwrap();
        let store = format!("dir:{}", world.path("store").display());
        for block in blocks("sh") {
            let script = block
                .replace("s3://bucket/db", &store)
                .replace("0.0.0.0:7070", "0.0.0.0:0")
                .replace("--ttl 10", "--ttl 2");
            let mut lines = script.lines();
            assert_eq!(lines.next(), Some("#!/bin/sh"));
            let path = dir.join(lines.next().unwrap().trim_start_matches("# "));
            fs::write(&path, &script).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        certificates(&dir);
        Machine { dir, running: None }
    }

    fn db(&self) -> PathBuf {
        self.dir.join("my.db")
    }

    fn run(&self, words: &[&str]) -> Output {
        let mut command = creel();
        command.args(words).current_dir(&self.dir);
        command.stdin(Stdio::null()).output().unwrap()
    }

    fn ok(&self, words: &[&str]) -> String {
        let output = self.run(words);
        assert!(output.status.success(), "{words:?}: {}", text(&output));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// Round after round, as the document has it.
    fn start(&mut self, etcd: &Etcd) {
        let rounds = "while :; do ./node; sleep 1; done";
        assert!(section().contains(rounds));
        let path = self.dir.join("log");
        let log = File::options().create(true).append(true).open(path);
        let log = log.unwrap();
        let programs = Path::new(env!("CARGO_BIN_EXE_creel")).parent().unwrap();
        let path = std::env::var("PATH").unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", rounds]).current_dir(&self.dir);
        command
            .env("PATH", format!("{}:{path}", programs.display()))
            .env("ETCDCTL_API", "3")
            .env("ETCDCTL_ENDPOINTS", &etcd.endpoint)
            .env_remove("CREEL_DB")
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .process_group(0);
        let child = command.spawn().unwrap();
        self.running = Some(Group(Process { child }));
    }

    fn signal(&self, name: &str) {
        self.running.as_ref().unwrap().signal(name);
    }

    fn epoch(&self) -> u32 {
        self.ok(&["info", "my.db", "--get", "epoch"])
            .parse()
            .unwrap()
    }

    /// Waits until it is a copy that has this.
    fn follows(&self, (key, value): (&str, &str)) {
        let begun = Instant::now();
        let is_so = || {
            self.ok(&["info", "my.db", "--get", "role"]) == "replica"
                && self.run(&["get", "my.db", key]).stdout == value.as_bytes()
        };
        while !is_so() {
            assert!(begun.elapsed() < 2 * PATIENCE, "{}", self.log());
        }
    }

    fn log(&self) -> String {
        fs::read_to_string(self.dir.join("log")).unwrap_or_default()
    }
}

fn certificates(dir: &Path) {
    let (authority, issue) = crate::secure::authority();
    let (cert, key) = issue();
    fs::write(dir.join("ca.pem"), authority).unwrap();
    fs::write(dir.join("c.pem"), cert).unwrap();
    fs::write(dir.join("k.pem"), key).unwrap();
}

/// Writes on whichever of these machines is the primary, and gives which one it was.
fn written(machines: &[&Machine], key: &str) -> usize {
    let begun = Instant::now();
    let put = ["put", "my.db", key, "written", "--ack", "published", "-qq"];
    loop {
        let done = machines.iter().position(|m| m.run(&put).status.success());
        if let Some(number) = done {
            return number;
        }
        let logs: Vec<String> = machines.iter().map(|m| m.log()).collect();
        assert!(begun.elapsed() < 2 * PATIENCE, "{key}: {}", logs.join("\n"));
    }
}

#[test]
fn the_primary_dies_and_sleeps_past_its_lease_under_etcd() {
    let world = World::new();
    let Some(etcd) = Etcd::start(&world) else {
        return;
    };
    let store = format!("dir:{}", world.path("store").display());
    let mut machines = ["one", "two"].map(|name| Machine::new(&world, name));
    let [one, two] = &mut machines;
    one.ok(&["open", "my.db", "--create", "--role", "primary", "-q"]);
    one.ok(&["replicate", "snapshot", "my.db", "--to", &store, "-q"]);
    two.ok(&["replicate", "init", "my.db", "--from", &store, "-q"]);
    one.start(&etcd);
    two.start(&etcd);
    // Of the first epoch as long as nobody is elected.
    let begun = Instant::now();
    while one.epoch().max(two.epoch()) < 2 {
        assert!(begun.elapsed() < 2 * PATIENCE, "{}{}", one.log(), two.log());
    }
    let first = written(&[one, two], "both");
    let (dead, other) = match first {
        0 => (one, two),
        _ => (two, one),
    };
    // The machine is gone with all that ran there.
    let epoch = dead.epoch();
    dead.running = None;
    written(&[other], "one died");
    assert!(other.epoch() > epoch);
    assert_eq!(other.ok(&["get", "my.db", "both"]), "written");
    // It comes back, and is a copy.
    dead.start(&etcd);
    dead.follows(("one died", "written"));
    // Whoever is the primary now sleeps, and the other one does not wait for it.
    let (slept, other) = match written(&[dead, other], "back") {
        0 => (dead, other),
        _ => (other, dead),
    };
    slept.signal("-STOP");
    written(&[other], "one slept");
    slept.signal("-CONT");
    let late = ["put", "my.db", "late", "write", "--ack", "published"];
    let output = slept.run(&late);
    // Of nothing that is refused there may be a trace, and nothing else may happen to it.
    let refused = [7, 10, 11].contains(&output.status.code().unwrap());
    let elected = output.status.success() && slept.epoch() > other.epoch();
    assert!(refused || elected, "{}", text(&output));
    slept.follows(("one slept", "written"));
    for machine in [&mut *slept, &mut *other] {
        machine.running = None;
    }
    // Both have everything that was confirmed; who was deposed just now has not said so yet.
    for machine in [&*slept, &*other] {
        let back = machine.run(&["replicate", "rejoin", "my.db", "--from", &store, "-qq"]);
        assert!(
            matches!(back.status.code(), Some(0 | 10)),
            "{}",
            text(&back)
        );
        if machine.ok(&["info", "my.db", "--get", "role"]) == "replica" {
            machine.ok(&["replicate", "pull", "my.db", "--from", &store, "-q"]);
        }
        for key in ["both", "one died", "back", "one slept"] {
            assert_eq!(machine.ok(&["get", "my.db", key]), "written", "{key}");
        }
        machine.ok(&["verify", "my.db", "--level", "deep", "-q"]);
    }
    let ours = other.db();
    let digests = slept.ok(&["digest", "my.db", ours.to_str().unwrap()]);
    let digests: Vec<&str> = digests
        .lines()
        .map(|l| l.split(' ').next().unwrap())
        .collect();
    assert_eq!(digests[0], digests[1]);
}

/// Scripts that a shell reads, units that systemd takes, commands that creel knows.
#[test]
fn every_recipe_is_well_formed() {
    let scripts = blocks("sh");
    assert_eq!(scripts.len(), 2);
    for script in &scripts {
        let output = Command::new("sh").args(["-n", "-c", script]).output();
        assert!(output.unwrap().status.success(), "{script}");
    }
    let world = World::new();
    let units = blocks("ini");
    assert_eq!(units.len(), 2);
    for (number, unit) in units.iter().enumerate() {
        let path = world.path(&format!("creel-{number}.service"));
        let unit = unit
            .replace("=/srv/db/node", "=/bin/true")
            .replace("=/srv/db", "=/tmp")
            .replace("=/usr/bin/creel", concat!("=", env!("CARGO_BIN_EXE_creel")));
        fs::write(&path, unit).unwrap();
        let verify = Command::new("systemd-analyze")
            .arg("verify")
            .arg(&path)
            .output();
        let Ok(output) = verify else {
            skipped(
                "systemd",
                "units of docs/operations.md: no systemd-analyze is installed",
            );
            break;
        };
        // It looks at units of the machine, too.
        let said = text(&output);
        let ours = said.lines().find(|line| line.contains("creel-"));
        assert_eq!(ours, None);
    }
    let mut known = 0;
    for command in commands() {
        let mut shell = Command::new("sh");
        // Nothing is there, so none gets further than that.
        let dir = world.path(&format!("command {known}"));
        fs::create_dir(&dir).unwrap();
        let command = command.replace("s3://bucket/db", "dir:store");
        shell.args(["-uc", &command.replacen("creel", "\"$creel\"", 1)]);
        shell.env("creel", env!("CARGO_BIN_EXE_creel"));
        shell
            .env("db", "my.db")
            .env("store", "dir:store")
            .env("epoch", "1");
        let output = shell.current_dir(&dir).output().unwrap();
        assert_ne!(
            output.status.code(),
            Some(2),
            "{command}: {}",
            text(&output)
        );
        known += 1;
    }
    assert!(known >= 12, "{known}");
}

/// The commands that stand there as code and name a database.
fn commands() -> Vec<String> {
    let text = section().replace("\\\n", " ");
    let parts = text.split("```").enumerate();
    let code = parts.flat_map(|(number, part)| {
        let spans: Vec<&str> = match number % 2 {
            0 => part.split('`').skip(1).step_by(2).collect(),
            _ => part.lines().collect(),
        };
        spans.into_iter().map(str::to_owned).collect::<Vec<_>>()
    });
    let found = code.filter_map(|line| {
        let at = line.find("creel ")?;
        let end = |c: char| "&|)".contains(c);
        let command = line[at..].split(end).next().unwrap().trim().to_owned();
        let names_one = [" my.db", " \"$db\"", " /srv/db/my.db"];
        names_one
            .iter()
            .any(|name| command.contains(name))
            .then_some(command)
    });
    found.collect()
}
