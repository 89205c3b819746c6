//! Binary forms by their first bytes: fields, tables, tensors, pictures, documents. Invariant: a form
//! that turns out wrong is still read by its reader, byte for byte.

use crate::format::{dicom, parquet};
use crate::scanner::{Place, Reader};

/// A form that is no archive and no compression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// A medical image or report, PS3.10, with or without preamble.
    Dicom,
    /// A table in columns.
    Parquet,
}

/// The form of what begins with `head`.
pub(crate) fn form(head: &[u8]) -> Option<Form> {
    match head {
        [b'P', b'A', b'R', b'1' | b'E', ..] => Some(Form::Parquet),
        _ if dicom::has_preamble(head) || dicom::is_bare(head) => Some(Form::Dicom),
        _ => None,
    }
}

impl Form {
    /// The stable name in contracts and reasons.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Form::Dicom => "dicom",
            Form::Parquet => "parquet",
        }
    }

    /// Whether content lies one level further in.
    pub(crate) fn is_nested(self) -> bool {
        match self {
            Form::Dicom => false,
            Form::Parquet => true,
        }
    }

    /// The reader for what begins with `head`.
    pub(crate) fn open(self, place: Place, head: &[u8]) -> Box<dyn Reader> {
        match self {
            Form::Dicom => Box::new(dicom::reader(place, head)),
            Form::Parquet => Box::new(parquet::reader(place)),
        }
    }
}
