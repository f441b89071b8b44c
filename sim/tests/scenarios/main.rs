//! The shared list of what goes wrong in folder synchronisation, scenario by scenario.

mod coverage;
mod edits_and_deletes;
mod further;
mod hostile_input;
mod lessons;
mod links_and_metadata;
mod live_files;
mod names;
mod network_and_server;
mod pairs;
mod rename_and_move;
mod root_disk_power;
mod watcher;
