//! Names and addresses.

use latchkey_protocol::address::{Address, RelayName, UserName};

/// What parses prints back as it was, and an address is exactly its two parts.
pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let user = UserName::parse(text).ok();
    if let Some(user) = &user {
        assert_eq!(user.as_str(), text);
    }
    let relay = RelayName::parse(text).ok();
    if let Some(relay) = &relay {
        assert_eq!(relay.as_str(), text);
    }
    if let Ok(address) = Address::parse(text) {
        assert_eq!(address.as_str(), text);
        assert_eq!(address.to_string(), text);
        assert_eq!(Address::new(address.user(), address.relay()), address);
        assert_eq!(text.matches('@').count(), 1);
    }
    if let (Some(user), Some(relay)) = (user, relay) {
        let address = Address::new(user, relay);
        assert_eq!(Address::parse(address.as_str()), Ok(address));
    }
}
