//! What load balancers and metrics see.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Stdio;
use std::time::Instant;

use crate::world::{PATIENCE, World, creel, free_address};

fn get(base: &str, path: &str) -> Option<(u16, String)> {
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
    // A primary lags behind nobody; an outlook without a number is one without a limit.
    for path in ["/lag", "/lag?max=0", "/lag?max=x"] {
        let (status, lag) = get(&base, path).unwrap();
        assert_eq!(status, 200);
        assert_eq!(lag, "{\"entries\":0,\"seconds\":0.0}\n");
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
