//! Questions as clients send them and as nobody should, and how large answers are.

use hickory_resolver::proto::op::Header;
use hickory_resolver::proto::serialize::binary::{BinDecodable as _, BinDecoder};

use super::*;

fn query(name: &str, kind: RecordType) -> Message {
    let mut message = Message::query();
    message.metadata.recursion_desired = true;
    message.add_query(Query::query(Name::from_ascii(name).unwrap(), kind));
    message
}

fn asked(message: &Message, way: Way) -> Box<Asked> {
    match read(&message.to_vec().unwrap(), way) {
        Read::Question(asked) => asked,
        Read::Malformed(what, _) => panic!("{what}"),
    }
}

#[track_caller]
fn malformed(bytes: &[u8]) -> (&'static str, Option<ResponseCode>) {
    match read(bytes, Way::Udp) {
        Read::Malformed(what, answer) => {
            let code = answer.map(|answer| {
                assert_eq!(answer[..2], bytes[..2], "the answer's id");
                assert!(answer.len() <= 12, "no larger than a header");
                Message::from_vec(&answer).unwrap().metadata.response_code
            });
            (what, code)
        }
        Read::Question(asked) => panic!("{asked:?}"),
    }
}

#[test]
fn a_question_is_read_as_it_was_asked() {
    for (name, kind, wanted, text) in [
        ("registry.ml.internal.", RecordType::A, Wanted::V4, "A"),
        ("ReGiStRy.ml.internal.", RecordType::AAAA, Wanted::V6, "AAAA"),
        ("registry.ml.internal.", RecordType::HTTPS, Wanted::Service, "HTTPS"),
        ("registry.ml.internal.", RecordType::TXT, Wanted::Other, "TXT"),
        ("registry.ml.internal.", RecordType::ANY, Wanted::Other, "ANY"),
        ("registry.ml.internal.", RecordType::Unknown(65400), Wanted::Other, "TYPE65400"),
    ] {
        let asked = asked(&query(name, kind), Way::Udp);
        assert_eq!(asked.name, name.trim_end_matches('.'));
        assert_eq!((asked.wanted(), asked.kind().as_str()), (wanted, text));
    }
    let mut who = query("id.server.", RecordType::TXT);
    who.queries[0].set_query_class(DNSClass::CH);
    let who = asked(&who, Way::Udp);
    assert_eq!((who.wanted(), who.kind().as_str()), (Wanted::Us, "CH TXT"));
    let answer = Message::from_vec(&who.answer(&Reply::Us)).unwrap();
    assert!(answer.answers[0].to_string().contains(OWN_TEXT), "{answer:?}");
}

#[test]
fn the_answer_names_its_question() {
    let message = query("ReGiStRy.ml.internal.", RecordType::A);
    let asked = asked(&message, Way::Udp);
    let addresses = vec!["10.20.1.2".parse().unwrap(), "10.20.1.3".parse().unwrap()];
    let answer = Message::from_vec(&asked.answer(&Reply::Addresses(addresses, 30))).unwrap();
    assert_eq!(answer.metadata.id, message.metadata.id);
    assert_eq!(answer.metadata.message_type, MessageType::Response);
    assert!(answer.metadata.recursion_available && answer.metadata.recursion_desired);
    assert_eq!(answer.queries[0].name().to_ascii(), "ReGiStRy.ml.internal.", "in its case");
    assert_eq!(answer.answers.len(), 2);
    assert!(answer.answers.iter().all(|record| record.ttl == 30));
    assert!(answer.edns.is_none(), "EDNS is for those who ask by it");
    for (reply, code) in [
        (Reply::NoSuchName, ResponseCode::NXDomain),
        (Reply::Refused, ResponseCode::Refused),
        (Reply::Failed, ResponseCode::ServFail),
        (Reply::Addresses(Vec::new(), 0), ResponseCode::NoError),
    ] {
        let answer = Message::from_vec(&asked.answer(&reply)).unwrap();
        assert_eq!((answer.metadata.response_code, answer.answers.len()), (code, 0));
    }
}

#[test]
fn no_answer_is_larger_than_its_client_takes() {
    let many: Vec<IpAddr> = (0..200u32).map(|n| IpAddr::from(n.to_be_bytes())).collect();
    let reply = Reply::Addresses(many, 30);
    for (announced, way, bytes_max, whole) in [
        (None, Way::Udp, 512, false),
        (Some(100), Way::Udp, 512, false),
        (Some(900), Way::Udp, 900, false),
        (Some(u16::MAX), Way::Udp, 1232, false),
        (None, Way::Tcp, 65535, true),
    ] {
        let mut message = query("registry.ml.internal.", RecordType::A);
        if let Some(announced) = announced {
            let mut edns = Edns::new();
            edns.set_max_payload(announced);
            message.set_edns(edns);
        }
        let bytes = asked(&message, way).answer(&reply);
        assert!(bytes.len() <= bytes_max, "{announced:?}: {} bytes", bytes.len());
        let answer = Message::from_vec(&bytes).unwrap();
        assert_eq!(answer.metadata.truncation, !whole, "{announced:?}");
        assert_eq!(answer.answers.len(), if whole { 200 } else { 0 });
        assert_eq!(answer.edns.is_some(), announced.is_some());
    }
}

#[test]
fn what_is_no_question_is_answered_shortly_or_not_at_all() {
    let good = query("registry.ml.internal.", RecordType::A).to_vec().unwrap();
    assert_eq!(malformed(&[]).1, None);
    assert_eq!(malformed(&good[..2]).1, None);
    let mut answer = good.clone();
    answer[2] |= 0x80;
    assert_eq!(malformed(&answer).1, None, "an answer to an answer goes on for ever");
    assert_eq!(malformed(&good[..good.len() - 1]).1, Some(ResponseCode::FormErr));
    assert_eq!(malformed(&good[..11]).1, Some(ResponseCode::FormErr));
    assert_eq!(malformed(&[good.clone(), vec![0; 5000]].concat()).1, Some(ResponseCode::FormErr));

    let mut none = query("registry.ml.internal.", RecordType::A);
    none.queries.clear();
    assert_eq!(malformed(&none.to_vec().unwrap()).1, Some(ResponseCode::FormErr));
    let mut two = query("registry.ml.internal.", RecordType::A);
    two.add_query(Query::query(Name::from_ascii("b.example.").unwrap(), RecordType::A));
    assert_eq!(malformed(&two.to_vec().unwrap()).1, Some(ResponseCode::FormErr));
    let mut update = good.clone();
    update[2] = 0x28;
    assert_eq!(malformed(&update).1, Some(ResponseCode::NotImp));
    let mut smuggled = query("registry.ml.internal.", RecordType::A);
    let name = Name::from_ascii("b.example.").unwrap();
    smuggled.add_answer(record(&name, 1, "192.0.2.1".parse().unwrap()));
    assert_eq!(malformed(&smuggled.to_vec().unwrap()).1, Some(ResponseCode::FormErr));
}

#[test]
fn a_name_that_points_at_itself_ends() {
    // A compression pointer to its own place (RFC 1035, section 4.1.4).
    let mut bytes = vec![7, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    bytes.extend_from_slice(&[0xc0, 12, 0, 1, 0, 1]);
    assert_eq!(malformed(&bytes).1, Some(ResponseCode::FormErr));
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..600)) {
        if let Read::Malformed(_, Some(answer)) = read(&bytes, Way::Udp) {
            let header = Header::read(&mut BinDecoder::new(&answer)).unwrap();
            proptest::prop_assert_eq!(header.metadata.message_type, MessageType::Response);
        }
    }
}
