//! Servers that somebody else wrote. What creel sends is read by them as their makers understood the
//! clouds; where they are not installed, that is said.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

use super::contract::in_a_process;
use super::round::{Fencing, whole_round};
use super::{Server, s3};
use crate::skip::skipped;

/// Ended when dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Waits until a line of the output has this, and gives the line. The rest is read away.
fn wait_for(output: impl Read + Send + 'static, word: &str) -> String {
    let mut lines = BufReader::new(output).lines();
    let mut found = lines.by_ref().map_while(Result::ok);
    let line = found.find(|line| line.contains(word));
    std::thread::spawn(move || lines.for_each(drop));
    line.unwrap_or_else(|| panic!("the server ended before it said {word:?}"))
}

/// Makes the bucket: creel makes none.
fn put(address: SocketAddr, target: &str) {
    let mut connection = TcpStream::connect(address).unwrap();
    let request = format!(
        "PUT {target} HTTP/1.1\r\nHost: {address}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    );
    connection.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 20"), "{answer}");
}

/// `pip install 'moto[server]'`. It looks at the condition and writes then, in several threads: on a busy machine
/// two creates at once both succeed, and the probe has to say so. All else is as with S3.
#[test]
fn an_independent_s3_server_agrees() {
    let installed = Command::new("moto_server").arg("--help").output();
    if !installed.is_ok_and(|output| output.status.success()) {
        skipped(
            "moto",
            "moto_server is not installed; pip install 'moto[server]'",
        );
        return;
    }
    let port = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    let mut command = Command::new("moto_server");
    command.args(["-H", "127.0.0.1", "-p", &port.to_string()]);
    command.stderr(Stdio::piped()).stdout(Stdio::null());
    let mut server = Running(command.spawn().unwrap());
    wait_for(server.0.stderr.take().unwrap(), "Running on");
    let address = ([127, 0, 0, 1], port).into();
    put(address, "/bucket");
    let environment = s3(address);
    let found = Server {
        stub: None,
        scheme: "s3",
        environment,
    };
    whole_round(&found, Fencing::Perhaps);
}

/// Moto once more, one request after the other: what it lacks is only that a create is one step. Those who
/// send are as many as ever, and who comes first is open.
const ONE_BY_ONE: &str = r#"
import threading
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server
moto = DomainDispatcherApplication(create_backend_app)
lock = threading.Lock()
def one(environ, start):
    with lock:
        return [b"".join(moto(environ, start))]
server = make_server("127.0.0.1", 0, one, threaded=True)
print("listens on", server.port, flush=True)
server.serve_forever()
"#;

#[test]
fn the_chain_is_raced_on_an_independent_s3_server() {
    let has = Command::new("python3")
        .args(["-c", "import moto.server"])
        .output();
    if !has.is_ok_and(|output| output.status.success()) {
        skipped("moto", "python3 has no moto; pip install 'moto[server]'");
        return;
    }
    let mut command = Command::new("python3");
    command.args(["-c", ONE_BY_ONE]);
    command.stdout(Stdio::piped()).stderr(Stdio::null());
    let mut server = Running(command.spawn().unwrap());
    let line = wait_for(server.0.stdout.take().unwrap(), "listens on");
    let port: u16 = line.rsplit(' ').next().unwrap().parse().unwrap();
    let address = ([127, 0, 0, 1], port).into();
    put(address, "/bucket");
    let found = Server {
        stub: None,
        scheme: "s3",
        environment: s3(address),
    };
    in_a_process(&found, "s3://bucket/race", "race on another's server");
}

/// `npm install azurite`, which is Microsoft's. Its account and key are in its documents; this is what
/// they sign to make containers until 2099.
const SIGNATURE: &str = "sv=2019-02-02&ss=b&srt=sco&sp=rwdlc&se=2099-01-01T00%3A00%3A00Z&sig=BkQCtjTnKj3xLJjueHlvFzvQYMVTOuzARlL7Ru0KS5U%3D";

#[test]
fn an_independent_azure_server_agrees() {
    let mut command = Command::new("azurite-blob");
    command.args(["--inMemoryPersistence", "--silent", "--disableTelemetry"]);
    command.args(["--blobHost", "127.0.0.1", "--blobPort", "0"]);
    // It would close connections that are about to be used where this machine is slow.
    command.args(["--blobKeepAliveTimeout", "600"]);
    command.stdout(Stdio::piped()).stderr(Stdio::null());
    let Ok(child) = command.spawn() else {
        skipped(
            "azurite",
            "azurite-blob is not installed; npm install -g azurite",
        );
        return;
    };
    let mut server = Running(child);
    let line = wait_for(server.0.stdout.take().unwrap(), "successfully listens on");
    let url = line.rsplit(' ').next().unwrap().to_owned();
    let address = url.strip_prefix("http://").unwrap().parse().unwrap();
    put(
        address,
        &format!("/devstoreaccount1/bucket?restype=container&{SIGNATURE}"),
    );
    let environment = vec![
        ("AZURE_STORAGE_USE_EMULATOR", "true".to_owned()),
        ("AZURITE_BLOB_STORAGE_URL", url),
    ];
    let found = Server {
        stub: None,
        scheme: "az",
        environment,
    };
    in_a_process(&found, "az://bucket/contract", "contract");
    in_a_process(&found, "az://bucket/race", "race on another's server");
    whole_round(&found, Fencing::Sure);
}
