//! The naive gate, which the gate is compared with: tfhe's own integers ([`NAIVE`]). With the feature `naive` alone: they are half of tfhe, and nothing else here needs them.

use anyhow::{Result, ensure};
use tfhe::prelude::*;
use tfhe::shortint::parameters::v1_8::V1_8_PARAM_MESSAGE_2_CARRY_2_KS_PBS_TUNIFORM_2M128;
use tfhe::{ConfigBuilder, FheBool, FheUint8, FheUint128, set_server_key};

use crate::measure::timed;

/// What the naive play is.
pub const NAIVE: &str = "naive play: tfhe's plain integers, nothing adapted: an FheUint8 counter that is compared with 0 and counted down, and an FheUint128 select of the share; one thread, as the gate's own plays; \
     tfhe's default parameters (V1_8_PARAM_MESSAGE_2_CARRY_2_KS_PBS_TUNIFORM_2M128). More threads would make the naive play shorter, not cheaper";

/// A counter as one would write it first. It runs in the one-threaded pool that it is called in.
pub struct Naive {
    client: tfhe::ClientKey,
    server: tfhe::ServerKey,
}

impl Naive {
    pub fn make() -> Self {
        let parameters = V1_8_PARAM_MESSAGE_2_CARRY_2_KS_PBS_TUNIFORM_2M128;
        let (client, server) = tfhe::generate_keys(ConfigBuilder::with_custom_parameters(parameters).build());
        Self { client, server }
    }

    /// Milliseconds of one play.
    pub fn play(&self) -> Result<f64> {
        set_server_key(self.server.clone());
        let share = 0x0123_4567_89ab_cdef_u128;
        let left = FheUint8::encrypt(200u8, &self.client);
        let secret = FheUint128::encrypt(share, &self.client);
        let nothing = FheUint128::encrypt_trivial(0u128);
        let want = FheUint8::encrypt(1u8, &self.client);
        let ((left, out), seconds) = timed(|| {
            let granted: FheBool = want.ne(0u8) & left.gt(0u8);
            let left = &left - &FheUint8::cast_from(granted.clone());
            (left, granted.if_then_else(&secret, &nothing))
        });
        let (left, out): (u8, u128) = (left.decrypt(&self.client), out.decrypt(&self.client));
        ensure!(left == 199 && out == share, "the naive gate is wrong");
        Ok(seconds * 1e3)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_naive_play_has_the_parameters_that_tfhe_has_by_default() {
        let default = format!("{:?}", ConfigBuilder::default().build());
        let named = ConfigBuilder::with_custom_parameters(V1_8_PARAM_MESSAGE_2_CARRY_2_KS_PBS_TUNIFORM_2M128).build();
        assert_eq!(format!("{named:?}"), default);
        assert!(NAIVE.contains(stringify!(V1_8_PARAM_MESSAGE_2_CARRY_2_KS_PBS_TUNIFORM_2M128)));
    }
}
