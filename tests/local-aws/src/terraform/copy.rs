//! Copies `infra/`, because Terraform writes into the folder that it is run in.

use std::fs;
use std::io;
use std::path::Path;

use tempfile::TempDir;

use crate::{Doing as _, Result};

/// Copies the repository's `infra/` folder into a temporary folder, without the files of earlier runs. The copy is
/// deleted when the result is dropped.
///
/// # Errors
/// A file operation fails.
pub fn copy_of_infra() -> Result<TempDir> {
    let infra = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../infra");
    let folder = TempDir::with_prefix("infra-").doing("making a temporary folder")?;
    copy(&infra, folder.path()).doing(format!("copying {}", infra.display()))?;
    Ok(folder)
}

/// Copies the files of a folder.
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

/// Whether Terraform has written a file of this name.
fn left_behind(name: &str) -> bool {
    name == ".terraform" || name == ".terraform.lock.hcl" || name.contains(".tfstate")
}
