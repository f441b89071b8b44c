//! One folder in memory: its journal, nodes, contents and chunks.

use std::collections::BTreeMap;
use std::ops::Bound;

use onefold_core::blob::Blob;
use onefold_core::hash::{ChainHash, ChunkId, ContentId};
use onefold_core::id::{NodeId, Seq};
use onefold_core::name::Name;
use onefold_core::operation::{Cursor, Entry};
use onefold_core::server::facts::{Head, NodeRow};
use onefold_core::server::session::{EntriesQuery, LoadedEntries, LoadedPage, MAX_ENTRIES_BYTES};

use crate::journal::{ChunkLocation, StoredContent, named_contents};

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct FolderState {
    pub(super) name: String,
    pub(super) head: Head,
    pub(super) entries: Vec<(Entry, Cursor)>,
    pub(super) nodes: BTreeMap<NodeId, NodeRow>,
    /// The live children of each directory.
    children: BTreeMap<NodeId, BTreeMap<Name, NodeId>>,
    pub(super) contents: BTreeMap<ContentId, StoredContent>,
    pub(super) chunks: BTreeMap<ChunkId, ChunkLocation>,
    /// Where chunks were found not to be as they were.
    pub(super) damaged: BTreeMap<ChunkId, ChunkLocation>,
}

impl FolderState {
    pub(super) fn new(name: &str) -> Self {
        Self {
            name: name.into(),
            head: Head::EMPTY,
            entries: Vec::new(),
            nodes: BTreeMap::new(),
            children: BTreeMap::new(),
            contents: BTreeMap::new(),
            chunks: BTreeMap::new(),
            damaged: BTreeMap::new(),
        }
    }

    /// Writes rows as one: all old names go before any new one comes.
    pub(super) fn put_nodes(&mut self, rows: Vec<NodeRow>) {
        for row in &rows {
            if let Some(old) = self.nodes.get(&row.node).filter(|old| old.alive) {
                let siblings = self.children.entry(old.state.place.parent).or_default();
                siblings.remove(&old.state.place.name);
            }
        }
        for row in rows {
            if row.alive {
                let siblings = self.children.entry(row.state.place.parent).or_default();
                let before = siblings.insert(row.state.place.name.clone(), row.node);
                assert!(before.is_none(), "names are unique among the living");
            }
            self.nodes.insert(row.node, row);
        }
    }

    pub(super) fn child(&self, parent: NodeId, name: &Name) -> Option<NodeId> {
        self.children.get(&parent)?.get(name).copied()
    }

    pub(super) fn live_children(&self, parent: NodeId) -> u64 {
        self.children.get(&parent).map_or(0, |children| children.len() as u64)
    }

    pub(super) fn live_nodes(&self) -> u64 {
        self.children.values().map(|children| children.len() as u64).sum()
    }

    pub(super) fn content_size(&self, content: ContentId) -> Option<u64> {
        self.contents.get(&content).map(|stored| match stored {
            StoredContent::Inline(bytes) => bytes.len() as u64,
            StoredContent::Chunks(manifest) => manifest.size(),
        })
    }

    /// Whether a chunk is there, as far as is known.
    pub(super) fn has_whole(&self, chunk: &ChunkId) -> bool {
        let lies = self.chunks.get(chunk);
        lies.is_some() && lies != self.damaged.get(chunk)
    }

    pub(super) fn chain_at(&self, seq: Seq) -> Option<ChainHash> {
        match usize::try_from(seq.get()).ok()?.checked_sub(1) {
            None => Some(ChainHash::EMPTY),
            Some(index) => self.entries.get(index).map(|(_, cursor)| cursor.hash),
        }
    }

    pub(super) fn entries_after(&self, after: Seq, limit: usize) -> &[(Entry, Cursor)] {
        let from = usize::try_from(after.get()).unwrap_or(usize::MAX).min(self.entries.len());
        let rest = &self.entries[from..];
        &rest[..limit.min(rest.len())]
    }

    pub(super) fn entries(&self, query: EntriesQuery) -> LoadedEntries {
        let (mut entries, mut bytes) = (Vec::new(), 0);
        for (entry, _) in self.entries_after(query.after, query.limit) {
            bytes += postcard::to_allocvec(entry).map_or(0, |bytes| bytes.len());
            if bytes > MAX_ENTRIES_BYTES && !entries.is_empty() {
                break;
            }
            entries.push(entry.clone());
        }
        let mut contents: Vec<(ContentId, Blob)> = Vec::new();
        let mut left = query.inline_bytes;
        for (node, content) in named_contents(&entries, query.device) {
            let current = self.nodes.get(&node).is_some_and(|row| {
                row.alive && row.state.body.content().is_some_and(|now| now.id == content)
            });
            if let Some(StoredContent::Inline(bytes)) = self.contents.get(&content)
                && current
                && bytes.len() <= left
                && contents.iter().all(|(sent, _)| *sent != content)
            {
                left -= bytes.len();
                contents.push((content, bytes.clone()));
            }
        }
        LoadedEntries { entries, contents: contents.into_iter().map(|(_, bytes)| bytes).collect() }
    }

    pub(super) fn nodes_after(&self, after: Option<NodeId>) -> impl Iterator<Item = &NodeRow> {
        let after = after.map_or(Bound::Unbounded, Bound::Excluded);
        self.nodes.range((after, Bound::Unbounded)).map(|(_, row)| row)
    }

    pub(super) fn page(&self, after: Option<NodeId>, limit: usize) -> LoadedPage {
        let mut live = self.nodes_after(after).filter(|row| row.alive);
        let rows = live.by_ref().take(limit).map(NodeRow::to_row).collect();
        LoadedPage { head: self.head.cursor, rows, last: live.next().is_none() }
    }
}
