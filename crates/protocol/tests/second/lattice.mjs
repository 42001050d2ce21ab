// Makes ../vectors/lattice.json with a second implementation of ML-KEM-1024 and ML-DSA-87: key generation, encapsulation and hedged signing with
// given randomness, so that whole outputs can be compared. `run.sh --write` calls it, agree.mjs makes the same text again and compares.
import { createHash } from 'node:crypto';
import { ml_kem1024 } from '@noble/post-quantum/ml-kem.js';
import { ml_dsa87 } from '@noble/post-quantum/ml-dsa.js';

const hex = (bytes) => Buffer.from(bytes).toString('hex');
const pattern = (name, length) => {
  const blocks = [];
  for (let i = 0; i * 64 < length; i++) blocks.push(createHash('sha512').update(`lattice ${name} ${i}`).digest());
  return new Uint8Array(Buffer.concat(blocks).subarray(0, length));
};
const sequence = (length) => Uint8Array.from({ length }, (_, i) => i); // the seed of the examples of RFC 9935 and RFC 9881

const kem = [['sequence', sequence(64)], ['a', pattern('seed a', 64)], ['b', pattern('seed b', 64)]].map(([name, seed]) => {
  const { publicKey, secretKey } = ml_kem1024.keygen(seed);
  const m = pattern(`m ${name}`, 32);
  const { cipherText, sharedSecret } = ml_kem1024.encapsulate(publicKey, m);
  const altered = cipherText.slice();
  altered[altered.length - 1] ^= 1;
  return { seed: hex(seed), public: hex(publicKey), m: hex(m), ciphertext: hex(cipherText), shared: hex(sharedSecret),
    shared_of_altered: hex(ml_kem1024.decapsulate(altered, secretKey)) }; // the last bit flipped: implicit rejection
});
const dsa = [['sequence', sequence(32), 'latchkey/1/spk'], ['a', pattern('xi a', 32), 'latchkey/1/handshake']].map(([name, seed, context]) => {
  const { publicKey, secretKey } = ml_dsa87.keygen(seed);
  const [message, random] = [pattern(`message ${name}`, 100), pattern(`rnd ${name}`, 32)];
  const signature = ml_dsa87.sign(message, secretKey, { context: new TextEncoder().encode(context), extraEntropy: random });
  return { seed: hex(seed), public: hex(publicKey), context, message: hex(message), random: hex(random), signature: hex(signature) };
});
export const text = `${JSON.stringify({ source: 'made by lattice.mjs with @noble/post-quantum 0.7.1, a second implementation of FIPS 203 and FIPS 204', ml_kem_1024: kem, ml_dsa_87: dsa }, null, 1)}\n`;
