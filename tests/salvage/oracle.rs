//! What must hold after every salvage, whatever the damage.

use std::collections::HashMap;
use std::path::Path;

use creel::salvage::{Salvage, SalvageOptions, SalvageReport};
use creel::{Db, Depth, Error, KeyRange, NoProgress, Verdict, VerifyOptions};

use crate::breaker::Breaker;
use crate::world::{Image, State};

/// What became of a damaged file.
pub struct Saved {
    pub report: SalvageReport,
    pub state: State,
    pub continues: bool,
}

impl Saved {
    /// The name of the last step.
    pub fn step(&self) -> &'static str {
        self.report.step.name()
    }
}

/// Salvages and checks the promises that need no knowledge of the damage.
#[track_caller]
pub fn save(image: &Image, bytes: &[u8]) -> Saved {
    save_with(image, bytes, &SalvageOptions::default())
}

#[track_caller]
pub fn save_with(image: &Image, bytes: &[u8], options: &SalvageOptions) -> Saved {
    match try_save(image, bytes, options) {
        Ok(Some(saved)) => saved,
        Ok(None) => panic!("nothing was saved"),
        Err(e) => panic!("{e}"),
    }
}

/// `None`: nothing can be saved.
pub fn try_save(
    image: &Image,
    bytes: &[u8],
    options: &SalvageOptions,
) -> Result<Option<Saved>, Error> {
    let dir = tempfile::tempdir().unwrap();
    let (path, new) = (dir.path().join("damaged.db"), dir.path().join("new.db"));
    std::fs::write(&path, bytes).unwrap();
    let salvage = Salvage::survey(&path, &new, options, &NoProgress)?;
    let report = salvage.report().clone();
    if report.is_hopeless() {
        assert_untouched(dir.path(), &path, bytes);
        return Ok(None);
    }
    let written = salvage.write(&new, false, &NoProgress)?;
    assert_eq!(written.entries, report.entries);
    assert_eq!(written.continues, report.complete);
    verify_deep(&new);
    let state = read(&new, &report, image);
    assert_eq!(state.len() as u64, report.entries);
    judge(image, bytes, &report, &state, options);
    std::fs::remove_file(&new).unwrap();
    assert_untouched(dir.path(), &path, bytes);
    Ok(Some(Saved {
        report,
        state,
        continues: written.continues,
    }))
}

/// Nothing is in the directory but the source, and that is as it was.
fn assert_untouched(dir: &Path, path: &Path, bytes: &[u8]) {
    assert!(
        std::fs::read(path).unwrap() == bytes,
        "the source was changed"
    );
    let names: Vec<_> = std::fs::read_dir(dir)
        .unwrap()
        .map(|e| e.unwrap().file_name())
        .collect();
    assert_eq!(names, ["damaged.db"]);
}

fn verify_deep(path: &Path) {
    let options = VerifyOptions {
        level: Depth::Deep,
        ..VerifyOptions::default()
    };
    let report = creel::verify(path, &options, &NoProgress).unwrap();
    assert_eq!(report.verdict, Verdict::Clean, "{:#?}", report.findings);
}

/// All entries of the new file, under the names that the old one had.
fn read(path: &Path, report: &SalvageReport, image: &Image) -> State {
    let db = Db::open(path).unwrap();
    let snapshot = db.snapshot().unwrap();
    let mut state = State::new();
    let ids: HashMap<&str, u32> = report
        .keyspaces
        .iter()
        .map(|k| (k.name.as_str(), k.id))
        .collect();
    for name in snapshot.keyspaces().unwrap() {
        let original = &image.ids[&ids[name.as_str()]];
        let mut cursor = snapshot.keyspace(&name).unwrap().cursor(&KeyRange::all());
        while let Some((key, value)) = cursor.next_entry().unwrap() {
            state.insert((original.clone(), key.to_vec()), value.to_vec());
        }
    }
    state
}

fn judge(
    image: &Image,
    bytes: &[u8],
    report: &SalvageReport,
    state: &State,
    options: &SalvageOptions,
) {
    for (key, value) in state {
        let known = image
            .ever
            .get(key)
            .is_some_and(|values| values.contains(value));
        assert!(known, "{key:?} was made up: {value:?}");
    }
    if report.complete {
        assert!(
            report.lost.is_empty() && report.lost_commits.is_empty() && report.possibly_stale == 0
        );
        assert!(!report.may_be_stale());
    }
    let exact =
        report.lost.is_empty() && report.possibly_stale == 0 && report.commits_out_of_order == 0;
    if report.last_index.is_none() && exact {
        let moment = (0..=image.last_index())
            .rev()
            .find(|&i| image.state_at(i) == *state);
        assert!(moment.is_some(), "a state that never was: {report:#?}");
    }
    let Some(index) = report
        .last_index
        .filter(|_| report.commits_out_of_order == 0)
    else {
        return;
    };
    if index < image.last_index() && report.complete {
        // The end of the log left no trace: a file with nothing else wrong opens without it.
        let mut other = image.bytes.clone();
        let header = Breaker::new(&other).header();
        other[..16384].copy_from_slice(&bytes[..16384]);
        for region in header.regions {
            let from = region.start_page as usize * header.page_size();
            let end = from + region.pages as usize * header.page_size();
            let end = end.min(bytes.len());
            if from < end {
                other[from..end].copy_from_slice(&bytes[from..end]);
            }
        }
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("t.db");
        std::fs::write(&path, &other).unwrap();
        let info = Db::open(&path).map(|db| db.recovery().last_index);
        let unnoticed = info.is_ok_and(|last| last == index);
        assert!(
            unnoticed,
            "commits after {index} are missing and nothing is said: {report:#?}"
        );
    }
    compare(image, report, state, &image.state_at(index), options);
}

/// Outside the lost ranges the state is exact; inside, what differs is counted.
fn compare(
    image: &Image,
    report: &SalvageReport,
    state: &State,
    expected: &State,
    options: &SalvageOptions,
) {
    let ids: HashMap<&str, u32> = image
        .ids
        .iter()
        .map(|(id, name)| (name.as_str(), *id))
        .collect();
    let is_lost = |name: &str, key: &[u8]| {
        let id = ids[name];
        report.lost.iter().any(|range| {
            let known = report.keyspaces.iter().any(|k| k.id == id);
            range.keyspace.map_or(!known, |keyspace| keyspace == id)
                && range.from.as_slice() <= key
                && range.to.as_deref().is_none_or(|to| key < to)
        })
    };
    for (key, value) in expected {
        let found = state.get(key);
        assert!(
            found == Some(value) || is_lost(&key.0, &key.1),
            "{key:?} should be there and is {found:?}"
        );
    }
    let mut wrong = 0;
    for (key, value) in state {
        if expected.get(key) != Some(value) {
            assert!(
                is_lost(&key.0, &key.1),
                "{key:?} should not be there, or not like this"
            );
            wrong += 1;
        }
    }
    assert!(
        wrong <= report.possibly_stale,
        "{wrong} wrong, {} stale",
        report.possibly_stale
    );
    if !options.scrape {
        assert_eq!(report.possibly_stale, 0);
    }
}
