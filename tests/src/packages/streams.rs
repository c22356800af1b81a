//! Zips that were written as a stream: checksums and sizes follow the data.

use super::archive::{Entry, archive};
use super::corpus::{bad, fixture};
use super::manifests::{PROGRAM, PROVIDED, bootstrap, other_bootstrap, provided_with, toml};
use super::{Fixture, Verdict::Deployed};

/// A whole streamed entry behind the end of another one's data.
fn hiding() -> Entry {
    let hidden = archive(&[other_bootstrap().streamed().with(|e| e.is_listed = false)]);
    let hidden = hidden.get(..hidden.len() - 22).unwrap_or_default().to_vec();
    let data = Entry::file("a.txt", "some text\n").streamed();
    let described = archive(&[data.clone().with(|e| e.is_listed = false)]);
    let from = 30 + data.name.len();
    let whole = described.get(from..described.len() - 22).unwrap_or_default().to_vec();
    data.with(|e| e.data = [whole, hidden].concat())
}

pub(super) fn streams() -> Vec<Fixture> {
    let case = |name, why, more: &[Entry], right| fixture(name, why, provided_with(more), right, PROGRAM);
    let text = || Entry::file("a.txt", "some text\n").streamed();
    let stored = |data: &[u8]| [Entry::stored("a.zip", data).streamed()];
    let folder = Entry::folder("lib").streamed().with(|e| e.is_described = false);
    let streamed = archive(&[bootstrap().streamed(), toml(PROVIDED).streamed()]);
    let inner = archive(&[Entry::file("inner", "x")]);
    vec![
        fixture("streamed", "sizes may follow the data", streamed, Deployed, PROGRAM),
        case(
            "streamed-data-end-early",
            "readers of streams see bootstrap twice",
            &[hiding()],
            bad("`a.txt` was zipped as a stream, and its data end elsewhere"),
        ),
        case(
            "streamed-checksum",
            "readers of streams stop there",
            &[text().with(|e| e.crc32 ^= 1)],
            bad(
                "`a.txt` was zipped as a stream, and its data end elsewhere than the zip's directory says, or have another",
            ),
        ),
        case(
            "streamed-without-sizes",
            "readers of streams take the next entry for them",
            &[text().with(|e| e.is_described = false)],
            bad("the checksum and sizes that should follow its data are missing or wrong"),
        ),
        case("streamed-folder-without-sizes", "it has no data, and libraries write it", &[folder], Deployed),
        case(
            "streamed-in-the-directory-only",
            "readers of streams do not look for sizes",
            &[text().with(|e| (e.local_flags, e.is_described) = (Some(0), false))],
            bad("`a.txt`'s local header contradicts the zip's directory"),
        ),
        case("streamed-stored", "Go, Python and Node write it", &stored(b"no zip"), Deployed),
        case(
            "streamed-stored-zip-in-a-zip",
            "readers of streams take its entries for the zip's",
            &stored(&inner),
            bad("`a.zip` was zipped as a stream without compression"),
        ),
    ]
}
