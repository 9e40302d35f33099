//! The report: a page that a browser shows, JUnit, annotations, and the pace of an earlier run.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use predicates::prelude::*;

use super::{Soak, read, result};
use crate::support::skipped;

#[test]
fn the_page_needs_nothing_but_itself() {
    let soak = Soak::new();
    let out = soak.path("out");
    let args = format!(
        "--ops 9000 --seed 1 --faults eio --fault-every 2000 --checkpoint-every 2000 --sample-every 20ms --out {}",
        out.display()
    );
    soak.command(&args).arg("-q").assert().success();
    let page = read(&out, "report.html");
    assert!(page.starts_with("<!DOCTYPE html>") && page.trim_end().ends_with("</html>"));
    for foreign in ["http:", "https:", "<script", "@import", "url("] {
        assert!(!page.contains(foreign), "{foreign}");
    }
    assert!(page.contains("prefers-color-scheme: dark"));
    assert_eq!(page.matches("<svg").count(), page.matches("</svg>").count());
    assert!(page.matches("<polyline").count() >= 9);
    assert!(page.contains("mark-fault") && page.contains("mark-checkpoint"));
    let Some(browser) = browser() else {
        skipped(
            "chromium",
            "chromium or chrome is needed to look at report.html",
        );
        return;
    };
    // What the browser made of it: every plot has a size, nothing was loaded from elsewhere.
    let dom = shown(&browser, &[], &out.join("report.html"), soak.dir.path());
    assert!(dom.contains("passed: everything held"), "{dom}");
    let count = |text: &str, what: &str| text.matches(what).count();
    for part in ["<figure", "<svg", "<polyline", "<tr"] {
        assert_eq!(count(&dom, part), count(&page, part), "{part}");
    }
    let picture = soak.path("page.png");
    let drawn = Command::new(&browser)
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--window-size=1200,1600",
        ])
        .arg(format!(
            "--user-data-dir={}",
            soak.path("profile").display()
        ))
        .arg(format!("--screenshot={}", picture.display()))
        .arg(format!("file://{}", out.join("report.html").display()))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    assert!(drawn.unwrap().success());
    // A blank page of that size would be a few thousand bytes.
    assert!(fs::metadata(&picture).unwrap().len() > 20_000);
    readable_in_light_and_dark(&browser, &page, soak.dir.path());
}

/// Asks the browser for the colours that it really uses: text stands out from what is behind it, and
/// lines of plots do, as WCAG 2 has it.
fn readable_in_light_and_dark(browser: &str, page: &str, dir: &Path) {
    const ASK: &str = "<script>
        const told = [];
        const solid = e => { for (; e; e = e.parentElement) {
            const c = getComputedStyle(e).backgroundColor;
            if (!c.endsWith(', 0)')) return c; } return 'none'; };
        const ask = (what, least, of) => document.querySelectorAll(what).forEach(e =>
            told.push([what, least, getComputedStyle(e)[of], solid(e)].join('|')));
        ask('p, h2, td, th, .card b, .card span, .legend, figcaption', 4.5, 'color');
        ask('.axis', 4.5, 'fill');
        ask('polyline', 3, 'stroke');
        document.title = 'told;' + told.join(';') + ';';
        </script></body>";
    let asking = dir.join("asking.html");
    fs::write(&asking, page.replace("</body>", ASK)).unwrap();
    let mut grounds = Vec::new();
    for scheme in ["0", "1"] {
        let scheme = format!("--blink-settings=preferredColorScheme={scheme}");
        let dom = shown(browser, &[&scheme], &asking, dir);
        let told: Vec<&str> = dom.split("told;").nth(1).unwrap().split(';').collect();
        let asked = told.iter().filter(|line| line.matches('|').count() == 3);
        let asked: Vec<Vec<&str>> = asked.map(|line| line.split('|').collect()).collect();
        assert!(asked.len() > 50, "{scheme}: {}", asked.len());
        for found in asked {
            let [what, least, ink, ground] = found[..] else {
                panic!("{found:?}");
            };
            let contrast = contrast(ink, ground);
            let least: f64 = least.parse().unwrap();
            assert!(
                contrast >= least,
                "{scheme} {what}: {ink} on {ground}: {contrast:.2}"
            );
            grounds.push(luminance(ground));
        }
    }
    let (dark, light) = (grounds.first().unwrap(), grounds.last().unwrap());
    assert!(*dark < 0.1 && *light > 0.8, "{dark} {light}");
}

fn luminance(colour: &str) -> f64 {
    let numbers = colour.trim_start_matches("rgb(").trim_end_matches(')');
    let linear = |text: &str| {
        let c = text.trim().parse::<f64>().unwrap() / 255.0;
        if c <= 0.040_45 {
            c / 12.92
        } else {
            ((c + 0.055) / 1.055).powf(2.4)
        }
    };
    let rgb: Vec<f64> = numbers.split(',').map(linear).collect();
    0.2126 * rgb[0] + 0.7152 * rgb[1] + 0.0722 * rgb[2]
}

