//! Whether a block is text: ASCII, UTF-8, an 8-bit charset, or text fields with NULs between; and the wide forms
//! (UTF-16, UTF-32), which are not read yet and must not pass as small integers.

/// Whether a block is text that the detectors read as it stands.
pub(super) fn is_text(block: &[u8]) -> bool {
    let printable = block.iter().filter(|b| is_printable(**b)).count();
    let high = block.iter().filter(|b| **b >= 0x80).count();
    let nul = block.iter().filter(|b| **b == 0).count();
    let control = block.len() - printable - high - nul;
    if control * 200 > block.len() {
        return false;
    }
    if nul * 200 <= block.len() {
        return high * 6 <= printable || is_utf8(block);
    }
    // Fields padded by NULs: what is there is ASCII, and it is not every second or fourth byte.
    high * 50 <= printable && printable * 4 >= block.len() && !is_wide_text(block)
}

fn is_printable(byte: u8) -> bool {
    // With the framing bytes of HL7 MLLP (0x0b, 0x1c) and terminal escapes.
    matches!(byte, b' '..=b'~' | b'\t'..=b'\r' | 0x1b | 0x1c)
}

/// UTF-8, where the block may cut its first and last character.
fn is_utf8(block: &[u8]) -> bool {
    const CHARACTER_MAX: usize = 4;
    let lead = block.iter().take(CHARACTER_MAX - 1).take_while(|b| **b & 0xc0 == 0x80).count();
    match std::str::from_utf8(block.get(lead..).unwrap_or_default()) {
        Ok(_) => true,
        Err(error) => error.error_len().is_none(),
    }
}

/// Whether every second (fourth) byte is text and the others are zero: UTF-16 and UTF-32 of western languages.
pub(super) fn is_wide_text(block: &[u8]) -> bool {
    [2usize, 4].into_iter().any(|width| (0..width).any(|lane| is_text_lane(block, width, lane)))
}

fn is_text_lane(block: &[u8], width: usize, lane: usize) -> bool {
    let (mut text, mut letters, mut zero, mut elements) = (0, 0, 0, 0);
    for element in block.chunks_exact(width) {
        elements += 1;
        let Some(&byte) = element.get(lane) else { continue };
        text += usize::from(is_printable(byte));
        letters += usize::from(byte.is_ascii_alphabetic());
        zero += usize::from(element.iter().filter(|b| **b == 0).count() == width - 1 && byte != 0);
    }
    // Small integers may be printable as well, but hardly half of them letters.
    zero * 20 >= elements * 19 && text * 20 >= elements * 19 && letters * 2 >= elements
}
