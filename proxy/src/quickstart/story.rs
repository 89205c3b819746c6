//! What the quickstart sends, and what must become of it.

use std::net::SocketAddr;
use std::path::Path;

use bytes::Bytes;
use http::Method;
use http_body_util::{BodyExt, Empty, Limited};
use hyper_util::rt::TokioIo;

use super::artifact::{Noise, checkpoint, safetensors};
use super::records::{self, Closed};
use super::registry::{Registry, Seen, hex};
use super::table::Line;
use super::workload::{self, Answer};
use crate::drain::Drain;

/// Floats of the gradient stream: 64 MiB.
const GRADIENTS: usize = 16 * 1024 * 1024;
/// Floats of a checkpoint: 8 MiB.
const WEIGHTS: usize = 2 * 1024 * 1024;
/// The largest exposition that is read, bytes.
const METRICS_BYTES_MAX: usize = 1024 * 1024;

/// A worklist line that someone left in a checkpoint. Nobody is called so, and the number is made
/// up within the rules of SSNs.
const LEFT_BEHIND: &str =
    "case 0042\npatient: Jane Roe\nMRN: 00482913\nSSN: 536-22-8147\nDOB: 1961-07-23\n";

const LOG_LINE: &str = "epoch 3 done, loss 0.0412, questions to jane.roe@hospital-mail.org\n";

struct Act<'a> {
    what: &'a str,
    request: (Method, &'a str),
    body: Bytes,
    is_streamed: bool,
    expected: u16,
    arrives: Arrives,
}

/// What must reach the upstream.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Arrives {
    Masked,
    Nothing,
    Unchanged,
}

/// Sends everything; one line each.
pub(super) async fn tell(
    proxy: SocketAddr,
    registry: &Registry,
    old: &Registry,
    log: &Path,
) -> anyhow::Result<Vec<Line>> {
    let mut lines = Vec::new();
    // A log of earlier runs goes on.
    let before = records::close_lines(log)?.len();
    for (number, act) in acts()?.into_iter().enumerate() {
        let (method, url) = act.request.clone();
        let answer =
            workload::send(proxy, (method, url), act.body.clone(), act.is_streamed).await?;
        let seen = if url.contains("old-registry") { old.take() } else { registry.take() };
        let record = records::closed(log, before + number).await?;
        lines.push(line(&act, &answer, &seen, record));
    }
    Ok(lines)
}

/// The lines of `/metrics` that tell this story.
pub(super) async fn metrics(admin: SocketAddr) -> anyhow::Result<String> {
    let stream = workload::connect(admin).await?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    Drain::spawn_background(async move {
        // The answer is read whole below; the connection's end says nothing more.
        let _ended = connection.await;
    });
    let request =
        http::Request::get("/metrics").header("host", "localhost").body(Empty::<Bytes>::new())?;
    let response = sender.send_request(request).await?;
    #[expect(clippy::disallowed_methods, reason = "limited")]
    let collecting = Limited::new(response.into_body(), METRICS_BYTES_MAX).collect();
    let text = collecting.await.map_err(|error| anyhow::anyhow!(error))?.to_bytes();
    let shown = [
        "lazaret_exchanges_total",
        "lazaret_findings_total",
        "lazaret_scanned_bytes_total",
        "lazaret_audit_head_info{",
    ];
    Ok(String::from_utf8_lossy(&text)
        .lines()
        .filter(|line| shown.iter().any(|name| line.starts_with(name)) && !line.ends_with(" 0"))
        .fold(String::new(), |shown, line| shown + "  " + line + "\n"))
}

fn acts() -> anyhow::Result<Vec<Act<'static>>> {
    let mut noise = Noise::new(2026);
    let gradients = Bytes::from(noise.floats(GRADIENTS, 0.003));
    let weights = noise.floats(WEIGHTS, 0.05);
    let clean = Bytes::from(checkpoint(&weights, None)?);
    let act = |what, url, body, expected, arrives| Act {
        what,
        request: (Method::PUT, url),
        body,
        is_streamed: false,
        expected,
        arrives,
    };
    let post = |act: Act<'static>, is_streamed| Act {
        request: (Method::POST, act.request.1),
        is_streamed,
        ..act
    };
    let models = "http://registry.ml.internal/v2/models/chest-xray";
    let leaking = Bytes::from(checkpoint(&weights, Some(LEFT_BEHIND))?);
    let tensors = Bytes::from(safetensors(&weights));
    Ok(vec![
        post(
            act(
                "gradient stream",
                "http://registry.ml.internal/v2/gradients/7",
                gradients,
                200,
                Arrives::Unchanged,
            ),
            true,
        ),
        act("clean checkpoint (.pt)", models, clean.clone(), 200, Arrives::Unchanged),
        act("clean model (.safetensors)", models, tensors, 200, Arrives::Unchanged),
        act("checkpoint with a patient inside", models, leaking, 403, Arrives::Nothing),
        post(
            act(
                "log line with an e-mail",
                "http://registry.ml.internal/v2/logs/7",
                Bytes::from_static(LOG_LINE.as_bytes()),
                200,
                Arrives::Masked,
            ),
            false,
        ),
        act("forbidden host", "http://paste.example/upload", clean.clone(), 403, Arrives::Nothing),
        act(
            "registry with an expired certificate",
            "http://old-registry.ml.internal/v2/models/chest-xray",
            clean,
            502,
            Arrives::Nothing,
        ),
    ])
}

fn line(act: &Act<'_>, answer: &Answer, seen: &Seen, record: Closed) -> Line {
    let sent_sha256 =
        hex(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &act.body).as_ref());
    let (upstream, arrived) = match seen.bodies.as_slice() {
        [] if seen.connections == 0 => ("no connection".to_owned(), Arrives::Nothing),
        [] => ("a handshake that we broke off, no request".to_owned(), Arrives::Nothing),
        [body, ..] => {
            let peer = seen.peer.as_deref().unwrap_or("nobody");
            let (how, arrived) = if !body.is_whole {
                ("cut off after", Arrives::Nothing)
            } else if body.sha256 == sent_sha256 {
                ("identical,", Arrives::Unchanged)
            } else {
                ("masked,", Arrives::Masked)
            };
            (format!("{how} {} from {peer}", size(body.bytes)), arrived)
        }
    };
    let verdict = match answer.status {
        200 if arrived == Arrives::Masked => "redacted".to_owned(),
        200 => "allowed".to_owned(),
        status => format!("{status} {}", answer.code),
    };
    Line {
        sent: format!("{}, {}", act.what, size(act.body.len() as u64)),
        verdict,
        rule: record.rule.unwrap_or_else(|| "none".to_owned()),
        upstream,
        why: (record.outcome != "completed").then_some(record.why),
        is_as_told: answer.status == act.expected && arrived == act.arrives,
    }
}

fn size(bytes: u64) -> String {
    match bytes {
        0..10_240 => format!("{bytes} B"),
        10_240..10_485_760 => format!("{} KiB", bytes >> 10),
        _ => format!("{} MiB", bytes >> 20),
    }
}
