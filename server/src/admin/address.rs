//! `onefold-server admin`: an address of the administrator's page that is good once.

use std::fmt;

use onefold_adapters::journal::{Journal, Pass};
use onefold_adapters::link::{Server, Trust};
use onefold_adapters::port::StoreError;
use onefold_adapters::secret::Secret;

use super::PATH;
use super::keys::{WAITS, after};
use crate::certificate::Certificate;
use crate::config::{StartError, Stores};
use crate::hub::wall_time;
use crate::invite;

/// An address that is good once.
#[derive(Debug)]
pub struct AdminAddress {
    server: Server,
    key: Secret,
    /// What a browser shows of a certificate that no authority vouches for: its SHA-256.
    pub certificate: Option<String>,
}

/// Why there is none.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// The stores cannot be used.
    #[error(transparent)]
    Start(#[from] StartError),
    /// Nobody knows where the server is.
    #[error(
        "there is no address: no server has been started with this data yet; start \
         `onefold-server` first"
    )]
    NeverStarted,
}

impl From<StoreError> for AdminError {
    fn from(error: StoreError) -> Self {
        Self::Start(error.into())
    }
}

/// Makes one, whether or not a server runs: one must when the address is opened. `advertise`: where
/// the server is, if not where it said when it was last started.
pub async fn admin(stores: &Stores, advertise: Option<String>) -> Result<AdminAddress, AdminError> {
    let journal = stores.journal().await?;
    let noted = invite::noted(&*journal).await?.ok_or(AdminError::NeverStarted)?;
    let server = Server { address: advertise.unwrap_or(noted.address), ..noted };
    let (key, now) = (Secret::generate(), wall_time());
    let pass = Pass { secret: key.hash(), expires: after(now, WAITS) };
    journal.add_pass(pass, now).await?;
    let certificate = match server.trust {
        Trust::Pinned(pinned) => {
            let kept = Certificate::kept(&*journal).await?;
            (kept.fingerprint() == pinned).then(|| kept.sha256())
        }
        Trust::Web | Trust::Plain => None,
    };
    journal.close().await;
    Ok(AdminAddress { server, key, certificate })
}

impl fmt::Display for AdminAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.server.trust == Trust::Plain { "http" } else { "https" };
        write!(f, "{scheme}://{}{PATH}/?key={}", self.server.address, self.key.reveal())
    }
}
