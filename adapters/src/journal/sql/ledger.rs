//! Deciding commits: facts are loaded and the outcome is written in one transaction.
//!
//! The folder's row is locked first; everything that a decision reads is read after that.

use std::collections::BTreeMap;

use onefold_core::hash::ContentId;
use onefold_core::id::{CommitKey, DeviceId, FolderId, NodeId};
use onefold_core::name::Name;
use onefold_core::server::decide::{Acceptance, Progress, Submitted};
use onefold_core::server::facts::{Fact, FactKey, NodeRow, StoredOutcome, Writes};
use onefold_core::time::WallTime;

use super::{SqlJournal, StoreResult, folders};
use crate::port::StoreError;
use crate::sql::dialect::Transaction;
use crate::sql::{Row, encoded, values};

impl SqlJournal {
    pub(super) async fn decided(
        &self,
        folder: FolderId,
        time: WallTime,
        submitted: Vec<Submitted>,
    ) -> StoreResult<Vec<StoredOutcome>> {
        let mut transaction = self.write().await?;
        let head = folders::head(&mut transaction, folder, self.database.locking()).await?;
        let head = head.ok_or_else(|| StoreError::Damaged("a folder is gone".into()))?;
        let mut acceptance = Acceptance::new(head, time, submitted);
        let (writes, outcomes) = loop {
            match acceptance.step() {
                Progress::Need(keys) => {
                    acceptance.loaded(load(&mut transaction, folder, keys).await?);
                }
                Progress::Done(writes, outcomes) => break (writes, outcomes),
            }
        };
        if writes != Writes::default() {
            Self::wrote(&mut transaction, folder, writes).await?;
            transaction.commit().await?;
        }
        Ok(outcomes)
    }

    async fn wrote(
        transaction: &mut Transaction,
        folder: FolderId,
        writes: Writes,
    ) -> StoreResult<()> {
        let Writes { head, nodes, entries, contents, outcomes } = writes;
        if let Some(head) = head {
            folders::set_head(transaction, folder, head).await?;
        }
        // All rows go before any comes, so that a name can pass from one node to another.
        let keys = nodes.iter().map(|row| values![folder, row.node]).collect();
        transaction.delete_any("DELETE FROM nodes", "folder = ? AND node = ?", keys).await?;
        let rows = nodes.iter().map(|row| {
            let name = row.alive.then_some(row.state.place.name.as_bytes());
            let content = row.state.body.content().map(|content| content.id);
            values![folder, row.node, row.state.place.parent, name, content, encoded(row)]
        });
        let insert = "INSERT INTO nodes (folder, node, parent, live_name, content, node_row)";
        transaction.insert(insert, rows.collect()).await?;
        let rows = entries
            .iter()
            .map(|(entry, cursor)| values![folder, entry.seq, cursor.hash, encoded(entry)]);
        let insert = "INSERT INTO entries (folder, seq, chain, entry)";
        transaction.insert(insert, rows.collect()).await?;
        let columns = ["folder", "content", "size", "inline_bytes"];
        let rows = contents
            .into_iter()
            .map(|(content, bytes)| values![folder, content, bytes.len() as u64, bytes]);
        transaction.insert_new("contents", &columns, rows.collect()).await?;
        let insert = "INSERT INTO outcomes (device, commit_key, seq, outcome)";
        let rows = outcomes
            .iter()
            .map(|(device, key, outcome)| values![*device, *key, outcome.at, encoded(outcome)]);
        transaction.insert(insert, rows.collect()).await
    }
}

/// The keys of a round, by kind.
#[derive(Default)]
struct Keys {
    nodes: Vec<NodeId>,
    children: Vec<(NodeId, Name)>,
    counts: Vec<NodeId>,
    contents: Vec<(ContentId, u64)>,
    outcomes: Vec<(DeviceId, CommitKey)>,
}

