//! Exports in the hands of other people's tools.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use creel::exchange::compress::Input;

use crate::support::{Db, creel, skipped, stdout};

/// Whether a tool is there; says so loudly where it is not.
fn has(tool: &str) -> bool {
    let found = std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|dir| dir.join(tool).is_file()));
    if !found {
        skipped("peers", &format!("{tool} is needed"));
    }
    found
}

fn run(command: &mut Command) -> Vec<u8> {
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{command:?}: {output:?}");
    assert!(output.stderr.is_empty(), "{command:?}: {output:?}");
    output.stdout
}

fn export(db: &Db, name: &str, args: &[&str]) -> std::path::PathBuf {
    let path = db.dir.path().join(name);
    db.run("export")
        .arg("-o")
        .arg(&path)
        .args(args)
        .assert()
        .success();
    path
}

fn digest(path: &Path, args: &[&str]) -> String {
    let mut command = creel();
    command.arg("digest").arg(path).args(args);
    stdout(command)[..64].to_owned()
}

/// Keys and values of every byte, among them those that formats have a meaning for.
fn bytes() -> Db {
    let db = Db::new();
    let mut lines = String::new();
    for i in 0..=255_u8 {
        let all: String = (i..=255).map(|b| format!("\\x{b:02x}")).collect();
        lines.push_str(&format!("put\t\\x{i:02x}\\\\k\t{all}\n"));
    }
    lines.push_str("put\tempty\t\n");
    db.run("batch").write_stdin(lines).assert().success();
    db
}

/// `mdb_dump` of an environment, as entries in hexadecimal digits.
fn dump(dir: &Path, args: &[&str]) -> Vec<String> {
    let text = run(Command::new("mdb_dump").args(args).arg(dir));
    let text = String::from_utf8(text).unwrap();
    let lines: Vec<&str> = text.lines().filter(|l| l.starts_with(' ')).collect();
    lines.chunks(2).map(|pair| pair.concat()).collect()
}

#[test]
fn mdb_load_takes_our_dumps() {
    if !has("mdb_load") || !has("mdb_dump") {
        return;
    }
    let db = bytes();
    // Longer than the lines that the tool begins with, and than one of LMDB's pages.
    let long = db.file("long", &vec![b'\\'; 300_000]);
    db.run("put")
        .args(["long", "--value-file"])
        .arg(long)
        .assert()
        .success();
    let mut expected = String::new();
    for enc in ["hex", "print"] {
        let path = export(&db, enc, &["--format", "mdb", "--enc", enc]);
        let dir = db.dir.path().join(format!("{enc}.mdb"));
        fs::create_dir(&dir).unwrap();
        run(Command::new("mdb_load").arg("-f").arg(&path).arg(&dir));
        let found = dump(&dir, &[]);
        assert_eq!(found.len(), 258);
        let list = db.run("list").args(["--out", "hex"]).output().unwrap();
        let list = String::from_utf8(list.stdout).unwrap();
        let ours: Vec<String> = list
            .lines()
            .map(|l| format!(" {}", l.replace('\t', " ")))
            .collect();
        assert!(found == ours, "{enc}");
        expected.push_str(&found.concat());
    }
}

#[test]
fn mdb_load_takes_several_keyspaces_and_many_entries() {
    if !has("mdb_load") || !has("mdb_dump") {
        return;
    }
    let db = Db::filled(30_000);
    for (key, value) in [("a", "1"), ("b", "2")] {
        db.run("put")
            .args([key, value, "--keyspace", "fruit"])
            .assert()
            .success();
    }
    let path = export(&db, "dump", &["--format", "mdb"]);
    let dir = db.dir.path().join("mdb");
    fs::create_dir(&dir).unwrap();
    run(Command::new("mdb_load").arg("-f").arg(&path).arg(&dir));
    assert!(dump(&dir, &["-s", "fruit"]) == [" 61 31", " 62 32"]);
    // The main database lists the names of the others too.
    assert_eq!(dump(&dir, &[]).len(), 30_001);
    assert_eq!(digest(&path, &[]), digest(&db.path, &[]));
}

