//! Each rule with a zip that breaks it, and what the user is told; then what holds for any bytes at all.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::io::Write as _;

use flate2::{Compression, Crc, write::DeflateEncoder};
use proptest::prelude::*;

use super::*;

/// An entry as it is to be written, right or wrong.
#[derive(Clone)]
struct Raw {
    name: Vec<u8>,
    local_name: Vec<u8>,
    local_extra: Vec<u8>,
    extra: Vec<u8>,
    made_on: u8,
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
    /// Where the directory says it is, if not where it is.
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

/// Entries and directory, and where the directory begins.
fn body(entries: &[Raw]) -> (Vec<u8>, usize) {
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for e in entries {
        let at = e.at.unwrap_or(u32::try_from(out.len()).unwrap());
        out.extend(b"PK\x03\x04");
        u16s(&mut out, &[20, e.local_flags, e.local_method, 0, 0]);
        u32s(&mut out, &[e.crc32, e.packed, e.unpacked]);
        u16s(&mut out, &[len16(&e.local_name), len16(&e.local_extra)]);
        out.extend([&e.local_name[..], &e.local_extra, &e.data].concat());

        directory.extend(b"PK\x01\x02");
        u16s(&mut directory, &[u16::from_le_bytes([30, e.made_on]), 20, e.flags, e.method, 0, 0]);
        u32s(&mut directory, &[e.crc32, e.packed, e.unpacked]);
        u16s(&mut directory, &[len16(&e.name), len16(&e.extra), 0, e.disk, 0]);
        u32s(&mut directory, &[e.mode << 16, at]);
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

/// As `archive`, with a zip64 end; the classic one refers to it where `sentinels`.
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
    Run { runtime: Some("provided.al2023"), handler: None, machine: Some(Machine::X86_64), has_layers: false }
}

/// Whether what is in a zip can be started like that.
fn starts(entries: &[Raw], run: Run<'_>) -> Result<Option<String>, String> {
    inspect(&archive(entries)).unwrap().startup.suits(run).map_err(|error| error.to_string())
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

fn file(name: impl AsRef<[u8]>) -> Raw {
    Raw::stored(name, b"hello")
}

/// What the user is told of a zip with these entries.
fn refusal(entries: &[Raw]) -> String {
    told(&archive(entries))
}

fn told(bytes: &[u8]) -> String {
    inspect(bytes).unwrap_err().to_string()
}

#[test]
fn a_good_zip_is_described() {
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
fn what_the_crate_zip_writes_is_read() {
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
fn a_zip_written_as_a_stream_is_read() {
    use zip::{ZipWriter, write::SimpleFileOptions};
    let mut writer = ZipWriter::new_stream(Vec::new());
    writer.start_file("function.toml", SimpleFileOptions::default()).unwrap();
    writer.write_all(MANIFEST).unwrap();
    let package = inspect(&writer.finish().unwrap().into_inner()).unwrap();
    assert_eq!(package.manifest, Some((ManifestFormat::Toml, MANIFEST.to_vec())));
}

#[test]
fn an_object_that_is_no_zip_is_named() {
    assert_eq!(told(b""), "the object is empty (0 bytes): upload the zip again");
    let nothing =
        "the object is not a zip, or a zip that was cut off: it has no end of central directory; zip it again";
    assert_eq!(told(b"hello"), nothing);
    assert_eq!(told(&vec![b'x'; 3_000_000]), nothing);
    let cut = "the zip is cut off: its end, the central directory, is missing; upload it again";
    assert_eq!(told(&good()[..100]), cut);
    assert_eq!(told(b"\x1f\x8b\x08"), "the object is not a zip but looks like a gzip file: upload a zip");
    assert_eq!(told(b"\n<!DOCTYPE HTML>"), "the object is not a zip but looks like an HTML page: upload a zip");
    let mut tar = vec![0; 600];
    tar[257..262].copy_from_slice(b"ustar");
    assert_eq!(told(&tar), "the object is not a zip but looks like a tar archive: upload a zip");
}

#[test]
fn the_zip_ends_where_the_object_ends() {
    let unclear = "the zip does not end where the object ends: bytes were appended to it or are missing; zip it again";
    assert_eq!(told(&[good(), b"\n".to_vec()].concat()), unclear);
    let commented = with_comment(&[file("a")], b"made by hand");
    assert!(inspect(&commented).is_ok());
    assert_eq!(told(&commented[..commented.len() - 1]), unclear);
    let longest = with_comment(&[file("a")], &[b' '; 65_535]);
    assert!(inspect(&longest).is_ok());
}

#[test]
fn two_ends_are_one_too_many() {
    let inner = archive(&[file("b")]);
    let both = with_comment(&[file("a")], &inner);
    assert_eq!(told(&both), "the zip has more than one end of central directory: remove its comment and zip it again");
    // A zip within the zip has its own end, which is not at the object's end.
    assert!(inspect(&archive(&[Raw::stored("inner.zip", &inner)])).is_ok());
}

#[test]
fn offsets_count_from_the_first_byte() {
    let bytes = archive(&[file("a")]);
    let sfx = [&b"#!/bin/sh\n"[..], &bytes].concat();
    assert_eq!(
        told(&sfx),
        "the zip's directory is said to end at byte 83 but ends at byte 93: bytes were put before the zip or are \
         missing; offsets must count from the object's first byte (zip -A corrects them)"
    );
    let (entries, from) = body(&[file("function.toml").with(|e| e.at = Some(10))]);
    let mut adjusted = [&b"#!/bin/sh\n"[..], &entries].concat();
    adjusted.extend(end(1, entries.len() - from, from + 10, b""));
    assert_eq!(inspect(&adjusted).unwrap().manifest, Some((ManifestFormat::Toml, b"hello".to_vec())));
}

#[test]
fn a_split_zip_is_refused() {
    let message = "the zip is split over several disks: make a zip of one file";
    assert_eq!(refusal(&[file("a").with(|e| e.disk = 1)]), message);
    for field in [4, 6, 8] {
        let mut bytes = archive(&[file("a")]);
        let at = bytes.len() - 22 + field;
        bytes[at] = 2;
        assert_eq!(told(&bytes), message);
    }
    let mut bytes = archive64(&[file("a")], 1, true);
    let at = bytes.len() - 26;
    bytes[at] = 2;
    assert_eq!(told(&bytes), message);
}

#[test]
fn a_zip64_end_is_read_and_must_agree() {
    assert_eq!(inspect(&archive64(&[file("a"), file("b")], 2, true)).unwrap().entries, 2);
    assert_eq!(inspect(&archive64(&[file("a"), file("b")], 2, false)).unwrap().entries, 2);
    let message = "the zip's zip64 end of central directory is damaged or contradicts the classic one: zip it again";
    assert_eq!(told(&archive64(&[file("a"), file("b")], 1, false)), message);
    let mut moved = archive64(&[file("a")], 1, true);
    let at = moved.len() - 34;
    moved[at] += 1;
    assert_eq!(told(&moved), message);
}

#[test]
fn sizes_and_offset_may_be_in_the_zip64_field() {
    let extra = [&[1, 0, 24, 0][..], &5_u64.to_le_bytes(), &5_u64.to_le_bytes(), &0_u64.to_le_bytes()].concat();
    let ones = |e: &mut Raw| {
        (e.packed, e.unpacked, e.at) = (u32::MAX, u32::MAX, Some(u32::MAX));
        e.extra = [&[0x55, 0x54, 1, 0, 9][..], &extra].concat();
        e.local_extra = [&[1, 0, 16, 0][..], &extra[4..20]].concat();
    };
    let package = inspect(&archive(&[file("function.toml").with(ones)])).unwrap();
    assert_eq!(package.manifest, Some((ManifestFormat::Toml, b"hello".to_vec())));
    assert_eq!(
        refusal(&[file("a"), file("b").with(ones).with(|e| e.extra.truncate(20))]),
        "the zip's directory is damaged at entry 2 of 2: zip it again"
    );
}

#[test]
fn a_damaged_directory_is_refused() {
    let two = [file("a"), file("b")];
    let (bytes, from) = body(&two);
    let ending = |count| [&bytes[..], &end(count, bytes.len() - from, from, b"")].concat();
    assert_eq!(told(&ending(1)), "the zip's directory is damaged at entry 2 of 1: zip it again");
    assert_eq!(told(&ending(3)), "the zip's directory is damaged at entry 3 of 3: zip it again");
    let mut bytes = archive(&two);
    bytes[from] = 0;
    assert_eq!(told(&bytes), "the zip's directory is damaged at entry 1 of 2: zip it again");
}

#[test]
fn a_zip_without_a_file_is_empty() {
    assert_eq!(refusal(&[]), "the zip is empty: it has no file");
    assert_eq!(refusal(&[Raw::stored("a/", b"")]), "the zip is empty: it has no file");
}

#[test]
fn directories_and_counts_have_bounds() {
    let many = archive64(&[file("a")], ENTRIES_LIMIT + 1, true);
    assert_eq!(told(&many), "the zip has 200001 entries, more than 200000: put fewer files into the zip");
    let mut long = file("a");
    long.extra = vec![0; 65_535];
    let names = |count: u32| (0..count).map(|i| Raw { name: i.to_string().into(), ..long.clone() }).collect::<Vec<_>>();
    let bytes = archive(&names(257));
    let directory = u32::from_le_bytes(bytes[bytes.len() - 10..][..4].try_into().unwrap());
    let message =
        format!("the zip's directory has {directory} bytes, more than 16777216: put fewer files into the zip");
    assert_eq!(told(&bytes), message);
}

#[test]
fn more_than_65535_entries_need_the_zip64_end() {
    let entries: Vec<Raw> = (0..70_000).map(|i| Raw::stored(format!("{}/{i}", i % 300), b"")).collect();
    assert_eq!(inspect(&archive64(&entries, 70_000, true)).unwrap().entries, 70_000);
    let message = told(&archive(&entries));
    assert_eq!(message, "the zip's directory is damaged at entry 65536 of 65535: zip it again");
}

#[test]
fn an_object_that_no_zip_needs_is_refused_unread() {
    let bytes = archive(&[file("a")]);
    let size = ARCHIVE_LIMIT + 1;
    let from = u32::try_from(size - 22).unwrap();
    let mut tail = vec![0; 300_000];
    let (directory, at) = body(&[file("a")]);
    let directory = &directory[at..];
    tail.extend(directory);
    tail.extend(end(1, directory.len(), usize::try_from(from).unwrap() - directory.len(), b""));
    let error = Directory::open(size, &tail).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the zip has 329252865 bytes, more than 329252864, which no zip of 250 MB needs: zip it again"
    );
    assert_eq!(
        Directory::open(3, &bytes).unwrap_err().to_string(),
        format!("{} bytes were read of an object of 3: read it again", bytes.len())
    );
}

#[test]
fn encrypted_entries_are_refused() {
    for flag in [1, 1 << 6, 1 << 13] {
        let message = refusal(&[file("a"), file("b").with(|e| e.flags = flag)]);
        assert_eq!(message, "the zip has encrypted entries: `b`; zip without a password");
    }
}

#[test]
fn other_methods_are_refused() {
    assert_eq!(
        refusal(&[file("a").with(|e| e.method = 14), file("b").with(|e| e.method = 93)]),
        "the zip has entries that are neither stored nor deflated: `a` (method 14), `b` (method 93); zip with deflate"
    );
}

#[test]
fn names_are_plain_and_relative() {
    let cases: &[(&[u8], &str)] = &[
        (b"/etc/passwd", "absolute names: `/etc/passwd`; zip from within the folder, with relative names"),
        (b"C:\\x", "absolute names: `C:\\\\x`; zip from within the folder, with relative names"),
        (b"c:/x", "absolute names: `c:/x`; zip from within the folder, with relative names"),
        (b"a\\b", "names with backslashes: `a\\\\b`; zip with a tool that writes / between folders"),
        (b"..", "names that lead out of it by `..`: `..`; zip from within the folder"),
        (b"a/../../b", "names that lead out of it by `..`: `a/../../b`; zip from within the folder"),
        (b"../", "names that lead out of it by `..`: `../`; zip from within the folder"),
        (b"a\0b", "names with a NUL: `a\\0b`; zip it again"),
        (b"a\xff\n", "names that are not UTF-8: `a\\xff\\n`; rename the files"),
        (b"", "empty names, or names with an empty part: ``; zip with plain relative names"),
        (b"a//b", "empty names, or names with an empty part: `a//b`; zip with plain relative names"),
        (b"./a", "names with the part `.`: `./a`; readers differ on them: zip with * in place of ."),
    ];
    for (name, message) in cases {
        assert_eq!(refusal(&[file("x"), file(name)]), format!("the zip has {message}"));
    }
    for fine in ["a..b", "...", "größe", "a:b", ".hidden/x", " "] {
        assert!(inspect(&archive(&[file(fine)])).is_ok(), "{fine}");
    }
}

#[test]
fn a_name_is_shown_escaped_and_cut_and_only_five_are_named() {
    let long = format!("/\u{1b}[31m{}", "x".repeat(300));
    let message = refusal(&[file(&long)]);
    let shown = format!("`/\\u{{1b}}[31m{}…`", "x".repeat(189));
    assert_eq!(
        message,
        format!("the zip has absolute names: {shown}; zip from within the folder, with relative names")
    );
    let many: Vec<Raw> = (0..8).map(|i| file(format!("/{i}"))).collect();
    assert_eq!(
        refusal(&many),
        "the zip has absolute names: `/0`, `/1`, `/2`, `/3`, `/4` and 3 more; zip from within the folder, with \
         relative names"
    );
}

#[test]
fn a_name_comes_once() {
    let message = |name| format!("the zip has names more than once: `{name}`; keep one of each");
    assert_eq!(refusal(&[file("a"), file("b"), Raw::stored("a", b"other")]), message("a"));
    assert_eq!(refusal(&[file("a"), Raw::stored("a/", b"")]), message("a/"));
    for judged in ["bootstrap", "function.toml"] {
        assert_eq!(refusal(&[file(judged), file("b"), file(judged)]), message(judged));
    }
    assert!(inspect(&archive(&[file("a"), file("A")])).is_ok());
    // A fat jar has the licence of each of its parts.
    let license = || Raw::deflated("META-INF/LICENSE", b"As is.");
    assert!(inspect(&archive(&[license(), file("b"), license(), Raw::stored("META-INF/LICENSE", b"As is.")])).is_ok());
    assert!(inspect(&archive(&[file("x"), Raw::stored("a/", b""), Raw::stored("a/", b"")])).is_ok());
    // The same checksum of other bytes: the directory can say anything.
    let forged = Raw::stored("META-INF/LICENSE", b"As was").with(|e| e.crc32 = checksum(b"As is."));
    assert_eq!(refusal(&[license(), forged]), message("META-INF/LICENSE"));
}

#[test]
fn a_file_is_no_folder() {
    assert_eq!(
        refusal(&[file("a/b"), file("a-b"), file("a"), file("a.txt"), file("a/c/d")]),
        "the zip has files that are also folders of other entries: `a`; rename one of them"
    );
    assert!(inspect(&archive(&[file("a/b"), Raw::stored("a/", b""), file("a-b"), file("ab")])).is_ok());
}

#[test]
fn special_files_are_refused() {
    let message = "the zip has devices, pipes or other special files: `b`; leave them out";
    for mode in [0o020_644, 0o010_644, 0o060_644, 0o140_644] {
        assert_eq!(refusal(&[file("a"), file("b").with(|e| e.mode = mode)]), message);
    }
    assert_eq!(refusal(&[file("a"), file("b").with(|e| (e.mode, e.made_on) = (0o120_777, 0))]), message);
    assert!(inspect(&archive(&[file("a").with(|e| e.mode = 0o755), file("b").with(|e| e.made_on = 10)])).is_ok());
}

#[test]
fn a_stored_entry_has_one_size() {
    assert_eq!(
        refusal(&[file("a").with(|e| e.unpacked = 6)]),
        "the zip has stored entries whose sizes disagree: `a` (5 bytes unpack to 6); zip it again"
    );
}

#[test]
fn an_entry_unpacks_to_what_deflate_can_do_at_most() {
    let sized = |packed: u32, unpacked| {
        let data = vec![0; packed as usize];
        Raw::stored("a", &data).with(|e| (e.method, e.local_method, e.unpacked) = (8, 8, unpacked))
    };
    assert!(inspect(&archive(&[sized(5, 5165)])).is_ok());
    let message = |sizes: &str| {
        format!("the zip has entries that unpack to more than 1,033 times their size: `a` ({sizes}); leave them out")
    };
    assert_eq!(refusal(&[sized(5, 5166)]), message("5 bytes unpack to 5166"));
    assert_eq!(refusal(&[sized(0, 1)]), message("0 bytes unpack to 1"));
    assert!(inspect(&archive(&[Raw::deflated("a", &vec![0; 3_000_000])])).is_ok(), "zeros are no bomb");
}

#[test]
fn what_unpacks_to_more_than_lambda_takes_is_refused() {
    let sized = |name: &str, unpacked| {
        Raw::stored(name, &vec![0; 200_000]).with(|e| (e.method, e.local_method, e.unpacked) = (8, 8, unpacked))
    };
    assert!(inspect(&archive(&[sized("a", 200_000_000), sized("b", 62_144_000)])).is_ok());
    assert_eq!(
        refusal(&[sized("a", 200_000_000), sized("b", 62_144_001)]),
        "the zip unpacks to 262144001 bytes, more than Lambda's 262144000 (250 MB): put less into it, or use layers"
    );
}

#[test]
fn entries_lie_within_the_zip() {
    let message = |name| format!("the zip has entries whose data lie outside of it: `{name}`; upload it again");
    assert_eq!(refusal(&[file("a"), file("b").with(|e| e.at = Some(100_000))]), message("b"));
    assert_eq!(refusal(&[file("a").with(|e| (e.packed, e.unpacked) = (6, 6))]), message("a"));
    assert_eq!(refusal(&[file("a").with(|e| e.at = Some(u32::MAX - 1))]), message("a"));
}

#[test]
fn entries_do_not_overlap() {
    assert_eq!(
        refusal(&[file("a"), file("b").with(|e| e.at = Some(35))]),
        "the zip has entries that overlap: `b` with `a`; zip it again"
    );
    assert_eq!(
        refusal(&[file("a"), file("b").with(|e| e.at = Some(0)), file("c")]),
        "the zip has entries that overlap: `b` with `a`; zip it again"
    );
    // The first reaches over the second into the third.
    let reaching = file("a").with(|e| (e.packed, e.unpacked) = (70, 70));
    assert_eq!(
        refusal(&[reaching, file("b"), file("c"), file("d")]),
        "the zip has entries that overlap: `b` with `a`, `c` with `a`; zip it again"
    );
}

#[test]
fn there_is_one_manifest_at_the_root_spelled_exactly() {
    let both = [file("function.json"), file("function.toml")];
    let error = inspect(&archive(&both)).unwrap_err();
    assert_eq!(error.to_string(), "the zip has both function.toml and function.json: keep one of them");
    assert!(error.is_about_the_manifest());
    for other in ["lib/function.toml", "function.toml/", "function.js", "functions.yaml"] {
        assert_eq!(inspect(&archive(&[file("a"), Raw::stored(other, b"")])).unwrap().manifest, None, "{other}");
    }
    for (other, right) in [
        ("Function.toml", "function.toml"),
        ("FUNCTION.JSON", "function.json"),
        ("function.yaml", "function.toml"),
        ("function.yml", "function.toml"),
        ("Function.jsonc", "function.json"),
    ] {
        let error = inspect(&archive(&[file("a"), file(other)])).unwrap_err();
        let message = format!("the zip has `{other}` at its root, which nothing reads: the manifest's name is {right}");
        assert_eq!((error.to_string(), error.is_about_the_manifest()), (message, true));
    }
    assert!(inspect(&archive(&[file("function.toml"), file("function.yaml")])).is_ok(), "somebody else's");
}

#[test]
fn a_manifest_is_small_whatever_its_declared_size() {
    let message = "function.toml has more than 262144 bytes: a manifest is a short text";
    let damaged = "function.toml is damaged in the zip: its size or checksum does not match; zip it again";
    let noise: Vec<u8> = (0..262_145_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    assert!(inspect(&archive(&[Raw::deflated("function.toml", &noise[1..])])).is_ok());
    assert_eq!(refusal(&[Raw::deflated("function.toml", &noise)]), message);
    assert_eq!(refusal(&[Raw::deflated("function.toml", &noise).with(|e| e.unpacked = 1000)]), damaged);
}

#[test]
fn a_manifest_matches_its_size_and_checksum() {
    let message = "function.json is damaged in the zip: its size or checksum does not match; zip it again";
    let manifest = Raw::deflated("function.json", b"{\"timeout\": 10}");
    assert_eq!(refusal(&[manifest.clone().with(|e| e.crc32 ^= 1)]), message);
    assert_eq!(refusal(&[manifest.clone().with(|e| e.unpacked -= 1)]), message);
    assert_eq!(refusal(&[manifest.clone().with(|e| e.unpacked += 1)]), message);
    assert_eq!(refusal(&[manifest.with(|e| e.data[0] = 0xff)]), message);
}

#[test]
fn a_local_header_agrees_with_the_directory() {
    let entries =
        [Raw::stored("function.toml", MANIFEST), program(&elf(62)), Raw::deflated("lib/x.js", MANIFEST), file("a")];
    for entry in entries {
        let name = String::from_utf8(entry.name.clone()).unwrap();
        let message = format!("`{name}`'s local header contradicts the zip's directory: zip it again");
        assert_eq!(refusal(&[entry.clone().with(|e| e.local_name[0] ^= 0x20)]), message);
        assert_eq!(refusal(&[entry.clone().with(|e| e.local_method ^= 8)]), message);
        assert_eq!(refusal(&[entry.clone().with(|e| e.local_flags = 1)]), message);
        // Its extra fields push its data into the next entry.
        let lengthened = |mut bytes: Vec<u8>| {
            bytes[28] = 9;
            bytes
        };
        assert_eq!(told(&lengthened(archive(&[entry.clone(), file("z")]))), message);
        assert_eq!(told(&lengthened(archive(std::slice::from_ref(&entry)))), message);
        let padded = entry.with(|e| e.local_extra = vec![0; 65_535]);
        assert!(inspect(&archive(&[padded, file("z")])).is_ok());
    }
}

#[test]
fn the_first_bytes_of_a_program_tell_its_kind() {
    let kind = |bytes: &[u8]| inspect(&archive(&[program(bytes)])).unwrap().startup.bootstrap.unwrap().kind;
    assert_eq!(kind(&elf(62)), BootstrapKind::Elf(Machine::X86_64));
    assert_eq!(kind(&elf(183)), BootstrapKind::Elf(Machine::Aarch64));
    assert_eq!(kind(&elf(40)), BootstrapKind::Elf(Machine::Other(40)));
    let mut big_endian = elf(183_u16.swap_bytes());
    big_endian[5] = 2;
    assert_eq!(kind(&big_endian), BootstrapKind::Elf(Machine::Other(183)));
    assert_eq!(kind(&elf(62)[..19]), BootstrapKind::Other);
    assert_eq!(kind(b"#!/bin/sh\n"), BootstrapKind::Script);
    assert_eq!(kind(b"#!/bin/sh\nexit 0\r\n"), BootstrapKind::Script);
    assert_eq!(kind(b"#!/bin/sh\r\n"), BootstrapKind::WindowsScript);
    assert_eq!(kind(b"MZ"), BootstrapKind::Other);
    assert_eq!(kind(b""), BootstrapKind::Other);
    let torn = program(&elf(62)).with(|e| e.data[0] = 0xff);
    let damaged = "bootstrap is damaged in the zip: its size or checksum does not match; zip it again";
    assert_eq!(refusal(&[torn]), damaged);
    assert_eq!(refusal(&[program(&elf(62)).with(|e| e.crc32 ^= 1)]), damaged);
    assert_eq!(refusal(&[Raw::stored("bootstrap", b"#!/bin/sh").with(|e| e.crc32 ^= 1)]), damaged);
}

#[test]
fn a_provided_runtime_needs_an_executable_bootstrap() {
    let check = |entries: &[Raw]| starts(entries, provided());
    let missing = "the zip has no file bootstrap at its root, which provided.* runtimes start: zip the program under \
                   that name, or name the layer that has it";
    assert_eq!(check(&[file("a"), Raw::stored("bootstrap/", b"")]), Err(missing.to_owned()));
    let nested = "the zip has no file bootstrap at its root, which provided.* runtimes start: there is `bin/bootstrap`: zip \
                  what is in that folder, not the folder itself";
    assert_eq!(check(&[file("a"), file("bin/bootstrap")]), Err(nested.to_owned()));
    assert_eq!(starts(&[file("a")], Run { has_layers: true, ..provided() }), Ok(None), "a layer may have it");
    let not_executable = "bootstrap is not executable for everybody: chmod 755 bootstrap, and zip it on Linux or macOS (or \
                          with a tool that writes Unix modes)";
    for mode in [0o100_644, 0o100_744, 0o100_754] {
        assert_eq!(check(&[program(&elf(62)).with(|e| e.mode = mode)]), Err(not_executable.to_owned()));
    }
    assert_eq!(check(&[program(&elf(62)).with(|e| e.made_on = 0)]), Err(not_executable.to_owned()));
    let neither = "bootstrap is neither an ELF file nor a script that begins with #!: zip the program under that name";
    assert_eq!(check(&[program(b"print('hello')")]), Err(neither.to_owned()));
    assert_eq!(check(&[program(b"#!/bin/sh\n")]), Ok(None));
    assert_eq!(check(&[program(&elf(62))]), Ok(None));
    assert_eq!(check(&[program(&elf(62)).with(|e| e.made_on = 19)]), Ok(None), "zipped on macOS");
}

#[test]
fn a_program_for_another_machine_is_refused_with_both_sides() {
    let told = |found, wanted| {
        let bootstrap = Some(Bootstrap { executable: true, kind: BootstrapKind::Elf(found) });
        let startup = Startup { bootstrap, ..Startup::default() };
        startup.suits(Run { machine: Some(wanted), ..provided() }).unwrap_err().to_string()
    };
    assert_eq!(
        told(Machine::Aarch64, Machine::X86_64),
        "bootstrap is an ELF file for aarch64, but the function's architecture is x86_64: build for \
         x86_64-unknown-linux-gnu or set architectures = [\"arm64\"]"
    );
    assert_eq!(
        told(Machine::X86_64, Machine::Aarch64),
        "bootstrap is an ELF file for x86_64, but the function's architecture is arm64: build for \
         aarch64-unknown-linux-gnu or set architectures = [\"x86_64\"]"
    );
    assert_eq!(
        told(Machine::Other(40), Machine::X86_64),
        "bootstrap is an ELF file for machine 40, but the function's architecture is x86_64: build for \
         x86_64-unknown-linux-gnu"
    );
}

fn ready(opening: Opening) -> Directory {
    match opening {
        Opening::Ready(directory) => directory,
        Opening::NeedsFrom(from) => panic!("the directory needs bytes from {from}"),
    }
}

#[test]
fn the_window_is_enough_for_a_large_zip() {
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
fn a_directory_that_begins_before_the_tail_is_asked_for_once() {
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
fn other_bytes_than_the_object_has_are_refused() {
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
    fn a_directory_of_random_bytes_never_panics(
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
        let bytes = good();
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        let mut reader = ready(Directory::open(bytes.len() as u64, &bytes).unwrap()).reader();
        cuts.windows(2).for_each(|cut| reader.feed(&bytes[cut[0]..cut[1]]));
        prop_assert_eq!(reader.finish().unwrap(), inspect(&bytes).unwrap());
    }

    #[test]
    fn what_is_zipped_is_found_again(
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

#[test]
fn links_that_lead_to_something_in_the_zip_or_into_a_layer_are_taken() {
    let npm = [link("node_modules/.bin/tsc", "../typescript/bin/tsc"), file("node_modules/typescript/bin/tsc")];
    assert!(inspect(&archive(&npm)).is_ok());
    let pnpm = [link("node_modules/a", ".pnpm/a@1/node_modules/a"), file("node_modules/.pnpm/a@1/node_modules/a/i.js")];
    assert!(inspect(&archive(&pnpm)).is_ok());
    assert!(inspect(&archive(&[file("a"), link("lib/libssl.so", "/opt/lib/libssl.so.3")])).is_ok());
}

#[test]
fn links_that_lead_outside_or_in_circles_and_what_lies_behind_links_are_refused() {
    let told = refusal(&[file("a"), link("x", "../../etc/passwd"), link("y", "/etc/passwd")]);
    assert_eq!(
        told,
        "the zip has symbolic links that lead out of it: `x` to `../../etc/passwd`, `y` to `/etc/passwd`; a link may lead to \
         something in the zip, or below /opt/ into a layer"
    );
    assert_eq!(
        refusal(&[file("a"), link("x", "y"), link("y", "x")]),
        "the zip has symbolic links that lead in circles, or through more than 40 others: `x` to `y`, `y` to `x`; leave them \
         out"
    );
    assert_eq!(
        refusal(&[link("x", "y"), file("x/a"), file("y/a")]),
        "the zip has entries whose folder is a symbolic link: `x/a`; put them where the link leads to"
    );
    assert_eq!(
        refusal(&[file("a"), link("x", &"a/".repeat(3000))]),
        "the zip has symbolic links of more than 4096 bytes: `x`; leave them out"
    );
    assert_eq!(
        refusal(&[file("a"), link("function.toml", "a")]),
        "function.toml is a symbolic link: put the file itself into the zip"
    );
    let damaged = "`x` is damaged in the zip: its size or checksum does not match; zip it again";
    assert_eq!(refusal(&[file("a"), link("x", "a").with(|e| e.crc32 ^= 1)]), damaged);
}

#[test]
fn bootstrap_that_is_a_link_is_judged_by_what_it_leads_to() {
    let target = |bytes: &[u8], mode| Raw::deflated("bin/orders", bytes).with(|e| e.mode = mode);
    let check = |entries: &[Raw]| starts(entries, provided());
    // The program may come before the link, and the other way round.
    assert_eq!(check(&[target(&elf(62), 0o100_755), link("bootstrap", "bin/orders")]), Ok(None));
    assert_eq!(
        check(&[link("bootstrap", "current/orders"), link("current", "bin"), target(&elf(62), 0o100_755)]),
        Ok(None)
    );
    assert!(
        check(&[link("bootstrap", "bin/orders"), target(&elf(62), 0o100_644)]).unwrap_err().contains("not executable")
    );
    assert!(check(&[link("bootstrap", "bin/orders"), target(&elf(183), 0o100_755)]).unwrap_err().contains("aarch64"));
    assert!(check(&[file("a"), link("bootstrap", "gone")]).unwrap_err().contains("no file bootstrap"));
    let in_layer = [file("a"), link("bootstrap", "/opt/bootstrap")];
    assert!(check(&in_layer).is_err());
    assert_eq!(starts(&in_layer, Run { has_layers: true, ..provided() }), Ok(None));
}

#[test]
fn modes_are_for_everybody() {
    assert_eq!(
        refusal(&[file("a").with(|e| e.mode = 0o100_600), file("b").with(|e| e.mode = 0o100_640), file("c")]),
        "the zip has files that only their owner may read, and Lambda's user owns none: `a` (mode 600), `b` (mode 640); chmod \
         -R a+rX, then zip again"
    );
    assert_eq!(
        refusal(&[Raw::stored("lib/", b"").with(|e| e.mode = 0o040_700), file("lib/a")]),
        "the zip has folders that only their owner may enter, and Lambda's user owns none: `lib/` (mode 700); chmod -R a+rX, \
         then zip again"
    );
    // Where no modes are given there is nothing to judge, and a mode without a type is Python's default.
    assert!(inspect(&archive(&[file("a").with(|e| e.mode = 0o600)])).is_ok());
    assert!(
        inspect(&archive(&[file("a").with(|e| e.mode = 0), file("b").with(|e| (e.mode, e.made_on) = (0o600, 0))]))
            .is_ok()
    );
}

#[test]
fn every_reader_sees_the_same_entries() {
    let hidden = "the zip has an entry that its directory does not list, which some readers would see: zip it again";
    let inner = archive(&[file("bootstrap")]);
    let between = |filler: &[u8]| {
        let (mut bytes, _) = body(&[file("a")]);
        bytes.extend(filler);
        let second = file("b").with(|e| e.at = Some(u32::try_from(bytes.len()).unwrap()));
        let (two, from) = body(&[second]);
        let (_, first) = body(&[file("a")]);
        let (all, at) = (body(&[file("a")]).0, bytes.len());
        let _ = at;
        let mut out = [&bytes[..], &two[..from]].concat();
        let start = out.len();
        out.extend([&all[first..], &two[from..]].concat());
        let size = out.len() - start;
        out.extend(end(2, size, start, b""));
        out
    };
    for filler in [&b""[..], b"\0\0\0\0", &[b' '; 100]] {
        assert_eq!(inspect(&between(filler)).unwrap().entries, 2);
    }
    assert_eq!(told(&between(&inner[..40])), hidden);
    assert_eq!(told(&between(&[&[0; 30][..], &inner[..40]].concat())), hidden);
    assert_eq!(told(&between(b"PK\x03\x04")), hidden);
    // Its data descriptor may look like anything.
    let descriptor =
        |crc: u32| [&b"PK\x07\x08"[..], &crc.to_le_bytes(), &5_u32.to_le_bytes(), &5_u32.to_le_bytes()].concat();
    assert!(inspect(&between(&descriptor(checksum(b"hello")))).is_ok());
    assert_eq!(told(&between(&descriptor(u32::from_le_bytes(*b"PK\x03\x04")))), hidden);
    // Before the first entry, and after the last.
    let (entries, from) = body(&[file("a").with(|e| e.at = Some(40))]);
    let stub = [&inner[..40], &entries, &end(1, entries.len() - from, from + 40, b"")].concat();
    assert_eq!(told(&stub), hidden);
}

#[test]
fn entry_that_is_another_one_for_some_readers_is_refused() {
    let named = |name: &str| {
        [&[0x75, 0x70][..], &(5 + u16::try_from(name.len()).unwrap()).to_le_bytes(), &[1, 0, 0, 0, 0], name.as_bytes()]
            .concat()
    };
    let message = "the zip has entries with a second name that is another one: `a`; zip again with another tool";
    assert_eq!(refusal(&[file("a").with(|e| e.extra = named("bootstrap"))]), message);
    assert!(inspect(&archive(&[file("a").with(|e| e.extra = named("a"))])).is_ok());
    assert!(refusal(&[file("a").with(|e| e.local_extra = named("b"))]).contains("local header"));
    let unclear = |name| {
        format!("the zip has entries that are a file for some readers and a folder for others: `{name}`; zip it again")
    };
    assert_eq!(refusal(&[file("a"), Raw::stored("bootstrap", b"").with(|e| e.mode = 0o040_755)]), unclear("bootstrap"));
    assert_eq!(refusal(&[file("a"), Raw::stored("b/", b"data")]), unclear("b/"));
    let comment = [&b"made by hand "[..], b"PK\x05\x06", &[0; 30]].concat();
    assert_eq!(
        told(&with_comment(&[file("a")], &comment)),
        "the zip has more than one end of central directory: remove its comment and zip it again"
    );
}

#[test]
fn sizes_that_follow_the_data_may_be_left_out_before_them() {
    let written_as_a_stream = |bytes: Vec<u8>, flags: u8| {
        let mut bytes = bytes;
        bytes[6] = flags;
        bytes[14..26].fill(0);
        bytes
    };
    let bytes = archive(&[file("a"), file("b")]);
    assert!(inspect(&written_as_a_stream(bytes.clone(), 8)).is_ok());
    assert!(told(&written_as_a_stream(bytes, 0)).contains("`a`'s local header contradicts"));
}

#[test]
fn zip_whose_only_folder_has_the_manifest_or_the_program_is_refused() {
    let message = "all that is in the zip is in the folder orders-api, where Lambda does not look: zip what is in orders-api, \
                   not the folder itself";
    for inside in ["orders-api/function.toml", "orders-api/bootstrap"] {
        let finder = [file("orders-api/lib/a"), file(inside), file("__MACOSX/._orders-api"), file(".DS_Store")];
        assert_eq!(refusal(&finder), message, "{inside}");
    }
    assert!(
        inspect(&archive(&[file("orders-api/bootstrap"), file("README.md")])).is_ok(),
        "there is something at the root"
    );
    assert!(inspect(&archive(&[file("app/main.py"), file("lib/bootstrap")])).is_ok(), "two folders");
    let run = Run { runtime: Some("nodejs22.x"), handler: Some("index.handler"), machine: None, has_layers: false };
    let told = starts(&[file("orders-api/index.js")], run).unwrap_err();
    assert!(
        told.ends_with("it is in the folder orders-api: zip what is in orders-api, not the folder itself"),
        "{told}"
    );
}

#[test]
fn handler_without_its_file_is_refused_unless_a_layer_may_have_it() {
    let run = Run { runtime: Some("nodejs22.x"), handler: Some("src/app.handler"), machine: None, has_layers: false };
    assert_eq!(starts(&[file("src/app.mjs")], run), Ok(None));
    let missing = "the zip has no file for the handler src/app.handler of nodejs22.x (src/app.js, src/app.mjs, src/app.cjs, \
                   src/app/index.js)";
    assert_eq!(starts(&[file("app.js")], run), Err(format!("{missing}: put it in, or correct the handler")));
    let warned = starts(&[file("app.js")], Run { has_layers: true, ..run }).unwrap().unwrap();
    assert!(warned.starts_with(missing) && warned.ends_with("unless one of the function's layers has it"), "{warned}");
    assert_eq!(starts(&[link("src/app.js", "../dist/app.js"), file("dist/app.js")], run), Ok(None));
}
