#!/usr/bin/env python3
"""Writes contents.json: one content of each kind in its one encoding (RFC 8949, section 4.2.1), by an encoder that shares no code with the crate.

    python3 contents.py > contents.json
"""
import json


def head(major, value):
    for bits, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if value < 24:
            return bytes([major << 5 | value])
        if value < 1 << 8 * size:
            return bytes([major << 5 | bits]) + value.to_bytes(size, "big")
    raise ValueError(value)


def item(x):
    if x is True or x is False:
        return bytes([0xF5 if x else 0xF4])
    if isinstance(x, int):
        return head(0, x)
    if isinstance(x, bytes):
        return head(2, len(x)) + x
    if isinstance(x, list):
        return head(4, len(x)) + b"".join(map(item, x))
    return head(5, len(x)) + b"".join(item(k) + item(x[k]) for k in sorted(x))


def fill(byte, length):
    return bytes([byte]) * length


LIMITED = {0: fill(1, 32), 1: fill(2, 32), 2: fill(3, 32), 3: fill(4, 32), 4: item({0: 0, 1: 3}), 5: fill(6, 40)}
OBLIVIOUS = LIMITED | {4: item({0: 1, 1: 3}), 6: fill(7, 256), 7: fill(8, 32)}

KINDS = [
    ("empty", 0, b""),
    ("text", 1, "hé".encode()),
    ("limited", 2, item(LIMITED)),
    ("oblivious", 2, item(OBLIVIOUS)),
    ("receipt", 3, item({0: True, 1: [fill(5, 16), fill(6, 16)]})),
    ("delivery token", 5, fill(9, 32)),
    ("play head", 6, item({0: fill(1, 32), 1: 300, 2: fill(2, 32)})),
]

if __name__ == "__main__":
    vectors = [dict(name=name, bytes=item({0: fill(10, 16), 1: 1_700_000_000_000, 2: kind, 3: body}).hex()) for name, kind, body in KINDS]
    print(json.dumps(vectors, indent=1))
