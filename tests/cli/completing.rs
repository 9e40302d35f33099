//! What bash, zsh and fish make of the completions, each asked itself.

use std::fs;
use std::io::{BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use tempfile::TempDir;

use crate::support::skipped;
use crate::terminal::has_script;

/// What is typed, and what stands on the line once the tabulator key was pressed.
const LINES: [(&str, &str); 11] = [
    ("keysp", "keyspaces"),
    ("replicate rese", "replicate reseed"),
    ("log sh", "log show"),
    ("get some.db k --wait-f", "get some.db k --wait-for"),
    (
        "replicate pull c.db --until x --time",
        "replicate pull c.db --until x --timeout",
    ),
    ("put some.db k v --sync no", "put some.db k v --sync normal"),
    ("--color al", "--color always"),
    (
        "replicate pull c.db --reseed fo",
        "replicate pull c.db --reseed force",
    ),
    ("list som", "list some.db"),
    ("import some.db oth", "import some.db other.jsonl"),
    ("verify alone/", "verify alone/only.db"),
];

/// Where no word was begun.
const EMPTY: [(&str, &str); 2] = [
    ("verify ", "verify only.db"),
    ("list --json ", "list --json only.db"),
];

const PATIENCE: Duration = Duration::from_secs(60);

fn completions() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("completions")
}

/// Files to be named.
fn files() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("alone")).unwrap();
    for name in ["some.db", "other.jsonl", "alone/only.db"] {
        fs::write(dir.path().join(name), "").unwrap();
    }
    dir
}

fn is_there(shell: &str) -> bool {
    let found = Command::new(shell).args(["-c", "exit 0"]).status();
    let found = found.is_ok_and(|status| status.success());
    if !found {
        skipped(
            "shells",
            &format!("{shell} is not there to use its completions"),
        );
    }
    found
}

