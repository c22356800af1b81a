//! One zip for each further rule about packages.

use super::archive::{Entry, archive, behind, commented};
use super::corpus::{bad, bad_manifest, fixture};
use super::manifests::{NODE_JS, PROGRAM, PROVIDED, bootstrap, elf, index, node_and, node_with, provided_with, toml};
use super::{Fixture, Verdict::Deployed, handlers, streams};
use crate::fixtures::AARCH64;

/// The rules, in no order.
pub(super) fn rules() -> Vec<Fixture> {
    [objects(), names(), links(), entries(), streams::streams(), programs(), handlers::handlers(), manifests()].concat()
}

/// A whole entry that no directory lists.
fn hidden_bootstrap() -> Vec<u8> {
    let whole = archive(&[super::manifests::other_bootstrap().with(|e| e.is_listed = false)]);
    whole.get(..whole.len() - 22).unwrap_or_default().to_vec()
}

/// Rules about the object as a whole.
fn objects() -> Vec<Fixture> {
    let case = |name, why, bytes, right| fixture(name, why, bytes, right, PROGRAM);
    let good = provided_with(&[]);
    let page = b"<!DOCTYPE html><title>Not Found</title>".to_vec();
    vec![
        case("object-empty", "nothing was uploaded", vec![], bad("the object is empty (0 bytes)")),
        case("object-html", "an error page was uploaded", page, bad("looks like an HTML page: upload a zip")),
        case("object-cut-off", "the upload broke off", good[..good.len() - 40].to_vec(), bad("the zip is cut off")),
        case(
            "object-with-a-line-after",
            "readers look for the end differently",
            [&good[..], b"\n"].concat(),
            bad("the zip does not end where the object ends"),
        ),
        case(
            "object-with-a-line-before",
            "its offsets are wrong",
            [b"#!/bin/sh\n", &good[..]].concat(),
            bad("offsets must count from the object's first byte"),
        ),
        case(
            "object-with-a-line-before-it-counts",
            "zipapp and pex put one there",
            behind(b"#!/usr/bin/env python3\n", &[bootstrap(), toml(PROVIDED)], b""),
            Deployed,
        ),
        case(
            "comment",
            "a plain comment does no harm",
            commented(&[bootstrap(), toml(PROVIDED)], b"by hand"),
            Deployed,
        ),
        case("no-entries", "there is nothing in it", archive(&[]), bad("the zip is empty: it has no file")),
        case("only-a-folder", "there is nothing in it", archive(&[Entry::folder("lib")]), bad("the zip is empty")),
    ]
}

fn names() -> Vec<Fixture> {
    let case = |name, why, bytes, right| fixture(name, why, bytes, right, PROGRAM);
    let named = |name: &[u8]| provided_with(&[Entry::file(name, "x")]);
    vec![
        case("name-absolute", "it leads out of the zip", named(b"/etc/passwd"), bad("absolute names: `/etc/passwd`")),
        case("name-drive", "it leads out of the zip", named(b"c:/x"), bad("absolute names: `c:/x`")),
        case("name-drive-without-slash", "bsdtar leaves it out", named(b"c:x"), bad("absolute names: `c:x`")),
        case("name-parent", "it leads out of the zip", named(b"a/../../b"), bad("names that lead out of it by `..`")),
        case("name-backslash", "readers differ on it", named(b"lib\\a.so"), bad("names with backslashes")),
        case("name-empty-part", "readers differ on it", named(b"a//b"), bad("names with an empty part: `a//b`")),
        case("name-nul", "readers cut it off", named(b"a\0b"), bad("names with a NUL")),
        case("name-not-utf8", "readers guess", named(b"gr\xf6\xdfe.txt"), bad("names that are not UTF-8")),
        case(
            "name-utf8",
            "its flag says UTF-8",
            provided_with(&[Entry::file("größe.txt", "x").with(|e| e.flags = 1 << 11)]),
            Deployed,
        ),
        case("names-that-differ-by-case", "Linux tells them apart", named(b"Bootstrap"), Deployed),
        case(
            "duplicate-other-bytes",
            "readers take the first or the last",
            provided_with(&[Entry::file("a", "1"), Entry::file("a", "2")]),
            bad("names more than once: `a`"),
        ),
        case(
            "duplicate-bootstrap",
            "the program is there once",
            provided_with(&[bootstrap()]),
            bad("names more than once: `bootstrap`"),
        ),
        case(
            "file-and-folder",
            "it cannot be both",
            provided_with(&[Entry::file("bootstrap/a", "x")]),
            bad("files that are also folders of other entries: `bootstrap`"),
        ),
    ]
}

