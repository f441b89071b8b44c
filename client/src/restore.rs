//! A folder's saved state, and the engine that goes on from it.
//!
//! What is damaged is set aside, and syncing begins as in a first join: everything is merged, and
//! nothing is lost.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use onefold_adapters::port::{StoreError, Trees};
use onefold_adapters::trees::SqliteTrees;
use onefold_core::client::event::{Effect, Event};
use onefold_core::client::{ASK_FROM_FILES, Answer, Client, Config, DamagedState};
use onefold_core::folding::Folding;
use onefold_core::name::RelPath;
use onefold_core::time::Now;

use crate::console;
use crate::error::Trouble;
use crate::explain::PathStatus;
use crate::folder;
use crate::home::Home;
use crate::linked::Linked;

/// Opens the saved state and an engine that goes on from it; what is damaged is set aside.
pub async fn restore(
    home: &Home,
    linked: &Linked,
    config: &Config,
) -> Result<(SqliteTrees, Client), Trouble> {
    let path = file(home, linked);
    if !path.exists() && folder::ran_before(home, linked) {
        console::warn(format_args!(
            "what was known of {} is lost: {} is not there. Every file is as it was. Everything is \
             now compared with the server and merged anew; nothing is deleted.",
            linked.root.display(),
            path.display()
        ));
    }
    match try_restore(&path, config).await {
        Ok(restored) => Ok(restored),
        Err(NoState::Damaged(why)) => {
            let aside = set_aside(&path).map_err(|error| unusable(&path, &error))?;
            console::warn(format_args!(
                "what was known of {} is damaged ({why}). Every file is as it was, and the \
                 damaged file is kept as {}. Everything is now compared and merged anew.",
                linked.root.display(),
                aside.display()
            ));
            try_restore(&path, config).await.map_err(|error| unusable(&path, &error))
        }
        Err(error @ NoState::Store(_)) => Err(unusable(&path, &error)),
    }
}

/// Answers about held deletions of a folder that does not run, durably: how many there were.
pub async fn answer(home: &Home, linked: &Linked, answer: Answer) -> Result<usize, Trouble> {
    let path = file(home, linked);
    let (trees, mut client) =
        try_restore(&path, &idle(linked)).await.map_err(|error| unusable(&path, &error))?;
    let held = client.held_deletions().len();
    let mut result = Ok(held);
    for effect in client.handle(Now::default(), Event::Answered(answer)) {
        if let Effect::Save { batch, .. } = effect {
            result = trees.save(batch).await.map(|()| held);
        }
    }
    trees.close().await;
    result.map_err(|error| unusable(&path, &error))
}

/// Why what stands at a path is, or is not, in sync, in a folder that does not run.
pub async fn explain(home: &Home, linked: &Linked, path: &RelPath) -> Result<PathStatus, Trouble> {
    let file = file(home, linked);
    let restored = try_restore(&file, &idle(linked)).await;
    let (trees, client) = restored.map_err(|error| unusable(&file, &error))?;
    trees.close().await;
    let (linked, path) = (linked.clone(), path.clone());
    let told = move || PathStatus::new(&linked, &path, false, &client.explain(&path));
    tokio::task::spawn_blocking(told).await.map_err(Trouble::bug)
}

/// For an engine that is not started: nothing is drawn from the seed, and no name is compared.
fn idle(linked: &Linked) -> Config {
    Config {
        device_name: linked.device_name.clone(),
        seed: [0; 32],
        folding: Folding::NONE,
        has_modes: true,
        ask_from_files: ASK_FROM_FILES,
    }
}

/// The database of a folder's state, and of its log.
pub fn file(home: &Home, linked: &Linked) -> PathBuf {
    home.folder(linked.device).join("trees.db")
}

#[derive(Debug, thiserror::Error)]
enum NoState {
    #[error("{0}")]
    Damaged(String),
    #[error(transparent)]
    Store(StoreError),
}

impl From<StoreError> for NoState {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Damaged(why) => Self::Damaged(why),
            StoreError::Unavailable(_)
            | StoreError::Refused(_)
            | StoreError::Contended(_)
            | StoreError::Unknown(_)
            | StoreError::Newer { .. } => Self::Store(error),
        }
    }
}

impl From<DamagedState> for NoState {
    fn from(error: DamagedState) -> Self {
        Self::Damaged(error.to_string())
    }
}

async fn try_restore(path: &Path, config: &Config) -> Result<(SqliteTrees, Client), NoState> {
    let trees = SqliteTrees::open(path).await?;
    let client = match trees.load().await.map_err(NoState::from) {
        Ok(saved) => Client::new(config.clone(), saved).map_err(NoState::from),
        Err(error) => Err(error),
    };
    match client {
        Ok(client) => Ok((trees, client)),
        Err(error) => {
            trees.close().await;
            Err(error)
        }
    }
}

/// Renames a database, and what SQLite keeps beside it, to a free name.
fn set_aside(path: &Path) -> io::Result<PathBuf> {
    let named =
        |number: u32, end: &str| PathBuf::from(format!("{}.damaged-{number}{end}", path.display()));
    let number = (1..).find(|number| !named(*number, "").exists()).expect("a number is free");
    for end in ["-wal", "-shm", ""] {
        match fs::rename(format!("{}{end}", path.display()), named(number, end)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
    }
    Ok(named(number, ""))
}

/// A database that cannot be used now, in words.
pub fn unusable(path: &Path, error: &dyn std::fmt::Display) -> Trouble {
    Trouble::unchanged(
        format_args!("the client's own {} cannot be used: {error}", path.display()),
        "Make it readable and writable for you, see that its disk is not full, and try again",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_damaged_state_is_set_aside_and_a_new_one_begun() {
        let parent = tempfile::tempdir().unwrap();
        let home = Home::at(parent.path()).unwrap();
        let linked = Linked::example(Path::new("/x"));
        home.save(&linked).unwrap();
        let path = file(&home, &linked);
        fs::write(&path, "this is no database, however long it is read ".repeat(100)).unwrap();
        let config = Config {
            device_name: "laptop".to_owned(),
            seed: [1; 32],
            folding: Folding::NONE,
            has_modes: true,
            ask_from_files: ASK_FROM_FILES,
        };
        for number in [1, 2] {
            restore(&home, &linked, &config).await.unwrap();
            assert_eq!(
                fs::read_dir(path.parent().unwrap())
                    .unwrap()
                    .flatten()
                    .filter(|entry| { entry.file_name().to_string_lossy().contains(".damaged-") })
                    .count(),
                1,
                "restored {number} times"
            );
        }
    }
}
