//! Binary forms: medical images, tables, tensors, pictures, documents. What they hold is found and
//! told by its place; what is numbers is numeric; whatever is broken in them stops nothing.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "tests"
)]

#[path = "binary/arrow.rs"]
mod arrow;
#[path = "build/all.rs"]
#[allow(dead_code, reason = "shared")]
mod build;
#[path = "binary/dicom.rs"]
mod dicom;
#[path = "binary/flare.rs"]
mod flare;
#[path = "binary/hdf5.rs"]
mod hdf5;
#[path = "binary/hostile.rs"]
mod hostile;
#[path = "binary/image.rs"]
mod image;
#[path = "binary/model.rs"]
mod model;
#[path = "binary/parquet.rs"]
mod parquet;
#[path = "binary/pdf.rs"]
mod pdf;
#[path = "binary/support.rs"]
mod support;
