//! One run of a User-Mode Linux.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

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
    /// Before this step it becomes something else.
    Breaks { at: usize, table: &'a str },
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

/// Runs the steps, each a command line in which `{db}` is the database.
pub fn run(kind: &Kind, steps: &[String], device: &Device<'_>) -> Run {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    fs::create_dir(at.join("mnt")).unwrap();
    sparse(&at.join("data.img"), kind.megabytes);
    sparse(&at.join("log.img"), 2048);
    fs::write(at.join("steps"), steps.join("\n") + "\n").unwrap();
    let (name, break_at, broken) = match device {
        Device::Logged => ("log-writes", String::new(), ""),
        Device::Breaks { at, table } => ("linear", at.to_string(), *table),
    };
    // A mistake that is made on purpose is made there too.
    let defect = std::env::var("CREEL_DEFECT");
    let defect = defect.map_or(String::new(), |name| {
        format!("export CREEL_DEFECT={name}\n")
    });
    let settings = format!(
        "creel={}\nmkfs='{}'\ntype={}\noptions='{}'\nneeds='{}'\ndevice={name}\n\
         break_at='{break_at}'\nbroken='{broken}'\n{defect}",
        env!("CARGO_BIN_EXE_creel"),
        kind.mkfs,
        kind.mount,
        kind.options,
        kind.needs
    );
    fs::write(at.join("settings"), settings).unwrap();
    let init = at.join("init.sh");
    fs::write(&init, include_str!("init.sh")).unwrap();
    let shell = Command::new("chmod")
        .arg("755")
        .arg(&init)
        .status()
        .unwrap();
    assert!(shell.success());
    let output = Command::new("timeout")
        .args([
            "300",
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
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("DONE "), "{}: {said}", kind.name);
    let done = said.lines().filter(|l| l.starts_with("mark ack:")).count();
    Run { dir, said, done }
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
