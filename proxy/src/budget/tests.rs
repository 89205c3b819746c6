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
    let (mut one, mut other) = (budget.share(Holder::default()), budget.share(Holder::default()));
    assert!(one.try_grow(60) && !other.try_grow(60) && other.try_grow(15));
    assert!(budget.is_spent(Holder::default()));
    drop(other);
    assert!(!budget.is_spent(Holder::default()));

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
    let mut share = budget.share(Holder::default());
    assert!(share.try_grow(70));
    let share = Arc::new(share);
    let (first, last) =
        (tie(Bytes::from_static(b"a"), &share), tie(Bytes::from_static(b"b"), &share));
    drop((share, first));
    assert_eq!(gauge.get(), 70);
    assert_eq!(&last[..], b"b");
    drop(last);
    assert_eq!(gauge.get(), 0);
}

fn source(number: u32) -> Source {
    Source::Address(std::net::Ipv4Addr::from(number).into())
}

/// Holders that do not meet in one counter.
fn holders(budget: &Budget, many: usize) -> Vec<Holder> {
    let mut holders: Vec<Holder> = Vec::new();
    for number in 0.. {
        let holder = budget.holder(&source(number));
        if holders.len() == many {
            break;
        }
        if !holders.contains(&holder) {
            holders.push(holder);
        }
    }
    holders
}

#[test]
fn what_can_be_kept_elsewhere_leaves_a_quarter_to_newcomers() {
    let (budget, _) = budget(100);
    let of = holders(&budget, 3);
    let mut held = [budget.share(of[0]), budget.share(of[1])];
    assert!(held[0].try_grow_sparing(50) && !held[0].try_grow_sparing(1), "half for one");
    assert!(budget.is_short() && held[1].try_grow_sparing(25) && !held[1].try_grow_sparing(1));
    assert!(!budget.is_spent(of[2]) && budget.share(of[2]).try_grow(18));
}

#[test]
fn no_source_shuts_out_the_others() {
    let (budget, _) = budget(1024);
    let of = holders(&budget, 5);
    assert_eq!(budget.holder(&source(7)), budget.holder(&source(7)));
    let mut shares: Vec<Share> = of.iter().map(|holder| budget.share(*holder)).collect();
    let mut taken = [0_usize; 5];
    for (who, share) in shares.iter_mut().enumerate() {
        assert!(!budget.is_spent(of[who]), "something is left for a newcomer");
        while share.try_grow(1) {
            taken[who] += 1;
        }
        assert!(budget.is_spent(of[who]));
    }
    // Three quarters of what those before have left.
    assert_eq!(taken, [768, 192, 48, 12, 3]);
    assert_eq!(Budget::least_for(768), 1024);
    // Those who use much wait until others have as little as they have: where some is free again, the
    // newcomers come first.
    drop(shares.remove(0));
    assert!(!shares.is_empty() && shares.last_mut().is_some_and(|newcomer| newcomer.try_grow(500)));
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
    /// Whatever is taken and given back by whomever in whatever order: the sums are right, they never
    /// exceed the budget, what fits is never refused, and in the end all of it is free.
    #[test]
    fn the_sums_are_right_and_what_fits_is_never_refused(
        steps in prop::collection::vec(step(), 0..200)
    ) {
        const MAX: u64 = 1000;
        let (budget, gauge) = budget(MAX);
        // Two shares each.
        let of = holders(&budget, 4);
        let mut shares: Vec<Share> = (0..8).map(|who| budget.share(of[who / 2])).collect();
        let mut owned = [0_u64; 8];
        let mut pieces: Vec<(usize, Bytes)> = Vec::new();
        for step in steps {
            let used = |owned: &[u64; 8], pieces: &[(usize, Bytes)], holder: usize| {
                let pieces = pieces.iter().filter(|(who, _)| who / 2 == holder);
                owned[2 * holder] + owned[2 * holder + 1] + pieces.map(|(_, piece)| piece.len() as u64).sum::<u64>()
            };
            let sum: u64 = (0..4).map(|holder| used(&owned, &pieces, holder)).sum();
            let fits = |who: usize, bytes: usize, max: u64, times: u64| {
                let own = used(&owned, &pieces, who / 2) + bytes as u64;
                let sum = sum + bytes as u64;
                sum <= max && own <= times * (MAX - sum)
            };
            match step {
                Step::Drop(who) => {
                    shares[who] = budget.share(of[who / 2]);
                    owned[who] = 0;
                }
                Step::Grow(who, bytes) => {
                    let fits = fits(who, bytes, MAX, TIMES_FREE);
                    prop_assert_eq!(shares[who].try_grow(bytes), fits);
                    owned[who] += if fits { bytes as u64 } else { 0 };
                }
                Step::Sparing(who, bytes) => {
                    let fits = fits(who, bytes, MAX - MAX / 4, TIMES_FREE_SPARING);
                    prop_assert_eq!(shares[who].try_grow_sparing(bytes), fits);
                    owned[who] += if fits { bytes as u64 } else { 0 };
                }
                Step::HandOver(who, bytes) => {
                    let bytes = bytes.min(usize::try_from(owned[who]).unwrap());
                    pieces.push((who, shares[who].hand_over(Bytes::from(vec![0; bytes]))));
                    owned[who] -= bytes as u64;
                }
                Step::Take(piece) => {
                    if piece < pieces.len() {
                        pieces.swap_remove(piece);
                    }
                }
            }
            let each: Vec<u64> = (0..4).map(|holder| used(&owned, &pieces, holder)).collect();
            let sum: u64 = each.iter().sum();
            prop_assert!(sum <= MAX);
            prop_assert_eq!(gauge.get(), i64::try_from(sum).unwrap());
            prop_assert_eq!(budget.is_short(), sum >= MAX / 2);
            for (holder, own) in of.iter().zip(each) {
                prop_assert_eq!(budget.is_spent(*holder), own >= TIMES_FREE * (MAX - sum));
            }
        }
        drop((shares, pieces));
        prop_assert_eq!(gauge.get(), 0);
        prop_assert!(of.iter().all(|holder| budget.holders.used(*holder) == 0));
    }
}
