//! Peers: who comes in through mutual TLS.

use std::io;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::sidecar::Sidecar;
use super::wait::within;
use super::wire::Conversation;
use super::workload::Session;

/// A peer's request for the local application.
pub(crate) fn peer_request(method: &str, path: &str, fields: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "{method} {path} HTTP/1.1\r\nHost: updates.train.internal\r\n\
         Content-Length: {length}\r\n{fields}\r\n{body}"
    )
}

impl Sidecar {
    /// Comes in with `config`. TLS 1.3 tells a client only when it reads whether it was let in.
    pub(crate) async fn peer(&self, config: Arc<ClientConfig>) -> io::Result<Session> {
        let stream = TcpStream::connect(self.inbound.unwrap()).await?;
        let name = ServerName::try_from("job.train.internal").unwrap();
        let connecting = TlsConnector::from(config).connect(name, stream);
        Ok(Conversation::new(within("a peer's handshake", connecting).await?))
    }
}
