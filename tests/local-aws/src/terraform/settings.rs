//! The CLI configuration that every command gets, whatever the machine has: Terraform, "CLI Configuration File".

use std::path::{Path, PathBuf};

use super::mirror::Mirror;
use super::{short_hash, write_whole};
use crate::{Error, Result};

/// The AWS provider from a mirror and from nowhere else; any other from its registry.
///
/// # Errors
/// The mirror's path cannot be written there.
pub(super) fn mirrored(mirror: &Mirror) -> Result<String> {
    let path = quoted(mirror.root())?;
    let addresses: Vec<_> = mirror.addresses().map(|address| format!("\"{address}\"")).collect();
    let addresses = addresses.join(", ");
    Ok(format!(
        "disable_checkpoint = true

provider_installation {{
  filesystem_mirror {{
    path    = {path}
    include = [{addresses}]
  }}
  direct {{
    exclude = [{addresses}]
  }}
}}
"
    ))
}

/// All providers from their registries. They are kept for the next time, though folders that are made anew have no
/// lock file that would tell their checksums.
///
/// # Errors
/// The folder's path cannot be written there.
pub(super) fn downloaded(plugins: &Path) -> Result<String> {
    let path = quoted(plugins)?;
    Ok(format!(
        "disable_checkpoint = true

plugin_cache_dir                             = {path}
plugin_cache_may_break_dependency_lock_file = true

provider_installation {{
  direct {{}}
}}
"
    ))
}

/// Writes it below this folder. Another text gets another name, so that nobody's configuration changes below him.
///
/// # Errors
/// A file operation fails.
pub(super) fn write(folder: &Path, text: &str) -> Result<PathBuf> {
    let file = folder.join(format!("cli-{}.tfrc", short_hash(text.as_bytes())));
    write_whole(&file, text)?;
    Ok(file)
}

fn quoted(path: &Path) -> Result<String> {
    let refused =
        || Error::Machine(format!("{} cannot be named in Terraform's configuration: move it", path.display()));
    // `$` would be the start of a variable's name.
    let text = path.to_str().filter(|text| !text.contains(['$', '\n'])).ok_or_else(refused)?;
    Ok(format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")))
}
