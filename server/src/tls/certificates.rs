//! The certificate and its key: read, made, and exchanged for a newer one while the relay runs.

use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use parking_lot::{Mutex, RwLock};
use sha2::{Digest as _, Sha256};
use tokio_rustls::rustls::{
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use zeroize::Zeroizing;

use super::source::{TlsError, TlsSource, provider};
use crate::bounded;

/// Where a self-signed certificate and its key are kept in the data directory.
const DIRECTORY: &str = "tls";
const CERTIFICATE: &str = "self-signed.pem";
const KEY: &str = "self-signed.key";

/// The certificate that is shown now.
pub struct Certificates {
    current: RwLock<Arc<CertifiedKey>>,
    files: (PathBuf, PathBuf),
    /// SHA-256 of what was last looked at, whether it was any good or not: a bad file is complained about once.
    seen: Mutex<[u8; 32]>,
}

impl std::fmt::Debug for Certificates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Certificates")
            .field("fingerprint", &self.fingerprint())
            .finish_non_exhaustive()
    }
}

struct Pem {
    certificate: Vec<u8>,
    key: Zeroizing<Vec<u8>>,
}

impl Pem {
    fn read((certificate, key): &(PathBuf, PathBuf)) -> Result<Self, TlsError> {
        let read = |path: &Path| {
            bounded::read(path, bounded::TEXT_BYTES).map_err(|source| TlsError::File {
                path: path.to_owned(),
                source,
            })
        };
        Ok(Self {
            certificate: read(certificate)?,
            key: Zeroizing::new(read(key)?),
        })
    }

    fn digest(&self) -> [u8; 32] {
        let hash = Sha256::new().chain_update(Sha256::digest(&self.certificate));
        hash.chain_update(Sha256::digest(&*self.key)).finalize().into()
    }

    fn certified(&self, (certificate, key): &(PathBuf, PathBuf)) -> Result<CertifiedKey, TlsError> {
        let chain: Vec<_> = CertificateDer::pem_slice_iter(&self.certificate)
            .collect::<Result<_, _>>()
            .unwrap_or_default();
        if chain.is_empty() {
            return Err(TlsError::Empty {
                path: certificate.clone(),
                what: "certificate",
                example: "CERTIFICATE",
            });
        }
        let secret = PrivateKeyDer::from_pem_slice(&self.key).map_err(|_| TlsError::Empty {
            path: key.clone(),
            what: "private key",
            example: "PRIVATE KEY",
        })?;
        CertifiedKey::from_der(chain, secret, &provider()).map_err(|source| TlsError::Mismatch {
            certificate: certificate.clone(),
            key: key.clone(),
            source,
        })
    }
}

impl Certificates {
    /// Reads the certificate, or makes one for `names` (and this machine's) that is kept in `data_dir`.
    ///
    /// # Errors
    /// [`TlsError`].
    pub fn load(source: &TlsSource, data_dir: &Path, names: &[String]) -> Result<Self, TlsError> {
        let files = match source {
            TlsSource::Files { certificate, key } => (certificate.clone(), key.clone()),
            TlsSource::SelfSigned => self_signed(data_dir, names)?,
        };
        let pem = Pem::read(&files)?;
        Ok(Self {
            current: RwLock::new(Arc::new(pem.certified(&files)?)),
            seen: Mutex::new(pem.digest()),
            files,
        })
    }

    /// Looks whether the files changed, and shows what they hold from now on; true when that is another certificate.
    ///
    /// # Errors
    /// [`TlsError`] when they changed into something unusable; what was shown before is shown on. Said once for each content.
    pub fn refresh(&self) -> Result<bool, TlsError> {
        let pem = match Pem::read(&self.files) {
            Ok(pem) => pem,
            Err(error) => {
                let first = std::mem::take(&mut *self.seen.lock()) != [0; 32];
                return if first { Err(error) } else { Ok(false) };
            }
        };
        let digest = pem.digest();
        if std::mem::replace(&mut *self.seen.lock(), digest) == digest {
            return Ok(false);
        }
        let fresh = Arc::new(pem.certified(&self.files)?);
        let mut current = self.current.write();
        let other = current.cert != fresh.cert;
        *current = fresh;
        Ok(other)
    }

    fn current(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.current.read())
    }

    /// The relay's own certificate.
    #[must_use]
    pub fn leaf(&self) -> Option<CertificateDer<'static>> {
        self.current().cert.first().cloned()
    }

    /// When the relay's own certificate ends, seconds since 1970; none when it does not say so in a way that can be read.
    #[must_use]
    pub fn expiry(&self) -> Option<i64> {
        use x509_parser::prelude::{FromDer as _, X509Certificate};
        let leaf = self.leaf()?;
        let (_, certificate) = X509Certificate::from_der(&leaf).ok()?;
        Some(certificate.validity().not_after.timestamp())
    }

    /// Why clients refuse the relay's own certificate at `now`, seconds since 1970, if they do.
    #[must_use]
    pub fn out_of_time(&self, now: i64) -> Option<String> {
        use x509_parser::prelude::{FromDer as _, X509Certificate};
        let leaf = self.leaf()?;
        let (_, certificate) = X509Certificate::from_der(&leaf).ok()?;
        let (validity, path) = (certificate.validity(), self.files.0.display());
        let renew = "clients that do not pin it refuse it. Renew it; the new files are taken without a restart";
        if validity.not_after.timestamp() <= now {
            return Some(format!(
                "the certificate in {path} ended at {}: {renew}",
                validity.not_after
            ));
        }
        (validity.not_before.timestamp() > now).then(|| {
            format!(
                "the certificate in {path} begins at {}: {renew}, or look at the machine's clock",
                validity.not_before
            )
        })
    }

    /// What is wrong with the certificate of a relay that does not run, at `now`, seconds since 1970; nothing is good. Makes none.
    #[must_use]
    pub fn fault(source: &TlsSource, data_dir: &Path, now: i64) -> Option<String> {
        let made = data_dir.join(DIRECTORY).join(CERTIFICATE).exists();
        if *source == TlsSource::SelfSigned && !made {
            return None;
        }
        match Self::load(source, data_dir, &[]) {
            Ok(certificates) => certificates.out_of_time(now),
            Err(error) => Some(error.to_string()),
        }
    }

    /// SHA-256 of the relay's own certificate, as `sha256:` and 64 hex digits.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        self.leaf().map(|leaf| fingerprint(&leaf)).unwrap_or_default()
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current())
    }
}