fn links() -> Vec<Fixture> {
    let case = |name, why, more: &[Entry], right| fixture(name, why, node_and(more), right, NODE_JS);
    let circle = [Entry::link("a", "b"), Entry::link("b", "a")];
    let library = [Entry::file("lib/libpq.so.5.16", "ELF"), Entry::link("lib/libpq.so.5", "libpq.so.5.16")];
    vec![
        case("symlink-library", "shared libraries are linked", &library, Deployed),
        case(
            "symlink-parent",
            "it leads out",
            &[Entry::link("x", "../../etc/passwd")],
            bad("that lead out of it: `x`"),
        ),
        case("symlink-absolute", "it leads out", &[Entry::link("x", "/etc/passwd")], bad("that lead out of it: `x`")),
        case("symlink-circle", "it leads nowhere", &circle, bad("lead in circles")),
        case(
            "symlink-as-a-folder",
            "an entry's path leads through it",
            &[Entry::link("x", "/opt/x"), Entry::file("x/a", "x")],
            bad("entries whose folder is a symbolic link: `x/a`"),
        ),
        fixture(
            "symlink-manifest",
            "the file itself is wanted",
            archive(&[index(), Entry::link("function.toml", "index.js")]),
            bad_manifest("function.toml is a symbolic link"),
            NODE_JS,
        ),
        case(
            "symlink-host-macos",
            "only some readers know links of other systems than Unix",
            &[Entry::link("x", "index.js").with(|e| e.host = 19)],
            bad("links for some readers and files for others: `x` (of system 19"),
        ),
        case(
            "special-file",
            "a device",
            &[Entry::file("null", "").mode(0o020_666)],
            bad("other special files: `null`"),
        ),
    ]
}

fn entries() -> Vec<Fixture> {
    let case = |name, why, more: &[Entry], right| fixture(name, why, provided_with(more), right, PROGRAM);
    let changed = |change: fn(&mut Entry)| [Entry::file("a.txt", "some text\n").with(change)];
    let zeros = || Entry::file("zeros", vec![0; 3_000_000]);
    let damaged = |name: &str| match name {
        "bootstrap" => archive(&[bootstrap().with(|e| e.crc32 ^= 1), toml(PROVIDED)]),
        _ => archive(&[bootstrap(), toml(PROVIDED).with(|e| e.crc32 ^= 1)]),
    };
    let inner = archive(&[Entry::file("inner", "x")]);
    vec![
        case("encrypted", "nobody has the password", &changed(|e| e.flags = 1), bad("encrypted entries: `a.txt`")),
        case("method-zstd", "Lambda does not know it", &changed(|e| e.method = 93), bad("`a.txt` (method 93)")),
        case("stored", "it need not be packed", &[Entry::stored("a.txt", "text")], Deployed),
        case("zip-in-a-zip", "its own end is not the end", &[Entry::stored("a.zip", &inner)], Deployed),
        case("zeros", "deflate reaches 1,032", &[zeros()], Deployed),
        case(
            "ratio",
            "more than deflate can do",
            &[zeros().with(|e| e.unpacked *= 2)],
            bad("unpack to more than 1,033 times their size: `zeros`"),
        ),
        case(
            "local-size",
            "readers of streams go on elsewhere",
            &changed(|e| e.local_packed = Some(5)),
            bad("`a.txt`'s local header contradicts the zip's directory"),
        ),
        case(
            "folder-attribute-of-dos",
            "a file by its name, a folder by its attributes",
            &changed(|e| e.dos = 0x10),
            bad("a file for some readers and a folder for others: `a.txt`"),
        ),
        case(
            "checksum-of-a-file",
            "the file would be another one, or none",
            &changed(|e| e.crc32 ^= 1),
            bad("`a.txt` is damaged in the zip"),
        ),
        case(
            "extra-field-too-long",
            "Python, Java and bsdtar do not open it",
            &changed(|e| e.extra = b"ut\x0e\x01botstrap".to_vec()),
            bad("an extra field that is cut off, doubled or longer than its room: `a.txt`"),
        ),
        case(
            "extra-field-cut-off",
            "bsdtar does not open it",
            &changed(|e| e.extra = b"a".to_vec()),
            bad("an extra field that is cut off, doubled or longer than its room: `a.txt`"),
        ),
        case("extra-field-of-zeros", "some tools align entries", &changed(|e| e.extra = vec![0; 7]), Deployed),
        case(
            "flags-of-another-entry",
            "7-Zip does not unpack it",
            &changed(|e| e.local_flags = Some(1 << 4)),
            bad("`a.txt`'s local header contradicts the zip's directory"),
        ),
        case("patch", "Python does not unpack it", &changed(|e| e.flags = 1 << 5), bad("`a.txt` (a patch)")),
        case(
            "gap-between-entries",
            "Java's ZipInputStream misses what follows",
            &[Entry::file("a.txt", "x").with(|e| e.gap = vec![0; 7]), Entry::file("b.txt", "x")],
            bad("bytes before `b.txt` that belong to no entry"),
        ),
        case(
            "hidden-in-a-gap",
            "readers that look for entries see bootstrap twice",
            &changed(|e| e.gap = hidden_bootstrap()),
            bad("an entry that its directory does not list"),
        ),
        fixture(
            "checksum-of-bootstrap",
            "the program would be another one",
            damaged("bootstrap"),
            bad("`bootstrap` is damaged in the zip"),
            PROGRAM,
        ),
        fixture(
            "checksum-of-manifest",
            "the manifest would be another one",
            damaged("function.toml"),
            bad("`function.toml` is damaged in the zip"),
            PROGRAM,
        ),
    ]
}

