//! All numbers of a moment, in the text format of OpenMetrics, which Prometheus and its relatives read.

use std::{fmt, sync::atomic::Ordering};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet, text},
    metrics::MetricType,
    registry::Registry,
};

use crate::{
    metrics::{Class, Metrics, Reading},
    service::{Services, oblivious::ADMITTED},
    store::{Activity, DiskUse, Totals},
};

/// Every name begins with it.
const PREFIX: &str = "latchkey";

type Labels = Vec<(&'static str, String)>;

#[derive(Debug)]
enum Values {
    Counter(Vec<(Labels, u64)>),
    Gauge(Vec<(Labels, f64)>),
    Histogram(Vec<(Labels, Reading)>),
}

#[derive(Debug)]
struct Family {
    name: &'static str,
    help: &'static str,
    values: Values,
}

/// The numbers of one moment.
#[derive(Debug)]
pub struct Snapshot(Vec<Family>);

#[allow(clippy::cast_precision_loss)] // a gauge is a float, by the format
fn float(number: u64) -> f64 {
    number as f64
}

fn label(name: &'static str, value: impl Into<String>) -> Labels {
    vec![(name, value.into())]
}

impl Snapshot {
    /// Asks everyone. Costs a read of one row, however large the store is; what the store does not answer is left out.
    pub async fn take(services: &Services, certificate_expiry: Option<i64>) -> Self {
        let mut all = Self(Vec::new());
        all.relay(services.metrics(), certificate_expiry);
        if let Ok(totals) = services.totals().await {
            all.totals(&totals);
        }
        if let Ok(disk) = services.disk_use().await {
            all.disk(&disk);
        }
        if let Some(activity) = services.activity() {
            all.store(activity);
        }
        all.service(services);
        all
    }

    fn counter(&mut self, name: &'static str, help: &'static str, values: impl IntoIterator<Item = (Labels, u64)>) {
        let values = Values::Counter(values.into_iter().collect());
        self.0.push(Family { name, help, values });
    }

    fn gauge(&mut self, name: &'static str, help: &'static str, value: f64) {
        self.gauges(name, help, [(Labels::new(), value)]);
    }

    fn gauges(&mut self, name: &'static str, help: &'static str, values: impl IntoIterator<Item = (Labels, f64)>) {
        let values = Values::Gauge(values.into_iter().collect());
        self.0.push(Family { name, help, values });
    }

    fn histogram(
        &mut self,
        name: &'static str,
        help: &'static str,
        values: impl IntoIterator<Item = (Labels, Reading)>,
    ) {
        let values = Values::Histogram(values.into_iter().collect());
        self.0.push(Family { name, help, values });
    }

    fn relay(&mut self, metrics: &Metrics, certificate_expiry: Option<i64>) {
        let version = label("version", env!("CARGO_PKG_VERSION"));
        self.gauges("build", "The relay's version, as a label", [(version, 1.0)]);
        self.gauge(
            "start_time_seconds",
            "When the process began, seconds since 1970",
            metrics.started,
        );
        let by_class = metrics.requests.iter().flat_map(|requests| {
            Class::ALL.into_iter().map(|class| {
                let labels = vec![
                    ("operation", requests.operation.clone()),
                    ("class", class.name().to_owned()),
                ];
                (labels, requests.answers[class as usize].load(Ordering::Relaxed))
            })
        });
        self.counter(
            "requests",
            "Answers, by operation of the contract and class of status",
            by_class,
        );
        let times = metrics.requests.iter();
        self.histogram(
            "request_duration_seconds",
            "From the head of a request to its answer; inbox includes the wait for mail",
            times.map(|requests| (label("operation", &*requests.operation), requests.seconds.read())),
        );
        let connections = metrics.connections.load(Ordering::Relaxed).max(0);
        self.gauge("connections", "Open connections", float(connections.unsigned_abs()));
        #[allow(clippy::cast_precision_loss)]
        if let Some(expiry) = certificate_expiry {
            let help = "When the certificate that is shown ends, seconds since 1970";
            self.gauge("certificate_expiry_timestamp_seconds", help, expiry as f64);
        }
        let sweeps = &metrics.sweeps;
        let outcomes = [
            ("done", &sweeps.done),
            ("failed", &sweeps.failed),
            ("put_off", &sweeps.put_off),
        ];
        let outcomes = outcomes.map(|(name, count)| (label("outcome", name), count.load(Ordering::Relaxed)));
        self.counter("sweeps", "Sweeps for what has expired, by outcome", outcomes);
        let steps = sweeps.steps.load(Ordering::Relaxed);
        self.counter(
            "sweep_steps",
            "Steps of sweeps, each a job of the writer",
            [(Labels::new(), steps)],
        );
        let kinds = crate::store::Swept::default().by_kind();
        let removed = kinds.iter().zip(&sweeps.removed);
        self.counter(
            "swept_rows",
            "What sweeps removed, by kind",
            removed.map(|((kind, _), count)| (label("kind", *kind), count.load(Ordering::Relaxed))),
        );
        let failures = metrics.audit_failures.load(Ordering::Relaxed);
        self.counter(
            "audit_failures",
            "Writes to the audit log that failed",
            [(Labels::new(), failures)],
        );
    }

    fn totals(&mut self, totals: &Totals) {
        for (name, help, value) in [
            ("accounts", "Accounts registered", totals.accounts),
            (
                "stored_envelopes",
                "Envelopes that wait to be fetched, in all mailboxes",
                totals.pending,
            ),
            ("stored_bytes", "Bytes of those", totals.pending_bytes),
            (
                "active_licenses",
                "Play licenses that can still be played",
                totals.licenses_active,
            ),
            ("gate_keys", "Gate keys stored", totals.gate_keys),
            ("audit_records", "Records in the audit log", totals.audit.length),
        ] {
            self.gauge(name, help, float(value));
        }
    }

    fn disk(&mut self, disk: &DiskUse) {
        let parts = [("pages", disk.database), ("free_pages", disk.free), ("log", disk.log)];
        self.gauges(
            "database_bytes",
            "The database's file, the free pages in it, and its write-ahead log",
            parts.map(|(part, bytes)| (label("part", part), float(bytes))),
        );
    }

    fn store(&mut self, activity: &Activity) {
        let load = |number: &std::sync::atomic::AtomicU64| number.load(Ordering::Relaxed);
        self.gauge(
            "writer_queue",
            "Jobs that wait for the store's writer",
            float(activity.queued.load(Ordering::Relaxed)),
        );
        self.gauge(
            "writer_queue_limit",
            "So many may; beyond that requests are answered with busy",
            float(activity.queue_limit),
        );
        self.gauge(
            "store_reads",
            "Reads of the store that wait or run; while there are many no connection is accepted",
            float(load(&activity.reading)),
        );
        let alone = |reading| [(Labels::new(), reading)];
        self.histogram(
            "commit_duration_seconds",
            "A commit, from its first job to the disk",
            alone(activity.commits.read()),
        );
        self.histogram("commit_jobs", "Jobs of a commit", alone(activity.jobs.read()));
        self.histogram(
            "checkpoint_duration_seconds",
            "Folding the write-ahead log in; what was deleted is erased with the next truncation, within about a second",
            alone(activity.checkpoints.read()),
        );
        let failures = load(&activity.failures);
        self.counter(
            "commit_failures",
            "Commits of which nothing was stored",
            [(Labels::new(), failures)],
        );
        for (name, help, flag) in [
            (
                "store_erasing",
                "1 while something that was delivered, has expired or was removed is not gone from the database's files yet",
                &activity.erasing,
            ),
            (
                "store_refusing",
                "1 while the disk is full or fails: nothing is stored",
                &activity.refusing,
            ),
            (
                "store_damaged",
                "1 once damage showed: nothing is written until a backup is restored",
                &activity.damaged,
            ),
        ] {
            self.gauge(name, help, f64::from(u8::from(flag.load(Ordering::Relaxed))));
        }
    }

    fn service(&mut self, services: &Services) {
        self.gauge(
            "waiting_inboxes",
            "Clients that wait for mail",
            float(services.mailboxes.waiting() as u64),
        );
        let hits = services.rates.hits();
        self.counter(
            "rate_limited",
            "Requests refused by a rate limit, by limit; one_time: bundles served without a one-time prekey; stranger: sends without a delivery token",
            hits.map(|(limit, hits)| (label("limit", limit.name()), u64::from(hits)))
                .into_iter()
                .chain([(label("limit", "stranger"), services.mailboxes.strangers_refused())]),
        );
        let gate = services.oblivious.load();
        for (name, help, value) in [
            ("gate_threads", "Threads for oblivious plays", gate.threads as u64),
            ("gate_threads_busy", "Those of them that compute", gate.busy as u64),
            (
                "gate_queue",
                "Oblivious plays that wait for a thread",
                gate.waiting as u64,
            ),
            (
                "gate_queue_limit",
                "So many may wait or run; beyond that plays are answered with busy",
                ADMITTED as u64,
            ),
            ("gate_cached_keys", "Gate keys in memory", gate.keys as u64),
            ("gate_cached_bytes", "Bytes of those", gate.key_bytes),
        ] {
            self.gauge(name, help, float(value));
        }
    }
}

impl Collector for Snapshot {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for family in &self.0 {
            let kind = match family.values {
                Values::Counter(_) => MetricType::Counter,
                Values::Gauge(_) => MetricType::Gauge,
                Values::Histogram(_) => MetricType::Histogram,
            };
            let mut metric = encoder.encode_descriptor(family.name, family.help, None, kind)?;
            match &family.values {
                Values::Counter(values) => {
                    for (labels, value) in values {
                        labelled(&mut metric, labels, |m| {
                            m.encode_counter::<NoLabelSet, _, f64>(value, None)
                        })?;
                    }
                }
                Values::Gauge(values) => {
                    for (labels, value) in values {
                        labelled(&mut metric, labels, |m| m.encode_gauge(value))?;
                    }
                }
                Values::Histogram(values) => {
                    for (labels, value) in values {
                        labelled(&mut metric, labels, |m| {
                            m.encode_histogram::<NoLabelSet>(value.sum, value.count, &value.buckets, None)
                        })?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// With labels if there are any: the library writes empty braces otherwise.
fn labelled(
    metric: &mut MetricEncoder<'_>,
    labels: &Labels,
    write: impl FnOnce(&mut MetricEncoder<'_>) -> fmt::Result,
) -> fmt::Result {
    if labels.is_empty() {
        return write(metric);
    }
    write(&mut metric.encode_family(labels)?)
}

/// Writes the numbers down.
///
/// # Errors
/// Never in practice: text is written to memory.
pub fn encode(snapshot: Snapshot) -> Result<String, fmt::Error> {
    let mut registry = Registry::with_prefix(PREFIX);
    registry.register_collector(Box::new(snapshot));
    let mut out = String::new();
    text::encode(&mut out, &registry)?;
    Ok(out)
}
