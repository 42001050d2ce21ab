//! The one parameter set in use, and what is the same in all of them.
//!
//! The set is Zama's published `V1_8_PARAM_MESSAGE_2_CARRY_2_KS32_PBS_TUNIFORM_2M128`: 128 bits of security, a failure probability of at most
//! 2^-128 for each rotation whose input has a norm of 5 or less, and key switching in 32-bit words, which halves the largest part of a loaded key.

use tfhe::core_crypto::prelude::{DecompositionBaseLog, DecompositionLevelCount, DynamicDistribution};
use tfhe::shortint::parameters::v1_8::V1_8_PARAM_MESSAGE_2_CARRY_2_KS32_PBS_TUNIFORM_2M128 as PUBLISHED;
use tfhe::shortint::parameters::{KeySwitch32PBSParameters, ModulusSwitchType};

/// Coefficients of a polynomial; also the dimension of the LWE ciphertexts that are sent and stored.
pub(crate) const N: usize = 2048;

/// Words of an LWE ciphertext: mask and body.
pub(crate) const LWE_WORDS: usize = N + 1;

/// Boxes of a look-up table: four bits, and one of padding that makes the negacyclic wrap visible.
pub(crate) const BOXES: usize = 16;

/// Coefficients of a box.
pub(crate) const BOX: usize = N / BOXES;

/// One unit of a counter on the torus of 2^64: a box of a rotation.
pub(crate) const UNIT: u64 = 1 << 59;

// A rotation turns by 2N positions, of which a unit is one box.
const _: () = assert!((u64::MAX / UNIT + 1) as usize * BOX == 2 * N);

/// What differs between parameter sets.
#[derive(Debug)]
pub(crate) struct ParameterSet {
    /// Its number on the wire.
    pub id: u8,
    /// Dimension of the small LWE key that rotations consume.
    pub small_dimension: usize,
    pub pbs_base_log: DecompositionBaseLog,
    pub pbs_level: DecompositionLevelCount,
    pub ks_base_log: DecompositionBaseLog,
    pub ks_level: DecompositionLevelCount,
    /// Noise under the GLWE key.
    pub noise: DynamicDistribution<u64>,
    /// Noise under the small key.
    pub small_noise: DynamicDistribution<u32>,
    /// The bootstrap key travels in this many pieces, each under its own seed, so that making one can show its progress.
    pub pieces: usize,
}

impl ParameterSet {
    const fn of(id: u8, set: &KeySwitch32PBSParameters, small_dimension: usize, pieces: usize) -> Self {
        // The tables, the margins and the analysis are for one ring of 2^11 with one mask polynomial and one level of decomposition, and the
        // published failure probability holds for the centred modulus switch only.
        assert!(set.glwe_dimension.0 == 1 && set.polynomial_size.0 == N && set.pbs_level.0 == 1);
        assert!(matches!(
            set.modulus_switch_noise_reduction_params,
            ModulusSwitchType::CenteredMeanNoiseReduction
        ));
        assert!(small_dimension.is_multiple_of(pieces));
        Self {
            id,
            small_dimension,
            pbs_base_log: set.pbs_base_log,
            pbs_level: set.pbs_level,
            ks_base_log: set.ks_base_log,
            ks_level: set.ks_level,
            noise: set.glwe_noise_distribution,
            small_noise: set.lwe_noise_distribution,
            pieces,
        }
    }

    /// The allow-list.
    pub(crate) fn by_id(id: u8) -> Option<&'static Self> {
        match id {
            1 => Some(&PRODUCT),
            #[cfg(any(test, feature = "insecure-toy-set"))]
            0xf0 => Some(&INSECURE_TOY),
            _ => None,
        }
    }
}

/// The set of the product. 918 = 17 · 54.
pub(crate) static PRODUCT: ParameterSet = ParameterSet::of(1, &PUBLISHED, 918, 17);

/// The product's with a small key of 96 bits: ten times faster, and broken by a laptop. It exists in tests only.
#[cfg(any(test, feature = "insecure-toy-set"))]
pub(crate) static INSECURE_TOY: ParameterSet = ParameterSet::of(0xf0, &PUBLISHED, 96, 4);
