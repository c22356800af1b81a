//! Fetches Terraform from its publisher once, if the machine has none; the zip must have the pinned checksum.

use std::fmt;
use std::fs::{self, Permissions};
use std::io::{self, Cursor, ErrorKind};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use sha2::{Digest as _, Sha256};
use tempfile::NamedTempFile;

use super::variables::Variables;
use super::{locked, platform};
use crate::{Doing as _, Error, Result, waited_for};

const VERSION: &str = "1.11.4";
/// The SHA-256 of the zip by platform.
const SUMS: [(&str, &str); 4] = [
    ("linux_amd64", "1ce994251c00281d6845f0f268637ba50c0005657eb3cf096b92f753b42ef4dc"),
    ("linux_arm64", "a43d1d0da9b9bab214a8305a39db0e40869572594ccf50c416a7756499143633"),
    ("darwin_amd64", "a56d5002b9f7647291faccc3dd1a70350e60fb61e4c45037629508b8fdc2575b"),
    ("darwin_arm64", "867e0808fa971217043e25b7a792b10720c79b1546f8a68479b74f138be73e18"),
];
/// A Python program that fetches a URL into a file, for machines without curl.
const PYTHON: &str = "import shutil, sys, urllib.request\n\
                      with urllib.request.urlopen(sys.argv[1], timeout=60) as body, open(sys.argv[2], 'wb') as file:\n    \
                      shutil.copyfileobj(body, file)";

/// Returns Terraform in the target folder, after fetching it if it is not there. `needed` makes the error of a machine
/// that cannot fetch it.
///
/// # Errors
/// Terraform is not built for this platform, cannot be fetched, or has another checksum; or a file operation fails.
pub(super) fn terraform(
    variables: &Variables,
    target: &Path,
    needed: &dyn Fn(&dyn fmt::Display) -> Error,
) -> Result<PathBuf> {
    let folder = target.join("tools").join(format!("terraform-{VERSION}"));
    let program = folder.join("terraform");
    if program.is_file() {
        return Ok(program);
    }
    let platform = platform();
    let Some((_, sum)) = SUMS.iter().find(|(name, _)| *name == platform) else {
        return Err(needed(&format!("Terraform {VERSION} is not fetched for {platform}")));
    };
    fs::create_dir_all(&folder).doing(format!("making {}", folder.display()))?;
    let _lock = locked(&folder.join("fetch.lock"))?;
    if program.is_file() {
        return Ok(program);
    }
    let archive = NamedTempFile::new_in(&folder).doing(format!("writing to {}", folder.display()))?.into_temp_path();
    let url = format!("https://releases.hashicorp.com/terraform/{VERSION}/terraform_{VERSION}_{platform}.zip");
    download(variables, &url, &archive)
        .map_err(|error| needed(&format!("Terraform {VERSION} cannot be had ({error})")))?;
    unpack(&verified(&archive, sum)?, &program)?;
    Ok(program)
}

/// Fetches a URL with curl, or with Python if there is no curl.
fn download(variables: &Variables, url: &str, file: &Path) -> Result<()> {
    let what = format!("fetching {url}");
    let mut curl = Command::new("curl");
    curl.args(["--fail", "--silent", "--show-error", "--location", "--proto", "=https"]);
    curl.args(["--connect-timeout", "20", "--max-time", "600", "--output"]).arg(file).arg(url);
    let output = match waited_for::output(curl.stdin(Stdio::null())) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let mut python = crate::python().map_err(|error| Error::failed("there is no curl", error))?;
            python.args(["-c", PYTHON, url]).arg(file).envs(variables.proxies());
            waited_for::output(python.stdin(Stdio::null()))
        }
        tried => tried,
    };
    let output = output.doing(&what)?;
    if output.status.success() {
        return Ok(());
    }
    let words = String::from_utf8_lossy(&output.stderr);
    // The last line of either program's stderr is the cause.
    Err(Error::failed(what, words.lines().last().unwrap_or("it failed without a word")))
}

/// Returns the bytes of a file with this SHA-256, or deletes a file that has another.
///
/// # Errors
/// The SHA-256 is another one; the error names both.
pub(super) fn verified(file: &Path, expected: &str) -> Result<Vec<u8>> {
    let bytes = fs::read(file).doing(format!("reading {}", file.display()))?;
    let found: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    if found == expected {
        return Ok(bytes);
    }
    fs::remove_file(file).doing(format!("deleting {}, which has the wrong checksum", file.display()))?;
    Err(Error::failed(
        format!("checking what was fetched as Terraform {VERSION}"),
        format!("its SHA-256 is {found}, not {expected}; it is deleted, and the next run fetches it again"),
    ))
}

/// Unzips the program atomically: it appears whole and executable, or not at all.
pub(super) fn unpack(archive: &[u8], program: &Path) -> Result<()> {
    let what = format!("unzipping {}", program.display());
    let mut archive = zip::ZipArchive::new(Cursor::new(archive)).doing(&what)?;
    let mut entry = archive.by_name("terraform").doing(&what)?;
    let folder = program.parent().unwrap_or(Path::new("."));
    let mut file = NamedTempFile::new_in(folder).doing(&what)?;
    io::copy(&mut entry, &mut file).doing(&what)?;
    fs::set_permissions(file.path(), Permissions::from_mode(0o755)).doing(&what)?;
    file.persist(program).doing(&what)?;
    Ok(())
}