/// Loads facts: one query for each kind of them.
async fn load(
    transaction: &mut Transaction,
    folder: FolderId,
    wanted: Vec<FactKey>,
) -> StoreResult<Vec<Fact>> {
    let mut keys = Keys::default();
    for key in wanted {
        match key {
            FactKey::Node(node) => keys.nodes.push(node),
            FactKey::Child(parent, name) => keys.children.push((parent, name)),
            FactKey::Children(node) => keys.counts.push(node),
            FactKey::Content(content, size) => keys.contents.push((content, size)),
            FactKey::Outcome(device, key) => keys.outcomes.push((device, key)),
        }
    }
    let mut facts = nodes(transaction, folder, keys.nodes).await?;
    facts.extend(children(transaction, folder, keys.children).await?);
    facts.extend(counts(transaction, folder, keys.counts).await?);
    facts.extend(contents(transaction, folder, keys.contents).await?);
    facts.extend(outcomes(transaction, keys.outcomes).await?);
    Ok(facts)
}

async fn nodes(
    transaction: &mut Transaction,
    folder: FolderId,
    keys: Vec<NodeId>,
) -> StoreResult<Vec<Fact>> {
    let values = keys.iter().map(|node| values![folder, *node]).collect();
    let select = "SELECT node_row FROM nodes";
    let rows = transaction.query_any(select, "folder = ? AND node = ?", values).await?;
    let found: StoreResult<Vec<NodeRow>> = rows.iter().map(|row| row.decoded(0)).collect();
    let mut found: BTreeMap<_, _> = found?.into_iter().map(|row| (row.node, row)).collect();
    Ok(keys.into_iter().map(|node| Fact::Node(node, found.remove(&node))).collect())
}

async fn children(
    transaction: &mut Transaction,
    folder: FolderId,
    keys: Vec<(NodeId, Name)>,
) -> StoreResult<Vec<Fact>> {
    let values =
        keys.iter().map(|(parent, name)| values![folder, *parent, name.as_bytes()]).collect();
    let select = "SELECT parent, live_name, node FROM nodes";
    let term = "folder = ? AND parent = ? AND live_name = ?";
    let mut found = BTreeMap::new();
    for row in transaction.query_any(select, term, values).await? {
        let place = (NodeId::from_bytes(row.array(0)?), row.bytes(1)?.to_vec());
        found.insert(place, NodeId::from_bytes(row.array(2)?));
    }
    let fact = |(parent, name): (NodeId, Name)| {
        let child = found.get(&(parent, name.as_bytes().to_vec())).copied();
        Fact::Child(parent, name, child)
    };
    Ok(keys.into_iter().map(fact).collect())
}

async fn counts(
    transaction: &mut Transaction,
    folder: FolderId,
    keys: Vec<NodeId>,
) -> StoreResult<Vec<Fact>> {
    let mut facts = Vec::with_capacity(keys.len());
    for node in keys {
        let sql = "SELECT COUNT(*) FROM nodes \
                   WHERE folder = ? AND parent = ? AND live_name IS NOT NULL";
        let row = transaction.row(sql, values![folder, node]).await?;
        let count = row.as_ref().map_or(Ok(0), |row| row.number(0))?;
        facts.push(Fact::Children(node, count));
    }
    Ok(facts)
}

async fn contents(
    transaction: &mut Transaction,
    folder: FolderId,
    keys: Vec<(ContentId, u64)>,
) -> StoreResult<Vec<Fact>> {
    let values = keys.iter().map(|(content, _)| values![folder, *content]).collect();
    let select = "SELECT content, size FROM contents";
    let rows = transaction.query_any(select, "folder = ? AND content = ?", values).await?;
    let size = |row: &Row| Ok((ContentId::from_bytes(row.array(0)?), row.number(1)?));
    let sizes: BTreeMap<_, _> = rows.iter().map(size).collect::<StoreResult<_>>()?;
    let fact = |(content, size)| Fact::Content(content, size, sizes.get(&content) == Some(&size));
    Ok(keys.into_iter().map(fact).collect())
}

async fn outcomes(
    transaction: &mut Transaction,
    keys: Vec<(DeviceId, CommitKey)>,
) -> StoreResult<Vec<Fact>> {
    let values = keys.iter().map(|(device, key)| values![*device, *key]).collect();
    let select = "SELECT device, commit_key, outcome FROM outcomes";
    let mut found = BTreeMap::new();
    for row in transaction.query_any(select, "device = ? AND commit_key = ?", values).await? {
        let device = DeviceId::from_bytes(row.array(0)?);
        found.insert((device, CommitKey::from_bytes(row.array(1)?)), row.decoded(2)?);
    }
    let fact = |(device, key)| Fact::Outcome(device, key, found.remove(&(device, key)));
    Ok(keys.into_iter().map(fact).collect())
}
