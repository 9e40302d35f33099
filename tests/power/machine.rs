//! One run of a User-Mode Linux.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::work::{self, Step};

/// A file system to work on.
#[derive(Debug, Clone, Copy)]
pub struct Kind {
    pub name: &'static str,
    pub program: &'static str,
    mkfs: &'static str,
    pub mount: &'static str,
    options: &'static str,
    megabytes: u64,
    /// Modules besides those of the device mapper.
    needs: &'static str,
}

impl Kind {
    /// Its name in a line that is printed.
    pub fn short(&self) -> String {
        self.name.replace(' ', "-")
    }

    /// How large its device is.
    pub fn bytes(&self) -> u64 {
        self.megabytes << 20
    }
}

pub const KINDS: &[Kind] = &[
    Kind {
        name: "ext4 ordered",
        program: "mkfs.ext4",
        mkfs: "mkfs.ext4 -q -F -E lazy_itable_init=0,lazy_journal_init=0",
        mount: "ext4",
        options: "data=ordered",
        megabytes: 32,
        needs: "",
    },
    Kind {
        name: "ext4 writeback",
        program: "mkfs.ext4",
        mkfs: "mkfs.ext4 -q -F -E lazy_itable_init=0,lazy_journal_init=0",
        mount: "ext4",
        options: "data=writeback",
        megabytes: 32,
        needs: "",
    },
    Kind {
        name: "xfs",
        program: "mkfs.xfs",
        mkfs: "mkfs.xfs -q -f",
        mount: "xfs",
        options: "rw",
        megabytes: 320,
        needs: "lib/libcrc32c fs/xfs/xfs",
    },
    Kind {
        name: "btrfs",
        program: "mkfs.btrfs",
        mkfs: "mkfs.btrfs -q -f",
        mount: "btrfs",
        options: "rw",
        megabytes: 128,
        needs: "lib/libcrc32c crypto/xor lib/raid6/raid6_pq fs/btrfs/btrfs",
    },
];

/// What happens to the device.
pub enum Device<'a> {
    /// Every write is logged.
    Logged,
    /// Nothing.
    Plain,
    /// It becomes something else: before this step, or so many microseconds after the step began.
    Breaks {
        at: usize,
        late: usize,
        way: &'a Way,
    },
}

/// How a device fails, as a table of the device mapper.
pub struct Way {
    pub name: &'static str,
    pub table: &'static str,
    /// It says that all is well: what is read later has to be looked at.
    pub lies: bool,
}

/// A directory with the images, and what was printed.
pub struct Run {
    pub dir: TempDir,
    pub said: String,
    /// Steps that ended with status 0.
    pub done: usize,
}

impl Run {
    pub fn image(&self) -> PathBuf {
        self.dir.path().join("data.img")
    }

    pub fn log(&self) -> PathBuf {
        self.dir.path().join("log.img")
    }
}

/// Why there can be no run here.
pub fn missing() -> Option<String> {
    let has = |program: &str| {
        let found = Command::new("sh")
            .args(["-c", &format!("command -v {program}")])
            .stdout(Stdio::null())
            .status();
        found.is_ok_and(|s| s.success())
    };
    let wanted = ["linux.uml", "busybox", "dmsetup", "losetup", "mkfs.ext4"];
    if let Some(program) = wanted.into_iter().find(|p| !has(p)) {
        return Some(format!(
            "{program} is needed (nightly/setup.sh installs it)"
        ));
    }
    let id = Command::new("id").arg("-u").output().unwrap();
    (id.stdout != b"0\n").then(|| "mounting takes root".to_owned())
}

/// All, or the one that `CREEL_POWER_FS` names.
pub fn kinds() -> impl Iterator<Item = &'static Kind> {
    let only = std::env::var("CREEL_POWER_FS").ok();
    let known = |only: &String| KINDS.iter().any(|kind| kind.short() == *only);
    assert!(only.as_ref().is_none_or(known), "{only:?}");
    let wanted = move |kind: &&Kind| only.as_ref().is_none_or(|only| kind.short() == *only);
    KINDS.iter().filter(wanted)
}

