//! A new copy over a connection, beside a bare transfer of the same bytes: over loopback, and over a
//! wire of 1 Gbit/s (`CREEL_BENCH_WIRE_MBIT`).

use std::fs::File;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::thread::{sleep, spawn};
use std::time::{Duration, Instant};

use creel::stream::follow::FollowOptions;
use creel::{CheckpointOptions, Db, NoProgress, SyncMode};

use super::{Served, begin_with, copy, entries, primary_with, serve, write};

/// Bytes that pass a wire at a time.
const PIECE: usize = 64 << 10;

/// A wire to `to` that takes so many bytes a second in the direction of who connects.
fn wire(to: SocketAddr, bytes_per_s: f64) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    spawn(move || {
        for near in listener.incoming() {
            let near = near.unwrap();
            let far = TcpStream::connect(to).unwrap();
            near.set_nodelay(true).unwrap();
            far.set_nodelay(true).unwrap();
            let (mut asks, mut asked) = (near.try_clone().unwrap(), far.try_clone().unwrap());
            spawn(move || std::io::copy(&mut asks, &mut asked));
            spawn(move || slowly(far, near, bytes_per_s));
        }
    });
    address
}

/// Ends when one of them does.
fn slowly(mut from: TcpStream, mut to: TcpStream, bytes_per_s: f64) {
    let mut piece = [0; PIECE];
    let mut free = Instant::now();
    while let Ok(count @ 1..) = from.read(&mut piece) {
        // What was not used is lost, as on a wire.
        free = free.max(Instant::now()) + Duration::from_secs_f64(count as f64 / bytes_per_s);
        if to.write_all(piece.get(..count).unwrap()).is_err() {
            return;
        }
        sleep(free.saturating_duration_since(Instant::now()));
    }
    let _ = to.shutdown(std::net::Shutdown::Write);
}

/// The same bytes over a bare connection into a file, with a sync.
fn bare_transfer(from: &Path, to: &Path, bytes: u64, over: Option<f64>) -> f64 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut address = listener.local_addr().unwrap();
    if let Some(bytes_per_s) = over {
        address = wire(address, bytes_per_s);
    }
    let from = File::open(from).unwrap();
    let begun = Instant::now();
    let sends = spawn(move || {
        let (mut to, _) = listener.accept().unwrap();
        let mut piece = vec![0; 1 << 20];
        let mut left = from.take(bytes);
        while let Ok(count @ 1..) = left.read(&mut piece) {
            to.write_all(piece.get(..count).unwrap()).unwrap();
        }
    });
    let mut arrives = TcpStream::connect(address).unwrap();
    let mut file = File::create(to).unwrap();
    let mut piece = vec![0; 1 << 20];
    while let Ok(count @ 1..) = arrives.read(&mut piece) {
        file.write_all(piece.get(..count).unwrap()).unwrap();
    }
    file.sync_all().unwrap();
    sends.join().unwrap();
    assert_eq!(file.metadata().unwrap().len(), bytes);
    let took = begun.elapsed().as_secs_f64();
    std::fs::remove_file(to).unwrap();
    took
}

fn new_copy(served: &Served, own: &Path, old: Db, over: Option<f64>) -> f64 {
    let mut address = served.address();
    if let Some(bytes_per_s) = over {
        address = wire(address, bytes_per_s);
    }
    let mut options = FollowOptions {
        reseed: true,
        reseed_first: true,
        ..FollowOptions::default()
    };
    options.limits.at_head = true;
    let begun = Instant::now();
    let copy = begin_with(address, own, old, SyncMode::Full, options);
    let followed = copy.thread.join().unwrap();
    assert_eq!(followed.seeds, 1);
    begun.elapsed().as_secs_f64()
}

/// Both, with a bare transfer before and after each.
pub fn run(dir: &Path) {
    let path = dir.join("a.db");
    let db = primary_with(&path, SyncMode::Off, 8 << 20);
    let copies = ["b.db", "c.db"].map(|name| {
        let own = dir.join(name);
        let old = copy(&db, &own, SyncMode::Full);
        (own, old)
    });
    for part in 0..entries() / 20_000 {
        write(&db, part * 20_000, 20_000);
    }
    db.checkpoint(&CheckpointOptions::default(), &NoProgress)
        .unwrap();
    let served = serve(&path, SyncMode::Full);
    let bytes = db.prepare_seed().unwrap().bytes();
    let mbit = std::env::var("CREEL_BENCH_WIRE_MBIT").map_or(1000.0, |n| n.parse().unwrap());
    let wires = [None, Some(mbit * 1e6 / 8.0)];
    for ((own, old), over) in copies.into_iter().zip(wires) {
        let bare = || bare_transfer(&path, &dir.join("bare"), bytes, over);
        let before = bare();
        let took = new_copy(&served, &own, old, over);
        let after = bare();
        println!(
            "reseed     {} MB over {} in {took:.2} s: {:.0} MB/s, checked and in place; the same bytes over a bare connection into a file, with a sync: {before:.2} s before, {after:.2} s after",
            bytes / 1_000_000,
            over.map_or("loopback".to_owned(), |_| format!(
                "a wire of {mbit} Mbit/s"
            )),
            bytes as f64 / took / 1e6
        );
    }
    served.finish();
}
