//! By which plans databases do our statements.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::path::Path;
use std::process::Command;
use std::sync::{Mutex, OnceLock};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// Tables that grow with the number of folders and devices, and with what goes wrong.
const SMALL: [&str; 4] = ["folders", "devices", "invites", "damaged"];
/// Tables that grow with a folder.
const LARGE: [&str; 6] = ["nodes", "entries", "outcomes", "contents", "manifests", "chunks"];

/// How MariaDB went about one table in a statement.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Plan {
    statement: String,
    table: String,
    /// How rows are found, in MariaDB's words: `ALL` and `index` look at all of them.
    way: String,
    key: String,
}

impl Plan {
    pub(crate) fn scans(&self) -> bool {
        ["ALL", "index"].contains(&self.way.as_str())
    }
}

/// The different plans of a log that MariaDB wrote; of inserts, which find nothing, there are none.
pub(crate) fn plans_of(log: &str) -> BTreeSet<Plan> {
    let (mut plans, mut waiting) = (BTreeSet::new(), Vec::new());
    for line in log.lines() {
        if let Some(row) = line.strip_prefix("# explain: ") {
            let cells: Vec<String> = row.split('\t').map(str::to_owned).collect();
            if cells.len() > 5 && cells[0] != "id" && cells[1] != "INSERT" {
                waiting.push(cells);
            }
        } else if !line.starts_with('#') && !line.starts_with("SET timestamp") {
            // Values are bytes of any kind; the first words say which statement it is.
            let statement: String = line.chars().take(60).collect();
            plans.extend(waiting.drain(..).map(|cells| Plan {
                statement: statement.clone(),
                table: cells[2].clone(),
                way: cells[3].clone(),
                key: cells[5].clone(),
            }));
        }
    }
    // What the database tells of itself is no table of ours.
    plans.retain(|plan| LARGE.iter().chain(&SMALL).any(|table| plan.table == *table));
    plans
}

/// All statements that this process gives to databases, once it listens.
pub(crate) struct Statements(Mutex<BTreeSet<String>>);

static STATEMENTS: OnceLock<Statements> = OnceLock::new();

impl Statements {
    pub(crate) fn listen() -> &'static Self {
        let statements = STATEMENTS.get_or_init(|| Self(Mutex::default()));
        tracing::subscriber::set_global_default(Listener).expect("one test listens");
        statements
    }

    /// Those that look at all rows of a table that grows, with SQLite's plan.
    pub(crate) fn scans_on_sqlite(&self, database: &Path) -> Vec<(String, String)> {
        let mut scans = Vec::new();
        let statements = self.0.lock().unwrap().clone();
        let planned = ["SELECT", "UPDATE", "DELETE"];
        for statement in statements {
            let sql = statement.replace(" FOR UPDATE", "");
            if !planned.iter().any(|verb| sql.starts_with(verb)) || sql.contains("@@") {
                continue;
            }
            let explain = format!("EXPLAIN QUERY PLAN {sql}");
            let output = Command::new("sqlite3").arg(database).arg(explain).output().unwrap();
            let plan = String::from_utf8_lossy(&output.stdout).into_owned();
            if LARGE.iter().any(|table| plan.contains(&format!("SCAN {table}"))) {
                scans.push((sql, plan));
            }
        }
        scans
    }
}

/// Takes the statements out of what the database's driver tells the log.
struct Listener;

impl Subscriber for Listener {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "sqlx::query"
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut statement = Statement::default();
        event.record(&mut statement);
        let Statement { summary, whole } = statement;
        let statement = if whole.trim().is_empty() { summary } else { whole };
        let listening = STATEMENTS.get().expect("it was made before");
        listening.0.lock().unwrap().insert(statement.trim().to_owned());
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[derive(Default)]
struct Statement {
    summary: String,
    whole: String,
}

impl Visit for Statement {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "summary" => self.summary = value.to_owned(),
            "db.statement" => self.whole = value.to_owned(),
            _ => {}
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn Debug) {}
}