/// How often a device fails or lies in each of its ways.
pub fn cycles() -> usize {
    let text = std::env::var("CREEL_POWER_CYCLES");
    text.map_or(9, |text| text.parse().expect("a number of runs"))
}

pub fn has_program(program: &str) -> bool {
    let search = std::env::var("PATH").unwrap_or_default() + ":/usr/sbin:/sbin";
    search
        .split(':')
        .any(|dir| Path::new(dir).join(program).exists())
}

fn sparse(path: &Path, megabytes: u64) {
    fs::File::create(path)
        .unwrap()
        .set_len(megabytes << 20)
        .unwrap();
}

/// Runs the steps of a workload on a new file system.
pub fn run(kind: &Kind, steps: &[Step], device: &Device<'_>) -> Run {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    sparse(&at.join("data.img"), kind.megabytes);
    sparse(&at.join("log.img"), 2048);
    work::write_inputs(&at.join("in"));
    let lines: Vec<&str> = steps.iter().map(|step| step.line.as_str()).collect();
    let settings = match device {
        Device::Logged => "device=log-writes\nbreak_at=\nlies=\n".to_owned(),
        Device::Plain => "device=linear\nbreak_at=\nlies=\n".to_owned(),
        Device::Breaks { at, late, way } => format!(
            "device=linear\nbreak_at={at}\nlate={late}\nbroken='{}'\nlies={}\n",
            way.table,
            if way.lies { "yes" } else { "" }
        ),
    };
    let said = boot(kind, at, &lines, &settings, include_str!("steps.sh"));
    assert!(said.contains("DONE "), "{}: {said}", kind.name);
    let done = said.lines().filter(|l| l.starts_with("mark ack:")).count();
    Run { dir, said, done }
}

/// Starts one that goes through these lines by this script, in a directory that has `data.img`; what
/// it printed.
pub fn boot(kind: &Kind, at: &Path, lines: &[&str], settings: &str, script: &str) -> String {
    fs::create_dir_all(at.join("mnt")).unwrap();
    fs::write(at.join("steps"), lines.join("\n") + "\n").unwrap();
    if !at.join("log.img").exists() {
        sparse(&at.join("log.img"), 1);
    }
    // A mistake that is made on purpose is made there too.
    let defect = std::env::var("CREEL_DEFECT");
    let defect = defect.map_or(String::new(), |name| {
        format!("export CREEL_DEFECT={name}\n")
    });
    let settings = format!(
        "creel={}\nmkfs='{}'\ntype={}\noptions='{}'\nneeds='{}'\n{settings}{defect}",
        env!("CARGO_BIN_EXE_creel"),
        kind.mkfs,
        kind.mount,
        kind.options,
        kind.needs
    );
    fs::write(at.join("settings"), settings).unwrap();
    let init = at.join("init.sh");
    fs::write(&init, include_str!("begin.sh").to_owned() + script).unwrap();
    let shell = Command::new("chmod")
        .arg("755")
        .arg(&init)
        .status()
        .unwrap();
    assert!(shell.success());
    let output = Command::new("timeout")
        .args([
            "900",
            "linux.uml",
            "mem=384M",
            "root=/dev/root",
            "rootfstype=hostfs",
        ])
        .args(["rootflags=/", "rw", "con=null", "con0=null,fd:1", "quiet"])
        .arg(format!("init={}", init.display()))
        .arg(format!("ubda={}", at.join("data.img").display()))
        .arg(format!("ubdb={}", at.join("log.img").display()))
        .arg(format!("creel_dir={}", at.display()))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// An image of the file system, mounted while this lives.
pub struct Mounted(PathBuf);

impl Mounted {
    /// `None` where the file system itself refuses.
    pub fn new(kind: &Kind, image: &Path, place: &Path) -> Option<Mounted> {
        fs::create_dir_all(place).unwrap();
        let mounted = Command::new("mount")
            .args(["-t", kind.mount, "-o", "loop"])
            .arg(image)
            .arg(place)
            .stderr(Stdio::null())
            .status()
            .unwrap();
        mounted.success().then(|| Mounted(place.to_owned()))
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}
