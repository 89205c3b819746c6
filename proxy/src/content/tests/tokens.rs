//! Bodies whose findings leave as tokens: whole, however they are cut on their way.

use dlp::redact::{Style, redact};
use dlp::{Catalog, Key};
use policy::Materials;

use super::*;

struct OneKey;

impl Materials for OneKey {
    fn roster(&self, _: &str, _: &str) -> Result<std::sync::Arc<dlp::exact::ExactSet>, String> {
        Err("no story has one".to_owned())
    }

    fn key(&self, _: &str) -> Result<Key, String> {
        Ok(key())
    }
}

fn key() -> Key {
    Key::new(&[b'k'; 32]).unwrap()
}

fn ruling(inspect: &str) -> Ruling {
    let name = format!("{{name: {inspect}, inspect: {inspect}}}");
    let rules = "rules: [{when: {identifiers: [any]}, action: redact}]";
    let style = "redaction: {style: token, keyFile: token.key}";
    let tokens = format!("{{name: {inspect}, inspect: {inspect}, {rules}, {style}}}");
    let source = PolicyText { name: "p.yaml".to_owned(), text: POLICY.replace(&name, &tokens) };
    let policy = Policy::compile_with(&[source], &OneKey).unwrap().policy;
    let host = Host::parse("e.example").unwrap();
    let path = &format!("/{inspect}");
    let now = crate::clock::now();
    let facts = EgressFacts {
        source: None,
        host: &host,
        port: None,
        is_grpc: false,
        method: "PUT",
        path,
        upgrade: None,
        now,
    };
    policy.decide_egress(&facts).unwrap().ruling()
}

/// Prose with identifiers in it, and what is to become of them: told by the whole at once.
fn body(seconds: usize) -> (Vec<u8>, Vec<u8>) {
    let mut body = prose(2_000);
    for place in 0..seconds {
        body.extend(format!("ssn {SSN}, mail to someone.{place}@clinic.example.org\n").bytes());
        body.extend(prose(700 + place));
    }
    let mut wanted = body.clone();
    let evidence = {
        let hint = dlp::Hint::default();
        let mut scanner = dlp::Scanner::new(Catalog::builtin(), &hint, dlp::Limits::default());
        scanner.feed(&body);
        scanner.finish();
        scanner.evidence().clone()
    };
    assert!(evidence.findings.len() >= 2 * seconds);
    redact(&Style::Token(key()), &evidence.findings, 0, &mut wanted, |_| true);
    (body, wanted)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn the_same_value_is_the_same_token_whatever_cuts_it(
        cuts in proptest::collection::vec(1..900_usize, 1..40),
        memory_max in prop_oneof![Just(2_000_usize), Just(1 << 20)],
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (body, wanted) = body(6);
        let (mut chunks, mut rest) = (Vec::new(), &body[..]);
        for cut in cuts.iter().cycle() {
            if rest.is_empty() { break; }
            let (chunk, after) = rest.split_at((*cut).min(rest.len()));
            chunks.push(chunk);
            rest = after;
        }
        for inspect in ["hold", "stream"] {
            let pieces = Pieces::of(&chunks, End::Whole);
            let (passed, _) = runtime.block_on(pass_under(ruling(inspect), memory_max, pieces));
            let passed = passed.unwrap();
            prop_assert!(passed.is_whole, "{}", inspect);
            prop_assert_eq!(
                String::from_utf8_lossy(&passed.bytes),
                String::from_utf8_lossy(&wanted),
                "{}", inspect
            );
        }
    }
}

#[test]
fn tokens_hide_what_they_stand_for() {
    let (body, wanted) = body(2);
    let text = String::from_utf8_lossy(&wanted);
    assert!(body.len() == wanted.len() && !text.contains("8941") && !text.contains("someone"));
    let tokens: Vec<&str> =
        text.lines().filter_map(|line| line.strip_prefix("ssn ")?.get(..SSN.len())).collect();
    assert_eq!(tokens.len(), 2);
    assert!(tokens[0] == tokens[1] && tokens[0].chars().any(char::is_alphabetic), "{tokens:?}");
}
