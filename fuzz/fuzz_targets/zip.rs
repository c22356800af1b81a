//! Bytes as an uploaded zip, along the deployer's whole way: the directory from the object's end, then all bytes in pieces, then
//! what decides whether it can be started.
//!
//! The lengths of the pieces are the input's own bytes, so that a fixture is a seed as it is.

#![no_main]

use std::io::{Cursor, Read as _};

use deployer_core::id::Sha256;
use deployer_core::manifest::{Architecture, FunctionConfig, Manifest};
use deployer_core::package::{
    Directory, ENTRIES_LIMIT, MANIFEST_LIMIT, Opening, Package, PackageError, Run, Startup, UNZIPPED_LIMIT, inspect,
};
use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};

mod mend;

fuzz_target!(|bytes: &[u8]| {
    let at_once = inspect(bytes);
    let in_pieces = read(bytes, usize::from(bytes.first().copied().unwrap_or_default()), |at| {
        usize::from(bytes.get(at).copied().unwrap_or_default()) + 1
    });
    assert_eq!(at_once, in_pieces, "the verdict depends on the pieces");
    if bytes.len() <= 4096 {
        assert_eq!(at_once, read(bytes, 0, |_| 1), "the verdict depends on the pieces");
    }
    match at_once {
        Ok(package) => accepted(bytes, &package),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});

// Every other zip is made whole again after it was changed, to get behind its checksums.
fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    let size = fuzzer_mutate(data, size, max_size);
    if seed % 2 == 0 {
        mend::mend(&mut data[..size]);
    }
    size
});

/// Reads an archive of which the last `tail` bytes are looked at first, in pieces whose length follows from their place.
fn read(bytes: &[u8], tail: usize, length: impl Fn(usize) -> usize) -> Result<Package, PackageError> {
    let mut from = bytes.len().saturating_sub(tail);
    let directory = loop {
        match Directory::open(bytes.len() as u64, &bytes[from..])? {
            Opening::Ready(directory) => break directory,
            Opening::NeedsFrom(earlier) => {
                let earlier = usize::try_from(earlier).expect("it is in memory");
                assert!(earlier < from, "it asks again for what it has");
                from = earlier;
            }
        }
    };
    let (mut reader, mut at) = (directory.reader(), 0);
    while at < bytes.len() {
        let until = bytes.len().min(at + length(at));
        reader.feed(&bytes[at..until]);
        at = until;
    }
    reader.finish()
}

/// The rules for every archive that is taken.
fn accepted(bytes: &[u8], package: &Package) {
    assert_eq!((package.size, package.sha256), (bytes.len() as u64, Sha256::of(bytes)));
    assert!(package.unzipped <= UNZIPPED_LIMIT && package.entries as u64 <= ENTRIES_LIMIT);
    // More than is there cannot be unpacked of it.
    assert!(package.unzipped <= 1033 * package.size);
    startable(package);
    another_reader(bytes, package);
}

/// Nothing panics on the way to "can it be started?", and a description of it can be sent.
fn startable(package: &Package) {
    let startup = &package.startup;
    let sent = serde_json::to_string(startup).expect("it is text");
    assert_eq!(serde_json::from_str::<Startup>(&sent).expect("it was sent"), *startup);
    let manifest = package.manifest.as_ref();
    assert!(manifest.is_none_or(|(_, text)| text.len() as u64 <= MANIFEST_LIMIT));
    let read = manifest.and_then(|(format, text)| Manifest::parse(*format, text).ok());
    for config in read.iter().flat_map(Manifest::for_all) {
        check_startup(startup, Run::offline(&config).on(Architecture::Arm64));
        check_startup(startup, Run::of(&config));
    }
    for (runtime, handler) in [
        ("provided.al2023", "bootstrap"),
        ("nodejs22.x", "index.handler"),
        ("python3.13", "app/main.handler"),
        ("ruby3.4", "app.Orders::Api.handle"),
        ("java21", "com.acme.Orders::handle"),
        ("dotnet8", "Orders::Acme.Orders.Function::Handle"),
    ] {
        let none = FunctionConfig::default();
        check_startup(startup, Run { runtime: Some(runtime), handler: Some(handler), ..Run::of(&none) });
    }
}

/// A function that has layers may be warned of where another is refused, and is refused nothing more.
fn check_startup(startup: &Startup, run: Run<'_>) {
    let bare = startup.check_compatible(Run { has_layers: false, ..run });
    let layered = startup.check_compatible(Run { has_layers: true, ..run });
    match (bare, layered) {
        (Ok(bare), layered) => assert_eq!((bare, layered), (None, Ok(None))),
        (Err(_), _) => {}
    }
}

/// An archive that is taken is read alike by a reader that nobody wrote for it.
fn another_reader(bytes: &[u8], package: &Package) {
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).expect("another reader does not open it");
    let mut unzipped = 0;
    for index in 0..archive.len() {
        let entry = archive.by_index_raw(index).expect("another reader does not find it");
        let name = entry.name().expect("another reader cannot read its name");
        assert!(!name.starts_with('/') && !name.contains(['\\', '\0']), "{name:?}");
        assert!(name.trim_end_matches('/').split('/').all(|part| !matches!(part, "" | "." | "..")), "{name:?}");
        unzipped += entry.size();
    }
    // It has each name once; those that come twice have the same bytes.
    assert!(archive.len() <= package.entries && unzipped <= package.unzipped);
    assert!(archive.len() < package.entries || unzipped == package.unzipped);
    if let Some((format, text)) = &package.manifest {
        let mut read = Vec::new();
        let mut entry = archive.by_name(format.file_name()).expect("another reader finds no manifest");
        entry.read_to_end(&mut read).expect("another reader cannot unpack it");
        assert_eq!(read, *text, "another reader finds another manifest");
    }
}
