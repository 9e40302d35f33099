//! What load balancers and metrics see.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Stdio;
use std::time::Instant;

use crate::world::{PATIENCE, World, creel, free_address, ready};

pub fn get(base: &str, path: &str) -> Option<(u16, String)> {
    let host = base.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(host).ok()?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let status = answer.split(' ').nth(1)?.parse().ok()?;
    let (_, body) = answer.split_once("\r\n\r\n")?;
    Some((status, body.to_owned()))
}

pub fn until(base: &str, path: &str, wanted: u16) -> String {
    let begun = Instant::now();
    loop {
        if let Some((status, body)) = get(base, path)
            && status == wanted
        {
            return body;
        }
        assert!(begun.elapsed() < PATIENCE, "{path} is never {wanted}");
        std::thread::yield_now();
    }
}

pub fn metric(text: &str, name: &str) -> f64 {
    let line = text
        .lines()
        .find(|line| line.starts_with(&format!("{name} ")));
    let value = line
        .unwrap_or_else(|| panic!("{name} in\n{text}"))
        .split(' ')
        .nth(1);
    value.unwrap().parse().unwrap()
}

#[test]
fn primary_replica_lag_and_metrics() {
    let world = World::new();
    world.create("a.db");
    world.put("a.db", "key", "value");
    let words = ["--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"];
    let served = world.serve("a.db", &words);
    let primary = served.http.clone().unwrap();
    assert_eq!(get(&primary, "/primary").unwrap().0, 200);
    assert_eq!(get(&primary, "/replica").unwrap().0, 503);
    assert_eq!(get(&primary, "/nothing").unwrap().0, 404);

    world.replicate_to(0, "init", "b.db", &["--from", &served.address]);
    let own = free_address();
    let follower = world.follow("b.db", &served.address, &["--http", &own]);
    let replica = format!("http://{own}");
    until(&replica, "/replica", 200);
    assert_eq!(get(&replica, "/primary").unwrap().0, 503);
    world.put("a.db", "key", "other");
    world.wait_for("b.db", "a.db");
    let lag = until(&replica, "/lag?max=0", 200);
    assert!(lag.contains("\"entries\":0"), "{lag}");
    let index = world.position("a.db").index as f64;
    let text = get(&replica, "/metrics").unwrap().1;
    assert_eq!(metric(&text, "creel_applied_index"), index);
    assert_eq!(metric(&text, "creel_streaming"), 1.0);
    let text = get(&primary, "/metrics").unwrap().1;
    assert_eq!(metric(&text, "creel_head_index"), index);
    assert_eq!(metric(&text, "creel_followers"), 1.0);
    assert_eq!(metric(&text, "creel_primary"), 1.0);

    // A copy whose source is gone is not ready, and says for how long.
    served.process.terminate();
    until(&replica, "/replica", 503);
    let (status, lag) = get(&replica, "/lag").unwrap();
    assert_eq!(status, 503);
    assert!(lag.contains("\"phase\":\"disconnected\""), "{lag}");
    follower.terminate();
}

/// What a request of these bytes is answered.
fn ask(base: &str, request: &str) -> String {
    let host = base.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(host).unwrap();
    let _ = stream.write_all(request.as_bytes());
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer);
    answer
}

#[test]
fn requests_of_other_kinds_and_lengths() {
    let world = World::new();
    world.create("a.db");
    let words = ["--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"];
    let served = world.serve("a.db", &words);
    let base = served.http.clone().unwrap();
    // A primary lags behind nobody.
    for path in ["/lag", "/lag?max=0"] {
        let (status, lag) = get(&base, path).unwrap();
        assert_eq!(status, 200);
        assert_eq!(lag, "{\"entries\":0,\"seconds\":0.0}\n");
    }
    // A limit that is no number counted as none.
    for path in ["/lag?max=x", "/lag?max", "/lag?max=-1"] {
        let (status, said) = get(&base, path).unwrap();
        assert_eq!(
            (status, said.as_str()),
            (400, "max is a number of entries\n")
        );
    }
    let json = ask(&base, "GET /lag HTTP/1.1\r\n\r\n");
    assert!(
        json.contains("Content-Type: application/json\r\n"),
        "{json}"
    );
    let head = ask(&base, "HEAD /primary HTTP/1.1\r\n\r\n");
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    assert!(head.contains("Content-Length: 8\r\n"), "{head}");
    assert!(head.ends_with("\r\n\r\n"), "{head}");
    let post = ask(&base, "POST /primary HTTP/1.1\r\n\r\n");
    assert!(
        post.starts_with("HTTP/1.1 405 Method Not Allowed\r\n"),
        "{post}"
    );
    assert!(ask(&base, "nonsense\r\n\r\n").starts_with("HTTP/1.1 405 "));
    // No end to a request: no answer, and the next one is served.
    let endless = format!("GET /{} HTTP/1.1\r\n", "x".repeat(9000));
    assert_eq!(ask(&base, &endless), "");
    let host = base.strip_prefix("http://").unwrap();
    drop(TcpStream::connect(host).unwrap());
    assert_eq!(get(&base, "/primary").unwrap().0, 200);
    served.process.terminate();
}

