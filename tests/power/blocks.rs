//! Sectors that cannot be read (dm-dust): whoever needs one says so with a status, and is not ended by the
//! signal that a map would bring; whoever does not need it gives the right answer.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::Instant;

use super::machine::{Device, Kind, Mounted, boot, cycles, has_program, kinds, missing, run};
use super::skip::skipped;
use super::work::{Step, bad_sectors};

const PAGE: usize = 4096;
const SECTOR: usize = 512;

/// What is asked for, and the statuses that are right besides 0 where a sector is bad. A line without any
/// looks at the copy that the one before it made.
const LOOKS: &[(&str, &[u8])] = &[
    ("digest {db}", &[6, 8]),
    ("get {db} more159", &[6, 8]),
    ("export {db} -o -", &[6, 8]),
    ("verify {db} -qq --level deep", &[4, 6, 8]),
    // Where it shares storage with the database (xfs, btrfs), the check of the copy meets the sector: 4.
    ("backup {db} -o {dir}/copy.db --force -qq", &[4, 6, 8]),
    ("digest {dir}/copy.db", &[]),
    ("salvage {db} -o {dir}/saved.db --force -qq", &[3, 6, 8]),
    ("digest {dir}/saved.db", &[]),
];
const VERIFY: usize = 3;

/// Where the beginning of each page of the file stands on the device, in sectors. The log's room that was
/// never used has nothing by which it could be found.
fn find(pages: &[u8], image: &Path) -> Vec<(usize, Vec<usize>)> {
    let mut wanted: HashMap<&[u8], (usize, Vec<usize>)> = HashMap::new();
    for (n, page) in pages.chunks_exact(PAGE).enumerate() {
        let begin = &page[..SECTOR];
        if begin.iter().any(|byte| *byte != 0) {
            wanted.entry(begin).or_insert((n, Vec::new()));
        }
    }
    let file = fs::File::open(image).unwrap();
    let len = file.metadata().unwrap().len();
    let mut part = vec![0; 1 << 20];
    for at in (0..len).step_by(part.len()) {
        file.read_exact_at(&mut part, at).unwrap();
        for (n, sector) in part.chunks_exact(SECTOR).enumerate() {
            if let Some((_, places)) = wanted.get_mut(sector) {
                places.push(at as usize / SECTOR + n);
            }
        }
    }
    let mut found: Vec<_> = wanted.into_values().collect();
    found.retain(|(_, places)| !places.is_empty());
    found.sort();
    found
}

/// `look PAGE N STATUS SUM WORDS`
struct Look {
    line: String,
    page: String,
    n: usize,
    status: u8,
    sum: String,
    says: bool,
}

fn looks(said: &str) -> Vec<Look> {
    let parse = |line: &str| {
        let mut words = line.strip_prefix("look ")?.split(' ');
        Some(Look {
            line: line.to_owned(),
            page: words.next()?.to_owned(),
            n: words.next()?.parse().ok()?,
            status: words.next()?.parse().ok()?,
            sum: words.next()?.to_owned(),
            says: words.any(|word| !word.is_empty()),
        })
    };
    said.lines().filter_map(parse).collect()
}

/// What is wrong with an answer, by the one without a bad sector and what verify said of this one.
fn fault(look: &Look, right: &Look, verified: &Look) -> Option<&'static str> {
    let (line, allowed) = LOOKS[look.n];
    if look.status == 0 {
        let fixed = !line.starts_with("verify") && !line.contains(" -o {dir}");
        return (fixed && look.sum != right.sum).then_some("a wrong answer");
    }
    if !allowed.contains(&look.status) {
        return Some("a status that is not right");
    }
    if !look.says && !line.contains("-qq") {
        return Some("without a word");
    }
    // Who looks at everything finds what another found.
    (verified.status == 0).then_some("verify saw nothing")
}

/// How often each command ended with each status.
type Counts = BTreeMap<(&'static str, u8), usize>;

/// The answers that were looked at, and what was wrong; `None` without dm-dust.
fn bad_blocks(kind: &Kind, steps: &[Step]) -> Option<(Counts, Vec<String>)> {
    let done = run(kind, steps, &Device::Plain);
    assert_eq!(done.done, steps.len(), "{}", done.said);
    let place = done.dir.path().join("mnt");
    let file = {
        let _mounted = Mounted::new(kind, &done.image(), &place).unwrap();
        fs::read(place.join("test.db")).unwrap()
    };
    let bad = find(&file, &done.image());
    assert!(bad.len() >= 20, "{} pages were found", bad.len());
    let every = bad.len().div_ceil(2 * cycles());
    let bad: Vec<_> = bad.into_iter().step_by(every).collect();
    let sectors = |places: &[usize]| {
        let texts: Vec<String> = places.iter().map(ToString::to_string).collect();
        texts.join(" ")
    };
    let lines = bad
        .iter()
        .map(|(page, at)| format!("{page} {}\n", sectors(at)));
    fs::write(done.dir.path().join("bad"), lines.collect::<String>()).unwrap();
    let lines: Vec<&str> = LOOKS.iter().map(|(line, _)| *line).collect();
    let said = boot(kind, done.dir.path(), &lines, "", include_str!("blocks.sh"));
    if said.contains("NO DUST") {
        return None;
    }
    assert!(said.contains("DONE"), "{}: {said}", kind.name);
    let looks = looks(&said);
    assert_eq!(looks.len(), (bad.len() + 2) * LOOKS.len(), "{said}");
    let right = &looks[..LOOKS.len()];
    let mut wrong = Vec::new();
    for looked in looks.chunks_exact(LOOKS.len()) {
        for (look, right) in looked.iter().zip(right) {
            // A copy that was not made is not looked at, nor is one that is known to lack something.
            if LOOKS[look.n].1.is_empty() && looked[look.n - 1].status != 0 {
                continue;
            }
            let none = look.page == "none" && look.status != 0;
            let fault = fault(look, right, &looked[VERIFY]);
            if let Some(fault) = fault.or(none.then_some("with no bad sector")) {
                let (fs, asked) = (kind.name, LOOKS[look.n].0);
                wrong.push(format!("{fs}, {asked}: {fault}: {}", look.line));
            }
        }
    }
    let mut counts = Counts::new();
    for look in &looks {
        let (line, allowed) = LOOKS[look.n];
        let verb = line.split(' ').next().unwrap();
        if allowed.is_empty() {
            continue;
        }
        *counts.entry((verb, look.status)).or_default() += 1;
    }
    Some((counts, wrong))
}

#[test]
#[ignore = "takes a User-Mode Linux, root and minutes"]
fn bad_blocks_end_with_a_status_and_never_with_a_wrong_answer() {
    if let Some(why) = missing() {
        skipped("uml", &why);
        return;
    }
    let (steps, mut all) = (bad_sectors(), Vec::new());
    for kind in kinds() {
        if !has_program(kind.program) {
            skipped("uml", &format!("{} needs {}", kind.name, kind.program));
            continue;
        }
        let started = Instant::now();
        let Some((counts, wrong)) = bad_blocks(kind, &steps) else {
            skipped("dust", "the kernel of User-Mode Linux has no dm-dust");
            return;
        };
        println!(
            "blocks {:<15} {:>5} answers {:>3} wrong {:>7.2} s",
            kind.name,
            counts.values().sum::<usize>(),
            wrong.len(),
            started.elapsed().as_secs_f64()
        );
        for ((verb, status), count) in counts {
            println!("    {verb:<8} {count:>4} times status {status}");
        }
        all.extend(wrong);
    }
    assert!(all.is_empty(), "{}", all.join("\n"));
}