fn programs() -> Vec<Fixture> {
    let program = |bytes: &[u8]| archive(&[Entry::file("bootstrap", bytes).mode(0o100_755), toml(PROVIDED)]);
    let case = |name, why, bytes, right| fixture(name, why, bytes, right, PROGRAM);
    let linked = |to: &str| {
        let target = Entry::file("bin/orders", elf(crate::fixtures::X86_64, "linked")).mode(0o100_755);
        archive(&[target, Entry::link("bootstrap", to), toml(PROVIDED)])
    };
    vec![
        case("bootstrap-script", "scripts are started too", program(b"#!/bin/sh\nexit 0\n"), Deployed),
        case(
            "bootstrap-script-of-windows",
            "there is no such interpreter",
            program(b"#!/bin/sh\r\nexit 0\r\n"),
            bad("ends with a carriage return"),
        ),
        case(
            "bootstrap-of-another-machine",
            "Lambda could not start it",
            program(&elf(AARCH64, "")),
            bad("an ELF file for aarch64, but the function's architecture is x86_64"),
        ),
        case("bootstrap-text", "it is no program", program(b"hello\n"), bad("neither an ELF file nor a script")),
        case(
            "bootstrap-missing",
            "there is nothing to start",
            archive(&[Entry::file("main", elf(62, "")), toml(PROVIDED)]),
            bad("the zip has no file bootstrap at its root"),
        ),
        case("bootstrap-link", "it is judged by its target", linked("bin/orders"), Deployed),
        case("bootstrap-link-to-nothing", "there is nothing to start", linked("gone"), bad("no file bootstrap")),
    ]
}

fn manifests() -> Vec<Fixture> {
    let case = |name, why, bytes, right| fixture(name, why, bytes, right, NODE_JS);
    let layer = "layers = [\"arn:aws:lambda:eu-west-1:111111111111:layer:code:1\"]\n";
    let elsewhere = archive(&[Entry::file("lib/a.js", ""), toml(&format!("{}{layer}", super::manifests::NODE))]);
    vec![
        case(
            "manifest-twice",
            "one of them would not be read",
            node_and(&[Entry::file("function.json", "{}")]),
            bad_manifest("keep one of them"),
        ),
        case("manifest-not-toml", "it cannot be read", node_with("timeout = \n"), bad_manifest("not TOML")),
        case(
            "manifest-misspelled",
            "it names no field",
            node_with("memory = 1\n"),
            bad_manifest("did you mean memory_size?"),
        ),
        case(
            "handler-in-layer",
            "a layer may have the file",
            elsewhere,
            super::Verdict::Warned("unless one of the function's layers has it"),
        ),
    ]
}
