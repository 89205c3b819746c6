//! Text as words: letters and digits in one case, without accents, with the places where they
//! stand. A roster's cells go through the same door, so both sides are made comparable alike.
//! Invariant: words depend on the bytes, never on the chunks.

/// Bytes of a word that are kept; a longer one is no value's.
pub(super) const WORD_MAX: usize = 32;
/// Bytes of a word as written.
const RAW_MAX: usize = 64;

/// A word.
#[derive(Clone, Copy, Debug)]
pub(super) struct Word {
    /// Where it stands.
    pub(super) start: u64,
    pub(super) end: u64,
    /// The byte before it, and how many bytes stand between it and the word before.
    pub(super) mark: u8,
    pub(super) gap: u64,
    pub(super) has_digit: bool,
    /// Whether it is too long to be a value, or no text.
    pub(super) is_foreign: bool,
    bytes: [u8; WORD_MAX],
    len: u8,
}

impl Word {
    /// The letters and digits, lower case.
    pub(super) fn bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }

    fn set(&mut self, bytes: &[u8]) {
        let len = bytes.len().min(WORD_MAX);
        if let (Some(to), Some(from)) = (self.bytes.get_mut(..len), bytes.get(..len)) {
            to.copy_from_slice(from);
        }
        self.len = u8::try_from(len).unwrap_or(0);
        self.is_foreign = bytes.len() > WORD_MAX || bytes.is_empty();
        self.has_digit = self.bytes().iter().any(u8::is_ascii_digit);
    }
}

/// What a byte is: 0 between words, else the byte in lower case (bytes of UTF-8 as they are).
#[expect(clippy::indexing_slicing, reason = "a place out of bounds would not compile")]
const CLASS: [u8; 256] = {
    let mut class = [0u8; 256];
    let mut byte = 0u8;
    loop {
        if byte.is_ascii_alphanumeric() {
            class[byte as usize] = byte.to_ascii_lowercase();
        } else if byte >= 0x80 {
            class[byte as usize] = byte;
        }
        if byte == u8::MAX {
            break class;
        }
        byte += 1;
    }
};

/// Cuts a stream into words.
#[derive(Debug, Default)]
pub(super) struct Words {
    /// The word under way, in lower case.
    raw: Vec<u8>,
    /// Where it began.
    start: u64,
    /// Whether an apostrophe stands behind it, which may belong to it.
    is_quoted: bool,
    /// Bytes passed.
    at: u64,
    /// Where the last word ended.
    last_end: u64,
    /// The byte before the word under way.
    mark: u8,
}

impl Words {
    /// How many bytes were taken.
    pub(super) fn offset(&self) -> u64 {
        self.at
    }

    /// Whether the next word stands apart from the last one: more than one byte between them.
    pub(super) fn is_apart(&self) -> bool {
        let upto = if self.raw.is_empty() { self.at } else { self.start };
        upto.saturating_sub(self.last_end) > 1
    }

    /// Takes the next bytes and tells each word that ended.
    pub(super) fn feed(&mut self, bytes: &[u8], tell: &mut impl FnMut(&Word)) {
        for &byte in bytes {
            let class = CLASS.get(usize::from(byte)).copied().unwrap_or(0);
            if class != 0 {
                if self.is_quoted {
                    // O'Brien is one word; 'Jane' is one in quotes.
                    self.is_quoted = false;
                    if !byte.is_ascii_alphabetic() {
                        self.end(self.at - 1, tell);
                        self.mark = b'\'';
                    }
                }
                if self.raw.is_empty() {
                    self.start = self.at;
                }
                if self.raw.len() < RAW_MAX {
                    self.raw.push(class);
                }
            } else if byte == b'\'' && !self.raw.is_empty() && !self.is_quoted {
                self.is_quoted = true;
            } else {
                if !self.raw.is_empty() {
                    self.end(self.at - u64::from(self.is_quoted), tell);
                    self.is_quoted = false;
                }
                self.mark = byte;
            }
            self.at += 1;
        }
    }

    /// Says that there are no more.
    pub(super) fn finish(&mut self, tell: &mut impl FnMut(&Word)) {
        if !self.raw.is_empty() {
            self.end(self.at - u64::from(self.is_quoted), tell);
        }
    }

    fn end(&mut self, end: u64, tell: &mut impl FnMut(&Word)) {
        let mut word = Word {
            start: self.start,
            end,
            mark: self.mark,
            gap: self.start.saturating_sub(self.last_end),
            has_digit: false,
            is_foreign: false,
            bytes: [0; WORD_MAX],
            len: 0,
        };
        if self.raw.is_ascii() {
            word.set(&self.raw);
            word.is_foreign |= self.raw.len() >= RAW_MAX;
            tell(&word);
        } else {
            self.end_wide(word, tell);
        }
        self.last_end = end;
        self.raw.clear();
    }

