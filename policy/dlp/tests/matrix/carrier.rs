//! What carries a planted value: forms as text, and forms of bytes.

use crate::build::archive::{Entry, zip};
use crate::build::{arrow, dicom, floats, hdf5, image, model, parquet, pdf, tape};
use crate::plant::Plant;

/// What the wrappings may do to a form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Nature {
    /// Characters: may be written in another character set and in escapes.
    Text,
    /// Characters that are read from the first one on: values are told by their places.
    Places,
    /// Bytes.
    Binary,
    /// Bytes whose form only a header of the request tells.
    Told(&'static str),
}

/// A form that carries a value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Carrier {
    pub(crate) name: &'static str,
    pub(crate) nature: Nature,
    /// Nothing where the form has no place for such a value.
    pub(crate) build: fn(&Plant) -> Option<Vec<u8>>,
}

const fn text(name: &'static str, build: fn(&Plant) -> Option<Vec<u8>>) -> Carrier {
    Carrier { name, nature: Nature::Text, build }
}

const fn places(name: &'static str, build: fn(&Plant) -> Option<Vec<u8>>) -> Carrier {
    Carrier { name, nature: Nature::Places, build }
}

const fn binary(name: &'static str, build: fn(&Plant) -> Option<Vec<u8>>) -> Carrier {
    Carrier { name, nature: Nature::Binary, build }
}

const fn told(
    name: &'static str,
    content_type: &'static str,
    build: fn(&Plant) -> Option<Vec<u8>>,
) -> Carrier {
    Carrier { name, nature: Nature::Told(content_type), build }
}

pub(crate) const CARRIERS: &[Carrier] = &[
    text("plain", plain),
    text("log line", log),
    places("csv", |p| Some(table(p, ","))),
    places("tsv", |p| Some(table(p, "\t"))),
    places("json", json),
    text("json text", |p| Some(format!("{{\"note\":\"seen.\\n{}\\n\\\"ok\\\"\"}}", p.text).into())),
    text("ndjson", ndjson),
    text("json in json", json_in_json),
    places("hl7", hl7),
    places("x12", x12),
    places("xml", xml),
    text("xml attribute", |p| {
        Some(format!("<?xml version=\"1.0\"?>\n<row {}=\"{}\"/>", p.key, p.value).into())
    }),
    text("form", |p| Some(format!("visit=3&{}={}&x=1", p.key, p.value).into())),
    binary("npy U", |p| Some(npy('U', p.text))),
    binary("npy S", |p| Some(npy('S', p.text))),
    binary("npz", |p| Some(zip(&[Entry::deflated("notes.npy", &npy('U', p.text))], b""))),
    binary("safetensors", safetensors),
    binary("pickle", |p| Some(pickle(p.text))),
    binary("pickle by key", pickle_by_key),
    binary("pytorch", pytorch),
    binary("zip text", |p| Some(zip(&[Entry::deflated("a/note.txt", &plain(p)?)], b""))),
    binary("zip csv", |p| {
        Some(zip(&[Entry::stored("a/rows.csv", &table(p, ",")).streamed()], b""))
    }),
    binary("zip name", |p| {
        Some(zip(
            &[Entry::stored(&format!("notes/{} scan.txt", p.text.replace('/', "-")), b"x")],
            b"",
        ))
    }),
    binary("zip comment", |p| Some(zip(&[Entry::stored("a.txt", b"x")], p.text.as_bytes()))),
    binary("tar text", |p| Some(tape::tar(&[tape::file("note.txt", &plain(p)?)]))),
    binary("tar name", |p| {
        Some(tape::tar(&[tape::file(
            &format!("notes/{} scan.txt", p.text.replace('/', "-")),
            b"x",
        )]))
    }),
    binary("parquet", |p| {
        Some(parquet::file(&[parquet::Column::text(p.key, &[p.value, "unknown"])]))
    }),
    binary("parquet gzip", |p| {
        Some(parquet::file(&[parquet::Column::text("note", &[p.text, "well"]).gzipped()]))
    }),
    binary("arrow", |p| {
        Some(arrow::stream(&[arrow::strings(p.key, &[p.value, "unknown"])], &[0; 8]))
    }),
    binary("arrow text", |p| {
        Some(arrow::stream(&[arrow::strings("note", &[p.text, "well"])], &[]))
    }),
    binary("dicom", |p| dicom(p, dicom::EXPLICIT)),
    binary("dicom implicit", |p| dicom(p, dicom::IMPLICIT)),
    binary("dicom big endian", |p| dicom(p, dicom::BIG)),
    binary("pdf", |p| {
        Some(pdf::file(&[pdf::packed(6, &format!("BT <{}> Tj ET", pdf::hex(p.text.as_bytes())))]))
    }),
    binary("pdf font", |p| {
        let page = format!("BT /F1 12 Tf <{}> Tj ET", pdf::coded(p.text));
        Some(pdf::file(&[pdf::FONTS.to_vec(), pdf::cmap(), pdf::packed(6, &page)]))
    }),
    binary("png text", |p| {
        Some(image::png(&[image::chunk(b"tEXt", format!("Comment\0{}", p.text).as_bytes())]))
    }),
    binary("jpeg comment", |p| Some(image::jpeg(&[image::segment(0xfe, p.text.as_bytes())]))),
    binary("gif comment", |p| Some(image::gif_of(p.text.as_bytes()))),
    binary("onnx", |p| Some(model::onnx(p.text, 300))),
    binary("gguf", |p| Some(model::gguf(p.text))),
    binary("hdf5", |p| Some(hdf5::file(&[[p.text.as_bytes(), b"\0"].concat()]))),
    binary("hdf5 chunk", |p| {
        Some(hdf5::file(&[crate::build::deflate(
            &[&b"nothing\0".repeat(20), p.text.as_bytes()].concat(),
            true,
        )]))
    }),
    told("grpc", "application/grpc+proto", grpc),
    told("protobuf", "application/protobuf", protobuf),
    told("multipart", "multipart/form-data; boundary=a-b=c", multipart),
    told("multipart base64", "multipart/form-data; boundary=a-b=c", multipart_base64),
];

