//! What a relay says at its start: where it is, and what to type first. Nothing that it suggests is refused by a client: addresses that stand for "every one" are none to
//! dial, and plain HTTP is for this machine alone.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use server::{origin::Origin, service::Registrations};

/// What there is to say.
pub struct Banner {
    /// Where it listens.
    pub addr: SocketAddr,
    /// Whether it does TLS.
    pub tls: bool,
    /// Under which URLs clients reach it, if that is known.
    pub origins: Vec<Origin>,
    /// The certificate's fingerprint, if there is one.
    pub certificate: Option<String>,
    /// Whether that has to be pinned.
    pub pin: bool,
    /// Where its numbers are, if they are shown.
    pub metrics: Option<SocketAddr>,
    /// Where everything is kept.
    pub data_dir: String,
    /// Whether there is a page to try the contract in.
    pub docs: bool,
    /// Who may register.
    pub registration: Registrations,
}

impl Banner {
    /// The text.
    pub fn text(&self) -> String {
        let mut lines = vec![
            format!("Latchkey relay {}", env!("CARGO_PKG_VERSION")),
            format!("  listening on  {}", self.listening()),
        ];
        lines.extend(self.certificate.iter().map(|of| format!("  certificate   {of}")));
        lines.extend(self.metrics.map(|addr| {
            let addr = dialled(addr);
            format!("  health        http://{addr}/readyz, http://{addr}/metrics")
        }));
        lines.push(format!("  data          {}", self.data_dir));
        let reached = reached(&self.origins, self.addr, self.tls);
        let (url, flag) = reached.unwrap_or_else(|| (self.url(self.addr), ""));
        lines.push(if self.docs {
            format!("  try the API   {url}/docs")
        } else {
            format!("  contract      {url}/openapi.yaml")
        });
        let mut command = format!("--relay {url}{flag}");
        if let (true, Some(fingerprint)) = (self.pin, &self.certificate) {
            command.push_str(" --pin ");
            command.push_str(fingerprint);
        }
        match self.registration {
            Registrations::Closed => lines.push("  registration  closed\n".to_owned()),
            Registrations::Invite => {
                lines.push(format!(
                    "  registration  by invitation: latchkey-relay --data-dir {} invite",
                    self.data_dir
                ));
                lines.push(format!(
                    "                then latchkey {command} register NAME --invite LINK\n"
                ));
            }
            Registrations::Open => {
                lines.push(format!("  first user    latchkey {command} register NAME"));
                // On a row of its own, which a terminal of eighty columns does not break: it is copied.
                lines.push("  from a checkout".to_owned());
                lines.push(format!("    cargo run -p cli -- {command} register NAME\n"));
            }
        }
        lines.join("\n")
    }

    fn listening(&self) -> String {
        let port = self.addr.port();
        match self.addr.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => format!("port {port} of every IPv4 address"),
            IpAddr::V6(ip) if ip.is_unspecified() => format!("port {port} of every address"),
            _ => self.url(self.addr),
        }
    }

    fn url(&self, addr: SocketAddr) -> String {
        let scheme = if self.tls { "https" } else { "http" };
        format!("{scheme}://{addr}")
    }
}

/// What a client dials, and the flag that it needs for that; none where only a port is known that is chosen at the start.
pub fn reached(origins: &[Origin], addr: SocketAddr, tls: bool) -> Option<(String, &'static str)> {
    let taken = |origin: &&Origin| origin.is_tls() || origin.is_loopback();
    let scheme = if tls { "https" } else { "http" };
    let first = origins.iter().find(taken);
    // Of a host with and without a port it is the one where the relay listens: it may be behind nothing.
    let own = first.and_then(|first| {
        let same = |origin: &&Origin| origin.is_tls() == first.is_tls() && origin.host() == first.host();
        origins.iter().filter(same).find(|origin| origin.port() == addr.port())
    });
    match (own.or(first), origins.first()) {
        (Some(origin), _) => Some((origin.to_string(), "")),
        (None, Some(plain)) => Some((plain.to_string(), " --allow-plain-http")),
        (None, None) if addr.port() == 0 => None,
        (None, None) => Some((format!("{scheme}://{}", dialled(addr)), "")),
    }
}

/// The address itself, or this machine where it stands for every one.
const fn dialled(addr: SocketAddr) -> SocketAddr {
    let ip = match addr.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, addr.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn banner(addr: &str, origins: &[&str]) -> String {
        let banner = Banner {
            addr: addr.parse().unwrap(),
            tls: true,
            origins: origins.iter().map(|origin| Origin::parse(origin).unwrap()).collect(),
            certificate: Some("sha256:00".into()),
            pin: true,
            metrics: Some(addr.parse().unwrap()),
            data_dir: "/data".into(),
            docs: true,
            registration: Registrations::Open,
        };
        banner.text()
    }

    #[test]
    fn no_address_is_suggested_that_a_client_refuses() {
        for addr in ["0.0.0.0:443", "[::]:443"] {
            for origins in [
                &["https://relay.example"][..],
                &["http://10.0.0.5", "https://[2001:db8::1]:8443"],
                &[],
            ] {
                let text = banner(addr, origins);
                assert!(!text.contains("0.0.0.0") && !text.contains("[::]"), "{text}");
                assert!(!text.contains("http://10.0.0.5"), "{text}");
                assert!(text.contains("port 443 of every"), "{text}");
                assert!(text.contains("--pin sha256:00 register NAME"), "{text}");
            }
        }
        let text = banner("0.0.0.0:443", &["http://10.0.0.5", "https://relay.example"]);
        assert!(text.contains("latchkey --relay https://relay.example --pin"), "{text}");
        assert!(text.contains("https://relay.example/docs"), "{text}");
        // A relay behind nothing is dialled at its own port.
        let text = banner("0.0.0.0:5715", &["https://relay.example", "https://relay.example:5715"]);
        assert!(
            text.contains("latchkey --relay https://relay.example:5715 --pin"),
            "{text}"
        );
        // Plain HTTP elsewhere is what the client has to be told to take.
        let text = banner("0.0.0.0:443", &["http://10.0.0.5"]);
        assert!(text.contains("--relay http://10.0.0.5 --allow-plain-http"), "{text}");
    }

    /// A command that a terminal has broken is copied in two parts.
    #[test]
    fn what_is_copied_stands_on_one_row_of_an_ordinary_terminal() {
        let banner = Banner {
            tls: false,
            certificate: None,
            pin: false,
            addr: "127.0.0.1:65535".parse().unwrap(),
            origins: Vec::new(),
            metrics: None,
            data_dir: "/data".into(),
            docs: true,
            registration: Registrations::Open,
        };
        let text = banner.text();
        let commands: Vec<&str> = text.lines().filter(|line| line.contains("--relay")).collect();
        assert_eq!(commands.len(), 2, "{text}");
        for command in commands {
            assert!(command.len() < 80, "{command}");
            assert!(
                command.ends_with("--relay http://127.0.0.1:65535 register NAME"),
                "{command}"
            );
        }
    }

    #[test]
    fn without_any_setting_it_is_the_loopback() {
        let text = banner("127.0.0.1:5000", &[]);
        assert!(text.contains("listening on  https://127.0.0.1:5000\n"), "{text}");
        assert!(text.contains("--relay https://127.0.0.1:5000 --pin"), "{text}");
    }
}
