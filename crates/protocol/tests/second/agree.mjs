// Computes with a second implementation (noble, in JavaScript) what the vectors of ../vectors say, and what has to be refused. The crate's tests
// compare the crate with the same files, so where both agree, the crate and noble do. One line for each kind; the exit code counts.
import { readFileSync } from 'node:fs';
import { gcm } from '@noble/ciphers/aes.js';
import { ed25519, x25519 } from '@noble/curves/ed25519.js';
import { expand, extract } from '@noble/hashes/hkdf.js';
import { hmac } from '@noble/hashes/hmac.js';
import { sha256, sha512 } from '@noble/hashes/sha2.js';
import { ml_dsa87 } from '@noble/post-quantum/ml-dsa.js';
import { ml_kem1024 } from '@noble/post-quantum/ml-kem.js';
import * as made from './lattice.mjs';

const [folder] = process.argv.slice(2);
const read = (name) => readFileSync(`${folder}/${name}`, 'utf8');
const bytes = (hex) => new Uint8Array(Buffer.from(hex, 'hex'));
const ascii = (text) => new TextEncoder().encode(text);
const join = (...parts) => new Uint8Array(Buffer.concat(parts.map((part) => Uint8Array.from(part))));
const u32 = (x) => new Uint8Array(Buffer.from([x >>> 24, x >>> 16, x >>> 8, x]));
const lp = (x) => join(u32(x.length), x);
const same = (a, b) => Buffer.compare(Buffer.from(a), typeof b === 'string' ? Buffer.from(b, 'hex') : Buffer.from(b)) === 0;
// noble throws where a signature or a box is malformed: that is a refusal too.
const refused = (job) => { try { return job() === false; } catch { return true; } };

let failed = 0;
const check = (kind, lines, holds) => {
  const wrong = lines.map((line, i) => [i, line]).filter(([, line]) => !holds(line)).map(([i]) => i);
  const good = lines.length > 0 && wrong.length === 0;
  failed += good ? 0 : 1;
  console.log(`${good ? 'ok      ' : 'FAILED  '}${kind.padEnd(62)}${good ? lines.length : `vectors ${wrong.join(', ') || 'missing'}`}`);
};

const primitives = JSON.parse(read('primitives.json'));
const schedule = JSON.parse(read('schedule.json'));
check('ML-KEM-1024, ML-DSA-87: lattice.json is what noble makes', [read('lattice.json')], (text) => text === made.text);
check('SHA-512', primitives.sha512, (v) => same(sha512(bytes(v.data)), v.digest));
check('HMAC-SHA-512', primitives.hmac_sha512, (v) => same(hmac(sha512, bytes(v.key), bytes(v.data)), v.mac));
check('HKDF-SHA-512', primitives.hkdf_sha512, (v) =>
  same(expand(sha512, extract(sha512, bytes(v.ikm), bytes(v.salt)), bytes(v.info), v.okm.length / 2), v.okm));
check('SHA-256', primitives.sha256, (v) => same(sha256(bytes(v.data)), v.digest));
check('HMAC-SHA-256', primitives.hmac_sha256, (v) => same(hmac(sha256, bytes(v.key), bytes(v.data)), v.mac));
check('HKDF-Expand-SHA-256', primitives.hkdf_expand_sha256, (v) =>
  same(expand(sha256, bytes(v.key), bytes(v.info), v.okm.length / 2), v.okm));
const box = (v) => gcm(bytes(v.key), bytes(v.nonce), bytes(v.aad));
check('AES-256-GCM, and altered boxes', primitives.aes_256_gcm, (v) => {
  const altered = bytes(v.sealed);
  altered[altered.length - 1] ^= 1;
  return same(box(v).encrypt(bytes(v.plaintext)), v.sealed) && same(box(v).decrypt(bytes(v.sealed)), v.plaintext) && refused(() => box(v).decrypt(altered));
});
check('X25519', primitives.x25519, (v) => same(x25519.getSharedSecret(bytes(v.scalar), bytes(v.point)), v.shared));
check('X25519: points of small order are refused', primitives.x25519_small_order.points, (point) =>
  refused(() => x25519.getSharedSecret(bytes('11'.repeat(32)), bytes(point))));
const strict = { zip215: false };
check('Ed25519', primitives.ed25519, (v) =>
  same(ed25519.getPublicKey(bytes(v.seed)), v.public) && same(ed25519.sign(bytes(v.message), bytes(v.seed)), v.signature)
    && ed25519.verify(bytes(v.signature), bytes(v.message), bytes(v.public), strict));
check('the hybrid KEM', schedule.kem, (v) => {
  const [secret, pk, ct] = [bytes(v.secret), bytes(v.pk), bytes(v.ct)];
  const lattice = ml_kem1024.keygen(secret.subarray(32));
  const ssLattice = ml_kem1024.decapsulate(ct.subarray(32), lattice.secretKey);
  const ssX = x25519.getSharedSecret(secret.subarray(0, 32), ct.subarray(0, 32));
  const info = join(lp(ascii('latchkey/1/kem')), sha512(pk), sha512(ct));
  return same(join(x25519.getPublicKey(secret.subarray(0, 32)), lattice.publicKey), pk) && same(ssLattice, v.ss_mlkem) && same(ssX, v.ss_x)
    && same(expand(sha512, extract(sha512, join(ssLattice, ssX), new Uint8Array()), info, 32), v.ss);
});
const people = [schedule.identity.alice, schedule.identity.bob];
check('identity keys and fingerprints', people, (v) => {
  const seed = bytes(v.seed);
  const key = join(ed25519.getPublicKey(seed.subarray(0, 32)), ml_dsa87.keygen(seed.subarray(32)).publicKey);
  const digest = sha512(join(lp(ascii('latchkey/1/fingerprint')), lp(ascii(v.address)), key));
  return same(key, v.key) && same(digest.subarray(0, 32), v.fingerprint);
});
// A key belongs to an address; both halves sign the same message, and the lattice half has the purpose as its context besides.
const holds = (person, v, context = `latchkey/1/${v.purpose}`) => {
  const [key, signature] = [bytes(person.key), bytes(v.signature)];
  const message = join(lp(ascii('latchkey/1/sig')), lp(ascii(v.purpose)), bytes(person.fingerprint), lp(bytes(v.payload)));
  return ed25519.verify(signature.subarray(0, 64), message, key.subarray(0, 32), strict)
    && ml_dsa87.verify(signature.subarray(64), message, key.subarray(32), { context: ascii(context) });
};
check('hybrid signatures of OpenSSL, for their purpose alone', schedule.signatures, (v) =>
  holds(people[0], v) && refused(() => holds(people[1], v)) && refused(() => holds(people[0], v, 'latchkey/1/other')));
check('sealed messages: commitment, box, key derivation', schedule.forms, (v) => {
  const info = join(lp(ascii('latchkey/1/msg-key')), sha256(bytes(v.aad)));
  const okm = expand(sha256, bytes(v.mk), info, 64);
  const sealed = bytes(v.sealed);
  return same(okm, v.okm) && same(sealed.subarray(0, 32), okm.subarray(32))
    && same(gcm(okm.subarray(0, 32), okm.subarray(32, 44), bytes(v.aad)).decrypt(sealed.subarray(32)), v.inner);
});
process.exit(failed === 0 ? 0 : 1);
