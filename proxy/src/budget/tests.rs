//! Shares taken and given back, in any order: the sum is right, and what fits is never refused.

use proptest::prelude::*;

use super::*;

fn budget(bytes_max: u64) -> (Budget, IntGauge) {
    let gauge = IntGauge::new("bytes", "bytes").unwrap();
    (Budget::new(bytes_max, gauge.clone()), gauge)
}

#[test]
fn what_is_taken_comes_back_with_the_last_byte() {
    let (budget, gauge) = budget(100);
    let (mut one, mut other) = (budget.share(), budget.share());
    assert!(one.try_grow(60) && !other.try_grow(60) && other.try_grow(40));
    assert!(budget.is_spent());
    drop(other);
    assert!(!budget.is_spent());

    let piece = one.hand_over(Bytes::from(vec![7; 50]));
    drop(one);
    assert_eq!(gauge.get(), 50, "the piece is still in memory");
    let tail = piece.slice(49..);
    drop(piece);
    assert_eq!((gauge.get(), &tail[..]), (50, &[7][..]));
    drop(tail);
    assert_eq!(gauge.get(), 0);
}

#[test]
fn an_exchange_keeps_its_share_until_its_last_piece_is_taken() {
    let (budget, gauge) = budget(100);
    let mut share = budget.share();
    assert!(share.try_grow(80));
    let share = Arc::new(share);
    let (first, last) =
        (tie(Bytes::from_static(b"a"), &share), tie(Bytes::from_static(b"b"), &share));
    drop((share, first));
    assert_eq!(gauge.get(), 80);
    assert_eq!(&last[..], b"b");
    drop(last);
    assert_eq!(gauge.get(), 0);
}

#[test]
fn what_can_be_kept_elsewhere_leaves_a_quarter_to_newcomers() {
    let (budget, _) = budget(100);
    let (mut held, mut newcomer) = (budget.share(), budget.share());
    assert!(held.try_grow_sparing(50) && budget.is_short());
    assert!(!held.try_grow_sparing(26) && held.try_grow_sparing(25));
    assert!(newcomer.try_grow(25) && budget.is_spent());
}

#[derive(Clone, Debug)]
enum Step {
    Drop(usize),
    Grow(usize, usize),
    HandOver(usize, usize),
    Sparing(usize, usize),
    Take(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let (who, bytes) = (0..8_usize, 0..600_usize);
    prop_oneof![
        who.clone().prop_map(Step::Drop),
        (who.clone(), bytes.clone()).prop_map(|(who, bytes)| Step::Grow(who, bytes)),
        (who.clone(), bytes.clone()).prop_map(|(who, bytes)| Step::HandOver(who, bytes)),
        (who, bytes.clone()).prop_map(|(who, bytes)| Step::Sparing(who, bytes)),
        (0..8_usize).prop_map(Step::Take),
    ]
}

proptest! {
    /// Whatever is taken and given back in whatever order: the sum is that of the shares, it never
    /// exceeds the budget, what fits is never refused, and in the end all of it is free.
    #[test]
    fn the_sum_is_right_and_what_fits_is_never_refused(
        steps in prop::collection::vec(step(), 0..200)
    ) {
        const MAX: u64 = 1000;
        let (budget, gauge) = budget(MAX);
        let mut shares: Vec<Share> = (0..8).map(|_| budget.share()).collect();
        let mut owned = [0_u64; 8];
        let mut pieces: Vec<Bytes> = Vec::new();
        for step in steps {
            let sum = owned.iter().sum::<u64>() + pieces.iter().map(|piece| piece.len() as u64).sum::<u64>();
            match step {
                Step::Drop(who) => {
                    shares[who] = budget.share();
                    owned[who] = 0;
                }
                Step::Grow(who, bytes) => {
                    let fits = sum + bytes as u64 <= MAX;
                    prop_assert_eq!(shares[who].try_grow(bytes), fits);
                    owned[who] += if fits { bytes as u64 } else { 0 };
                }
                Step::Sparing(who, bytes) => {
                    let fits = sum + bytes as u64 <= MAX - MAX / 4;
                    prop_assert_eq!(shares[who].try_grow_sparing(bytes), fits);
                    owned[who] += if fits { bytes as u64 } else { 0 };
                }
                Step::HandOver(who, bytes) => {
                    let bytes = bytes.min(usize::try_from(owned[who]).unwrap());
                    pieces.push(shares[who].hand_over(Bytes::from(vec![0; bytes])));
                    owned[who] -= bytes as u64;
                }
                Step::Take(piece) => {
                    if piece < pieces.len() {
                        pieces.swap_remove(piece);
                    }
                }
            }
            let sum = owned.iter().sum::<u64>() + pieces.iter().map(|piece| piece.len() as u64).sum::<u64>();
            prop_assert!(sum <= MAX);
            prop_assert_eq!(gauge.get(), i64::try_from(sum).unwrap());
            prop_assert_eq!(budget.is_spent(), sum >= MAX);
            prop_assert_eq!(budget.is_short(), sum >= MAX / 2);
        }
        drop((shares, pieces));
        prop_assert_eq!(gauge.get(), 0);
    }
}
