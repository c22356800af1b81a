//! The CLI configuration of every command, which replaces the machine's (Terraform, "CLI Configuration File").

use std::path::{Path, PathBuf};

use super::mirror::Mirror;
use super::{short_hash, write_whole};
use crate::{Error, Result};

/// Returns a configuration that takes the AWS provider from a mirror only, and any other from its registry.
///
/// # Errors
/// The mirror's path cannot be quoted.
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

/// Returns a configuration that takes all providers from their registries and keeps them, though new folders have no
/// lock file with their checksums.
///
/// # Errors
/// The folder's path cannot be quoted.
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

/// Writes a configuration below this folder. Another text gets another name, so that the configuration of a running
/// process never changes.
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
    // `$` would begin a variable's name.
    let text = path.to_str().filter(|text| !text.contains(['$', '\n'])).ok_or_else(refused)?;
    Ok(format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")))
}
