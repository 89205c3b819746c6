//! Metrics and logs. Metric names are `lazaret_<noun>_<unit>_total`, with bounded label sets:
//! every label value below is one of ours, never a client's.

use prometheus::{
    Encoder, Gauge, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, IntGaugeVec,
    Opts, Registry, TextEncoder,
};
use tracing_subscriber::EnvFilter;

/// The process's metrics. Handles are cheap to use; the registry is read by `/metrics`.
#[derive(Clone, Debug)]
pub struct Metrics {
    registry: Registry,
    /// Exchanges closed, by direction, outcome and reason code.
    pub exchanges: IntCounterVec,
    /// Exchanges under way, by direction.
    pub exchanges_open: IntGaugeVec,
    /// Downstream connections under way, by listener.
    pub connections_open: IntGaugeVec,
    /// Downstream connections turned away, by listener and reason.
    pub connections_refused: IntCounterVec,
    /// Questions for names that were dropped, over `limits.dnsQuestionsPerSecond` and kin.
    pub dns_dropped: IntCounter,
    /// Bytes that left, by direction.
    pub released_bytes: IntCounterVec,
    /// Bytes scanned, by class of the coverage ledger.
    pub scanned_bytes: IntCounterVec,
    /// Findings, by identifier and confidence.
    pub findings: IntCounterVec,
    /// Bytes of bodies in memory now, and what exchanges under way may come to keep.
    pub buffered_bytes: IntGauge,
    /// Bytes in hold spool files now.
    pub spool_bytes: IntGauge,
    /// What crossed a gateway's links.
    pub links: LinkMetrics,
    /// Connections to upstreams.
    pub upstream: UpstreamMetrics,
    /// Exchanges refused because of what was let through for their source before.
    pub source_findings: IntCounter,
    /// Live exchanges and connections that were cut, by reason.
    pub live_cut: IntCounterVec,
    /// Policy loads, by result.
    pub policy_loads: IntCounterVec,
    /// 1 while the policy in force is older than the one on disk, which does not load.
    pub policy_alarm: IntGauge,
    /// Identity loads, by result.
    pub identity_loads: IntCounterVec,
    /// 1 while the identity in force is older than the one on disk, which does not load.
    pub identity_alarm: IntGauge,
    /// When our certificate expires, seconds since 1970.
    pub identity_not_after: Gauge,
    /// From request head to the close of the exchange.
    pub exchange_seconds: Histogram,
}

/// What crossed a gateway's links. Their names are the configuration's, so the labels are bounded.
#[derive(Clone, Debug)]
pub struct LinkMetrics {
    /// Exchanges closed, by link, outcome and reason code.
    pub exchanges: IntCounterVec,
    /// Body bytes carried, by link and way (`out` upstream, `back` downstream).
    pub bytes: IntCounterVec,
}

/// Connections to upstreams.
#[derive(Clone, Debug)]
pub struct UpstreamMetrics {
    /// Upstream connections opened, by result.
    pub dials: IntCounterVec,
    /// Times that a destination was left alone because it took no connection.
    pub ejections: IntCounter,
    /// Exchanges that reused a pooled upstream connection.
    pub pool_reuses: IntCounter,
    /// Requests sent again because the upstream gave their stream back unprocessed.
    pub stream_retries: IntCounter,
}

impl UpstreamMetrics {
    fn new(make: &Maker) -> Result<Self, prometheus::Error> {
        Ok(Self {
            dials: make.counters(
                ("lazaret_upstream_dials_total", "Upstream connections opened"),
                &["result"],
            )?,
            ejections: make.keep(IntCounter::new(
                "lazaret_upstream_ejections_total",
                "Destinations left alone for a while because they took no connection",
            )?)?,
            pool_reuses: make.keep(IntCounter::new(
                "lazaret_upstream_reuses_total",
                "Exchanges sent over a pooled upstream connection",
            )?)?,
            stream_retries: make.keep(IntCounter::new(
                "lazaret_upstream_stream_retries_total",
                "Requests sent again because the upstream gave their stream back unprocessed",
            )?)?,
        })
    }
}

impl LinkMetrics {
    fn new(make: &Maker) -> Result<Self, prometheus::Error> {
        Ok(Self {
            exchanges: make.counters(
                ("lazaret_link_exchanges_total", "Exchanges closed, by link"),
                &["link", "outcome", "code"],
            )?,
            bytes: make.counters(
                ("lazaret_link_bytes_total", "Body bytes carried, by link"),
                &["link", "way"],
            )?,
        })
    }
}

/// How logs are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One JSON object per line.
    Json,
    /// For people.
    #[default]
    Text,
}

