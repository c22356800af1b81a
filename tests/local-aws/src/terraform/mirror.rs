//! Finds a folder of this machine that has the AWS provider in the layout of a filesystem mirror (Terraform, "CLI
//! Configuration", "Implied Local Mirror Directories").

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use super::search::Search;
use super::variables::Variables;
use super::{locked, platform, short_hash, write_whole};
use crate::{Doing as _, Error, Result};

const VARIABLE: &str = "TF_PLUGIN_MIRROR";
/// The majors of the provider that the modules take.
const MAJORS: [u8; 2] = [5, 6];
/// The beginning of the provider's program name in an unpacked mirror, and of its zip's name in a packed one.
const UNPACKED: &str = "terraform-provider-aws_v";
const PACKED: &str = "terraform-provider-aws_";

/// A registry that has the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Registry {
    Terraform,
    OpenTofu,
}

impl Registry {
    const ALL: [Self; 2] = [Self::Terraform, Self::OpenTofu];

    /// Returns the provider's address in the registry, which is its folder in a mirror.
    pub(super) fn address(self) -> &'static str {
        match self {
            Self::Terraform => "registry.terraform.io/hashicorp/aws",
            Self::OpenTofu => "registry.opentofu.org/hashicorp/aws",
        }
    }
}

/// A folder that has the provider for this platform, under the name of at least one registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mirror {
    root: PathBuf,
    registries: Vec<Registry>,
}

impl Mirror {
    /// Returns the folder that `TF_PLUGIN_MIRROR` names, else the one that was found before, else the result of a
    /// search. If the provider was downloaded before, only the likely places are searched.
    ///
    /// # Errors
    /// [`Error::Machine`] if the variable names a folder without the provider.
    pub(super) fn find(variables: &Variables, target: &Path, plugins: &Path) -> Result<Option<Self>> {
        if let Some(named) = variables.get(VARIABLE) {
            let root =
                fs::canonicalize(named).doing(format!("finding the folder {} of {VARIABLE}", named.display()))?;
            return Self::at(&root).map(Some).ok_or_else(|| {
                Error::Machine(format!(
                    "{VARIABLE} names {}, which has no {}/<version>/{}/{UNPACKED}{}*: name a mirror that has it, or \
                     unset {VARIABLE}",
                    root.display(),
                    Registry::Terraform.address(),
                    platform(),
                    MAJORS.map(|major| major.to_string()).join(&format!("* or {UNPACKED}"))
                ))
            });
        }
        let folder = target.join("terraform");
        let _lock = locked(&folder.join("mirror.lock"))?;
        remembered(&folder.join("mirror.found"), || {
            let search = Search::of_machine(variables.get("HOME"), target);
            let likely = search.likely();
            if likely.is_some() || Self::at(plugins).is_some() {
                return likely;
            }
            let _told = writeln!(io::stderr(), "searching the machine for a mirror with the AWS provider (once)");
            search.rest()
        })
    }

    /// Returns the mirror in this folder, if it has the provider.
    pub(super) fn at(root: &Path) -> Option<Self> {
        let has = |registry: &Registry| !majors(&root.join(registry.address())).is_empty();
        let registries: Vec<_> = Registry::ALL.into_iter().filter(has).collect();
        (!registries.is_empty()).then(|| Self { root: root.to_path_buf(), registries })
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// Returns the provider's addresses in the mirror.
    pub(super) fn addresses(&self) -> impl Iterator<Item = &'static str> {
        self.registries.iter().map(|registry| registry.address())
    }

    /// Returns the newest unpacked program of the provider that this registry's name has, which is the one that
    /// Terraform takes; `None` if a zip has a newer one, or for OpenTofu, whose provider tells Terraform's address.
    pub(super) fn newest_program(&self, registry: Registry) -> Option<PathBuf> {
        if registry != Registry::Terraform {
            return None;
        }
        let provider = self.root.join(registry.address());
        let here = platform();
        let packages = packages(&provider).ok()?.into_iter().filter(|(name, _)| name.to_string_lossy().contains(&here));
        let newest = packages.max_by_key(|(name, _)| version(&name.to_string_lossy()))?;
        let programs = fs::read_dir(newest.1).ok()?.flatten();
        programs.map(|entry| entry.path()).find(|path| path.file_name().is_some_and(is_provider))
    }

    /// Returns the provider's majors that the mirror has and the modules take.
    pub(super) fn majors(&self) -> Vec<u8> {
        let all: BTreeSet<_> = self.addresses().flat_map(|address| majors(&self.root.join(address))).collect();
        all.into_iter().collect()
    }

