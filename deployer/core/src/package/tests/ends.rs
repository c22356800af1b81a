//! The end of a zip, and the limits of its directory.

use super::*;

#[test]
fn object_that_is_no_zip_is_refused_naming_its_format() {
    assert_eq!(told(b""), "the object is empty (0 bytes): upload the zip again");
    let nothing =
        "the object is not a zip, or a zip that was cut off: it has no end of central directory; zip it again";
    assert_eq!(told(b"hello"), nothing);
    assert_eq!(told(&vec![b'x'; 3_000_000]), nothing);
    let truncated = "the zip is cut off: its end, the central directory, is missing; upload it again";
    assert_eq!(told(&good()[..100]), truncated);
    assert_eq!(told(b"\x1f\x8b\x08"), "the object is not a zip but looks like a gzip file: upload a zip");
    assert_eq!(told(b"\n<!DOCTYPE HTML>"), "the object is not a zip but looks like an HTML page: upload a zip");
    let mut tar = vec![0; 600];
    tar[257..262].copy_from_slice(b"ustar");
    assert_eq!(told(&tar), "the object is not a zip but looks like a tar archive: upload a zip");
    let image = br#"[{"name": "orders", "imageUri": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/orders:1"}]"#;
    assert_eq!(
        told(image),
        "the object is not a zip but refers to a container image: the deployer deploys zips, not container images: zip the \
         function's code and upload that, or deploy the image with aws lambda update-function-code --image-uri"
    );
}

#[test]
fn zip_that_does_not_end_with_the_object_is_refused() {
    let unclear = "the zip does not end where the object ends: bytes were appended to it or are missing; zip it again";
    assert_eq!(told(&[good(), b"\n".to_vec()].concat()), unclear);
    let commented = with_comment(&[file("a")], b"made by hand");
    assert!(inspect(&commented).is_ok());
    assert_eq!(told(&commented[..commented.len() - 1]), unclear);
    let longest = with_comment(&[file("a")], &[b' '; 65_535]);
    assert!(inspect(&longest).is_ok());
}

#[test]
fn zip_with_two_ends_is_refused() {
    let inner = archive(&[file("b")]);
    let both = with_comment(&[file("a")], &inner);
    assert_eq!(told(&both), "the zip has more than one end of central directory: remove its comment and zip it again");
    // A zip inside the zip has its own end record, which is not at the object's end.
    assert!(inspect(&archive(&[Raw::stored("inner.zip", &inner)])).is_ok());
}

#[test]
fn offsets_must_count_from_the_first_byte() {
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
fn split_zip_is_refused() {
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
fn zip64_end_must_agree_with_the_classic_one() {
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
fn damaged_directory_is_refused() {
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
fn zip_without_a_file_is_refused() {
    assert_eq!(refusal(&[]), "the zip is empty: it has no file");
    assert_eq!(refusal(&[Raw::stored("a/", b"")]), "the zip is empty: it has no file");
}

#[test]
fn too_large_directories_and_counts_are_refused() {
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
fn object_above_the_archive_limit_is_refused_unread() {
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
