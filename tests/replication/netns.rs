//! A primary and a copy on two machines, as far as the network can tell: two namespaces with a wire
//! between them that loses packets, and is cut.
#![cfg(target_os = "linux")]

use std::process::{Child, Command, Stdio};
use std::time::Instant;

use crate::world::{PATIENCE, Process, World, ready, text};

/// A process that holds a namespace open.
struct Holder(Child);

impl Drop for Holder {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Holder {
    /// A command that runs in the namespace.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        let pid = self.0.id().to_string();
        command
            .args(["-t", &pid, "-U", "-n", "--preserve-credentials", program])
            .env_remove("CREEL_DB")
            .env_remove("CREEL_LOG")
            .env("LC_ALL", "C");
        command
    }

    fn run(&self, program: &str, words: &[&str]) -> Result<String, String> {
        let output = self.command(program).args(words).output();
        let output = output.map_err(|e| format!("{program}: {e}"))?;
        match output.status.success() {
            true => Ok(text(&output)),
            false => Err(format!("{program} {words:?}: {}", text(&output))),
        }
    }

    fn creel(&self, words: &[&str]) -> Result<String, String> {
        self.run(env!("CARGO_BIN_EXE_creel"), words)
    }
}

/// Two machines, and the name of what loses packets between them.
struct Machines {
    one: Holder,
    two: Holder,
    loss: &'static str,
}

fn hold(mut command: Command) -> Result<Holder, String> {
    let child = command.arg("cat").stdin(Stdio::piped()).spawn();
    let holder = Holder(child.map_err(|e| e.to_string())?);
    // There once the program that was asked for runs in it.
    let name = format!("/proc/{}/comm", holder.0.id());
    let begun = Instant::now();
    while std::fs::read_to_string(&name).is_ok_and(|comm| comm.trim() != "cat") {
        if begun.elapsed() > PATIENCE {
            return Err("no namespace in time".to_owned());
        }
        std::thread::yield_now();
    }
    Ok(holder)
}

fn machines() -> Result<Machines, String> {
    let mut first = Command::new("unshare");
    first.arg("-rn").stderr(Stdio::null());
    let one = hold(first)?;
    let mut second = one.command("unshare");
    second.arg("-n").stderr(Stdio::null());
    let two = hold(second)?;
    let pid = two.0.id().to_string();
    let wire = [
        "link", "add", "wire", "type", "veth", "peer", "name", "wire", "netns", &pid,
    ];
    one.run("ip", &wire)?;
    for (machine, address) in [(&one, "10.77.0.1/24"), (&two, "10.77.0.2/24")] {
        machine.run("ip", &["address", "add", address, "dev", "wire"])?;
        machine.run("ip", &["link", "set", "wire", "up"])?;
        machine.run("ip", &["link", "set", "lo", "up"])?;
    }
    // A queue that is too short for what comes drops the rest: every kernel has it.
    let netem = ["netem", "loss", "5%", "delay", "2ms", "reorder", "10%"];
    let short = ["tbf", "rate", "40mbit", "burst", "3000", "limit", "6000"];
    let add = |kind: &[&str]| {
        let words = [&["qdisc", "add", "dev", "wire", "root"], kind].concat();
        [&one, &two]
            .iter()
            .try_for_each(|machine| machine.run("tc", &words).map(drop))
    };
    let loss = match add(&netem) {
        Ok(()) => "netem",
        Err(_) => {
            add(&short)?;
            "tbf"
        }
    };
    Ok(Machines { one, two, loss })
}

/// Nothing was heard of the source for longer than a connection may be silent.
fn is_silent(two: &Holder, copy: &str) -> bool {
    let words = ["replicate", "status", copy, "--check", "age=3s"];
    let mut command = two.command(env!("CARGO_BIN_EXE_creel"));
    let output = command.args(words).output().unwrap();
    output.status.code() == Some(1)
}

#[test]
fn over_a_wire_that_loses_packets_and_is_cut() {
    let machines = match machines() {
        Ok(machines) => machines,
        Err(why) => {
            crate::skip::skipped("netns", &format!("no two of them here: {why}"));
            return;
        }
    };
    let Machines { one, two, loss } = &machines;
    eprintln!("packets are lost by {loss}");
    let world = World::new();
    world.create("a.db");
    world.put("a.db", "first", "value");
    let path = |name: &str| world.path(name).to_str().unwrap().to_owned();
    let mut serve = one.command(env!("CARGO_BIN_EXE_creel"));
    serve.args(["replicate", "serve", &path("a.db")]);
    serve.args(["--listen", "10.77.0.1:7070", "--insecure"]);
    let served = ready(serve);
    let copy = path("b.db");
    let init = ["replicate", "init", &copy, "--from", &served.address];
    two.creel(&init).unwrap();
    let mut follow = two.command(env!("CARGO_BIN_EXE_creel"));
    follow.args(["replicate", "follow", &copy, "--from", &served.address]);
    let follower = Process {
        child: follow
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap(),
    };
    let db = world.writer("a.db");
    let write = |from: u32| {
        for i in from..from + 3000 {
            db.put(&(i % 700).to_be_bytes(), &[7; 300]).unwrap();
        }
    };
    write(0);
    world.wait_for("b.db", "a.db");
    for round in 1..=2u32 {
        // Nothing comes through, and nobody is told.
        one.run("ip", &["link", "set", "wire", "down"]).unwrap();
        let begun = Instant::now();
        write(round * 3000);
        let before = world.position("b.db");
        while !is_silent(two, &copy) {
            assert!(begun.elapsed() < PATIENCE, "the silence is not noticed");
        }
        assert_eq!(world.position("b.db"), before, "through a wire that is cut");
        one.run("ip", &["link", "set", "wire", "up"]).unwrap();
        world.wait_for("b.db", "a.db");
    }
    let lost = one.run("tc", &["-s", "qdisc", "show", "dev", "wire"]);
    let lost = lost.unwrap();
    let dropped = lost.split("dropped ").nth(1).and_then(|rest| {
        let number = rest.split(|c: char| !c.is_ascii_digit()).next()?;
        number.parse::<u64>().ok()
    });
    assert!(
        dropped.is_some_and(|count| count > 0),
        "no packet was lost: {lost}"
    );
    follower.terminate();
    db.close().unwrap();
    world.same("b.db", "a.db");
}
