//! Devices and invites.

use onefold_core::id::{DeviceId, FolderId};
use onefold_core::time::WallTime;

use super::{Device, Invite, NewDevice, Redeemed, SecretHash, SqlJournal, StoreResult, folders};
use crate::port::StoreError;
use crate::sql::dialect::Transaction;
use crate::sql::{Row, values};

const SELECT: &str = "SELECT id, folder, name, writable, revoked, acknowledged, last_seen \
                      FROM devices";

impl SqlJournal {
    pub(super) async fn renamed(&self, device: DeviceId, name: &str) -> StoreResult<bool> {
        let mut transaction = self.write().await?;
        let sql = "UPDATE devices SET name = ? WHERE id = ?";
        let known = transaction.execute(sql, values![name, device]).await? > 0;
        transaction.commit().await?;
        Ok(known)
    }

    pub(super) async fn shut_out(&self, device: DeviceId) -> StoreResult<bool> {
        let mut transaction = self.write().await?;
        let known = by_id(&mut transaction, device).await?.is_some();
        let sql = "UPDATE devices SET revoked = 1 WHERE id = ?";
        transaction.execute(sql, values![device]).await?;
        transaction.commit().await?;
        Ok(known)
    }

    pub(super) async fn invite_added(&self, invite: Invite) -> StoreResult<()> {
        let Invite { secret, folder, read_only, expires, uses } = invite;
        let mut transaction = self.write().await?;
        let insert = "INSERT INTO invites (secret, folder, read_only, expires, uses)";
        let row = values![secret.0, folder, read_only, expires.0, u64::from(uses)];
        transaction.insert(insert, vec![row]).await?;
        transaction.commit().await
    }

    pub(super) async fn invite_revoked(&self, secret: SecretHash) -> StoreResult<bool> {
        let mut transaction = self.write().await?;
        let sql = "DELETE FROM invites WHERE secret = ?";
        let known = transaction.execute(sql, values![secret.0]).await? > 0;
        transaction.commit().await?;
        Ok(known)
    }

    pub(super) async fn redeemed(
        &self,
        secret: SecretHash,
        time: WallTime,
        device: NewDevice,
    ) -> StoreResult<Redeemed> {
        let mut transaction = self.write().await?;
        let sql = format!(
            "SELECT folder, read_only, expires, uses FROM invites WHERE secret = ?{}",
            self.database.locking()
        );
        let Some(row) = transaction.row(&sql, values![secret.0]).await? else {
            return Ok(Redeemed::Unknown);
        };
        let folder = FolderId::from_bytes(row.array(0)?);
        let Some(folder) = folders::by_id(&mut transaction, folder).await? else {
            return Err(StoreError::Damaged("an invite's folder is gone".into()));
        };
        // The answer to the first time was lost.
        let again = by_token(&mut transaction, device.token).await?;
        if let Some(again) = again.filter(|again| again.id == device.id) {
            return Ok(Redeemed::Device(again, folder));
        }
        if row.int(2)? <= time.0 {
            return Ok(Redeemed::Expired);
        }
        if row.int(3)? <= 0 {
            return Ok(Redeemed::UsedUp);
        }
        let sql = "UPDATE invites SET uses = uses - 1 WHERE secret = ?";
        transaction.execute(sql, values![secret.0]).await?;
        add(&mut transaction, folder.id, !row.flag(1)?, &device).await?;
        let made = by_id(&mut transaction, device.id).await?;
        transaction.commit().await?;
        let made = made.ok_or_else(|| StoreError::Damaged("a new device is gone".into()))?;
        Ok(Redeemed::Device(made, folder))
    }
}

pub(super) async fn add(
    transaction: &mut Transaction,
    folder: FolderId,
    writable: bool,
    device: &NewDevice,
) -> StoreResult<()> {
    let NewDevice { id, name, token } = device;
    let insert = "INSERT INTO devices (id, folder, name, token, writable, revoked, acknowledged)";
    let row = values![*id, folder, name.as_str(), token.0, writable, false, 0_u64];
    transaction.insert(insert, vec![row]).await
}

pub(super) async fn by_token(
    transaction: &mut Transaction,
    token: SecretHash,
) -> StoreResult<Option<Device>> {
    let sql = format!("{SELECT} WHERE token = ?");
    transaction.row(&sql, values![token.0]).await?.as_ref().map(device).transpose()
}

async fn by_id(transaction: &mut Transaction, id: DeviceId) -> StoreResult<Option<Device>> {
    let sql = format!("{SELECT} WHERE id = ?");
    transaction.row(&sql, values![id]).await?.as_ref().map(device).transpose()
}

pub(super) async fn all(transaction: &mut Transaction) -> StoreResult<Vec<Device>> {
    let sql = format!("{SELECT} ORDER BY folder, name, id");
    transaction.query(&sql, Vec::new()).await?.iter().map(device).collect()
}

pub(super) async fn revoked(transaction: &mut Transaction) -> StoreResult<Vec<DeviceId>> {
    let sql = "SELECT id FROM devices WHERE revoked = 1";
    let rows = transaction.query(sql, Vec::new()).await?;
    rows.iter().map(|row| row.array(0).map(DeviceId::from_bytes)).collect()
}

pub(super) async fn invites(transaction: &mut Transaction) -> StoreResult<Vec<Invite>> {
    let sql =
        "SELECT secret, folder, read_only, expires, uses FROM invites ORDER BY expires, secret";
    transaction.query(sql, Vec::new()).await?.iter().map(invite).collect()
}

fn invite(row: &Row) -> StoreResult<Invite> {
    let uses = u32::try_from(row.int(4)?.max(0)).unwrap_or(u32::MAX);
    Ok(Invite {
        secret: SecretHash(row.array(0)?),
        folder: FolderId::from_bytes(row.array(1)?),
        read_only: row.flag(2)?,
        expires: WallTime(row.int(3)?),
        uses,
    })
}

fn device(row: &Row) -> StoreResult<Device> {
    Ok(Device {
        id: DeviceId::from_bytes(row.array(0)?),
        folder: FolderId::from_bytes(row.array(1)?),
        name: row.text(2)?,
        writable: row.flag(3)?,
        revoked: row.flag(4)?,
        acknowledged: row.seq(5)?,
        last_seen: row.optional(6, Row::int)?.map(WallTime),
    })
}
