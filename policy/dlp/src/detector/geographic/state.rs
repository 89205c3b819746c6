//! States and what ZIP codes say: the ranges of three-digit prefixes (USPS Publication 65), and the
//! prefixes that may not be told even by themselves.

use crate::detector::View;

/// The census whose figures decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Census {
    /// The list that HHS printed in its guidance of 26 November 2012 (2000 census).
    Y2000,
}

/// The census in force here. The rule asks for the current figures of the Bureau of the Census;
/// HHS has printed no later list than that of 2000.
const CENSUS: Census = Census::Y2000;

/// Three-digit areas of at most 20,000 people (45 CFR 164.514(b)(2)(i)(B)).
///
/// | census | prefixes | source |
/// |---|---|---|
/// | 2000 | 036 059 063 102 203 556 692 790 821 823 830 831 878 879 884 890 893 | HHS OCR, Guidance Regarding Methods for De-identification, 2012, section 3.1 |
/// | 2020 | 036 059 102 202 203 204 205 369 556 692 753 772 821 823 878 879 884 893 | reckoned from the census by others; for comparison only |
const fn restricted(census: Census) -> &'static [u64] {
    match census {
        Census::Y2000 => {
            &[36, 59, 63, 102, 203, 556, 692, 790, 821, 823, 830, 831, 878, 879, 884, 890, 893]
        }
    }
}

/// Whether a three-digit prefix by itself is an identifier.
pub(super) fn is_restricted(prefix: u64) -> bool {
    restricted(CENSUS).contains(&prefix)
}

/// Three-digit prefixes, from and to.
type Ranges = &'static [(u64, u64)];

/// Postal codes of states and the ranges of their prefixes.
const STATES: &[(&[u8; 2], Ranges)] = &[
    (b"AA", &[(340, 340)]),
    (b"AE", &[(90, 98)]),
    (b"AK", &[(995, 999)]),
    (b"AL", &[(350, 369)]),
    (b"AP", &[(962, 966)]),
    (b"AR", &[(716, 729)]),
    (b"AZ", &[(850, 865)]),
    (b"CA", &[(900, 961)]),
    (b"CO", &[(800, 816)]),
    (b"CT", &[(60, 69)]),
    (b"DC", &[(200, 205), (569, 569)]),
    (b"DE", &[(197, 199)]),
    (b"FL", &[(320, 349)]),
    (b"GA", &[(300, 319), (398, 399)]),
    (b"GU", &[(969, 969)]),
    (b"HI", &[(967, 968)]),
    (b"IA", &[(500, 528)]),
    (b"ID", &[(832, 838)]),
    (b"IL", &[(600, 629)]),
    (b"IN", &[(460, 479)]),
    (b"KS", &[(660, 679)]),
    (b"KY", &[(400, 427)]),
    (b"LA", &[(700, 714)]),
    (b"MA", &[(10, 27), (55, 55)]),
    (b"MD", &[(206, 219)]),
    (b"ME", &[(39, 49)]),
    (b"MI", &[(480, 499)]),
    (b"MN", &[(550, 567)]),
    (b"MO", &[(630, 658)]),
    (b"MS", &[(386, 397)]),
    (b"MT", &[(590, 599)]),
    (b"NC", &[(270, 289)]),
    (b"ND", &[(580, 588)]),
    (b"NE", &[(680, 693)]),
    (b"NH", &[(30, 38)]),
    (b"NJ", &[(70, 89)]),
    (b"NM", &[(870, 884)]),
    (b"NV", &[(889, 898)]),
    (b"NY", &[(5, 5), (63, 63), (100, 149)]),
    (b"OH", &[(430, 459)]),
    (b"OK", &[(730, 749)]),
    (b"OR", &[(970, 979)]),
    (b"PA", &[(150, 196)]),
    (b"PR", &[(6, 9)]),
    (b"RI", &[(28, 29)]),
    (b"SC", &[(290, 299)]),
    (b"SD", &[(570, 577)]),
    (b"TN", &[(370, 385)]),
    (b"TX", &[(750, 799), (885, 885)]),
    (b"UT", &[(840, 847)]),
    (b"VA", &[(201, 201), (220, 246)]),
    (b"VI", &[(8, 8)]),
    (b"VT", &[(50, 54), (56, 59)]),
    (b"WA", &[(980, 994)]),
    (b"WI", &[(530, 549)]),
    (b"WV", &[(247, 268)]),
    (b"WY", &[(820, 831)]),
    // Islands of the Pacific that share ranges with others.
    (b"AS", &[(967, 967)]),
    (b"FM", &[(969, 969)]),
    (b"MH", &[(969, 969)]),
    (b"MP", &[(969, 969)]),
    (b"PW", &[(969, 969)]),
];

fn ranges(code: &[u8]) -> Option<Ranges> {
    STATES.iter().find(|(state, _)| state.as_slice() == code).map(|(_, ranges)| *ranges)
}

/// Where the ZIP behind the state at `at` ends; nothing where there is no state or no ZIP.
pub(super) fn zip_behind(view: &View<'_>, at: usize) -> Option<usize> {
    let zip = at + 3;
    if view.byte(at + 2) != b' ' || view.digits(zip) != 5 {
        return None;
    }
    ranges(view.part(at, at + 2))?;
    let plus = view.byte(zip + 5) == b'-' && view.digits(zip + 6) == 4;
    let end = zip + if plus { 10 } else { 5 };
    view.ends_text(end).then_some(end)
}

/// Whether the ZIP behind the state at `at` is one of that state.
pub(super) fn is_consistent(view: &View<'_>, at: usize) -> bool {
    let prefix = view.number(at + 3, at + 6);
    let ranges = ranges(view.part(at, at + 2)).unwrap_or_default();
    prefix.is_some_and(|p| ranges.iter().any(|(from, to)| (*from..=*to).contains(&p)))
}

/// Whether a state's code is a word or a code of other things as well.
pub(super) fn is_word(code: &[u8]) -> bool {
    const WORDS: &[&[u8]] = &[
        b"AS", b"DE", b"HI", b"ID", b"IN", b"LA", b"MA", b"ME", b"OK", b"OR", b"PA", b"CO", b"AL",
    ];
    WORDS.contains(&code)
}
