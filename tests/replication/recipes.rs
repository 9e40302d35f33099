//! What docs/operations.md says of electors that do not run here: as far as it can be run without them.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::world::{World, skipped, text};

/// A part of the document.
fn section(title: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/operations.md");
    let document = fs::read_to_string(path).unwrap();
    let title = format!("\n## {title}\n");
    let rest = document.split(&title).nth(1).expect("it is there");
    rest.split("\n## ").next().unwrap().to_owned()
}

/// Its blocks of this kind.
fn blocks(section: &str, kind: &str) -> Vec<String> {
    let begin = format!("```{kind}\n");
    let blocks = section.split(&begin).skip(1);
    let blocks = blocks.map(|rest| rest.split("```").next().unwrap().to_owned());
    blocks.collect()
}

/// The script of that name.
fn script(section: &str, name: &str) -> String {
    let begin = format!("#!/bin/sh\n# {name}\n");
    let found = blocks(section, "sh").into_iter();
    let mut found = found.filter(|block| block.starts_with(&begin));
    found.next().expect("a script of that name")
}

const KUBERNETES: &str = "Elected by a Lease of Kubernetes";

fn install(path: &Path, script: &str) {
    fs::write(path, script).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// An API server with one Lease: `lease` has its version and holder. Before each answer to `get` it
/// does what stands in `hook`, where `n` says how often it was asked.
const KUBECTL: &str = r#"#!/bin/sh
test "$1" = --request-timeout=1s || exit 9
cd "$FAKE"
case $2 in
get)
    n=$(($(cat gets 2>/dev/null || echo 0) + 1)); echo $n > gets
    . ./hook
    if test -e lease; then printf %s "$(cat lease)"; fi
    ;;
create | replace)
    asked=$(cat)
    field() { printf %s "$asked" | sed -n "s/.*\"$1\": \"\([^\"]*\)\".*/\1/p"; }
    version=$(field resourceVersion) holder=$(field holderIdentity)
    . ./late
    newest=$(cut -d ' ' -f 1 lease 2>/dev/null || :)
    answer=refused
    if test "$version" = "$newest"; then
        case $2 in
        create) test -e lease || answer=done ;;
        replace) test ! -e lease || answer=done ;;
        esac
    fi
    echo "$2 $holder $answer" >> calls
    cat gets >> when
    test $answer = done || exit 1
    echo "$((${newest:-0} + 1)) $holder" > lease
    ;;
*) exit 9 ;;
esac
"#;

/// What `lease` finds, and what it then did.
struct Cluster(World);

impl Cluster {
    /// `hook` is run at each look, `late` between a look and a write.
    fn new(held: Option<&str>, hook: &str, late: &str) -> Cluster {
        let world = World::new();
        fs::create_dir(world.path("bin")).unwrap();
        install(&world.path("bin/kubectl"), KUBECTL);
        // What is waited for is counted in looks. A sleep that was ended is no reason to give up.
        install(&world.path("bin/sleep"), "#!/bin/sh\nexit 143\n");
        // How fast this machine is decides nothing.
        let lease = script(&section(KUBERNETES), "lease").replace("timeout 2 ", "timeout 300 ");
        assert!(lease.contains("timeout 300 "));
        install(&world.path("lease-script"), &lease);
        fs::write(world.path("hook"), hook).unwrap();
        fs::write(world.path("late"), late).unwrap();
        if let Some(held) = held {
            fs::write(world.path("lease"), held).unwrap();
        }
        Cluster(world)
    }

    /// Runs `lease` with a command of the shell, as node `me`.
    fn run(&self, command: &str) -> Output {
        let path = std::env::var("PATH").unwrap();
        let path = format!("{}:{path}", self.0.path("bin").display());
        let mut lease = Command::new("sh");
        lease
            .arg(self.0.path("lease-script"))
            .args(["sh", "-c", command])
            .current_dir(self.0.dir.path())
            .env("PATH", path)
            .env("FAKE", self.0.dir.path())
            .env("ME", "me")
            .stdin(Stdio::null());
        lease.output().unwrap()
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.0.path(name)).unwrap_or_default()
    }

    fn lines(&self, name: &str) -> Vec<String> {
        self.read(name).lines().map(str::to_owned).collect()
    }
}

/// Runs until it is told to end, and notes both; the pipe never gets anything.
const PRIMARY: &str = "echo $PPID > pid; trap 'echo ended >> ran; exit' TERM; echo began >> ran; \
    mkfifo pipe; while :; do read -r line <> pipe; done";

#[test]
fn a_lease_that_nobody_has_is_taken_and_given_back() {
    for lease in [None, Some("4 nobody"), Some("4 me")] {
        let cluster = Cluster::new(lease, "", "");
        let output = cluster.run("cat lease > ran");
        assert!(output.status.success(), "{}", text(&output));
        assert!(cluster.read("ran").ends_with(" me\n"), "{lease:?}");
        let calls = cluster.lines("calls");
        let first = lease.map_or("create me done", |_| "replace me done");
        assert_eq!(calls[0], first, "{lease:?}");
        assert_eq!(calls.last().unwrap(), "replace nobody done");
        assert!(cluster.read("lease").ends_with(" nobody\n"));
    }
}