#[test]
fn sqlite_imports_our_csv() {
    if !has("sqlite3") {
        return;
    }
    let db = Db::new();
    for (key, value) in [
        ("comma", "a,b"),
        ("empty", ""),
        ("lines", "one\ntwo\r\nthree"),
        ("quote \"q\"", "say \"hi\", twice"),
        ("spaces", "  a  "),
        ("text \u{e9}\u{20ac}", "\u{1f40c}"),
    ] {
        db.run("put").args([key, value]).assert().success();
    }
    let path = export(&db, "out.csv", &["--format", "csv"]);
    let script = format!(".import --csv {} t", path.to_str().unwrap());
    let query = "select hex(key) || '\t' || hex(value) from t order by cast(key as blob)";
    let found = run(Command::new("sqlite3").args([":memory:", &script, query]));
    let found = String::from_utf8(found).unwrap().to_lowercase();
    let list = db.run("list").args(["--out", "hex"]).output().unwrap();
    assert_eq!(found, String::from_utf8(list.stdout).unwrap());
}

/// Tabs, which sqlite3 writes and reads as they are: text without tabs, line ends and backslashes.
#[test]
fn sqlite_and_tsv_in_both_directions() {
    if !has("sqlite3") {
        return;
    }
    let db = Db::filled(300);
    db.run("put")
        .args(["say", "\"a\",b 'c'"])
        .assert()
        .success();
    let path = export(&db, "out.tsv", &["--format", "tsv"]);
    let script = format!(".import {} t", path.to_str().unwrap());
    let args = [
        ":memory:",
        "create table t(k,v)",
        ".mode ascii",
        ".separator \"\\t\" \"\\n\"",
    ];
    let query = "select k, v from t order by k desc";
    let back = run(Command::new("sqlite3").args(args).args([&script, query]));
    let copy = Db::new();
    copy.run("import")
        .args(["--format", "tsv", "--expect", "301"])
        .write_stdin(back)
        .assert()
        .success();
    assert_eq!(digest(&copy.path, &[]), digest(&db.path, &[]));
}

#[test]
fn the_tools_zstd_and_gzip_unpack_ours_and_we_theirs() {
    let db = Db::filled(20_000);
    let plain = fs::read(export(&db, "plain", &[])).unwrap();
    for (tool, name) in [("zstd", "a.zst"), ("gzip", "a.gz")] {
        if !has(tool) {
            continue;
        }
        let packed = export(&db, name, &[]);
        assert!(run(Command::new(tool).arg("-dc").arg(&packed)) == plain);
        let theirs = run(Command::new(tool)
            .arg("-c")
            .arg(db.dir.path().join("plain")));
        let mut unpacked = Vec::new();
        let mut input = Input::open(theirs.as_slice()).unwrap();
        std::io::Read::read_to_end(&mut input, &mut unpacked).unwrap();
        assert!(unpacked == plain, "{tool}");
        let file = db.file(&format!("theirs-{name}"), &theirs);
        assert_eq!(digest(&file, &[]), digest(&db.path, &[]));
    }
}

/// `tests/exchange/reader.py` was written from `docs/exchange.md` alone.
#[test]
fn a_reader_made_from_the_specification_agrees() {
    if !has("python3") {
        return;
    }
    let reader = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/exchange/reader.py");
    let db = bytes();
    db.run("put")
        .args(["a", "1", "--keyspace", "fr\u{fc}it \"q\""])
        .assert()
        .success();
    let main = &["--keyspace", "main"][..];
    let forms: [(&str, &[&str]); 8] = [
        ("jsonl", &[]),
        ("jsonl.gz", &[]),
        ("auto.jsonl", &["--enc", "auto"]),
        ("hex.jsonl", &["--enc", "hex"]),
        ("mdb", &["--format", "mdb"]),
        ("print.mdb", &["--format", "mdb", "--enc", "print"]),
        ("tsv", &["--format", "tsv", "--keyspace", "main"]),
        ("raw", &["--format", "raw", "--keyspace", "main"]),
    ];
    for (name, args) in forms {
        let path = export(&db, &format!("out.{name}"), args);
        let found = run(Command::new("python3").arg(&reader).arg(&path));
        let selection = if args.contains(&"--keyspace") {
            main
        } else {
            &[]
        };
        let expected = format!("{}  {}\n", digest(&db.path, selection), path.display());
        assert_eq!(String::from_utf8(found).unwrap(), expected, "{name}");
    }
    for name in ["jsonl", "raw"] {
        let whole = fs::read(db.dir.path().join(format!("out.{name}"))).unwrap();
        for end in [0, 5, whole.len() / 2, whole.len() - 1] {
            let cut = db.file(&format!("cut.{name}"), &whole[..end]);
            let output = Command::new("python3").arg(&reader).arg(cut).output();
            assert_eq!(
                output.unwrap().status.code(),
                Some(1),
                "{name} cut at {end}"
            );
        }
    }
}
