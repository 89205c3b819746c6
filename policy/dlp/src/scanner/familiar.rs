//! Short texts that were read before and held nothing: names of hosts, lines of headers, segments of
//! paths, which come with each request. Each thread remembers its own, by all their bytes and by the
//! catalogue, so that what is said of a text is what reading it anew would say.

use std::cell::RefCell;

/// The longest text that is remembered, bytes.
const TEXT_MAX: usize = 119;
/// Texts that a thread remembers: 32 KiB.
const TEXTS_MAX: usize = 256;

thread_local! {
    static TEXTS: RefCell<Texts> = const { RefCell::new(Texts(Vec::new())) };
}

/// Whether this thread has read the text with that catalogue and found nothing.
pub(super) fn is_familiar(catalog: u64, text: &[u8]) -> bool {
    text.len() <= TEXT_MAX && TEXTS.with_borrow(|texts| texts.has(catalog, text))
}

/// Remembers that nothing is in a text.
pub(super) fn remember(catalog: u64, text: &[u8]) {
    if text.len() <= TEXT_MAX {
        TEXTS.with_borrow_mut(|texts| texts.put(catalog, text));
    }
}

/// Texts, each at the place that its bytes choose; a later one takes the place of an earlier one.
struct Texts(Vec<Text>);

#[derive(Clone, Copy)]
struct Text {
    catalog: u64,
    /// Longer than any text where none is kept.
    len: u8,
    bytes: [u8; TEXT_MAX],
}

const NONE: Text = Text { catalog: 0, len: u8::MAX, bytes: [0; TEXT_MAX] };

impl Texts {
    fn has(&self, catalog: u64, text: &[u8]) -> bool {
        self.0.get(place(catalog, text)).is_some_and(|kept| {
            kept.catalog == catalog && kept.bytes.get(..usize::from(kept.len)) == Some(text)
        })
    }

    fn put(&mut self, catalog: u64, text: &[u8]) {
        let mut kept = Text { catalog, len: 0, bytes: [0; TEXT_MAX] };
        let (Ok(len), Some(room)) = (u8::try_from(text.len()), kept.bytes.get_mut(..text.len()))
        else {
            return;
        };
        room.copy_from_slice(text);
        kept.len = len;
        if self.0.is_empty() {
            self.0 = vec![NONE; TEXTS_MAX];
        }
        if let Some(place) = self.0.get_mut(place(catalog, text)) {
            *place = kept;
        }
    }
}

/// Where a text is kept. Whoever makes texts share a place makes them be read, nothing more.
#[expect(
    clippy::cast_possible_truncation,
    reason = "halves are mixed, and one of few places chosen"
)]
fn place(catalog: u64, text: &[u8]) -> usize {
    const ODD: u128 = 0x9e37_79b9_7f4a_7c15;
    let (words, rest) = text.as_chunks::<8>();
    let mut last = [0; 8];
    last.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
    let words = words.iter().chain([&last]).map(|word| u64::from_le_bytes(*word));
    let mixed = words.fold(catalog ^ text.len() as u64, |mixed, word| {
        let wide = u128::from(mixed.rotate_left(5) ^ word) * ODD;
        (wide as u64) ^ ((wide >> 64) as u64)
    });
    mixed as usize % TEXTS_MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_familiar_by_all_its_bytes_and_its_catalogue() {
        let text = b"content-type: application/json";
        assert!(!is_familiar(7, text));
        remember(7, text);
        assert!(is_familiar(7, text));
        assert!(!is_familiar(8, text), "another catalogue may find something");
        assert!(!is_familiar(7, &text[1..]));
        for at in 0..text.len() {
            let mut other = *text;
            other[at] ^= 1;
            assert!(!is_familiar(7, &other), "{at}");
        }
        remember(7, b"");
        assert!(is_familiar(7, b""));
        assert!(!is_familiar(0, b""), "a place that was never taken is nobody's");
    }

    #[test]
    fn a_long_text_is_not_remembered_and_many_texts_take_turns() {
        let long = [b'a'; TEXT_MAX + 1];
        remember(7, &long);
        assert!(!is_familiar(7, &long));
        let text = |number: u64| number.to_be_bytes();
        for number in 0..10_000 {
            remember(7, &text(number));
            assert!(is_familiar(7, &text(number)));
        }
        let kept = (0..10_000).filter(|number| is_familiar(7, &text(*number))).count();
        assert!((TEXTS_MAX / 4..=TEXTS_MAX).contains(&kept), "{kept}");
    }
}