#[test]
fn a_lease_of_another_is_taken_only_when_it_was_not_renewed_for_ten_looks() {
    let cluster = Cluster::new(Some("7 other"), "", "");
    assert!(cluster.run(":").status.success());
    assert_eq!(cluster.lines("when")[0], "11");
    assert_eq!(cluster.lines("calls")[0], "replace me done");
    // One that is renewed at every ninth look, and given back after the sixtieth.
    let renewed = "test $n -gt 60 || test $((n % 9)) -gt 0 || echo \"$((7 + n)) other\" > lease
        test $n -ne 61 || echo '99 nobody' > lease";
    let cluster = Cluster::new(Some("7 other"), renewed, "");
    assert!(cluster.run(":").status.success());
    assert_eq!(cluster.lines("when")[0], "61", "nothing is written before");
}

#[test]
fn of_two_that_write_at_once_one_is_refused() {
    let other = "test -e taken || { echo '50 other' > lease; echo > taken; }";
    for lease in [None, Some("4 nobody")] {
        let cluster = Cluster::new(lease, "", other);
        assert!(cluster.run("cp calls ran").status.success());
        let calls = cluster.lines("calls");
        assert!(calls[0].ends_with(" me refused"), "{calls:?}");
        // Ten looks later, as the other one does not renew it, and nothing has run before.
        assert_eq!(calls[1], "replace me done");
        assert_eq!(cluster.lines("when")[..2], ["1", "12"], "{lease:?}");
        assert!(cluster.lines("ran").len() >= 2, "{lease:?}");
    }
}

#[test]
fn what_runs_is_ended_when_the_lease_is_lost() {
    let taken = "test $n -lt 5 || test ! -e pipe || echo '90 other' > lease";
    let gone = "test $n -lt 5 || test ! -e pipe || exit 1";
    for (hook, left) in [(taken, "90 other\n"), (gone, " me\n")] {
        let cluster = Cluster::new(None, hook, "");
        cluster.run(PRIMARY);
        assert_eq!(cluster.lines("ran"), ["began", "ended"], "{hook}");
        assert!(cluster.read("lease").ends_with(left), "{hook}");
        let calls = cluster.read("calls");
        assert!(!calls.contains("nobody"), "{hook}: {calls}");
    }
}

#[test]
fn who_is_told_to_end_ends_what_runs_and_gives_the_lease_back() {
    let told = "test ! -e pipe || test -e told || { echo > told; kill -TERM $(cat pid); }";
    let cluster = Cluster::new(None, told, "");
    let output = cluster.run(PRIMARY);
    assert!(output.status.success(), "{}", text(&output));
    assert_eq!(cluster.lines("ran"), ["began", "ended"]);
    assert!(cluster.read("lease").ends_with(" nobody\n"));
}

/// A failed renewal is not the end, two are.
#[test]
fn one_renewal_may_fail() {
    let once = "test ! -e pipe || { test -e failed || { echo > failed; exit 1; }; }
        test ! -e failed || echo $n >> after
        test $(cat after 2>/dev/null | wc -l) -lt 6 || echo '90 other' > lease";
    let cluster = Cluster::new(None, once, "");
    cluster.run(PRIMARY);
    assert_eq!(cluster.lines("ran"), ["began", "ended"]);
    assert!(
        cluster.lines("after").len() > 2,
        "{}",
        cluster.read("after")
    );
}

#[test]
fn scripts_and_manifest_are_well_formed() {
    let kubernetes = section(KUBERNETES);
    let consul = section("Elected by Consul");
    for script in [blocks(&kubernetes, "sh"), blocks(&consul, "sh")].concat() {
        let output = Command::new("sh").args(["-n", "-c", &script]).output();
        assert!(output.unwrap().status.success(), "{script}");
    }
    // The round is the one that is run with etcd.
    let etcd = script(&section("Let something else decide who is primary"), "node");
    let consul = script(&consul, "node");
    let round = |script: &str| script.trim_end().rsplit_once('\n').unwrap().0.to_owned();
    assert_eq!(round(&consul), round(&etcd));
    let manifest = blocks(&kubernetes, "yaml").remove(0);
    for mounted in ["lease", "pod"] {
        assert!(kubernetes.contains(&format!("--from-file={mounted}")));
    }
    let world = World::new();
    fs::write(world.path("creel.yaml"), &manifest).unwrap();
    fs::write(
        world.path("kustomization.yaml"),
        "resources: [creel.yaml]\n",
    )
    .unwrap();
    let read = Command::new("kubectl")
        .arg("kustomize")
        .arg(world.dir.path())
        .output();
    let Ok(output) = read else {
        skipped(
            "kubectl",
            "the manifest of docs/operations.md: it is not installed",
        );
        return;
    };
    let said = text(&output);
    assert!(output.status.success(), "{said}");
    let kinds: Vec<&str> = said
        .lines()
        .filter_map(|line| line.strip_prefix("kind: "))
        .collect();
    assert_eq!(kinds.len(), 5, "{kinds:?}");
    assert!(kinds.contains(&"StatefulSet"), "{kinds:?}");
}
