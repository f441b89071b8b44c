//! The shared list of what goes wrong in folder synchronisation, scenario by scenario.

mod edits_and_deletes;
mod links_and_metadata;
mod live_files;
mod names;
mod rename_and_move;
