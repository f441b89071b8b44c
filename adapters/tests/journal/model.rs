//! The three arms side by side: the same commits get the same answers, whatever they are.

use onefold_adapters::journal::Journal;
use onefold_core::id::Seq;
use onefold_core::node::Body;
use onefold_core::operation::{Operation, Step};
use onefold_core::server::decide::Submitted;
use tests::Random;

use crate::bench::*;

/// Batches of commits.
const ROUNDS: u64 = 150;
/// Few nodes and names, so that they meet often.
const NODES: u64 = 10;
const NAMES: [&[u8]; 5] = [b"a", b"A", b"a ", b"\xff", b"b"];

/// Draws what devices may ask for, sensible or not.
struct Writer {
    random: Random,
    head: u64,
    sent: Vec<Submitted>,
}

impl Writer {
    fn below(&mut self, bound: u64) -> u64 {
        self.random.below(bound)
    }

    fn step(&mut self) -> Step {
        let number = 1 + self.below(NODES);
        let parent = if self.below(3) > 0 { 0 } else { 1 + self.below(NODES) };
        let name = NAMES[self.below(NAMES.len() as u64) as usize];
        let bytes = [b'0' + self.below(4) as u8];
        match self.below(7) {
            0 | 1 => create(number, place(parent, name), Body::Directory),
            2 => create(number, place(parent, name), file(&bytes)),
            3 => edit(number, &bytes),
            4 => Step::SetExecutable { node: node(number), executable: self.below(2) == 0 },
            5 => Step::Move { node: node(number), place: place(parent, name) },
            _ => Step::Delete { node: node(number) },
        }
    }

    fn operation(&mut self) -> Operation {
        let steps = 1 + self.below(4).saturating_sub(2);
        Operation { steps: (0..steps).map(|_| self.step()).collect() }
    }

    fn submitted(&mut self) -> Submitted {
        if !self.sent.is_empty() && self.below(8) == 0 {
            // Sent again, since the answer was lost.
            let at = self.below(self.sent.len() as u64) as usize;
            return self.sent[at].clone();
        }
        let device = [LAPTOP, DESKTOP][self.below(2) as usize];
        let seen = self.head.saturating_sub(self.below(4).saturating_sub(2) * self.below(9));
        let operations = (0..=self.below(4)).map(|_| self.operation()).collect();
        let contents: [&[u8]; 4] = [b"0", b"1", b"2", b"3"];
        let known = (1 + self.below(6)).min(4) as usize;
        let number = self.sent.len() as u64 + 1;
        let submitted = submitted(device, number, seen, operations, &contents[..known]);
        self.sent.push(submitted.clone());
        submitted
    }
}

#[tokio::test]
async fn the_arms_answer_alike_whatever_they_are_asked() {
    let random = Random::from_environment("the arms answer alike");
    let (memory, sqlite, database) = (Memory::new(), Sqlite::new(), MySql::new());
    furnished(&memory).await;
    let memory = memory.open().await;
    furnished(&sqlite).await;
    let sqlite = sqlite.open().await;
    furnished(&database).await;
    let mysql = database.open().await;
    let mut writer = Writer { random, head: 0, sent: Vec::new() };
    for round in 0..ROUNDS {
        let batch: Vec<_> = (0..=writer.below(3)).map(|_| writer.submitted()).collect();
        let expected = memory.commit(FOLDER, NOW, batch.clone()).await.unwrap();
        let on_sqlite = sqlite.commit(FOLDER, NOW, batch.clone()).await.unwrap();
        assert_eq!(on_sqlite, expected, "round {round}: {batch:#?}");
        let on_mysql = mysql.commit(FOLDER, NOW, batch.clone()).await.unwrap();
        assert_eq!(on_mysql, expected, "round {round}: {batch:#?}");
        let head = memory.head(FOLDER).await.unwrap();
        assert_eq!(sqlite.head(FOLDER).await.unwrap(), head);
        assert_eq!(mysql.head(FOLDER).await.unwrap(), head);
        writer.head = head.cursor.seq.get();
    }
    assert!(writer.head > 30, "enough was accepted: {}", writer.head);
    let entries = memory.check_entries(FOLDER, Seq::ZERO, usize::MAX).await.unwrap();
    let nodes = memory.check_nodes(FOLDER, None, usize::MAX).await.unwrap();
    for journal in [&sqlite, &mysql] {
        assert_eq!(journal.check_entries(FOLDER, Seq::ZERO, 100_000).await.unwrap(), entries);
        assert_eq!(journal.check_nodes(FOLDER, None, 100_000).await.unwrap(), nodes);
        check(journal, FOLDER).await;
    }
}