fn plain(plant: &Plant) -> Option<Vec<u8>> {
    Some(format!("Seen on the ward.\n{}\nAll is well.\n", plant.text).into())
}

fn log(plant: &Plant) -> Option<Vec<u8>> {
    let before = "2026-04-02T10:15:07.123Z INFO ward::intake{worker=7} message=";
    Some(format!("{before}\"stored\" {}\n{before}\"done\"\n", plant.text).into())
}

fn table(plant: &Plant, mark: &str) -> Vec<u8> {
    let rows = [["visit", plant.key, "ward"], ["1", plant.value, "east"], ["2", "", "west"]];
    rows.iter().map(|row| row.join(mark) + "\r\n").collect::<String>().into()
}

fn json(plant: &Plant) -> Option<Vec<u8>> {
    Some(
        format!("{{\"visit\": 1, \"{}\": \"{}\", \"ward\": [2, 3]}}", plant.key, plant.value)
            .into(),
    )
}

fn json_in_json(plant: &Plant) -> Option<Vec<u8>> {
    serde_json::to_vec(&[String::from_utf8(json(plant)?).ok()?]).ok()
}

fn ndjson(plant: &Plant) -> Option<Vec<u8>> {
    let row = |value: &str| format!("{{\"visit\":1,\"{}\":\"{value}\"}}\n", plant.key);
    Some([row(""), row(plant.value), row("")].concat().into())
}

fn hl7(plant: &Plant) -> Option<Vec<u8>> {
    let head = "MSH|^~\\&|WARD|CLINIC|LAB|CLINIC|20260402101507||ADT^A01|77|P|2.5.1";
    Some(format!("{head}\r{}\r", plant.hl7).into())
}

fn x12(plant: &Plant) -> Option<Vec<u8>> {
    let head = "ISA*00*          *00*          *ZZ*CLINIC         *ZZ*PAYER          *260402*1015*^*00501*000000417*0*P*:~\n\
        GS*HC*CLINIC*PAYER*20260402*1015*1*X*005010X222A1~\nST*837*0001*005010X222A1~\nHL*2*1*22*1~\nNM1*IL*1*ROE*JOHN~\n";
    Some(format!("{head}{}~\nSE*30*0001~\nGE*1*1~\nIEA*1*000000417~\n", plant.x12).into())
}

fn xml(plant: &Plant) -> Option<Vec<u8>> {
    let (key, value) = (plant.key, plant.value);
    Some(
        format!("<?xml version=\"1.0\"?>\n<row><visit>1</visit><{key}>{value}</{key}></row>\n")
            .into(),
    )
}