    /// Returns this mirror if it has the provider under this registry's name, else a mirror of links to it, below
    /// `folder`, that has it under both names.
    ///
    /// # Errors
    /// A file operation fails.
    pub(super) fn offering(&self, registry: Registry, folder: &Path) -> Result<Self> {
        if self.registries.contains(&registry) {
            return Ok(self.clone());
        }
        self.linked(folder, |_| true)
    }

    /// Returns a mirror of links, below `folder`, that has one major of the provider only, under both names.
    ///
    /// # Errors
    /// A file operation fails.
    pub(super) fn of_major(&self, major: u8, folder: &Path) -> Result<Self> {
        let zip = format!("{PACKED}{major}.");
        let version = format!("{major}.");
        self.linked(folder, |package| package.starts_with(&version) || package.starts_with(&zip))
    }

    /// Makes links to the packages whose paths below the provider's folder are wanted.
    fn linked(&self, folder: &Path, wanted: impl Fn(&str) -> bool) -> Result<Self> {
        let what = format!("linking the mirror {} under both names", self.root.display());
        let mut links = Vec::new();
        for address in self.addresses() {
            links.extend(packages(&self.root.join(address)).doing(&what)?);
        }
        links.retain(|(name, _)| wanted(&name.to_string_lossy()));
        let listing: Vec<u8> =
            links.iter().flat_map(|(_, to)| [to.as_os_str().as_encoded_bytes(), b"\n"].concat()).collect();
        // Each content of the mirror has its own folder of links, so that the links of a running process never change.
        let root = folder.join("mirror").join(short_hash(&listing));
        for registry in Registry::ALL {
            for (name, to) in &links {
                link(to, &root.join(registry.address()).join(name)).doing(&what)?;
            }
        }
        Ok(Self { root, registries: Registry::ALL.to_vec() })
    }
}

/// Returns the mirror that this file names if it still has the provider, else the result of `search`, which is written
/// to the file.
///
/// # Errors
/// The file cannot be written.
pub(super) fn remembered(file: &Path, search: impl FnOnce() -> Option<Mirror>) -> Result<Option<Mirror>> {
    let known = fs::read_to_string(file).ok().and_then(|root| Mirror::at(Path::new(&root)));
    if known.is_some() {
        return Ok(known);
    }
    let found = search();
    if let Some(root) = found.as_ref().and_then(|mirror| mirror.root.to_str()) {
        write_whole(file, root)?;
    }
    Ok(found)
}

/// Returns the majors that a provider's folder has for this platform, unpacked or as zips.
fn majors(folder: &Path) -> Vec<u8> {
    let platform = platform();
    let names = |folder: &Path| {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect::<Vec<_>>()
    };
    let versions = names(folder);
    let has = |major: &u8| {
        let (zip, program) = (format!("{PACKED}{major}."), format!("{UNPACKED}{major}."));
        versions.iter().any(|version| {
            let packed = version.starts_with(&zip) && version.ends_with(&format!("_{platform}.zip"));
            packed || names(&folder.join(version).join(&platform)).iter().any(|name| name.starts_with(&program))
        })
    };
    MAJORS.into_iter().filter(has).collect()
}

/// Returns the paths to link, each with its path in the mirror: zips, and folders of a version and platform. Terraform
/// does not follow links to folders above those.
fn packages(provider: &Path) -> io::Result<Vec<(PathBuf, PathBuf)>> {
    let mut packages = Vec::new();
    for version in fs::read_dir(provider)? {
        let version = version?.path();
        if version.is_dir() {
            for platform in fs::read_dir(&version)? {
                packages.push(platform?.path());
            }
        } else {
            packages.push(version);
        }
    }
    packages.sort();
    let named = |to: PathBuf| Some((to.strip_prefix(provider).ok()?.to_path_buf(), to));
    Ok(packages.into_iter().filter_map(named).collect())
}

/// Returns the numbers of the version that a package's path below the provider's folder tells.
fn version(package: &str) -> Vec<u32> {
    let version = package.strip_prefix(PACKED).unwrap_or(package);
    let end = version.find(|letter: char| !letter.is_ascii_digit() && letter != '.').unwrap_or(version.len());
    version[..end].split('.').map_while(|number| number.parse().ok()).collect()
}

/// Makes a link, unless another process has made it.
fn link(to: &Path, at: &Path) -> io::Result<()> {
    if let Some(folder) = at.parent() {
        fs::create_dir_all(folder)?;
    }
    match std::os::unix::fs::symlink(to, at) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        made => made,
    }
}

/// Whether a file has the name of the provider's program, in a major that the modules take.
pub(super) fn is_provider(name: &OsStr) -> bool {
    MAJORS.iter().any(|major| name.as_encoded_bytes().starts_with(format!("{UNPACKED}{major}.").as_bytes()))
}
