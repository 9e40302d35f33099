//! The line that a call made to fail prints, and reading it again: `CREEL_FAULT=workload=..,on=..,
//! kind=..,nth=..,repeat=..` is one failure; with fewer fields it is all that have these.

use super::support::sim::{FaultKind, FaultOn, FaultPlan, Repeat};

pub const VARIABLE: &str = "CREEL_FAULT";

const ON: &[(&str, FaultOn)] = &[
    ("read", FaultOn::Read),
    ("write", FaultOn::Write),
    ("sync", FaultOn::Sync),
    ("set-size", FaultOn::SetSize),
    ("rename", FaultOn::Rename),
    ("dir-sync", FaultOn::DirSync),
    ("create", FaultOn::Create),
    ("remove", FaultOn::Remove),
    ("open", FaultOn::Open),
    ("any", FaultOn::Any),
];

const ERRNO: &[(&str, i32)] = &[
    ("EIO", libc::EIO),
    ("ENOSPC", libc::ENOSPC),
    ("EDQUOT", libc::EDQUOT),
    ("EROFS", libc::EROFS),
    ("EACCES", libc::EACCES),
    ("EMFILE", libc::EMFILE),
    ("EINTR", libc::EINTR),
];

const REPEAT: &[(&str, Repeat)] = &[("once", Repeat::Once), ("forever", Repeat::Forever)];

const SHORT: &str = "short-";
const KEEPS_NEW: &str = "keeps-new";
const KEEPS_NEW_FOR: &str = "keeps-new-";
const REVERTS: &str = "reverts";

fn name_of<T: PartialEq + Copy>(table: &[(&'static str, T)], value: T) -> &'static str {
    let found = table.iter().find(|(_, known)| *known == value);
    found.map_or("unnamed", |(name, _)| name)
}

fn of_name<T: Copy>(table: &[(&str, T)], name: &str) -> Option<T> {
    let found = table.iter().find(|(known, _)| *known == name);
    found.map(|(_, value)| *value)
}

fn kind_text(kind: FaultKind) -> String {
    match kind {
        FaultKind::Errno(errno) => name_of(ERRNO, errno).into(),
        FaultKind::ShortWriteThenError(errno) => format!("{SHORT}{}", name_of(ERRNO, errno)),
        FaultKind::SyncKeepsNew => KEEPS_NEW.into(),
        FaultKind::SyncKeepsNewFor(errno) => {
            format!("{KEEPS_NEW_FOR}{}", name_of(ERRNO, errno))
        }
        FaultKind::SyncReverts => REVERTS.into(),
    }
}

fn kind_of(text: &str) -> Option<FaultKind> {
    if let Some(errno) = text.strip_prefix(KEEPS_NEW_FOR) {
        return of_name(ERRNO, errno).map(FaultKind::SyncKeepsNewFor);
    }
    match (text, text.strip_prefix(SHORT)) {
        (KEEPS_NEW, _) => Some(FaultKind::SyncKeepsNew),
        (REVERTS, _) => Some(FaultKind::SyncReverts),
        (_, Some(errno)) => of_name(ERRNO, errno).map(FaultKind::ShortWriteThenError),
        (errno, None) => of_name(ERRNO, errno).map(FaultKind::Errno),
    }
}

/// The command that makes this call fail again.
pub fn line(workload: &str, plan: &FaultPlan) -> String {
    format!(
        "{VARIABLE}='workload={workload},on={},kind={},nth={},repeat={}' \
         cargo test --test crash failing_calls -- --nocapture",
        name_of(ON, plan.on),
        kind_text(plan.kind),
        plan.nth,
        name_of(REPEAT, plan.repeat)
    )
}

/// Which failures are asked for; what is `None` may be anything.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Wanted {
    pub workload: Option<String>,
    on: Option<FaultOn>,
    kind: Option<FaultKind>,
    nth: Option<usize>,
    repeat: Option<Repeat>,
}

impl Wanted {
    /// What the environment asks for.
    pub fn from_environment() -> Option<Wanted> {
        let text = std::env::var(VARIABLE).ok()?;
        let wanted = Wanted::parse(&text);
        Some(wanted.unwrap_or_else(|part| panic!("{VARIABLE}: {part:?} is not understood")))
    }

    fn parse(text: &str) -> Result<Wanted, String> {
        let mut wanted = Wanted::default();
        for part in text.split(',').filter(|part| !part.is_empty()) {
            wanted.take(part).ok_or(part)?;
        }
        Ok(wanted)
    }

    fn take(&mut self, part: &str) -> Option<()> {
        let (name, value) = part.split_once('=')?;
        match name {
            "workload" => self.workload = Some(value.to_owned()),
            "on" => self.on = Some(of_name(ON, value)?),
            "kind" => self.kind = Some(kind_of(value)?),
            "nth" => self.nth = Some(value.parse().ok()?),
            "repeat" => self.repeat = Some(of_name(REPEAT, value)?),
            _ => return None,
        }
        Some(())
    }

    /// The plan, where all of it is told.
    pub fn plan(&self) -> Option<FaultPlan> {
        Some(FaultPlan {
            nth: self.nth?,
            kind: self.kind?,
            repeat: self.repeat?,
            on: self.on?,
        })
    }

    pub fn has(&self, workload: &str, plan: &FaultPlan) -> bool {
        fn fits<T: PartialEq>(wanted: Option<T>, is: T) -> bool {
            wanted.is_none_or(|wanted| wanted == is)
        }
        fits(self.workload.as_deref(), workload)
            && fits(self.on, plan.on)
            && fits(self.kind, plan.kind)
            && fits(self.nth, plan.nth)
            && fits(self.repeat, plan.repeat)
    }
}

#[test]
fn a_printed_failure_reads_back() {
    for (kind, on, repeat) in [
        (
            FaultKind::Errno(libc::EDQUOT),
            FaultOn::Create,
            Repeat::Once,
        ),
        (
            FaultKind::ShortWriteThenError(libc::EIO),
            FaultOn::Write,
            Repeat::Forever,
        ),
        (FaultKind::SyncKeepsNew, FaultOn::Sync, Repeat::Once),
        (FaultKind::SyncReverts, FaultOn::DirSync, Repeat::Once),
        (
            FaultKind::SyncKeepsNewFor(libc::ENOSPC),
            FaultOn::Sync,
            Repeat::Once,
        ),
    ] {
        let plan = FaultPlan {
            nth: 37,
            kind,
            repeat,
            on,
        };
        let line = line("two-writers", &plan);
        let text = line.split('\'').nth(1).unwrap();
        let wanted = Wanted::parse(text).unwrap();
        assert_eq!(wanted.plan(), Some(plan), "{line}");
        assert!(wanted.has("two-writers", &plan) && !wanted.has("singles", &plan));
    }
    let some = Wanted::parse("workload=singles,on=sync").unwrap();
    assert_eq!(some.plan(), None);
    assert!(Wanted::parse("on=sink").is_err() && Wanted::parse("nth").is_err());
}