/// A shell at a terminal. Its `creel` prints what it was given.
struct Terminal {
    child: Child,
    keyboard: ChildStdin,
    screen: Receiver<u8>,
    seen: String,
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Terminal {
    fn start(line: &str, dir: &Path, home: &Path) -> Terminal {
        let mut command = Command::new("script");
        command
            .args(["-qec", line, "/dev/null"])
            .current_dir(dir)
            .env("TERM", "xterm")
            .env("LC_ALL", "C")
            .env("HOME", home)
            .env("ZDOTDIR", home)
            .env("COMPLETIONS", completions())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let keyboard = child.stdin.take().unwrap();
        let output = child.stdout.take().unwrap();
        let (sender, screen) = channel();
        std::thread::spawn(move || {
            for byte in BufReader::new(output).bytes().map_while(Result::ok) {
                let _ = sender.send(byte);
            }
        });
        Terminal {
            child,
            keyboard,
            screen,
            seen: String::new(),
        }
    }

    /// Reads on until this has come.
    fn until(&mut self, wanted: &str) -> &str {
        let from = self.seen.len();
        while !self.seen[from..].ends_with(wanted) {
            let byte = self.screen.recv_timeout(PATIENCE);
            let byte = byte.unwrap_or_else(|_| panic!("no {wanted:?} in {:?}", self.seen));
            self.seen.push(char::from(byte));
        }
        &self.seen[from..self.seen.len() - wanted.len()]
    }

    fn completes(&mut self, lines: &[(&str, &str)]) {
        for (typed, wanted) in lines {
            self.until("READY>");
            writeln!(self.keyboard, "creel {typed}\t").unwrap();
            self.until("got:");
            let got = self.until("\n").trim_end();
            assert_eq!(got, *wanted, "creel {typed}");
        }
    }
}

#[test]
fn bash_completes() {
    if !is_there("bash") || !has_script() {
        return;
    }
    let (dir, home) = (files(), tempfile::tempdir().unwrap());
    let start =
        "PS1='READY>'\n. \"$COMPLETIONS/creel.bash\"\ncreel() { printf 'got:%s\\n' \"$*\"; }\n";
    let rc = home.path().join("rc");
    fs::write(&rc, start).unwrap();
    let line = format!("exec bash --noprofile --rcfile {} -i", rc.display());
    Terminal::start(&line, dir.path(), home.path()).completes(&LINES);
    // It was offered the options of the command, and so no file.
    let alone = dir.path().join("alone");
    Terminal::start(&line, &alone, home.path()).completes(&EMPTY);
}

#[test]
fn zsh_completes() {
    if !is_there("zsh") || !has_script() {
        return;
    }
    let (dir, home) = (files(), tempfile::tempdir().unwrap());
    let start = "PROMPT='READY>'\nfpath=(\"$COMPLETIONS\" $fpath)\nautoload -Uz compinit\ncompinit -u -D\n\
                 creel() { print -r -- \"got:$*\" }\n";
    fs::write(home.path().join(".zshrc"), start).unwrap();
    let line = "exec zsh -d -i";
    Terminal::start(line, dir.path(), home.path()).completes(&LINES);
    let alone = dir.path().join("alone");
    Terminal::start(line, &alone, home.path()).completes(&EMPTY);
}

/// Fish says what it would offer, without a terminal.
#[test]
fn fish_completes() {
    if !is_there("fish") {
        return;
    }
    let (dir, home) = (files(), tempfile::tempdir().unwrap());
    let asked = |folder: &Path, lines: &[(&str, &str)]| {
        let mut script = "source $COMPLETIONS/creel.fish\n".to_owned();
        for (typed, _) in lines {
            script.push_str(&format!("echo ANSWER\ncomplete -C 'creel {typed}'\n"));
        }
        let mut command = Command::new("fish");
        command.args(["--no-config", "-c", &script]);
        command.env("COMPLETIONS", completions()).env("LC_ALL", "C");
        command.env("HOME", home.path()).current_dir(folder);
        let output = command.stdin(Stdio::null()).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        let said = String::from_utf8(output.stdout).unwrap();
        let answers = said.split("ANSWER\n").skip(1);
        assert_eq!(answers.clone().count(), lines.len(), "{said}");
        for ((typed, wanted), answer) in lines.iter().zip(answers) {
            // The last word, which is what was begun.
            let word = wanted.rsplit(' ').next().unwrap();
            let offers = answer.lines().filter_map(|line| line.split('\t').next());
            let offers: Vec<&str> = offers.collect();
            assert!(offers.contains(&word), "creel {typed}: {offers:?}");
        }
    };
    asked(dir.path(), &LINES);
    asked(&dir.path().join("alone"), &EMPTY);
}

/// All values of an option, and nothing else.
#[test]
fn bash_offers_the_values_of_an_option() {
    if !is_there("bash") {
        return;
    }
    let script = ". \"$1\"; shift; COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); \
                  _creel creel \"${COMP_WORDS[COMP_CWORD]}\" \"${COMP_WORDS[COMP_CWORD - 1]}\"; \
                  echo \"${COMPREPLY[@]}\"";
    let asked = |words: &[&str]| {
        let mut command = Command::new("bash");
        command.args(["-c", script, "bash"]);
        command.arg(completions().join("creel.bash")).args(words);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    let sync = ["creel", "put", "my.db", "k", "v", "--sync", ""];
    assert_eq!(asked(&sync), "full normal off");
    let reseed = ["creel", "replicate", "pull", "my.db", "--reseed", ""];
    assert_eq!(asked(&reseed), "never auto force");
    let verbs = asked(&["creel", "replicate", ""]);
    for verb in ["init", "pull", "follow", "serve", "status", "rejoin"] {
        assert!(verbs.split(' ').any(|word| word == verb), "{verb}: {verbs}");
    }
    assert_eq!(asked(&["creel", "verify", ""]), "");
    assert!(asked(&["creel", "verify", "-"]).contains("--level"));
}