impl Metrics {
    /// Registers every metric.
    ///
    /// # Errors
    /// Two metrics of one name, which is a bug of ours.
    pub fn new() -> Result<Self, prometheus::Error> {
        let make = Maker(Registry::new());
        let buckets = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25, 1.0, 5.0, 30.0, 300.0];
        Ok(Self {
            exchanges: make.counters(
                ("lazaret_exchanges_total", "Exchanges closed"),
                &["direction", "outcome", "code"],
            )?,
            exchanges_open: make
                .gauges(("lazaret_exchanges_open", "Exchanges under way"), "direction")?,
            connections_open: make.gauges(
                ("lazaret_connections_open", "Downstream connections under way"),
                "listener",
            )?,
            connections_refused: make.counters(
                ("lazaret_connections_refused_total", "Downstream connections turned away"),
                &["listener", "reason"],
            )?,
            dns_dropped: make.keep(IntCounter::new(
                "lazaret_dns_dropped_total",
                "Questions for names that were dropped unread",
            )?)?,
            released_bytes: make
                .counters(("lazaret_released_bytes_total", "Bytes that left"), &["direction"])?,
            scanned_bytes: make.counters(
                ("lazaret_scanned_bytes_total", "Bytes scanned, by coverage class"),
                &["class"],
            )?,
            findings: make
                .counters(("lazaret_findings_total", "Findings"), &["identifier", "confidence"])?,
            buffered_bytes: make.gauge(
                "lazaret_buffered_bytes",
                "Bytes of bodies in memory and of their decoders, and what exchanges under way may come to keep",
            )?,
            spool_bytes: make.gauge("lazaret_spool_bytes", "Bytes in hold spool files")?,
            links: LinkMetrics::new(&make)?,
            upstream: UpstreamMetrics::new(&make)?,
            source_findings: make.keep(IntCounter::new(
                "lazaret_source_findings_refused_total",
                "Refused since too many findings were let through for the source",
            )?)?,
            live_cut: make.counters(
                ("lazaret_live_cut_total", "Live exchanges and connections cut"),
                &["reason"],
            )?,
            policy_loads: make
                .counters(("lazaret_policy_loads_total", "Policy loads"), &["result"])?,
            policy_alarm: make
                .gauge("lazaret_policy_alarm", "1 while a changed policy on disk does not load")?,
            identity_loads: make
                .counters(("lazaret_identity_loads_total", "Identity loads"), &["result"])?,
            identity_alarm: make.gauge(
                "lazaret_identity_alarm",
                "1 while a changed identity on disk does not load",
            )?,
            identity_not_after: make.keep(Gauge::new(
                "lazaret_identity_not_after_seconds",
                "When our certificate expires, seconds since 1970",
            )?)?,
            exchange_seconds: make.keep(Histogram::with_opts(
                HistogramOpts::new("lazaret_exchange_duration_seconds", "Request head to close")
                    .buckets(buckets.to_vec()),
            )?)?,
            registry: make.0,
        })
    }

    /// The Prometheus text exposition.
    pub fn encode(&self) -> Vec<u8> {
        let mut text = Vec::new();
        // Encoding into memory fails only for metrics without a name.
        if let Err(error) = TextEncoder::new().encode(&self.registry.gather(), &mut text) {
            tracing::error!(%error, "metrics cannot be encoded");
        }
        text
    }
}

/// Makes metrics and registers them.
struct Maker(Registry);

impl Maker {
    fn keep<C>(&self, collector: C) -> Result<C, prometheus::Error>
    where
        C: prometheus::core::Collector + Clone + 'static,
    {
        self.0.register(Box::new(collector.clone()))?;
        Ok(collector)
    }

    fn counters(
        &self,
        (name, help): (&str, &str),
        labels: &[&str],
    ) -> Result<IntCounterVec, prometheus::Error> {
        self.keep(IntCounterVec::new(Opts::new(name, help), labels)?)
    }

    fn gauges(
        &self,
        (name, help): (&str, &str),
        label: &str,
    ) -> Result<IntGaugeVec, prometheus::Error> {
        self.keep(IntGaugeVec::new(Opts::new(name, help), &[label])?)
    }

    fn gauge(&self, name: &str, help: &str) -> Result<IntGauge, prometheus::Error> {
        self.keep(IntGauge::new(name, help)?)
    }
}

/// Starts logging to standard error. `filter` is an `EnvFilter` directive list such as `info`.
/// A second call does nothing.
pub fn init_logs(format: LogFormat, filter: &str) {
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // An error means that a subscriber is set already, as in tests.
    let _already_set = match format {
        LogFormat::Json => builder.json().try_init(),
        LogFormat::Text => builder.try_init(),
    };
}
