//! `onefold-server check`: reads everything back and lists what is wrong.
//!
//! Each folder's entries are counted and chained, and replayed into a tree, which must be the one
//! that the database holds; the digest is summed anew; every content is read and hashed. It changes
//! nothing, and goes on after what it finds. Beside a server that works, a folder that changed while
//! it was read is read again.

use std::collections::{BTreeMap, BTreeSet};

use onefold_adapters::blobs::Blobs;
use onefold_adapters::journal::{Folder, Journal, StoredContent};
use onefold_adapters::port::StoreError;
use onefold_core::hash::ContentId;
use onefold_core::id::{NodeId, Seq};
use onefold_core::node::{Body, Content, State};
use onefold_core::operation::{Cursor, Operation, Step};
use onefold_core::protocol::TreeSum;
use onefold_core::server::facts::{Head, NodeRow};

use crate::config::{StartError, Stores};
use crate::read_back::{ReadBack, read_back};

/// Rows that are read at a time.
const PAGE: usize = 1000;
/// How often a folder that changes meanwhile is read; what the last time shows is told.
const TRIES: u32 = 5;

/// Why nothing could be checked.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// The stores cannot be opened.
    #[error(transparent)]
    Start(#[from] StartError),
    /// There is nothing.
    #[error("there is no server's data in {0}; nothing was made; give the directory with --data")]
    Nothing(String),
}

impl From<StoreError> for CheckError {
    fn from(error: StoreError) -> Self {
        Self::Start(error.into())
    }
}

/// Everything that is wrong, in words; empty if nothing is.
pub async fn check(stores: &Stores) -> Result<Vec<String>, CheckError> {
    if !stores.exist() {
        return Err(CheckError::Nothing(stores.data.display().to_string()));
    }
    let journal = stores.journal().await?;
    let blobs = stores.blobs()?;
    let mut wrong = Vec::new();
    for folder in journal.folders().await? {
        let mut folder = Checked { journal: &*journal, folder, wrong: &mut wrong };
        folder.check(&blobs).await?;
    }
    journal.close().await;
    Ok(wrong)
}

/// A folder that is being checked.
struct Checked<'a, J> {
    journal: &'a J,
    folder: Folder,
    wrong: &'a mut Vec<String>,
}

/// The live nodes that a journal leads to; tombstones are `None`.
type Tree = BTreeMap<NodeId, Option<State>>;

