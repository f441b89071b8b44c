//! Rights to see the administrator's page.

use onefold_core::time::WallTime;

use super::{Pass, SecretHash, SqlJournal, StoreResult};
use crate::sql::dialect::Transaction;
use crate::sql::values;

impl SqlJournal {
    pub(super) async fn pass_added(&self, pass: Pass, time: WallTime) -> StoreResult<()> {
        let mut transaction = self.write().await?;
        transaction.execute("DELETE FROM passes WHERE expires <= ?", values![time.0]).await?;
        add(&mut transaction, pass, true).await?;
        transaction.commit().await
    }

    pub(super) async fn pass_exchanged(
        &self,
        once: SecretHash,
        time: WallTime,
        lasting: Pass,
    ) -> StoreResult<bool> {
        let mut transaction = self.write().await?;
        let sql = "DELETE FROM passes WHERE secret = ? AND once = 1 AND expires > ?";
        let good = transaction.execute(sql, values![once.0, time.0]).await? > 0;
        if good {
            add(&mut transaction, lasting, false).await?;
        }
        transaction.commit().await?;
        Ok(good)
    }
}

async fn add(transaction: &mut Transaction, pass: Pass, once: bool) -> StoreResult<()> {
    let row = values![pass.secret.0, once, pass.expires.0];
    transaction.insert("INSERT INTO passes (secret, once, expires)", vec![row]).await
}

pub(super) async fn is_good(
    transaction: &mut Transaction,
    secret: SecretHash,
    time: WallTime,
) -> StoreResult<bool> {
    let sql = "SELECT 1 FROM passes WHERE secret = ? AND once = 0 AND expires > ?";
    Ok(transaction.row(sql, values![secret.0, time.0]).await?.is_some())
}
