#!/usr/bin/env python3
"""Instructions of one operation: python3 benches/instructions.py [ROW...]

Builds benches/steps.rs and runs each row under valgrind (Debian: valgrind) with some and with twice
as many operations; the difference is what so many of them take. Nothing of it depends on what else
the machine does, so small changes show.
"""

import json
import os
import re
import subprocess
import sys

ROWS = {"get": 20_000, "snapshot": 20_000, "range": 5_000, "scan": 50_000, "len": 500, "open": 50,
        "open-log": 20, "put": 10_000, "put-locking": 2_000, "put-large": 10_000, "batch": 20_000,
        "sort": 50_000}


def build():
    root = os.path.join(os.path.dirname(__file__), "..")
    made = subprocess.run(["cargo", "bench", "--bench", "steps", "--no-run", "--message-format=json"],
                          cwd=root, check=True, stdout=subprocess.PIPE, text=True).stdout
    for line in made.splitlines():
        found = json.loads(line)
        if found.get("executable") and found["target"]["name"] == "steps":
            return found["executable"]
    sys.exit("cargo built no program")


def instructions(program, row, count):
    run = subprocess.run(["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", program,
                          row, str(count)], stderr=subprocess.PIPE, text=True)
    found = re.search(r"Collected : (\d+)", run.stderr)
    if run.returncode or not found:
        sys.exit(run.stderr)
    return int(found.group(1))


def main():
    program = build()
    print("instructions of one operation")
    for row in sys.argv[1:] or ROWS:
        count = ROWS[row]
        once, twice = (instructions(program, row, n) for n in (count, 2 * count))
        print(f"{row:<14} {(twice - once) / count:>10,.0f}", flush=True)


main()