impl<J: Journal> Checked<'_, J> {
    async fn check<B: Blobs>(&mut self, blobs: &B) -> Result<(), StoreError> {
        let found_before = self.wrong.len();
        let mut tries = TRIES;
        let needed = loop {
            self.wrong.truncate(found_before);
            tries -= 1;
            let head = self.journal.head(self.folder.id).await?;
            let needed = self.tree(&head).await?;
            if tries == 0 || self.journal.head(self.folder.id).await? == head {
                break needed;
            }
        };
        self.contents(blobs, needed).await
    }

    /// Compares the entries, the nodes and the head; the contents that the nodes need.
    async fn tree(&mut self, head: &Head) -> Result<BTreeMap<ContentId, u64>, StoreError> {
        let (replayed, last) = self.entries().await?;
        if last != head.cursor {
            self.note(format!("the head says entry {}, the last is {}", head.cursor.seq, last.seq));
        }
        self.nodes(head, replayed).await
    }

    fn note(&mut self, what: impl std::fmt::Display) {
        self.wrong.push(format!("folder {}: {what}", self.folder.name));
    }

    /// Counts, chains and replays the entries; where they end.
    async fn entries(&mut self) -> Result<(Tree, Cursor), StoreError> {
        let (mut tree, mut cursor) = (Tree::new(), Cursor::START);
        loop {
            let page = self.journal.check_entries(self.folder.id, cursor.seq, PAGE).await?;
            if page.is_empty() {
                return Ok((tree, cursor));
            }
            for (entry, stored) in page {
                if entry.seq != cursor.seq.next() {
                    self.note(format!("entry {} follows entry {}", entry.seq, cursor.seq));
                }
                if cursor.after(&entry) != stored {
                    self.note(format!("entry {}: its chain hash is not right", entry.seq));
                }
                self.replay(&mut tree, entry.seq, entry.operation);
                cursor = stored;
            }
        }
    }

    fn replay(&mut self, tree: &mut Tree, seq: Seq, operation: Operation) {
        for step in operation.steps {
            let node = step.node();
            let live = tree.get_mut(&node).and_then(Option::as_mut);
            let done = match (step, live) {
                (Step::Create { place, body, .. }, None) => {
                    tree.insert(node, Some(State { place, body }));
                    true
                }
                (Step::Delete { .. }, Some(_)) => {
                    tree.insert(node, None);
                    true
                }
                (Step::Move { place, .. }, Some(state)) => {
                    state.place = place;
                    true
                }
                (Step::Edit { content, .. }, Some(state)) => edit(&mut state.body, content),
                (Step::SetExecutable { executable, .. }, Some(state)) => {
                    set_executable(&mut state.body, executable)
                }
                (Step::Retarget { target, .. }, Some(State { body, .. })) => {
                    let is_symlink = matches!(body, Body::Symlink(_));
                    *body = Body::Symlink(target);
                    is_symlink
                }
                _ => false,
            };
            if !done {
                self.note(format!("entry {seq}: it does not fit the node {node} before it"));
            }
        }
    }

    /// Compares the database's nodes with the replayed ones, and sums them; the contents they need.
    async fn nodes(
        &mut self,
        head: &Head,
        mut replayed: Tree,
    ) -> Result<BTreeMap<ContentId, u64>, StoreError> {
        let mut needed = BTreeMap::new();
        let (mut sum, mut bytes) = (TreeSum::default(), 0);
        let (mut places, mut parents) = (BTreeSet::new(), BTreeSet::from([NodeId::ROOT]));
        let mut after = None;
        loop {
            let page = self.journal.check_nodes(self.folder.id, after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.node);
            for NodeRow { node, alive, state, .. } in page {
                let expected = replayed.remove(&node);
                if expected.flatten().as_ref() != alive.then_some(&state) {
                    self.note(format!("node {node}: it is not what its entries say"));
                }
                if let Some(content) = state.body.content() {
                    needed.insert(content.id, content.size);
                }
                if alive {
                    sum.add(node, &state);
                    bytes += state.body.content().map_or(0, |content| content.size);
                    if state.body == Body::Directory {
                        parents.insert(node);
                    }
                    if !places.insert((state.place.parent, state.place.name.clone())) {
                        self.note(format!(
                            "node {node}: another has its name {}",
                            state.place.name
                        ));
                    }
                }
            }
        }
        // A tombstone may have been dropped; a live node may not.
        for (node, _) in replayed.into_iter().filter(|(_, state)| state.is_some()) {
            self.note(format!("node {node}: it is missing"));
        }
        for (parent, name) in places.iter().filter(|(parent, _)| !parents.contains(parent)) {
            self.note(format!("{name}: its directory {parent} is missing"));
        }
        if (sum, bytes) != (head.sum, head.bytes) {
            self.note("the digest is not that of its nodes");
        }
        Ok(needed)
    }

    /// Reads every content, and looks whether those that are needed are there.
    async fn contents<B: Blobs>(
        &mut self,
        blobs: &B,
        mut needed: BTreeMap<ContentId, u64>,
    ) -> Result<(), StoreError> {
        let mut after = None;
        loop {
            let page = self.journal.check_contents(self.folder.id, after, PAGE).await?;
            let Some((last, _)) = page.last() else { break };
            after = Some(*last);
            for (id, stored) in page {
                let (size, hash) = match stored {
                    StoredContent::Inline(bytes) => (bytes.len() as u64, Ok(ContentId::of(&bytes))),
                    StoredContent::Chunks(manifest) => {
                        let read = read_back(self.journal, blobs, self.folder.id, &manifest);
                        (manifest.size(), in_words(read.await?))
                    }
                };
                match hash {
                    Ok(hash) if hash == id => {}
                    Ok(_) => self.note(format!("content {id}: its bytes have another hash")),
                    Err(why) => self.note(format!("content {id}: {why}")),
                }
                if needed.remove(&id).is_some_and(|needed| needed != size) {
                    self.note(format!("content {id}: it is of another size than its files say"));
                }
            }
        }
        for id in needed.into_keys() {
            self.note(format!("content {id}: it is missing"));
        }
        Ok(())
    }
}

fn in_words(read: ReadBack) -> Result<ContentId, String> {
    match read {
        ReadBack::Whole(hash) => Ok(hash),
        ReadBack::Missing(chunk) => Err(format!("its chunk {chunk} is missing")),
        ReadBack::OtherSize(chunk) => Err(format!("its chunk {chunk} is of another size")),
        ReadBack::Damaged(chunks, first) if chunks.len() > 1 => {
            Err(format!("{first}; {} of its chunks are damaged in all", chunks.len()))
        }
        ReadBack::Damaged(_, error) | ReadBack::Failed(error) => Err(error.to_string()),
    }
}

fn edit(body: &mut Body, new: Content) -> bool {
    match body {
        Body::File { content, .. } => {
            *content = new;
            true
        }
        Body::Directory | Body::Symlink(_) => false,
    }
}

fn set_executable(body: &mut Body, new: bool) -> bool {
    match body {
        Body::File { executable, .. } => {
            *executable = new;
            true
        }
        Body::Directory | Body::Symlink(_) => false,
    }
}
