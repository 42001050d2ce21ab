//! The gate of `playgate::oblivious`. Until that is there, no key is taken, and so no license in oblivious mode comes to be.

use super::gate::{Admitted, Gate, GateError, LoadedKey};

/// The gate.
pub struct Homomorphic;

const NOT_YET: &str = "this relay has no homomorphic gate yet";

impl Gate for Homomorphic {
    fn load(&self, _bytes: &[u8]) -> Result<Box<dyn LoadedKey>, String> {
        Err(NOT_YET.into())
    }

    fn admit(&self, _sealed: &[u8]) -> Result<Admitted, String> {
        Err(NOT_YET.into())
    }

    fn check_request(&self, _request: &[u8]) -> Result<(), String> {
        Err(NOT_YET.into())
    }

    fn view(&self, _state: &[u8]) -> Result<Vec<u8>, GateError> {
        Err(GateError::Mismatch(NOT_YET.into()))
    }
}
