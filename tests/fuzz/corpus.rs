//! Writes the corpus: a few inputs for each target that lead deep into it.

use creel::stream::frame::{Framer, Kind};

use super::entry::objects::SEALED;
use super::replay::folder;

fn write(target: &str, name: &str, bytes: &[u8]) {
    let folder = folder(target);
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join(name), bytes).unwrap();
}

/// The bytes of a golden file: how many there are, then places with hexadecimal digits.
fn golden(name: &str) -> Vec<u8> {
    let root = env!("CARGO_MANIFEST_DIR");
    let text = std::fs::read_to_string(format!("{root}/tests/format/golden/{name}.txt"));
    let text = text.unwrap();
    let mut lines = text.lines();
    let len = lines.next().unwrap().strip_prefix("bytes ").unwrap();
    let mut bytes = vec![0; len.parse().unwrap()];
    for line in lines.take_while(|line| !line.is_empty()) {
        let (at, digits) = line.split_once(' ').unwrap();
        let at = usize::from_str_radix(at, 16).unwrap();
        for (i, pair) in digits.as_bytes().chunks(2).enumerate() {
            let pair = std::str::from_utf8(pair).unwrap();
            bytes[at + i] = u8::from_str_radix(pair, 16).unwrap();
        }
    }
    bytes
}

fn with(first: u8, rest: &[u8]) -> Vec<u8> {
    [&[first], rest].concat()
}

#[test]
fn the_corpus_is_written_where_that_is_asked_for() {
    if std::env::var_os("UPDATE_CORPUS").is_none() {
        assert!(folder("file").exists());
        return;
    }
    for (i, name) in [
        "header-new-4k",
        "header-full-4k",
        "header-blank",
        "header-full-64k",
    ]
    .iter()
    .enumerate()
    {
        let bytes = golden(name);
        for how in 0..4 {
            write("header", &format!("{i}-{how}"), &with(how, &bytes));
        }
        assert_eq!(bytes.len(), creel::format::SLOT_SIZE);
    }
    for (how, name) in [
        "leaf-inline-4k",
        "branch-4k",
        "overflow-4k",
        "free-list-4k",
        "leaf-overflow-4k",
        "leaf-long-prefix-4k",
    ]
    .iter()
    .enumerate()
    {
        let bytes = golden(name);
        let kind = [0, 1, 2, 3, 0, 0][how];
        write("page", &format!("{name}-as-it-is"), &with(kind, &bytes));
        write("page", &format!("{name}-sealed"), &with(kind | 4, &bytes));
    }
    patches();
    records();
    wire();
    objects();
    args();
}

/// Place, value and what is made to fit, then a script.
fn patches() {
    let patch = |at: u32, value: u8, how: u8| {
        let [a, b, c, _] = at.to_le_bytes();
        [a, b, c, value, how]
    };
    let one = |p: [u8; 5], script: &[u8]| [&[1][..], &p, script].concat();
    write("log", "whole", &[0]);
    for (i, at) in [8, 16, 24, 48, 128, 136, 160, 168, 176, 200, 65536 + 16]
        .iter()
        .enumerate()
    {
        write("log", &format!("torn-{i}"), &one(patch(*at, 0xff, 0), &[]));
        write(
            "log",
            &format!("sealed-{i}"),
            &one(patch(*at, 3, 0x84), &[]),
        );
    }
    let all: Vec<u8> = (0..24).collect();
    write("file", "whole", &with(0, &all));
    write("file", "reads", &with(0, &[6, 3, 3, 1, 6]));
    write("file", "cut", &with(0, &[0xff, 100, 6, 1, 2]));
    let pages = 4 * 4096 + 2 * 65536;
    for (i, at) in [12, 64, 72, 100, 8192 + 64, 8192 + 200, 300, 508]
        .iter()
        .enumerate()
    {
        write(
            "file",
            &format!("header-{i}"),
            &one(patch(*at, 0xfe, 2), &all),
        );
        write(
            "file",
            &format!("wide-{i}"),
            &one(patch(*at, 0, 0xc2), &all),
        );
    }
    for (i, at) in [
        0, 4, 8, 16, 18, 20, 22, 32, 40, 100, 4000, 4090, 9000, 12_300, 20_000,
    ]
    .iter()
    .enumerate()
    {
        write(
            "file",
            &format!("page-{i}"),
            &one(patch(pages + at, 0x7f, 1), &all),
        );
    }
}

