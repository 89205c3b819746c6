//! Tape archives as `tar` writes them, for tests.

/// Changes a header and makes its check sum right.
pub(crate) fn change(header: &mut [u8], at: usize, bytes: &[u8]) {
    header[at..at + bytes.len()].copy_from_slice(bytes);
    header[148..156].fill(b' ');
    let sum: u32 = header[..512].iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}

/// An entry of a ustar archive, filled up.
pub(crate) fn entry(name: &str, kind: u8, data: &[u8]) -> Vec<u8> {
    let mut out = vec![0; 512];
    out[..name.len()].copy_from_slice(name.as_bytes());
    out[100..124].copy_from_slice(b"0000644\x000001750\x000001750\0");
    out[124..136].copy_from_slice(format!("{:011o}\0", data.len()).as_bytes());
    out[136..148].copy_from_slice(b"14712345671\0");
    out[156] = kind;
    change(&mut out, 257, b"ustar\x0000");
    out.extend(data);
    out.resize(out.len().next_multiple_of(512), 0);
    out
}

pub(crate) fn file(name: &str, data: &[u8]) -> Vec<u8> {
    entry(name, b'0', data)
}

/// Entries, and the two blocks of zeros.
pub(crate) fn tar(entries: &[Vec<u8>]) -> Vec<u8> {
    [entries.concat(), vec![0; 1024]].concat()
}
