//! TLS connections to a server that is checked.
//!
//! At this host's own addresses the certificate is not verified: it is for the public name of the
//! server, and the listener is identified by other means. At other addresses it is verified with
//! the system's certificates. They are read for each connection and dropped after it, so that a
//! supervisor without TLS checks has none in memory.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ResolvesClientCert, WebPkiServerVerifier};
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, ring, verify_tls12_signature, verify_tls13_signature,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::sign::CertifiedKey;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};
use supervisor_config::{CERT_FILE, CERTIFICATE_BUNDLES, Host};
use supervisor_core::health::{BadCertificate, CheckFailure};
use supervisor_core::spec::health::TlsSpec;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use supervisor_sys::deadline::run_with_deadline;
use supervisor_sys::host::ThisHost;

/// Time limit for reading the certificates: the file may be on a network file system.
const READ_TIME: Duration = Duration::from_secs(5);

/// A TLS connection.
#[derive(Debug)]
pub(crate) struct Secured<S> {
    pub(crate) stream: TlsStream<S>,
    asked: Arc<NoCertificate>,
}

/// The reason why there is no TLS connection.
#[derive(Debug)]
pub(crate) enum Unsecured {
    Failed(CheckFailure),
    /// The server requires a client certificate.
    WantsCertificate,
}

impl<S> Secured<S> {
    /// Whether the server has requested a client certificate. In TLS 1.3 the server rejects a
    /// missing one only after the handshake.
    pub(super) fn certificate_was_wanted(&self) -> impl Fn() -> bool + use<S> {
        let asked = Arc::clone(&self.asked);
        move || asked.0.load(Ordering::Relaxed)
    }
}

/// Starts TLS with a server at `host`. `own`: whether that is one of this host's own addresses.
pub(crate) async fn secure<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    host: &str,
    own: bool,
    spec: &TlsSpec,
) -> Result<Secured<S>, Unsecured> {
    let provider = Arc::new(ring::default_provider());
    let verifier = if own { Ok(whatever(&provider)) } else { verified(&provider, spec).await };
    let verifier = verifier.map_err(Unsecured::Failed)?;
    let asked = Arc::new(NoCertificate::default());
    let broken = |_| Unsecured::Failed(CheckFailure::Broken);
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(broken)?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_client_cert_resolver(Arc::<NoCertificate>::clone(&asked));
    let name = spec.name.as_deref().unwrap_or(host);
    let name = ServerName::try_from(name.trim_end_matches('.').to_owned())
        .map_err(|_| Unsecured::Failed(CheckFailure::Certificate(BadCertificate::WrongName)))?;
    match TlsConnector::from(Arc::new(config)).connect(name, stream).await {
        Ok(stream) => Ok(Secured { stream, asked }),
        Err(_) if asked.0.load(Ordering::Relaxed) => Err(Unsecured::WantsCertificate),
        Err(error) => Err(Unsecured::Failed(failure(&error))),
    }
}

/// Whether a server that did not answer a plain request properly speaks TLS.
pub(super) async fn is_spoken(stream: impl AsyncRead + AsyncWrite + Unpin, host: &str) -> bool {
    match secure(stream, host, true, &TlsSpec::default()).await {
        Ok(_) | Err(Unsecured::WantsCertificate) => true,
        Err(Unsecured::Failed(failure)) => matches!(failure, CheckFailure::Certificate(_)),
    }
}

fn failure(error: &io::Error) -> CheckFailure {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    match inner {
        Some(Error::InvalidCertificate(bad)) => CheckFailure::Certificate(bad_certificate(bad)),
        Some(Error::InvalidMessage(_)) => CheckFailure::LacksTls,
        // It speaks TLS, and does not want to speak it with us.
        Some(Error::AlertReceived(_)) => CheckFailure::Certificate(BadCertificate::Other),
        Some(_) | None => CheckFailure::Broken,
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "rustls may add to it")]
const fn bad_certificate(bad: &CertificateError) -> BadCertificate {
    match bad {
        CertificateError::UnknownIssuer => BadCertificate::Untrusted,
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            BadCertificate::WrongName
        }
        CertificateError::Expired
        | CertificateError::ExpiredContext { .. }
        | CertificateError::NotValidYet
        | CertificateError::NotValidYetContext { .. } => BadCertificate::Expired,
        _ => BadCertificate::Other,
    }
}

async fn verified(
    provider: &Arc<CryptoProvider>,
    spec: &TlsSpec,
) -> Result<Arc<dyn ServerCertVerifier>, CheckFailure> {
    let nothing = CheckFailure::Certificate(BadCertificate::NothingToTrust);
    let set = spec.ca_file.clone().or_else(|| std::env::var_os(CERT_FILE).map(PathBuf::from));
    let roots = run_with_deadline(READ_TIME, move |_| roots(set.as_deref())).await;
    let roots = roots.filter(|roots| !roots.is_empty()).ok_or(nothing)?;
    let verifier =
        WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider)).build();
    verifier.map(|verifier| verifier as Arc<dyn ServerCertVerifier>).map_err(|_| nothing)
}

/// The certificates of a file, or of the system. An unreadable certificate does not affect the
/// others.
fn roots(set: Option<&Path>) -> RootCertStore {
    let bundles = CERTIFICATE_BUNDLES.map(Path::new);
    let places = set.as_ref().map_or(&bundles[..], std::slice::from_ref);
    let mut roots = RootCertStore::empty();
    let file = places.iter().find_map(|place| ThisHost::Running.read(place).ok());
    let file = file.unwrap_or_default();
    for certificate in CertificateDer::pem_slice_iter(&file).flatten() {
        let _ = roots.add(certificate);
    }
    roots
}

/// Records that a client certificate is required; it has none.
#[derive(Debug, Default)]
struct NoCertificate(AtomicBool);

impl ResolvesClientCert for NoCertificate {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.0.store(true, Ordering::Relaxed);
        None
    }

    fn has_certs(&self) -> bool {
        true
    }
}

/// Accepts any certificate whose key the server has.
#[derive(Debug)]
struct Whatever(WebPkiSupportedAlgorithms);

fn whatever(provider: &CryptoProvider) -> Arc<dyn ServerCertVerifier> {
    Arc::new(Whatever(provider.signature_verification_algorithms))
}

impl ServerCertVerifier for Whatever {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.0)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}

#[cfg(test)]
mod tests;
