//! The client's side of TLS: whom to believe, the same for HTTP and for the stream.
//!
//! A pinned server is known by its certificate alone: neither its name, nor its dates, nor who signed
//! it matter, but the server must prove that it holds the certificate's key. The one provider is
//! aws-lc-rs, named here and not installed for the whole process.

use std::error::Error;
use std::io;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
};
use rustls_platform_verifier::BuilderVerifierExt;

use crate::link::Trust;
use crate::secret::Fingerprint;

/// The one application protocol that is spoken inside.
pub const ALPN: &[u8] = b"http/1.1";

/// How to trust a server over TLS. Where there is to be no TLS, nobody is.
pub fn client_config(trust: Trust) -> Result<ClientConfig, String> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| format!("TLS cannot be set up: {error}"))?;
    let mut config = match trust {
        Trust::Plain => builder.with_root_certificates(RootCertStore::empty()),
        Trust::Pinned(fingerprint) => builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Pinned { fingerprint, provider })),
        Trust::Web => builder
            .with_platform_verifier()
            .map_err(|error| format!("this system's root certificates cannot be used: {error}"))?,
    }
    .with_no_client_auth();
    config.alpn_protocols = vec![ALPN.to_vec()];
    Ok(config)
}

/// Believes the one certificate that has the fingerprint.
#[derive(Debug)]
struct Pinned {
    fingerprint: Fingerprint,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if Fingerprint::of(end_entity) == self.fingerprint {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(CertificateError::ApplicationVerificationFailure.into())
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, cert, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, cert, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// A failed connection in words for a person: the innermost cause, and what it means.
pub fn explain(error: &(dyn Error + 'static)) -> String {
    let mut cause = Some(error);
    let mut innermost = error.to_string();
    while let Some(error) = cause {
        innermost = error.to_string();
        if let Some(words) = known_cause(error) {
            return words;
        }
        // An `io::Error` that wraps another names that one's source as its own, and skips it.
        let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        cause = wrapped.map(|error| error as &(dyn Error + 'static)).or_else(|| error.source());
    }
    innermost
}

fn known_cause(error: &(dyn Error + 'static)) -> Option<String> {
    if let Some(error) = error.downcast_ref::<rustls::Error>() {
        return Some(match error {
            rustls::Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure) => {
                "its certificate is not the one in the link: this is another server, or it was set \
                  up anew, or someone is in between; nothing was sent to it; ask for a new link if \
                  the change was meant"
                    .to_owned()
            }
            rustls::Error::InvalidCertificate(reason) => {
                format!("its certificate is not valid for this system: {reason}")
            }
            rustls::Error::InvalidMessage(_) => {
                "it does not speak TLS there; check the link's beginning and port".to_owned()
            }
            other => format!("the encrypted connection failed: {other}"),
        });
    }
    let kind = error.downcast_ref::<io::Error>()?.kind();
    Some(
        match kind {
            io::ErrorKind::ConnectionRefused => "nothing listens there",
            io::ErrorKind::TimedOut => "it does not answer",
            io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::UnexpectedEof => "it closed the connection",
            _ => return None,
        }
        .to_owned(),
    )
}
