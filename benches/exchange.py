#!/usr/bin/env python3
"""Data in and out of whole commands, through pipes: python3 benches/exchange.py [ROUNDS [ENTRIES [ROW...]]]

Builds target/release/creel, makes ENTRIES records of 24 + 150 bytes (default a million), and lets each
command run once in every round, in turns; prints the best of ROUNDS (default 5), megabytes of text a
second, peak memory, and how many times as fast as the command named beside it. Of sqlite3, mdb_load
and mdb_dump it uses what is installed. Every import makes a new file and syncs it; every copy ends with
a sync. With ROW, only rows whose names contain one of these words: python3 benches/exchange.py 15 1000000 backup sync
"""

import os
import random
import shutil
import subprocess
import sys
import tempfile
import time

from process import PEAK, program

TABLE = "create table t(key text primary key, value text) without rowid"


def records(count):
    alphabet = bytes(range(33, 127))
    noise = random.Random(1).choices(alphabet, k=count + 150)
    noise = bytes(noise)
    for i in range(count):
        yield b"user:%019d" % (i * 7919), noise[i:i + 150].replace(b",", b".").replace(b'"', b"'")


class Bench:
    def __init__(self, folder, count):
        self.folder = folder
        self.count = count
        target = os.environ.get("CARGO_TARGET_DIR", "target")
        self.creel = os.path.abspath(os.path.join(target, "release/creel"))
        self.wanted = sys.argv[3:]
        self.peak = program(folder, "peak", PEAK)
        self.rows = []

    def path(self, name):
        return os.path.join(self.folder, name)

    def row(self, name, command, source=None, fresh=None, text=None, beside=None):
        """A command: what it reads from a pipe, what it makes, whose size counts, its peer."""
        if self.wanted and not any(word in name for word in self.wanted):
            return
        size = os.path.getsize(self.path(text or source))
        self.rows.append({"name": name, "command": command, "source": source, "fresh": fresh,
                          "size": size, "beside": beside, "best": None})

    def clean(self, row):
        if row["fresh"]:
            path = self.path(row["fresh"])
            shutil.rmtree(path, ignore_errors=True)
            for name in (path, path + "-wal", path + "-shm", path + "-journal"):
                if os.path.exists(name):
                    os.remove(name)
            if row["fresh"].endswith(".mdb"):
                os.mkdir(path)

    def once(self, row):
        self.clean(row)
        start = time.perf_counter()
        feed = None
        if row["source"]:
            feed = subprocess.Popen(["cat", self.path(row["source"])], stdout=subprocess.PIPE)
        command = subprocess.Popen(row["command"], stdin=feed.stdout if feed else subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        drain = subprocess.Popen(["cat"], stdin=command.stdout, stdout=subprocess.DEVNULL)
        command.stdout.close()
        if feed:
            feed.stdout.close()
        assert command.wait() == 0 and drain.wait() == 0, row["command"]
        took = time.perf_counter() - start
        row["best"] = min(took, row["best"] or took)

    def memory(self, row):
        self.clean(row)
        with open(self.path(row["source"]) if row["source"] else os.devnull, "rb") as source:
            answer = subprocess.run([self.peak] + row["command"], stdin=source, check=True,
                                    stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        return int(answer.stdout.split()[0]) / 1024

    def run(self, rounds):
        for i in range(rounds):
            for row in self.rows if i % 2 else reversed(self.rows):
                self.once(row)
        best = {row["name"]: row["best"] for row in self.rows}
        print(f"{self.count:,} records of 24 + 150 bytes, best of {rounds}")
        print(f"{'':<28} {'s':>7} {'MB/s':>7} {'peak MiB':>9}")
        for row in self.rows:
            rate = row["size"] / row["best"] / 1e6
            line = f"{row['name']:<28} {row['best']:7.3f} {rate:7.0f} {self.memory(row):9.1f}"
            if row["beside"] in best:
                line += f"   {best[row['beside']] / row['best']:5.2f}x {row['beside']}"
            print(line)


def make_inputs(bench):
    """The same records as CSV, from which creel makes the other forms."""
    with open(bench.path("in.csv"), "wb") as file:
        file.write(b"key,value\r\n")
        file.writelines(key + b"," + value + b"\r\n" for key, value in records(bench.count))
    creel, db = bench.creel, bench.path("db")
    subprocess.run([creel, "import", "-q", "--create", db, bench.path("in.csv")], check=True)
    for form in ("jsonl", "mdb"):
        subprocess.run([creel, "export", "-q", db, "-o", bench.path(f"in.{form}"), "--format", form], check=True)
    subprocess.run([creel, "export", "-q", db, "-o", bench.path("bare"), "--bare"], check=True)
    with open(bench.path("bare"), "rb") as file:
        lines = file.readlines()
    random.Random(2).shuffle(lines)
    with open(bench.path("shuffled.jsonl"), "wb") as file:
        file.writelines(lines)
    with open(bench.path("rows.csv"), "wb") as file:
        file.writelines(key + b"," + value + b"\n" for key, value in records(bench.count))


def sqlite(bench):
    sql, made = bench.path("in.sqlite"), bench.path("new.sqlite")
    load = [".mode csv", ".import /dev/stdin t"]
    with open(bench.path("rows.csv"), "rb") as rows:
        subprocess.run(["sqlite3", sql, TABLE] + load, stdin=rows, check=True)
    bench.row("sqlite3 .import csv", ["sqlite3", made, TABLE] + load, "rows.csv", "new.sqlite")
    query = "select key, value from t order by key"
    bench.row("sqlite3 csv out", ["sqlite3", "-csv", sql, query], text="rows.csv")


def lmdb(bench):
    env, made = bench.path("in.mdb.d"), bench.path("new.mdb")
    os.mkdir(env)
    with open(bench.path("in.mdb"), "rb") as dump:
        subprocess.run(["mdb_load", env], stdin=dump, check=True)
    bench.row("mdb_load", ["mdb_load", made], "in.mdb", "new.mdb")
    bench.row("mdb_dump", ["mdb_dump", env], text="in.mdb")


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 1_000_000
    subprocess.run(["cargo", "build", "--release", "--quiet"], check=True)
    with tempfile.TemporaryDirectory(dir=os.environ.get("CREEL_BENCH_DIR")) as folder:
        bench = Bench(folder, count)
        make_inputs(bench)
        creel, db, new = bench.creel, bench.path("db"), bench.path("new.db")
        into = [creel, "import", "-q", "--create", new]
        if shutil.which("sqlite3"):
            sqlite(bench)
        if shutil.which("mdb_load") and shutil.which("mdb_dump"):
            lmdb(bench)
        bench.row("import jsonl", into, "in.jsonl", "new.db")
        bench.row("import jsonl, shuffled", into, "shuffled.jsonl", "new.db")
        bench.row("import csv", into + ["--format", "csv"], "in.csv", "new.db", beside="sqlite3 .import csv")
        bench.row("import mdb", into + ["--format", "mdb"], "in.mdb", "new.db", beside="mdb_load")
        out = [creel, "export", "-q", db]
        bench.row("export jsonl", out, text="in.jsonl", beside="sqlite3 csv out")
        bench.row("export csv", out + ["--format", "csv"], text="in.csv", beside="sqlite3 csv out")
        bench.row("export mdb", out + ["--format", "mdb"], text="in.mdb", beside="mdb_dump")
        bench.row("export jsonl, zstd:1", out + ["--compress", "zstd:1"], text="in.jsonl")
        bench.row("digest", [creel, "digest", db], text="rows.csv")
        bench.row("digest of the jsonl", [creel, "digest", "-"], "in.jsonl")
        bench.row("verify", [creel, "verify", db], text="db")
        copy = "cp \"$1\" \"$2\" && sync \"$2\""
        bench.row("cp + sync", ["sh", "-c", copy, "sh", db, new], text="db", fresh="new.db")
        backup = [creel, "backup", "-q", db, "-o", new, "--reflink", "never"]
        if subprocess.run([creel, "backup", "--help"], capture_output=True).returncode == 0:
            bench.row("backup", backup, text="db", fresh="new.db", beside="cp + sync")
            bench.row("backup --no-verify", backup + ["--no-verify"], text="db", fresh="new.db", beside="cp + sync")
        bench.run(rounds)


if __name__ == "__main__":
    main()
