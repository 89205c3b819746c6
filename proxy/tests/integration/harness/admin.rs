//! The administrator: metrics as numbers, health, and the doors they come through.

use std::collections::BTreeMap;

use tokio::net::{TcpStream, UnixStream};

use super::sidecar::Sidecar;
use super::wait::until;
use super::wire::{Answer, Conversation};

/// What `/metrics` says.
pub(crate) struct Metrics {
    pub(crate) text: String,
    samples: BTreeMap<String, f64>,
}

impl Metrics {
    /// Parses the Prometheus text format, strictly: every sample belongs to a metric with a type.
    pub(crate) fn parse(text: String) -> Metrics {
        let mut samples = BTreeMap::new();
        let mut typed = String::new();
        for line in text.lines().filter(|line| !line.is_empty()) {
            if let Some(comment) = line.strip_prefix("# ") {
                let mut words = comment.split(' ');
                let (kind, name) = (words.next().unwrap(), words.next().unwrap());
                assert!(kind == "HELP" || kind == "TYPE", "{line}");
                typed = name.to_owned();
                continue;
            }
            let (series, value) = line.rsplit_once(' ').expect("series and value");
            assert!(series.starts_with(&typed) && !typed.is_empty(), "{line} has no type");
            let is_new = samples.insert(series.to_owned(), value.parse().unwrap()).is_none();
            assert!(is_new, "{series} stands twice");
        }
        Metrics { text, samples }
    }

    /// The value of a series, 0 where it is absent.
    pub(crate) fn value(&self, series: &str) -> f64 {
        self.samples.get(series).copied().unwrap_or(0.0)
    }
}

impl Sidecar {
    /// Asks the TCP door.
    pub(crate) async fn admin(&self, method: &str, path: &str) -> Answer {
        let stream = TcpStream::connect(self.admin).await.unwrap();
        ask(Conversation::new(stream), method, path).await
    }

    /// Asks the Unix socket.
    pub(crate) async fn admin_socket(&self, method: &str, path: &str) -> Answer {
        let socket = self.intercept_ca.with_file_name("admin.sock");
        let stream = UnixStream::connect(socket).await.unwrap();
        ask(Conversation::new(stream), method, path).await
    }

    pub(crate) async fn metrics(&self) -> Metrics {
        let answer = self.admin("GET", "/metrics").await;
        assert_eq!(answer.status, 200);
        Metrics::parse(answer.text())
    }

    /// Waits until a series has a value.
    pub(crate) async fn until_metric(&self, series: &str, value: f64) {
        let began = std::time::Instant::now();
        while (self.metrics().await.value(series) - value).abs() > f64::EPSILON {
            assert!(began.elapsed() < super::wait::PATIENCE, "{series} never became {value}");
        }
    }

    /// Waits until a series has at least a value.
    pub(crate) async fn until_metric_reaches(&self, series: &str, least: f64) {
        let began = std::time::Instant::now();
        while self.metrics().await.value(series) < least {
            assert!(began.elapsed() < super::wait::PATIENCE, "{series} never reached {least}");
        }
    }

    /// Waits until the log holds so many notes of an event.
    pub(crate) async fn until_noted(&self, event: &str, count: usize) {
        until(&format!("{count} notes of {event}"), || {
            (self.log().notes(event).len() >= count).then_some(())
        })
        .await;
    }
}

async fn ask<S>(mut door: Conversation<S>, method: &str, path: &str) -> Answer
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    door.ask(format!("{method} {path} HTTP/1.1\r\nHost: admin\r\n\r\n")).await
}
