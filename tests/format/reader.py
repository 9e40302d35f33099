#!/usr/bin/env python3
"""An independent reader of creel files, written from docs/format.md alone.

    python3 reader.py FILE

prints `hex(key) TAB hex(value)` for each entry of the keyspace main, in key order. Exit status: 0 done,
2 usage, 4 damaged, 5 not a creel file or one of a newer version. The BLAKE3 history is compared where it is
stored twice but not recomputed. Meant for a file that nobody writes to.
"""

import struct
import sys

SECTOR = 512
SLOTS = (0, 8192)
MAGIC = bytes.fromhex("894352454c0d0a1a")
MAIN = 1


class Damage(Exception):
    """Stored bytes break an invariant."""


class Unsupported(Exception):
    """Not a creel file, or not one that this reader knows."""


def need(condition, what):
    if not condition:
        raise Damage(what)


def crc_table():
    table = []
    for n in range(256):
        for _ in range(8):
            n = (n >> 1) ^ (0x82F63B78 if n & 1 else 0)
        table.append(n)
    return table


TABLE = crc_table()


def crc32c(*parts):
    state = 0xFFFFFFFF
    for part in parts:
        for byte in part:
            state = TABLE[(state ^ byte) & 255] ^ (state >> 8)
    return state ^ 0xFFFFFFFF


def u16(b, at):
    return struct.unpack_from("<H", b, at)[0]


def u32(b, at):
    return struct.unpack_from("<I", b, at)[0]


def u64(b, at):
    return struct.unpack_from("<Q", b, at)[0]


def zero(b):
    return not any(b)


class Cursor:
    """Reads a run of bytes from the front; past its end is damage."""

    def __init__(self, data, what, at=0):
        self.data, self.what, self.at = data, what, at

    def take(self, n):
        need(self.at + n <= len(self.data), self.what)
        self.at += n
        return self.data[self.at - n : self.at]

    def varint(self):
        value = 0
        for i in range(10):
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << (7 * i)
            if byte < 0x80:
                need(i == 0 or byte != 0, self.what)
                need(value < 1 << 64, self.what)
                return value
        raise Damage(self.what)

    def sized(self):
        return self.take(self.varint())


# Header slots


class Header:
    def __init__(self, b):
        self.page_size = 1 << b[12]
        self.lineage_id, self.file_id = b[32:48], b[48:64]
        self.generation, self.checkpoint = u64(b, 64), u64(b, 72)
        self.history = b[80:96]
        self.entry_count = u64(b, 104)
        self.root_page, self.root_crc, self.root_height = u32(b, 128), u32(b, 132), b[136]
        self.page_count = u32(b, 140)
        self.first_page = max(16384, self.page_size) // self.page_size
        self.regions = [struct.unpack_from("<IIQQB", b, at) for at in (168, 200)]

    def inside(self, page, pages=1):
        return self.first_page <= page and page + pages <= self.page_count


ZEROS_IN_SLOT = ((28, 32), (137, 140), (164, 168), (193, 196), (225, 228), (238, 240), (252, 256), (288, 508))


def judge_slot(b, slot):
    """('blank' | 'damaged' | 'unsupported' | 'valid', header or reason)"""
    if len(b) < SECTOR:
        return "damaged", "H1 short"
    if zero(b):
        return "blank", None
    if b[:8] != MAGIC or u32(b, 508) != crc32c(b[:508]):
        return "damaged", "H1 magic or checksum"
    if u16(b, 8) != 1 or u32(b, 24) != 0:
        return "unsupported", "version or features"
    flags = (b[237], b[192], b[224])
    if u16(b, 14) != 512 or not 12 <= b[12] <= 16 or b[236] > 2 or max(flags) > 1:
        return "damaged", "H1 field"
    h = Header(b)
    if b[13] != slot or h.generation & 1 != slot:
        return "damaged", "H2"
    epoch, fence_epoch = u32(b, 232), u32(b, 248)
    counts = (h.entry_count, u64(b, 112), u64(b, 120))
    spans = sorted((start, start + pages) for start, pages, *_ in h.regions)
    checks = (
        ("H4", h.generation > 0),
        ("H7", h.page_count >= h.first_page),
        ("H9", (h.root_page == 0) == (h.root_height == 0) and h.root_height <= 16),
        ("H9", h.root_page != 0 or counts == (0, 0, 0)),
        ("P6", all(p == 0 or h.inside(p) for p in (h.root_page, u32(b, 144)))),
        ("H10", epoch > 0 and (not b[237] or fence_epoch > epoch)),
        ("H10", b[236] != 2 or not zero(b[256:272])),
        ("W1", all(pages and h.inside(start, pages) for start, pages, *_ in h.regions)),
        ("W1", spans[0][1] <= spans[1][0]),
        ("W2", all(r[2] == 0 or r[2] & 1 == i for i, r in enumerate(h.regions))),
        ("H8", all(zero(b[a:z]) for a, z in ZEROS_IN_SLOT)),
    )
    for name, holds in checks:
        if not holds:
            return "damaged", name
    return "valid", h


