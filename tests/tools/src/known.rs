//! The table of known differences.

use super::cause::Case;
use super::compare::{Difference, DifferenceKind};
use DifferenceKind::{Adds, Bytes, Fails, Kind, Misses, Refuses};

/// A row of the table: known differences, and the reason for which they are left.
#[derive(Debug, Clone, Copy)]
pub struct Known {
    /// The readers that differ.
    pub readers: &'static [&'static str],
    /// The kinds of difference.
    pub kinds: &'static [DifferenceKind],
    /// Texts of which the reader's error contains one; empty if the text does not matter.
    pub words: &'static [&'static str],
    /// A description of the zips in which they differ.
    pub zips: &'static str,
    /// Whether a zip is one of these.
    cause: fn(&Case) -> bool,
    /// The reason for which the difference is left.
    pub reason: &'static str,
}

/// The table.
pub const KNOWN: &[Known] = &[
    Known {
        readers: &["python", "stream", "java", "java-stream", "go", "bsdtar-stream"],
        kinds: &[Kind],
        words: &["file"],
        zips: "symbolic links",
        cause: Case::has_link,
        reason: "a file with the same bytes: the libraries leave it to their callers to look at the mode, and a stream has modes \
                 only at its end; npm, pnpm and shared libraries need links",
    },
    Known {
        readers: &["python", "stream"],
        kinds: &[Misses],
        words: &[],
        zips: "names beyond ASCII that are not marked as UTF-8",
        cause: Case::is_unmarked_name,
        reason: "Info-ZIP's `zip` writes them so; Python reads the name's bytes as code page 437, and the data are the same",
    },
    Known {
        readers: &["python", "stream"],
        kinds: &[Adds],
        words: &[],
        zips: "names beyond ASCII that are not marked as UTF-8",
        cause: Case::is_unmarked_name_read_by_bytes,
        reason: "the other side of the row above: the name as Python reads it",
    },
    Known {
        readers: &["java"],
        kinds: &[Refuses],
        words: &["malformed input", "bad entry name or comment"],
        zips: "comments of entries that are not UTF-8",
        cause: Case::has_strange_comment,
        reason: "Java says so and reads nothing; older tools write comments in the system's letters, and comments are no content",
    },
    Known {
        readers: &["java-stream"],
        kinds: &[Refuses],
        words: &["only DEFLATED entries can have EXT descriptor"],
        zips: "entries that are stored and streamed",
        cause: Case::has_stored_stream,
        reason: "Java says so and stops; Python, yazl and archiver write them where they do not compress. Only such are taken \
                 whose end cannot be mistaken",
    },
    Known {
        readers: &["java-stream"],
        kinds: &[Refuses],
        words: &["invalid entry size"],
        zips: "descriptors with sizes of eight bytes, where the local header's sizes do not refer to a zip64 field",
        cause: Case::has_unneeded_long_sizes,
        reason: "Java says so and stops; yazl's `forceZip64Format` writes them",
    },
    Known {
        readers: &["bsdtar-stream"],
        kinds: &[Refuses, Bytes],
        words: &[],
        zips: "descriptors with sizes of eight bytes and no zip64 field in the local header",
        cause: Case::has_unannounced_long_sizes,
        reason: "bsdtar says so, ends with an error and leaves the file empty or zeros in it; yazl's `forceZip64Format` writes them",
    },
    Known {
        readers: &["bsdtar-stream"],
        kinds: &[Refuses, Bytes],
        words: &[],
        zips: "descriptors with sizes of four bytes and a zip64 field in the local header",
        cause: Case::has_announced_short_sizes,
        reason: "bsdtar says so, ends with an error and leaves the file empty or zeros in it; all others read the sizes that are there",
    },
    Known {
        readers: &["bsdtar-stream"],
        kinds: &[Refuses, Misses],
        words: &[],
        zips: "folders that are marked as streamed and have no descriptor with a signature",
        cause: Case::has_folder_without_signature,
        reason: "bsdtar looks for one, and goes on behind the next one that it finds, or ends with an error; the Rust crate `zip` \
                 writes them (`ZipWriter::new_stream`)",
    },
    Known {
        readers: &["go"],
        kinds: &[Fails],
        words: &["checksum error"],
        zips: "folders that are marked as streamed and have no descriptor",
        cause: Case::has_folder_without_descriptor,
        reason: "Go 1.19 says so to those who read a folder's data, of which there are none; the Rust crate `zip` writes them \
                 (`ZipWriter::new_stream`)",
    },
    Known {
        readers: &["java-stream"],
        kinds: &[Misses],
        words: &[],
        zips: "bytes before the first entry",
        cause: Case::has_stub,
        reason: "Java sees an empty zip; zipapp and pex put the line of an interpreter there, and no entry is read otherwise",
    },
    Known {
        readers: &["bsdtar-stream"],
        kinds: &[Refuses],
        words: &["Unrecognized archive format"],
        zips: "bytes before the first entry",
        cause: Case::has_stub,
        reason: "bsdtar says so and reads nothing; zipapp and pex put the line of an interpreter there",
    },
    Known {
        readers: &["7z"],
        kinds: &[Bytes],
        words: &[],
        zips: "symbolic links to absolute paths",
        cause: Case::has_absolute_link,
        reason: "7-Zip puts the folder into which it unpacks before the path; links below /opt/ lead into layers",
    },
    Known {
        readers: &["7z"],
        kinds: &[Refuses],
        words: &["reparse stream"],
        zips: "the attribute of a reparse point in entries from DOS or Windows",
        cause: Case::has_reparse_point,
        reason: "7-Zip takes the data for a link of Windows, says that they are none, and leaves the file with them; files of a \
                 cloud drive have the attribute on Windows",
    },
    Known {
        readers: &["busybox"],
        kinds: &[Refuses],
        words: &["compressed symlink is not supported"],
        zips: "symbolic links that are compressed",
        cause: Case::has_packed_link,
        reason: "busybox says so and stops; most tools compress links as they do files",
    },
    Known {
        readers: &["busybox"],
        kinds: &[Refuses],
        words: &["short read", "bad archive"],
        zips: "ends that need the zip64 end",
        cause: Case::has_needed_long_end,
        reason: "busybox says so and stops, for it does not know zip64; `zip -fz` and libraries that are told to write them",
    },
    Known {
        readers: &["busybox"],
        kinds: &[Refuses, Bytes],
        words: &[],
        zips: "local headers whose sizes are in a zip64 field",
        cause: Case::has_long_sizes,
        reason: "busybox does not know zip64, and takes all that follows for the entry's data; Python's `force_zip64` writes them",
    },
    Known {
        readers: &["java"],
        kinds: &[Refuses],
        words: &["invalid zip64 extra data field size"],
        zips: "zip64 fields that hold other values than the entry refers to",
        cause: Case::has_unneeded_field,
        reason: "newer Java (seen with 25) says so and reads nothing; it has a switch to read such jars of older tools",
    },
    Known {
        readers: &["unzip"],
        kinds: &[Misses, Adds],
        words: &[],
        zips: "names beyond ASCII that are not marked as UTF-8, in entries that are not from Unix",
        cause: Case::has_unmarked_name_of_another_system,
        reason: "Info-ZIP takes the letters for those of DOS or Windows; the data are the same, and Python reads the names otherwise too",
    },
];

/// Returns the row of the table that a difference in this zip belongs to.
#[must_use]
pub fn known(difference: &Difference, zip: &[u8]) -> Option<usize> {
    let case = Case::of(difference, zip)?;
    KNOWN.iter().position(|known| {
        known.readers.contains(&difference.reader)
            && known.kinds.contains(&difference.what)
            && (known.words.is_empty() || known.words.iter().any(|words| difference.words.contains(words)))
            && (known.cause)(&case)
    })
}
