//! Contents and chunks in memory.

use std::collections::BTreeSet;
use std::ops::Bound;

use onefold_core::hash::{ChunkId, ContentId};
use onefold_core::id::FolderId;
use onefold_core::manifest::Manifest;

use super::store::MemoryStore;
use crate::journal::{ChunkLocation, Space, StoreResult, StoredContent};

impl MemoryStore {
    /// See [`crate::journal::Journal::put_manifest`].
    pub fn put_manifest(
        &mut self,
        folder: FolderId,
        content: ContentId,
        manifest: Manifest,
    ) -> StoreResult<Vec<ChunkId>> {
        if self.state(folder)?.contents.contains_key(&content) {
            return Ok(Vec::new());
        }
        let chunks: Vec<_> = manifest.chunks.iter().map(|chunk| chunk.id).collect();
        let missing = self.missing_chunks(folder, &chunks);
        if missing.is_empty() {
            self.durably(|store| {
                let state = store.folders.get_mut(&folder).expect("looked up above");
                state.contents.insert(content, StoredContent::Chunks(manifest));
            })?;
        }
        Ok(missing)
    }

    /// See [`crate::journal::Journal::content`].
    pub fn content(&self, folder: FolderId, content: ContentId) -> Option<StoredContent> {
        self.folders.get(&folder)?.contents.get(&content).cloned()
    }

    /// See [`crate::journal::Journal::missing_chunks`].
    pub fn missing_chunks(&self, folder: FolderId, chunks: &[ChunkId]) -> Vec<ChunkId> {
        let state = self.folders.get(&folder);
        let is_there = |chunk: &ChunkId| state.is_some_and(|state| state.has_whole(chunk));
        let mut listed = BTreeSet::new();
        let missing = chunks.iter().filter(|chunk| !is_there(chunk) && listed.insert(**chunk));
        missing.copied().collect()
    }

    /// See [`crate::journal::Journal::put_chunks`].
    pub fn put_chunks(
        &mut self,
        folder: FolderId,
        chunks: Vec<(ChunkId, ChunkLocation)>,
    ) -> StoreResult<()> {
        self.state(folder)?;
        self.durably(|store| {
            let state = store.folders.get_mut(&folder).expect("looked up above");
            for (chunk, location) in chunks {
                if !state.has_whole(&chunk) {
                    state.chunks.insert(chunk, location);
                    state.damaged.remove(&chunk);
                }
            }
        })
    }

    /// See [`crate::journal::Journal::note_damaged`].
    pub fn note_damaged(
        &mut self,
        folder: FolderId,
        chunks: Vec<(ChunkId, ChunkLocation)>,
    ) -> StoreResult<()> {
        self.state(folder)?;
        self.durably(|store| {
            let state = store.folders.get_mut(&folder).expect("looked up above");
            state.damaged.extend(chunks);
        })
    }

    /// See [`crate::journal::Journal::locate_chunks`].
    pub fn locate_chunks(
        &self,
        folder: FolderId,
        chunks: &[ChunkId],
    ) -> Vec<(ChunkId, ChunkLocation)> {
        let Some(state) = self.folders.get(&folder) else { return Vec::new() };
        let located = |chunk: &ChunkId| Some((*chunk, *state.chunks.get(chunk)?));
        chunks.iter().filter_map(located).collect()
    }

    /// See [`crate::journal::Journal::space`].
    pub fn space(&self, folder: FolderId) -> Space {
        let Some(state) = self.folders.get(&folder) else { return Space::default() };
        let small = state.contents.values().filter_map(|stored| match stored {
            StoredContent::Inline(bytes) => Some(bytes.len() as u64),
            StoredContent::Chunks(_) => None,
        });
        let chunks = state.chunks.values().map(|location| u64::from(location.size));
        let plus = |(number, sum), bytes| (number + 1, sum + bytes);
        Space { small: small.fold((0, 0), plus), chunks: chunks.fold((0, 0), plus) }
    }

    /// See [`crate::journal::Journal::check_contents`].
    pub fn check_contents(
        &self,
        folder: FolderId,
        after: Option<ContentId>,
        limit: usize,
    ) -> Vec<(ContentId, StoredContent)> {
        let Some(state) = self.folders.get(&folder) else { return Vec::new() };
        let after = after.map_or(Bound::Unbounded, Bound::Excluded);
        let contents = state.contents.range((after, Bound::Unbounded)).take(limit);
        contents.map(|(content, stored)| (*content, stored.clone())).collect()
    }
}
