//! What a power cut left is kept where the test failed, and looked at again:
//! `CREEL_POWER='fs=..,log=..,cut=..,choice=..'`; a device that fails, by `CREEL_POWER='fs=..,way=..,at=..'`.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::machine::{KINDS, Kind};

const VARIABLE: &str = "CREEL_POWER";

/// One image of a log, or one run with a device that fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Case {
    Cut {
        log: PathBuf,
        cut: usize,
        choice: u64,
    },
    Fails {
        way: usize,
        at: usize,
    },
}

impl Case {
    /// The command that looks at it again.
    pub fn line(&self, kind: &Kind) -> String {
        let (rest, test) = match self {
            Case::Cut { log, cut, choice } => (
                format!("log={},cut={cut},choice={choice}", log.display()),
                "power_cuts",
            ),
            Case::Fails { way, at } => (format!("way={way},at={at}"), "a_device"),
        };
        let fs = kind.name.replace(' ', "-");
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
        let kind = KINDS
            .iter()
            .find(|kind| kind.name.replace(' ', "-") == fs)?;
        let case = match field("log") {
            Some(log) => Case::Cut {
                log: log.into(),
                cut: field("cut")?.parse().ok()?,
                choice: field("choice")?.parse().ok()?,
            },
            None => Case::Fails {
                way: field("way")?.parse().ok()?,
                at: field("at")?.parse().ok()?,
            },
        };
        Some((kind, case))
    }
}

/// A place where the log of a run that failed stays.
pub fn keep(kind: &Kind, log: &Path) -> PathBuf {
    let name = format!("power-{}.log", kind.name.replace(' ', "-"));
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
        log: "/tmp/a log".into(),
        cut: 71,
        choice: 2,
    };
    for (kind, case) in KINDS.iter().zip([cut, Case::Fails { way: 1, at: 16 }]) {
        let line = case.line(kind);
        let read = Case::parse(line.split('\'').nth(1).unwrap());
        assert_eq!(
            read.map(|(kind, case)| (kind.name, case)),
            Some((kind.name, case))
        );
    }
}
