#!/usr/bin/env python3
"""Makes primitives.json and schedule.json: known answers for the primitives, and golden vectors for every line of the key schedule.

It shares no code with the crate. Hashes, HMAC and HKDF are Python's hashlib and hmac; AES-GCM, X25519, Ed25519, ML-KEM-1024 and ML-DSA-87 are
OpenSSL's, through the `cryptography` package (48 or later). It was written from the specification, not from the crate.

    pip install 'cryptography>=48' && python3 generate.py

What OpenSSL makes at random (ML-KEM ciphertexts, hedged ML-DSA signatures) is taken over from the existing file, and checked, so that running
it again changes nothing.
"""
import hashlib, hmac, json, os
from cryptography.hazmat.primitives.asymmetric import ed25519, mldsa, mlkem, x25519
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

HERE = os.path.dirname(os.path.abspath(__file__))
OLD = {}
if os.path.exists(os.path.join(HERE, "schedule.json")):
    OLD = json.load(open(os.path.join(HERE, "schedule.json")))["random"]
RANDOM = {}


def once(name, make, check):
    """A random value: the one made before, if it still checks."""
    if name in OLD and check(bytes.fromhex(OLD[name])):
        value = bytes.fromhex(OLD[name])
    else:
        value = make()
        assert check(value)
    RANDOM[name] = value.hex()
    return value


def H(*parts): return hashlib.sha512(b"".join(parts)).digest()
def mac512(key, *parts): return hmac.new(key, b"".join(parts), hashlib.sha512).digest()
def mac(key, *parts): return hmac.new(key, b"".join(parts), hashlib.sha256).digest()
def u8(x): return x.to_bytes(1, "big")
def u32(x): return x.to_bytes(4, "big")
def u64(x): return x.to_bytes(8, "big")
def lp(x): return u32(len(x)) + x
VERSION = 3  # of envelopes
def L(label): return b"latchkey/1/" + label


def expand(prk, info, n, mac=mac):
    """RFC 5869, section 2.3: with SHA-256 for keys below an epoch, with SHA-512 inside hkdf."""
    out, t, i = b"", b"", 1
    while len(out) < n:
        t = mac(prk, t, info, u8(i))
        out, i = out + t, i + 1
    return out[:n]


def hkdf(salt, ikm, info, n):
    """RFC 5869 with SHA-512; an absent salt is a block of zeros, which is the same HMAC key as the empty string."""
    return expand(mac512(salt, ikm), info, n, mac512)


