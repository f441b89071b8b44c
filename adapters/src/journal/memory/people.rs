//! Devices and invites in memory.

use onefold_core::id::{DeviceId, FolderId, Seq};
use onefold_core::time::WallTime;

use super::store::{DeviceState, MemoryStore};
use crate::journal::{Device, Folder, Invite, NewDevice, Pass, Redeemed, SecretHash, StoreResult};
use crate::port::StoreError;

impl MemoryStore {
    /// See [`crate::journal::Journal::add_device`].
    pub fn add_device(
        &mut self,
        folder: FolderId,
        writable: bool,
        device: NewDevice,
    ) -> StoreResult<()> {
        let NewDevice { id, name, token } = device;
        let taken = self.devices.values().any(|state| state.token == token);
        if taken || self.devices.contains_key(&id) {
            return Err(StoreError::Unavailable("the device is there already".into()));
        }
        let (revoked, acknowledged, last_seen) = (false, Seq::ZERO, None);
        let device = Device { id, folder, name, writable, revoked, acknowledged, last_seen };
        self.durably(|store| {
            store.devices.insert(id, DeviceState { device, token, lineage: None });
        })
    }

    /// See [`crate::journal::Journal::device_by_token`].
    pub fn device_by_token(&self, token: SecretHash) -> Option<Device> {
        let (id, _) = self.devices.iter().find(|(_, state)| state.token == token)?;
        self.device(*id)
    }

    /// See [`crate::journal::Journal::devices`].
    pub fn devices(&self) -> Vec<Device> {
        let mut devices: Vec<_> = self.devices.keys().filter_map(|id| self.device(*id)).collect();
        devices.sort_by(|a, b| (a.folder, &a.name, a.id).cmp(&(b.folder, &b.name, b.id)));
        devices
    }

    /// See [`crate::journal::Journal::rename_device`].
    pub fn rename_device(&mut self, device: DeviceId, name: &str) -> StoreResult<bool> {
        self.change_device(device, |device| device.name = name.into())
    }

    /// See [`crate::journal::Journal::revoke`].
    pub fn revoke(&mut self, device: DeviceId) -> StoreResult<bool> {
        self.change_device(device, |device| device.revoked = true)
    }

    /// Lets a device change the folder, or only read it.
    pub fn set_writable(&mut self, device: DeviceId, writable: bool) -> StoreResult<bool> {
        self.change_device(device, |device| device.writable = writable)
    }

    /// See [`crate::journal::Journal::revoked`].
    pub fn revoked(&self) -> Vec<DeviceId> {
        let revoked = self.devices.values().filter(|state| state.device.revoked);
        revoked.map(|state| state.device.id).collect()
    }

    /// See [`crate::journal::Journal::invites`].
    pub fn invites(&self) -> Vec<Invite> {
        let mut invites: Vec<_> = self.invites.values().cloned().collect();
        invites.sort_by_key(|invite| (invite.expires, invite.secret));
        invites
    }

    /// See [`crate::journal::Journal::revoke_invite`].
    pub fn revoke_invite(&mut self, secret: SecretHash) -> StoreResult<bool> {
        self.durably(|store| store.invites.remove(&secret).is_some())
    }

    fn change_device(
        &mut self,
        device: DeviceId,
        change: impl FnOnce(&mut Device),
    ) -> StoreResult<bool> {
        self.durably(|store| {
            let state = store.devices.get_mut(&device);
            state.map(|state| change(&mut state.device)).is_some()
        })
    }

    /// See [`crate::journal::Journal::add_invite`].
    pub fn add_invite(&mut self, invite: Invite) -> StoreResult<()> {
        self.durably(|store| {
            store.invites.insert(invite.secret, invite);
        })
    }

    /// See [`crate::journal::Journal::add_pass`].
    pub fn add_pass(&mut self, pass: Pass, time: WallTime) -> StoreResult<()> {
        self.durably(|store| {
            store.passes.retain(|_, (_, expires)| *expires > time);
            store.passes.insert(pass.secret, (true, pass.expires));
        })
    }

    /// See [`crate::journal::Journal::exchange_pass`].
    pub fn exchange_pass(
        &mut self,
        once: SecretHash,
        time: WallTime,
        lasting: Pass,
    ) -> StoreResult<bool> {
        let found = self.passes.get(&once);
        if !found.is_some_and(|(once, expires)| *once && *expires > time) {
            return Ok(false);
        }
        self.durably(|store| {
            store.passes.remove(&once);
            store.passes.insert(lasting.secret, (false, lasting.expires));
            true
        })
    }

    /// See [`crate::journal::Journal::is_pass`].
    pub fn is_pass(&self, secret: SecretHash, time: WallTime) -> bool {
        self.passes.get(&secret).is_some_and(|(once, expires)| !once && *expires > time)
    }

    /// See [`crate::journal::Journal::redeem`].
    pub fn redeem(
        &mut self,
        secret: SecretHash,
        time: WallTime,
        device: NewDevice,
    ) -> StoreResult<Redeemed> {
        let Some(invite) = self.invites.get(&secret).cloned() else {
            return Ok(Redeemed::Unknown);
        };
        let name = self.state(invite.folder)?.name.clone();
        let folder = Folder { id: invite.folder, name };
        let again = self.device_by_token(device.token).filter(|again| again.id == device.id);
        if let Some(again) = again {
            return Ok(Redeemed::Device(again, folder));
        }
        if invite.expires <= time {
            return Ok(Redeemed::Expired);
        }
        if invite.uses == 0 {
            return Ok(Redeemed::UsedUp);
        }
        let id = device.id;
        let left = Invite { uses: invite.uses - 1, ..invite };
        let before = self.invites.insert(secret, left);
        if let Err(error) = self.add_device(folder.id, !invite.read_only, device) {
            if !matches!(error, StoreError::Unknown(_)) {
                self.invites.extend(before.map(|invite| (secret, invite)));
            }
            return Err(error);
        }
        let device = self.device(id).expect("just added");
        Ok(Redeemed::Device(device, folder))
    }
}
