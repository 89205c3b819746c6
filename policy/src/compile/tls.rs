//! `tls` of an endpoint: how it is reached, and who must answer.

use serde_saphyr::Spanned;
use spiffe::SpiffeId;

use super::Faults;
use super::endpoints::host_fix;
use super::read;
use crate::endpoint::{PeerName, SpkiPin, TlsSetting};
use crate::file::TlsFile;
use crate::host::Host;

pub(super) fn compile(faults: &mut Faults, tls: &Spanned<TlsFile>) -> Option<TlsSetting> {
    #[derive(Clone, Copy, PartialEq)]
    enum Mode {
        Mutual,
        Plaintext,
        Server,
    }
    let file = &tls.value;
    let modes =
        [("mutual", Mode::Mutual), ("server", Mode::Server), ("plaintext", Mode::Plaintext)];
    let mode = read::word(faults, &file.mode, "tls mode", &modes);
    let peer = peer(faults, file);
    let pins = pins(faults, file);
    let mode = mode?;
    if mode == Mode::Plaintext {
        match &file.because {
            Some(because) => {
                read::reason(faults, because, "`because`");
            }
            None => {
                let what = "`mode: plaintext` without a reason";
                faults.error(file.mode.referenced, what, "add `because: ...` beside it");
            }
        }
        let written = [file.peer.as_ref(), file.server_name.as_ref()].into_iter().flatten().next();
        let at = written.map(|text| text.referenced).or(file.pins.as_ref().map(|p| p.referenced));
        if let Some(at) = at {
            let what = "without TLS nobody proves a name or a key";
            faults.error(at, what, "leave out `peer`, `serverName` and `pins`");
        }
    } else if let Some(because) = &file.because {
        let what = "`because` here gives the reason for mode: plaintext";
        faults.error(because.referenced, what, "leave it out");
    }
    Some(match mode {
        Mode::Mutual => TlsSetting::Mutual { peer, pins },
        Mode::Plaintext => TlsSetting::Plaintext,
        Mode::Server => TlsSetting::Server { peer, pins },
    })
}

fn peer(faults: &mut Faults, file: &TlsFile) -> Option<PeerName> {
    if let (Some(_), Some(name)) = (&file.peer, &file.server_name) {
        let what = "`peer` and `serverName` exclude each other";
        faults.error(name.referenced, what, "keep the one that the upstream's certificate proves");
    }
    if let Some(text) = &file.peer {
        let id = SpiffeId::parse(&text.value).ok();
        if id.as_ref().is_none_or(|id| id.path().is_empty()) {
            let what = format!("`{}` is no workload's SPIFFE ID", text.value);
            faults.error(text.referenced, &what, "write it as spiffe://trust-domain/path");
        }
        return id.map(PeerName::SpiffeId);
    }
    let text = file.server_name.as_ref()?;
    match Host::parse(&text.value) {
        Ok(host) => Some(PeerName::ServerName(host)),
        Err(error) => {
            let what = format!("bad serverName `{}`: {error}", text.value);
            faults.error(text.referenced, &what, host_fix(error, &text.value));
            None
        }
    }
}

fn pins(faults: &mut Faults, file: &TlsFile) -> Vec<SpkiPin> {
    let Some(written) = &file.pins else { return Vec::new() };
    let texts = read::list(faults, written, "pins", "leave it out to pin nothing, or list keys");
    read::distinct(faults, texts, "pins");
    let mut pins = Vec::with_capacity(texts.len());
    for text in texts {
        match SpkiPin::parse(&text.value) {
            Ok(pin) => pins.push(pin),
            Err(error) => {
                let fix = "make it so: openssl pkey -pubin -outform DER | openssl dgst -sha256 -binary | base64";
                faults.error(text.referenced, &error.to_string(), fix);
            }
        }
    }
    if let [text] = texts {
        let fix = "add the pin of a backup key, or a lost key means an outage";
        faults.warn(text.referenced, "one pin alone", fix);
    }
    pins
}
