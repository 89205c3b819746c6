//! Where the messages of a body begin, and how long they are. Pure.
//!
//! gRPC says a message's length before the message (gRPC over HTTP/2, "Length-Prefixed-Message");
//! any other body is one message.

/// The prefix of a gRPC message: whether it is compressed, and its length.
const PREFIX_BYTES: usize = 5;

/// What is known of a body's messages so far.
#[derive(Debug)]
pub(super) enum Messages {
    /// Prefix bytes of the next message, how many of them there are, and what is left of this one.
    Framed { prefix: [u8; PREFIX_BYTES], have: usize, left: u64 },
    /// One message, so long so far.
    Whole(u64),
}

impl Messages {
    pub(super) fn framed() -> Self {
        Self::Framed { prefix: [0; PREFIX_BYTES], have: 0, left: 0 }
    }

    pub(super) fn whole() -> Self {
        Self::Whole(0)
    }

    /// The longest message that `bytes` begin or go on with.
    pub(super) fn longest(&mut self, mut bytes: &[u8]) -> u64 {
        match self {
            Self::Whole(so_far) => {
                *so_far = so_far.saturating_add(bytes.len() as u64);
                *so_far
            }
            Self::Framed { prefix, have, left } => {
                let mut longest = 0;
                loop {
                    let passed = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
                    *left -= passed as u64;
                    bytes = bytes.get(passed..).unwrap_or_default();
                    let Some((byte, rest)) = bytes.split_first() else { return longest };
                    bytes = rest;
                    if let Some(slot) = prefix.get_mut(*have) {
                        *slot = *byte;
                    }
                    *have += 1;
                    if *have == PREFIX_BYTES {
                        let [_, a, b, c, d] = *prefix;
                        *left = u64::from(u32::from_be_bytes([a, b, c, d]));
                        *have = 0;
                        longest = longest.max(*left);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_is_known_before_its_message_however_it_is_cut() {
        let body = [&[0, 0, 0, 0, 3, 1, 2, 3][..], &[1, 0, 0, 1, 0], &[7; 256], &[0, 0, 0, 0, 0]];
        let body = body.concat();
        for chunk in 1..=body.len() {
            let mut messages = Messages::framed();
            let lengths = body.chunks(chunk).map(|part| messages.longest(part));
            assert_eq!(lengths.max(), Some(256), "in chunks of {chunk}");
        }
        let mut messages = Messages::framed();
        assert_eq!(messages.longest(&body[..13]), 256);
        assert_eq!(Messages::framed().longest(&[0, 255, 255, 255, 255]), u64::from(u32::MAX));
    }

    #[test]
    fn a_body_without_messages_is_one() {
        let mut messages = Messages::whole();
        assert_eq!((messages.longest(&[0; 7]), messages.longest(&[0; 9])), (7, 16));
    }
}
