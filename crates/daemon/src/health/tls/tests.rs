use std::net::Ipv4Addr;

use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use rustls::server::WebPkiClientVerifier;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::*;

fn file(name: &str) -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../standard-supervisor/tests/tls")).join(name)
}

/// A server with one of the certificates, which wants one of its clients or not.
fn acceptor(certificate: &str, wants: bool) -> TlsAcceptor {
    let provider = Arc::new(ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap();
    let builder = if wants {
        let roots = Arc::new(roots(Some(&file("ca.pem"))));
        let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider);
        builder.with_client_cert_verifier(verifier.build().unwrap())
    } else {
        builder.with_no_client_auth()
    };
    let certificate = CertificateDer::from_pem_file(file(certificate)).unwrap();
    let key = PrivateKeyDer::from_pem_file(file("key.pem")).unwrap();
    TlsAcceptor::from(Arc::new(builder.with_single_cert(vec![certificate], key).unwrap()))
}

/// The result of a handshake with such a server and a read. `own`: whether the client treats the
/// address as local.
fn handshake(acceptor: Option<TlsAcceptor>, own: bool, spec: &TlsSpec) -> Result<(), CheckFailure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (mut accepted, _) = listener.accept().await.unwrap();
        let serve = async {
            let Some(acceptor) = acceptor else {
                accepted.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
                return std::future::pending::<()>().await;
            };
            if let Ok(mut secured) = acceptor.accept(accepted).await {
                secured.write_all(b"hello").await.unwrap();
            }
            std::future::pending().await
        };
        let ask = async {
            let mut secured = secure(stream, "server.test", own, spec).await?;
            let wanted = secured.certificate_was_wanted();
            match secured.stream.read_u8().await {
                Ok(_) => Ok(()),
                Err(_) if wanted() => Err(Unsecured::WantsCertificate),
                Err(_) => Err(Unsecured::Failed(CheckFailure::Broken)),
            }
        };
        match supervisor_sys::either::either(ask, serve).await.unwrap() {
            Ok(()) => Ok(()),
            Err(Unsecured::Failed(failure)) => Err(failure),
            Err(Unsecured::WantsCertificate) => panic!("it wants a certificate"),
        }
    })
}

fn trusting(ca_file: &str, name: Option<&str>) -> TlsSpec {
    TlsSpec { ca_file: Some(file(ca_file)), name: name.map(str::to_owned) }
}

#[test]
fn certificates_of_remote_servers_are_verified_and_errors_distinguished() {
    let bad = |bad| Err(CheckFailure::Certificate(bad));
    let trusted = trusting("ca.pem", None);
    let server = |certificate| Some(acceptor(certificate, false));
    assert_eq!(handshake(server("cert.pem"), false, &trusted), Ok(()));
    for (certificate, spec, failure) in [
        ("cert.pem", trusting("cert.pem", None), BadCertificate::Untrusted),
        ("cert.pem", trusting("ca.pem", Some("other.test")), BadCertificate::WrongName),
        ("cert.pem", trusting("key.pem", None), BadCertificate::NothingToTrust),
        ("cert.pem", trusting("none.pem", None), BadCertificate::NothingToTrust),
        ("expired.pem", trusted, BadCertificate::Expired),
    ] {
        let met = handshake(server(certificate), false, &spec);
        // One that trusts the server's own certificate as an authority may call it otherwise.
        let untrusted = failure == BadCertificate::Untrusted;
        assert!(met == bad(failure) || untrusted && met == bad(BadCertificate::Other), "{met:?}");
    }
}

#[test]
fn any_certificate_is_accepted_at_a_local_address() {
    for certificate in ["cert.pem", "expired.pem"] {
        let server = Some(acceptor(certificate, false));
        assert_eq!(handshake(server, true, &TlsSpec::default()), Ok(()));
    }
}

#[test]
fn a_server_without_tls_and_a_bad_certificate_have_different_errors() {
    assert_eq!(handshake(None, true, &TlsSpec::default()), Err(CheckFailure::LacksTls));
}

#[test]
#[should_panic(expected = "it wants a certificate")]
fn a_server_that_requires_a_client_certificate_is_recognized() {
    let _ = handshake(Some(acceptor("cert.pem", true)), true, &TlsSpec::default());
}
