#!/usr/bin/env python3
"""Reads an export and prints its digest: reader.py FILE

Written from docs/exchange.md alone, with nothing but Python's library, so that it tests the
specification. An input that the specification refuses ends it with status 1 and one line.
"""

import base64
import csv
import gzip
import io
import json
import re
import struct
import sys

U32 = struct.Struct("<I")
U64 = struct.Struct("<Q")
MASK = 0xFFFFFFFF


class Refused(Exception):
    pass


def need(condition, why):
    if not condition:
        raise Refused(why)


# BLAKE3 as its paper has it: chunks of 1024 bytes, a tree over them.

IV = [0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A, 0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19]
ORDER = [2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8]
CHUNK_START, CHUNK_END, PARENT, ROOT, CONTEXT, MATERIAL = 1, 2, 4, 8, 32, 64
MIX = [(0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15),
       (0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14)]


def compress(chain, words, counter, length, flags):
    s = list(chain) + IV[:4] + [counter & MASK, counter >> 32, length, flags]
    words = list(words)
    for _ in range(7):
        for i, (a, b, c, d) in enumerate(MIX):
            for word, turn, other in ((words[2 * i], 16, 12), (words[2 * i + 1], 8, 7)):
                s[a] = (s[a] + s[b] + word) & MASK
                x = s[d] ^ s[a]
                s[d] = (x >> turn | x << 32 - turn) & MASK
                s[c] = (s[c] + s[d]) & MASK
                x = s[b] ^ s[c]
                s[b] = (x >> other | x << 32 - other) & MASK
        words = [words[i] for i in ORDER]
    return [s[i] ^ s[i + 8] for i in range(8)]


