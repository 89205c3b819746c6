//! Classes of 64 bytes, a bit for each byte, and what follows from them. Pure bit arithmetic, shared
//! by every form of the sweep.

/// Bytes that are judged at once.
pub(super) const BLOCK: usize = 64;

/// Which bytes of a block are of which class; bit 0 is the first byte.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Masks {
    pub(super) alpha: u64,
    pub(super) at: u64,
    pub(super) colon: u64,
    pub(super) comma: u64,
    pub(super) dash: u64,
    pub(super) digit: u64,
    pub(super) dot: u64,
    /// Plus and slash, which base64 has beside letters and digits.
    pub(super) encoded: u64,
    pub(super) equals: u64,
    pub(super) quote: u64,
    pub(super) space: u64,
    pub(super) upper: u64,
}

/// What the blocks before leave behind: of each class the last bytes of the block.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Carry {
    alnum: Last,
    colon: Last,
    dash: Last,
    digit: Last,
    dot: Last,
    /// What may end a label: letters and quotes.
    label: Last,
    /// What may stand before the blank before a capital: letters, digits, commas, full stops.
    second: Last,
    space: Last,
    /// Letters and digits behind another one.
    twos: Last,
    /// Whether the block ended in the digits, or the letters, that begin a token.
    digits: bool,
    letters: bool,
    is_encoded: bool,
}

impl Carry {
    /// Whether the block was made of the letters of base64 alone.
    #[inline(always)]
    pub(super) fn is_encoded(&self) -> bool {
        self.is_encoded
    }
}

/// Which of the last bytes of a block are of a class; the highest bit is the very last.
#[derive(Clone, Copy, Debug, Default)]
struct Last(u8);

impl Last {
    /// How many bytes before a place are looked at.
    const LEN: u32 = 5;

    #[inline(always)]
    fn of(mask: u64) -> Last {
        let [.., last] = mask.to_le_bytes();
        Last(last >> (u8::BITS - Last::LEN))
    }

    /// `mask` moved up by `by` (1 to 5), with these before it. The two halves are moved apart:
    /// processors are slow at moving both together.
    #[inline(always)]
    fn before(self, mask: u64, by: u32) -> u64 {
        mask << by | u64::from(self.0 >> (Last::LEN - by))
    }
}

/// `mask` moved up by `by` (1 to 63), with the last bits of the block before.
#[inline(always)]
pub(super) fn behind(mask: u64, before: u64, by: u32) -> u64 {
    mask << by | before >> (64 - by)
}

/// The bits right behind those runs of `class` that begin with a bit of `start`; `carry` tells that
/// such a run came from the block before, and then that one goes on.
#[inline(always)]
fn run_ends(class: u64, start: u64, carry: &mut bool) -> u64 {
    let (sum, first) = class.overflowing_add(start);
    let (sum, second) = sum.overflowing_add(u64::from(*carry));
    *carry = first | second;
    sum & !class
}

/// Where an anchor may stand. The bit of the last byte is also set where the byte behind it decides.
#[inline(always)]
pub(super) fn candidates(m: &Masks, carry: &mut Carry) -> u64 {
    let c = *carry;
    let alnum = m.alpha | m.digit;
    let second = alnum | m.comma | m.dot;
    let label = m.alpha | m.quote;
    let alnum_1 = c.alnum.before(alnum, 1);
    let digit_1 = c.digit.before(m.digit, 1);

    let begins = alnum & !alnum_1;
    let decimals = c.dot.before(m.dot, 1) & c.digit.before(m.digit, 2);
    let digits = m.digit & begins & (m.digit >> 1 | 1 << 63) & !decimals;
    let mixed = run_ends(m.digit, begins & m.digit, &mut carry.digits) & m.alpha
        | run_ends(m.alpha, begins & m.alpha, &mut carry.letters) & m.digit;
    // In tokens of at least `TOKEN_MIN`, as far as the block tells.
    let twos = alnum & alnum_1;
    let fours = twos & c.twos.before(twos, 2);
    let mixed = mixed & (fours | fours >> 1 | fours >> 2 | fours >> 3 | 7 << 61);
    let caps = m.upper & c.space.before(m.space, 1) & c.second.before(second, 2);
    let labels = (m.colon | m.equals) & c.label.before(label, 1);
    let dot = |by| c.dot.before(m.dot, by);
    let dots = m.dot & digit_1 & (dot(2) | dot(3) | dot(4));
    let at = m.at & alnum_1;

    carry.alnum = Last::of(alnum);
    carry.colon = Last::of(m.colon);
    carry.dash = Last::of(m.dash);
    carry.digit = Last::of(m.digit);
    carry.dot = Last::of(m.dot);
    carry.label = Last::of(label);
    carry.second = Last::of(second);
    carry.space = Last::of(m.space);
    carry.twos = Last::of(twos);
    carry.is_encoded = alnum | m.encoded == u64::MAX;
    digits | mixed | caps | labels | pairs(m, &c, alnum_1) | dots | at
}

/// Where the second of two colons or dashes may stand: in most blocks of a text nowhere.
#[inline(always)]
fn pairs(m: &Masks, c: &Carry, alnum_1: u64) -> u64 {
    if m.colon | m.dash == 0 {
        return 0;
    }
    let colon = |by| c.colon.before(m.colon, by);
    let dash = |by| c.dash.before(m.dash, by);
    let colons = m.colon & (colon(2) | colon(3) | colon(4) | colon(5)) & alnum_1;
    colons | m.colon & colon(1) | m.dash & alnum_1 & (dash(2) | dash(3))
}

/// The runs of printable bytes, from block to block.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Runs {
    printable: u64,
    twos: u64,
    fours: u64,
}

/// The bytes at which runs that are long enough end or go on.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Ends {
    /// Of [`super::RUN_MIN`].
    pub(super) six: u64,
    /// Of [`super::RUN_MIN_BINARY`].
    pub(super) eight: u64,
}

impl Runs {
    /// As behind the start of a leaf, which counts as printable.
    pub(super) fn at_start() -> Runs {
        Runs { printable: u64::MAX, twos: u64::MAX, fours: u64::MAX }
    }

    /// Those of the next block.
    #[inline(always)]
    pub(super) fn next(&mut self, printable: u64) -> Ends {
        let twos = printable & behind(printable, self.printable, 1);
        let fours = twos & behind(twos, self.twos, 2);
        let six = fours & behind(twos, self.twos, 4);
        let eight = fours & behind(fours, self.fours, 4);
        *self = Runs { printable, twos, fours };
        Ends { six, eight }
    }
}

impl Ends {
    /// The bytes of the runs that end at these, within the block: all that are long enough in text.
    #[inline(always)]
    pub(super) fn whole_runs(self, is_text: bool) -> u64 {
        let ends = if is_text { self.six } else { self.eight };
        let two = ends | ends >> 1;
        let four = two | two >> 2;
        four | if is_text { four >> 2 } else { four >> 4 }
    }
}

/// The printable bytes at the end of the block: their run may go on.
#[inline(always)]
pub(super) fn open_run(printable: u64) -> u64 {
    let len = printable.leading_ones();
    if len == 0 { 0 } else { u64::MAX << (64 - len) }
}
