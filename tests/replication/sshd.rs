//! A real sshd, started for each connection as inetd would start it, and keys that it knows.

use std::fs::{self, File};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use tempfile::TempDir;

use crate::world::{creel, skipped};

/// One connection, and who waits for its sshd.
struct Session {
    socket: TcpStream,
    ends: JoinHandle<()>,
}

impl Session {
    fn start(mut command: Command, socket: TcpStream) -> Session {
        let there = |socket: &TcpStream| OwnedFd::from(socket.try_clone().unwrap());
        command.stdin(there(&socket)).stdout(there(&socket));
        let mut child = command.spawn().unwrap();
        let held = socket.try_clone().unwrap();
        let ends = std::thread::spawn(move || {
            let _ = child.wait();
            // The other side waits for as long as anybody here has it.
            let _ = held.shutdown(Shutdown::Both);
        });
        Session { socket, ends }
    }

    fn end(self) {
        let _ = self.socket.shutdown(Shutdown::Both);
        let _ = self.ends.join();
    }
}

pub struct Sshd {
    dir: TempDir,
    /// As an address of `ssh://` has it, with user and port.
    pub place: String,
    target: String,
    sessions: Arc<Mutex<Vec<Session>>>,
    is_over: Arc<AtomicBool>,
    address: std::net::SocketAddr,
    accepting: Option<JoinHandle<()>>,
}

impl Drop for Sshd {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
        let _ = self.accepting.take().unwrap().join();
        self.cut();
    }
}

/// The program, which is not in everybody's PATH.
fn program() -> Option<&'static str> {
    let places = ["/usr/sbin/sshd", "/usr/local/sbin/sshd", "/usr/bin/sshd"];
    places.into_iter().find(|place| Path::new(place).exists())
}

fn text(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

impl Sshd {
    /// On this address, for the present user; `None` where that cannot be, which is said.
    pub fn start(host: &str) -> Option<Sshd> {
        let Some(program) = program() else {
            skipped("sshd", "openssh-server is not installed");
            return None;
        };
        let Ok(listener) = TcpListener::bind((host, 0)) else {
            skipped("sshd", &format!("to {host}: there is no such address here"));
            return None;
        };
        // As root sshd wants it, and only a service's start makes it.
        let _ = fs::create_dir_all("/run/sshd");
        let address = listener.local_addr().unwrap();
        let user = text(Command::new("id").arg("-un"));
        let mut sshd = Sshd {
            dir: tempfile::tempdir().unwrap(),
            place: format!("{user}@{address}"),
            target: format!("{user}@{host}"),
            sessions: Arc::default(),
            is_over: Arc::default(),
            address,
            accepting: None,
        };
        fs::create_dir(sshd.client("")).unwrap();
        sshd.make_key(&sshd.file("host"));
        sshd.configure();
        sshd.allow("key", "");
        sshd.accepting = Some(sshd.accept(listener, program));
        let mut probe = Command::new("ssh");
        probe.arg("-F").arg(sshd.client("config")).arg("-i");
        probe.arg(sshd.client("key"));
        probe.args(["-p", &address.port().to_string(), &sshd.target, "true"]);
        // Nothing of creel is in this.
        let output = probe.stdin(Stdio::null()).output().unwrap();
        if output.status.success() && output.stdout.is_empty() {
            return Some(sshd);
        }
        let log = fs::read_to_string(sshd.file("log")).unwrap();
        skipped(
            "sshd",
            &format!("nobody can log in here: {output:?}\n{log}"),
        );
        None
    }

    /// A file of the server's.
    pub fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// A file of the client's, whose path has to be quoted.
    pub fn client(&self, name: &str) -> PathBuf {
        self.dir.path().join("the client's").join(name)
    }

    fn make_key(&self, path: &Path) {
        let mut command = Command::new("ssh-keygen");
        command.args(["-q", "-t", "ed25519", "-N", "", "-C", "test", "-f"]);
        text(command.arg(path));
    }

    fn public(&self, path: &Path) -> String {
        fs::read_to_string(path.with_extension("pub")).unwrap()
    }

    fn configure(&self) {
        let (host, keys) = (self.file("host"), self.file("authorized_keys"));
        let config = format!(
            "HostKey {}\nAuthorizedKeysFile {}\nStrictModes no\nUsePAM no\nPidFile none\n\
             PasswordAuthentication no\nKbdInteractiveAuthentication no\nPrintMotd no\n",
            host.display(),
            keys.display()
        );
        fs::write(self.file("sshd_config"), config).unwrap();
        let config = format!(
            "UserKnownHostsFile \"{}\"\nGlobalKnownHostsFile /dev/null\nStrictHostKeyChecking yes\n\
             IdentitiesOnly yes\nIdentityAgent none\nBatchMode yes\n",
            self.client("known_hosts").display()
        );
        fs::write(self.client("config"), config).unwrap();
        self.know(&self.file("host"));
    }

    /// The client takes the server for the one with this key.
    pub fn know(&self, key: &Path) {
        let (host, port) = (self.address.ip(), self.address.port());
        let line = format!("[{host}]:{port} {}", self.public(key));
        fs::write(self.client("known_hosts"), line).unwrap();
    }

    /// Makes a key that may log in, with options as a line of authorized_keys has them.
    pub fn allow(&self, key: &str, options: &str) {
        let path = self.client(key);
        self.make_key(&path);
        let keys = self.file("authorized_keys");
        let known = fs::read_to_string(&keys).unwrap_or_default();
        fs::write(keys, format!("{known}{options} {}", self.public(&path))).unwrap();
    }

    fn accept(&self, listener: TcpListener, program: &'static str) -> JoinHandle<()> {
        let (sessions, is_over) = (Arc::clone(&self.sessions), Arc::clone(&self.is_over));
        let (config, log) = (self.file("sshd_config"), self.file("log"));
        let log = File::options().create(true).append(true).open(log).unwrap();
        std::thread::spawn(move || {
            for socket in listener.incoming() {
                if is_over.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(socket) = socket else { continue };
                let mut command = Command::new(program);
                command.args(["-i", "-e", "-f"]).arg(&config);
                command.stderr(log.try_clone().unwrap());
                let session = Session::start(command, socket);
                sessions.lock().unwrap().push(session);
            }
        })
    }

    /// Ends all connections. Gives how many there have been since the last time.
    pub fn cut(&self) -> usize {
        let sessions = std::mem::take(&mut *self.sessions.lock().unwrap());
        let count = sessions.len();
        sessions.into_iter().for_each(Session::end);
        count
    }

    /// `ssh` with the options that it takes here, for this key.
    pub fn ssh(&self, key: &str) -> String {
        let word = |path: PathBuf| format!("\"{}\"", path.display());
        let (config, key) = (word(self.client("config")), word(self.client(key)));
        format!("ssh -F {config} -i {key}")
    }

    /// A creel in whose environment stands how to get here.
    pub fn creel(&self, key: &str) -> Command {
        let mut command = creel();
        command.env("CREEL_SSH", self.ssh(key));
        command
    }

    /// A program of the other machine.
    pub fn script(&self, name: &str, text: &str) -> String {
        let path = self.file(name);
        fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(&path, mode).unwrap();
        path.to_str().unwrap().to_owned()
    }
}
