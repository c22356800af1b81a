//! Entries that were zipped as a stream, with checksum and sizes after their data (flag bit 3).

use super::*;

const DIFFERENT_END: &str = "`lib/x.js` was zipped as a stream, and its data end elsewhere than the zip's directory \
                             says, or have another checksum: zip it again";
const NO_DESCRIPTOR: &str = "`lib/x.js` was zipped as a stream, but the checksum and sizes that should follow its data are \
                             missing or wrong: zip it again";
const NO_END: &str = "`lib/x.js` was zipped as a stream without compression, so that readers may take other bytes for its \
                      end: zip it with deflate, or to a file instead of a pipe";
const CONTRADICTS: &str = "`lib/x.js`'s local header contradicts the zip's directory: zip it again";

fn script() -> Raw {
    streamed(Raw::deflated("lib/x.js", b"exports.handler = 1\n"))
}

fn stored(data: &[u8]) -> Raw {
    streamed(Raw::stored("lib/x.js", data))
}

/// Reads a zip with the entry between two others.
fn said(entry: Raw) -> Result<(), String> {
    inspect(&archive(&[file("a"), entry, file("z")])).map(|_| ()).map_err(|error| error.to_string())
}

fn refused(message: &str) -> Result<(), String> {
    Err(message.to_owned())
}

/// Makes a streamed entry with a right descriptor.
fn described(entry: Raw) -> Raw {
    let after = descriptor(&entry, b"PK\x07\x08", 4);
    entry.with(|e| e.after = after)
}

#[test]
fn streamed_entry_whose_data_end_early_is_refused() {
    assert_eq!(said(script()), Ok(()));
    // A reader of streams continues where the data end, and finds another entry there.
    let (hidden, from) = body(&[streamed(Raw::deflated("bootstrap", b"#!/bin/sh\n"))]);
    let inner = [&script().after[..], &hidden[..from]].concat();
    let hiding = script().with(|e| {
        e.data.extend(inner);
        e.packed = u32::try_from(e.data.len()).unwrap();
    });
    assert_eq!(said(described(hiding)), refused(DIFFERENT_END));
    let truncated = script().with(|e| {
        e.data.pop();
        e.packed -= 1;
    });
    assert_eq!(said(described(truncated)), refused(DIFFERENT_END));
}

#[test]
fn streamed_entry_has_the_size_and_checksum_of_the_directory() {
    assert_eq!(said(described(script().with(|e| e.unpacked -= 1))), refused(DIFFERENT_END));
    assert_eq!(said(described(script().with(|e| e.unpacked += 1))), refused(DIFFERENT_END));
    assert_eq!(said(described(script().with(|e| e.crc32 ^= 1))), refused(DIFFERENT_END));
    assert_eq!(said(described(stored(b"hello").with(|e| e.crc32 ^= 1))), refused(DIFFERENT_END));
}

#[test]
fn plain_entry_that_contradicts_the_directory_is_refused() {
    let damaged = refused("`lib/x.js` is damaged in the zip: its size or checksum does not match; zip it again");
    let plain = |data| Raw::deflated("lib/x.js", data);
    assert_eq!(said(plain(b"hello").with(|e| e.crc32 ^= 1)), damaged);
    assert_eq!(said(plain(b"hello").with(|e| e.unpacked -= 1)), damaged);
    assert_eq!(said(plain(b"hello").with(|e| e.unpacked += 1)), damaged);
    assert_eq!(said(Raw::stored("lib/x.js", b"hello").with(|e| e.crc32 ^= 1)), damaged);
    // If it reads a stream, bsdtar reads beyond the end of the data, whatever size the header has.
    let (hidden, from) = body(&[Raw::deflated("bootstrap", b"#!/bin/sh\n")]);
    let hiding = plain(b"hello").with(|e| {
        e.data.extend(&hidden[..from]);
        e.packed = u32::try_from(e.data.len()).unwrap();
    });
    assert_eq!(said(hiding), damaged);
}