fn contrast(one: &str, other: &str) -> f64 {
    let (a, b) = (luminance(one), luminance(other));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

fn browser() -> Option<String> {
    let works = |name: &&&str| {
        let version = Command::new(**name)
            .arg("--version")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        version.is_ok_and(|status| status.success())
    };
    let names = ["chromium", "chromium-browser", "google-chrome"];
    names.iter().find(works).map(|name| (*name).to_owned())
}

fn shown(browser: &str, flags: &[&str], page: &Path, dir: &Path) -> String {
    let output = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"])
        .args(flags)
        .arg(format!("--user-data-dir={}", dir.join("profile").display()))
        .arg(format!("file://{}", page.display()))
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn junit_has_a_case_for_each_check() {
    let soak = Soak::new();
    let out = soak.path("out");
    let args = format!(
        "--ops 5000 --seed 3 --plant wrong-value --checkpoint-every 0 --reopen-every 4000 --out {}",
        out.display()
    );
    soak.command(&args).arg("-q").assert().code(20);
    let junit = read(&out, "junit.xml");
    assert!(junit.contains("failures=\"1\""), "{junit}");
    assert_eq!(junit.matches("<failure ").count(), 1);
    let cases = junit.matches("<testcase ").count();
    assert!(cases > 20, "{cases}");
    assert!(junit.contains("name=\"acknowledged: every acknowledged commit"));
    assert!(junit.matches("<skipped").count() > 3);
}

#[test]
fn after_a_failure_the_database_is_in_the_report() {
    let soak = Soak::new();
    let out = soak.path("out");
    let usual =
        "--ops 5000 --seed 3 --plant wrong-value --checkpoint-every 0 --reopen-every 4000 -q";
    let args = format!("{usual} --out {}", out.display());
    soak.command(&args).assert().code(20);
    assert!(out.join("repro.json").is_file());
    let kept = out.join("database/store.creel");
    assert!(kept.is_file(), "{:?}", fs::read_dir(&out).unwrap().count());
    let left = fs::read_dir(soak.dir.path()).unwrap().count();
    assert_eq!(left, 1, "nothing but the report");
    // What an older report left is not taken for a part of the next one.
    soak.command(&args).assert().code(8);
    let passes = format!("--ops 500 --seed 3 -q --force --out {}", out.display());
    soak.command(&passes).assert().success();
    assert!(!out.join("database").exists() && !out.join("repro.json").exists());
}

#[test]
fn a_report_has_the_files_that_were_asked_for() {
    let soak = Soak::new();
    let out = soak.path("out");
    let args = format!(
        "--ops 500 --seed 3 -q --report junit,csv --out {}",
        out.display()
    );
    soak.command(&args).assert().success();
    let mut names: Vec<String> = fs::read_dir(&out)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["junit.xml", "series.csv"]);
    soak.command("--ops 500 --report pdf").assert().code(2);
}

#[test]
fn github_gets_annotations_and_a_summary() {
    let soak = Soak::new();
    let summary = soak.path("summary.md");
    let args =
        "--ops 5000 --seed 3 --plant wrong-value --checkpoint-every 0 --reopen-every 4000 -q";
    soak.command(args)
        .env("GITHUB_ACTIONS", "true")
        .env("GITHUB_STEP_SUMMARY", &summary)
        .assert()
        .code(20)
        .stderr(predicate::str::contains("::error title=creel soak store"));
    let text = fs::read_to_string(&summary).unwrap();
    assert!(
        text.contains("| store | 4001 |") || text.contains("| store |"),
        "{text}"
    );
    assert!(text.contains("### creel soak failed"), "{text}");
}

#[test]
fn slower_than_the_baseline_is_a_status() {
    let soak = Soak::new();
    let out = soak.path("out");
    let args = format!("--ops 4000 --seed 1 --out {}", out.display());
    soak.command(&args).arg("-q").assert().success();
    let baseline = out.join("result.json");
    let text = fs::read_to_string(&baseline).unwrap();
    let with = |field: &str, number: &str| {
        let mut value: serde_json::Value = serde_json::from_str(&text).unwrap();
        let part = &mut value["parts"][0];
        part["operations_per_s"] = 1.into();
        part["commit_latency"]["p99_ns"] = 10_000_000_000_u64.into();
        match field {
            "rate" => part["operations_per_s"] = number.parse::<u64>().unwrap().into(),
            "p99" => part["commit_latency"]["p99_ns"] = number.parse::<u64>().unwrap().into(),
            _ => part["name"] = number.into(),
        }
        fs::write(&baseline, value.to_string()).unwrap();
    };
    let again = format!("--ops 4000 --seed 1 --baseline {}", baseline.display());
    with("rate", "1");
    result(soak.command(&again), 0);
    with("rate", "100000000");
    assert_eq!(
        result(soak.command(&again), 22)["broken"][0]["check"],
        "throughput"
    );
    with("p99", "1");
    assert_eq!(
        result(soak.command(&again), 22)["broken"][0]["check"],
        "latency"
    );
    with("name", "other");
    result(soak.command(&again), 23);
    fs::write(&baseline, "{}").unwrap();
    soak.command(&again).assert().code(9);
}