#[test]
fn health_checks_stay_on_this_machine() {
    let world = World::new();
    world.create("a.db");
    let words = ["--listen", "127.0.0.1:0", "--http", "0.0.0.0:0"];
    let said = world.replicate_to(2, "serve", "a.db", &words);
    assert!(said.contains("other machines"), "{said}");
}

#[test]
fn what_it_says_as_json() {
    let world = World::new();
    world.create("a.db");
    let mut child = creel()
        .args(["replicate", "serve"])
        .arg(world.path("a.db"))
        .args(["--listen", "127.0.0.1:0", "--json"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = std::io::BufReader::new(child.stdout.take().unwrap());
    let mut lines = Vec::new();
    for _ in 0..2 {
        let mut line = String::new();
        std::io::BufRead::read_line(&mut out, &mut line).unwrap();
        lines.push(line);
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(
        lines[0].contains("\"event\":\"listening\",\"address\":\"tcp://127.0.0.1:"),
        "{lines:?}"
    );
    assert!(lines[1].contains("\"event\":\"ready\""), "{lines:?}");
}

/// Its lag was its whole log until something new came: each restart took it out of its load balancer.
#[test]
fn an_idle_follower_was_behind_by_all_that_it_had() {
    let world = World::new();
    world.create("a.db");
    let db = world.writer("a.db");
    for i in 0..30u32 {
        db.put(&i.to_be_bytes(), b"value").unwrap();
    }
    db.close().unwrap();
    let served = world.serve_local("a.db");
    world.replicate_to(0, "init", "c.db", &["--from", &served.address]);
    let index = world.position("c.db").index;
    assert!(index >= 30, "{index}");
    for _restart in 0..2 {
        let own = free_address();
        let follower = world.follow("c.db", &served.address, &["--http", &own]);
        let replica = format!("http://{own}");
        until(&replica, "/replica", 200);
        let (status, lag) = get(&replica, "/lag?max=0").unwrap();
        assert_eq!(status, 200, "{lag}");
        assert!(lag.contains("\"entries\":0,\"seconds\":0.000"), "{lag}");
        let text = get(&replica, "/metrics").unwrap().1;
        assert_eq!(metric(&text, "creel_applied_index"), index as f64);
        assert_eq!(metric(&text, "creel_lag_entries"), 0.0);
        assert_eq!(metric(&text, "creel_lag_seconds"), 0.0);
        follower.terminate();
    }
    served.process.terminate();
}

/// It was ready for writes while each of them was refused, and nobody was told of the store.
#[test]
fn a_primary_that_waits_for_its_store_was_ready() {
    let world = World::new();
    world.create("a.db");
    let (chain, away) = (world.path("chain"), world.path("away"));
    let (store, log) = (format!("dir:{}", chain.display()), world.path("log"));
    let words = ["--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"];
    let publish = ["--publish", &store, "--max-unpublished", "64MiB,300ms"];
    let mut command = world.spawn("serve", "a.db", &[&words[..], &publish].concat());
    command.stderr(std::fs::File::create(&log).unwrap());
    let served = ready(command);
    let base = served.http.clone().unwrap();
    until(&base, "/primary", 200);
    let said = |words: &str| {
        let text = std::fs::read_to_string(&log).unwrap();
        text.lines().filter(|line| line.contains(words)).count()
    };
    let wait_for = |what: &str, holds: &dyn Fn() -> bool| {
        let begun = Instant::now();
        while !holds() {
            assert!(begun.elapsed() < PATIENCE, "never: {what}");
            std::thread::yield_now();
        }
    };
    let put = || {
        let words = [Path::new("key"), Path::new("value")];
        let output = world.run(&["put"], &[&world.path("a.db"), words[0], words[1]]);
        output.status.code()
    };
    world.put("a.db", "first", "value");
    wait_for("published", &|| {
        let text = get(&base, "/metrics").unwrap().1;
        metric(&text, "creel_published_index") == metric(&text, "creel_head_index")
            && metric(&text, "creel_unpublished_bytes") == 0.0
    });
    assert_eq!(said("nothing can be published"), 0);
    std::fs::rename(&chain, &away).unwrap();
    wait_for("writes are refused", &|| put() == Some(12));
    let reason = until(&base, "/primary", 503);
    assert!(reason.contains("--max-unpublished"), "{reason}");
    let text = get(&base, "/metrics").unwrap().1;
    assert_eq!(metric(&text, "creel_primary"), 0.0);
    assert!(metric(&text, "creel_unpublished_bytes") > 0.0, "{text}");
    assert_eq!(get(&base, "/lag").unwrap().0, 200, "it can be read");
    world.replicate_to(1, "status", "a.db", &["--check", "primary"]);
    wait_for("it is told", &|| said("nothing can be published") > 0);
    std::fs::rename(&away, &chain).unwrap();
    until(&base, "/primary", 200);
    wait_for("that is told too", &|| said("can be reached again") > 0);
    world.replicate_to(0, "status", "a.db", &["--check", "primary"]);
    served.process.terminate();
    assert_eq!(said("nothing can be published"), 1, "once");
    assert_eq!(said("can be reached again"), 1, "once");
}
