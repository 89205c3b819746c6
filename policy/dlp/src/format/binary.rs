//! Binary forms by their first bytes: fields, tables, tensors, pictures, documents. Invariant: a form
//! that turns out wrong is still read by its reader, byte for byte.

use crate::format::git::{self, Git};
use crate::format::image::{self, Print};
use crate::format::protobuf::{self, Protobuf};
use crate::format::{arrow, dicom, flare, gguf, hdf5, parquet, pdf, sniff};
use crate::scanner::{Limits, Place, Reader};

/// A form that is no archive and no compression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// A table in columns, in memory's layout.
    Arrow,
    /// A finger, face or iris, as a template or a picture.
    Biometric,
    Bmp,
    /// A medical image or report, PS3.10, with or without preamble.
    Dicom,
    /// A frame of NVIDIA FLARE.
    Flare,
    /// Tensors of a language model, with metadata.
    Gguf,
    Gif,
    /// Objects of a repository, alone or pushed.
    Git,
    /// Data sets in a hierarchy.
    Hdf5,
    Jpeg,
    /// A model in Protocol Buffers.
    Onnx,
    /// A table in columns.
    Parquet,
    /// A document of pages.
    Pdf,
    Png,
    Tiff,
    Webp,
    /// A fingerprint picture.
    Wsq,
}

/// The form of what begins with `head`.
pub(crate) fn form(head: &[u8]) -> Option<Form> {
    match head {
        // The preamble may be another form's header, so that readers of TIFF open the file too.
        _ if dicom::has_preamble(head) => Some(Form::Dicom),
        [b'P', b'A', b'R', b'1' | b'E', ..] => Some(Form::Parquet),
        [0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, ..] => Some(Form::Png),
        [0xff, 0xd8, 0xff, 0xc0..=0xfe, ..] => Some(Form::Jpeg),
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some(Form::Gif),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some(Form::Webp),
        [0xff, 0xa0, 0xff, 0xa2..=0xa8, ..] => Some(Form::Wsq),
        _ if arrow::is_arrow(head) => Some(Form::Arrow),
        _ if image::is_bitmap(head) => Some(Form::Bmp),
        _ if image::is_record(head) => Some(Form::Biometric),
        _ if image::is_tiff(head) => Some(Form::Tiff),
        [0x89, b'H', b'D', b'F', b'\r', b'\n', 0x1a, b'\n', ..] => Some(Form::Hdf5),
        [b'%', b'P', b'D', b'F', b'-', ..] => Some(Form::Pdf),
        [b'G', b'G', b'U', b'F', 2 | 3, 0, 0, 0, ..] => Some(Form::Gguf),
        _ if git::is_git(head) => Some(Form::Git),
        _ if protobuf::is_onnx(head) => Some(Form::Onnx),
        _ if dicom::is_bare(head) => Some(Form::Dicom),
        _ if flare::is_frame(head, sniff::LEN) => Some(Form::Flare),
        _ => None,
    }
}

impl Form {
    /// The stable name in contracts and reasons.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Form::Arrow => "arrow",
            Form::Biometric => "biometric",
            Form::Bmp => "bmp",
            Form::Dicom => "dicom",
            Form::Flare => "flare",
            Form::Gguf => "gguf",
            Form::Gif => "gif",
            Form::Git => "git",
            Form::Hdf5 => "hdf5",
            Form::Jpeg => "jpeg",
            Form::Onnx => "onnx",
            Form::Parquet => "parquet",
            Form::Pdf => "pdf",
            Form::Png => "png",
            Form::Tiff => "tiff",
            Form::Webp => "webp",
            Form::Wsq => "wsq",
        }
    }

    /// Whether content lies one level further in.
    pub(crate) fn is_nested(self) -> bool {
        match self {
            Form::Biometric
            | Form::Bmp
            | Form::Dicom
            | Form::Gguf
            | Form::Gif
            | Form::Jpeg
            | Form::Png
            | Form::Tiff
            | Form::Webp
            | Form::Wsq => false,
            Form::Arrow
            | Form::Flare
            | Form::Git
            | Form::Hdf5
            | Form::Onnx
            | Form::Parquet
            | Form::Pdf => true,
        }
    }

    /// The reader for what begins with `head`.
    pub(crate) fn open(self, place: Place, head: &[u8], limits: &Limits) -> Box<dyn Reader> {
        match self {
            Form::Arrow => Box::new(arrow::reader(place)),
            Form::Biometric => Box::new(Print::record(place)),
            Form::Bmp => Box::new(Print::bitmap(place)),
            Form::Dicom => Box::new(dicom::reader(place, head)),
            Form::Flare => Box::new(flare::reader(place)),
            Form::Gguf => Box::new(gguf::reader(place)),
            Form::Gif => Box::new(image::gif(place)),
            Form::Git => Box::new(Git::new(place, limits)),
            Form::Hdf5 => Box::new(hdf5::reader(place)),
            Form::Jpeg => Box::new(image::jpeg(place)),
            Form::Onnx => Box::new(Protobuf::of(place)),
            Form::Parquet => Box::new(parquet::reader(place)),
            Form::Pdf => Box::new(pdf::reader(place)),
            Form::Png => Box::new(image::png(place)),
            Form::Tiff => Box::new(image::tiff(place)),
            Form::Webp => Box::new(image::webp(place)),
            Form::Wsq => Box::new(Print::wsq(place)),
        }
    }
}