/// The self-signed certificate's files; made if they are not both there.
fn self_signed(data_dir: &Path, names: &[String]) -> Result<(PathBuf, PathBuf), TlsError> {
    let directory = data_dir.join(DIRECTORY);
    let files = (directory.join(CERTIFICATE), directory.join(KEY));
    if files.0.exists() && files.1.exists() {
        return Ok(files);
    }
    let mut all = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
    for name in names {
        if !all.contains(name) {
            all.push(name.clone());
        }
    }
    let made = rcgen::generate_simple_self_signed(all).map_err(|error| TlsError::Make(error.to_string()))?;
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| TlsError::File { path, source }
    };
    fs::create_dir_all(&directory).map_err(failed(&directory))?;
    // The key first: a certificate without its key would be taken for finished.
    let key = Zeroizing::new(made.signing_key.serialize_pem());
    write_private(&files.1, key.as_bytes()).map_err(failed(&files.1))?;
    write_private(&files.0, made.cert.pem().as_bytes()).map_err(failed(&files.0))?;
    Ok(files)
}

fn write_private(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut options = fs::File::options();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

/// SHA-256 of a certificate: what clients pin.
#[must_use]
pub fn fingerprint(certificate: &CertificateDer<'_>) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(certificate)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(directory: &Path) -> TlsSource {
        let made = rcgen::generate_simple_self_signed(["relay.example".to_owned()]).unwrap();
        let (certificate, key) = (directory.join("cert.pem"), directory.join("key.pem"));
        fs::write(&certificate, made.cert.pem()).unwrap();
        fs::write(&key, made.signing_key.serialize_pem()).unwrap();
        TlsSource::Files { certificate, key }
    }

    #[test]
    fn a_self_signed_certificate_stays_the_same_and_its_key_is_private() {
        let dir = tempfile::TempDir::new().unwrap();
        let load = || Certificates::load(&TlsSource::SelfSigned, dir.path(), &["10.0.0.7".into()]).unwrap();
        let first = load().fingerprint();
        assert_eq!(first.len(), 7 + 64);
        assert_eq!(load().fingerprint(), first);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = dir
                .path()
                .join("tls/self-signed.key")
                .metadata()
                .unwrap()
                .permissions()
                .mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn renewed_files_are_taken_and_bad_ones_are_not() {
        let dir = tempfile::TempDir::new().unwrap();
        let source = pair(dir.path());
        let shown = Certificates::load(&source, dir.path(), &[]).unwrap();
        let first = shown.fingerprint();
        assert!(!shown.refresh().unwrap(), "nothing changed");

        pair(dir.path());
        assert!(shown.refresh().unwrap());
        let second = shown.fingerprint();
        assert_ne!(second, first);

        // Half renewed: the certificate of one pair with the key of another.
        let other = tempfile::TempDir::new().unwrap();
        pair(other.path());
        fs::copy(other.path().join("cert.pem"), dir.path().join("cert.pem")).unwrap();
        assert!(matches!(shown.refresh(), Err(TlsError::Mismatch { .. })));
        assert_eq!(shown.fingerprint(), second, "the good one is shown on");
        assert!(!shown.refresh().unwrap(), "said once");
        fs::copy(other.path().join("key.pem"), dir.path().join("key.pem")).unwrap();
        assert!(shown.refresh().unwrap());
        let third = shown.fingerprint();

        fs::write(dir.path().join("cert.pem"), "nonsense").unwrap();
        let text = shown.refresh().unwrap_err().to_string();
        assert!(
            text.contains("cert.pem") && text.contains("BEGIN CERTIFICATE"),
            "{text}"
        );
        fs::remove_file(dir.path().join("cert.pem")).unwrap();
        assert!(matches!(shown.refresh(), Err(TlsError::File { .. })));
        assert!(!shown.refresh().unwrap(), "said once");
        assert_eq!(shown.fingerprint(), third);
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        let dir = tempfile::TempDir::new().unwrap();
        let source = pair(dir.path());
        fs::write(
            dir.path().join("key.pem"),
            "-----BEGIN NOTHING-----\n-----END NOTHING-----\n",
        )
        .unwrap();
        let text = Certificates::load(&source, dir.path(), &[]).unwrap_err().to_string();
        assert!(text.contains("key.pem") && text.contains("private key"), "{text}");
        fs::remove_file(dir.path().join("key.pem")).unwrap();
        let text = Certificates::load(&source, dir.path(), &[]).unwrap_err().to_string();
        assert!(text.contains("key.pem") && text.contains("--tls-key"), "{text}");
    }
}
