"""Sums up what `cargo llvm-cov report --json` writes: `coverage.py FILE [PREFIX..]`.

Lines, regions and branches by layer, then the lines of the core (or of the files with these prefixes)
that nothing runs through, and its conditions that are never true or never false.
"""

import collections
import json
import os
import sys

# What keeps the promises: header, scan of the log, recovery, allocator, commit.
CORE = (
    "src/format/header.rs", "src/format/frame.rs", "src/format/region.rs", "src/wal/",
    "src/store/", "src/db/open.rs", "src/db/refresh.rs", "src/db/commit.rs", "src/db/turn.rs",
    "src/db/checkpoint.rs", "src/db/region.rs", "src/db/proof.rs", "src/db/evaluate.rs", "src/db/queue.rs",
    "src/db/newfile.rs", "src/db/mark.rs", "src/db/create.rs",
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


def one_sided(branches):
    """Conditions that went one way only: line, column and the way that is missing."""
    seen = collections.defaultdict(lambda: [0, 0])
    for branch in branches:
        counts = seen[(branch[0], branch[1])]
        counts[0] += branch[4]
        counts[1] += branch[5]
    for (line, column), (true, false) in sorted(seen.items()):
        missing = [word for word, count in (("true", true), ("false", false)) if count == 0]
        if missing:
            yield line, f"{column}: never {' nor '.join(missing)}"


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        data = json.load(file)["data"][0]
    prefixes = tuple(sys.argv[2:]) or CORE
    root = os.path.dirname(os.path.dirname(os.path.realpath(__file__))) + "/"
    sums = collections.defaultdict(lambda: [0] * 6)
    missing = []
    for file in data["files"]:
        name = file["filename"].removeprefix(root)
        if not name.startswith("src/"):
            continue
        layer = name.split("/")[1].removesuffix(".rs")
        summary = file["summary"]
        counts = [summary[k][n] for k in ("lines", "regions", "branches") for n in ("count", "covered")]
        keys = [layer, "all"] + (["(core)"] if name.startswith(CORE) else [])
        for key in keys:
            sums[key] = [a + b for a, b in zip(sums[key], counts)]
        if name.startswith(prefixes):
            missing += [(name, line, "") for line in missed(file["segments"])]
            missing += [(name, line, way) for line, way in one_sided(file.get("branches", []))]
    print(f"{'layer':<10}" + "".join(f" {word:>8} {'run':>7} {'%':>6}" for word in ("lines", "regions", "branches")))
    for layer, counts in sorted(sums.items()):
        pairs = [counts[i:i + 2] for i in (0, 2, 4)]
        print(f"{layer:<10}" + "".join(f" {all:>8} {ran:>7} {100 * ran / max(all, 1):>6.2f}" for all, ran in pairs))
    for name, line, way in sorted(missing):
        with open(root + name, encoding="utf-8") as source:
            text = source.read().splitlines()[line - 1]
        print(f"{name}:{line}:{way} {text.strip()}")


main()
