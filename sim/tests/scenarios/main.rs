//! The shared list of what goes wrong in folder synchronisation, scenario by scenario.

mod edits_and_deletes;
mod rename_and_move;
