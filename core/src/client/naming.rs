//! Names that come from a disk in another form than they are known by.
//!
//! A disk that takes composed and decomposed letters for one may give back either. That it does is
//! nobody's rename: what it shows is taken for the name that is known here, or at the server. Case is
//! not touched: such disks give it back as it was given, and a change of it is meant.

use crate::disk::Listing;
use crate::id::NodeId;
use crate::name::Name;

use super::Client;

impl Client {
    /// A name in a directory, as it is known.
    pub(super) fn name_known_as(&self, dir: NodeId, name: &Name) -> Name {
        let form = self.config.folding.of_form();
        if !form.folds() || name.as_bytes().is_ascii() || self.trees.child_here(dir, name).is_some()
        {
            return name.clone();
        }
        let alike = |known: &&Name| form.same(known, name);
        let here = self.trees.children_here(dir).map(|(known, _)| known).find(alike);
        let exact = || self.trees.child_there(dir, name).map(|_| name);
        let there = || self.trees.children_there(dir).map(|(known, _)| known).find(alike);
        here.or_else(exact).or_else(there).unwrap_or(name).clone()
    }

    /// Gives what was found the names that are known.
    pub(super) fn name_as_known(&self, dir: NodeId, listing: &mut Listing) {
        if !self.config.folding.form {
            return;
        }
        for (name, _) in &mut listing.names {
            *name = self.name_known_as(dir, name);
        }
        listing.names.sort_by(|(one, _), (other, _)| one.cmp(other));
    }
}
