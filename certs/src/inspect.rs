//! Human text about a PEM chain, for `certs inspect`.

use std::fmt::Write as _;
use std::net::IpAddr;

use jiff::{SignedDuration, Timestamp, Unit};
use rustls_pki_types::CertificateDer;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::public_key::PublicKey;

use crate::pem::{self, InvalidPem};
use crate::profile::{self, Validity};
use crate::verify::spki_sha256;

/// Describes every certificate of a PEM text: subject, issuer, SPIFFE ID, names, validity, key, pin,
/// and each rule of its X509-SVID profile that it breaks.
///
/// # Errors
///
/// The text holds no readable certificate.
pub fn describe(pem: &str) -> Result<String, InvalidPem> {
    describe_all(pem, None)
}

/// As [`describe`], with the time that is left at `now`.
///
/// # Errors
///
/// As [`describe`].
pub fn describe_at(pem: &str, now: Timestamp) -> Result<String, InvalidPem> {
    describe_all(pem, Some(now))
}

fn describe_all(pem: &str, now: Option<Timestamp>) -> Result<String, InvalidPem> {
    let mut text = String::new();
    for (index, der) in pem::certificates(pem.as_bytes())?.iter().enumerate() {
        if index > 0 {
            text.push('\n');
        }
        describe_one(&mut text, index + 1, der, now);
    }
    Ok(text)
}

fn describe_one(text: &mut String, place: usize, der: &CertificateDer<'_>, now: Option<Timestamp>) {
    let certificate = match profile::parse(der) {
        Ok(certificate) => certificate,
        Err(what) => {
            line(text, &format!("certificate {place}"), &format!("cannot be read: {what}"));
            return;
        }
    };
    let is_ca = certificate.is_ca();
    line(text, &format!("certificate {place}"), if is_ca { "CA" } else { "leaf" });
    line(text, "  subject", &printable(&certificate.subject().to_string()));
    line(text, "  issuer", &printable(&certificate.issuer().to_string()));
    line(text, "  serial", &certificate.raw_serial_as_string());
    names(text, &certificate);
    match profile::validity_of(&certificate) {
        Ok(validity) => dates(text, &validity, now),
        Err(what) => line(text, "  validity", &format!("cannot be read: {what}")),
    }
    line(text, "  key", &key_kind(&certificate));
    if let Some(pin) = spki_sha256(der) {
        line(text, "  pin", &format!("sha256:{}", crate::verify::base64(&pin)));
    }
    if is_ca {
        match profile::check_signer(der) {
            Ok(Some(domain)) => line(text, "  signs for", &format!("trust domain {domain}")),
            Ok(None) => line(text, "  signs for", "no trust domain of its own (no URI SAN)"),
            Err(error) => line(text, "  problem", &error.to_string()),
        }
        return;
    }
    let broken = profile::violations(&certificate);
    if broken.is_empty() {
        line(text, "  X509-SVID", "keeps every rule");
    }
    for violation in broken {
        line(text, "  not an SVID", &violation.to_string());
    }
}

fn names(text: &mut String, certificate: &X509Certificate<'_>) {
    let Ok(Some(san)) = certificate.subject_alternative_name() else { return };
    for name in &san.value.general_names {
        match name {
            GeneralName::URI(uri) if uri.starts_with("spiffe://") => {
                line(text, "  SPIFFE ID", &printable(uri));
            }
            GeneralName::URI(uri) => line(text, "  URI", &printable(uri)),
            GeneralName::DNSName(name) => line(text, "  DNS", &printable(name)),
            GeneralName::IPAddress(bytes) => line(text, "  address", &address(bytes)),
            GeneralName::RFC822Name(name) => line(text, "  email", &printable(name)),
            GeneralName::OtherName(..)
            | GeneralName::X400Address(_)
            | GeneralName::DirectoryName(_)
            | GeneralName::EDIPartyName(_)
            | GeneralName::RegisteredID(_)
            | GeneralName::Invalid(..) => line(text, "  other name", "not shown"),
        }
    }
}

fn dates(text: &mut String, validity: &Validity, now: Option<Timestamp>) {
    line(text, "  valid from", &validity.not_before.to_string());
    let left = now.map_or_else(String::new, |now| format!(" ({})", time_left(validity, now)));
    line(text, "  valid until", &format!("{}{left}", validity.not_after));
}

fn time_left(validity: &Validity, now: Timestamp) -> String {
    if now < validity.not_before {
        return format!(
            "not valid yet, begins in {}",
            span(now.duration_until(validity.not_before))
        );
    }
    if now > validity.not_after {
        return format!("EXPIRED {} ago", span(validity.not_after.duration_until(now)));
    }
    format!("{} left", span(now.duration_until(validity.not_after)))
}

fn span(duration: SignedDuration) -> String {
    let duration = duration.round(Unit::Second).unwrap_or(duration);
    let (hours, minutes, seconds) =
        (duration.as_hours(), duration.as_mins() % 60, duration.as_secs() % 60);
    match hours {
        0 if minutes == 0 => format!("{seconds} s"),
        0 => format!("{minutes} min {seconds} s"),
        1..48 => format!("{hours} h {minutes} min"),
        _ => format!("{} days {} h", hours / 24, hours % 24),
    }
}

fn key_kind(certificate: &X509Certificate<'_>) -> String {
    match certificate.public_key().parsed() {
        Ok(PublicKey::RSA(key)) => format!("RSA {} bits", key.key_size()),
        Ok(PublicKey::EC(point)) => format!("EC {} bits", point.key_size()),
        Ok(_) | Err(_) => format!("algorithm {}", certificate.public_key().algorithm.algorithm),
    }
}

fn address(bytes: &[u8]) -> String {
    let v4 = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    let v6 = <[u8; 16]>::try_from(bytes).map(IpAddr::from);
    v4.or(v6).map_or_else(|_| "malformed".to_owned(), |address| address.to_string())
}

// Names in a certificate are its maker's; a terminal must not obey them.
fn printable(text: &str) -> String {
    text.chars()
        .flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] })
        .collect()
}

fn line(text: &mut String, label: &str, value: &str) {
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{label:<14} {value}");
}

#[cfg(test)]
mod tests;
