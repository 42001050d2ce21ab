use poem::http::{HeaderName, HeaderValue};
use proptest::prelude::*;

use super::*;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// What a relay that trusts `trust` makes of these header lines from `peer`.
fn client(trust: &str, header: Header, peer: &str, lines: &[(&str, &str)]) -> IpAddr {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        headers.append(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
    }
    let trust = Trust::parse(trust).unwrap();
    Proxies::new(ProxyRules { trust, header }).client(&headers, ip(peer))
}

fn by_list(trust: &str, peer: &str, list: &str) -> IpAddr {
    client(trust, Header::XForwardedFor, peer, &[("x-forwarded-for", list)])
}

fn by_forwarded(list: &str) -> IpAddr {
    client("10.0.0.1", Header::Forwarded, "10.0.0.1", &[("forwarded", list)])
}

#[test]
fn an_address_is_read_in_all_its_forms() {
    for (written, address) in [
        ("192.0.2.1", "192.0.2.1"),
        ("192.0.2.1:4711", "192.0.2.1"),
        (" 192.0.2.1\t", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("[2001:db8::1]:4711", "2001:db8::1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("198.51.100.7, 192.0.2.1", "192.0.2.1"),
        (", 192.0.2.1, ,", "192.0.2.1"),
    ] {
        assert_eq!(by_list("10.0.0.1", "10.0.0.1", written), ip(address), "{written}");
    }
    for (written, address) in [
        ("for=192.0.2.1", "192.0.2.1"),
        ("For=192.0.2.1;proto=https;by=203.0.113.43", "192.0.2.1"),
        ("proto=https; for=\"192.0.2.1:4711\"", "192.0.2.1"),
        ("for=\"[2001:db8:cafe::17]:4711\"", "2001:db8:cafe::17"),
        ("for=\"[2001:db8:cafe::17]:_port\"", "2001:db8:cafe::17"),
        ("for=\"[2001:db8:cafe::17]\"", "2001:db8:cafe::17"),
        ("for=198.51.100.7, for=192.0.2.1", "192.0.2.1"),
        ("for=\"a, for=6.6.6.6\", for=192.0.2.1;host=\"x,y;z\"", "192.0.2.1"),
    ] {
        assert_eq!(by_forwarded(written), ip(address), "{written}");
    }
}

#[test]
fn the_walk_goes_over_trusted_hops_and_no_further() {
    let trust = "10.0.0.0/8,2001:db8:ffff::/48";
    assert_eq!(by_list(trust, "10.0.0.1", "6.6.6.6, 192.0.2.1"), ip("192.0.2.1"));
    assert_eq!(
        by_list(trust, "10.0.0.1", "6.6.6.6, 192.0.2.1, 10.0.0.2"),
        ip("192.0.2.1")
    );
    let through_v6 = "6.6.6.6, 192.0.2.1, [2001:db8:ffff::2]:443, 10.0.0.2:1";
    assert_eq!(by_list(trust, "::ffff:10.0.0.1", through_v6), ip("192.0.2.1"));
    // Every hop is a proxy: the farthest is the one that asks.
    assert_eq!(by_list(trust, "10.0.0.1", "10.0.0.3, 10.0.0.2"), ip("10.0.0.3"));
    // Several lines are one list.
    let lines = [
        ("x-forwarded-for", "6.6.6.6"),
        ("x-forwarded-for", "192.0.2.1, 10.0.0.3"),
        ("x-forwarded-for", "10.0.0.2"),
    ];
    assert_eq!(
        client(trust, Header::XForwardedFor, "10.0.0.1", &lines),
        ip("192.0.2.1")
    );
}

#[test]
fn hops_are_counted_from_the_right() {
    for (hops, address) in [("1", "10.0.0.2"), ("2", "192.0.2.1"), ("3", "6.6.6.6")] {
        assert_eq!(
            by_list(hops, "10.0.0.1", "6.6.6.6, 192.0.2.1, 10.0.0.2"),
            ip(address),
            "{hops}"
        );
    }
    // A proxy was gone around: what the others said is all there is.
    assert_eq!(by_list("3", "10.0.0.1", "192.0.2.1"), ip("192.0.2.1"));
    assert_eq!(by_list("2", "10.0.0.1", "unknown, 192.0.2.1"), ip("192.0.2.1"));
}

#[test]
fn forged_headers_gain_nothing() {
    let peer = ip("192.0.2.9");
    // From a peer that is no proxy.
    for trust in ["off", "10.0.0.0/8", "127.0.0.0/8,::1"] {
        for header in [Header::XForwardedFor, Header::Forwarded] {
            let lines = [("x-forwarded-for", "10.0.0.5"), ("forwarded", "for=10.0.0.5")];
            assert_eq!(client(trust, header, "192.0.2.9", &lines), peer, "{trust}");
        }
    }
    // The header that the proxy does not set, and so passes on as it came.
    let both = [("x-forwarded-for", "192.0.2.1"), ("forwarded", "for=6.6.6.6")];
    assert_eq!(
        client("10.0.0.1", Header::XForwardedFor, "10.0.0.1", &both),
        ip("192.0.2.1")
    );
    let both = [("x-forwarded-for", "6.6.6.6"), ("forwarded", "for=192.0.2.1")];
    assert_eq!(
        client("10.0.0.1", Header::Forwarded, "10.0.0.1", &both),
        ip("192.0.2.1")
    );
    // An open quote of the client's does not swallow what the proxy appends.
    assert_eq!(by_forwarded("for=\"6.6.6.6, for=192.0.2.1"), ip("192.0.2.1"));
}

#[test]
fn what_is_no_address_is_none_and_ends_the_walk() {
    for garbage in [
        "unknown",
        "_hidden",
        "relay.example",
        "1.2.3",
        "1.2.3.4.5",
        "1.2.3.4:",
        "1.2.3.4:70000",
        "1.2.3.4:x",
        "[1.2.3.4]",
        "[::1",
        "::1]",
        "[::1]x",
        "fe80::1%eth0",
        "\"1.2.3.4\"",
        "for=1.2.3.4",
    ] {
        assert_eq!(by_list("10.0.0.1", "10.0.0.1", garbage), ip("10.0.0.1"), "{garbage}");
        let behind = format!("6.6.6.6, {garbage}, 10.0.0.2");
        assert_eq!(by_list("10.0.0.0/8", "10.0.0.1", &behind), ip("10.0.0.2"), "{behind}");
    }
    for garbage in [
        "1.2.3.4",
        "for=unknown",
        "for=_hidden",
        "for=",
        "for=\"1.2.3.4",
        "for=\"1.2.3.4\\\"\"",
        "by=1.2.3.4",
        "for=1.2.3.4;for=1.2.3.5",
        "xfor=1.2.3.4",
    ] {
        assert_eq!(by_forwarded(garbage), ip("10.0.0.1"), "{garbage}");
    }
    let mut headers = HeaderMap::new();
    headers.append("x-forwarded-for", HeaderValue::from_static("6.6.6.6"));
    headers.append("x-forwarded-for", HeaderValue::from_bytes(b"\xff").unwrap());
    let rules = ProxyRules {
        trust: Trust::parse("10.0.0.1").unwrap(),
        header: Header::XForwardedFor,
    };
    assert_eq!(Proxies::new(rules).client(&headers, ip("10.0.0.1")), ip("10.0.0.1"));
}

#[test]
fn trust_is_a_number_or_networks_and_is_written_as_it_is_read() {
    for text in [
        "off",
        "1",
        "16",
        "10.0.0.0/8",
        "10.0.0.1/32,2001:db8::/32",
        "127.0.0.0/8,::1/128",
    ] {
        assert_eq!(Trust::parse(text).unwrap().to_string(), text);
    }
    assert_eq!(
        Trust::parse("10.0.0.1, ::ffff:10.0.0.2").unwrap().to_string(),
        "10.0.0.1/32,10.0.0.2/32"
    );
    for bad in [
        "",
        "0",
        "17",
        "-1",
        "1,2",
        "10.0.0.0/33",
        "10.0.0.1,",
        "proxy",
        "10.0.0.1:80",
        "10.0.0.1 10.0.0.2",
    ] {
        assert_eq!(Trust::parse(bad), None, "{bad}");
    }
    assert_eq!(Trust::loopback(), Trust::parse("127.0.0.0/8,::1").unwrap());
}

proptest! {
    /// Whatever a client writes, what the proxy appends decides, and nothing panics.
    #[test]
    fn a_client_moves_nothing(written in "[ -~]{0,60}", comma in any::<bool>()) {
        let glue = if comma { "," } else { ", " };
        let list = format!("{written}{glue}192.0.2.1");
        prop_assert_eq!(by_list("10.0.0.0/8", "10.0.0.1", &list), ip("192.0.2.1"));
        prop_assert_eq!(by_forwarded(&format!("{written}{glue}for=192.0.2.1")), ip("192.0.2.1"));
        let lines = [("forwarded", written.as_str()), ("forwarded", "for=192.0.2.1")];
        prop_assert_eq!(client("10.0.0.1", Header::Forwarded, "10.0.0.1", &lines), ip("192.0.2.1"));
    }
}
