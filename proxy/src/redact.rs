//! `lazaret redact`: text in, the same text out with identifiers masked, for a workload's logs. Reads
//! on a thread of its own, so that a pause of the input is noticed and finished lines go out at
//! once. Invariant: nothing goes out that the [`Filter`] has not cleared.

mod filter;

use std::io::{self, Read, Write};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

pub use self::filter::{Filter, Wanted};

/// Bytes read at a time.
const BLOCK: usize = 64 * 1024;
/// Blocks that wait to be read.
const BLOCKS_WAITING_MAX: usize = 2;
/// Silence of the input after which finished lines go out without what follows them.
const PAUSE: Duration = Duration::from_millis(20);
/// A finished line waits no longer than this, however steadily others follow.
const WAIT_MAX: Duration = Duration::from_millis(100);

/// Passes `input` through the filter to `output`, to its end.
///
/// # Errors
/// The input cannot be read to its end, or the output cannot be written.
pub fn run(
    input: impl Read + Send + 'static,
    mut output: impl Write,
    filter: &mut Filter,
) -> io::Result<()> {
    let blocks = read_on(input);
    let mut cleared = Vec::new();
    let mut oldest: Option<Instant> = None;
    loop {
        let patience =
            oldest.map_or(PAUSE, |since| PAUSE.min(WAIT_MAX.saturating_sub(since.elapsed())));
        match blocks.recv_timeout(patience) {
            Ok(block) => filter.push(&block?, &mut cleared),
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) if filter.has_line() => filter.pause(&mut cleared),
            // Nothing to do until more comes: wait without waking up.
            Err(RecvTimeoutError::Timeout) => match blocks.recv() {
                Ok(block) => filter.push(&block?, &mut cleared),
                Err(_) => break,
            },
        }
        oldest = filter.has_line().then(|| oldest.unwrap_or_else(Instant::now));
        if !cleared.is_empty() {
            oldest = oldest.map(|_| Instant::now());
            output.write_all(&cleared)?;
            output.flush()?;
            cleared.clear();
        }
    }
    filter.finish(&mut cleared);
    output.write_all(&cleared)?;
    output.flush()
}

/// Reads on a thread that ends with the input, or with its next block once nobody listens.
fn read_on(mut input: impl Read + Send + 'static) -> Receiver<io::Result<Vec<u8>>> {
    let (sender, blocks) = sync_channel(BLOCKS_WAITING_MAX);
    std::thread::spawn(move || {
        loop {
            let mut block = vec![0; BLOCK];
            let read = match input.read(&mut block) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Ok(0) => return,
                Ok(len) => {
                    block.truncate(len);
                    Ok(block)
                }
                Err(error) => Err(error),
            };
            let is_over = read.is_err();
            if sender.send(read).is_err() || is_over {
                return;
            }
        }
    });
    blocks
}
