//! The opcodes of pickle protocols 0 to 5 by the form of their argument (Python's `pickletools`).
//! Pure tables.

/// Begins a pickle of protocol 2 or later.
pub(super) const PROTO: u8 = 0x80;
/// Puts the top of the stack into the memo.
pub(super) const MEMOIZE: u8 = 0x94;
/// Ends a pickle.
pub(super) const STOP: u8 = b'.';

/// What follows an opcode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Argument {
    /// So many bytes that hold no content: protocol, frame length.
    Bytes(usize),
    /// A length of so many bytes, and then as many bytes of payload.
    Counted(usize, Payload),
    /// A big-endian float of eight bytes.
    Float,
    /// An index of the memo that is read, of so many bytes.
    Get(usize),
    /// A little-endian integer of so many bytes.
    Integer(usize),
    /// So many lines of text.
    Lines(u8),
    Nothing,
    /// An index of the memo that is written, of so many bytes.
    Put(usize),
}

/// What a counted argument is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Payload {
    Bytes,
    Integer,
    Text,
}

impl Argument {
    /// Bytes of the fixed part.
    pub(super) fn len(self) -> usize {
        match self {
            Argument::Bytes(len)
            | Argument::Counted(len, _)
            | Argument::Get(len)
            | Argument::Integer(len)
            | Argument::Put(len) => len,
            Argument::Float => 8,
            Argument::Lines(_) | Argument::Nothing => 0,
        }
    }
}

/// The argument of `opcode`; nothing where there is no such opcode.
pub(super) fn argument(opcode: u8) -> Option<Argument> {
    Some(match opcode {
        // BININT, BININT1, BININT2
        b'J' => Argument::Integer(4),
        b'K' => Argument::Integer(1),
        b'M' => Argument::Integer(2),
        // LONG1, LONG4
        0x8a => Argument::Counted(1, Payload::Integer),
        0x8b => Argument::Counted(4, Payload::Integer),
        // SHORT_BINUNICODE, BINUNICODE, BINUNICODE8, SHORT_BINSTRING, BINSTRING
        0x8c | b'U' => Argument::Counted(1, Payload::Text),
        b'X' | b'T' => Argument::Counted(4, Payload::Text),
        0x8d => Argument::Counted(8, Payload::Text),
        // SHORT_BINBYTES, BINBYTES, BINBYTES8, BYTEARRAY8
        b'C' => Argument::Counted(1, Payload::Bytes),
        b'B' => Argument::Counted(4, Payload::Bytes),
        0x8e | 0x96 => Argument::Counted(8, Payload::Bytes),
        // INT, LONG, FLOAT, STRING, UNICODE, PERSID, GET, PUT; GLOBAL and INST have two
        b'I' | b'L' | b'F' | b'S' | b'V' | b'P' | b'g' | b'p' => Argument::Lines(1),
        b'c' | b'i' => Argument::Lines(2),
        // BINPUT, LONG_BINPUT, BINGET, LONG_BINGET, BINFLOAT, PROTO, FRAME. Extension codes are
        // refused: nobody uses them, and their numbers would be unread.
        b'q' => Argument::Put(1),
        b'r' => Argument::Put(4),
        b'h' => Argument::Get(1),
        b'j' => Argument::Get(4),
        b'G' => Argument::Float,
        PROTO => Argument::Bytes(1),
        0x95 => Argument::Bytes(8),
        // NONE, NEWTRUE, NEWFALSE, the lists, tuples, dicts and sets, the stack, REDUCE, BUILD and
        // the like
        b'N' | 0x88 | 0x89 | b']' | b'a' | b'e' | b'l' | b')' | b't' | b'(' | b'0' | b'1'
        | b'2' => Argument::Nothing,
        b'}' | b'd' | b's' | b'u' | b'R' | b'b' | b'o' | b'Q' | STOP => Argument::Nothing,
        0x81 | 0x85..=0x87 | 0x8f | 0x90..=0x94 | 0x97 | 0x98 => Argument::Nothing,
        _ => return None,
    })
}

/// A little-endian length of at most eight bytes.
pub(super) fn unsigned(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte))
}

/// A little-endian integer of at most eight bytes; those of one and two bytes are unsigned.
pub(super) fn integer(bytes: &[u8]) -> i128 {
    let value = i128::from(unsigned(bytes));
    let is_negative = bytes.len() > 2 && bytes.last().is_some_and(|high| high & 0x80 != 0);
    if is_negative { value - (1 << (8 * bytes.len())) } else { value }
}
