//! What was read is gone.

use super::*;

#[test]
fn what_was_read_is_overwritten_and_nothing_else_is() {
    let mut relay = Relay::new();
    relay.send(1, 1, &[0xaa; 5000]);
    relay.send(1, 2, &[0xbb; 5000]);
    relay.acknowledge(1, 1);
    relay.keep_up();
    let active = relay.log().active.id;
    let path = segment::path(relay.dir.path(), active);
    // The keeper is done when the log is closed.
    relay.log = None;
    let bytes = std::fs::read(&path).unwrap();
    assert!(!bytes.windows(32).any(|piece| piece == [0xaa; 32]));
    assert!(bytes.windows(5000).any(|piece| piece == [0xbb; 5000]));
    relay.reopen();
    assert_eq!(relay.read(1), [(2, vec![0xbb; 5000])]);
    assert_eq!(relay.send(1, 1, &[0xaa; 5000]), DONE);
    assert_eq!(relay.read(1).len(), 1);
}

/// A crash after the acknowledgement and before the bytes were overwritten.
#[test]
fn the_next_start_overwrites_what_the_last_one_did_not() {
    let mut relay = Relay::new();
    relay.send(1, 1, &[0xaa; 5000]);
    relay.send(1, 2, &[0xbb; 50]);
    let active = relay.log().active.id;
    let path = segment::path(relay.dir.path(), active);
    let before = std::fs::read(&path).unwrap();
    relay.acknowledge(1, 1);
    relay.log = None;
    std::fs::write(&path, before).unwrap();
    relay.reopen();
    assert_eq!(relay.read(1).len(), 1);
    relay.keep_up();
    relay.log = None;
    assert!(
        !std::fs::read(&path)
            .unwrap()
            .windows(32)
            .any(|piece| piece == [0xaa; 32])
    );
}
