//! The reasons for which a zip is refused: one variant per rule, each with a sentence for the person who uploaded it.

use super::bootstrap::{Machine, remedy};
use super::image;
use super::offenders::Offenders;

/// A broken rule of an uploaded zip. Every one is terminal: the same bytes never become valid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PackageError {
    /// The object has no bytes.
    #[error("the object is empty (0 bytes): upload the zip again")]
    NoBytes,
    /// The object has no end of central directory.
    #[error("the object is not a zip, or a zip that was cut off: it has no end of central directory; zip it again")]
    NotAZip,
    /// The object is another well-known format.
    #[error("the object is not a zip but looks like {0}: upload a zip")]
    LooksLike(&'static str),
    /// The object refers to a container image.
    #[error("the object is not a zip but refers to a container image: {}", image::INSTEAD)]
    ImageReference,
    /// The zip has a container image or a reference to one, and no code.
    #[error("the zip has no code but a container image, or a reference to one ({found}): {}", image::INSTEAD)]
    ImageInZip {
        /// The file that shows it.
        found: String,
    },
    /// The object begins like a zip and has no end of central directory.
    #[error("the zip is cut off: its end, the central directory, is missing; upload it again")]
    Truncated,
    /// The comment of the end of central directory does not end where the object ends.
    #[error("the zip does not end where the object ends: bytes were appended to it or are missing; zip it again")]
    UnclearEnd,
    /// Several ends of central directory fit, so readers would disagree about the contents.
    #[error("the zip has more than one end of central directory: remove its comment and zip it again")]
    AmbiguousEnd,
    /// The zip64 end of central directory is damaged or contradicts the classic one.
    #[error("the zip's zip64 end of central directory is damaged or contradicts the classic one: zip it again")]
    BrokenZip64,
    /// The directory does not end where its end record begins. Offsets must be absolute.
    #[error(
        "the zip's directory is said to end at byte {stated} but ends at byte {found}: bytes were put before the zip \
         or are missing; offsets must count from the object's first byte (zip -A corrects them)"
    )]
    Misplaced {
        /// The end of the directory by its offset and size.
        stated: u64,
        /// The offset of the record that follows the directory.
        found: u64,
    },
    /// The directory is too large to be read.
    #[error("the zip's directory has {found} bytes, more than {limit}: put fewer files into the zip")]
    DirectoryTooLarge {
        /// Its size in bytes.
        found: u64,
        /// [`super::DIRECTORY_LIMIT`].
        limit: u64,
    },
    /// The directory does not have the entries that its end record promises.
    #[error("the zip's directory is damaged at entry {entry} of {entries}: zip it again")]
    BrokenDirectory {
        /// The number of the entry, counted from 1; one more than `entries` if something follows the last.
        entry: u64,
        /// The number of entries that the end record promises.
        entries: u64,
    },
    /// Parts of the zip are on other disks.
    #[error("the zip is split over several disks: make a zip of one file")]
    MultiDisk,
    /// The zip has too many entries.
    #[error("the zip has {found} entries, more than {limit}: put fewer files into the zip")]
    TooManyEntries {
        /// The number of its entries.
        found: u64,
        /// [`super::ENTRIES_LIMIT`].
        limit: u64,
    },
    /// The zip has no file.
    #[error("the zip is empty: it has no file")]
    Empty,
    /// Entries are encrypted (flag bits 0, 6 and 13).
    #[error("the zip has encrypted entries: {0}; zip without a password")]
    Encrypted(Offenders),
    /// Entries have another method than stored (0) or deflate (8).
    #[error("the zip has entries that are neither stored nor deflated: {0}; zip with deflate")]
    Method(Offenders),
    /// Entries need a newer reader, or are patches.
    #[error("the zip has entries that some readers do not unpack: {0}; zip again with another tool")]
    BeyondDeflate(Offenders),
    /// Names are not UTF-8.
    #[error("the zip has names that are not UTF-8: {0}; rename the files")]
    NotUtf8(Offenders),
    /// Names have a NUL byte.
    #[error("the zip has names with a NUL: {0}; zip it again")]
    Nul(Offenders),
    /// Names begin with `/` or a drive letter.
    #[error("the zip has absolute names: {0}; zip from within the folder, with relative names")]
    Absolute(Offenders),
    /// Names have a backslash.
    #[error("the zip has names with backslashes: {0}; zip with a tool that writes / between folders")]
    Backslash(Offenders),
    /// Names have `..` as a part.
    #[error("the zip has names that lead out of it by `..`: {0}; zip from within the folder")]
    Parent(Offenders),
    /// Names have `.` as a part, which some readers remove and others do not.
    #[error(
        "the zip has names with the part `.`: {0}; readers differ on them: zip with * in place of ., and name hidden files too, which * leaves out"
    )]
    DotPart(Offenders),
    /// Names are empty or have an empty part.
    #[error("the zip has empty names, or names with an empty part: {0}; zip with plain relative names")]
    EmptyPart(Offenders),
    /// An extra field is incomplete: it claims to be longer than all extra fields together, or has half a value. Or
    /// there are two zip64 fields.
    #[error(
        "the zip has entries with an extra field that is cut off, doubled or longer than its room: {0}; zip it again"
    )]
    TornExtra(Offenders),
    /// A Unicode-path field has another name than the entry.
    #[error("the zip has entries with a second name that is another one: {0}; zip again with another tool")]
    AnotherName(Offenders),
    /// Entries are devices, pipes, sockets, or links with the name of a folder.
    #[error("the zip has devices, pipes or other special files: {0}; leave them out")]
    Special(Offenders),
    /// Entries are links for some readers only.
    #[error(
        "the zip has symbolic links that are links for some readers and files for others: {0}; zip again with a tool that \
         writes links as Unix does (zip -y)"
    )]
    UnclearLink(Offenders),
    /// Entries are folders by their attributes and files by their names, or folders with data.
    #[error("the zip has entries that are a file for some readers and a folder for others: {0}; zip it again")]
    UnclearFolder(Offenders),
    /// Lambda's user may not read some files.
    #[error(
        "the zip has files that only their owner may read, and Lambda's user owns none: {0}; chmod -R a+rX, then zip again"
    )]
    Unreadable(Offenders),
    /// Lambda's user may not enter some folders.
    #[error(
        "the zip has folders that only their owner may enter, and Lambda's user owns none: {0}; chmod -R a+rX, then zip again"
    )]
    Impassable(Offenders),
    /// Links lead out of the zip.
    #[error(
        "the zip has symbolic links that lead out of it: {0}; a link may lead to something in the zip, or below /opt/ into a layer: \
         copy what it leads to in its place (zip -r without -y, cp -rL)"
    )]
    LinkOutside(Offenders),
    /// Links lead in circles, or through too many others.
    #[error("the zip has symbolic links that lead in circles, or through too many others: {0}; leave them out")]
    LinkInCircles(Offenders),
    /// Links are longer than a path can be, or too long together.
    #[error("the zip has symbolic links of more than 4096 bytes, or of more than 16 MB together: {0}; leave them out")]
    LinkTooLong(Offenders),
    /// The path of entries leads through a link.
    #[error("the zip has entries whose folder is a symbolic link: {0}; put them where the link leads to")]
    ThroughLink(Offenders),
    /// The manifest is a link.
    #[error("{name} is a symbolic link: put the file itself into the zip")]
    ManifestLink {
        /// The manifest's name.
        name: &'static str,
    },
    /// Stored entries have two different sizes.
    #[error("the zip has stored entries whose sizes disagree: {0}; zip it again")]
    StoredSizes(Offenders),
    /// Entries unpack to more than deflate can produce.
    #[error("the zip has entries that unpack to more than 1,033 times their size: {0}; leave them out")]
    Ratio(Offenders),
    /// The data of entries are not between the object's start and its directory.
    #[error("the zip has entries whose data lie outside of it: {0}; upload it again")]
    Outside(Offenders),
    /// A name comes twice with different bytes, or it is the manifest's or `bootstrap`.
    #[error("the zip has names more than once: {0}; keep one of each")]
    Duplicate(Offenders),
    /// A file is also the folder of another entry.
    #[error("the zip has files that are also folders of other entries: {0}; rename one of them")]
    FileAndFolder(Offenders),
    /// Two entries share bytes, as in a zip bomb.
    #[error("the zip has entries that overlap: {0}; zip it again")]
    Overlap(Offenders),
    /// The zip unpacks to more than Lambda takes (Lambda Developer Guide, "Lambda quotas").
    #[error("the zip unpacks to {found} bytes, more than Lambda's {limit} (250 MB): put less into it, or use layers")]
    TooLargeUnzipped {
        /// The total that the directory declares.
        found: u64,
        /// [`super::UNZIPPED_LIMIT`].
        limit: u64,
    },
    /// The object is much larger than valid entries can be, so it is not read.
    #[error("the zip has {found} bytes, more than {limit}, which no zip of 250 MB needs: zip it again")]
    TooLarge {
        /// The object's size.
        found: u64,
        /// [`super::ARCHIVE_LIMIT`].
        limit: u64,
    },
    /// There are two manifests.
    #[error("the zip has both function.toml and function.json: keep one of them")]
    BothManifests,
    /// The manifest is too large.
    #[error("{name} has more than {limit} bytes: a manifest is a short text")]
    ManifestTooLarge {
        /// The manifest's name.
        name: &'static str,
        /// [`super::MANIFEST_LIMIT`].
        limit: u64,
    },
    /// An entry does not unpack to the size and checksum in the directory.
    #[error("{name} is damaged in the zip: its size or checksum does not match; zip it again")]
    Damaged {
        /// The entry's name.
        name: String,
    },
    /// An entry's local header contradicts the directory, so readers would disagree about the entry.
    #[error("{name}'s local header contradicts the zip's directory: zip it again")]
    LocalHeader {
        /// The entry's name.
        name: String,
    },
    /// The data of a streamed entry end elsewhere than the directory says, or have another checksum. A reader of
    /// streams would continue at another place.
    #[error(
        "{name} was zipped as a stream, and its data end elsewhere than the zip's directory says, or have another checksum: \
         zip it again"
    )]
    StreamedData {
        /// The entry's name.
        name: String,
    },
    /// A streamed entry has no data descriptor, or a wrong one.
    #[error(
        "{name} was zipped as a stream, but the checksum and sizes that should follow its data are missing or wrong: zip it \
         again"
    )]
    NoDescriptor {
        /// The entry's name.
        name: String,
    },
    /// A streamed entry is not compressed, and nothing marks its end unmistakably.
    #[error(
        "{name} was zipped as a stream without compression, so that readers may take other bytes for its end: zip it with \
         deflate, or to a file instead of a pipe"
    )]
    StoredStream {
        /// The entry's name.
        name: String,
    },
    /// There is an entry that the directory does not list.
    #[error("the zip has an entry that its directory does not list, which some readers would see: zip it again")]
    Hidden,
    /// There are bytes between two entries, which readers of streams may take for the end.
    #[error(
        "the zip has bytes before {name} that belong to no entry, where some readers stop and miss what follows: zip it again"
    )]
    Gap {
        /// The entry that follows the bytes.
        name: String,
    },
    /// Everything in the zip is in one folder.
    #[error(
        "all that is in the zip is in the folder {folder}, where Lambda does not look: zip what is in {folder}, not the folder itself"
    )]
    Wrapped {
        /// The folder.
        folder: String,
    },
    /// A file at the root is meant as a manifest, but has another name.
    #[error("the zip has {found} at its root, which nothing reads: the manifest's name is {right}")]
    Misnamed {
        /// The file.
        found: String,
        /// The name of a manifest.
        right: &'static str,
    },
    /// The reader got fewer or more bytes than the object has.
    #[error("{found} bytes were read of an object of {expected}: read it again")]
    Incomplete {
        /// The object's size.
        expected: u64,
        /// The number of bytes that came.
        found: u64,
    },
    /// A `provided.*` runtime has no program to start.
    #[error(
        "the zip has no file bootstrap at its root, which provided.* runtimes start: {}",
        no_bootstrap(nested.as_deref())
    )]
    NoBootstrap {
        /// A file `bootstrap` in a folder, if there is one.
        nested: Option<String>,
    },
    /// The file that the handler names is not in the zip.
    #[error("{}", no_handler(handler, runtime, looked_for, nested.as_deref()))]
    NoHandler {
        /// The function's handler.
        handler: String,
        /// Its runtime.
        runtime: String,
        /// The files that were looked for.
        looked_for: String,
        /// The folder that all of the zip is in, if it has the file.
        nested: Option<String>,
    },
    /// `bootstrap` is not executable, or the zip has no Unix modes.
    #[error(
        "bootstrap is not executable for everybody: chmod 755 bootstrap, and zip it on Linux or macOS (or with a tool that \
         writes Unix modes)"
    )]
    NotExecutable,
    /// `bootstrap` was built for another machine.
    #[error(
        "bootstrap is an ELF file for {found}, but the function's architecture is {}: {}",
        expected.architecture(),
        remedy(*found, *expected)
    )]
    WrongMachine {
        /// The machine in the ELF header.
        found: Machine,
        /// The machine of the function's architecture.
        expected: Machine,
    },
    /// `bootstrap` is no program that Lambda can start.
    #[error(
        "bootstrap is neither an ELF file nor a script that begins with #!, and Lambda starts no others: build a program for Linux, not \
         for macOS or Windows, and begin a script with #!/bin/sh"
    )]
    NotAProgram,
    /// The first line of the script ends with a carriage return, so its interpreter does not exist.
    #[error(
        "the first line of bootstrap (#!) ends with a carriage return, as on Windows, so the interpreter that it names does not \
         exist: save it with \\n alone at the ends of lines (dos2unix bootstrap)"
    )]
    CarriageReturn,
}

impl PackageError {
    /// Whether the manifest is at fault rather than the zip. The record's code is then `InvalidManifest`.
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
