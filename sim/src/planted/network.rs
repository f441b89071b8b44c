//! Messages on their way, bent.

use std::collections::VecDeque;

use onefold_core::operation::Cursor;
use onefold_core::protocol::{ClientMessage, ServerMessage};

use crate::world::journal::Journal;

use super::Planted;

/// A message on its way to the server.
pub fn up(journal: &Journal, message: ClientMessage) -> ClientMessage {
    match (journal.planted(), message) {
        (
            Some(Planted::IgnoresChain | Planted::IgnoresDigest),
            ClientMessage::Hello { protocol, cursor, known, next },
        ) => {
            let head = journal.head().cursor;
            let there = journal.entries_after(onefold_core::id::Seq::ZERO);
            let mut cursors = there.iter().map(|(_, cursor)| *cursor);
            let cursor = match cursor.seq {
                seq if seq == Cursor::START.seq => cursor,
                seq => cursors.find(|at| at.seq == seq).unwrap_or(head),
            };
            ClientMessage::Hello { protocol, cursor, known, next }
        }
        (_, message) => message,
    }
}

/// The next message down: the first, unless an outcome overtakes it.
pub fn next_down(
    fault: Option<Planted>,
    down: &mut VecDeque<(u64, ServerMessage)>,
) -> Option<ServerMessage> {
    let is_outcome =
        |(_, message): &(u64, ServerMessage)| matches!(message, ServerMessage::Outcome { .. });
    let outcome = down.iter().position(is_outcome);
    let at = outcome.filter(|_| fault == Some(Planted::OutcomeOvertakes)).unwrap_or(0);
    Some(down.remove(at)?.1)
}
