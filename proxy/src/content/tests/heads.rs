//! What the values of a head say together.

use super::*;

fn refusal(fields: &[(&str, &str)]) -> Option<&'static str> {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        let name = http::HeaderName::from_bytes(name.as_bytes()).unwrap();
        headers.append(name, value.parse().unwrap());
    }
    let (content, cell) = (content(1 << 20), ReadingCell::default());
    let read = content.read_head(&ruling("/hold"), Line::NONE, &headers, &cell);
    read.err().map(|verdict| verdict.reason.code)
}

#[test]
fn a_value_that_is_split_over_fields_is_found() {
    let coded = |text: &str| base64_simd::STANDARD_NO_PAD.encode_to_string(text);
    let (first, second) = (coded("the ssn is 536-2"), coded("2-8941 and no more"));
    for fields in [
        &[("x-a", "the ssn is 536-2"), ("x-a", "2-8941")][..],
        &[("x-a", "the ssn is 536-2"), ("x-b", "and"), ("x-c", "2-8941")],
        &[("x-b", "2-8941"), ("x-a", "the ssn is 536-2")],
        &[("x-ssn", "5362"), ("x-ssn", "28941")],
        &[("x-a-bin", &first), ("x-b-bin", &second)],
        &[("x-a-bin", "UGF0aWVudCBTU04gMjE5LTQ="), ("x-b-bin", "NS02MTgzIGFkbWl0dGVk")],
        &[("x-a-bin", &format!("{first}=")), ("x-a-bin", &second)],
        &[("x-a", "the ssn is 536-2,2-8941 x")],
        &[("x-a-bin", &format!("{first},{second}"))],
        &[("x-a-bin", &format!("{},{}", coded("Patient SSN"), coded("536228941")))],
    ] {
        assert_eq!(refusal(fields), Some("finding"), "{fields:?}");
    }
}

#[test]
fn ordinary_heads_say_nothing_together() {
    let usual = [
        ("content-length", "536228"),
        ("date", "Sun, 22 Nov 2026 16:00:01 GMT"),
        ("user-agent", "Mozilla/5.0 (X11; Linux x86_64) Chrome/131.0.0.0"),
        ("x-request-id", "0194f3c2-7f5a-7c1e-8a54-2f19a36b0c11"),
        ("x-amz-date", "20261122T160001Z"),
        ("x-account-id", "12"),
        ("x-amz-meta-rows", "3456789"),
        ("accept", "text/html, application/xml;q=0.9, */*;q=0.8"),
        ("x-parts", "536, 22, 8941, 7"),
        ("cache-control", "max-age=536, stale-while-revalidate=2289"),
        ("accept", "application/json;q=0.9"),
        ("grpc-timeout", "30S"),
        ("x-trace-bin", "AAECAwQFBgcICQ"),
        ("etag", "\"536-22\""),
        ("x-part", "8941"),
    ];
    assert_eq!(refusal(&usual), None);
}
