//! Describes an archive after its last byte: its manifest, and the program or code that Lambda would start.

use std::collections::{HashMap, HashSet};

use super::bootstrap::{Bootstrap, BootstrapKind};
use super::directory::BOOTSTRAP;
use super::entry::Kind;
use super::error::PackageError;
use super::handler;
use super::image;
use super::item::Item;
use super::item::ReadScope;
use super::links::{LinkDestination, LinkRefusal, Links};
use super::offenders::{Offenders, shown};
use super::smoke_file::{self, SmokeFile};
use super::startup::Startup;
use super::unpack::Unpacked;
use crate::manifest::ManifestFormat;

type Manifest = (ManifestFormat, Vec<u8>);

/// The endings of files that are meant as manifests.
const MANIFEST_ENDINGS: [&str; 6] = ["toml", "json", "yaml", "yml", "tml", "jsonc"];
/// The folder that macOS adds to a zip.
const MACOS_FOLDER: &str = "__MACOSX";

/// Describes an archive by its entries and the data that were kept of them.
pub(super) fn describe(
    items: &[Item],
    unpacked: Vec<(usize, Unpacked)>,
) -> Result<(Option<Manifest>, SmokeFile, Startup), PackageError> {
    let mut data: HashMap<usize, Unpacked> = unpacked.into_iter().collect();
    check_duplicates(items, &data)?;
    if let Some(found) = image::in_place_of_code(files(items)) {
        return Err(PackageError::ImageInZip { found: shown(found.as_bytes()) });
    }
    let links = links(items, &data)?;
    let programs = Programs { items, links: &links, data: &data };
    let bootstrap = programs.bootstrap();
    let startup = Startup {
        bootstrap,
        nested_bootstrap: files(items).find(|path| path.ends_with("/bootstrap")).map(|path| shown(path.as_bytes())),
        folder: only_folder(items),
        code: handler_files(items, &links),
    };
    drop(links);
    let manifest = items.iter().enumerate().find_map(|(at, item)| Some((at, ManifestFormat::of(&item.name)?)));
    let manifest = manifest.and_then(|(at, format)| Some((format, data.remove(&at)?.kept)));
    if manifest.is_none() {
        check_misnamed(items, &startup)?;
    }
    let smoke_file = smoke_file::find(items, &mut data);
    Ok((manifest, smoke_file, startup))
}

/// Checks that entries of the same name have the same bytes.
fn check_duplicates(items: &[Item], data: &HashMap<usize, Unpacked>) -> Result<(), PackageError> {
    let mut seen: HashMap<&str, &Unpacked> = HashMap::new();
    let mut others = Offenders::default();
    for (item, unpacked) in items.iter().enumerate().filter_map(|(at, item)| Some((item, data.get(&at)?))) {
        let is_double = item.read_scope == ReadScope::Hash || item.kind == Kind::Link;
        let Some(first) = seen.insert(item.path(), unpacked).filter(|_| is_double) else { continue };
        if (first.hash, &first.kept) != (unpacked.hash, &unpacked.kept) {
            others.add(|| shown(item.name.as_bytes()));
        }
    }
    others.refuse(PackageError::Duplicate)
}

/// Returns the links, after checking that each leads to a valid place.
fn links<'a>(items: &'a [Item], data: &'a HashMap<usize, Unpacked>) -> Result<Links<'a>, PackageError> {
    let mut links = Links::default();
    let (mut outside, mut circles) = (Offenders::default(), Offenders::default());
    for (at, item) in items.iter().enumerate().filter(|(_, item)| item.kind == Kind::Link) {
        let bytes = data.get(&at).map(|unpacked| unpacked.kept.as_slice()).unwrap_or_default();
        match std::str::from_utf8(bytes) {
            Ok(target) => links.add(&item.name, target),
            Err(_) => outside.add(|| format!("{} to {}", shown(item.name.as_bytes()), shown(bytes))),
        }
    }
    for item in items.iter().filter(|item| item.kind == Kind::Link) {
        let Some(target) = links.target(&item.name) else { continue };
        let both = || format!("{} to {}", shown(item.name.as_bytes()), shown(target.as_bytes()));
        match links.follow(&item.name, target) {
            Ok(_) => {}
            Err(LinkRefusal::Outside) => outside.add(both),
            Err(LinkRefusal::Circular) => circles.add(both),
        }
    }
    outside.refuse(PackageError::LinkOutside)?;
    circles.refuse(PackageError::LinkInCircles)?;
    Ok(links)
}

