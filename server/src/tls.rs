//! TLS: which certificate is shown, and how a handshake goes.
//!
//! Key exchange prefers X25519MLKEM768: what is recorded today must not be readable once there are quantum computers, and the envelopes' own keys do not
//! cover who talks when. Certificates still sign classically; there is no post-quantum web PKI yet (see decision 0008).
//!
//! Not its concern: sockets and time limits (`connections`) and who may do what.

mod certificates;
mod greeting;
mod source;

use std::{io, sync::Arc};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::{
    LazyConfigAcceptor,
    rustls::{
        self, NamedGroup, ServerConfig,
        crypto::{CryptoProvider, aws_lc_rs},
    },
    server::TlsStream,
};

pub use certificates::{Certificates, fingerprint};
pub use greeting::Greeting;
use source::provider;
pub use source::{TlsError, TlsSource};

/// What is encrypted ahead of a client that does not read, bytes: one record. The library's own default is four, for each connection.
const WRITE_BUFFER: usize = 16 << 10;

/// The hybrid group alone.
fn hybrid() -> CryptoProvider {
    CryptoProvider {
        kx_groups: vec![aws_lc_rs::kx_group::X25519MLKEM768],
        ..provider()
    }
}

/// Takes handshakes.
///
/// The TLS library lets the client's order decide. So whoever offers the hybrid group at all meets a configuration that knows no other; if it came
/// without a share for that, it is asked for one.
#[derive(Clone)]
pub struct Acceptor {
    hybrid: Arc<ServerConfig>,
    classical: Arc<ServerConfig>,
    certificates: Arc<Certificates>,
}

impl Acceptor {
    /// Shows what `certificates` has at the moment of each handshake. TLS 1.3 only: every client of ours speaks it, and 1.2 has no hybrid groups.
    ///
    /// # Errors
    /// [`TlsError::Setup`].
    pub fn new(certificates: Arc<Certificates>) -> Result<Self, TlsError> {
        let config = |provider: CryptoProvider| {
            let mut config = ServerConfig::builder_with_provider(Arc::new(provider))
                .with_protocol_versions(&[&rustls::version::TLS13])?
                .with_no_client_auth()
                .with_cert_resolver(Arc::clone(&certificates) as _);
            config.alpn_protocols = vec![b"http/1.1".to_vec()];
            Ok::<_, TlsError>(Arc::new(config))
        };
        Ok(Self {
            hybrid: config(hybrid())?,
            classical: config(provider())?,
            certificates,
        })
    }

    /// One handshake; answers the stream and the name of the group that was agreed on.
    ///
    /// # Errors
    /// What the client did wrong, or the network.
    pub async fn accept<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: S,
    ) -> io::Result<(TlsStream<Greeting<S>>, &'static str)> {
        let greeting = Greeting::new(stream);
        let begun = LazyConfigAcceptor::new(rustls::server::Acceptor::default(), greeting).await?;
        let groups = begun.client_hello().named_groups().unwrap_or_default();
        let config = if groups.contains(&NamedGroup::X25519MLKEM768) {
            &self.hybrid
        } else {
            &self.classical
        };
        let mut stream = begun.into_stream(Arc::clone(config)).await?;
        let (greeting, session) = stream.get_mut();
        greeting.is_over();
        session.set_buffer_limit(Some(WRITE_BUFFER));
        let group = stream.get_ref().1.negotiated_key_exchange_group();
        let name = group.and_then(|group| group.name().as_str());
        Ok((stream, name.unwrap_or("unknown")))
    }

    /// What is shown.
    #[must_use]
    pub fn certificates(&self) -> &Arc<Certificates> {
        &self.certificates
    }
}

#[cfg(test)]
mod tests {
    use tokio_rustls::{
        TlsConnector,
        rustls::{ClientConfig, RootCertStore, pki_types::ServerName},
    };

    use super::*;

    fn hybrid_first() -> CryptoProvider {
        let mut provider = provider();
        provider
            .kx_groups
            .retain(|group| group.name() != NamedGroup::X25519MLKEM768);
        provider.kx_groups.insert(0, aws_lc_rs::kx_group::X25519MLKEM768);
        provider
    }

    /// A client that trusts exactly this relay.
    fn connector(acceptor: &Acceptor, provider: CryptoProvider) -> TlsConnector {
        let mut roots = RootCertStore::empty();
        roots.add(acceptor.certificates().leaf().unwrap()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(provider))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        TlsConnector::from(Arc::new(config))
    }

