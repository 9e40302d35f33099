//! creel inside another Rust program: `cargo run --example embed`.

#![allow(clippy::print_stdout)]

use anyhow::{Context, Result, ensure};
use creel::{Batch, Db, Error, KeyRange, NoProgress};

fn main() -> Result<()> {
    let dir = std::env::temp_dir().join(format!("creel-embed-{}", std::process::id()));
    std::fs::create_dir_all(&dir).context("make a directory for the example")?;
    let outcome = run(&dir.join("stock.creel"));
    std::fs::remove_dir_all(&dir).context("remove the example's directory")?;
    outcome
}

fn run(path: &std::path::Path) -> Result<()> {
    let db = Db::create(path).context("create the database")?;

    // One durable commit for each call, or many operations in one.
    db.put(b"apple", b"3")?;
    let mut batch = Batch::new();
    batch.put(b"pear", b"5").put(b"plum", b"8");
    batch.keyspace("prices").put(b"apple", b"120");
    let commit = db.write(batch)?;

    // A snapshot never changes, whatever is committed meanwhile.
    let before = db.snapshot()?;
    ensure!(before.token() == commit.token);
    db.delete(b"plum")?;
    ensure!(before.get(b"plum")?.is_some() && db.get(b"plum")?.is_none());

    // Preconditions: compare and set.
    let mut sell = Batch::new();
    sell.require_equals(b"apple", b"3").put(b"apple", b"2");
    db.write(sell.clone())?;
    match db.write(sell) {
        Err(Error::Precondition { .. }) => {}
        other => anyhow::bail!("sold twice: {other:?}"),
    }

    // Ranges, from both ends.
    let fruit = db.snapshot()?.keyspace("main")?;
    let mut cursor = fruit.cursor(&KeyRange::prefix(b"p"));
    while let Some((key, value)) = cursor.next_entry()? {
        println!("{} {}", key.escape_ascii(), value.escape_ascii());
    }
    ensure!(fruit.cursor(&KeyRange::all()).next_back().is_some());

    let report = creel::verify(path, &Default::default(), &NoProgress)?;
    println!("{:?} at {}", report.verdict, commit.token);
    Ok(())
}
