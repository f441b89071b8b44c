//! The server's certificate: one of the owner's, or one made once for each database.
//!
//! Clients pin the certificate itself, so neither its names nor its dates matter; what matters is
//! that all servers over one database show the same one, from the first start on.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use onefold_adapters::journal::Journal;
use onefold_adapters::port::StoreError;
use onefold_adapters::secret::Fingerprint;
use onefold_adapters::tls::ALPN;
use onefold_core::blob::Blob;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use serde::{Deserialize, Serialize};

use crate::config::StartError;

const SETTING: &str = "tls.certificate";

/// A certificate and its key.
#[derive(Debug)]
pub(crate) struct Certificate {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

/// What the database keeps.
#[derive(Serialize, Deserialize)]
struct Kept {
    certificate: Vec<u8>,
    key: Vec<u8>,
}

impl Certificate {
    /// The database's own; the first to ask makes it.
    pub(crate) async fn kept<J: Journal>(journal: &J) -> Result<Self, StartError> {
        let blob = match journal.setting(SETTING).await? {
            Some(blob) => blob,
            None => journal.set_setting_once(SETTING, generate()?).await?,
        };
        let damaged = |_| StoreError::Damaged("the server's certificate cannot be read".to_owned());
        let Kept { certificate, key } = postcard::from_bytes(&blob).map_err(damaged)?;
        let key = PrivatePkcs8KeyDer::from(key).into();
        Ok(Self { chain: vec![certificate.into()], key })
    }

    /// The owner's, from PEM files.
    pub(crate) fn read(certificate: &Path, key: &Path) -> Result<Self, StartError> {
        let chain = read_pem(certificate, |pem| {
            CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>()
        })?;
        let key = read_pem(key, PrivateKeyDer::from_pem_slice)?;
        if chain.is_empty() {
            return Err(unusable(certificate, "there is no certificate in it"));
        }
        Ok(Self { chain, key })
    }

    /// What links carry, and clients pin.
    pub(crate) fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.chain[0])
    }

    /// What browsers show of it: its SHA-256, as pairs of hexadecimal digits.
    pub(crate) fn sha256(&self) -> String {
        let suite = aws_lc_rs::cipher_suite::TLS13_AES_128_GCM_SHA256.tls13();
        let sha256 = suite.expect("it is one of TLS 1.3").common.hash_provider;
        let digits = sha256.hash(&self.chain[0]);
        let pairs: Vec<_> = digits.as_ref().iter().map(|byte| format!("{byte:02X}")).collect();
        pairs.join(":")
    }

    /// How the server speaks TLS.
    pub(crate) fn into_config(self) -> Result<ServerConfig, StartError> {
        let failed = |error: rustls::Error| {
            StartError::Certificate(format!("the certificate and its key do not do: {error}"))
        };
        let mut config =
            ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
                .with_safe_default_protocol_versions()
                .map_err(failed)?
                .with_no_client_auth()
                .with_single_cert(self.chain, self.key)
                .map_err(failed)?;
        config.alpn_protocols = vec![ALPN.to_vec()];
        Ok(config)
    }
}

fn generate() -> Result<Blob, StartError> {
    let made = rcgen::generate_simple_self_signed(["onefold".to_owned()])
        .map_err(|error| StartError::Certificate(format!("none could be made: {error}")))?;
    let certificate = made.cert.der().to_vec();
    let key = made.signing_key.serialize_der();
    Ok(onefold_adapters::wire::encode(&Kept { certificate, key }).into())
}

fn read_pem<T, E: std::fmt::Display>(
    path: &Path,
    parse: impl FnOnce(&[u8]) -> Result<T, E>,
) -> Result<T, StartError> {
    let pem = fs::read(path).map_err(|error| unusable(path, error))?;
    parse(&pem).map_err(|error| unusable(path, error))
}

fn unusable(path: &Path, why: impl std::fmt::Display) -> StartError {
    StartError::Certificate(format!("{} cannot be used: {why}", path.display()))
}