    fn acceptor() -> Acceptor {
        let dir = tempfile::TempDir::new().unwrap();
        let certificates = Certificates::load(&TlsSource::SelfSigned, dir.path(), &[]).unwrap();
        Acceptor::new(Arc::new(certificates)).unwrap()
    }

    #[tokio::test]
    async fn both_sides_agree_on_x25519mlkem768() {
        let acceptor = acceptor();
        let (ours, theirs) = tokio::io::duplex(16 * 1024);
        let connector = connector(&acceptor, hybrid_first());
        let (served, dialled) = tokio::join!(
            acceptor.accept(ours),
            connector.connect(ServerName::try_from("localhost").unwrap(), theirs)
        );
        let (served, name) = served.unwrap();
        let dialled = dialled.unwrap();
        assert_eq!(name, "X25519MLKEM768");
        let group = |group: Option<&'static dyn rustls::crypto::SupportedKxGroup>| group.unwrap().name();
        assert_eq!(
            group(served.get_ref().1.negotiated_key_exchange_group()),
            NamedGroup::X25519MLKEM768
        );
        assert_eq!(
            group(dialled.get_ref().1.negotiated_key_exchange_group()),
            NamedGroup::X25519MLKEM768
        );
        assert_eq!(
            dialled.get_ref().1.protocol_version(),
            Some(rustls::ProtocolVersion::TLSv1_3)
        );
    }

    /// The test above would mean nothing if the relay could do nothing else; it is polite to those who cannot.
    #[tokio::test]
    async fn a_client_without_it_still_gets_x25519() {
        let acceptor = acceptor();
        let mut classical = provider();
        classical.kx_groups = vec![aws_lc_rs::kx_group::X25519];
        let (ours, theirs) = tokio::io::duplex(16 * 1024);
        let connector = connector(&acceptor, classical);
        let (served, dialled) = tokio::join!(
            acceptor.accept(ours),
            connector.connect(ServerName::try_from("localhost").unwrap(), theirs)
        );
        dialled.unwrap();
        assert_eq!(served.unwrap().1, "X25519");
    }

    #[tokio::test]
    async fn a_client_that_offers_the_old_first_is_asked_for_the_hybrid() {
        let acceptor = acceptor();
        let mut late = hybrid_first();
        late.kx_groups.reverse();
        let (ours, theirs) = tokio::io::duplex(16 * 1024);
        let connector = connector(&acceptor, late);
        let (served, dialled) = tokio::join!(
            acceptor.accept(ours),
            connector.connect(ServerName::try_from("localhost").unwrap(), theirs)
        );
        dialled.unwrap();
        assert_eq!(served.unwrap().1, "X25519MLKEM768");
    }

    /// Of the three things that a client can offer, 1.2 alone is refused, by an alert that says why; 1.2 beside 1.3 ends in 1.3.
    #[tokio::test]
    async fn a_client_that_offers_tls_1_2_alone_is_refused() {
        use rustls::version::{TLS12, TLS13};
        let acceptor = acceptor();
        let mut roots = RootCertStore::empty();
        roots.add(acceptor.certificates().leaf().unwrap()).unwrap();
        for (versions, agreed) in [
            (&[&TLS12][..], None),
            (&[&TLS12, &TLS13], Some(rustls::ProtocolVersion::TLSv1_3)),
            (&[&TLS13], Some(rustls::ProtocolVersion::TLSv1_3)),
        ] {
            let config = ClientConfig::builder_with_provider(Arc::new(provider()))
                .with_protocol_versions(versions)
                .unwrap()
                .with_root_certificates(roots.clone())
                .with_no_client_auth();
            let (ours, theirs) = tokio::io::duplex(16 * 1024);
            let (served, dialled) = tokio::join!(
                acceptor.accept(ours),
                TlsConnector::from(Arc::new(config)).connect(ServerName::try_from("localhost").unwrap(), theirs)
            );
            assert_eq!(served.is_ok(), agreed.is_some(), "{versions:?}");
            match dialled {
                Ok(stream) => assert_eq!(stream.get_ref().1.protocol_version(), agreed),
                Err(error) => {
                    assert_eq!(agreed, None, "{versions:?}: {error}");
                    assert!(error.to_string().contains("ProtocolVersion"), "{error}");
                }
            }
        }
    }
}
