//! Zips that break each rule, with the error that the user gets, and properties of arbitrary bytes.
#![allow(clippy::unwrap_used, clippy::panic)]

mod contents;
mod ends;
mod entries;
mod links;
mod one_reading;
mod smoke_file;
mod startup;
mod streamed;

use std::io::Write as _;

use flate2::{Compression, Crc, write::DeflateEncoder};
use proptest::prelude::*;

use super::*;

/// An entry to write, valid or not.
#[derive(Clone)]
struct Raw {
    name: Vec<u8>,
    local_name: Vec<u8>,
    local_extra: Vec<u8>,
    extra: Vec<u8>,
    made_on: u8,
    /// The version that a reader needs.
    needs: u16,
    flags: u16,
    local_flags: u16,
    method: u16,
    local_method: u16,
    crc32: u32,
    data: Vec<u8>,
    packed: u32,
    unpacked: u32,
    disk: u16,
    mode: u32,
    /// The DOS attributes, in the bits below the mode.
    dos: u32,
    /// The bytes after the data, such as a data descriptor.
    after: Vec<u8>,
    /// The offset in the directory, if it is not the true one.
    at: Option<u32>,
}

fn deflated(data: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

fn checksum(data: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(data);
    crc.sum()
}

impl Raw {
    fn stored(name: impl AsRef<[u8]>, data: &[u8]) -> Self {
        let name = name.as_ref().to_vec();
        let size = u32::try_from(data.len()).unwrap();
        let mode = if name.ends_with(b"/") { 0o040_755 } else { 0o100_644 };
        Self {
            local_name: name.clone(),
            name,
            local_extra: vec![],
            extra: vec![],
            made_on: 3,
            needs: 20,
            flags: 0,
            local_flags: 0,
            method: 0,
            local_method: 0,
            crc32: checksum(data),
            data: data.to_vec(),
            packed: size,
            unpacked: size,
            disk: 0,
            mode,
            dos: 0,
            after: vec![],
            at: None,
        }
    }

    fn deflated(name: &str, data: &[u8]) -> Self {
        let packed = deflated(data);
        let packed_size = u32::try_from(packed.len()).unwrap();
        let stored = Self::stored(name, data);
        Self { method: 8, local_method: 8, packed: packed_size, data: packed, ..stored }
    }

    fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }
}

fn u16s(out: &mut Vec<u8>, values: &[u16]) {
    values.iter().for_each(|v| out.extend(v.to_le_bytes()));
}

fn u32s(out: &mut Vec<u8>, values: &[u32]) {
    values.iter().for_each(|v| out.extend(v.to_le_bytes()));
}

fn len16(bytes: &[u8]) -> u16 {
    u16::try_from(bytes.len()).unwrap()
}

/// Writes entries and directory, and returns the directory's offset.
fn body(entries: &[Raw]) -> (Vec<u8>, usize) {
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for e in entries {
        let at = e.at.unwrap_or(u32::try_from(out.len()).unwrap());
        out.extend(b"PK\x03\x04");
        u16s(&mut out, &[20, e.local_flags, e.local_method, 0, 0]);
        u32s(&mut out, &if e.local_flags & 8 == 0 { [e.crc32, e.packed, e.unpacked] } else { [0; 3] });
        u16s(&mut out, &[len16(&e.local_name), len16(&e.local_extra)]);
        out.extend([&e.local_name[..], &e.local_extra, &e.data, &e.after].concat());

        directory.extend(b"PK\x01\x02");
        u16s(&mut directory, &[u16::from_le_bytes([30, e.made_on]), e.needs, e.flags, e.method, 0, 0]);
        u32s(&mut directory, &[e.crc32, e.packed, e.unpacked]);
        u16s(&mut directory, &[len16(&e.name), len16(&e.extra), 0, e.disk, 0]);
        u32s(&mut directory, &[e.mode << 16 | e.dos, at]);
        directory.extend([&e.name[..], &e.extra].concat());
    }
    let from = out.len();
    out.extend(directory);
    (out, from)
}

