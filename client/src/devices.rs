//! The other devices of a folder, as the server tells of them: asked when a new one turns up, and
//! when somebody looks. While nobody looks, nothing is asked.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use onefold_adapters::http::HttpTransfer;
use onefold_adapters::wire::Member;
use onefold_core::client::event::Notice;
use onefold_core::id::DeviceId;
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, timeout};

use crate::history::time_in_words;
use crate::linked::Linked;
use crate::news::News;

/// How long the name of a device that is not known is not asked for again.
const ASK_AGAIN: Duration = Duration::from_secs(30);
/// Names that are older than this are asked for again when something happens: devices are renamed.
const NAMES_FRESH: Duration = Duration::from_secs(60);
/// What is older than this is asked again when somebody looks.
const FRESH: Duration = Duration::from_secs(2);
/// How long the answer is waited for.
const PATIENCE: Duration = Duration::from_secs(2);

/// A device, as `status --json` shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceLine {
    /// Its id.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// It is this one.
    pub this: bool,
    /// It may write.
    pub writable: bool,
    /// It is connected now.
    pub connected: bool,
    /// When it was last connected, if ever.
    pub last_seen: Option<String>,
    /// How many changes it does not have yet; 0: it is up to date.
    pub behind: u64,
}

/// The devices of a folder. Shared by those who name and those who show them.
#[derive(Debug)]
pub struct Devices {
    server: Arc<HttpTransfer>,
    own: (DeviceId, String),
    known: Mutex<Known>,
    news: News,
}

#[derive(Debug, Default)]
struct Known {
    members: Vec<Member>,
    asked: Option<Instant>,
    /// A name was asked for that the server did not tell.
    in_vain: Option<Instant>,
}

impl Devices {
    /// Knows this device alone.
    pub fn new(server: Arc<HttpTransfer>, linked: &Linked, news: &News) -> Arc<Self> {
        let own = (linked.device, linked.device_name.clone());
        Arc::new(Self { server, own, known: Mutex::default(), news: news.clone() })
    }

    /// What a device is called; its id if nobody said.
    pub fn name(&self, device: DeviceId) -> String {
        if device == self.own.0 {
            return self.own.1.clone();
        }
        let known = self.known();
        let member = known.members.iter().find(|member| member.device == device);
        member.map_or_else(|| device.to_string(), |member| member.name.clone())
    }

    /// Asks for the name of the device that a notice is about, if it is not known; and, without waiting
    /// for the answer, if it may have changed.
    pub async fn learn(self: &Arc<Self>, notice: &Notice) {
        let Notice::Happened { device, .. } = notice else { return };
        if *device != self.own.0 && self.is_known(*device) && !self.asked_within(NAMES_FRESH) {
            let devices = Arc::clone(self);
            tokio::spawn(async move { devices.ask().await });
            return;
        }
        let in_vain = self.known().in_vain.is_some_and(|asked| asked.elapsed() < ASK_AGAIN);
        if !self.is_known(*device) && !in_vain {
            self.ask().await;
            if !self.is_known(*device) {
                self.known().in_vain = Some(Instant::now());
            }
        }
    }

    fn is_known(&self, device: DeviceId) -> bool {
        device == self.own.0 || self.known().members.iter().any(|member| member.device == device)
    }

    /// All of them but those that were shut out, for somebody who looks: as they were a moment ago.
    /// The server is asked only where it is known to answer (`online`).
    pub async fn lines(self: &Arc<Self>, online: bool) -> Vec<DeviceLine> {
        let never = self.known().asked.is_none();
        if online && never {
            self.ask().await;
        } else if online && !self.asked_within(FRESH) {
            let devices = Arc::clone(self);
            tokio::spawn(async move { devices.ask().await });
        }
        let known = self.known();
        let members = known.members.iter().filter(|member| !member.revoked);
        members.map(|member| self.line(member)).collect()
    }

    fn line(&self, member: &Member) -> DeviceLine {
        DeviceLine {
            id: member.device.to_string(),
            name: member.name.clone(),
            this: member.device == self.own.0,
            writable: member.writable,
            connected: member.connected,
            last_seen: member.last_seen.map(time_in_words),
            behind: member.behind,
        }
    }

    fn asked_within(&self, time: Duration) -> bool {
        self.known().asked.is_some_and(|asked| asked.elapsed() < time)
    }

    async fn ask(&self) {
        self.known().asked = Some(Instant::now());
        match timeout(PATIENCE, self.server.devices()).await {
            Ok(Ok(members)) => {
                let before = std::mem::replace(&mut self.known().members, members.clone());
                if before != members {
                    self.news.tell();
                }
            }
            Ok(Err(error)) => tracing::debug!("the devices are not known: {error}"),
            Err(_) => tracing::debug!("the devices are not known: no answer"),
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Display for DeviceLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, connected, last_seen, behind, .. } = self;
        write!(f, "device {name:?}: ")?;
        match (connected, last_seen) {
            (true, _) => f.write_str("connected")?,
            (false, Some(time)) => write!(f, "last seen {time}")?,
            (false, None) => f.write_str("never connected")?,
        }
        match behind {
            0 => f.write_str(", up to date"),
            1 => f.write_str(", 1 change behind"),
            _ => write!(f, ", {behind} changes behind"),
        }
    }
}
