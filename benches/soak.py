#!/usr/bin/env python3
"""Replication soaks side by side: `creel soak` and the one that kitedb 0.2.18 brings along.

python3 benches/soak.py [--creel target/release/creel] [--kitedb PROGRAM] [--runs 5] [--json]

Both run at kitedb's default size: 5 replicas, 18 cycles of 120 commits, 3 of the replicas active,
promotions every 6 cycles, reseeds looked for every 3, sync mode normal. kitedb's program is an
example in its crate: it is fetched from crates.io and built outside of this repository (in --cache),
in its own release profile. Runs alternate, so that both meet the same machine. Where it cannot be had
the script says so and ends with 77.

Exit: 0 at least 5 times sooner, 1 less, 77 skipped."""

import argparse
import json
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

CRATE, VERSION, EXAMPLE = "kitedb", "0.2.18", "replication_soak_bench"
WANTED = 5.0


def skip(why):
    print(f"SKIPPED: no pairing with {CRATE} {VERSION}: {why}", file=sys.stderr)
    sys.exit(77)


def run(command, **more):
    return subprocess.run(command, capture_output=True, text=True, **more)


def peer(cache):
    """Fetches the crate and builds its example."""
    program = cache / "target/release/examples" / EXAMPLE
    if program.exists():
        return program
    project = cache / "fetch"
    (project / "src").mkdir(parents=True, exist_ok=True)
    (project / "src/lib.rs").write_text("")
    (project / "Cargo.toml").write_text(
        '[package]\nname = "fetch"\nversion = "0.0.0"\nedition = "2021"\n[workspace]\n'
        f'[dependencies]\n{CRATE} = {{ version = "={VERSION}", default-features = false }}\n'
    )
    found = run(["cargo", "metadata", "--format-version", "1"], cwd=project)
    if found.returncode != 0:
        skip("cargo cannot fetch it: " + found.stderr.strip().splitlines()[-1])
    packages = json.loads(found.stdout)["packages"]
    manifests = [p["manifest_path"] for p in packages if p["name"] == CRATE]
    source = cache / "source"
    shutil.rmtree(source, ignore_errors=True)
    shutil.copytree(pathlib.Path(manifests[0]).parent, source)
    # The size of a release alone decides about its profile: that is its own.
    with open(source / "Cargo.toml", "a") as manifest:
        manifest.write("\n[workspace]\n")
    built = run(
        ["cargo", "build", "--release", "--no-default-features", "--example", EXAMPLE]
        + ["--target-dir", str(cache / "target")],
        cwd=source,
    )
    if built.returncode != 0 or not program.exists():
        skip("it does not build:\n" + built.stderr[-2000:])
    return program


def timed(command, directory):
    begun = time.monotonic()
    done = run(command, env={**os.environ, "TMPDIR": directory})
    seconds = time.monotonic() - begun
    if done.returncode != 0:
        print(done.stdout[-2000:], done.stderr[-2000:], sep="\n", file=sys.stderr)
        sys.exit(f"{command[0]} ends with {done.returncode}")
    return seconds, done.stdout


def main():
    args = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    args.add_argument("--creel", default="target/release/creel")
    args.add_argument("--kitedb", help="its program, where it is built already")
    args.add_argument("--cache", default=os.path.expanduser("~/.cache/creel-soak-peer"))
    args.add_argument("--runs", type=int, default=5)
    args.add_argument("--json", action="store_true")
    args = args.parse_args()
    if not shutil.which("cargo") and not args.kitedb:
        skip("there is no cargo")
    if not os.access(args.creel, os.X_OK):
        sys.exit(f"{args.creel} is not there: cargo build --release")
    theirs_program = args.kitedb or peer(pathlib.Path(args.cache))
    ours, theirs = [], []
    with tempfile.TemporaryDirectory() as directory:
        for number in range(args.runs):
            command = [args.creel, "soak", "--mode", "replication", "--json", "--seed", str(number)]
            seconds, text = timed(command, directory)
            result = json.loads(text)
            counts = result["parts"][0]["replication"]
            assert result["verdict"] == "passed" and counts["cycles"] == 18, result
            ours.append(seconds)
            seconds, text = timed([str(theirs_program)], directory)
            commits = re.search(r"writes_committed: (\d+)", text)
            assert commits and int(commits.group(1)) == 2160, text
            theirs.append(seconds)
    ratio = statistics.median(theirs) / statistics.median(ours)
    figures = {
        "creel_s": [round(s, 3) for s in ours],
        "kitedb_s": [round(s, 3) for s in theirs],
        "creel_commits": counts["writes_committed"],
        "kitedb_commits": 2160,
        "ratio_of_medians": round(ratio, 2),
    }
    if args.json:
        print(json.dumps(figures))
    else:
        for name, value in figures.items():
            print(f"{name}\t{value}")
        print(f"verdict\t{'at least' if ratio >= WANTED else 'LESS THAN'} {WANTED:g} times sooner")
    sys.exit(0 if ratio >= WANTED else 1)


if __name__ == "__main__":
    main()
