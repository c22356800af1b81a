//! Checks that other readers of zips read accepted zips as the deployer does, or differ as the table of known
//! differences says. Only the readers in Python run here; `cargo readers` runs all that the machine has.
//! `ci` and `release` run the scripts of CI and of a release.
#![allow(clippy::unwrap_used)]

mod ci;
mod fakes;
mod guard;
mod release;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use fixtures::packages::{archive::Entry, archive::archive, corpus};
use tools::{
    Difference, DifferenceKind, Found, KNOWN, READERS, Reader, Reading, SeenEntry, Survey, bases, differences, known,
    listed, seen, survey, table,
};

const SEEDS: u64 = 1_500;

fn in_python() -> Vec<Reader> {
    READERS.into_iter().filter(|reader| ["python", "stream"].contains(&reader.name)).collect()
}

fn read(ours: fn(&[u8]) -> Option<Vec<SeenEntry>>) -> Survey {
    survey(&in_python(), &bases(), 0..SEEDS, ours, |_| ()).unwrap()
}

#[test]
fn python_readers_agree_or_differ_as_the_table_says() {
    let all = read(seen);
    assert_eq!(all.tallies.keys().copied().collect::<Vec<_>>(), ["python", "stream"]);
    assert!(all.given > 200, "only {} of {SEEDS} zips are accepted", all.given);
    for (reader, tally) in all.tallies {
        assert!(tally.unknown.is_empty(), "cargo readers --seed tells more of each: {reader} {:?}", tally.unknown);
        assert!(tally.alike > 150, "{reader} reads only {} alike", tally.alike);
    }
}

#[test]
fn differences_are_found_if_only_the_directory_is_checked() {
    let all = read(listed);
    for (reader, tally) in all.tallies {
        let kinds: BTreeSet<DifferenceKind> =
            tally.unknown.values().flatten().map(|difference| difference.what).collect();
        let enough: &[DifferenceKind] = match reader {
            "python" => &[DifferenceKind::Fails, DifferenceKind::Bytes],
            _ => &[DifferenceKind::Refuses, DifferenceKind::Misses, DifferenceKind::Adds, DifferenceKind::Bytes],
        };
        assert!(enough.iter().all(|what| kinds.contains(what)), "{reader} differs only in {kinds:?}");
    }
}

#[test]
fn zip_that_hides_an_entry_differs_for_stream_readers() {
    for name in ["hidden-in-a-gap", "local-name-of-another-entry", "streamed-data-end-early"] {
        let fixture = corpus().into_iter().find(|fixture| fixture.name == name).unwrap();
        assert!(seen(&fixture.bytes).is_none(), "{name} is accepted");
        let ours = listed(&fixture.bytes).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("0.zip"), &fixture.bytes).unwrap();
        let stream = in_python().into_iter().find(|reader| reader.name == "stream").unwrap();
        let reading = tools::read(stream, folder.path()).unwrap().unwrap().remove(0);
        assert!(!differences(stream, &ours, &reading, &mut BTreeMap::new()).is_empty(), "{name}: {reading:?}");
    }
}

fn plain() -> Vec<u8> {
    archive(&[Entry::file("a", "some text\n"), Entry::folder("b")])
}

/// Returns the reading of a reader that agrees with the deployer.
fn right() -> Reading {
    let found = |seen: SeenEntry| Found {
        kind: if seen.name.ends_with('/') { "folder" } else { "file" }.to_owned(),
        name: seen.name,
        size: seen.size,
        crc32: seen.crc32,
        sha256: "of its bytes".to_owned(),
        error: None,
    };
    Reading { zip: "0".to_owned(), error: None, entries: seen(&plain()).unwrap().into_iter().map(found).collect() }
}

#[test]
fn every_kind_of_difference_is_reported() {
    let found = |change: fn(&mut Reading)| {
        let (mut reading, mut hashes) = (right(), BTreeMap::new());
        let reader = in_python().remove(0);
        assert_eq!(differences(reader, &seen(&plain()).unwrap(), &reading, &mut hashes), []);
        change(&mut reading);
        let all = differences(reader, &seen(&plain()).unwrap(), &reading, &mut hashes);
        all.into_iter().map(|difference| (difference.what, difference.name)).collect::<Vec<_>>()
    };
    let of = |what, name: &str| vec![(what, name.to_owned())];
    assert_eq!(found(|reading| reading.error = Some("no zip".to_owned())), of(DifferenceKind::Refuses, ""));
    assert_eq!(found(|reading| reading.entries[0].error = Some("damaged".to_owned())), of(DifferenceKind::Fails, "a"));
    assert_eq!(found(|reading| drop(reading.entries.remove(1))), of(DifferenceKind::Misses, "b/"));
    assert_eq!(
        found(|reading| reading.entries.push(Found { name: "c".to_owned(), ..Found::default() })),
        of(DifferenceKind::Adds, "c")
    );
    assert_eq!(found(|reading| reading.entries[0].kind = "link".to_owned()), of(DifferenceKind::Kind, "a"));
    assert_eq!(found(|reading| reading.entries[0].crc32 ^= 1), of(DifferenceKind::Bytes, "a"));
    assert_eq!(found(|reading| reading.entries[0].size += 1), of(DifferenceKind::Bytes, "a"));
    assert_eq!(found(|reading| reading.entries[0].sha256 = "of others".to_owned()), of(DifferenceKind::Bytes, "a"));
}

#[test]
fn difference_in_a_plain_zip_is_in_no_row_of_the_table() {
    for (index, row) in KNOWN.iter().enumerate() {
        for (reader, what) in row.readers.iter().flat_map(|reader| row.kinds.iter().map(move |what| (*reader, *what))) {
            let words = row.words.first().copied().unwrap_or_default().to_owned();
            let difference = Difference { reader, what, name: "a".to_owned(), words };
            assert_eq!(known(&difference, &plain()), None, "row {}", index + 1);
        }
    }
}

#[test]
fn page_of_readers_has_the_table_of_known_differences() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/readers.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once("<!-- table -->\n").unwrap();
    let (found, after) = rest.split_once("<!-- /table -->\n").unwrap();
    if std::env::var_os("UPDATE_FIXTURES").is_some() {
        let page = [before, "<!-- table -->\n", &table(), "<!-- /table -->\n", after].concat();
        std::fs::write(&path, page).unwrap();
    } else {
        assert_eq!(found, table(), "UPDATE_FIXTURES=1 cargo test -p tools writes it anew");
    }
}
