//! "Did you mean": the known word closest to one that is not known.

/// Words longer than this get no suggestion.
const WORD_CHARS_MAX: usize = 64;

/// The closest of `known`, where it is close enough to be a slip: at most a third of the word differs.
pub(crate) fn closest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let length = word.chars().count();
    if length > WORD_CHARS_MAX {
        return None;
    }
    let far = (length / 3).max(1);
    known
        .into_iter()
        .filter(|candidate| candidate.chars().count().abs_diff(length) <= far)
        .map(|candidate| (distance(word, candidate), candidate))
        .filter(|(distance, _)| *distance <= far)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// ` Did you mean ...?` as the end of a hint, or nothing.
pub(crate) fn did_you_mean<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    closest(word, known).map_or_else(String::new, |best| format!("; did you mean `{best}`?"))
}

/// Optimal string alignment distance, case folded: insertions, deletions, changes and swaps of neighbours.
fn distance(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.to_lowercase().chars().collect();
    let b: Vec<char> = b.to_lowercase().chars().collect();
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for (i, &x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, &y) in b.iter().enumerate() {
            let at = |line: &[usize], place: usize| line.get(place).copied().unwrap_or(usize::MAX);
            let change = at(&above, j).saturating_add(usize::from(x != y));
            let gap = at(&above, j + 1).min(at(&row, j)).saturating_add(1);
            let swapped = i > 0 && j > 0 && a.get(i - 1) == Some(&y) && b.get(j - 1) == Some(&x);
            let swap = if swapped { at(&before, j - 1).saturating_add(1) } else { usize::MAX };
            row.push(change.min(gap).min(swap));
        }
        before = std::mem::replace(&mut above, row);
    }
    above.last().copied().unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_recognised() {
        let known = ["hosts", "addresses", "ports", "region", "tls"];
        assert_eq!(closest("adresses", known), Some("addresses"));
        assert_eq!(closest("hsots", known), Some("hosts"));
        assert_eq!(closest("Region", known), Some("region"));
    }

    #[test]
    fn other_words_are_left_alone() {
        assert_eq!(closest("timeout", ["hosts", "tls"]), None);
        assert_eq!(closest(&"x".repeat(100), ["hosts"]), None);
        assert_eq!(closest("", ["hosts"]), None);
    }
}
