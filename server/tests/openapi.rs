//! The contract in the repository is the contract that the relay speaks.

use std::path::Path;

#[test]
fn openapi_yaml_is_what_the_relay_emits() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../openapi.yaml");
    let committed = std::fs::read_to_string(&path).unwrap();
    let emitted = server::openapi_yaml();
    if let Some((line, (old, new))) = (1..)
        .zip(committed.lines().zip(emitted.lines()))
        .find(|(_, (a, b))| a != b)
    {
        panic!("openapi.yaml has drifted at line {line}: {old:?} is now {new:?}. Run `cargo xtask generate`.");
    }
    assert_eq!(
        committed.len(),
        emitted.len(),
        "openapi.yaml has drifted at its end. Run `cargo xtask generate`."
    );
}

#[test]
fn the_contract_has_every_operation_and_one_shape_of_error() {
    let yaml = server::openapi_yaml();
    let mut operations: Vec<_> = yaml
        .lines()
        .filter_map(|line| line.trim().strip_prefix("operationId: "))
        .collect();
    operations.sort_unstable();
    assert_eq!(
        operations,
        [
            "block_account",
            "challenge",
            "clear_inbox",
            "confirm_play",
            "delete_delivery_token",
            "delete_gate_key",
            "fetch_identity",
            "fetch_key",
            "gate_key_status",
            "inbox",
            "key_status",
            "license",
            "play",
            "play_oblivious",
            "publish_key",
            "put_delivery_token",
            "put_gate_key",
            "register",
            "relay_key",
            "revoke",
            "send",
            "send_limited",
            "send_oblivious",
            "sign_in",
            "sign_out",
            "status",
            "succeed",
            "unblock_account"
        ]
    );
    assert_eq!(server::openapi_yaml(), yaml, "the contract differs from run to run");
}
