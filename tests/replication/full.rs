//! No room: a limit on how large a file may get stands for the disk that is full.

use std::process::{Command, Output, Stdio};

use crate::world::{World, text};

/// Runs a command whose files may have so many KiB.
pub fn within(kib: u64, words: &[&str]) -> Output {
    // The shell counts in 512 bytes.
    let script = format!("ulimit -f {}; exec \"$0\" \"$@\"", kib * 2);
    Command::new("sh")
        .args(["-c", &script])
        .arg(env!("CARGO_BIN_EXE_creel"))
        .args(words)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

/// A value that is another one in each round.
fn value(round: u32) -> String {
    format!("{round} ").repeat(9000)
}

fn primary(world: &World) -> String {
    let a = world.path("a.db");
    world.primary("128KiB");
    world.put("a.db", "first", "1");
    world.replicate_to(0, "init", "b.db", &["--from", a.to_str().unwrap()]);
    a.to_str().unwrap().to_owned()
}

/// Writes more than the limit several times over. Gives the rounds that were confirmed, and what was said
/// when one was not.
fn write(a: &str, kib: u64) -> (u32, Option<Output>) {
    for round in 0..160 {
        let key = format!("key {}", round % 4);
        let output = within(kib, &["put", a, &key, &value(round)]);
        if !output.status.success() {
            return (round, Some(output));
        }
    }
    (160, None)
}

/// Room of those who have little, in KiB.
const KIB: u64 = 3 << 10;

/// A copy that sleeps keeps log up to the cap of its hold, and no more: the primary goes on, and the copy has
/// to be made anew.
#[test]
fn a_primary_at_its_cap_goes_on_and_its_copy_starts_anew() {
    let world = World::new();
    let a = primary(&world);
    let few = ["--retain-min", "0"];
    let hold = ["--hold", "b", "--at", "1", "--hold-max-bytes", "512KiB"];
    world.replicate_to(0, "keep", "a.db", &[&few[..], &hold[..]].concat());
    let (rounds, refused) = write(&a, KIB);
    let said = refused.map(|output| text(&output));
    assert_eq!((rounds, said), (160, None), "it stops for no copy");
    let before = world.digest("b.db");
    let said = world.replicate_to(11, "pull", "b.db", &[]);
    assert!(said.contains("--reseed"), "{said}");
    assert_eq!(world.digest("b.db"), before);
    world.replicate_to(0, "pull", "b.db", &["--reseed", "auto"]);
    world.same("b.db", "a.db");
}

/// Where it is told to keep more than there is room for, it is the primary that ends, with nothing that it
/// confirmed lost; with less to keep it goes on.
#[test]
fn a_primary_that_must_keep_everything_is_told_that_there_is_no_room() {
    let world = World::new();
    let a = primary(&world);
    world.replicate_to(
        0,
        "keep",
        "a.db",
        &["--retain-min", "1000000", "--retain-max-bytes", "1GiB"],
    );
    let (rounds, refused) = write(&a, KIB);
    let refused = refused.expect("it has more than there is room for");
    let said = text(&refused);
    assert!(matches!(refused.status.code(), Some(8 | 14)), "{said}");
    assert!(rounds > 4, "{rounds}");
    world.verify("a.db");
    let last = rounds - 1;
    let key = format!("key {}", last % 4);
    let got = within(KIB, &["get", &a, &key]);
    assert_eq!(String::from_utf8(got.stdout).unwrap(), value(last));
    // The copy has lost nothing either.
    world.replicate_to(0, "pull", "b.db", &[]);
    world.same("b.db", "a.db");
    world.replicate_to(0, "keep", "a.db", &["--retain-min", "0"]);
    world.ok(&["compact"], &[&world.path("a.db")]);
    let (rounds, refused) = write(&a, KIB);
    assert_eq!((rounds, refused.map(|output| text(&output))), (160, None));
}

/// Older trees were kept until the device was full, and then puts failed: as much may wait for going back as 32 MiB,
/// and there are 3.
#[test]
fn keeping_older_trees_made_puts_fail() {
    let world = World::new();
    let a = primary(&world);
    world.replicate_to(0, "keep", "a.db", &["--retain-min", "0"]);
    let before = world.open("a.db").oldest_rewind().unwrap();
    let (rounds, refused) = write(&a, KIB);
    assert_eq!((rounds, refused.map(|output| text(&output))), (160, None));
    let after = world.open("a.db");
    assert!(after.oldest_rewind().unwrap() > before);
    assert!(after.info().unwrap().page_count * 4 <= KIB);
    world.verify("a.db");
}

#[test]
fn a_follower_without_room_says_so_and_goes_on_once_there_is() {
    let world = World::new();
    let a = primary(&world);
    world.replicate_to(0, "keep", "a.db", &["--retain-min", "1000000"]);
    let served = world.serve_local("a.db");
    let (rounds, _) = write(&a, 1 << 20);
    assert_eq!(rounds, 160);
    let b = world.path("b.db");
    let words = [
        "replicate",
        "follow",
        b.to_str().unwrap(),
        "--from",
        &served.address,
    ];
    let output = within(KIB, &words);
    let said = text(&output);
    assert!(matches!(output.status.code(), Some(8 | 14)), "{said}");
    assert!(said.contains("cannot write"), "{said}");
    assert!(said.contains("File too large"), "{said}");
    world.verify("b.db");
    let behind = world.position("b.db").index;
    assert!(
        behind < world.position("a.db").index,
        "it is stale, and whole"
    );
    let refused = world.run(&["put"], &[&b, "k".as_ref(), "v".as_ref()]);
    assert_eq!(refused.status.code(), Some(10), "{}", text(&refused));
    world.replicate_to(0, "pull", "b.db", &["--from", &served.address]);
    world.same("b.db", "a.db");
}

/// An import uses its input up, so it is not begun once more by itself: it lets go of what is kept to go back to, fails,
/// and has changed nothing. The next one has the room.
#[test]
fn an_import_without_room_changes_nothing_and_the_next_one_has_it() {
    let world = World::new();
    let a = primary(&world);
    world.replicate_to(0, "keep", "a.db", &["--retain-min", "0"]);
    let mut round = 0;
    while std::fs::metadata(&a).unwrap().len() < (KIB << 10) * 5 / 6 {
        let key = format!("key {}", round % 4);
        let output = within(KIB, &["put", &a, &key, &value(round)]);
        assert!(output.status.success(), "{round}: {}", text(&output));
        round += 1;
        assert!(round < 160, "nothing is kept");
    }
    let before = (
        world.digest("a.db"),
        world.open("a.db").oldest_rewind().unwrap(),
    );
    let input = world.path("lines.tsv");
    let line = |n: u32| format!("line {n}\t{}\n", format!("{n} ").repeat(8000));
    std::fs::write(&input, (100..150).map(line).collect::<String>()).unwrap();
    let import = ["import", &a, input.to_str().unwrap(), "--format", "tsv"];

    let refused = within(KIB, &import);
    let said = text(&refused);
    assert_eq!(refused.status.code(), Some(8), "{said}");
    assert!(said.contains("nothing was"), "{said}");
    assert_eq!(world.digest("a.db"), before.0);
    assert!(world.open("a.db").oldest_rewind().unwrap() > before.1);
    world.verify("a.db");
    let done = within(KIB, &import);
    assert!(done.status.success(), "{}", text(&done));
    world.verify("a.db");
    let last = within(KIB, &["get", &a, "line 149"]);
    assert_eq!(String::from_utf8(last.stdout).unwrap(), "149 ".repeat(8000));
    // Copies cannot follow an import: they are made anew, and then go on.
    world.replicate_to(0, "pull", "b.db", &["--reseed", "auto"]);
    world.same("b.db", "a.db");
    assert!(within(KIB, &["put", &a, "after", "1"]).status.success());
}