def choose_header(read):
    judged = [judge_slot(read(at, SECTOR), slot) for slot, at in enumerate(SLOTS)]
    states = [state for state, _ in judged]
    if "unsupported" in states:
        raise Unsupported("a newer program wrote this file")
    valid = sorted((h for state, h in judged if state == "valid"), key=lambda h: h.generation)
    if not valid:
        heads = [read(at, 8) for at in SLOTS]
        if MAGIC not in heads:
            raise Unsupported("no creel header")
        raise Damage("H1")
    if len(valid) == 2:
        old, new = valid
        same = ("page_size", "lineage_id", "file_id")
        need(all(getattr(old, f) == getattr(new, f) for f in same), "H3")
        need(new.generation - old.generation == 1, "H4")
    elif "blank" in states:
        need(valid[0].generation == 1, "H4")
    valid[-1].other_damaged = "damaged" in states
    return valid[-1]


# The log


class Frame:
    def __init__(self, b, at):
        self.at = at
        self.synced = u32(b, at + 8) * 8
        self.durable_gen, self.prev_crc = u32(b, at + 12), u32(b, at + 16)
        self.header_crc = u32(b, at + 28)
        self.payload_len, self.kind = u32(b, at + 32), b[at + 36]
        self.index, self.epoch, self.op_count = u64(b, at + 40), u32(b, at + 48), u32(b, at + 52)
        self.history_before = b[at + 64 : at + 80]
        self.end = at + (84 + self.payload_len + 7 & ~7)
        self.payload = b[at + 80 : at + 80 + self.payload_len]


class Region:
    def __init__(self, b):
        self.bytes = b
        self.salt = b[8:16]
        self.seq, self.first_index = u64(b, 16), u64(b, 24)
        self.history, self.epoch = b[32:48], u32(b, 48)
        self.prev_end, self.prev_crc = u32(b, 52) * 8, u32(b, 56)
        self.durable_gen, self.file_id_low = u32(b, 60), b[64:68]
        self.frames = []

    def header_at(self, at):
        """A frame with a valid header, or None."""
        b = self.bytes
        if at + 80 > len(b) or b[at : at + 4] != self.salt[:4]:
            return None
        fits = u32(b, at + 4) * 8 == at and zero(b[at + 20 : at + 28])
        if not fits or u32(b, at + 32) > 64 << 20 or not 1 <= b[at + 36] <= 5 or not zero(b[at + 37 : at + 40]):
            return None
        if u32(b, at + 28) != crc32c(self.salt, b[at : at + 28], b[at + 32 : at + 80]):
            return None
        return Frame(b, at)

    def body_valid(self, f):
        b, end = self.bytes, f.at + 80 + f.payload_len
        if f.end > len(b):
            return False
        return u32(b, end) == crc32c(b[f.at + 32 : end]) and zero(b[end + 4 : f.end])

    def promised_beyond(self, at):
        """True where a later frame says that bytes at and after `at` were durable."""
        found = self.bytes.find(self.salt[:4], at + 8)
        while found >= 0:
            if found % 8 == 0:
                later = self.header_at(found)
                if later and later.synced > at:
                    return True
            found = self.bytes.find(self.salt[:4], found + 1)
        return False

    def walk(self, stop):
        """Collects the frames; `stop` is where the log of an older region must end, or None."""
        at, index, link, epoch = 128, self.first_index, self.prev_crc, self.epoch
        self.next = (index, link)
        while stop is None or at < stop:
            f = self.header_at(at)
            whole = f is not None and self.body_valid(f)
            if not whole or f.index != index or f.prev_crc != link:
                need(not self.promised_beyond(at), "W3" if whole else "W6")
                need(stop is None, "W5")
                return
            need(f.epoch >= epoch, "W7")
            need(f.synced <= at, "W8")
            need(self.frames or f.history_before == self.history, "W9")
            self.frames.append(f)
            at, index, link, epoch = f.end, index + 1, f.header_crc, f.epoch
            self.next = (index, link)
        need(at == stop, "W5")


