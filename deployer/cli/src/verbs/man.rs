//! `deployctl man`: writes a manual page of deployctl and one of each verb.

use std::path::PathBuf;

use serde_json::json;

use crate::answer::{Answer, CliError, Exit};

/// The options of `man`.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(crate) struct Options {
    /// The folder to write the pages to; it is made where it is missing.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

/// Writes the pages.
///
/// # Errors
/// 1 where the folder cannot be made or written to.
pub(crate) fn run(options: &Options, command: clap::Command) -> Result<Answer, CliError> {
    let folder = &options.folder;
    std::fs::create_dir_all(folder).and_then(|()| clap_mangen::generate_to(command, folder)).map_err(|error| {
        CliError::failed(format!(
            "the manual pages cannot be written to {}: {error}; name a folder that you may write to",
            folder.display()
        ))
    })?;
    let text = format!("wrote the manual pages to {0}\n  man -l {0}/deployctl.1\n", folder.display());
    Ok(Answer { text, json: json!({ "folder": folder }), exit: Exit::Done })
}
