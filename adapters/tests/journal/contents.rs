//! Contents and chunks.

use onefold_adapters::journal::{ChunkLocation, Journal, PackId, Space, StoredContent};
use onefold_core::hash::{ChunkId, ContentId};
use onefold_core::id::FolderId;
use onefold_core::manifest::{Chunk, Manifest};
use onefold_core::operation::{Refusal, Step, Verdict};

use crate::bench::*;

fn chunk(number: u64) -> ChunkId {
    ChunkId::of(&number.to_be_bytes())
}

fn manifest(numbers: std::ops::Range<u64>) -> Manifest {
    Manifest { chunks: numbers.map(|number| Chunk { id: chunk(number), size: 10 }).collect() }
}

fn location(pack: u8, offset: u64) -> ChunkLocation {
    ChunkLocation { pack: PackId([pack; 16]), offset, size: 10 }
}

async fn put(journal: &impl Journal, numbers: std::ops::Range<u64>) {
    let chunks = numbers.map(|number| (chunk(number), location(1, 10 * number))).collect();
    journal.put_chunks(FOLDER, chunks).await.unwrap();
}

pub(crate) async fn a_manifest_is_taken_when_all_its_chunks_are_there(arm: impl Arm) {
    let journal = furnished(&arm).await;
    let id = ContentId::of(b"large");
    put(&journal, 0..2).await;
    let missing = journal.put_manifest(FOLDER, id, manifest(0..4)).await.unwrap();
    assert_eq!(missing, [chunk(2), chunk(3)]);
    assert_eq!(journal.content(FOLDER, id).await.unwrap(), None);
    put(&journal, 2..4).await;
    assert_eq!(journal.put_manifest(FOLDER, id, manifest(0..4)).await.unwrap(), []);
    assert_eq!(journal.put_manifest(FOLDER, id, manifest(0..4)).await.unwrap(), []);
    let stored = journal.content(FOLDER, id).await.unwrap();
    assert_eq!(stored, Some(StoredContent::Chunks(manifest(0..4))));
}

pub(crate) async fn a_long_manifest_comes_back_whole(arm: impl Arm) {
    let journal = furnished(&arm).await;
    let id = ContentId::of(b"huge");
    let same = vec![Chunk { id: chunk(0), size: 10 }; 40_000];
    let mut long = Manifest { chunks: same };
    long.chunks.push(Chunk { id: chunk(1), size: 3 });
    put(&journal, 0..2).await;
    assert_eq!(journal.put_manifest(FOLDER, id, long.clone()).await.unwrap(), []);
    let stored = journal.check_contents(FOLDER, None, 10).await.unwrap();
    assert_eq!(stored, [(id, StoredContent::Chunks(long))]);
    assert_eq!(journal.check_contents(FOLDER, Some(id), 10).await.unwrap(), []);
}

pub(crate) async fn a_chunk_stays_where_it_was_first(arm: impl Arm) {
    let journal = furnished(&arm).await;
    put(&journal, 0..300).await;
    journal.put_chunks(FOLDER, vec![(chunk(5), location(2, 0))]).await.unwrap();
    let asked = vec![chunk(7), chunk(999), chunk(5), chunk(7)];
    let located = journal.locate_chunks(FOLDER, asked).await.unwrap();
    let [five, seven] = [5, 7].map(|number| (chunk(number), location(1, 10 * number)));
    assert_eq!(located, [seven, five, seven]);
    let asked = (0..310).chain([305]).map(chunk).collect();
    let missing = journal.missing_chunks(FOLDER, asked).await.unwrap();
    assert_eq!(missing, (300..310).map(chunk).collect::<Vec<_>>());
}

