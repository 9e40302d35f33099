//! Bad input: each verdict with its line and byte, and nothing changed by it.

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::import::{counts, import, record, refused, report};
use crate::support::{Db, creel, json, json_error, json_lines};

/// A line, its verdict, and the byte of the line that is named.
const VERDICTS: &[(&[u8], &str, u64)] = &[
    (br#"{"key":"YQ==","payload":"M-=="}"#, "url_base64", 26),
    (br#"{"key":"YQ==","payload":"M!=="}"#, "bad_base64", 26),
    (br#"{"key":"YQ==","payload":"MQ="}"#, "bad_base64", 28),
    (br#"{"key_hex":"0g","payload":""}"#, "bad_hex", 13),
    (b"{\"key_utf8\":\"\xff\",\"payload\":\"\"}", "bad_utf8", 13),
    (
        br#"{"key_utf8":"\ud800","payload":""}"#,
        "lone_surrogate",
        13,
    ),
    (br#"{"key_utf8":"\x","payload":""}"#, "bad_escape", 13),
    (b"{\"key_utf8\":\"\0\",\"payload\":\"\"}", "nul_byte", 13),
    (
        b"{\"key_utf8\":\"\x01\",\"payload\":\"\"}",
        "control_character",
        13,
    ),
    (
        br#"{"key":"YQ==","key":"YQ==","payload":""}"#,
        "duplicate_field",
        15,
    ),
    (
        br#"{"key":"YQ==","key_hex":"61","payload":""}"#,
        "two_encodings",
        15,
    ),
    (br#"{"key":"YQ==","payload":"","x":1}"#, "unknown_field", 28),
    (br#"{"key":1,"payload":""}"#, "wrong_type", 2),
    (br#"{"key":"YQ==","payload":""} x"#, "trailing_text", 28),
    (br#"{"payload":""}"#, "missing_key", 0),
    (br#"{"key":"YQ=="}"#, "missing_value", 0),
    (
        br#"{"op":"del","key":"YQ==","payload":""}"#,
        "unexpected_field",
        36,
    ),
    (br#"{"op":"burn","key":"YQ=="}"#, "bad_op", 7),
    (br#"{"key":"","payload":""}"#, "empty_key", 8),
    (br#"{"ks":"","key":"YQ==","payload":""}"#, "bad_keyspace", 7),
    (br"[1]", "not_an_object", 0),
    (br"hello", "bad_json", 0),
    (br#"{"key":"YQ==" "payload":""}"#, "bad_json", 14),
];

#[test]
fn every_verdict_names_line_and_byte() {
    let db = Db::with(&[("kept", "1")]);
    let first = record("a", "1");
    let deep = format!("{{\"x\":{}{}}}", "[".repeat(128), "]".repeat(128));
    let long = format!("{{\"key_utf8\":\"{}\",\"payload\":\"\"}}", "k".repeat(2000));
    let more: [(&[u8], &str, u64); 2] = [
        (deep.as_bytes(), "too_deep", 132),
        (long.as_bytes(), "long_key", 13),
    ];
    for (line, code, at) in VERDICTS.iter().chain(&more) {
        let text = [b"\n", first.as_bytes(), line, b"\n"].concat();
        let error = refused(&db, &text, &[]);
        let start = 1 + first.len() as u64;
        let detail = &error["detail"];
        assert_eq!(detail["fault"], *code, "{error}");
        assert_eq!(detail["line"], 3, "{error}");
        assert_eq!(detail["byte"], start, "{error}");
        assert_eq!(detail["at"], start + at, "{error}");
        let message = error["message"].as_str().unwrap();
        assert!(message.starts_with("standard input:3: "), "{message}");
    }
    assert_eq!(db.list(), "kept\t1\n");
}

#[test]
fn every_verdict_is_documented() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("docs/import.md")).unwrap();
    for code in creel::exchange::read::FaultCode::ALL {
        let row = format!("| `{}` | {} |", code.name(), code.text());
        assert!(
            page.contains(&row),
            "docs/import.md should have the row {row}"
        );
    }
}

#[test]
fn messages_say_where_and_keep_values_to_themselves() {
    let db = Db::new();
    let file = db.file(
        "in.jsonl",
        b"{\"key\":\"YQ==\",\"payload\":\"SECRET-VALUE\"}\n",
    );
    let run = |args: &[&str]| {
        let mut command = db.run("import");
        let assert = command.arg(&file).args(args).assert().code(9);
        String::from_utf8(assert.get_output().stderr.clone()).unwrap()
    };
    let text = run(&[]);
    let parts = [
        format!(
            "error: {}:1: payload: base64 in the URL-safe alphabet",
            file.display()
        ),
        "cause: byte 31 of the input, byte 31 of the line".into(),
        "state: nothing was changed".into(),
        "hint: repair the line, or set bad lines aside: --on-error reject --rejects".into(),
    ];
    for part in parts {
        assert!(text.contains(&part), "{part:?} is missing in:\n{text}");
    }
    assert!(!text.contains("SECRET"), "{text}");
    assert!(run(&["-v"]).contains("SECRET-VALUE"));
    let mut command = db.run("import");
    let assert = command
        .arg(&file)
        .args(["--on-error", "skip"])
        .assert()
        .code(3);
    let text = String::from_utf8(assert.get_output().stderr.clone()).unwrap();
    assert!(
        text.contains("first bad line: ") && !text.contains("SECRET"),
        "{text}"
    );
}

#[test]
fn marks_line_ends_and_blank_lines_are_fine() {
    let db = Db::new();
    let line = record("a", "1");
    let text = format!(
        "\u{feff}{}\r\n\r\n  \n{}",
        line.trim_end(),
        record("b", "2").trim_end()
    );
    let report = report(&db, text.as_bytes(), &[]);
    assert_eq!(
        (&report["records"], &report["lines"]),
        (&2.into(), &4.into())
    );
    assert_eq!(db.list(), "a\t1\nb\t2\n");
}

#[test]
fn a_last_line_cut_anywhere_is_refused() {
    let line = record("key", "value");
    let db = Db::new();
    for cut in 1..line.len() - 1 {
        let error = refused(&db, &line.as_bytes()[..cut], &["--dry-run"]);
        assert_eq!(error["detail"]["fault"], "cut_line", "cut at {cut}");
    }
    // With its last line end missing it is whole.
    report(&db, line.trim_end().as_bytes(), &[]);
    let cut = format!("{}{{\"key\":", record("b", "2"));
    let assert = import(&db, cut.as_bytes(), &["--allow-truncated"]).assert();
    assert.code(3);
    assert_eq!(db.get("b"), b"2");
}

fn export(db: &Db, args: &[&str]) -> Vec<u8> {
    let mut command = db.run("export");
    command
        .args(args)
        .assert()
        .success()
        .get_output()
        .stdout
        .clone()
}

#[test]
fn an_export_cut_anywhere_is_refused() {
    let source = Db::with(&[("a", "1"), ("b", "")]);
    let text = export(&source, &[]);
    let db = Db::new();
    let before = db.bytes();
    for cut in 0..text.len() {
        import(&db, &text[..cut], &[]).assert().code(9);
    }
    assert_eq!(db.bytes(), before);
    report(&db, &text, &[]);
    assert_eq!(db.list(), source.list());
}

/// `creel export missing.db | creel import new.db --create` made an empty database, with exit 0.
#[test]
fn an_empty_input_is_refused_unless_it_may_be_empty() {
    let db = Db::with(&[("a", "1")]);
    let before = db.bytes();
    let packed = b"\x1f\x8b\x08\0\0\0\0\0\x02\x03\x03\0\0\0\0\0\0\0\0\0";
    for (input, format) in [
        (&b""[..], "jsonl"),
        (b"", "csv"),
        (b"", "mdb"),
        (packed, "jsonl"),
    ] {
        for more in [
            &[][..],
            &["--on-error", "skip"],
            &["--atomic"],
            &["--dry-run"],
        ] {
            let args = [&["--format", format], more].concat();
            let error = refused(&db, input, &args);
            assert_eq!(error["detail"]["fault"], "empty_input", "{args:?}");
        }
    }
    assert_eq!(db.bytes(), before);
    let missing = db.path.with_file_name("missing.creel");
    let mut command = creel();
    command.arg("import").arg(&missing).arg("--create");
    command.write_stdin("").assert().code(9);
    assert!(!missing.exists());
    for args in [
        &["--bare"][..],
        &["--bare", "--format", "csv"],
        &["--field-map", "key=id"],
        &["--format", "tsv"],
    ] {
        assert_eq!(report(&db, b"", args)["records"], 0, "{args:?}");
    }
    import(&db, b"", &["--allow-truncated"]).assert().code(3);
    assert_eq!(db.get("a"), b"1");
}

#[test]
fn an_export_with_a_changed_byte_is_refused() {
    let source = Db::with(&[("a", "1"), ("b", "2")]);
    let text = export(&source, &[]);
    let db = Db::new();
    let before = db.bytes();
    for at in 0..text.len() {
        let mut changed = text.clone();
        changed[at] ^= 1 << (at % 8);
        import(&db, &changed, &[]).assert().code(9);
        if at % 7 == 0 {
            // Passing over bad lines does not make it whole.
            import(&db, &changed, &["--on-error", "skip"])
                .assert()
                .code(9);
        }
    }
    assert_eq!(db.bytes(), before);
}

#[test]
fn exports_without_their_trailer_or_joined() {
    let source = Db::with(&[("a", "1"), ("b", "2")]);
    let text = export(&source, &[]);
    let lines: Vec<&[u8]> = text.split_inclusive(|b| *b == b'\n').collect();
    let db = Db::new();
    let fault = |text: &[u8], args: &[&str]| refused(&db, text, args)["detail"]["fault"].clone();
    let head = lines[..3].concat();
    assert_eq!(fault(&head, &[]), "no_trailer");
    assert_eq!(fault(&[&text[..], &text].concat(), &[]), "after_trailer");
    assert_eq!(fault(&[&text[..], b"\n"].concat(), &[]), "after_trailer");
    assert_eq!(fault(&[lines[1], &text[..]].concat(), &[]), "header_inside");
    assert_eq!(fault(&[&head[..], &text].concat(), &[]), "header_inside");
    assert_eq!(fault(&lines[1..].concat(), &[]), "lone_trailer");
    assert_eq!(
        fault(&[lines[0], lines[2], lines[3]].concat(), &[]),
        "trailer_differs"
    );
    assert_eq!(fault(&text, &["--bare"]), "framed_in_bare");
    let swapped = [lines[0], lines[2], lines[1], lines[3]].concat();
    assert_eq!(fault(&swapped, &[]), "out_of_order");
    let crlf = String::from_utf8(text.clone())
        .unwrap()
        .replace('\n', "\r\n");
    assert_eq!(fault(crlf.as_bytes(), &[]), "trailer_differs");
    let assert = import(&db, &head, &["--allow-truncated", "--json"])
        .assert()
        .code(3);
    let found: Value = serde_json::from_slice(&assert.get_output().stdout).unwrap();
    assert_eq!(found["trailer"], "missing");
    assert_eq!(db.list(), source.list());
}

#[test]
fn other_formats_that_are_cut_or_broken() {
    let source = Db::with(&[("a", "1"), ("b", "2")]);
    let db = Db::new();
    for (format, whole) in [("raw", usize::MAX), ("mdb", 1)] {
        let text = export(&source, &["--format", format]);
        for cut in 0..text.len() {
            // The line end behind the last line of a dump may be missing.
            if text.len() - cut > whole || format == "raw" {
                refused(&db, &text[..cut], &["--format", format]);
            }
        }
    }
    for (text, format, code, line) in [
        (&b"a\t1\nb\n"[..], "tsv", "column_count", 2),
        (b"a\t1\n\\q\t2\n", "tsv", "bad_escape", 2),
        (b"a,1\nb,\"2\"x\n", "csv", "bad_quote", 2),
        (b"a,1\n\"b,2\n", "csv", "open_quote", 2),
        (b"a,1\nb,2,3\n", "csv", "column_count", 2),
        (
            b"VERSION=3\nformat=bytevalue\nHEADER=END\n zz\n 00\nDATA=END\n",
            "mdb",
            "bad_hex",
            4,
        ),
        (
            b"VERSION=3\nformat=bytevalue\nHEADER=END\n 00\nDATA=END\n",
            "mdb",
            "missing_value",
            4,
        ),
        (
            b"VERSION=3\nformat=bytevalue\nduplicates=1\n",
            "mdb",
            "unsupported",
            3,
        ),
        (b"hello\n", "mdb", "bad_header", 1),
        (b"hello\n", "raw", "bad_header", 1),
    ] {
        let error = refused(&db, text, &["--format", format]);
        assert_eq!(error["detail"]["fault"], code, "{format}");
        assert_eq!(error["detail"]["line"], line, "{format}");
    }
}

#[test]
fn bad_lines_are_set_aside_repaired_and_imported() {
    let whole: String = (0..50).map(|i| record(&format!("k{i:02}"), "v")).collect();
    let broken: String = whole
        .lines()
        .enumerate()
        .map(|(i, line)| match i {
            7 => format!("{}\n", line.replacen("payload", "pavload", 1)),
            9 => format!("{}\n", line.replacen("dg==", "d-==", 1)),
            30 => format!("{line} trailing\n"),
            _ => format!("{line}\n"),
        })
        .collect();
    for more in [&[][..], &["--batch", "10"]] {
        let db = Db::new();
        let path = db.dir.path().join("bad.jsonl");
        let args = [&["--rejects", path.to_str().unwrap()], more].concat();
        let assert = import(&db, broken.as_bytes(), &args)
            .arg("--json")
            .assert()
            .code(3);
        let report: Value = serde_json::from_slice(&assert.get_output().stdout).unwrap();
        assert_eq!(counts(&report), [47, 0, 0, 0, 0, 0, 3]);
        assert_eq!(report["first_error"]["line"], 8);
        assert_eq!(report["rejects"], path.to_str().unwrap());
        let lines = json_lines(&fs::read(&path).unwrap());
        let codes: Vec<&Value> = lines.iter().map(|l| &l["creel_reject"]["code"]).collect();
        assert_eq!(codes, ["unknown_field", "url_base64", "trailing_text"]);
        let reject = &lines[1]["creel_reject"];
        assert_eq!(
            (&reject["line"], &reject["file"]),
            (&10.into(), &"standard input".into())
        );
        // As it is, all of them are bad again; the file is not overwritten.
        import(&db, &fs::read(&path).unwrap(), &[]).assert().code(9);
        let again = import(&db, broken.as_bytes(), &args).assert().code(8);
        drop(again);
        let repaired = fs::read_to_string(&path)
            .unwrap()
            .replace("pavload", "payload")
            .replace("d-==", "dg==")
            .replace(" trailing", "");
        fs::write(&path, repaired).unwrap();
        let mut command = db.run("import");
        command.arg(&path);
        assert_eq!(counts(&json(command)), [3, 0, 0, 0, 0, 0, 0]);
        let other = Db::new();
        crate::import::report(&other, whole.as_bytes(), &[]);
        assert_eq!(db.list(), other.list());
        assert_eq!(db.files(), ["bad.jsonl", "test.db"]);
    }
}

#[test]
fn rejects_of_other_formats_say_how_to_read_them() {
    let db = Db::new();
    let path = db.dir.path().join("bad.jsonl");
    let rejects = path.to_str().unwrap();
    let dump = b"VERSION=3\nformat=bytevalue\ndatabase=d\nHEADER=END\n 6x\n 00\nDATA=END\n";
    for (text, args, wrong, right) in [
        (&b"a\\q\t1\n"[..], &["--format", "tsv"][..], "\\\\q", "b"),
        (b"\xff,1,2\n", &["--format", "csv"], "LDEsMg==", "LDE="),
        (b"61,3\n", &["--format", "csv", "--enc", "hex"], ",3", ",31"),
        (dump, &["--format", "mdb"], "6x", "63"),
    ] {
        let args = [args, &["--rejects", rejects, "--force"]].concat();
        import(&db, text, &args).assert().code(3);
        let lines = fs::read_to_string(&path).unwrap();
        let repaired = lines.replace(wrong, right).replace("/ywxLDI=", "/ywx");
        fs::write(&path, repaired).unwrap();
        let mut command = db.run("import");
        command.arg(&path);
        assert_eq!(counts(&json(command))[0], 1, "{lines}");
    }
    assert_eq!(db.list(), "a\t1\nab\t1\n\\xff\t1\n");
    let mut command = db.run("get");
    command.args(["c", "--keyspace", "d"]).assert().success();
}

#[test]
fn too_many_bad_lines() {
    let good: String = (0..97).map(|i| record(&format!("k{i:02}"), "v")).collect();
    let text = format!("x\ny\n{good}z\n");
    for (most, exit) in [("2", 13), ("3", 3), ("2.9%", 13), ("3%", 3), ("0", 13)] {
        let db = Db::new();
        let args = ["--on-error", "skip", "--max-errors", most];
        let assert = import(&db, text.as_bytes(), &args).assert().code(exit);
        let shown = String::from_utf8(assert.get_output().stderr.clone()).unwrap();
        if exit == 13 {
            assert!(shown.contains("nothing was changed"), "{shown}");
            assert!(
                shown.contains("the first one: standard input:1: "),
                "{shown}"
            );
            assert_eq!(db.list(), "");
        }
    }
    let db = Db::new();
    let path = db.dir.path().join("bad.jsonl");
    let args = [
        "--rejects",
        path.to_str().unwrap(),
        "--max-errors",
        "1",
        "--batch",
        "10",
    ];
    let error = json_error(import(&db, text.as_bytes(), &args), 13);
    assert_eq!(error["code"], "too_many_errors");
    assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 2);
}

/// A line of a gigabyte is refused by a process that may have less memory than that.
#[test]
#[cfg(target_os = "linux")]
fn a_line_of_a_gigabyte_is_refused_in_bounded_memory() {
    let db = Db::new();
    let path = db.dir.path().join("bad.jsonl");
    let script = "ulimit -v 600000; exec \"$@\"";
    let mut child = Command::new("sh")
        .args(["-c", script, "sh", env!("CARGO_BIN_EXE_creel"), "import"])
        .arg(&db.path)
        .args(["--json", "--rejects"])
        .arg(&path)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let feed = std::thread::spawn(move || {
        let piece = vec![b'x'; 1 << 20];
        stdin.write_all(record("a", "1").as_bytes()).unwrap();
        for _ in 0..1024 {
            stdin.write_all(&piece).unwrap();
        }
        let last = format!("\n{}", record("b", "2"));
        stdin.write_all(last.as_bytes()).unwrap();
    });
    let output = child.wait_with_output().unwrap();
    feed.join().unwrap();
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(found["first_error"]["code"], "long_line");
    assert_eq!(found["first_error"]["line"], 2);
    assert_eq!(found["lines"], 3);
    assert_eq!(db.list(), "a\t1\nb\t2\n");
    let reject = &json_lines(&fs::read(&path).unwrap())[0]["creel_reject"];
    assert_eq!(reject["cut"], true);
    assert_eq!(reject["raw"].as_str().unwrap().len(), 64 << 10);
    // What was cut cannot come back.
    let mut command = db.run("import");
    command.arg(&path);
    assert_eq!(json_error(command, 9)["detail"]["fault"], "cut_reject");
}
