//! Modes of entries, and entries that readers see differently.

use super::*;

#[test]
fn modes_that_exclude_others_are_refused() {
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
    // An entry without modes is not checked, and a mode without a type is Python's default.
    assert!(inspect(&archive(&[file("a").with(|e| e.mode = 0o600)])).is_ok());
    assert!(
        inspect(&archive(&[file("a").with(|e| e.mode = 0), file("b").with(|e| (e.mode, e.made_on) = (0o600, 0))]))
            .is_ok()
    );
}

#[test]
fn zip_that_readers_see_differently_is_refused() {
    let hidden = "the zip has an entry that its directory does not list, which some readers would see: zip it again";
    let inner = archive(&[file("bootstrap")]);
    let between = |filler: &[u8]| archive(&[file("a").with(|e| e.after = filler.to_vec()), file("b")]);
    assert_eq!(inspect(&between(b"")).unwrap().entries, 2);
    for filler in [&b"\0"[..], b"\0\0\0\0", &[b' '; 100], b"PK\x01\x02", b"PK\x05\x06"] {
        assert_eq!(
            told(&between(filler)),
            "the zip has bytes before `b` that belong to no entry, where some readers stop and miss what follows: zip it again"
        );
    }
    assert_eq!(told(&between(&inner[..40])), hidden);
    assert_eq!(told(&between(&[&[0; 30][..], &inner[..40]].concat())), hidden);
    assert_eq!(told(&between(b"PK\x03\x04")), hidden);
    // Before the first entry, and after the last.
    let behind = |stub: &[u8]| {
        let length = u32::try_from(stub.len()).unwrap();
        let (entries, from) = body(&[file("a").with(|e| e.at = Some(length))]);
        [stub, &entries, &end(1, entries.len() - from, from + stub.len(), b"")].concat()
    };
    assert_eq!(told(&behind(&inner[..40])), hidden);
    for record in [&b"PK\x05\x06 an end"[..], b"PK\x01\x02", b"PK\x06\x06", b"PK\x06\x07"] {
        assert_eq!(told(&behind(record)), hidden, "some readers see an empty zip");
    }
    assert_eq!(inspect(&behind(b"#!/usr/bin/env python3\n")).unwrap().entries, 1, "zipapp and pex put a line there");
    assert!(inspect(&archive(&[file("a").with(|e| e.after = vec![0; 7])])).is_ok(), "nothing follows that is missed");
}

#[test]
fn flags_of_an_entry_are_the_same_in_both_headers() {
    let message = "`a`'s local header contradicts the zip's directory: zip it again";
    for bit in [3, 4, 7, 8, 9, 10, 12, 14, 15] {
        assert_eq!(refusal(&[file("a").with(|e| e.local_flags = 1 << bit)]), message, "bit {bit}");
        assert_eq!(refusal(&[file("a").with(|e| e.flags = 1 << bit)]), message, "bit {bit}");
    }
    // These flags are deflate's compression level, and mean nothing for stored entries.
    for bit in [1, 2] {
        let plain = Raw::deflated("a", b"hello");
        assert_eq!(said_of(plain.clone().with(|e| e.local_flags = 1 << bit)), Ok(()));
        assert_eq!(said_of(plain.with(|e| e.flags = 1 << bit)), Ok(()));
        assert_eq!(refusal(&[Raw::stored("a", b"hello").with(|e| e.flags = 1 << bit)]), message);
    }
}

#[test]
fn entry_that_needs_more_than_deflate_is_refused() {
    let with = |needs, flags| said_of(file("a").with(|e| (e.needs, e.flags, e.local_flags) = (needs, flags, flags)));
    let message = |why| {
        Err(format!("the zip has entries that some readers do not unpack: `a` ({why}); zip again with another tool"))
    };
    for fine in [10, 20, 45, 46, 20 | 3 << 8] {
        assert_eq!(with(fine, 0), Ok(()), "version {fine}");
    }
    assert_eq!(with(47, 0), message("needs version 4.7, deflate is 2.0"));
    assert_eq!(with(90 | 3 << 8, 0), message("needs version 9.0, deflate is 2.0"));
    assert_eq!(with(20, 1 << 5), message("a patch"));
}

#[test]
fn entry_that_some_readers_see_differently_is_refused() {
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
    for host in [0, 3, 11, 19] {
        assert_eq!(refusal(&[file("a"), file("b").with(|e| (e.made_on, e.dos) = (host, 0x10))]), unclear("b"));
        assert_eq!(refusal(&[file("a"), file("b").with(|e| (e.made_on, e.mode) = (host, 0o040_755))]), unclear("b"));
    }
    assert!(
        inspect(&archive(&[file("a").with(|e| e.dos = 0x21), Raw::stored("b/", b"").with(|e| e.dos = 0x10)])).is_ok()
    );
    let comment = [&b"made by hand "[..], b"PK\x05\x06", &[0; 30]].concat();
    assert_eq!(
        told(&with_comment(&[file("a")], &comment)),
        "the zip has more than one end of central directory: remove its comment and zip it again"
    );
}

#[test]
fn extra_field_that_is_longer_than_its_room_is_refused() {
    let message =
        "the zip has entries with an extra field that is cut off, doubled or longer than its room: `a`; zip it again";
    let with = |extra: &[u8]| said_of(file("a").with(|e| e.extra = extra.to_vec()));
    let with_local = |extra: &[u8]| said_of(file("a").with(|e| e.local_extra = extra.to_vec()));
    let no_field = &b"ut\x01\0"[..];
    let long = [no_field, b"up\x0e\x01\xd9o$\x1b\xa1botstrap", b"up\x40\0\x01\0\0\0\0bootstrap", b"\0\0\0\0ut\x03\0ab"];
    let truncated = [&b"ab"[..], b"\xff", b"ut\0\0abc", b"\x01\0\x0c\0\0\0\0\0\0\0\0\0\0\0\0\0"];
    let doubled = [&b"\x01\0\0\0\x01\0\0\0"[..]];
    for torn in long.into_iter().chain(truncated).chain(doubled) {
        assert_eq!(with(torn), Err(message.to_owned()), "{torn:?}");
        assert_eq!(
            with_local(torn),
            Err("`a`'s local header contradicts the zip's directory: zip it again".to_owned())
        );
    }
    // Tools pad with zeros; up to three of them are no field.
    for padded in [&[0][..], &[0; 3], &[0; 14], b"ut\x02\0ab\0\0\0\0\0", b"\x01\0\x08\0\0\0\0\0\0\0\0\0"] {
        assert_eq!((with(padded), with_local(padded)), (Ok(()), Ok(())), "{padded:?}");
    }
}

fn said_of(entry: Raw) -> Result<(), String> {
    inspect(&archive(&[entry])).map(|_| ()).map_err(|error| error.to_string())
}

#[test]
fn name_that_is_utf8_in_one_header_only_is_refused() {
    let message = "`größe`'s local header contradicts the zip's directory: zip it again";
    assert_eq!(refusal(&[file("größe").with(|e| e.flags = 1 << 11)]), message);
    assert_eq!(refusal(&[file("größe").with(|e| e.local_flags = 1 << 11)]), message);
    assert!(inspect(&archive(&[file("größe").with(|e| (e.flags, e.local_flags) = (1 << 11, 1 << 11))])).is_ok());
    assert!(inspect(&archive(&[file("a").with(|e| e.flags = 1 << 11)])).is_ok(), "plain letters are the same in both");
}
