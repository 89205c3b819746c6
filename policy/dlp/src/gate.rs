//! The first tier: one pass that finds where a detector could begin. Plain loops that vectorise
//! well. Invariant: whether an anchor stands at an offset depends on that byte and its two
//! neighbours only.

/// What a candidate grows from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Anchor {
    /// An `@` with a letter or digit behind it.
    At,
    /// The first digit of a run of at least two.
    Digits,
}

/// Bytes that are judged at once. One tensor block in twenty holds a pair of digits, so wider would
/// pass more.
const BLOCK: usize = 32;

/// The next anchor in `bytes[from..to]`. Bytes from `to` on are looked at only as neighbours.
pub(crate) fn next_anchor(bytes: &[u8], from: usize, to: usize) -> Option<(usize, Anchor)> {
    let to = to.min(bytes.len());
    let mut at = from;
    while at < to {
        if is_empty_block(bytes, at) {
            at += BLOCK;
            continue;
        }
        let stop = (at + BLOCK).min(to);
        while at < stop {
            if let Some(anchor) = anchor_at(bytes, at) {
                return Some((at, anchor));
            }
            at += 1;
        }
    }
    None
}

/// Whether no anchor can stand in the whole block at `at`. A short last block is not judged.
fn is_empty_block(bytes: &[u8], at: usize) -> bool {
    let (Some(here), Some(next)) = (
        bytes.get(at..).and_then(<[u8]>::first_chunk::<BLOCK>),
        bytes.get(at + 1..).and_then(<[u8]>::first_chunk::<BLOCK>),
    ) else {
        return false;
    };
    let mut hit = 0u8;
    for (&a, &b) in here.iter().zip(next) {
        let pair = u8::from(a.wrapping_sub(b'0') < 10) & u8::from(b.wrapping_sub(b'0') < 10);
        // `b | 0x20 >= b'0'` is a cheap superset of "letter or digit".
        let mail = u8::from(a == b'@') & u8::from((b | 0x20) >= b'0');
        hit |= pair | mail;
    }
    hit == 0
}

fn anchor_at(bytes: &[u8], at: usize) -> Option<Anchor> {
    let byte = *bytes.get(at)?;
    let next = bytes.get(at + 1).copied().unwrap_or(0);
    if byte == b'@' {
        return next.is_ascii_alphanumeric().then_some(Anchor::At);
    }
    let begins = byte.is_ascii_digit()
        && next.is_ascii_digit()
        && !at.checked_sub(1).and_then(|i| bytes.get(i)).is_some_and(u8::is_ascii_digit);
    begins.then_some(Anchor::Digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(bytes: &[u8]) -> Vec<(usize, Anchor)> {
        let mut found = Vec::new();
        let mut from = 0;
        while let Some((at, anchor)) = next_anchor(bytes, from, bytes.len()) {
            found.push((at, anchor));
            from = at + 1;
        }
        found
    }

    #[test]
    fn finds_the_start_of_each_run_and_mail_sign() {
        assert_eq!(
            all(b"7 12 345x @ a@b 9"),
            [(2, Anchor::Digits), (5, Anchor::Digits), (13, Anchor::At)]
        );
    }

    #[test]
    fn finds_an_anchor_at_every_place_of_a_block() {
        for place in 0..3 * BLOCK {
            let mut bytes = vec![b'.'; 3 * BLOCK + 2];
            bytes[place] = b'4';
            bytes[place + 1] = b'2';
            assert_eq!(all(&bytes), [(place, Anchor::Digits)]);
        }
    }
}
