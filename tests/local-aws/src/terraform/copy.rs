//! A copy of `infra/` to work in, for Terraform writes into the folder that it is run in.

use std::fs;
use std::io;
use std::path::Path;

use tempfile::TempDir;

use crate::{Doing as _, Result};

/// The repository's `infra/` folder in a temporary folder, without what earlier runs have left in it. It is deleted
/// when the result is dropped.
///
/// # Errors
/// A file operation fails.
pub fn copy_of_infra() -> Result<TempDir> {
    let infra = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../infra");
    let folder = TempDir::with_prefix("infra-").doing("making a temporary folder")?;
    copy(&infra, folder.path()).doing(format!("copying {}", infra.display()))?;
    Ok(folder)
}

/// Copies what is in a folder.
pub(super) fn copy(from: &Path, to: &Path) -> io::Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let name = entry.file_name();
        if left_behind(&name.to_string_lossy()) {
            continue;
        }
        let (source, copied) = (entry.path(), to.join(&name));
        if source.is_dir() {
            fs::create_dir(&copied)?;
            copy(&source, &copied)?;
        } else {
            fs::copy(&source, &copied)?;
        }
    }
    Ok(())
}

/// What Terraform writes.
fn left_behind(name: &str) -> bool {
    name == ".terraform" || name == ".terraform.lock.hcl" || name.contains(".tfstate")
}
