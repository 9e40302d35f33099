//! The line that a failure prints, and reading it again.

use super::support::sim::CrashChoice;

/// One state: where the crash is, and where the crash of its recovery is, and so on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub workload: String,
    pub seed: u64,
    pub crashes: Vec<(usize, CrashChoice)>,
}

impl Place {
    pub fn line(&self) -> String {
        let cuts: Vec<String> = self
            .crashes
            .iter()
            .map(|(cut, _)| cut.to_string())
            .collect();
        let choices: Vec<String> = self.crashes.iter().map(|(_, c)| choice_text(c)).collect();
        format!(
            "CREEL_CRASH='workload={},seed={:#x},cut={},choice={}' cargo test --test crash power_loss -- --nocapture",
            self.workload,
            self.seed,
            cuts.join("/"),
            choices.join("/")
        )
    }

    /// The state that the environment asks for; `Err`: all states of the workload of that name.
    pub fn from_environment() -> Option<Result<Place, String>> {
        let text = std::env::var("CREEL_CRASH").ok()?;
        match text.strip_prefix("workload=") {
            Some(name) if !name.contains(',') => Some(Err(name.to_owned())),
            _ => Some(Ok(
                Place::parse(&text).expect("CREEL_CRASH is workload=..,seed=..,cut=..,choice=..")
            )),
        }
    }

    fn parse(text: &str) -> Option<Place> {
        let field = |name: &str| {
            text.split(',')
                .find_map(|part| part.strip_prefix(name)?.strip_prefix('='))
        };
        // None where the workload itself failed.
        let cuts = field("cut")?.split('/').filter(|cut| !cut.is_empty());
        let choices = field("choice")?.split('/').filter(|c| !c.is_empty());
        let crashes = cuts
            .zip(choices)
            .map(|(cut, c)| Some((cut.parse().ok()?, choice_of(c)?)));
        Some(Place {
            workload: field("workload")?.to_owned(),
            seed: u64::from_str_radix(field("seed")?.trim_start_matches("0x"), 16).ok()?,
            crashes: crashes.collect::<Option<_>>()?,
        })
    }
}

fn choice_text(choice: &CrashChoice) -> String {
    match choice {
        CrashChoice::None => "none".into(),
        CrashChoice::All => "all".into(),
        CrashChoice::Only(n) => format!("only:{n}"),
        CrashChoice::Missing(n) => format!("missing:{n}"),
        CrashChoice::Prefix(n) => format!("prefix:{n}"),
        CrashChoice::Suffix(n) => format!("suffix:{n}"),
        CrashChoice::Random(n) => format!("random:{n}"),
        CrashChoice::Mask(n) => format!("mask:{n}"),
    }
}

fn choice_of(text: &str) -> Option<CrashChoice> {
    let (kind, number) = text.split_once(':').unwrap_or((text, "0"));
    let n: u64 = number.parse().ok()?;
    Some(match kind {
        "none" => CrashChoice::None,
        "all" => CrashChoice::All,
        "only" => CrashChoice::Only(n as usize),
        "missing" => CrashChoice::Missing(n as usize),
        "prefix" => CrashChoice::Prefix(n as usize),
        "suffix" => CrashChoice::Suffix(n as usize),
        "random" => CrashChoice::Random(n),
        "mask" => CrashChoice::Mask(n),
        _ => return None,
    })
}

#[test]
fn a_printed_line_reads_back() {
    let choices = [
        CrashChoice::All,
        CrashChoice::Mask(77),
        CrashChoice::Random(u64::MAX),
    ];
    let crashes = choices.into_iter().enumerate().collect();
    let place = Place {
        workload: "w".into(),
        seed: 0xdead,
        crashes,
    };
    let line = place.line();
    let text = line.split('\'').nth(1).unwrap();
    assert_eq!(Place::parse(text), Some(place));
}

#[test]
fn the_line_of_a_workload_that_failed_could_not_be_read_again() {
    let place = |crashes| Place {
        workload: "create".into(),
        seed: 0x1f,
        crashes,
    };
    for place in [
        place(Vec::new()),
        place(vec![(3, CrashChoice::Mask(9)), (0, CrashChoice::All)]),
    ] {
        let line = place.line();
        let text = line.split('\'').nth(1).unwrap();
        assert_eq!(Place::parse(text), Some(place));
    }
}
