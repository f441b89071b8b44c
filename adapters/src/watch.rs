//! stub
use onefold_core::client::event::Event;
pub struct FolderWatcher;
impl FolderWatcher { pub fn new(_: &std::path::Path, _: tokio::sync::mpsc::Sender<Event>) -> Result<Self, String> { Ok(Self) } }
impl crate::port::Watcher for FolderWatcher { fn watch(&self, _: &onefold_core::name::RelPath) -> Result<(), String> { Ok(()) } }
