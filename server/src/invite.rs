//! Making links.
//!
//! A link names where the server is and what certificate it shows; a running server notes both in the
//! database at each start, so that `invite` needs no running server and works beside one.

use std::time::Duration;

use onefold_adapters::journal::{Invite, Journal};
use onefold_adapters::link::{Link, Server, Trust, check_folder_name};
use onefold_adapters::port::StoreError;
use onefold_adapters::secret::Secret;
use onefold_adapters::wire::encode;
use onefold_core::id::FolderId;
use onefold_core::time::WallTime;

use crate::certificate::Certificate;
use crate::config::{StartError, Stores};
use crate::hub::wall_time;

const SETTING: &str = "server.address";
/// The folder that is meant when none is named.
const DEFAULT_FOLDER: &str = "default";

/// What an invite is to allow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewInvite {
    /// The folder's name; it is made if there is none.
    pub folder: String,
    /// The devices may only read.
    pub read_only: bool,
    /// How long the link is good.
    pub expires: Duration,
    /// How many devices may join with it.
    pub uses: u32,
    /// `HOST:PORT` that the link names; what the server that was last started said, if not given.
    pub advertise: Option<String>,
}

impl Default for NewInvite {
    fn default() -> Self {
        let expires = Duration::from_secs(24 * 60 * 60);
        Self {
            folder: DEFAULT_FOLDER.to_owned(),
            read_only: false,
            expires,
            uses: 1,
            advertise: None,
        }
    }
}

/// Why there is no link.
#[derive(Debug, thiserror::Error)]
pub enum InviteError {
    /// The stores cannot be used.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The folder cannot have that name.
    #[error("no link was made: a folder cannot be called {0:?}: {1}")]
    FolderName(String, &'static str),
    /// Nobody knows where the server is.
    #[error(
        "no link was made: no server has been started with this data yet, so that a link could name \
         it; start `onefold-server` first, or say where it will be with --advertise HOST:PORT"
    )]
    NeverStarted,
}

impl From<StoreError> for InviteError {
    fn from(error: StoreError) -> Self {
        Self::Start(error.into())
    }
}

/// Makes a link, whether or not a server runs.
pub async fn invite(stores: &Stores, new: NewInvite) -> Result<Link, InviteError> {
    make(&*stores.journal().await?, new).await
}

/// Makes a link to the server that was last started.
pub(crate) async fn make<J: Journal>(journal: &J, new: NewInvite) -> Result<Link, InviteError> {
    let NewInvite { folder: name, read_only, expires, uses, advertise } = new;
    check_folder_name(&name).map_err(|why| InviteError::FolderName(name.clone(), why))?;
    let server = server(journal, advertise).await?;
    let mut id = [0; 16];
    getrandom::fill(&mut id).expect("the operating system gives random bytes");
    let folder = journal.create_folder(FolderId::from_bytes(id), &name).await?;
    let secret = Secret::generate();
    let lasts = i64::try_from(expires.as_millis()).unwrap_or(i64::MAX);
    let expires = WallTime(wall_time().0.saturating_add(lasts));
    let invite = Invite { secret: secret.hash(), folder: folder.id, read_only, expires, uses };
    journal.add_invite(invite).await?;
    Ok(Link { server, folder: folder.name, secret })
}

/// Where the server is, and whom to trust there.
async fn server<J: Journal>(journal: &J, advertise: Option<String>) -> Result<Server, InviteError> {
    match (noted(journal).await?, advertise) {
        (Some(noted), None) => Ok(noted),
        (Some(noted), Some(address)) => Ok(Server { address, ..noted }),
        (None, Some(address)) => {
            let fingerprint = Certificate::kept(journal).await?.fingerprint();
            Ok(Server { address, trust: Trust::Pinned(fingerprint) })
        }
        (None, None) => Err(InviteError::NeverStarted),
    }
}

/// Where the server is that was last started, and whom to trust there.
pub(crate) async fn noted<J: Journal>(journal: &J) -> Result<Option<Server>, StoreError> {
    let Some(noted) = journal.setting(SETTING).await? else { return Ok(None) };
    let damaged = |_| StoreError::Damaged("the server's own address cannot be read".to_owned());
    postcard::from_bytes(&noted).map(Some).map_err(damaged)
}

/// Notes where links are to point to.
pub(crate) async fn note<J: Journal>(journal: &J, server: &Server) -> Result<(), StoreError> {
    journal.put_setting(SETTING, encode(server).into()).await
}
