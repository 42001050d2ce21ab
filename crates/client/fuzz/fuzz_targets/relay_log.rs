//! See `latchkey_client_fuzz::relay_log`. What the target keeps between inputs is made beforehand: it does not count as time of the first input.
#![no_main]

use latchkey_client_fuzz::relay_log::run;

libfuzzer_sys::fuzz_target!(init: run(&[]), |data: &[u8]| run(data));
