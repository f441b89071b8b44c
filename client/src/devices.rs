//! What the other devices of a folder are called, asked of the server when a new one turns up.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use onefold_adapters::http::HttpTransfer;
use onefold_core::client::event::Notice;
use onefold_core::id::DeviceId;
use tokio::time::{Instant, timeout};

use crate::linked::Linked;

/// How long names are not asked for again.
const ASK_AGAIN: Duration = Duration::from_secs(30);
/// How long the answer is waited for.
const PATIENCE: Duration = Duration::from_secs(2);

/// The names of devices.
#[derive(Debug)]
pub struct Devices {
    server: Arc<HttpTransfer>,
    names: BTreeMap<DeviceId, String>,
    asked: Option<Instant>,
}

impl Devices {
    /// Knows this device alone.
    pub fn new(server: Arc<HttpTransfer>, linked: &Linked) -> Self {
        let names = BTreeMap::from([(linked.device, linked.device_name.clone())]);
        Self { server, names, asked: None }
    }

    /// What a device is called; its id if nobody said.
    pub fn name(&self, device: DeviceId) -> String {
        self.names.get(&device).cloned().unwrap_or_else(|| device.to_string())
    }

    /// Asks for the name of the device that a notice is about, if it is not known.
    pub async fn learn(&mut self, notice: &Notice) {
        let Notice::Happened { device, .. } = notice else { return };
        let asked_lately = self.asked.is_some_and(|asked| asked.elapsed() < ASK_AGAIN);
        if self.names.contains_key(device) || asked_lately {
            return;
        }
        self.asked = Some(Instant::now());
        match timeout(PATIENCE, self.server.devices()).await {
            Ok(Ok(named)) => {
                self.names.extend(named.into_iter().map(|named| (named.device, named.name)));
            }
            Ok(Err(error)) => tracing::debug!("the devices' names are not known: {error}"),
            Err(_) => tracing::debug!("the devices' names are not known: no answer"),
        }
    }
}