fn records() {
    let framed = concat!(
        "{\"creel\":{\"format\":\"creel-jsonl/1\",\"db\":\"000102030405060708090a0b0c0d0e0f\",",
        "\"position\":{\"epoch\":1,\"index\":3,\"hash\":\"000102030405060708090a0b0c0d0e0f\"},",
        "\"order\":\"key-asc\",\"enc\":\"base64\"}}\n",
        "{\"key\":\"YQ==\",\"payload\":\"MQ==\"}\n",
        "{\"ks\":\"other\",\"key\":\"Yg==\",\"payload\":\"MgI=\"}\n",
        "{\"creel_end\":{\"records\":2,\"bytes\":3,\"crc32c\":\"00000000\",\"digest\":\"00\",",
        "\"first_key\":\"YQ==\",\"last_key\":\"Yg==\"}}\n"
    );
    let bare = concat!(
        "{\"key_utf8\":\"a\",\"payload_utf8\":\"1\"}\n",
        "{\"key_hex\":\"ff00\",\"payload_hex\":\"0a\"}\n",
        "{\"op\":\"del\",\"key_utf8\":\"a\"}\n",
        "{\"op\":\"del_range\",\"from_utf8\":\"a\",\"to_utf8\":\"b\"}\n",
    );
    let foreign = "{\"id\":\"u1\",\"name\":\"Anna\",\"n\":[1,{\"x\":null}]}\n{\"id\":7}\n";
    let mdb = concat!(
        "VERSION=3\nformat=bytevalue\ntype=btree\nmapsize=1048576\nHEADER=END\n",
        " 61\n 31\n 62\n 32\nDATA=END\n"
    );
    for (how, name, text) in [
        (0, "framed", framed),
        (0, "bare", bare),
        (16, "truncated", &framed[..framed.len() - 90]),
        (1, "foreign", foreign),
        (2, "csv", "key,value\na,\"1,2\"\n\"b\"\"c\",\n"),
        (66, "csv-heading", "key,value\na,1\n"),
        (3, "tsv", "a\\t\t1\nb\t\\x00\\\\\n"),
        (4, "mdb", mdb),
        (8, "guessed", mdb),
        (128, "in-batches", bare),
        (32, "sorted", bare),
        (
            0,
            "nested",
            "{\"a\":[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]}\n",
        ),
    ] {
        write("records", name, &with(how, text.as_bytes()));
    }
    write("records", "raw", &with(5, b"\x01\0\0\0\x01\0\0\0a1"));
    write(
        "records",
        "gzip",
        &with(0, &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 3, 0]),
    );
    write(
        "records",
        "zstd",
        &with(0, &[0x28, 0xb5, 0x2f, 0xfd, 0x20, 0, 1, 0, 0]),
    );
}

fn wire() {
    for (i, kind) in Kind::ALL.into_iter().enumerate() {
        for (j, body) in [vec![0; 8], vec![1; 64], (0..200).collect()]
            .iter()
            .enumerate()
        {
            let mut framer = Framer::default();
            let mut bytes = framer.frame(kind, 0, body);
            bytes.extend(framer.frame(Kind::Heartbeat, 0, &[0; 40]));
            write(
                "wire",
                &format!("{i}-{j}"),
                &with(0xff - i as u8 * 7, &bytes),
            );
        }
    }
}

