#!/usr/bin/env python3
"""Whole processes, as a script feels them: python3 benches/process.py [RUNS [ENTRIES...]]

Builds target/release/creel and programs to compare with (an empty one, also linked statically, and
one that overwrites 4 KiB and syncs them), runs them in turns, and prints medians, differences, page
faults and peak memory, for databases of 1 thousand and 1 million entries, or of the numbers given.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

EMPTY = "fn main() {}"
BARE = """
use std::os::fd::AsRawFd;
unsafe extern "C" { fn fdatasync(fd: i32) -> i32; }
fn main() {
    use std::os::unix::fs::FileExt;
    let path = std::env::args().nth(1).unwrap();
    let file = std::fs::OpenOptions::new().write(true).open(path).unwrap();
    file.write_all_at(&[7; 4096], 0).unwrap();
    assert_eq!(unsafe { fdatasync(file.as_raw_fd()) }, 0);
}
"""

PEAK = """
unsafe extern "C" { fn wait4(pid: i32, status: *mut i32, options: i32, usage: *mut [i64; 18]) -> i32; }
fn main() {
    let args: Vec<_> = std::env::args_os().skip(1).collect();
    let null = std::process::Stdio::null();
    let child = std::process::Command::new(&args[0]).args(&args[1..]).stdout(null).spawn().unwrap();
    let (mut status, mut usage) = (0, [0; 18]);
    unsafe { wait4(child.id() as i32, &mut status, 0, &mut usage) };
    println!("{} {}", usage[4], usage[8]);
}
"""


def program(folder, name, source, flags=()):
    path = os.path.join(folder, name)
    with open(path + ".rs", "w") as file:
        file.write(source)
    subprocess.run(["rustc", "--edition=2024", "-O", *flags, "-o", path, path + ".rs"], check=True)
    return path


def once(args):
    start = time.perf_counter()
    child = os.posix_spawn(args[0], args, os.environ, file_actions=[
        (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)])
    _, status = os.waitpid(child, 0)
    took = time.perf_counter() - start
    assert os.waitstatus_to_exitcode(status) == 0, args
    return took


def main():
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    subprocess.run(["cargo", "build", "--release", "--quiet"], check=True)
    target = os.environ.get("CARGO_TARGET_DIR", "target")
    creel = os.path.abspath(os.path.join(target, "release", "creel"))
    with tempfile.TemporaryDirectory() as folder:
        empty, bare = program(folder, "empty", EMPTY), program(folder, "bare", BARE)
        static = program(folder, "static", EMPTY, ["-C", "target-feature=+crt-static"])
        flat = os.path.join(folder, "flat")
        with open(flat, "wb") as file:
            file.write(bytes(1 << 20))
            os.fsync(file.fileno())
        cases = {"empty program": lambda i: [empty], "empty, static": lambda i: [static],
                 "bare overwrite + sync": lambda i: [bare, flat]}
        for count in [int(n) for n in sys.argv[2:]] or (1_000, 1_000_000):
            path = os.path.join(folder, f"db{count}")
            subprocess.run([creel, "open", "-q", "--create", path], check=True)
            # Many more than a million in random order would take long to put.
            many = count > 1_000_000
            how = ["import", path, "--format", "tsv"] if many else ["batch", path, "--every", "100k"]
            feed = subprocess.Popen([creel] + how, stdin=subprocess.PIPE,
                                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            for i in range(count):
                line = f"key-{i * 7919 % count:020}\t{'v' * 150}\n"
                feed.stdin.write((line if many else "put\t" + line).encode())
            feed.stdin.close()
            assert feed.wait() == 0
            subprocess.run([creel, "checkpoint", path], check=True, stdout=subprocess.DEVNULL)
            name = f"{count:,} entries"
            cases[f"get, {name}"] = lambda i, p=path, n=count: [creel, "get", p, f"key-{i * 31 % n:020}"]
            cases[f"put, {name}"] = lambda i, p=path, n=count: [creel, "put", p, f"key-{i * 37 % n:020}", "w" * 150]
        times = {name: [] for name in cases}
        peak = program(folder, "peak", PEAK)
        usage = {name: subprocess.check_output([peak] + cases[name](1)).split() for name in cases}
        for i in range(runs):
            order = list(cases) if i % 2 else list(reversed(cases))
            for name in order:
                times[name].append(once(cases[name](i)))
        base = statistics.median(times["empty program"])
        sync = statistics.median(times["bare overwrite + sync"])
        linked = json.loads(subprocess.check_output([creel, "version", "--json"]))["linked"]
        print(f"{runs} runs of each, in turns; creel is linked {linked}; "
              "median ms, ms over its floor, peak MiB, page faults")
        for name in cases:
            median = statistics.median(times[name])
            floor = sync if name.startswith("put") else base
            kilobytes, faults = map(int, usage[name])
            print(f"{name:<24} {median * 1e3:7.3f} {(median - floor) * 1e3:+7.3f} {kilobytes / 1024:6.1f} {faults:5}")


if __name__ == "__main__":
    main()
