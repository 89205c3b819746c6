//! Containers: formats that hold other content, or that say what their bytes are. Each reads as a
//! stream.

pub(crate) mod arrow;
pub(crate) mod binary;
pub(crate) mod column;
mod csv;
pub(crate) mod dialect;
pub(crate) mod dicom;
pub(crate) mod entry;
pub(crate) mod fhir;
pub(crate) mod flare;
pub(crate) mod gguf;
pub(crate) mod git;
pub(crate) mod grpc;
pub(crate) mod hdf5;
pub(crate) mod hl7;
pub(crate) mod image;
pub(crate) mod json;
mod marks;
pub(crate) mod multipart;
pub(crate) mod npy;
pub(crate) mod outline;
pub(crate) mod parquet;
pub(crate) mod pdf;
pub(crate) mod pickle;
pub(crate) mod protobuf;
pub(crate) mod safetensors;
pub(crate) mod sniff;
pub(crate) mod tar;
pub(crate) mod told;
pub(crate) mod unpack;
pub(crate) mod walk;
pub(crate) mod whole;
pub(crate) mod x12;
pub(crate) mod xml;
pub(crate) mod zip;