fn end(entries: usize, size: usize, from: usize, comment: &[u8]) -> Vec<u8> {
    let mut out = b"PK\x05\x06".to_vec();
    let entries = u16::try_from(entries).unwrap_or(u16::MAX);
    u16s(&mut out, &[0, 0, entries, entries]);
    u32s(&mut out, &[u32::try_from(size).unwrap(), u32::try_from(from).unwrap()]);
    u16s(&mut out, &[len16(comment)]);
    out.extend(comment);
    out
}

fn archive(entries: &[Raw]) -> Vec<u8> {
    with_comment(entries, b"")
}

fn with_comment(entries: &[Raw], comment: &[u8]) -> Vec<u8> {
    let (mut out, from) = body(entries);
    out.extend(end(entries.len(), out.len() - from, from, comment));
    out
}

/// Writes an archive with a zip64 end record. With `sentinels` the classic record refers to it.
fn archive64(entries: &[Raw], count: u64, sentinels: bool) -> Vec<u8> {
    let (mut out, from) = body(entries);
    let (until, size) = (out.len() as u64, (out.len() - from) as u64);
    out.extend(b"PK\x06\x06");
    out.extend(44_u64.to_le_bytes());
    u16s(&mut out, &[45, 45]);
    u32s(&mut out, &[0, 0]);
    [count, count, size, from as u64].iter().for_each(|v| out.extend(v.to_le_bytes()));
    out.extend(b"PK\x06\x07");
    u32s(&mut out, &[0]);
    out.extend(until.to_le_bytes());
    u32s(&mut out, &[1]);
    if sentinels {
        let ones = u32::MAX as usize;
        out.extend(end(ones, ones, ones, b""));
    } else {
        out.extend(end(entries.len(), usize::try_from(size).unwrap(), from, b""));
    }
    out
}

fn elf(machine: u16) -> Vec<u8> {
    let mut bytes = vec![0x7f, b'E', b'L', b'F', 2, 1, 1];
    bytes.resize(18, 0);
    bytes.extend(machine.to_le_bytes());
    bytes.resize(5000, 7);
    bytes
}

fn provided() -> Run<'static> {
    Run {
        runtime: Some("provided.al2023"),
        handler: None,
        machine: Some(Machine::X86_64),
        has_layers: false,
        code_path_variable: None,
    }
}

/// Checks whether the contents of a zip can be started in this way.
fn starts(entries: &[Raw], run: Run<'_>) -> Result<Option<String>, String> {
    inspect(&archive(entries)).unwrap().startup.check_compatible(run).map_err(|error| error.to_string())
}

fn link(name: &str, target: &str) -> Raw {
    Raw::deflated(name, target.as_bytes()).with(|e| e.mode = 0o120_777)
}

fn program(bytes: &[u8]) -> Raw {
    Raw::deflated("bootstrap", bytes).with(|e| e.mode = 0o100_755)
}

const MANIFEST: &[u8] = b"runtime = \"provided.al2023\"\n";

fn good() -> Vec<u8> {
    archive(&[Raw::deflated("function.toml", MANIFEST), Raw::stored("lib/", b""), program(&elf(62)), file("lib/data")])
}

/// Writes the entry's descriptor, with or without a signature, and with sizes of four or eight bytes.
fn descriptor(entry: &Raw, signature: &[u8], wide: usize) -> Vec<u8> {
    let size = |size: u32| u64::from(size).to_le_bytes()[..wide].to_vec();
    [signature, &entry.crc32.to_le_bytes(), &size(entry.packed), &size(entry.unpacked)].concat()
}

/// Makes a streamed entry of this one.
fn streamed(entry: Raw) -> Raw {
    let after = descriptor(&entry, b"PK\x07\x08", 4);
    entry.with(|e| (e.flags, e.local_flags, e.after) = (8, 8, after))
}

fn file(name: impl AsRef<[u8]>) -> Raw {
    Raw::stored(name, b"hello")
}