#[test]
fn large_streamed_entries_are_unpacked_as_they_come() {
    let noise: Vec<u8> = (0..3_000_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    for data in [&noise[..], &vec![0; 3_000_000]] {
        assert_eq!(said(streamed(Raw::deflated("lib/x.js", data))), Ok(()));
        assert_eq!(
            said(described(streamed(Raw::deflated("lib/x.js", data)).with(|e| e.unpacked -= 1))),
            refused(DIFFERENT_END)
        );
    }
}

#[test]
fn descriptor_may_have_any_of_four_forms() {
    let plain = script().with(|e| e.after.clear());
    for (signature, wide) in [(&b""[..], 4), (b"", 8), (b"PK\x07\x08", 4), (b"PK\x07\x08", 8)] {
        let right = descriptor(&plain, signature, wide);
        let with = |after: Vec<u8>| said(plain.clone().with(|e| e.after = after));
        assert_eq!(with(right.clone()), Ok(()));
        assert!(
            with([&right[..], &[0; 40]].concat()).unwrap_err().contains("bytes before `z` that belong to no entry")
        );
        for at in 0..right.len() {
            let mut wrong = right.clone();
            wrong[at] ^= 1;
            assert_eq!(with(wrong), refused(NO_DESCRIPTOR), "byte {at} of {}", right.len());
        }
        assert_eq!(with(right[..right.len() - 1].to_vec()), refused(NO_DESCRIPTOR));
        let hidden = body(&[file("b")]).0;
        assert!(with([&right[..], &hidden[..35]].concat()).unwrap_err().contains("does not list"));
    }
    assert_eq!(said(plain), refused(NO_DESCRIPTOR));
    let last = archive(&[file("a"), script().with(|e| e.after.clear())]);
    assert_eq!(told(&last), NO_DESCRIPTOR);
    assert!(inspect(&archive(&[file("a"), script()])).is_ok());
}

#[test]
fn descriptor_of_a_folder_may_be_missing() {
    // Some libraries set the flag for folders and write no descriptor. A folder has no data whose end must be found.
    let folder = streamed(Raw::stored("lib/x.js/", b""));
    assert_eq!(said(folder.clone().with(|e| e.after.clear())), Ok(()));
    assert_eq!(said(folder), Ok(()));
    assert_eq!(said(stored(b"").with(|e| e.after.clear())), refused(NO_DESCRIPTOR));
    assert_eq!(said(stored(b"")), Ok(()));
}

#[test]
fn descriptor_flag_is_the_same_in_both_headers() {
    assert_eq!(said(script().with(|e| e.flags = 0)), refused(CONTRADICTS));
    assert_eq!(said(script().with(|e| e.local_flags = 0)), refused(CONTRADICTS));
}

#[test]
fn stored_stream_with_an_unmistakable_end_is_accepted() {
    assert_eq!(said(stored(b"some text, PK\x03 and PK\x05\x06 and PK")), Ok(()));
    let inner = archive(&[file("bootstrap")]);
    for data in [&b"PK\x03\x04"[..], b"some PK\x07\x08 text", &inner] {
        assert_eq!(said(stored(data)), refused(NO_END));
        assert_eq!(said(Raw::stored("lib/x.js", data)), Ok(()), "its size is before it");
    }
    let unsigned = stored(b"hello").with(|e| {
        e.after.drain(..4);
    });
    assert_eq!(said(unsigned), refused(NO_END));
    let empty = stored(b"").with(|e| {
        e.after.drain(..4);
    });
    assert_eq!(said(empty), Ok(()));
}

#[test]
fn stored_stream_is_searched_across_pieces() {
    let bytes = archive(&[file("a"), stored(b"some PK\x07\x08 text")]);
    for truncated in 0..bytes.len() {
        let mut reader = ready(Directory::open(bytes.len() as u64, &bytes).unwrap()).reader();
        reader.feed(&bytes[..truncated]);
        reader.feed(&bytes[truncated..]);
        assert_eq!(reader.finish().unwrap_err().to_string(), NO_END, "{truncated}");
    }
}