def find_regions(read, header):
    """Both regions; each is the region, or its bytes where its header is not usable."""
    found = []
    for i, (start, pages, *_) in enumerate(header.regions):
        b = read(start * header.page_size, pages * header.page_size)
        whole = b[:8] == b"CRELWAL1" and u32(b, 124) == crc32c(b[:124]) and zero(b[68:124])
        seq = u64(b, 16)
        usable = whole and seq and seq & 1 == i and b[64:68] == header.file_id[:4]
        found.append(Region(b) if usable else b)
    return found


def has_orphan(b, last):
    """True where frames prove that a region without a usable header had been in use."""
    for at in range(128, len(b) - 80, 8):
        if u32(b, at + 4) * 8 != at or u32(b, at + 8) <= 16:
            continue
        if u32(b, at + 32) > 64 << 20 or not 1 <= b[at + 36] <= 5 or not zero(b[at + 37 : at + 40]):
            continue
        frame = Frame(b, at)
        end = at + 80 + frame.payload_len
        if frame.index > last and frame.end <= len(b) and zero(b[end + 4 : frame.end]):
            if u32(b, end) == crc32c(b[at + 32 : end]):
                return True
    return False


def log_frames(read, header):
    """All frames above the checkpoint, in order."""
    regions = find_regions(read, header)
    seqs = [r.seq if isinstance(r, Region) else 0 for r in regions]
    active = 1 if seqs[1] > seqs[0] else 0
    need(max(seqs) > 0 and seqs[active] >= max(r[2] for r in header.regions), "W2")
    newer, older = regions[active], regions[1 - active]
    frames = []
    if newer.first_index > header.checkpoint + 1:
        need(isinstance(older, Region) and older.seq + 1 == newer.seq, "W5")
        need(older.first_index <= header.checkpoint + 1, "W5")
        older.walk(newer.prev_end)
        need(older.next == (newer.first_index, newer.prev_crc), "W5")
        frames = older.frames
    newer.walk(None)
    need(newer.next[0] > header.checkpoint, "W5")
    frames = [f for f in frames + newer.frames if f.index > header.checkpoint]
    if frames:
        need(frames[0].index == header.checkpoint + 1, "W5")
        need(frames[0].history_before == header.history, "W9")
    if frames and frames[-1].kind == 4 and not header.other_damaged:
        frames.pop()  # of a load that did not finish
    need(all(f.kind != 4 for f in frames), "W5")
    if not isinstance(older, Region):
        need(not has_orphan(older, frames[-1].index if frames else header.checkpoint), "W2")
    return frames


def apply_frame(entries, frame):
    """`entries` maps full keys to values."""
    if frame.kind not in (1, 2):
        return
    ops = Cursor(frame.payload, "W4")
    for _ in range(frame.op_count):
        tag, keyspace = ops.take(1)[0], ops.varint()
        need(keyspace < 1 << 32, "W4")
        first = ops.sized()
        prefix = keyspace.to_bytes(4, "big")
        if tag == 1:
            entries[prefix + first] = ops.sized()
        elif tag == 2:
            entries.pop(prefix + first, None)
        elif tag == 3:
            to = ops.sized()
            in_range = lambda k: k[:4] == prefix and first <= k[4:] and (not to or k[4:] < to)
            for key in [k for k in entries if in_range(k)]:
                del entries[key]
        elif tag == 4:
            entries[b"\0\0\0\0\x10k" + first] = keyspace.to_bytes(4, "little")
        elif tag == 5:
            entries.pop(b"\0\0\0\0\x10k" + first, None)
            for key in [k for k in entries if k[:4] == prefix]:
                del entries[key]
        else:
            raise Damage("W4 tag")
    need(ops.at == len(frame.payload), "W4")


# The tree