/// The error for a zip with these entries.
fn refusal(entries: &[Raw]) -> String {
    told(&archive(entries))
}

fn told(bytes: &[u8]) -> String {
    inspect(bytes).unwrap_err().to_string()
}

#[test]
fn good_zip_is_described() {
    let bytes = good();
    let package = inspect(&bytes).unwrap();
    assert_eq!(package.sha256, Sha256::of(&bytes));
    assert_eq!(package.size, bytes.len() as u64);
    assert_eq!(package.unzipped, MANIFEST.len() as u64 + 5000 + 5);
    assert_eq!(package.entries, 4);
    assert_eq!(package.manifest, Some((ManifestFormat::Toml, MANIFEST.to_vec())));
    let bootstrap = Bootstrap { executable: true, kind: BootstrapKind::Elf(Machine::X86_64) };
    assert_eq!(package.startup.bootstrap, Some(bootstrap));
}

#[test]
fn zip_of_the_crate_zip_is_read() {
    use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};
    for method in [CompressionMethod::Stored, CompressionMethod::Deflated] {
        for large in [false, true] {
            let mut writer = ZipWriter::new(std::io::Cursor::new(Vec::new()));
            let options = SimpleFileOptions::default().compression_method(method).large_file(large);
            writer.add_directory("assets", options).unwrap();
            writer.start_file("function.json", options).unwrap();
            writer.write_all(b"{}").unwrap();
            writer.start_file("bootstrap", options.unix_permissions(0o755)).unwrap();
            writer.write_all(b"#!/bin/sh\n").unwrap();
            writer.start_file("assets/größe.txt", options).unwrap();
            let package = inspect(&writer.finish().unwrap().into_inner()).unwrap();
            assert_eq!(package.entries, 4);
            assert_eq!(package.manifest, Some((ManifestFormat::Json, b"{}".to_vec())));
            let bootstrap = Bootstrap { executable: true, kind: BootstrapKind::Script };
            assert_eq!(package.startup.bootstrap, Some(bootstrap));
        }
    }
}

#[test]
fn zip_written_as_a_stream_is_read() {
    use zip::{ZipWriter, write::SimpleFileOptions};
    let mut writer = ZipWriter::new_stream(Vec::new());
    writer.start_file("function.toml", SimpleFileOptions::default()).unwrap();
    writer.write_all(MANIFEST).unwrap();
    let package = inspect(&writer.finish().unwrap().into_inner()).unwrap();
    assert_eq!(package.manifest, Some((ManifestFormat::Toml, MANIFEST.to_vec())));
}

fn ready(opening: Opening) -> Directory {
    match opening {
        Opening::Ready(directory) => directory,
        Opening::NeedsFrom(from) => panic!("the directory needs bytes from {from}"),
    }
}

#[test]
fn window_is_enough_for_a_large_zip() {
    let large = Raw::stored("large", &vec![1; 5_000_000]);
    let bytes = archive(&[Raw::deflated("function.toml", MANIFEST), large, program(&elf(183))]);
    let split = bytes.len() - usize::try_from(WINDOW).unwrap();
    let (before, tail) = bytes.split_at(split);
    let mut reader = ready(Directory::open(bytes.len() as u64, tail).unwrap()).reader();
    before.chunks(70_001).for_each(|chunk| reader.feed(chunk));
    reader.feed(tail);
    let package = reader.finish().unwrap();
    assert_eq!(package, inspect(&bytes).unwrap());
    assert_eq!(package.manifest.unwrap().1, MANIFEST);
    assert_eq!(package.startup.bootstrap.unwrap().kind, BootstrapKind::Elf(Machine::Aarch64));
}

