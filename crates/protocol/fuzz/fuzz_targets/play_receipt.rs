//! See `latchkey_protocol_fuzz::play_receipt`. What the target keeps between inputs is made beforehand: it does not count as time of the first input.
#![no_main]

use latchkey_protocol_fuzz::play_receipt::run;

libfuzzer_sys::fuzz_target!(init: run(&[]), |data: &[u8]| run(data));