fn npy(kind: char, value: &str) -> Vec<u8> {
    let width = value.len();
    let header = format!(
        "{{'descr': '{}{kind}{width}', 'fortran_order': False, 'shape': (2,), }}",
        if kind == 'U' { '<' } else { '|' }
    );
    let header = format!("{header:117}\n");
    let values = format!("{value}{:\0<width$}", "well");
    let data: Vec<u8> = match kind {
        'U' => values.chars().flat_map(|c| u32::from(c).to_le_bytes()).collect(),
        _ => values.into(),
    };
    [b"\x93NUMPY\x01\0", (header.len() as u16).to_le_bytes().as_slice(), header.as_bytes(), &data]
        .concat()
}

fn safetensors(plant: &Plant) -> Option<Vec<u8>> {
    let header = format!(
        r#"{{"__metadata__":{{"{}":"{}"}},"w":{{"dtype":"F32","shape":[4096],"data_offsets":[0,16384]}}}}"#,
        plant.key, plant.value
    );
    Some([&(header.len() as u64).to_le_bytes(), header.as_bytes(), &floats(4096)].concat())
}

fn short(text: &str) -> Vec<u8> {
    [&[0x8c, text.len() as u8], text.as_bytes(), b"\x94"].concat()
}

fn pickle(text: &str) -> Vec<u8> {
    [
        b"\x80\x04}\x94(".to_vec(),
        short("epoch"),
        b"K\x03".to_vec(),
        short("note"),
        short(text),
        b"u.".to_vec(),
    ]
    .concat()
}

fn pickle_by_key(plant: &Plant) -> Option<Vec<u8>> {
    Some(
        [
            b"\x80\x04}\x94(".to_vec(),
            short("epoch"),
            b"K\x03".to_vec(),
            short(plant.key),
            short(plant.value),
            b"u.".to_vec(),
        ]
        .concat(),
    )
}

fn pytorch(plant: &Plant) -> Option<Vec<u8>> {
    let entries = [
        Entry::stored("archive/data.pkl", &pickle(plant.text)).streamed(),
        Entry::stored("archive/byteorder", b"little").streamed(),
        Entry::stored("archive/data/0", &floats(5000)).streamed(),
        Entry::stored("archive/version", b"3\n").streamed(),
    ];
    Some(zip(&entries, b""))
}

fn dicom(plant: &Plant, syntax: &str) -> Option<Vec<u8>> {
    let (tag, vr, value) = plant.dicom?;
    let w = dicom::Writer::of(syntax);
    let mut elements = vec![
        (0x0008_0005, w.text(0x0008_0005, "CS", "ISO_IR 100")),
        (0x0008_0060, w.text(0x0008_0060, "CS", "MR")),
        (0x7fe0_0010, w.element(0x7fe0_0010, "OW", &dicom::pixels())),
        (tag, w.text(tag, vr, value)),
    ];
    elements.sort_by_key(|(tag, _)| *tag);
    let data: Vec<u8> = elements.into_iter().flat_map(|(_, element)| element).collect();
    Some(dicom::file(syntax, &data))
}

fn protobuf(plant: &Plant) -> Option<Vec<u8>> {
    let note = model::bytes(6, plant.text.as_bytes());
    Some([model::int(1, 8), model::bytes(2, b"ward"), note].concat())
}

fn grpc(plant: &Plant) -> Option<Vec<u8>> {
    let message = protobuf(plant)?;
    Some([&[0], (message.len() as u32).to_be_bytes().as_slice(), &message].concat())
}

fn part(headers: &str, body: &str) -> Option<Vec<u8>> {
    let first = "--a-b=c\r\nContent-Disposition: form-data; name=\"visit\"\r\n\r\n1\r\n";
    Some(format!("{first}--a-b=c\r\nContent-Disposition: form-data; name={headers}\r\n\r\n{body}\r\n--a-b=c--\r\n").into())
}

fn multipart(plant: &Plant) -> Option<Vec<u8>> {
    part(&format!("\"{}\"", plant.key), plant.value)
}

fn multipart_base64(plant: &Plant) -> Option<Vec<u8>> {
    let headers = "\"file\"; filename=\"a.txt\"\r\nContent-Transfer-Encoding: base64";
    part(headers, &crate::wrap::base64(&plain(plant)?))
}
