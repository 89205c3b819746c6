//! The quickstart's upstream: a model registry that asks for client certificates and remembers
//! what it saw, so that the table can say it.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use certs::Identity;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::drain::Drain;

/// What one registry saw since it was last asked.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    pub(super) connections: u64,
    pub(super) peer: Option<String>,
    pub(super) bodies: Vec<Body>,
}

/// A request body as it arrived.
#[derive(Clone, Debug)]
pub(super) struct Body {
    pub(super) bytes: u64,
    pub(super) sha256: String,
    pub(super) is_whole: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Registry {
    seen: Arc<Mutex<Seen>>,
}

impl Registry {
    /// Serves on `listener` until the process ends.
    pub(super) fn serve(listener: TcpListener, identity: &Identity) -> anyhow::Result<Self> {
        let config = certs::tls::server_config(identity)?;
        let registry = Self { seen: Arc::default() };
        let this = registry.clone();
        Drain::spawn_background(async move {
            let acceptor = TlsAcceptor::from(config);
            while let Ok((stream, _)) = listener.accept().await {
                let (this, acceptor) = (this.clone(), acceptor.clone());
                Drain::spawn_background(async move { this.converse(stream, acceptor).await });
            }
        });
        Ok(registry)
    }

    /// What was seen since the last call.
    pub(super) fn take(&self) -> Seen {
        std::mem::take(&mut *self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }

    async fn converse(self, stream: TcpStream, acceptor: TlsAcceptor) {
        self.note(|seen| seen.connections += 1);
        let Ok(stream) = acceptor.accept(stream).await else { return };
        let (_, session) = stream.get_ref();
        let leaf = session.peer_certificates().and_then(|chain| chain.first());
        let peer = leaf.and_then(|leaf| certs::verify::spiffe_id_of(leaf).ok());
        let service = service_fn(move |request| {
            let (this, peer) = (self.clone(), peer.as_ref().map(ToString::to_string));
            async move { Ok::<_, std::convert::Infallible>(this.take_in(request, peer).await) }
        });
        // How a connection ends is the proxy's affair; what arrived is noted already.
        let _ended = hyper::server::conn::http1::Builder::new()
            .serve_connection(TokioIo::new(stream), service)
            .await;
    }

    async fn take_in(
        &self,
        request: Request<Incoming>,
        peer: Option<String>,
    ) -> Response<Full<Bytes>> {
        let mut digest = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
        let (mut body, mut bytes, mut is_whole) = (request.into_body(), 0, true);
        while let Some(frame) = body.frame().await {
            match frame {
                Ok(frame) => {
                    if let Some(data) = frame.data_ref() {
                        digest.update(data);
                        bytes += data.len() as u64;
                    }
                }
                Err(_) => {
                    is_whole = false;
                    break;
                }
            }
        }
        let sha256 = hex(digest.finish().as_ref());
        self.note(|seen| {
            seen.peer = peer;
            seen.bodies.push(Body { bytes, sha256, is_whole });
        });
        Response::new(Full::new(Bytes::from_static(b"stored\n")))
    }

    fn note(&self, change: impl FnOnce(&mut Seen)) {
        change(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// Binds a registry's port.
pub(super) async fn bind(port: u16) -> anyhow::Result<TcpListener> {
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    TcpListener::bind(address).await.map_err(|error| {
        anyhow::anyhow!(
            "the quickstart's registry cannot listen on {address}: {error}; end what uses the port"
        )
    })
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
