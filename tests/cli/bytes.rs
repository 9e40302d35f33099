//! Keys and values of any bytes, by every way in and out.
#![cfg(unix)]

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use crate::support::{Db, base64, json_lines, unbase64};

/// Bytes that look random and are the same every time.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn bytes(&mut self, longest: u64) -> Vec<u8> {
        let length = self.next() % longest;
        // Few different bytes, those that matter to somebody among them.
        let alphabet = b"\0\x01\t\n\r\x1b\"'\\-@$ a{}\x7f\x80\xc3\xa9\xed\xa0\x80\xff";
        (0..length)
            .map(|_| match self.next() % 3 {
                0 => (self.next() >> 20) as u8,
                _ => alphabet[(self.next() >> 20) as usize % alphabet.len()],
            })
            .collect()
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

#[test]
fn any_bytes_come_back_whatever_the_way() {
    let db = Db::new();
    let mut noise = Noise(0x0001_2345_6789_abcd);
    let mut expected = BTreeMap::new();
    for i in 0..150 {
        let mut key = noise.bytes(60);
        let mut value = noise.bytes(300);
        if key.is_empty() {
            key.push(i as u8);
        }
        let mut command = db.run("put");
        match i % 5 {
            0 => {
                // An argument cannot hold zero bytes.
                key.iter_mut()
                    .chain(&mut value)
                    .for_each(|b| *b = (*b).max(1));
                command.arg("--").args([
                    OsString::from_vec(key.clone()),
                    OsString::from_vec(value.clone()),
                ]);
            }
            1 => {
                let file = db.file("key", &key);
                command
                    .arg("--key-file")
                    .arg(file)
                    .args(["--value-file", "-"])
                    .write_stdin(value.clone());
            }
            2 => {
                command.args(["--enc", "hex", "--", &hex(&key), &hex(&value)]);
            }
            3 => {
                command.args(["--enc", "base64", "--", &base64(&key), &base64(&value)]);
            }
            _ => {
                let line = format!(
                    "{{\"op\":\"put\",\"key\":\"{}\",\"value_hex\":\"{}\"}}\n",
                    base64(&key),
                    hex(&value)
                );
                command = db.run("batch");
                command.arg("--json").write_stdin(line);
            }
        }
        command.assert().success();
        expected.insert(key, value);
    }
    let check = |db: &Db| {
        for (key, value) in &expected {
            let output = db
                .run("get")
                .args(["--enc", "hex", &hex(key)])
                .output()
                .unwrap();
            assert_eq!(output.stdout, *value, "{}", hex(key));
            let file = db.file("key", key);
            let output = db.run("get").arg("--key-file").arg(file).output().unwrap();
            assert_eq!(output.stdout, *value, "{}", hex(key));
        }
        let output = db.run("list").arg("--json").output().unwrap().stdout;
        let entries: BTreeMap<_, _> = json_lines(&output)
            .into_iter()
            .filter(|l| l["record"] == "entry")
            .map(|l| (unbase64(&l["key_b64"]), unbase64(&l["value_b64"])))
            .collect();
        assert_eq!(entries, expected);
    };
    check(&db);
    db.run("checkpoint").assert().success();
    check(&db);
    // The text that `list` prints makes the same database again.
    let text = db.run("list").output().unwrap().stdout;
    assert_eq!(text.iter().filter(|b| **b == b'\n').count(), expected.len());
    let lines: Vec<u8> = text
        .split_inclusive(|b| *b == b'\n')
        .flat_map(|l| [b"put\t", l].concat())
        .collect();
    let copy = Db::new();
    copy.run("batch").write_stdin(lines).assert().success();
    check(&copy);
}

#[test]
fn a_large_value_is_whole() {
    let db = Db::new();
    let value: Vec<u8> = (0..3_000_000u32)
        .map(|i| (i.wrapping_mul(2_654_435_761) >> 21) as u8)
        .collect();
    db.run("put")
        .args(["large", "--value-file", "-"])
        .write_stdin(value.clone())
        .assert()
        .success();
    for _ in 0..2 {
        assert_eq!(db.get("large"), value);
        let part = db
            .run("get")
            .args(["large", "--offset", "1MiB", "--length", "10"])
            .output()
            .unwrap();
        assert_eq!(part.stdout, value[1 << 20..][..10]);
        db.run("checkpoint").assert().success();
    }
    db.run("verify")
        .args(["--level", "deep", "--strict"])
        .assert()
        .success();
}
