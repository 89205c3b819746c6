//! Sums over tensor elements. Plain loops over lanes, which the compiler turns into vectors; the
//! blocks lie at fixed offsets of a tensor, so that a sum never depends on chunks.

use super::Dtype;

/// What a block of elements adds up to.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sum {
    /// Of the finite ones.
    pub(super) squares: f64,
    pub(super) nans: u64,
    pub(super) infinities: u64,
}

/// Elements that are summed side by side.
const LANES: usize = 8;

/// The sum over whole little-endian elements; nothing for types that are no floats.
pub(super) fn sum(dtype: Dtype, block: &[u8]) -> Sum {
    match dtype {
        Dtype::Bf16 => sum_of::<2>(block, |bytes| single(bf16(u16::from_le_bytes(bytes)))),
        Dtype::F16 => sum_of::<2>(block, |bytes| half(u16::from_le_bytes(bytes))),
        Dtype::C64 | Dtype::F32 => sum_of::<4>(block, |bytes| single(u32::from_le_bytes(bytes))),
        Dtype::C128 | Dtype::F64 => sum_of::<8>(block, |bytes| double(u64::from_le_bytes(bytes))),
        Dtype::Bool
        | Dtype::F4
        | Dtype::F6E2m3
        | Dtype::F6E3m2
        | Dtype::F8E4m3
        | Dtype::F8E5m2
        | Dtype::F8E8m0
        | Dtype::I16
        | Dtype::I32
        | Dtype::I64
        | Dtype::I8
        | Dtype::U16
        | Dtype::U32
        | Dtype::U64
        | Dtype::U8
        | Dtype::Unknown => Sum::default(),
    }
}

/// Bytes that are turned around where the elements are big-endian: those of one number.
pub(super) fn width(dtype: Dtype) -> usize {
    match dtype {
        Dtype::Bf16 | Dtype::F16 => 2,
        Dtype::C64 | Dtype::F32 => 4,
        Dtype::C128 | Dtype::F64 => 8,
        Dtype::Bool
        | Dtype::F4
        | Dtype::F6E2m3
        | Dtype::F6E3m2
        | Dtype::F8E4m3
        | Dtype::F8E5m2
        | Dtype::F8E8m0
        | Dtype::I16
        | Dtype::I32
        | Dtype::I64
        | Dtype::I8
        | Dtype::U16
        | Dtype::U32
        | Dtype::U64
        | Dtype::U8
        | Dtype::Unknown => 1,
    }
}

/// One element: its square where it is finite, else 0; whether it is a NaN; whether it is infinite.
type Element = (f64, u32, u32);

fn sum_of<const WIDTH: usize>(block: &[u8], element: impl Fn([u8; WIDTH]) -> Element) -> Sum {
    let mut squares = [0f64; LANES];
    let mut nans = [0u32; LANES];
    let mut infinities = [0u32; LANES];
    let (elements, _) = block.as_chunks::<WIDTH>();
    let (rows, rest) = elements.as_chunks::<LANES>();
    let mut add = |row: &[[u8; WIDTH]]| {
        let lanes = squares.iter_mut().zip(&mut nans).zip(&mut infinities);
        for (((square, nan), infinite), bytes) in lanes.zip(row) {
            let (value, is_nan, is_infinite) = element(*bytes);
            *square += value;
            *nan += is_nan;
            *infinite += is_infinite;
        }
    };
    for row in rows {
        add(row);
    }
    add(rest);
    let count = |lanes: [u32; LANES]| lanes.iter().map(|lane| u64::from(*lane)).sum();
    Sum { squares: squares.iter().sum(), nans: count(nans), infinities: count(infinities) }
}

fn bf16(bits: u16) -> u32 {
    u32::from(bits) << 16
}

fn single(bits: u32) -> Element {
    const INFINITE: u32 = 0x7f80_0000;
    let size = bits & 0x7fff_ffff;
    let value = f64::from(f32::from_bits(if size < INFINITE { size } else { 0 }));
    (value * value, u32::from(size > INFINITE), u32::from(size == INFINITE))
}

/// The exponent of a half is 112 less than that of the single with the same bits.
fn half(bits: u16) -> Element {
    const INFINITE: u32 = 0x7c00;
    const SCALE: f32 = f32::from_bits((127 + 112) << 23);
    let size = u32::from(bits & 0x7fff);
    let finite = if size < INFINITE { size } else { 0 };
    let value = f64::from(f32::from_bits(finite << 13) * SCALE);
    (value * value, u32::from(size > INFINITE), u32::from(size == INFINITE))
}

fn double(bits: u64) -> Element {
    const INFINITE: u64 = 0x7ff0_0000_0000_0000;
    let size = bits & !(1 << 63);
    let value = f64::from_bits(if size < INFINITE { size } else { 0 });
    (value * value, u32::from(size > INFINITE), u32::from(size == INFINITE))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn squares(dtype: Dtype, block: &[u8]) -> f64 {
        sum(dtype, block).squares
    }

    #[test]
    fn every_float_type_sums_its_squares() {
        let f32s: Vec<u8> = [3f32, -4.0, 0.5].iter().flat_map(|v| v.to_le_bytes()).collect();
        assert_eq!(squares(Dtype::F32, &f32s), 25.25);
        assert_eq!(squares(Dtype::C64, &f32s), 25.25);
        let f64s: Vec<u8> = [3f64, -4.0].iter().flat_map(|v| v.to_le_bytes()).collect();
        assert_eq!(squares(Dtype::F64, &f64s), 25.0);
        let bf16s: Vec<u8> =
            [3f32, -4.0].iter().flat_map(|v| v.to_le_bytes()[2..].to_vec()).collect();
        assert_eq!(squares(Dtype::Bf16, &bf16s), 25.0);
        // 1.5, -2, the smallest subnormal (2^-24), the largest (65504).
        let f16s: Vec<u8> =
            [0x3e00u16, 0xc000, 0x0001, 0x7bff].iter().flat_map(|v| v.to_le_bytes()).collect();
        let want = 2.25 + 4.0 + 2f64.powi(-48) + 65504.0 * 65504.0;
        assert_eq!(squares(Dtype::F16, &f16s), want);
        assert_eq!(squares(Dtype::I8, &f32s), 0.0, "integers have no norm here");
    }

    #[test]
    fn what_is_not_finite_is_counted_apart() {
        let values = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -f32::NAN, 2.0];
        let block: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        let all = sum(Dtype::F32, &block);
        assert_eq!((all.squares, all.nans, all.infinities), (4.0, 2, 2));
        let halves: Vec<u8> =
            [0x7c00u16, 0x7e01, 0xfc00, 0x4000].iter().flat_map(|v| v.to_le_bytes()).collect();
        let all = sum(Dtype::F16, &halves);
        assert_eq!((all.squares, all.nans, all.infinities), (4.0, 1, 2));
        let doubles: Vec<u8> =
            [f64::NAN, f64::INFINITY, 2.0].iter().flat_map(|v| v.to_le_bytes()).collect();
        let all = sum(Dtype::F64, &doubles);
        assert_eq!((all.squares, all.nans, all.infinities), (4.0, 1, 1));
    }
}
