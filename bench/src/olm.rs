//! Olm, as vodozemac has it: the peer that our steady session is measured against, in the same run.

use anyhow::{Result, bail};
use vodozemac::olm::{Account, OlmMessage, Session, SessionConfig};

/// Two ends of a session that has been heard both ways.
pub fn steady_pair() -> Result<(Session, Session)> {
    let (alice, mut bob) = (Account::new(), Account::new());
    bob.generate_one_time_keys(1);
    let Some(one_time) = bob.one_time_keys().values().next().copied() else {
        bail!("no one-time key")
    };
    let config = SessionConfig::version_1();
    let mut out = alice.create_outbound_session(config, bob.curve25519_key(), one_time)?;
    let OlmMessage::PreKey(first) = out.encrypt("first")? else {
        bail!("not a first message")
    };
    let mut back = bob
        .create_inbound_session(config, alice.curve25519_key(), &first)?
        .session;
    let answer = back.encrypt("answer")?;
    out.decrypt(&answer)?;
    let again = out.encrypt("again")?;
    back.decrypt(&again)?;
    Ok((out, back))
}
