//! Damaged files under the program itself: real files, mapped, as its defaults have it. Its exit status tells of the
//! damage, and what it prints beside another one is right.

use std::path::PathBuf;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use creel::{SyncMode, Verdict};

use super::{Damage, Steps, Subject, all, verify};
use crate::campaign::guarded;
use crate::model::Content;
use crate::workloads::key;
use crate::world::{PATH, World};

/// Damages of each kind and file; `CREEL_VERDICT_STEP=1` takes more, 0 many more.
fn of_each_kind() -> usize {
    match std::env::var("CREEL_VERDICT_STEP").as_deref() {
        Ok("0") => 400,
        Ok("1") => 24,
        _ => 8,
    }
}

/// As many of each kind, evenly.
fn sample(subject: &Subject, of_each: usize) -> Vec<Damage> {
    let steps = Steps {
        bytes: 13,
        slack: 397,
        lengths: 97,
    };
    let mut kinds: Vec<(String, Vec<Damage>)> = Vec::new();
    for damage in all(subject, steps) {
        let text = damage.to_string();
        let kind = text.split(':').next().unwrap_or_default();
        let kind = format!("{kind} {}", damage.is_slack(subject));
        match kinds.iter_mut().find(|(name, _)| *name == kind) {
            Some((_, damages)) => damages.push(damage),
            None => kinds.push((kind, vec![damage])),
        }
    }
    let evenly = |(_, damages): &(String, Vec<Damage>)| -> Vec<Damage> {
        let n = of_each.min(damages.len());
        let at = |i: usize| damages[(2 * i + 1) * damages.len() / (2 * n)];
        (0..n).map(at).collect()
    };
    kinds.iter().flat_map(evenly).collect()
}

#[derive(Default)]
struct Tally {
    images: AtomicUsize,
    commands: AtomicUsize,
    refused: AtomicUsize,
    wrong: Mutex<Vec<String>>,
}

/// How one command ended.
struct Ended {
    status: Option<i32>,
    out: Vec<u8>,
    err: String,
}

/// A file of one image, and what is to be said of it.
struct Trial<'a> {
    path: PathBuf,
    verdict: Verdict,
    /// Contents at the index that opening finds; `None` where it refuses.
    content: Option<&'a Content>,
    tally: &'a Tally,
}

