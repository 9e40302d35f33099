//! What a power cut left is kept where the test failed, and looked at again:
//! `CREEL_POWER='fs=..,work=..,log=..,cut=..,choice=..'`; a device that fails, by
//! `CREEL_POWER='fs=..,work=..,way=..,at=..,late=..'`.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::machine::{KINDS, Kind};

const VARIABLE: &str = "CREEL_POWER";

/// One image of a log, or one run with a device that fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Case {
    Cut {
        work: String,
        log: PathBuf,
        cut: usize,
        choice: u64,
    },
    Fails {
        work: String,
        way: usize,
        at: usize,
        late: usize,
    },
}

impl Case {
    /// The command that looks at it again.
    pub fn line(&self, kind: &Kind) -> String {
        let (rest, test) = match self {
            Case::Cut {
                work,
                log,
                cut,
                choice,
            } => {
                let log = log.display();
                let rest = format!("work={work},log={log},cut={cut},choice={choice}");
                (rest, "power_cuts")
            }
            Case::Fails {
                work,
                way,
                at,
                late,
            } => {
                let rest = format!("work={work},way={way},at={at},late={late}");
                (rest, "a_device")
            }
        };
        let fs = kind.short();
        format!(
            "{VARIABLE}='fs={fs},{rest}' cargo test --test power {test} -- --ignored --nocapture"
        )
    }

    /// What the environment asks for.
    pub fn from_environment() -> Option<(&'static Kind, Case)> {
        let text = std::env::var(VARIABLE).ok()?;
        let case = Case::parse(&text);
        Some(case.unwrap_or_else(|| panic!("{VARIABLE}={text:?} is no line as it was printed")))
    }

    fn parse(text: &str) -> Option<(&'static Kind, Case)> {
        let field = |name: &str| {
            let mut parts = text.split(',');
            parts.find_map(|part| part.strip_prefix(name)?.strip_prefix('='))
        };
        let fs = field("fs")?;
        let kind = KINDS.iter().find(|kind| kind.short() == fs)?;
        let work = field("work")?.to_owned();
        let case = match field("log") {
            Some(log) => Case::Cut {
                work,
                log: log.into(),
                cut: field("cut")?.parse().ok()?,
                choice: field("choice")?.parse().ok()?,
            },
            None => Case::Fails {
                work,
                way: field("way")?.parse().ok()?,
                at: field("at")?.parse().ok()?,
                late: field("late")?.parse().ok()?,
            },
        };
        Some((kind, case))
    }
}

/// A place where the log of a run that failed stays.
pub fn keep(kind: &Kind, work: &str, log: &Path) -> PathBuf {
    let name = format!("power-{}-{work}.log", kind.short());
    let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    copy_sparse(log, &kept);
    kept
}

/// Copies an image without its holes.
pub fn copy_sparse(from: &Path, to: &Path) {
    let mut copy = Command::new("cp");
    let status = copy.arg("--sparse=always").args([from, to]).status();
    assert!(status.unwrap().success(), "cp {}", from.display());
}

#[test]
fn a_printed_image_reads_back() {
    let cut = Case::Cut {
        work: "files".into(),
        log: "/tmp/a log".into(),
        cut: 71,
        choice: 2,
    };
    let fails = Case::Fails {
        work: "lazy".into(),
        way: 1,
        at: 16,
        late: 2000,
    };
    for (kind, case) in KINDS.iter().zip([cut, fails]) {
        let line = case.line(kind);
        let read = Case::parse(line.split('\'').nth(1).unwrap());
        assert_eq!(
            read.map(|(kind, case)| (kind.name, case)),
            Some((kind.name, case))
        );
    }
}
