//! PURE: a request's method as a record may show it. A method is any word that a client likes to write
//! (RFC 9110, section 9.1), so only those that are registered have a name.

use http::Method;

/// The IANA registry of HTTP methods, but `PRI`, which is HTTP/2's own.
const REGISTERED: [&str; 39] = [
    "ACL",
    "BASELINE-CONTROL",
    "BIND",
    "CHECKIN",
    "CHECKOUT",
    "CONNECT",
    "COPY",
    "DELETE",
    "GET",
    "HEAD",
    "LABEL",
    "LINK",
    "LOCK",
    "MERGE",
    "MKACTIVITY",
    "MKCALENDAR",
    "MKCOL",
    "MKREDIRECTREF",
    "MKWORKSPACE",
    "MOVE",
    "OPTIONS",
    "ORDERPATCH",
    "PATCH",
    "POST",
    "PROPFIND",
    "PROPPATCH",
    "PUT",
    "QUERY",
    "REBIND",
    "REPORT",
    "SEARCH",
    "TRACE",
    "UNBIND",
    "UNCHECKOUT",
    "UNLINK",
    "UNLOCK",
    "UPDATE",
    "UPDATEREDIRECTREF",
    "VERSION-CONTROL",
];

/// The method where it is one of the registered ones, else how long it is.
pub fn seen(method: &Method) -> String {
    let known = REGISTERED.iter().find(|known| **known == method.as_str());
    known.map_or_else(
        || format!("(unregistered, {} bytes)", method.as_str().len()),
        |known| (*known).to_owned(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_of_the_client_s_own_is_a_length() {
        let seen = |method: &str| seen(&Method::from_bytes(method.as_bytes()).unwrap());
        assert_eq!(seen("PROPFIND"), "PROPFIND");
        assert_eq!(seen("PATIENT-JANE-DOE"), "(unregistered, 16 bytes)");
        assert_eq!(seen("get"), "(unregistered, 3 bytes)");
    }
}