impl<'a> Trial<'a> {
    fn new(
        subject: &'a Subject,
        damage: Damage,
        path: PathBuf,
        tally: &'a Tally,
    ) -> Result<Trial<'a>, String> {
        let image = damage.image(subject);
        let bytes = image.contents(PATH.as_ref()).unwrap_or_default();
        std::fs::write(&path, bytes).map_err(|e| e.to_string())?;
        let verdict = verify(&image);
        let world = World::after_crash(image, Vec::new(), Default::default(), false);
        let options = world.options(SyncMode::Full).hold_lock(true);
        let opened = options.open(PATH).and_then(|db| db.snapshot());
        let index = opened.ok().map(|snapshot| snapshot.token().index);
        let content = index.and_then(|index| subject.history.get(index as usize));
        Ok(Trial {
            path,
            verdict,
            content: content.map(AsRef::as_ref),
            tally,
        })
    }

    fn is_sound(&self) -> bool {
        matches!(self.verdict, Verdict::Clean | Verdict::Recoverable)
    }

    fn creel(&self, verb: &str, args: &[&str]) -> Result<Ended, String> {
        self.tally.commands.fetch_add(1, Ordering::Relaxed);
        let mut command = Command::new(env!("CARGO_BIN_EXE_creel"));
        command.arg(verb).arg(&self.path).args(args).arg("-q");
        command.env_remove("CREEL_DEFECT").env_remove("CREEL_DB");
        let output = command.output().map_err(|e| e.to_string())?;
        Ok(Ended {
            status: output.status.code(),
            out: output.stdout,
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }

    /// Status 4, or 6 where not even a header tells that it is a database: only where there is damage.
    fn refused(&self, what: &str, ended: &Ended) -> Result<(), String> {
        let Ended { status, err, .. } = ended;
        if !matches!(status, Some(4 | 6)) {
            return Err(format!("{what}: status {status:?}: {err}"));
        }
        if self.is_sound() {
            let verdict = self.verdict;
            return Err(format!(
                "{what}: refused, and verify says {verdict:?}: {err}"
            ));
        }
        self.tally.refused.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn run(&self) -> Result<(), String> {
        self.verify()?;
        for name in [
            key(3),
            key(7),
            "large".into(),
            "last".into(),
            "nobody".into(),
        ] {
            self.get(&name)?;
        }
        self.list()?;
        self.export("export")?;
        let ended = self.creel("checkpoint", &[])?;
        match ended.status {
            // An older page or header: an epoch was about to begin, and promote finishes that.
            Some(10) => return Ok(()),
            Some(0) => {}
            _ => self.refused("checkpoint", &ended)?,
        }
        self.export("export after a checkpoint")?;
        let ended = self.creel("verify", &["--level", "deep"])?;
        match (self.is_sound(), ended.status) {
            (_, Some(0)) => Ok(()),
            _ => self.refused("verify after a checkpoint", &ended),
        }
    }

    fn verify(&self) -> Result<(), String> {
        let ended = self.creel("verify", &["--json", "--level", "deep"])?;
        let text = String::from_utf8_lossy(&ended.out);
        let says = |verdict: &str| text.contains(&format!("\"verdict\":\"{verdict}\""));
        let right = match self.verdict {
            Verdict::Clean => ended.status == Some(0) && says("clean"),
            Verdict::Recoverable => ended.status == Some(0) && says("recoverable"),
            Verdict::Damaged => ended.status == Some(4) && says("damaged"),
            Verdict::Unreadable => match ended.status {
                Some(4) => says("unreadable") || text.contains("\"error\""),
                status => status == Some(6),
            },
        };
        match right {
            true => Ok(()),
            false => Err(format!(
                "verify: status {:?}, {:?} on the simulated disk: {text} {}",
                ended.status, self.verdict, ended.err
            )),
        }
    }

    fn get(&self, name: &str) -> Result<(), String> {
        let ended = self.creel("get", &[name, "--out", "raw"])?;
        let value = self
            .content
            .map(|content| content.value("main", name.as_bytes()));
        match (ended.status, value) {
            (Some(0), Some(Some(value))) if ended.out == value => Ok(()),
            (Some(1), Some(None)) if ended.out.is_empty() => Ok(()),
            (Some(0 | 1), value) => Err(format!(
                "get {name}: status {:?}, {} bytes instead of {:?}",
                ended.status,
                ended.out.len(),
                value.map(|v| v.map(<[u8]>::len))
            )),
            _ if !ended.out.is_empty() => Err(format!("get {name}: refused with a value")),
            _ => self.refused("get", &ended),
        }
    }

    fn list(&self) -> Result<(), String> {
        let ended = self.creel("list", &["--out", "hex"])?;
        let hex = |bytes: &[u8]| -> String { bytes.iter().map(|b| format!("{b:02x}")).collect() };
        let lines = self.content.map(|content| -> String {
            let line = |(key, value): (&[u8], &[u8])| format!("{}\t{}\n", hex(key), hex(value));
            content.entries("main").map(line).collect()
        });
        self.printed("list", &ended, lines.map(String::into_bytes))
    }

    fn export(&self, what: &str) -> Result<(), String> {
        let ended = self.creel("export", &["--bare"])?;
        let text = self.content.map(Content::export).transpose()?;
        self.printed(what, &ended, text)
    }

    /// All of it, or a part from its beginning and a refusal.
    fn printed(&self, what: &str, ended: &Ended, all: Option<Vec<u8>>) -> Result<(), String> {
        let all = all.unwrap_or_default();
        match ended.status {
            Some(0) if self.content.is_some() && ended.out == all => Ok(()),
            Some(0) => Err(format!(
                "{what}: status 0 and {} bytes that are not the {} there are",
                ended.out.len(),
                all.len()
            )),
            _ if !all.starts_with(&ended.out) => Err(format!("{what}: a wrong beginning")),
            _ => self.refused(what, ended),
        }
    }
}

fn judge(subjects: &[Subject], work: &[(usize, Damage)]) -> Tally {
    let tally = Tally::default();
    let dir = tempfile::tempdir().expect("a directory");
    let next = AtomicUsize::new(0);
    let judge = || {
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(&(subject, damage)) = work.get(at) else {
                break;
            };
            let subject = &subjects[subject];
            tally.images.fetch_add(1, Ordering::Relaxed);
            let path = dir.path().join(format!("{at}.creel"));
            let judged = guarded(|| Trial::new(subject, damage, path.clone(), &tally)?.run());
            let _ = std::fs::remove_file(&path);
            if let Err(text) = judged {
                tally.wrong.lock().unwrap().push(format!(
                    "CREEL_VERDICT='{}/{damage}' cargo test --test crash the_program_on -- --nocapture\n    {text}",
                    subject.name
                ));
            }
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(judge);
        scope.spawn(judge);
    });
    tally
}

#[test]
fn the_program_on_damaged_files_is_right_or_refuses() {
    let started = Instant::now();
    let subjects = [Subject::everything(), Subject::both_regions()];
    let mut work = Vec::new();
    for (i, subject) in subjects.iter().enumerate() {
        match super::asked_for() {
            Some((name, damage)) if name == subject.name => work.push((i, damage)),
            Some(_) => {}
            None => {
                let damages = sample(subject, of_each_kind()).into_iter();
                work.extend(damages.map(|damage| (i, damage)));
            }
        }
    }
    assert!(!work.is_empty());
    let tally = judge(&subjects, &work);
    let wrong = tally.wrong.into_inner().unwrap();
    let (images, commands) = (tally.images.into_inner(), tally.commands.into_inner());
    println!(
        "program          {images:>8} damaged files, {commands} commands, {} refused, wrong {} {:.2} s",
        tally.refused.into_inner(),
        wrong.len(),
        started.elapsed().as_secs_f64()
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(images, work.len());
}
