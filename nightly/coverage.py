"""Sums up what `cargo llvm-cov report --json` writes: `coverage.py FILE [PREFIX..]`.

Lines and regions by layer, then the lines of the core (or of the files with these prefixes) that
nothing runs through.
"""

import collections
import json
import os
import sys

# What keeps the promises: header, scan of the log, recovery, allocator, commit.
CORE = (
    "src/format/header.rs", "src/format/frame.rs", "src/format/region.rs", "src/wal/",
    "src/store/", "src/db/open.rs", "src/db/refresh.rs", "src/db/commit.rs", "src/db/turn.rs",
    "src/db/checkpoint.rs", "src/db/region.rs",
)


def missed(segments):
    """The lines that have a region and run through none, as llvm-cov counts them."""
    by_line = collections.defaultdict(list)
    for segment in segments:
        by_line[segment[0]].append(segment)
    if not by_line:
        return []
    wrapped, lines = None, []
    for line in range(min(by_line), max(by_line) + 1):
        here = by_line.get(line, [])
        starts = [s for s in here if s[3] and s[4] and not s[5]]
        around = wrapped is not None and wrapped[3]
        skipped = bool(here) and not here[0][3] and here[0][4]
        if not skipped and (around or starts):
            count = max([s[2] for s in starts] + ([wrapped[2]] if around else []))
            if count == 0:
                lines.append(line)
        if here:
            wrapped = here[-1]
    return lines


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        data = json.load(file)["data"][0]
    prefixes = tuple(sys.argv[2:]) or CORE
    root = os.path.commonpath([f["filename"] for f in data["files"]]).split("/src")[0] + "/"
    sums = collections.defaultdict(lambda: [0, 0, 0, 0])
    missing = []
    for file in data["files"]:
        name = file["filename"].removeprefix(root)
        if not name.startswith("src/"):
            continue
        layer = name.split("/")[1].removesuffix(".rs")
        summary = file["summary"]
        counts = [summary[k][n] for k in ("lines", "regions") for n in ("count", "covered")]
        keys = [layer, "all"] + (["(core)"] if name.startswith(CORE) else [])
        for key in keys:
            sums[key] = [a + b for a, b in zip(sums[key], counts)]
        if name.startswith(prefixes):
            missing += [(name, line) for line in missed(file["segments"])]
    print(f"{'layer':<10} {'lines':>7} {'run':>7} {'%':>6} {'regions':>8} {'run':>7} {'%':>6}")
    for layer, (lines, ran, regions, hit) in sorted(sums.items()):
        print(f"{layer:<10} {lines:>7} {ran:>7} {100 * ran / max(lines, 1):>6.2f}"
              f" {regions:>8} {hit:>7} {100 * hit / max(regions, 1):>6.2f}")
    for name, line in missing:
        with open(root + name, encoding="utf-8") as source:
            text = source.read().splitlines()[line - 1]
        print(f"{name}:{line}: {text.strip()}")


main()