pub(crate) async fn a_damaged_chunk_is_missing_until_it_is_put_again(arm: impl Arm) {
    let journal = furnished(&arm).await;
    put(&journal, 0..4).await;
    let id = ContentId::of(b"large");
    journal.put_manifest(FOLDER, id, manifest(0..3)).await.unwrap();
    let all = || (0..4).map(chunk).collect();
    let damaged = vec![(chunk(2), location(1, 20)), (chunk(0), location(1, 0))];

    // Noted twice, as by two servers.
    journal.note_damaged(FOLDER, damaged.clone()).await.unwrap();
    journal.note_damaged(FOLDER, damaged.clone()).await.unwrap();

    assert_eq!(journal.missing_chunks(FOLDER, all()).await.unwrap(), [chunk(0), chunk(2)]);
    let lacks = journal.put_manifest(FOLDER, ContentId::of(b"other"), manifest(1..4)).await;
    assert_eq!(lacks.unwrap(), [chunk(2)]);
    let located = journal.locate_chunks(FOLDER, vec![chunk(2)]).await.unwrap();
    assert_eq!(located, [(chunk(2), location(1, 20))], "it may be readable all the same");

    journal
        .put_chunks(FOLDER, vec![(chunk(2), location(7, 5)), (chunk(1), location(7, 9))])
        .await
        .unwrap();

    let located = journal.locate_chunks(FOLDER, vec![chunk(1), chunk(2)]).await.unwrap();
    assert_eq!(located, [(chunk(1), location(1, 10)), (chunk(2), location(7, 5))]);
    assert_eq!(journal.missing_chunks(FOLDER, all()).await.unwrap(), [chunk(0)]);
    // One who has read it before it was put again comes too late.
    journal.note_damaged(FOLDER, damaged).await.unwrap();
    assert_eq!(journal.missing_chunks(FOLDER, all()).await.unwrap(), [chunk(0)]);
    // It is damaged where it lies now.
    journal.note_damaged(FOLDER, vec![(chunk(2), location(7, 5))]).await.unwrap();
    assert_eq!(journal.missing_chunks(FOLDER, all()).await.unwrap(), [chunk(0), chunk(2)]);
    let again = vec![(chunk(0), location(8, 0)), (chunk(2), location(8, 5))];
    journal.put_chunks(FOLDER, again.clone()).await.unwrap();
    assert_eq!(journal.missing_chunks(FOLDER, all()).await.unwrap(), []);
    assert_eq!(journal.locate_chunks(FOLDER, vec![chunk(0), chunk(2)]).await.unwrap(), again);
}

pub(crate) async fn a_content_is_of_its_folder_alone(arm: impl Arm) {
    let journal = furnished(&arm).await;
    let other = FolderId::from_bytes([9; 16]);
    journal.create_folder(other, "other").await.unwrap();
    put(&journal, 0..1).await;
    let id = ContentId::of(b"secret");
    journal.put_manifest(FOLDER, id, manifest(0..1)).await.unwrap();
    assert_eq!(journal.content(other, id).await.unwrap(), None);
    assert_eq!(journal.missing_chunks(other, vec![chunk(0)]).await.unwrap(), [chunk(0)]);
    assert_eq!(journal.locate_chunks(other, vec![chunk(0)]).await.unwrap(), []);
    let guessed = journal.put_manifest(other, id, manifest(0..1)).await.unwrap();
    assert_eq!(guessed, [chunk(0)]);
}

pub(crate) async fn a_commit_may_name_what_was_uploaded(arm: impl Arm) {
    let journal = furnished(&arm).await;
    let bytes = [7; 30];
    let make = || vec![create(1, place(0, b"f"), file(&bytes)).into()];
    let refused = commit(&journal, LAPTOP, 1, make(), &[]).await;
    assert_eq!(refused.verdicts, [Verdict::Refused(Refusal::MissingContent)]);
    put(&journal, 0..3).await;
    journal.put_manifest(FOLDER, ContentId::of(&bytes), manifest(0..3)).await.unwrap();
    assert_eq!(commit(&journal, LAPTOP, 2, make(), &[]).await.verdicts, [accepted(1)]);
    let mut wrong = content(&bytes);
    wrong.size = 31;
    let step = Step::Create {
        node: node(2),
        place: place(0, b"g"),
        body: onefold_core::node::Body::File { content: wrong, executable: false },
    };
    let refused = commit(&journal, LAPTOP, 3, vec![step.into()], &[]).await;
    assert_eq!(refused.verdicts, [Verdict::Refused(Refusal::MissingContent)]);
    check(&journal, FOLDER).await;
}

pub(crate) async fn what_a_folder_takes_up_is_counted(arm: impl Arm) {
    let journal = furnished(&arm).await;
    assert_eq!(journal.space(FOLDER).await.unwrap(), Space::default());
    put(&journal, 0..3).await;
    let id = ContentId::of(b"large");
    assert_eq!(journal.put_manifest(FOLDER, id, manifest(0..3)).await.unwrap(), []);
    for (number, bytes) in [(1, &b"four"[..]), (2, b"sevenly")] {
        let name = number.to_string();
        let make = create(number, place(0, name.as_bytes()), file(bytes)).into();
        commit(&journal, LAPTOP, number, vec![make], &[bytes]).await;
    }
    let counted = Space { small: (2, 11), chunks: (3, 30) };
    assert_eq!(journal.space(FOLDER).await.unwrap(), counted);
    assert_eq!(journal.space(FolderId::from_bytes([99; 16])).await.unwrap(), Space::default());
}