    /// A word with letters beyond ASCII: folded, and cut where one of them is none.
    fn end_wide(&self, mut word: Word, tell: &mut impl FnMut(&Word)) {
        let Some(text) = std::str::from_utf8(&self.raw).ok().filter(|_| self.raw.len() < RAW_MAX)
        else {
            word.is_foreign = true;
            return tell(&word);
        };
        let (start, whole_end) = (word.start, word.end);
        let mut folded = Vec::with_capacity(WORD_MAX);
        let mut flush = |folded: &mut Vec<u8>, word: &mut Word, end: u64| {
            if !folded.is_empty() {
                word.end = end;
                word.set(folded);
                tell(word);
                folded.clear();
                word.gap = 0;
                word.mark = b' ';
            }
        };
        for (at, c) in text.char_indices() {
            let place = start + at as u64;
            if c.is_alphanumeric() {
                if folded.is_empty() {
                    word.gap += place.saturating_sub(word.start.max(start));
                    word.start = place;
                }
                for lower in c.to_lowercase() {
                    match plain(lower) {
                        Some(plain) => folded.extend_from_slice(plain.as_bytes()),
                        None => folded.extend_from_slice(lower.encode_utf8(&mut [0; 4]).as_bytes()),
                    }
                }
            } else if !matches!(c, '\u{2019}' | '\u{300}'..='\u{36f}') {
                flush(&mut folded, &mut word, place);
            }
        }
        flush(&mut folded, &mut word, whole_end);
    }
}

/// A letter without its accent, as forms that know only ASCII write it.
fn plain(c: char) -> Option<&'static str> {
    Some(match c {
        'à'..='å' | 'ā' | 'ă' | 'ą' => "a",
        'æ' => "ae",
        'ç' | 'ć' | 'č' => "c",
        'ď' | 'đ' | 'ð' => "d",
        'è'..='ë' | 'ē' | 'ė' | 'ę' | 'ě' => "e",
        'ğ' => "g",
        'ì'..='ï' | 'ī' | 'į' | 'ı' => "i",
        'ł' => "l",
        'ñ' | 'ń' | 'ň' => "n",
        'ò'..='ö' | 'ø' | 'ō' | 'ő' => "o",
        'œ' => "oe",
        'ř' => "r",
        'ś' | 'ş' | 'š' | 'ș' => "s",
        'ß' => "ss",
        'ţ' | 'ť' | 'ț' => "t",
        'ù'..='ü' | 'ū' | 'ů' | 'ű' | 'ų' => "u",
        'ý' | 'ÿ' => "y",
        'ź' | 'ż' | 'ž' => "z",
        'þ' => "th",
        _ => return None,
    })
}

/// The words of a whole text.
pub(super) fn all(text: &str) -> Vec<Word> {
    let (mut words, mut found) = (Words::default(), Vec::new());
    words.feed(text.as_bytes(), &mut |word| found.push(*word));
    words.finish(&mut |word| found.push(*word));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<(String, u64, u64)> {
        let text_of = |word: &Word| String::from_utf8_lossy(word.bytes()).into_owned();
        all(text).iter().map(|word| (text_of(word), word.start, word.end)).collect()
    }

    #[test]
    fn words_are_folded_and_keep_their_places() {
        assert_eq!(
            texts("O'Brien, JOSÉ"),
            [("obrien".to_owned(), 0, 7), ("jose".to_owned(), 9, 14)]
        );
        assert_eq!(texts("'Jane'"), [("jane".to_owned(), 1, 5)]);
        assert_eq!(texts("Roe—Weiß’s"), [("roe".to_owned(), 0, 3), ("weisss".to_owned(), 6, 15)]);
    }

    #[test]
    fn gaps_and_marks_tell_what_joins() {
        let words = all("219-45 (6)");
        let joints: Vec<(u64, u8)> = words.iter().map(|word| (word.gap, word.mark)).collect();
        assert_eq!(joints, [(0, 0), (1, b'-'), (2, b'(')]);
        assert!(words.iter().all(|word| word.has_digit && !word.is_foreign));
    }

    #[test]
    fn what_is_too_long_or_no_text_is_foreign() {
        assert!(all(&"x".repeat(33))[0].is_foreign);
        let mut found = Vec::new();
        let mut words = Words::default();
        words.feed(b"\xff\xfe\x81 a", &mut |word| found.push(*word));
        words.finish(&mut |word| found.push(*word));
        assert!(found[0].is_foreign && !found[1].is_foreign);
    }
}