#[test]
fn directory_before_the_tail_is_requested_once() {
    let entries: Vec<Raw> = (0..30_000).map(|i| file(format!("{i:0>80}"))).collect();
    let bytes = archive(&entries);
    let size = bytes.len() as u64;
    let window = usize::try_from(size - WINDOW).unwrap();
    let Opening::NeedsFrom(from) = Directory::open(size, &bytes[window..]).unwrap() else { panic!("too short a tail") };
    assert!(from < size - WINDOW);
    ready(Directory::open(size, &bytes[usize::try_from(from).unwrap()..]).unwrap());
    assert_eq!(inspect(&bytes).unwrap().entries, 30_000);
    let too_short = Directory::open(size, &bytes[bytes.len() - 22..]).unwrap();
    assert!(matches!(too_short, Opening::NeedsFrom(from) if from == size - WINDOW));
}

#[test]
fn fewer_or_more_bytes_than_the_object_are_refused() {
    let bytes = good();
    let size = bytes.len();
    for fed in [&bytes[1..], &[&bytes[..], b"x"].concat()] {
        let mut reader = ready(Directory::open(size as u64, &bytes).unwrap()).reader();
        reader.feed(fed);
        let message = format!("{} bytes were read of an object of {size}: read it again", fed.len());
        assert_eq!(reader.finish().unwrap_err().to_string(), message);
    }
}

#[test]
fn no_truncation_passes_and_none_panics() {
    for bytes in [good(), archive64(&[file("a"), file("function.toml")], 2, true)] {
        assert!((0..bytes.len()).all(|length| inspect(&bytes[..length]).is_err()));
    }
}

#[test]
fn no_corrupted_byte_panics() {
    for mut bytes in [good(), archive64(&[file("a"), file("function.toml")], 2, true)] {
        for at in 0..bytes.len() {
            let was = bytes[at];
            for now in [0, 1, 0x7f, 0x80, 0xff, was ^ 1] {
                bytes[at] = now;
                let _ = inspect(&bytes);
            }
            bytes[at] = was;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_bytes_never_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..400), end_at_end: bool) {
        if end_at_end {
            bytes.extend(end(1, 46, bytes.len().saturating_sub(46), b""));
        }
        let _ = inspect(&bytes);
    }

    #[test]
    fn directory_of_random_bytes_never_panics(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12), sixty_four: bool,
    ) {
        let entries = [file("function.toml"), program(&elf(62)[..40]), file("a")];
        let mut bytes = if sixty_four { archive64(&entries, 3, true) } else { archive(&entries) };
        let from = body(&entries).1;
        for (at, value) in changes {
            let at = from + at.index(bytes.len() - from);
            bytes[at] = value;
        }
        let _ = inspect(&bytes);
    }

    #[test]
    fn any_chunking_gives_the_same_package(cuts in prop::collection::vec(0_usize..6000, 0..40)) {
        let bytes = archive(&[program(&elf(62)), streamed(file("a")), streamed(Raw::deflated("b", &elf(1)))]);
        let mut cuts: Vec<usize> = cuts.into_iter().map(|truncated| truncated.min(bytes.len())).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        let mut reader = ready(Directory::open(bytes.len() as u64, &bytes).unwrap()).reader();
        cuts.windows(2).for_each(|truncated| reader.feed(&bytes[truncated[0]..truncated[1]]));
        prop_assert_eq!(reader.finish().unwrap(), inspect(&bytes).unwrap());
    }

    #[test]
    fn zipped_files_are_listed(
        manifest in prop::collection::vec(any::<u8>(), 0..2000), program in prop::collection::vec(any::<u8>(), 0..200),
        others in prop::collection::btree_set("[a-e]{1,3}", 0..6),
    ) {
        let mut entries: Vec<Raw> = others.iter().map(|name| file(format!("x/{name}"))).collect();
        entries.push(Raw::deflated("function.json", &manifest));
        entries.push(Raw::stored("bootstrap", &program));
        let package = inspect(&archive(&entries)).unwrap();
        prop_assert_eq!(package.manifest, Some((ManifestFormat::Json, manifest)));
        let bootstrap = Bootstrap { executable: false, kind: BootstrapKind::of(&program) };
        prop_assert_eq!(package.startup.bootstrap, Some(bootstrap));
        prop_assert_eq!(package.entries, entries.len());
    }
}
