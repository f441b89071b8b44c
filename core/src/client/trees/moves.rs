//! What a move that is no user's does to what was agreed on.

use crate::id::NodeId;
use crate::node::Place;

use super::Trees;
use crate::client::record::Record;

impl Trees {
    /// Says that a node's place here is no user's doing: it is where the server has it, or on its way
    /// there.
    pub fn pass_by(&mut self, node: NodeId, place: Place) {
        self.change(node, |record| record.pass_by(place));
    }

    /// Says that what was deleted at the server goes from here, whatever directory it is in by then.
    pub fn let_go(&mut self, node: NodeId) {
        self.change(node, Record::let_go);
    }
}
