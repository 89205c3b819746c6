//! The spool gives back what it got, in order, and keeps nothing readable on disk.

use std::collections::VecDeque;

use proptest::prelude::*;

use super::*;

const MARK: &[u8] = b"a secret of the hospital";

fn room(memory_max: usize, bytes_max: u64) -> (SpoolRoom, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let gauge = IntGauge::new("spool", "test").unwrap();
    let budget = Budget::new(u64::MAX, IntGauge::new("buffered", "test").unwrap());
    (SpoolRoom::new(folder.path().to_owned(), memory_max, (bytes_max, gauge), budget), folder)
}

fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(work)
}

fn marked(len: usize) -> Bytes {
    MARK.iter().copied().cycle().take(len).collect::<Vec<_>>().into()
}

async fn pop_all(spool: &mut Spool) -> Vec<u8> {
    let mut all = Vec::new();
    while let Some(piece) = spool.pop(u64::MAX).await.unwrap() {
        assert!(!piece.is_empty());
        all.extend_from_slice(&piece);
    }
    all
}

#[derive(Clone, Debug)]
enum Step {
    Pop(u64),
    Push(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        (0..400_000_u64).prop_map(Step::Pop),
        (1..300_000_usize).prop_map(Step::Push),
        (1..50_usize).prop_map(Step::Push),
    ];
    proptest::collection::vec(step, 1..20)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// However it is filled and emptied: first in, first out, and never more than was asked for.
    #[test]
    fn bytes_come_out_as_they_went_in(steps in steps(), memory_max in 0..300_000_usize) {
        run(async {
            let (room, _folder) = room(memory_max, u64::MAX);
            let (mut spool, mut model, mut next) = (room.spool(Holder::default()), VecDeque::new(), 0_u8);
            for step in steps {
                match step {
                    Step::Push(len) => {
                        let chunk: Vec<u8> = (0..len).map(|_| { next = next.wrapping_add(7); next }).collect();
                        model.extend(&chunk);
                        spool.push(chunk.into()).await.unwrap();
                    }
                    Step::Pop(bytes_max) => {
                        if let Some(piece) = spool.pop(bytes_max).await.unwrap() {
                            prop_assert!(piece.len() as u64 <= bytes_max);
                            let expected: Vec<u8> = model.drain(..piece.len()).collect();
                            prop_assert!(piece == expected);
                        } else {
                            prop_assert!(bytes_max == 0 || model.is_empty());
                        }
                    }
                }
                prop_assert_eq!(spool.len(), model.len() as u64);
                prop_assert_eq!(spool.is_empty(), model.is_empty());
            }
            prop_assert!(pop_all(&mut spool).await == model.into_iter().collect::<Vec<_>>());
            Ok(())
        })?;
    }
}

#[test]
fn small_bodies_never_touch_the_disk() {
    run(async {
        let (room, _folder) = room(100_000, 0);
        let mut spool = room.spool(Holder::default());
        for _ in 0..1_000 {
            spool.push(marked(100)).await.unwrap();
        }
        assert!(spool.is_in_memory());
        assert_eq!((room.gauge.get(), spool.len()), (0, 100_000));
        assert!(pop_all(&mut spool).await == marked(100).repeat(1_000));
    });
}

#[test]
fn what_is_on_disk_has_no_name_and_cannot_be_read() {
    run(async {
        let (room, folder) = room(1_000, u64::MAX);
        let mut spool = room.spool(Holder::default());
        let body = marked(2 << 20);
        spool.push(body.clone()).await.unwrap();
        assert!(!spool.is_in_memory());
        let names = std::fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(names, 0, "the file is unlinked");
        let file = spool.file.as_ref().unwrap();
        let mut sealed = vec![0; usize::try_from(file.written).unwrap()];
        file.file.read_exact_at(&mut sealed, 0).unwrap();
        assert!(!sealed.is_empty());
        assert!(!sealed.windows(MARK.len()).any(|window| window == MARK), "readable on disk");
        assert!(pop_all(&mut spool).await == body);
    });
}

#[test]
fn a_changed_byte_on_disk_is_an_error() {
    run(async {
        let (room, _folder) = room(0, u64::MAX);
        let mut spool = room.spool(Holder::default());
        spool.push(marked(3 * RECORD_BYTES)).await.unwrap();
        let file = spool.file.as_ref().unwrap();
        let mut byte = [0];
        file.file.read_exact_at(&mut byte, 1_000).unwrap();
        file.file.write_all_at(&[byte[0] ^ 1], 1_000).unwrap();
        let error = spool.pop(u64::MAX).await.unwrap_err();
        assert_eq!(error.kind(), Kind::SpoolBroken);
        assert!(!error.chain().contains("secret"));
    });
}

#[test]
fn records_cannot_be_exchanged() {
    run(async {
        let (room, _folder) = room(0, u64::MAX);
        let mut spool = room.spool(Holder::default());
        spool.push(marked(2 * RECORD_BYTES)).await.unwrap();
        let file = spool.file.as_ref().unwrap();
        let sealed = RECORD_BYTES + TAG_BYTES;
        let (mut first, mut second) = (vec![0; sealed], vec![0; sealed]);
        file.file.read_exact_at(&mut first, 0).unwrap();
        file.file.read_exact_at(&mut second, sealed as u64).unwrap();
        file.file.write_all_at(&second, 0).unwrap();
        file.file.write_all_at(&first, sealed as u64).unwrap();
        assert_eq!(spool.pop(u64::MAX).await.unwrap_err().kind(), Kind::SpoolBroken);
    });
}

#[test]
fn the_room_is_shared_bounded_and_given_back() {
    run(async {
        let (room, _folder) = room(0, 3 * (RECORD_BYTES + TAG_BYTES) as u64);
        let (mut first, mut second) =
            (room.spool(Holder::default()), room.spool(Holder::default()));
        first.push(marked(2 * RECORD_BYTES)).await.unwrap();
        second.push(marked(RECORD_BYTES)).await.unwrap();
        assert_eq!(room.gauge.get(), 3 * i64::try_from(RECORD_BYTES + TAG_BYTES).unwrap());
        let error = second.push(marked(RECORD_BYTES)).await.unwrap_err();
        assert_eq!(error.kind(), Kind::SpoolMax);
        drop(second);
        first.push(marked(RECORD_BYTES)).await.unwrap();
        drop(first);
        assert_eq!((room.gauge.get(), room.used.load(Ordering::Relaxed)), (0, 0));
    });
}

#[test]
fn a_folder_that_is_gone_is_an_error() {
    run(async {
        let (room, folder) = room(10, u64::MAX);
        drop(folder);
        let error = room.spool(Holder::default()).push(marked(100)).await.unwrap_err();
        assert_eq!(error.kind(), Kind::SpoolBroken);
    });
}

#[test]
fn what_memory_has_no_room_for_goes_to_disk_and_comes_back() {
    let (room, _folder) = room(1 << 20, u64::MAX);
    let gauge = IntGauge::new("buffered", "test").unwrap();
    let budget = Budget::new(1000, gauge.clone());
    let room = SpoolRoom { budget: budget.clone(), ..room };
    run(async {
        let mut spool = room.spool(Holder::default());
        spool.push(marked(500)).await.unwrap();
        assert!(spool.is_in_memory());
        // One source leaves half to what cannot go to disk.
        spool.push(marked(100)).await.unwrap();
        assert!(!spool.is_in_memory());
        assert_eq!(gauge.get(), 500, "what goes through a file is in the exchange's own share");

        assert_eq!(pop_all(&mut spool).await.len(), 600);
        drop(spool);
        assert_eq!(gauge.get(), 0);
    });
}