class Tree:
    def __init__(self, read, header):
        self.read, self.header = read, header
        self.entries = {}

    def page(self, page_id, crc, what):
        need(self.header.inside(page_id), "P6")
        size = self.header.page_size
        b = self.read(page_id * size, size)
        need(len(b) == size and u32(b, 0) == crc32c(b[4:]), f"P1 page {page_id}")
        need(u32(b, 4) == page_id, f"P2 page {page_id}")
        need(u32(b, 0) == crc, f"P3 page {page_id}")
        need(u64(b, 8) <= self.header.generation, f"P4 page {page_id}")
        need((b[16], b[17]) == what and zero(b[24:32]), f"P5 page {page_id}")
        return b

    def cells(self, b, heads=0):
        """Cursors at each cell, the prefix, and a check at the end that all was read."""
        count, prefix_len, end = u16(b, 18), u16(b, 20), u16(b, 22) or 65536
        slots = len(b) - (2 + heads) * count
        need(32 + prefix_len <= end <= slots and zero(b[end:slots]), "P7")
        cursor = Cursor(b[:end], "P7", 32 + prefix_len)
        for i in range(count):
            need(u16(b, len(b) - 2 * (i + 1)) == cursor.at, "P7")
            yield cursor, b[32 : 32 + prefix_len]
        need(cursor.at == end, "P7")

    def walk(self, page_id, crc, level, low=b"", high=None):
        """Collects what lies below; keys are in low <= key < high. Gives the number of entries."""
        if level == 0:
            return self.leaf(self.page(page_id, crc, (1, 0)), low, high)
        children = []
        for cursor, prefix in self.cells(self.page(page_id, crc, (2, level))):
            child, child_crc = struct.unpack("<II", cursor.take(8))
            count, suffix = cursor.varint(), cursor.sized()
            if not children:
                need(suffix == b"", "P7")
                separator = low
            else:
                separator = prefix + suffix
                need(separator > children[-1][3] and separator != b"", "T1")
            children.append((child, child_crc, count, separator))
        need(len(children) >= 2, "T5")
        bounds = [c[3] for c in children[1:]] + [high]
        total = 0
        for (child, child_crc, count, separator), end in zip(children, bounds):
            need(self.walk(child, child_crc, level - 1, separator, end) == count, "T6")
            total += count
        return total

    def leaf(self, b, low, high):
        last, count = None, 0
        heads = len(b) - 3 * u16(b, 18)
        for i, (cursor, prefix) in enumerate(self.cells(b, heads=1)):
            head = cursor.varint()
            suffix_len, flags = head >> 2, head & 3
            need(flags <= 1, "T8")
            suffix = cursor.take(suffix_len)
            need(b[heads + i] == (suffix[0] if suffix else 0), "P7")
            key = prefix + suffix
            need(last is None or last < key, "T1")
            need(low <= key and (high is None or key < high), "T2")
            need(len(key) >= 4, "T7")
            next_slot = len(b) - 2 * (i + 2)
            last_cell = i + 1 == u16(b, 18)
            end = (u16(b, 22) or 65536) if last_cell else u16(b, next_slot)
            need(end >= cursor.at, "P7")
            value = cursor.take(end - cursor.at)
            if flags == 1:
                need(len(value) == 16, "P7")
                value = self.large(*struct.unpack("<IIII", value))
            self.entries[key], last, count = value, key, count + 1
        need(count > 0, "T5")
        return count

    def large(self, page_id, stored_len, crc, rest):
        need(rest == 0, "P7")
        size = self.header.page_size
        pages = (32 + stored_len + size - 1) // size
        need(self.header.inside(page_id, pages), "T9")
        b = self.read(page_id * size, pages * size)
        need(len(b) == pages * size and u32(b, 0) == crc32c(b[4:32]), f"P1 page {page_id}")
        need(u32(b, 4) == page_id, f"P2 page {page_id}")
        need(b[16] == 3 and zero(b[17:32]) and zero(b[32 + stored_len :]), "T9")
        value = b[32 : 32 + stored_len]
        need(crc32c(value) == crc, "T10")
        return value


def entries_of(file):
    def read(at, length):
        file.seek(at)
        return file.read(length)

    header = choose_header(read)
    need(file.seek(0, 2) >= header.page_count * header.page_size, "H7")
    tree = Tree(read, header)
    if header.root_page:
        tree.walk(header.root_page, header.root_crc, header.root_height - 1)
    user = sum(1 for key in tree.entries if key[:4] != b"\0\0\0\0")
    need(user == header.entry_count, "T6")
    for frame in log_frames(read, header):
        apply_frame(tree.entries, frame)
    return tree.entries


def main(args):
    if len(args) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        with open(args[0], "rb") as file:
            entries = entries_of(file)
    except Damage as problem:
        print(f"damaged: {problem}", file=sys.stderr)
        return 4
    except Unsupported as problem:
        print(f"not readable: {problem}", file=sys.stderr)
        return 5
    prefix = MAIN.to_bytes(4, "big")
    for key in sorted(entries):
        if key[:4] == prefix:
            print(f"{key[4:].hex()}\t{entries[key].hex()}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
