#!/usr/bin/env python3
"""Writes play_content.json: the key schedule of a limited message, computed a second time without any of the project's code.

Key derivation: Python's hmac and hashlib only (RFC 5869 written out). The sealed bytes: the `cryptography` package, on top of OpenSSL.

    python3 play_content.py > play_content.json
"""

import hashlib
import hmac
import json

from cryptography.hazmat.primitives.ciphers.aead import AESGCM


def lp(x: bytes) -> bytes:
    return len(x).to_bytes(4, "big") + x


def hkdf_sha512(salt: bytes, ikm: bytes, info: bytes, length: int) -> bytes:
    prk = hmac.new(salt, ikm, hashlib.sha512).digest()
    okm, block, counter = b"", b"", 1
    while len(okm) < length:
        block = hmac.new(prk, block + info + bytes([counter]), hashlib.sha512).digest()
        okm, counter = okm + block, counter + 1
    return okm[:length]


def head(major: int, value: int) -> bytes:
    for bits, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if value < 24:
            return bytes([major << 5 | value])
        if value < 1 << 8 * size:
            return bytes([major << 5 | bits]) + value.to_bytes(size, "big")
    raise ValueError(value)


def policy_bytes(mode: int, limit: int, expires_at) -> bytes:
    pairs = [(0, mode), (1, limit)] + ([] if expires_at is None else [(2, expires_at)])
    return head(5, len(pairs)) + b"".join(head(0, k) + head(0, v) for k, v in pairs)


def vector(name, license_id, content_share, play_share, limit, expires_at, plaintext, mode=0):
    policy = policy_bytes(mode, limit, expires_at)
    info = lp(b"latchkey/1/play-content") + hashlib.sha512(policy).digest()
    okm = hkdf_sha512(license_id, content_share + play_share, info, 64)
    key, commit = okm[:32], okm[32:]
    return {
        "name": name,
        "license_id": license_id.hex(),
        "content_share": content_share.hex(),
        "play_share": play_share.hex(),
        "mode": mode,
        "limit": limit,
        "expires_at": expires_at,
        "policy": policy.hex(),
        "key": key.hex(),
        "commit": commit.hex(),
        "plaintext": plaintext.hex(),
        "ciphertext": AESGCM(key).encrypt(bytes(12), plaintext, policy).hex(),
    }


def stream(label: str, length: int) -> bytes:
    return hashlib.shake_256(label.encode()).digest(length)


VECTORS = [
    vector("zeros, nothing inside", bytes(16), bytes(32), bytes(32), 1, None, b""),
    vector("counting bytes, a short text", bytes(range(16)), bytes(range(32)), bytes(range(32, 64)), 2, 1_800_000_000_000, b"two plays"),
    vector("random, the greatest limit", stream("id", 16), stream("C", 32), stream("S", 32), 255, 2**64 - 1, stream("text", 300)),
    vector("random, the shares swapped", stream("id", 16), stream("S", 32), stream("C", 32), 255, 2**64 - 1, stream("text", 300)),
    vector("random, another limit", stream("id", 16), stream("C", 32), stream("S", 32), 24, 2**64 - 1, stream("text", 300)),
    vector("random, the other mode", stream("id", 16), stream("C", 32), stream("S", 32), 24, 2**64 - 1, stream("text", 300), mode=1),
]

if __name__ == "__main__":
    print(json.dumps(VECTORS, indent=2))
