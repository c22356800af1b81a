//! Names, methods, sizes and places of entries.

use super::*;

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
fn names_that_are_not_plain_and_relative_are_refused() {
    let cases: &[(&[u8], &str)] = &[
        (b"/etc/passwd", "absolute names: `/etc/passwd`; zip from within the folder, with relative names"),
        (b"C:\\x", "absolute names: `C:\\\\x`; zip from within the folder, with relative names"),
        (b"c:/x", "absolute names: `c:/x`; zip from within the folder, with relative names"),
        (b"a:b", "absolute names: `a:b`; zip from within the folder, with relative names"),
        (b"a\\b", "names with backslashes: `a\\\\b`; zip with a tool that writes / between folders"),
        (b"..", "names that lead out of it by `..`: `..`; zip from within the folder"),
        (b"a/../../b", "names that lead out of it by `..`: `a/../../b`; zip from within the folder"),
        (b"../", "names that lead out of it by `..`: `../`; zip from within the folder"),
        (b"a\0b", "names with a NUL: `a\\0b`; zip it again"),
        (b"a\xff\n", "names that are not UTF-8: `a\\xff\\n`; rename the files"),
        (b"", "empty names, or names with an empty part: ``; zip with plain relative names"),
        (b"a//b", "empty names, or names with an empty part: `a//b`; zip with plain relative names"),
        (
            b"./a",
            "names with the part `.`: `./a`; readers differ on them: zip with * in place of ., and name hidden files too, which * leaves out",
        ),
    ];
    for (name, message) in cases {
        assert_eq!(refusal(&[file("x"), file(name)]), format!("the zip has {message}"));
    }
    for fine in ["a..b", "...", "größe", "aa:b", "a/b:c", ".hidden/x", " "] {
        assert!(inspect(&archive(&[file(fine)])).is_ok(), "{fine}");
    }
}

#[test]
fn names_are_escaped_and_cut_and_at_most_five_shown() {
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
fn different_entries_of_one_name_are_refused() {
    let message = |name| format!("the zip has names more than once: `{name}`; keep one of each");
    assert_eq!(refusal(&[file("a"), file("b"), Raw::stored("a", b"other")]), message("a"));
    assert_eq!(refusal(&[file("a"), Raw::stored("a/", b"")]), message("a/"));
    for judged in ["bootstrap", "function.toml"] {
        assert_eq!(refusal(&[file(judged), file("b"), file(judged)]), message(judged));
    }
    assert!(inspect(&archive(&[file("a"), file("A")])).is_ok());
    // A fat jar has the licence file of each of its parts.
    let license = || Raw::deflated("META-INF/LICENSE", b"As is.");
    assert!(inspect(&archive(&[license(), file("b"), license(), Raw::stored("META-INF/LICENSE", b"As is.")])).is_ok());
    assert!(inspect(&archive(&[file("x"), Raw::stored("a/", b""), Raw::stored("a/", b"")])).is_ok());
    // The directory has the same checksum for other bytes.
    let forged = Raw::stored("META-INF/LICENSE", b"As was").with(|e| e.crc32 = checksum(b"As is."));
    assert!(refusal(&[license(), forged]).contains("damaged"));
}

#[test]
fn file_that_is_also_a_folder_is_refused() {
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
    assert!(inspect(&archive(&[file("a").with(|e| e.mode = 0o755), file("b").with(|e| e.made_on = 10)])).is_ok());
}

#[test]
fn stored_entry_with_two_sizes_is_refused() {
    assert_eq!(
        refusal(&[file("a").with(|e| e.unpacked = 6)]),
        "the zip has stored entries whose sizes disagree: `a` (5 bytes unpack to 6); zip it again"
    );
}

#[test]
fn entry_above_deflates_ratio_is_refused() {
    let sized = |packed: u32, unpacked| {
        let data = vec![0; packed as usize];
        Raw::stored("a", &data).with(|e| (e.method, e.local_method, e.unpacked) = (8, 8, unpacked))
    };
    assert!(refusal(&[sized(5, 5165)]).contains("damaged"), "such a size can be");
    let message = |sizes: &str| {
        format!("the zip has entries that unpack to more than 1,033 times their size: `a` ({sizes}); leave them out")
    };
    assert_eq!(refusal(&[sized(5, 5166)]), message("5 bytes unpack to 5166"));
    assert_eq!(refusal(&[sized(0, 1)]), message("0 bytes unpack to 1"));
    assert!(inspect(&archive(&[Raw::deflated("a", &vec![0; 3_000_000])])).is_ok(), "zeros are no bomb");
}

#[test]
fn zip_above_lambdas_unzipped_limit_is_refused() {
    let sized = |name: &str, unpacked| {
        Raw::stored(name, &vec![0; 200_000]).with(|e| (e.method, e.local_method, e.unpacked) = (8, 8, unpacked))
    };
    assert!(refusal(&[sized("a", 200_000_000), sized("b", 62_144_000)]).contains("damaged"), "so much is taken");
    assert_eq!(
        refusal(&[sized("a", 200_000_000), sized("b", 62_144_001)]),
        "the zip unpacks to 262144001 bytes, more than Lambda's 262144000 (250 MB): put less into it, or use layers"
    );
}

#[test]
fn entries_outside_the_zip_are_refused() {
    let message = |name| format!("the zip has entries whose data lie outside of it: `{name}`; upload it again");
    assert_eq!(refusal(&[file("a"), file("b").with(|e| e.at = Some(100_000))]), message("b"));
    assert_eq!(refusal(&[file("a").with(|e| (e.packed, e.unpacked) = (6, 6))]), message("a"));
    assert_eq!(refusal(&[file("a").with(|e| e.at = Some(u32::MAX - 1))]), message("a"));
}

#[test]
fn overlapping_entries_are_refused() {
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
