//! Why a zip is refused: one variant per rule, each a sentence for the person who uploaded it.

use super::bootstrap::{Machine, remedy};
use super::offenders::Offenders;

/// What is wrong with an uploaded zip. All of it is terminal: the same bytes never become right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PackageError {
    /// An object of no bytes.
    #[error("the object is empty (0 bytes): upload the zip again")]
    NoBytes,
    /// No end of central directory anywhere.
    #[error("the object is not a zip, or a zip that was cut off: it has no end of central directory; zip it again")]
    NotAZip,
    /// No zip, but something well known.
    #[error("the object is not a zip but looks like {0}: upload a zip")]
    LooksLike(&'static str),
    /// It begins like a zip and has no end of central directory.
    #[error("the zip is cut off: its end, the central directory, is missing; upload it again")]
    Truncated,
    /// An end of central directory is there, but its comment does not end where the object ends.
    #[error("the zip does not end where the object ends: bytes were appended to it or are missing; zip it again")]
    UnclearEnd,
    /// More than one end of central directory fits: readers would disagree on what is in the zip.
    #[error("the zip has more than one end of central directory: remove its comment and zip it again")]
    AmbiguousEnd,
    /// The zip64 end of central directory is damaged or contradicts the classic one.
    #[error("the zip's zip64 end of central directory is damaged or contradicts the classic one: zip it again")]
    BrokenZip64,
    /// The directory does not end where its end record begins. Offsets have to be absolute.
    #[error(
        "the zip's directory is said to end at byte {said} but ends at byte {found}: bytes were put before the zip \
         or are missing; offsets must count from the object's first byte (zip -A corrects them)"
    )]
    Misplaced {
        /// Where the directory ends by its own offset and size.
        said: u64,
        /// Where the record begins that follows it.
        found: u64,
    },
    /// A larger directory is not read.
    #[error("the zip's directory has {found} bytes, more than {limit}: put fewer files into the zip")]
    DirectoryTooLarge {
        /// Its bytes.
        found: u64,
        /// [`super::DIRECTORY_LIMIT`].
        limit: u64,
    },
    /// The directory is not the list of entries that its end promises.
    #[error("the zip's directory is damaged at entry {entry} of {entries}: zip it again")]
    BrokenDirectory {
        /// Which entry, counted from 1; one more than `entries` when something follows the last.
        entry: u64,
        /// How many entries the end of the directory promises.
        entries: u64,
    },
    /// Parts of it are on other disks.
    #[error("the zip is split over several disks: make a zip of one file")]
    MultiDisk,
    /// More entries than are looked at.
    #[error("the zip has {found} entries, more than {limit}: put fewer files into the zip")]
    TooManyEntries {
        /// How many it has.
        found: u64,
        /// [`super::ENTRIES_LIMIT`].
        limit: u64,
    },
    /// No entry is a file.
    #[error("the zip is empty: it has no file")]
    Empty,
    /// Encrypted entries (flag bits 0, 6 and 13).
    #[error("the zip has encrypted entries: {0}; zip without a password")]
    Encrypted(Offenders),
    /// Methods other than stored (0) and deflate (8).
    #[error("the zip has entries that are neither stored nor deflated: {0}; zip with deflate")]
    Method(Offenders),
    /// Entries that need a newer reader, or patches.
    #[error("the zip has entries that some readers do not unpack: {0}; zip again with another tool")]
    BeyondDeflate(Offenders),
    /// Names that are not UTF-8.
    #[error("the zip has names that are not UTF-8: {0}; rename the files")]
    NotUtf8(Offenders),
    /// Names with a NUL byte.
    #[error("the zip has names with a NUL: {0}; zip it again")]
    Nul(Offenders),
    /// Names that begin with `/` or a drive.
    #[error("the zip has absolute names: {0}; zip from within the folder, with relative names")]
    Absolute(Offenders),
    /// Names with a backslash.
    #[error("the zip has names with backslashes: {0}; zip with a tool that writes / between folders")]
    Backslash(Offenders),
    /// Names with `..` as a part.
    #[error("the zip has names that lead out of it by `..`: {0}; zip from within the folder")]
    Parent(Offenders),
    /// Names with `.` as a part, which some readers leave out and others do not.
    #[error(
        "the zip has names with the part `.`: {0}; readers differ on them: zip with * in place of ., and name hidden files too, which * leaves out"
    )]
    DotPart(Offenders),
    /// Empty names, or names with an empty part.
    #[error("the zip has empty names, or names with an empty part: {0}; zip with plain relative names")]
    EmptyPart(Offenders),
    /// An extra field of which a part is missing: it says that it is longer than all extra fields together, or has half a value.
    #[error(
        "the zip has entries with an extra field that is cut off, doubled or longer than its room: {0}; zip it again"
    )]
    TornExtra(Offenders),
    /// A Unicode-path field that says another name.
    #[error("the zip has entries with a second name that is another one: {0}; zip again with another tool")]
    AnotherName(Offenders),
    /// Devices, pipes, sockets, or links that are named like folders.
    #[error("the zip has devices, pipes or other special files: {0}; leave them out")]
    Special(Offenders),
    /// Links that only some readers make.
    #[error(
        "the zip has symbolic links that are links for some readers and files for others: {0}; zip again with a tool that \
         writes links as Unix does (zip -y)"
    )]
    UnclearLink(Offenders),
    /// A folder by its mode and a file by its name, or a folder with data.
    #[error("the zip has entries that are a file for some readers and a folder for others: {0}; zip it again")]
    UnclearFolder(Offenders),
    /// Files that Lambda's user may not read.
    #[error(
        "the zip has files that only their owner may read, and Lambda's user owns none: {0}; chmod -R a+rX, then zip again"
    )]
    Unreadable(Offenders),
    /// Folders that Lambda's user may not pass.
    #[error(
        "the zip has folders that only their owner may enter, and Lambda's user owns none: {0}; chmod -R a+rX, then zip again"
    )]
    Impassable(Offenders),
    /// Links that lead out of the zip.
    #[error(
        "the zip has symbolic links that lead out of it: {0}; a link may lead to something in the zip, or below /opt/ into a layer: \
         copy what it leads to in its place (zip -r without -y, cp -rL)"
    )]
    LinkOutside(Offenders),
    /// Links that lead in circles, or through too many others.
    #[error("the zip has symbolic links that lead in circles, or through too many others: {0}; leave them out")]
    LinkInCircles(Offenders),
    /// Links that are longer than a path can be, or too long together.
    #[error("the zip has symbolic links of more than 4096 bytes, or of more than 16 MB together: {0}; leave them out")]
    LinkTooLong(Offenders),
    /// Entries whose own path leads through a link.
    #[error("the zip has entries whose folder is a symbolic link: {0}; put them where the link leads to")]
    ThroughLink(Offenders),
    /// The manifest is a link.
    #[error("{name} is a symbolic link: put the file itself into the zip")]
    ManifestLink {
        /// The manifest's name.
        name: &'static str,
    },
    /// Stored entries whose two sizes are not the same.
    #[error("the zip has stored entries whose sizes disagree: {0}; zip it again")]
    StoredSizes(Offenders),
    /// Entries that unpack to more than deflate can do.
    #[error("the zip has entries that unpack to more than 1,033 times their size: {0}; leave them out")]
    Ratio(Offenders),
    /// Entries whose data are not within the object, before the directory.
    #[error("the zip has entries whose data lie outside of it: {0}; upload it again")]
    Outside(Offenders),
    /// The same name twice, and not the same bytes; or the manifest or `bootstrap` twice.
    #[error("the zip has names more than once: {0}; keep one of each")]
    Duplicate(Offenders),
    /// A file that is a folder for another entry.
    #[error("the zip has files that are also folders of other entries: {0}; rename one of them")]
    FileAndFolder(Offenders),
    /// Two entries that share bytes: a zip bomb.
    #[error("the zip has entries that overlap: {0}; zip it again")]
    Overlap(Offenders),
    /// More than Lambda takes unzipped (Lambda Developer Guide, "Lambda quotas").
    #[error("the zip unpacks to {found} bytes, more than Lambda's {limit} (250 MB): put less into it, or use layers")]
    TooLargeUnzipped {
        /// The total that the directory declares.
        found: u64,
        /// [`super::UNZIPPED_LIMIT`].
        limit: u64,
    },
    /// Much larger than its entries can be: not worth reading.
    #[error("the zip has {found} bytes, more than {limit}, which no zip of 250 MB needs: zip it again")]
    TooLarge {
        /// The object's size.
        found: u64,
        /// [`super::ARCHIVE_LIMIT`].
        limit: u64,
    },
    /// Two manifests.
    #[error("the zip has both function.toml and function.json: keep one of them")]
    BothManifests,
    /// A manifest larger than anybody writes.
    #[error("{name} has more than {limit} bytes: a manifest is a short text")]
    ManifestTooLarge {
        /// The manifest's name.
        name: &'static str,
        /// [`super::MANIFEST_LIMIT`].
        limit: u64,
    },
    /// An entry that cannot be unpacked to what the directory declares.
    #[error("{name} is damaged in the zip: its size or checksum does not match; zip it again")]
    Damaged {
        /// The entry's name.
        name: String,
    },
    /// The header before an entry's data contradicts the directory: readers would disagree on what the entry is.
    #[error("{name}'s local header contradicts the zip's directory: zip it again")]
    LocalHeader {
        /// The entry's name.
        name: String,
    },
    /// A streamed entry whose data are not those that the directory describes: a reader of streams would go on elsewhere.
    #[error(
        "{name} was zipped as a stream, and its data end elsewhere than the zip's directory says, or have another checksum: \
         zip it again"
    )]
    StreamedData {
        /// The entry's name.
        name: String,
    },
    /// A streamed entry without its data descriptor.
    #[error(
        "{name} was zipped as a stream, but the checksum and sizes that should follow its data are missing or wrong: zip it \
         again"
    )]
    NoDescriptor {
        /// The entry's name.
        name: String,
    },
    /// A streamed entry that is stored, and of which nothing says unmistakably where it ends.
    #[error(
        "{name} was zipped as a stream without compression, so that readers may take other bytes for its end: zip it with \
         deflate, or to a file instead of a pipe"
    )]
    StoredStream {
        /// The entry's name.
        name: String,
    },
    /// An entry that the directory does not list.
    #[error("the zip has an entry that its directory does not list, which some readers would see: zip it again")]
    Hidden,
    /// Bytes between two entries: readers of streams may take them for the end.
    #[error(
        "the zip has bytes before {name} that belong to no entry, where some readers stop and miss what follows: zip it again"
    )]
    Gap {
        /// The entry that follows them.
        name: String,
    },
    /// All that is in the zip is in one folder.
    #[error(
        "all that is in the zip is in the folder {folder}, where Lambda does not look: zip what is in {folder}, not the folder itself"
    )]
    Wrapped {
        /// The folder.
        folder: String,
    },
    /// A file that is meant as a manifest, and that nobody would read.
    #[error("the zip has {found} at its root, which nothing reads: the manifest's name is {right}")]
    Misnamed {
        /// The file.
        found: String,
        /// What it should be called.
        right: &'static str,
    },
    /// The reader was not given exactly the object.
    #[error("{found} bytes were read of an object of {expected}: read it again")]
    Incomplete {
        /// The object's size.
        expected: u64,
        /// How many bytes came.
        found: u64,
    },
    /// A `provided.*` runtime without its program.
    #[error(
        "the zip has no file bootstrap at its root, which provided.* runtimes start: {}",
        no_bootstrap(nested.as_deref())
    )]
    NoBootstrap {
        /// A file of that name in a folder.
        nested: Option<String>,
    },
    /// A runtime without the file that its handler names.
    #[error("{}", no_handler(handler, runtime, looked_for, nested.as_deref()))]
    NoHandler {
        /// The function's handler.
        handler: String,
        /// Its runtime.
        runtime: String,
        /// The files that would do.
        looked_for: String,
        /// The folder that all of the zip is in, and that has the file.
        nested: Option<String>,
    },
    /// `bootstrap` without its executable bit, or from a system whose zips carry no modes.
    #[error(
        "bootstrap is not executable for everybody: chmod 755 bootstrap, and zip it on Linux or macOS (or with a tool that \
         writes Unix modes)"
    )]
    NotExecutable,
    /// `bootstrap` was built for another machine.
    #[error(
        "bootstrap is an ELF file for {found}, but the function's architecture is {}: {}",
        wanted.architecture(),
        remedy(*found, *wanted)
    )]
    WrongMachine {
        /// What its header says.
        found: Machine,
        /// What the function's architecture needs.
        wanted: Machine,
    },
    /// `bootstrap` is no program that Lambda could start.
    #[error(
        "bootstrap is neither an ELF file nor a script that begins with #!, and Lambda starts no others: build a program for Linux, not \
         for macOS or Windows, and begin a script with #!/bin/sh"
    )]
    NotAProgram,
    /// A script's first line names an interpreter that there is not.
    #[error(
        "the first line of bootstrap (#!) ends with a carriage return, as on Windows, so the interpreter that it names does not \
         exist: save it with \\n alone at the ends of lines (dos2unix bootstrap)"
    )]
    CarriageReturn,
}

impl PackageError {
    /// Whether the manifest is at fault rather than the zip: the record's code is then `InvalidManifest`.
    #[must_use]
    pub fn is_about_the_manifest(&self) -> bool {
        matches!(
            self,
            Self::BothManifests | Self::ManifestTooLarge { .. } | Self::ManifestLink { .. } | Self::Misnamed { .. }
        )
    }
}

fn no_bootstrap(nested: Option<&str>) -> String {
    match nested {
        Some(nested) => format!("there is {nested}: zip what is in that folder, not the folder itself"),
        None => "zip the program under that name, or name the layer that has it".to_owned(),
    }
}

fn no_handler(handler: &str, runtime: &str, looked_for: &str, nested: Option<&str>) -> String {
    let missing = format!("the zip has no file for the handler {handler} of {runtime} ({looked_for})");
    match nested {
        Some(folder) => {
            format!("{missing}; it is in the folder {folder}: zip what is in {folder}, not the folder itself")
        }
        None => format!("{missing}: put it in, or correct the handler"),
    }
}
