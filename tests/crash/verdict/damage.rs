//! All the ways in which a file is damaged, one at a time.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use creel::sys::{Access, Vfs};

use super::subject::{PAGE, Subject};
use crate::rng::Rng;
use crate::support::sim::{SECTOR, SimDisk};
use crate::world::PATH;

/// One damage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Damage {
    Flip {
        at: u64,
        mask: u8,
    },
    ZeroSector {
        at: u64,
    },
    Swap {
        one: u64,
        other: u64,
    },
    /// The page as it once was.
    Historic {
        page: u64,
        image: usize,
    },
    /// A copy that was made while the file changed: up to a page as at one instant, from there on
    /// as at a later one.
    Copied {
        page: u64,
        instant: usize,
        later: usize,
    },
    Cut {
        len: u64,
    },
    Extend {
        by: u64,
        garbage: bool,
    },
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Damage::Flip { at, mask } => write!(f, "flip:{at}:{mask}"),
            Damage::ZeroSector { at } => write!(f, "zero:{at}"),
            Damage::Swap { one, other } => write!(f, "swap:{one}:{other}"),
            Damage::Historic { page, image } => write!(f, "historic:{page}:{image}"),
            Damage::Copied {
                page,
                instant,
                later,
            } => write!(f, "copied:{page}:{instant}:{later}"),
            Damage::Cut { len } => write!(f, "cut:{len}"),
            Damage::Extend { by, garbage } => write!(f, "extend:{by}:{}", u8::from(garbage)),
        }
    }
}

impl Damage {
    /// Reads what a failure prints.
    pub fn parse(text: &str) -> Option<Damage> {
        let mut parts = text.split(':');
        let kind = parts.next()?;
        let numbers: Vec<u64> = parts.map(|p| p.parse().ok()).collect::<Option<_>>()?;
        Some(match (kind, numbers.as_slice()) {
            ("flip", &[at, mask]) => Damage::Flip {
                at,
                mask: mask as u8,
            },
            ("zero", &[at]) => Damage::ZeroSector { at },
            ("swap", &[one, other]) => Damage::Swap { one, other },
            ("historic", &[page, image]) => Damage::Historic {
                page,
                image: image as usize,
            },
            ("copied", &[page, instant, later]) => Damage::Copied {
                page,
                instant: instant as usize,
                later: later as usize,
            },
            ("cut", &[len]) => Damage::Cut { len },
            ("extend", &[by, garbage]) => Damage::Extend {
                by,
                garbage: garbage == 1,
            },
            _ => return None,
        })
    }

    /// The file so damaged, all of it durable.
    pub fn image(&self, subject: &Subject) -> Arc<SimDisk> {
        let disk = subject.disk();
        if let Some(bytes) = self.as_whole(subject) {
            disk.install(Path::new(PATH), &bytes);
            return disk;
        }
        let file = disk.open(Path::new(PATH), Access::Write).unwrap();
        let of = |bytes: &[u8], at: u64, len: u64| bytes[at as usize..(at + len) as usize].to_vec();
        let put = |bytes: &[u8], at: u64| file.write_at(bytes, at).unwrap();
        let size = subject.bytes.len() as u64;
        match *self {
            Damage::Flip { at, mask } => put(&[subject.bytes[at as usize] ^ mask], at),
            Damage::ZeroSector { at } => put(&[0; SECTOR as usize], at),
            Damage::Swap { one, other } => {
                put(&of(&subject.bytes, one * PAGE, PAGE), other * PAGE);
                put(&of(&subject.bytes, other * PAGE, PAGE), one * PAGE);
            }
            Damage::Historic { page, image } => {
                put(&subject.was[page as usize][image], page * PAGE);
            }
            Damage::Cut { len } => file.set_size(len).unwrap(),
            Damage::Extend { by, garbage: false } => file.set_size(size + by).unwrap(),
            Damage::Extend { by, .. } => put(&Rng::new(by).bytes(by as usize), size),
            Damage::Copied { .. } => {}
        }
        file.sync().unwrap();
        drop(file);
        disk
    }

    fn as_whole(&self, subject: &Subject) -> Option<Vec<u8>> {
        let Damage::Copied {
            page,
            instant,
            later,
        } = *self
        else {
            return None;
        };
        let (before, after) = (&subject.instants[instant], &subject.instants[later]);
        let cut = (page * PAGE) as usize;
        let mut bytes = before[..cut.min(before.len())].to_vec();
        bytes.extend_from_slice(after.get(bytes.len()..).unwrap_or(&[]));
        Some(bytes)
    }

