//! The files of the repository, as far as people wrote them.

use std::fs;
use std::path::{Path, PathBuf};

/// A text file: path from the root of the repository, and what stands in it.
pub struct Source {
    pub path: String,
    pub text: String,
}

impl Source {
    pub fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(i, line)| (i + 1, line))
    }
}

pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

pub fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// Every text file, build output and version control left out.
pub fn all() -> Vec<Source> {
    let mut found = Vec::new();
    collect(&root(), &mut found);
    found.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(found.len() > 100, "the repository was not found");
    found
}

/// Rust files under these folders.
pub fn rust(folders: &[&str]) -> Vec<Source> {
    let inside = |path: &str| folders.iter().any(|f| path.starts_with(&format!("{f}/")));
    let wanted = |s: &Source| s.path.ends_with(".rs") && inside(&s.path);
    all().into_iter().filter(wanted).collect()
}

fn collect(folder: &Path, found: &mut Vec<Source>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name == ".git" || name == "target" {
            continue;
        }
        if path.is_dir() {
            collect(&path, found);
        } else if let Ok(text) = fs::read_to_string(&path) {
            let path = path.strip_prefix(root()).unwrap();
            let path = path.to_string_lossy().into_owned();
            found.push(Source { path, text });
        }
    }
}

/// Fails with one line for each offence.
pub fn none(offences: &[String], rule: &str) {
    assert!(offences.is_empty(), "{rule}:\n  {}", offences.join("\n  "));
}