/// The golden objects of a store as they are, and so that changes of them fit once more.
fn objects() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/chain/golden");
    let read = |name: &str| std::fs::read_to_string(format!("{folder}/{name}.txt")).unwrap();
    let names = [
        "segment",
        "creel",
        "catalogue",
        "snapshot",
        "begin",
        "progress",
        "hold",
    ];
    for (kind, name) in names.into_iter().enumerate() {
        let bytes = match kind {
            0 => digits(&read(name)),
            _ => read(name).into_bytes(),
        };
        let kind = kind as u8;
        write("objects", name, &with(kind, &bytes));
        write(
            "objects",
            &format!("{name}-sealed"),
            &with(kind | SEALED, &bytes),
        );
    }
    let fence = digits(&read("fence"));
    write("objects", "fence", &with(0, &fence));
    write("objects", "fence-sealed", &with(SEALED, &fence));
    let id = "00000000000000000812-0000000003-9f31c0aa";
    for (i, name) in [
        "creel.json".to_owned(),
        format!("log/{:020}.seg", 1),
        format!("cat/{:020}.json", u64::MAX),
        format!("snap/{id}/begin.json"),
        format!("snap/{id}/snapshot.json"),
        format!("snap/{id}/p000007-30313233343536373839616263646566"),
        "progress/30313233343536373839616263646566.json".to_owned(),
        "hold/nightly-2.json".to_owned(),
        "probe/00000000000000ff-00000003".to_owned(),
        id.to_owned(),
    ]
    .iter()
    .enumerate()
    {
        write("objects", &format!("name-{i}"), &with(7, name.as_bytes()));
    }
}

/// Lines of a place and the bytes there in hexadecimal digits.
fn digits(text: &str) -> Vec<u8> {
    let digits = text.lines().filter_map(|line| line.split_once(' '));
    let digits: String = digits.map(|(_, digits)| digits).collect();
    let pairs = digits.as_bytes().chunks(2);
    let pairs = pairs.map(|pair| std::str::from_utf8(pair).unwrap());
    pairs
        .map(|pair| u8::from_str_radix(pair, 16).unwrap())
        .collect()
}

fn args() {
    let lines = [
        "put a.db key value",
        "get a.db key --newline",
        "list a.db --prefix k --limit 10 --json",
        "delete a.db --from a --to b --yes --dry-run",
        "open e.db --create --page-size 16KiB --wal-size 1MiB",
        "import a.db b.jsonl --batch 10k --sort-memory 8MiB",
        "export a.db --format csv --enc hex",
        "verify a.db --level deep --expect-index 7",
        "compact a.db --min-gain 5%",
        "backup a.db -o b.db --rate 1MiB",
        "inspect a.db page 3",
        "explain 7",
        "batch a.db --every 100",
        "stats a.db --json --exact",
        "--color never --lock-timeout 5s info @ --get state",
        "digest a.db b.jsonl",
        "schema creel.list/1",
        "salvage a.db -o c.db --dry-run",
        "replicate init e.db --from dir:store",
        "replicate pull c.db --from a.db --max-frames 10 --reseed auto",
        "replicate follow c.db --from tcp://127.0.0.1:1 --http 127.0.0.1:0",
        "replicate serve a.db --listen 127.0.0.1:0 --publish dir:store --linger 5ms",
        "replicate serve a.db --publish dir:store --gc-every 1s --max-unpublished 1MiB,10s",
        "replicate status dir:store --check lag=10 --json",
        "replicate keep a.db --retain-max-bytes 1GiB --hold x --at 3",
        "replicate snapshot a.db --to dir:store",
        "replicate gc dir:store --dry-run --retain-min 2 --hold-ttl 7d",
        "replicate hold dir:store x --at 1 --expires 1h --max-bytes 1MiB",
        "replicate mirror dir:store dir:other",
        "replicate rejoin a.db --from dir:store",
        "replicate probe dir:store --rounds 3",
        "promote a.db --store dir:store --expect-epoch 1 --accept-loss --dry-run",
        "restore dir:store -o d.db --at 1",
        "get a.db key --wait-for 1:3:00112233445566778899aabbccddeeff",
        "put a.db key value --ack replica:2 --ack-timeout 1s --token",
        "replicate reseed c.db --from dir:store",
        "diff a.db b.jsonl --keyspace main",
        "soak --ops 10 --seed 1 --keys 10",
        "exists a.db key",
        "checkpoint a.db --if-wal-above 70% --dry-run",
        "keyspaces a.db --json",
        "drill b.jsonl",
        "doctor .",
        "version --json",
        "replicate verify dir:store --json",
        "replicate forget dir:store x",
        "log show saved.seg --json",
        "log diff a.db saved.seg",
        "log reapply a.db saved.seg --dry-run --on-conflict skip",
    ];
    for (i, line) in lines.iter().enumerate() {
        write(
            "args",
            &format!("{i:02}"),
            line.replace(' ', "\n").as_bytes(),
        );
    }
}
