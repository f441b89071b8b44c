//! What the server counts about itself since it was started, for Prometheus.
//!
//! Only numbers: no name, id or address of a folder or a device is ever among them.

use std::future::Future;
use std::sync::atomic::AtomicU64;
use std::time::Instant;

use onefold_core::operation::{Refusal, Verdict};
use onefold_core::server::facts::StoredOutcome;
pub(crate) use prometheus_client::encoding::prometheus_text::CONTENT_TYPE;
use prometheus_client::encoding::prometheus_text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

/// The upper bounds of what database times are sorted into: from 0.25 ms, doubled, to 8 s.
const TIMES: (f64, f64, u16) = (0.000_25, 2.0, 16);

/// One label with its value.
type Label = [(&'static str, &'static str); 1];
type Times = Family<Label, Histogram, fn() -> Histogram>;

/// How things stand with the connected devices.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Standing {
    /// How many are connected.
    pub(crate) connected: u64,
    /// How many of them have not acknowledged all entries of their folder.
    pub(crate) behind: u64,
    /// How many entries the one that is furthest behind lacks.
    pub(crate) most: u64,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    transactions: Counter,
    commits: Counter,
    accepted: Counter,
    refused: Family<Label, Counter>,
    bytes: Family<Label, Counter>,
    database: Times,
    connected: Gauge<u64, AtomicU64>,
    behind: Gauge<u64, AtomicU64>,
    most_behind: Gauge<u64, AtomicU64>,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let times: fn() -> Histogram = || {
            let (first, factor, count) = TIMES;
            Histogram::new(exponential_buckets(first, factor, count))
        };
        let mut all = Self {
            registry: Registry::with_prefix("onefold"),
            transactions: Counter::default(),
            commits: Counter::default(),
            accepted: Counter::default(),
            refused: Family::default(),
            bytes: Family::default(),
            database: Times::new_with_constructor(times),
            connected: Gauge::default(),
            behind: Gauge::default(),
            most_behind: Gauge::default(),
        };
        let to = &mut all.registry;
        let help = "Transactions that decided commits; several commits may share one";
        to.register("transactions", help, all.transactions.clone());
        to.register("commits", "Commits that were decided", all.commits.clone());
        let help = "Operations of commits that were accepted";
        to.register("operations_accepted", help, all.accepted.clone());
        let help = "Operations of commits that were refused, by reason";
        to.register("operations_refused", help, all.refused.clone());
        let help = "Bytes that came from devices (up) and went to them (down)";
        to.register_with_unit("transferred", help, Unit::Bytes, all.bytes.clone());
        let help = "How long the database took, by what was asked of it";
        to.register_with_unit("database", help, Unit::Seconds, all.database.clone());
        to.register("devices_connected", "Devices with an open stream", all.connected.clone());
        let help = "Connected devices that have not acknowledged all entries of their folder";
        to.register("devices_behind", help, all.behind.clone());
        let help = "Entries that the connected device lacks which is furthest behind";
        to.register("stream_lag_entries", help, all.most_behind.clone());
        all
    }

    /// A transaction came to these outcomes.
    pub(crate) fn decided(&self, outcomes: &[StoredOutcome]) {
        self.transactions.inc();
        self.commits.inc_by(outcomes.len() as u64);
        for verdict in outcomes.iter().flat_map(|outcome| &outcome.verdicts) {
            match verdict {
                Verdict::Refused(refusal) => {
                    self.refused.get_or_create(&[("reason", name(*refusal))]).inc();
                }
                Verdict::Accepted(_) | Verdict::Agreed => drop(self.accepted.inc()),
            }
        }
    }

    /// These bytes came from a device.
    pub(crate) fn came(&self, bytes: u64) {
        self.bytes.get_or_create(&[("way", "up")]).inc_by(bytes);
    }

    /// These bytes went to a device.
    pub(crate) fn went(&self, bytes: u64) {
        self.bytes.get_or_create(&[("way", "down")]).inc_by(bytes);
    }

    /// Asks the database, and notes how long it took.
    pub(crate) async fn timed<T>(&self, what: &'static str, asked: impl Future<Output = T>) -> T {
        let began = Instant::now();
        let answer = asked.await;
        let seconds = began.elapsed().as_secs_f64();
        self.database.get_or_create(&[("asked", what)]).observe(seconds);
        answer
    }

    /// All of it, in Prometheus's text.
    pub(crate) fn text(&self, standing: Standing) -> String {
        self.connected.set(standing.connected);
        self.behind.set(standing.behind);
        self.most_behind.set(standing.most);
        let mut text = String::new();
        encode(&mut text, &self.registry).expect("a string takes everything");
        text
    }
}

const fn name(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::Stale => "stale",
        Refusal::Deleted => "deleted",
        Refusal::NameTaken => "name_taken",
        Refusal::ParentGone => "parent_gone",
        Refusal::NotEmpty => "not_empty",
        Refusal::WouldCycle => "would_cycle",
        Refusal::WrongKind => "wrong_kind",
        Refusal::MissingContent => "missing_content",
        Refusal::KeyReused => "key_reused",
        Refusal::OverQuota => "over_quota",
        Refusal::ReadOnly => "read_only",
        Refusal::Malformed => "malformed",
    }
}