struct Programs<'a> {
    items: &'a [Item],
    links: &'a Links<'a>,
    data: &'a HashMap<usize, Unpacked>,
}

impl Programs<'_> {
    /// Returns the program at the root, or the file that a link there leads to. A program in a layer is not known.
    fn bootstrap(&self) -> Option<Bootstrap> {
        let path = match self.links.target(BOOTSTRAP) {
            None => BOOTSTRAP.to_owned(),
            Some(target) => match self.links.follow(BOOTSTRAP, target) {
                Ok(LinkDestination::Inside(path)) => path,
                Ok(LinkDestination::Layer) | Err(_) => return None,
            },
        };
        let is_it = |item: &Item| item.kind == Kind::File && item.name == path;
        let (at, item) = self.items.iter().enumerate().find(|(_, item)| is_it(item))?;
        let kind = BootstrapKind::of(&self.data.get(&at)?.kept);
        Some(Bootstrap { executable: item.executable, kind })
    }
}

/// Returns the names of all entries that are no folders.
pub(super) fn files(items: &[Item]) -> impl Iterator<Item = &str> + Clone {
    items.iter().filter(|item| item.kind != Kind::Folder).map(|item| item.name.as_str())
}

/// Returns the files that a handler may be in, and the links to folders with a trailing slash: the files in those are
/// elsewhere. None if there are too many.
fn handler_files(items: &[Item], links: &Links<'_>) -> Option<Vec<String>> {
    let known: HashSet<&str> =
        items.iter().filter(|item| item.kind == Kind::File).map(|item| item.name.as_str()).collect();
    let is_folder = |path: &str| match links.target(path).map(|target| links.follow(path, target)) {
        Some(Ok(LinkDestination::Inside(path))) => !known.contains(path.as_str()),
        Some(Ok(LinkDestination::Layer)) => true,
        Some(Err(_)) | None => false,
    };
    let linked = items.iter().filter(|item| item.kind == Kind::Link && handler::may_lead_to(&item.name));
    let folders = linked.filter(|item| is_folder(&item.name)).map(|item| format!("{}/", item.name));
    let mut code: Vec<String> =
        files(items).filter(|path| handler::may_be_in(path)).map(str::to_owned).chain(folders).collect();
    code.sort_unstable();
    code.dedup();
    (code.len() <= handler::MAX_FILES).then_some(code)
}

/// Returns the one folder that everything is in, apart from macOS's folder and hidden files at the root.
fn only_folder(items: &[Item]) -> Option<String> {
    let mut folder = None;
    for item in items {
        let (top, below) = match item.path().split_once('/') {
            Some((top, _)) => (top, true),
            None => (item.path(), item.kind == Kind::Folder),
        };
        match folder {
            _ if top == MACOS_FOLDER || (!below && top.starts_with('.')) => {}
            _ if !below => return None,
            Some(other) if other != top => return None,
            _ => folder = Some(top),
        }
    }
    folder.map(str::to_owned)
}

/// Checks that a zip without a manifest has no misnamed one at its root, and that its only folder has neither a
/// manifest nor `bootstrap`.
fn check_misnamed(items: &[Item], startup: &Startup) -> Result<(), PackageError> {
    for name in files(items).filter(|name| !name.contains('/')) {
        // Windows' editor adds .txt, and Windows hides it.
        let shown_as = name.strip_suffix(".txt").unwrap_or(name);
        let Some((stem, ending)) = shown_as.rsplit_once('.') else { continue };
        let ending = ending.to_ascii_lowercase();
        if stem.eq_ignore_ascii_case("function") && MANIFEST_ENDINGS.contains(&ending.as_str()) {
            let format = if ending.starts_with("json") { ManifestFormat::Json } else { ManifestFormat::Toml };
            return Err(PackageError::Misnamed { found: shown(name.as_bytes()), right: format.file_name() });
        }
    }
    let Some(folder) = &startup.folder else { return Ok(()) };
    let is_meant = |path: &str| {
        let inside = path.strip_prefix(folder.as_str()).and_then(|rest| rest.strip_prefix('/'));
        inside.is_some_and(|inside| inside == BOOTSTRAP || ManifestFormat::of(inside).is_some())
    };
    match files(items).any(is_meant) {
        true => Err(PackageError::Wrapped { folder: folder.clone() }),
        false => Ok(()),
    }
}