    /// True where nothing but slack is concerned.
    pub fn is_slack(&self, subject: &Subject) -> bool {
        let whole = |at: u64, len: u64| {
            let range = at as usize..((at + len) as usize).min(subject.bytes.len());
            move |new: &[u8]| {
                let old = &subject.bytes[range.clone()];
                let changed = (at..).zip(old.iter().zip(new)).filter(|(_, (a, b))| a != b);
                changed.map(|(at, _)| at).all(|at| subject.is_slack(at))
            }
        };
        match *self {
            Damage::Flip { at, .. } => subject.is_slack(at),
            Damage::ZeroSector { at } => whole(at, SECTOR)(&[0; SECTOR as usize]),
            Damage::Swap { one, other } => {
                let page = |n: u64| &subject.bytes[(n * PAGE) as usize..((n + 1) * PAGE) as usize];
                whole(one * PAGE, PAGE)(page(other)) && whole(other * PAGE, PAGE)(page(one))
            }
            Damage::Historic { page, image } => {
                whole(page * PAGE, PAGE)(&subject.was[page as usize][image])
            }
            Damage::Extend { .. } => true,
            Damage::Copied { .. } | Damage::Cut { .. } => false,
        }
    }

    /// A whole page of a log region is taken away or put back.
    pub fn takes_log_pages(&self, subject: &Subject) -> bool {
        let in_log = |page: u64| subject.log_pages.iter().any(|range| range.contains(&page));
        match *self {
            Damage::Swap { one, other } => in_log(one) || in_log(other),
            Damage::Historic { page, .. } => in_log(page),
            _ => false,
        }
    }

    /// The file is another one, at another moment, and may well be whole.
    pub fn is_another_moment(&self) -> bool {
        matches!(self, Damage::Copied { .. })
    }
}

/// How thoroughly bytes, lengths and slack are gone through: every so many.
#[derive(Debug, Clone, Copy)]
pub struct Steps {
    pub bytes: u64,
    pub slack: u64,
    pub lengths: u64,
}

/// All damages.
pub fn all(subject: &Subject, steps: Steps) -> Vec<Damage> {
    let size = subject.bytes.len() as u64;
    let mut all = Vec::new();
    for at in 0..size {
        if subject.is_slack(at) {
            if at % steps.slack == 0 {
                all.push(Damage::Flip { at, mask: 0xff });
            }
            if steps.slack == 1 {
                all.extend([0x01, 0x80].map(|mask| Damage::Flip { at, mask }));
            }
        } else if at % steps.bytes == 0 {
            all.extend([0x01, 0x80, 0xff].map(|mask| Damage::Flip { at, mask }));
        }
    }
    let is_zero = |at: u64| {
        let sector = &subject.bytes[at as usize..(at + SECTOR) as usize];
        sector.iter().all(|byte| *byte == 0)
    };
    let sectors = (0..size).step_by(SECTOR as usize);
    all.extend(
        sectors
            .filter(|at| !is_zero(*at))
            .map(|at| Damage::ZeroSector { at }),
    );
    all.extend(of_pages(subject));
    let lengths = (0..size).filter(|len| len % steps.lengths == 0 || len % PAGE < 2);
    all.extend(lengths.map(|len| Damage::Cut { len }));
    for by in (1..=8192).filter(|by| by % steps.lengths == 0 || by % PAGE < 2) {
        all.extend([false, true].map(|garbage| Damage::Extend { by, garbage }));
    }
    all
}

fn of_pages(subject: &Subject) -> Vec<Damage> {
    let pages = subject.bytes.len() as u64 / PAGE;
    let page = |bytes: &[u8], page: u64| -> Option<Vec<u8>> {
        let at = (page * PAGE) as usize;
        Some(bytes.get(at..at + PAGE as usize)?.to_vec())
    };
    let mut all = Vec::new();
    for one in 0..pages {
        let now = page(&subject.bytes, one);
        for other in one + 1..pages {
            if page(&subject.bytes, other) != now {
                all.push(Damage::Swap { one, other });
            }
        }
        let images = subject.was.get(one as usize).map_or(0, Vec::len);
        all.extend((0..images).map(|image| Damage::Historic { page: one, image }));
    }
    for instant in 0..subject.instants.len() {
        for later in instant + 1..subject.instants.len() {
            all.extend((1..pages).map(|page| Damage::Copied {
                page,
                instant,
                later,
            }));
        }
    }
    all
}

#[test]
fn a_printed_damage_reads_back() {
    let subject = Subject::everything();
    let steps = Steps {
        bytes: 97,
        slack: 997,
        lengths: 991,
    };
    for damage in all(&subject, steps) {
        assert_eq!(Damage::parse(&damage.to_string()), Some(damage));
    }
}