def pattern(name, n):
    """Bytes that look random and are not."""
    return b"".join(H(b"pattern", name.encode(), u32(i)) for i in range(n // 64 + 1))[:n]


def raw(public): return public.public_bytes(Encoding.Raw, PublicFormat.Raw)


# --- primitives -----------------------------------------------------------------------------------------------------------------------------

def primitives():
    out = {}
    rfc4231 = "RFC 4231, section 4"
    cases = [
        (b"\x0b" * 20, b"Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7", "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cdedaa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854"),
        (b"Jefe", b"what do ya want for nothing?", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843", "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737"),
        (b"\xaa" * 20, b"\xdd" * 50, "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe", "fa73b0089d56a284efb0f0756c890be9b1b5dbdd8ee81a3655f83e33b2279d39bf3e848279a722c806b485a47e67c807b946a337bee8942674278859e13292fb"),
        (bytes(range(1, 26)), b"\xcd" * 50, "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b", "b0ba465637458c6990e5a8c5f61d4af7e576d97ff94b872de76f8050361ee3dba91ca5c11aa25eb4d679275cc5788063a5f19741120c4f2de2adebeb10a298dd"),
        (b"\xaa" * 131, b"Test Using Larger Than Block-Size Key - Hash Key First", "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54", "80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f3526b56d037e05f2598bd0fd2215d6a1e5295e64f73f63f0aec8b915a985d786598"),
    ]
    for key, data, short, long in cases:
        assert mac(key, data).hex() == short and mac512(key, data).hex() == long
    out["hmac_sha256"] = [dict(source=rfc4231, key=k.hex(), data=d.hex(), mac=w) for k, d, w, _ in cases]
    out["hmac_sha512"] = [dict(source=rfc4231, key=k.hex(), data=d.hex(), mac=w) for k, d, _, w in cases]
    fips = "FIPS 180-4 example messages; digests as hashlib has them"
    long = b"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu"
    assert H(b"abc").hex().startswith("ddaf35a193617abacc417349ae204131") and H(long).hex().startswith("8e959b75dae313da8cf4f72814fc143f")
    out["sha256"] = [dict(source=fips, data=d.hex(), digest=hashlib.sha256(d).hexdigest()) for d in (b"", b"abc", b"a" * 1000)]
    out["sha512"] = [dict(source=fips, data=d.hex(), digest=H(d).hex()) for d in (b"", b"abc", long, b"a" * 1000)]
    rfc5869 = "inputs of RFC 5869, appendix A; outputs for SHA-512 computed with Python's hmac"
    inputs = [(bytes(range(13)), b"\x0b" * 22, bytes(range(0xf0, 0xfa))), (bytes(range(0x60, 0xb0)), bytes(range(0x50)), bytes(range(0xb0, 0x100))), (b"", b"\x0b" * 22, b"")]
    out["hkdf_sha512"] = [dict(source=rfc5869, salt=s.hex(), ikm=k.hex(), info=i.hex(), okm=hkdf(s, k, i, 192).hex()) for s, k, i in inputs]
    # With SHA-256 the appendix has outputs; only its second half is ours.
    expanded = [("077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5", inputs[0][2],
                 "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"),
                ("06a6b88c5853361a06104c9ceb35b45cef760014904671014a193f40c15fc244", inputs[1][2],
                 "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87"),
                ("19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04", inputs[2][2],
                 "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8")]
    for key, info, okm in expanded:
        assert expand(bytes.fromhex(key), info, len(okm) // 2).hex() == okm
    out["hkdf_expand_sha256"] = [dict(source="RFC 5869, appendix A", key=k, info=i.hex(), okm=o) for k, i, o in expanded]
    out["hkdf_expand_sha256"] += [dict(source="computed with Python's hmac", key=pattern("prk", 32).hex(), info=i.hex(), okm=expand(pattern("prk", 32), i, 128).hex()) for i in (b"", b"info", bytes(200))]
    gcm = "McGrew and Viega, The Galois/Counter Mode of Operation, appendix B, test case "
    key = bytes.fromhex("feffe9928665731c6d6a8f9467308308") * 2
    iv = bytes.fromhex("cafebabefacedbaddecaf888")
    text = bytes.fromhex("d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255")
    aad = bytes.fromhex("feedfacedeadbeeffeedfacedeadbeefabaddad2")
    c15 = "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad"
    boxes = [
        ("13", bytes(32), bytes(12), b"", b"", "530f8afbc74536b9a963b4f1c4cb738b"),
        ("14", bytes(32), bytes(12), b"", bytes(16), "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919"),
        ("15", key, iv, b"", text, c15 + "b094dac5d93471bdec1a502270e3cc6c"),
        ("16", key, iv, aad, text[:60], c15[:120] + "76fc6ece0f4e1768cddf8853bb2d551b"),
    ]
    for _, k, n, a, p, c in boxes:
        assert AESGCM(k).encrypt(n, p, a).hex() == c
    out["aes_256_gcm"] = [dict(source=gcm + t, key=k.hex(), nonce=n.hex(), aad=a.hex(), plaintext=p.hex(), sealed=c) for t, k, n, a, p, c in boxes]
    rfc7748 = "RFC 7748, section 5.2"
    x = [
        ("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4", "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c", "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552"),
        ("4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d", "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493", "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957"),
    ]
    for k, p, s in x:
        assert x25519.X25519PrivateKey.from_private_bytes(bytes.fromhex(k)).exchange(x25519.X25519PublicKey.from_public_bytes(bytes.fromhex(p))).hex() == s
    out["x25519"] = [dict(source=rfc7748, scalar=k, point=p, shared=s) for k, p, s in x]
    low = "u coordinates of order 1, 2, 4 and 8, reduced and not (RFC 7748, section 7; the list of Wycheproof's x25519 tests)"
    points = ["00" * 32, "01" + "00" * 31, "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800", "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
              "ec" + "ff" * 30 + "7f", "ed" + "ff" * 30 + "7f", "ee" + "ff" * 30 + "7f"]
    for p in points:
        try:
            x25519.X25519PrivateKey.from_private_bytes(b"\x11" * 32).exchange(x25519.X25519PublicKey.from_public_bytes(bytes.fromhex(p)))
            assert False, p
        except ValueError:
            pass
    out["x25519_small_order"] = dict(source=low, points=points)
    rfc8032 = "RFC 8032, section 7.1, test "
    ed = []
    for test, seed, message in (("1", "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60", ""), ("2", "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb", "72"),
                                ("3", "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7", "af82")):
        sk = ed25519.Ed25519PrivateKey.from_private_bytes(bytes.fromhex(seed))
        ed.append(dict(source=rfc8032 + test, seed=seed, public=raw(sk.public_key()).hex(), message=message, signature=sk.sign(bytes.fromhex(message)).hex()))
    assert ed[2]["public"] == "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025"
    assert ed[2]["signature"].startswith("6291d657deec24024827e69c3abe01a3") and ed[1]["signature"].startswith("92a009a9f0d4cab8720e820b5f642540")
    out["ed25519"] = ed
    # R = the neutral element and S = k·a: the equation S·B = R + k·A holds, so a plain verification accepts. A strict one does not accept such an R.
    seed, message = b"\x09" * 32, signature_message(b"sign-in", b"\x01" * 32, b"payload")
    order = 2 ** 252 + 27742317777372353535851937790883648493
    digest = H(seed)
    scalar = int.from_bytes(bytes([digest[0] & 248]) + digest[1:31] + bytes([digest[31] & 127 | 64]), "little")
    public, neutral = raw(ed25519.Ed25519PrivateKey.from_private_bytes(seed).public_key()), b"\x01" + bytes(31)
    k = int.from_bytes(H(neutral, public, message), "little") % order
    forged = neutral + (k * scalar % order).to_bytes(32, "little")
    ed25519.Ed25519PublicKey.from_public_bytes(public).verify(forged, message)
    out["ed25519_small_order_r"] = dict(source="computed from the seed, checked with OpenSSL, which accepts it", seed=seed.hex(), message=message.hex(), signature=forged.hex())
    out["ed25519_small_order"] = dict(
        source="the eight points of order 1, 2, 4 and 8, then other encodings of some (y not reduced, or the sign of x = 0 set)",
        points=["01" + "00" * 31, "ec" + "ff" * 30 + "7f", "00" * 32, "00" * 31 + "80", "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
                "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85", "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
                "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa", "01" + "00" * 30 + "80", "ec" + "ff" * 31, "ed" + "ff" * 30 + "7f", "ed" + "ff" * 31, "ee" + "ff" * 30 + "7f", "ee" + "ff" * 31])
    return out


# --- the hybrid primitives --------------------------------------------------------------------------------------------------------------------

class Kem:
    """X25519 + ML-KEM-1024. The secret is scalar[32] then the seed d then z."""
    def __init__(self, name):
        self.secret = pattern(name, 96)
        self.x = x25519.X25519PrivateKey.from_private_bytes(self.secret[:32])
        self.m = mlkem.MLKEM1024PrivateKey.from_seed_bytes(self.secret[32:])
        self.pk = raw(self.x.public_key()) + self.m.public_key().public_bytes_raw()

    def encapsulated(self, name):
        """Someone encapsulates to this key; returns the combiner's inputs and output."""
        eph = x25519.X25519PrivateKey.from_private_bytes(pattern(name + " ephemeral", 32))
        ct_m = once(name, lambda: self.m.public_key().encapsulate()[1], lambda ct: len(ct) == 1568)
        ss_m = self.m.decapsulate(ct_m)
        ss_x = eph.exchange(self.x.public_key())
        ct = raw(eph.public_key()) + ct_m
        ss = hkdf(b"", ss_m + ss_x, lp(L(b"kem")) + H(self.pk) + H(ct), 32)
        return ct, ss, ss_m, ss_x


class Identity:
    """Ed25519 + ML-DSA-87 at an address. The seed is 32 bytes for each."""
    def __init__(self, address, which=""):
        self.address = address.encode()
        self.seed = pattern(which + "identity of " + address, 64)
        self.ed = ed25519.Ed25519PrivateKey.from_private_bytes(self.seed[:32])
        self.ml = mldsa.MLDSA87PrivateKey.from_seed_bytes(self.seed[32:])
        self.pk = raw(self.ed.public_key()) + self.ml.public_key().public_bytes_raw()
        self.fp = H(lp(L(b"fingerprint")), lp(self.address), self.pk)[:32]

    def sign(self, name, purpose, payload):
        message = signature_message(purpose, self.fp, payload)
        def valid(sig):
            try:
                self.ml.public_key().verify(sig, message, L(purpose))
                return True
            except Exception:
                return False
        return self.ed.sign(message) + once(name, lambda: self.ml.sign(message, L(purpose)), valid)


def signature_message(purpose, fp, payload):
    return lp(L(b"sig")) + lp(purpose) + fp + lp(payload)


# --- the tree over a batch: RFC 9162, section 2.1.1, with our leaves ----------------------------------------------------------------------------

def leaf(i, pk): return H(b"\x00", u32(i), pk)


def root(nodes):
    if len(nodes) == 1:
        return nodes[0]
    k = 1
    while k * 2 < len(nodes):
        k *= 2
    return H(b"\x01", root(nodes[:k]), root(nodes[k:]))


# --- inner text -----------------------------------------------------------------------------------------------------------------------------

def leb128(x):
    out = b""
    while x > 0x7f:
        out, x = out + u8(x & 0x7f | 0x80), x >> 7
    return out + u8(x)


def padded_length(n):
    """n bytes and the 0x80: multiples of 256 up to 4096, then Padmé (PURBs, algorithm 1)."""
    n += 1
    if n <= 4096:
        return -(-n // 256) * 256
    e = n.bit_length() - 1
    s = e.bit_length()
    low = (1 << (e - s)) - 1
    return (n + low) & ~low


def inner(pn1, pn2, ack, content, holes=()):
    """`ack`: epoch and count. `holes`: epoch, first number and how many, of what never came before that."""
    named = [x for e, first, count in holes for x in (ack[0] - e, first, count)]
    text = b"".join(map(leb128, (pn1, pn2, *ack, len(holes), *named))) + content
    return text + b"\x80" + bytes(padded_length(len(text)) - len(text) - 1)


def content(cid, sent_at, words):
    """{0: id, 1: sent_at, 2: kind 1, 3: text}, deterministic CBOR (RFC 8949, section 4.2.1)."""
    def uint(major, x):
        for limit, head, size in ((24, None, 0), (1 << 8, 24, 1), (1 << 16, 25, 2), (1 << 32, 26, 4), (1 << 64, 27, 8)):
            if x < limit:
                return u8(major << 5 | (x if head is None else head)) + (x.to_bytes(size, "big") if size else b"")
    return uint(5, 4) + uint(0, 0) + uint(2, 16) + cid + uint(0, 1) + uint(0, sent_at) + uint(0, 2) + uint(0, 1) + uint(0, 3) + uint(2, len(words)) + words


# --- the schedule ------------------------------------------------------------------------------------------------------------------------------

def box(okm, aad, text): return AESGCM(okm[:32]).encrypt(okm[32:44], text, aad)
def committed(okm, aad, text): return okm[32:64] + box(okm, aad, text)  # the nonce is where the commitment begins


def epoch(salt, ikm, sid, e, header):
    okm = hkdf(salt, ikm, lp(L(b"epoch")) + sid + u32(e) + H(header), 192)
    names = ("root", "ck_i2r", "ck_r2i", "tk_i2r", "tk_r2i", "adv")
    return {name: okm[32 * i:32 * i + 32] for i, name in enumerate(names)}


def box_okm(adv, form, eid): return expand(adv, lp(L(b"adv-hdr")) + u8(form) + eid, 44)
def boxed_tag(adv, d, eid): return mac(expand(adv, lp(L(b"adv-tag")) + u8(d), 32), eid)[:16]
def aad_of(kind, sid, d, e, n, eid, tag, fp_from, fp_to, header):
    return lp(L(b"msg")) + u8(VERSION) + u8(kind) + sid + u8(d) + u32(e) + u32(n) + eid + tag + fp_from + fp_to + H(header)
def envelope_id(mk, random, text): return mac(mk, lp(L(b"envelope-id")) + random + hashlib.sha256(text).digest())[:16]
def msg_okm(mk, aad): return expand(mk, lp(L(b"msg-key")) + hashlib.sha256(aad).digest(), 64)


def schedule():
    out = {}
    alice, bob = Identity("alice@relay.test"), Identity("bob@relay.test:5000")
    relay_fp = H(lp(L(b"relay-fingerprint")), lp(b""), bob.pk)[:32]
    out["identity"] = dict(
        alice=dict(address=alice.address.decode(), seed=alice.seed.hex(), key=alice.pk.hex(), fingerprint=alice.fp.hex()),
        bob=dict(address=bob.address.decode(), seed=bob.seed.hex(), key=bob.pk.hex(), fingerprint=bob.fp.hex()),
        relay_fingerprint_of_bobs_key=relay_fp.hex())
    low, high = sorted((alice.fp, bob.fp))
    digest = H(lp(L(b"safety-number")), low, high)
    out["safety_number"] = dict(
        digits="".join("%05d" % (int.from_bytes(digest[5 * i:5 * i + 5], "big") % 100_000) for i in range(12)), qr=(b"\x01" + low + high).hex())

    # Signatures, each purpose over its own payload.
    out["signatures"] = []
    for purpose in (b"handshake", b"first-advance", b"spk", b"opk-batch", b"sign-in", b"register", b"succession", b"play-receipt"):
        payload = pattern("payload " + purpose.decode(), 40)
        out["signatures"].append(dict(purpose=purpose.decode(), payload=payload.hex(), message=signature_message(purpose, alice.fp, payload).hex(),
                                      signature=alice.sign("signature " + purpose.decode(), purpose, payload).hex()))

    # Bob's prekeys.
    spk, opk, others = Kem("bob spk"), Kem("bob opk"), [Kem("bob opk %d" % i) for i in range(4)]
    created = 1_790_000_000_000
    head = lambda pid, seq, life: u8(1) + lp(bob.address) + bob.fp + u32(pid) + u64(seq) + u64(created) + u64(created + life * 86_400_000)
    spk_id, opk_first, batch_id = 0x01020304, 0x0a0b0c00, 0x77000001
    spk_payload = head(spk_id, 5, 14) + spk.pk
    keys = [others[0], others[1], opk, others[2], others[3]]
    opk_id = opk_first + 2
    leaves = [leaf(opk_first + i, key.pk) for i, key in enumerate(keys)]
    batch_payload = head(batch_id, 6, 60) + u32(opk_first) + u32(5) + root(leaves)
    spk_sig, batch_sig = bob.sign("spk signature", b"spk", spk_payload), bob.sign("batch signature", b"opk-batch", batch_payload)
    path = [leaves[3], H(b"\x01", leaves[0], leaves[1]), leaves[4]]
    assert H(b"\x01", H(b"\x01", path[1], H(b"\x01", leaves[2], path[0])), path[2]) == root(leaves)
    out["prekeys"] = dict(created=created, spk_id=spk_id, spk_seq=5, spk_secret=spk.secret.hex(), spk_payload=spk_payload.hex(), spk_signature=spk_sig.hex(), batch_id=batch_id, batch_seq=6,
                          first_id=opk_first, keys=[key.pk.hex() for key in keys], leaves=[x.hex() for x in leaves], root=root(leaves).hex(), batch_payload=batch_payload.hex(),
                          batch_signature=batch_sig.hex(), opk_id=opk_id, opk_secret=opk.secret.hex(), opk_path=[x.hex() for x in path])

    # KEM.
    ct1, ss1, ss1_m, ss1_x = spk.encapsulated("ct1")
    ct2, ss2, ss2_m, ss2_x = opk.encapsulated("ct2")
    out["kem"] = [dict(secret=k.secret.hex(), pk=k.pk.hex(), ct=ct.hex(), ss_mlkem=m.hex(), ss_x=x.hex(), ss=ss.hex())
                  for k, ct, m, x, ss in ((spk, ct1, ss1_m, ss1_x, ss1), (opk, ct2, ss2_m, ss2_x, ss2))]

    # The handshake, with and without a one-time prekey.
    rk = Kem("alice rk")
    created_at = created + 60_000
    shakes = []
    for has_opk in (1, 0):
        P = (lp(L(b"handshake")) + u8(1) + u8(has_opk) + lp(bob.address) + bob.fp + u32(spk_id) + H(spk_payload)
             + (u32(opk_id) + H(batch_payload) + H(opk.pk) if has_opk else b"") + ct1 + lp(ct2 if has_opk else b"") + rk.pk + u64(created_at))
        T0 = H(P)
        id_okm = hkdf(T0, ss1, lp(L(b"id")), 64)
        T1 = H(lp(L(b"transcript")), T0, lp(alice.address), alice.fp)
        sid = T1[:32]
        sig = alice.sign("handshake signature %d" % has_opk, b"handshake", T1)
        claim = lp(alice.address) + alice.pk + sig
        idbox = committed(id_okm, T0, claim)
        E0 = epoch(T1, ss1 + (ss2 if has_opk else bytes(32)), sid, 0, b"")
        preamble = u8(1) + u8(has_opk) + u32(spk_id) + (u32(opk_id) if has_opk else b"") + ct1 + (ct2 if has_opk else b"") + rk.pk + u64(created_at)
        # Two first envelopes of it: numbers 0 and 3, so that the second passes over two.
        envelopes, ck = [], E0["ck_i2r"]
        for n in range(4):
            mk, ck = mac(ck, b"\x01"), mac(ck, b"\x02")
            if n in (0, 3):
                eid, tag = pattern("envelope %d of %d" % (n, has_opk), 16), bytes(16)
                words = ("Bonjour n\u00ba %d" % n).encode()
                body = content(pattern("content %d" % n, 16), created_at, words)
                aad = aad_of(1, sid, 0, 0, n, eid, tag, alice.fp, bob.fp, b"")
                okm = msg_okm(mk, aad)
                number = box(box_okm(E0["adv"], 2, eid), u8(VERSION) + u8(1) + eid + tag, u32(n))
                text = inner(0, 0, (0, 0), body)
                envelopes.append(dict(n=n, id=eid.hex(), words=words.decode(), content=body.hex(), inner=text.hex(), aad=aad.hex(), okm=okm.hex(), number_box=number.hex(),
                                      envelope=(u8(VERSION) + u8(1) + eid + tag + preamble + lp(idbox) + number + committed(okm, aad, text)).hex()))
        shakes.append(dict(has_opk=has_opk, created_at=created_at, rk_secret=rk.secret.hex(), rk=rk.pk.hex(), T0=T0.hex(), id_okm=id_okm.hex(), T1=T1.hex(), session_id=sid.hex(), claim=claim.hex(),
                           identity_box=idbox.hex(), preamble=preamble.hex(), epoch_0={k: v.hex() for k, v in E0.items()}, envelopes=envelopes))
    out["handshakes"] = shakes

    # Chains, tags, boxes of epoch 0, and an advance into epoch 1.
    E0 = {k: bytes.fromhex(v) for k, v in shakes[0]["epoch_0"].items()}
    sid, ck, chain = bytes.fromhex(shakes[0]["session_id"]), E0["ck_r2i"], []
    for n in range(3):
        chain.append(dict(n=n, mk=mac(ck, b"\x01").hex(), next=mac(ck, b"\x02").hex(), plain_tag=mac(E0["tk_r2i"], u32(n))[:16].hex()))
        ck = mac(ck, b"\x02")
    out["chain"] = chain
    ct_e, ss_e, _, _ = rk.encapsulated("ct of epoch 1")
    header = ct_e + Kem("bob ratchet key").pk
    E1 = epoch(E0["root"], ss_e, sid, 1, header)
    advance_sig = bob.sign("first advance signature", b"first-advance", sid + H(header))
    out["epoch_1"] = dict(ss=ss_e.hex(), header=header.hex(), header_hash=H(header).hex(), signature=advance_sig.hex(), **{k: v.hex() for k, v in E1.items()})

    # The later forms of an envelope, as key, tag, box, AAD and sealed text: three messages from Bob in epoch 1.
    forms, ck = [], E1["ck_r2i"]
    every_hole = ((), ((0, 1, 2),), ((0, 0, 1), (0, 2, 1)))
    for n, (name, kind, adv, boxed) in enumerate((("header", 3, E0["adv"], header + advance_sig), ("plain", 2, None, None), ("locator", 3, E1["adv"], b""))):
        mk, ck = mac(ck, b"\x01"), mac(ck, b"\x02")
        text = inner(300, 0, (0, 4), content(pattern("content", 16), created_at, b"hello " + name.encode()), every_hole[n])
        random = pattern("randomness of " + name, 32)
        eid = envelope_id(mk, random, text)
        tag = mac(E1["tk_r2i"], u32(n))[:16] if adv is None else boxed_tag(adv, 1, eid)
        aad = aad_of(kind, sid, 1, 1, n, eid, tag, bob.fp, alice.fp, header)
        okm = msg_okm(mk, aad)
        sealed = committed(okm, aad, text)
        line = dict(form=name, n=n, holes=every_hole[n], random=random.hex(), id=eid.hex(), tag=tag.hex(), mk=mk.hex(), aad=aad.hex(), okm=okm.hex(), inner=text.hex(), sealed=sealed.hex())
        the_box = b""
        if adv is not None:
            bk = box_okm(adv, 1, eid)
            the_box = box(bk, u8(VERSION) + u8(kind) + eid + tag, u32(n) + boxed)
            line.update(adv=adv.hex(), box_okm=bk.hex(), box=the_box.hex())
        line["envelope"] = (u8(VERSION) + u8(kind) + eid + tag + the_box + sealed).hex()
        forms.append(line)
    out["forms"] = forms

    # Small encodings.
    out["leb128"] = [dict(value=x, bytes=leb128(x).hex()) for x in (0, 1, 127, 128, 300, 16383, 16384, 32767, 2 ** 32 - 1)]
    out["padding"] = [dict(length=n, padded=padded_length(n)) for n in (0, 1, 254, 255, 256, 4094, 4095, 4096, 5000, 65534, 65535, 65536, 100_000, 204_820)]
    bundle = lp(L(b"bundle")) + lp(spk_payload) + lp(spk_sig)
    digests = [H(bundle + u8(1) + lp(batch_payload) + lp(batch_sig)), H(bundle + u8(0))]
    server, client, origin = pattern("server nonce", 32), pattern("client nonce", 32), b"https://relay.test:5000"
    sign_in = lp(origin) + relay_fp + lp(alice.address) + alice.fp + server + client + u64(created)
    out["claims"] = dict(origin=origin.decode(), server_nonce=server.hex(), client_nonce=client.hex(), expires_at=created, sign_in=sign_in.hex(),
                         bundle_digest=digests[0].hex(), bundle_digest_without_batch=digests[1].hex(), register=(sign_in + digests[0]).hex())

    # Alice's identity, then two that succeed each other.
    line = [alice, Identity("alice@relay.test", "second "), Identity("alice@relay.test", "third ")]
    out["successions"] = []
    for i, (old, new) in enumerate(zip(line, line[1:])):
        payload = u8(1) + lp(alice.address) + old.fp + new.fp + u64(i + 1) + u64(created + i)
        out["successions"].append(dict(old_key=old.pk.hex(), old_fingerprint=old.fp.hex(), new_seed=new.seed.hex(), new_fingerprint=new.fp.hex(), counter=i + 1, time=created + i,
                                       payload=payload.hex(), signature=old.sign("succession %d" % i, b"succession", payload).hex()))

    # Bob's vault, without successions: with it the crate itself opens the envelopes above.
    batch_record = u32(batch_id) + H(batch_payload) + u64(created + 60 * 86_400_000) + u8(1)
    one_time = b"".join(u32(opk_first + i) + u32(batch_id) + H(k.pk) + u8(1) + k.secret for i, k in enumerate(keys))
    out["records_of_bob"] = dict(
        identity=(u8(1) + lp(bob.address) + bob.seed + u64(0)).hex(),
        prekeys=(u8(1) + u64(6) + u8(0) + u8(0) + u32(1) + u32(spk_id) + spk.secret + H(spk_payload) + u64(created) + u8(0) + u8(0) + u32(1) + batch_record + u32(5) + one_time + u32(0)).hex())
    return out


def write(name, value):
    with open(os.path.join(HERE, name), "w") as file:
        json.dump(value, file, indent=1)
        file.write("\n")


if __name__ == "__main__":
    write("primitives.json", primitives())
    golden = schedule()
    about = "Golden vectors for docs/protocol.md, section 3; made by generate.py (hashlib, hmac, OpenSSL 4.0.0 through cryptography 48.0.0). Bytes are hexadecimal."
    write("schedule.json", dict(source=about, random=RANDOM, **golden))