def blake3(data, key, flags):
    """The 8 words of the hash."""
    def chunk(piece, counter, more):
        blocks = [piece[i:i + 64] for i in range(0, len(piece), 64)] or [b""]
        chain = key
        for i, block in enumerate(blocks):
            own = flags | (CHUNK_START if i == 0 else 0)
            if i == len(blocks) - 1:
                own |= CHUNK_END | more
            words = struct.unpack("<16I", block.ljust(64, b"\0"))
            chain = compress(chain, words, counter, len(block), own)
        return chain

    def tree(start, end, more):
        chunks = max(1, -(-(end - start) // 1024))
        if chunks == 1:
            return chunk(data[start:end], start // 1024, more)
        left = start + 1024 * (1 << (chunks - 1).bit_length() - 1)
        words = tree(start, left, 0) + tree(left, end, 0)
        return compress(key, words, 0, 64, flags | PARENT | more)

    return tree(0, len(data), ROOT)


def derived(context, data):
    key = blake3(context.encode(), IV, CONTEXT)
    return struct.pack("<8I", *blake3(data, key, MATERIAL)).hex()


def table():
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
        yield byte


CRC = list(table())


def crc32c(data):
    crc = MASK
    for byte in data:
        crc = crc >> 8 ^ CRC[(crc ^ byte) & 255]
    return crc ^ MASK


def digest(records):
    """Records are (keyspace, kind, first, second)."""
    out, name, count = io.BytesIO(), None, 0

    def end():
        if name is not None:
            out.write(U32.pack(0) + U64.pack(count))

    for keyspace, kind, first, second in records:
        if keyspace != name:
            end()
            name, count = keyspace, 0
            out.write(U32.pack(len(name)) + name)
        count += 1
        if kind == "range":
            length = MASK if second is None else len(second)
            out.write(U32.pack(MASK) + U32.pack(len(first)) + U32.pack(length))
            out.write(first + (second or b""))
        elif kind == "del":
            out.write(U32.pack(len(first) | 1 << 31) + U32.pack(0) + first)
        else:
            out.write(U32.pack(len(first)) + U32.pack(len(second)) + first + second)
    end()
    return derived("creel content digest 1", out.getvalue())


def unbase64(text):
    value = base64.b64decode(text, validate=True)
    need(base64.b64encode(value).decode() == text, "base64 that is not in its only form")
    return value


def field(record, name):
    forms = [(name, unbase64), (name + "_utf8", str.encode), (name + "_hex", bytes.fromhex)]
    found = [(form, decode) for form, decode in forms if form in record]
    need(len(found) == 1, f"{name} has to be there once")
    form, decode = found[0]
    return decode(record.pop(form))


def of_json(record):
    keyspace = record.pop("ks", "main").encode()
    op = record.pop("op", "put")
    if op == "put":
        result = (keyspace, "put", field(record, "key"), field(record, "payload"))
    elif op == "del":
        result = (keyspace, "del", field(record, "key"), b"")
    elif op == "del_range":
        end = record.pop("to", None)
        result = (keyspace, "range", unbase64(record.pop("from")), end and unbase64(end))
    else:
        need(op == "drop", "an unknown operation")
        result = (keyspace, "range", b"", None)
    need(not record, "an unknown field")
    return result


def once(pairs):
    need(len({name for name, _ in pairs}) == len(pairs), "a field that comes twice")
    return dict(pairs)


def jsonl(data):
    need(data.endswith(b"\n"), "the last line has no end")
    lines = data.splitlines(keepends=True)
    parsed = [json.loads(line, object_pairs_hook=once) for line in lines]
    framed = "creel" in parsed[0]
    if not framed:
        return [of_json(record) for record in parsed]
    need(parsed[0]["creel"]["format"] == "creel-jsonl/1", "another format")
    need(list(parsed[-1]) == ["creel_end"], "no trailer")
    stated = parsed[-1]["creel_end"]
    records = [of_json(record) for record in parsed[1:-1]]
    keys = [base64.b64encode(r[2]).decode() for r in records if r[1] != "range"] or [None]
    before = data[:-len(lines[-1])]
    need(stated == {
        "records": len(records),
        "bytes": len(before),
        "crc32c": f"{crc32c(before):08x}",
        "digest": digest(records),
        "first_key": keys[0],
        "last_key": keys[-1],
    }, "the trailer does not match")
    return records


def mdb(data):
    records, keyspace, printed, key, inside = [], b"main", False, None, False
    for line in data.split(b"\n")[:-1]:
        if not inside:
            name, _, value = line.partition(b"=")
            if name == b"VERSION":
                keyspace = b"main"
            elif name == b"format":
                printed = value == b"print"
            elif name == b"database":
                keyspace = value
            inside = line == b"HEADER=END"
        elif line == b"DATA=END":
            need(key is None, "a key without a value")
            inside = False
        else:
            need(line.startswith(b" "), "a line that is no data")
            if printed:
                value = re.sub(rb"\\(..)", lambda m: bytes.fromhex(m[1].decode()), line[1:])
            else:
                value = bytes.fromhex(line[1:].decode())
            if key is None:
                key = value
            else:
                records.append((keyspace, "put", key, value))
                key = None
    need(not inside and data.endswith(b"\n"), "no DATA=END")
    return sorted(records, key=lambda record: record[0])  # main came first


def unescape(text):
    names = {b"\\": b"\\", b"n": b"\n", b"t": b"\t", b"r": b"\r"}
    one = lambda m: names.get(m[1]) or bytes.fromhex(m[1][1:].decode())
    return re.sub(rb"\\(x..|.)", one, text)


def tsv(data):
    need(not data or data.endswith(b"\n"), "the last line has no end")
    rows = [line.split(b"\t") for line in data.split(b"\n")[:-1]]
    return [(b"main", "put", unescape(key), unescape(value)) for key, value in rows]


def of_csv(data):
    rows = list(csv.reader(io.StringIO(data.decode(), newline=""), strict=True))
    decode = {"key,value": str.encode, "key_base64,value_base64": unbase64,
              "key_hex,value_hex": bytes.fromhex}[",".join(rows[0])]
    return [(b"main", "put", decode(key), decode(value)) for key, value in rows[1:]]


def raw(data):
    at, records = len(b"creel-raw/1\n"), []
    while True:
        need(at + 8 <= len(data), "no end marker")
        key, value = struct.unpack_from("<II", data, at)
        at += 8
        if key == 0:
            break
        need(at + key + value <= len(data), "cut inside a record")
        records.append((b"main", "put", data[at:at + key], data[at + key:at + key + value]))
        at += key + value
    need(value == 0 and len(data) == at + 12, "cut at the end, or something behind it")
    count, crc = struct.unpack_from("<QI", data, at)
    need(count == len(records) and crc == crc32c(data[:-4]), "the end marker does not match")
    return records


def main():
    path = sys.argv[1]
    with open(path, "rb") as file:
        data = file.read()
    try:
        if data.startswith(b"\x1f\x8b"):
            data = gzip.decompress(data)
        if data.startswith(b"creel-raw/1\n"):
            records = raw(data)
        elif data.startswith(b"VERSION="):
            records = mdb(data)
        elif path.endswith(".tsv"):
            records = tsv(data)
        elif path.endswith(".csv"):
            records = of_csv(data)
        else:
            records = jsonl(data)
    except (Refused, ValueError, KeyError, IndexError, EOFError, AttributeError) as error:
        print(f"refused: {error}", file=sys.stderr)
        return 1
    print(f"{digest(records)}  {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
