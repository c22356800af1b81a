//! Reads the folders, zips and patterns that a verb is given: the name of each function, and its zip.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use deployer_core::id::FunctionName;
use glob::{MatchOptions, Pattern};

use crate::answer::CliError;
use crate::zips::source::unreadable;

/// The code of one function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Source {
    /// The function's name.
    pub function: FunctionName,
    /// A folder, or a zip.
    pub path: PathBuf,
}

/// Resolves the arguments: each is a folder, a zip, or a pattern that no shell has expanded. A function has the name of
/// its folder or zip unless `named` gives another.
///
/// # Errors
/// Wrong use: an argument matches nothing, has no valid name, or two have the same name.
pub(crate) fn resolve(arguments: &[String], named: Option<&FunctionName>) -> Result<Vec<Source>, CliError> {
    let mut paths = Vec::new();
    for argument in arguments {
        paths.extend(expand(argument)?);
    }
    paths.sort();
    paths.dedup();
    match (&paths[..], named) {
        ([path], Some(function)) => return Ok(vec![Source { function: function.clone(), path: path.clone() }]),
        (_, Some(function)) => {
            let message = format!("--function {function} names one function, and {} are given", paths.len());
            return Err(CliError::wrong_use(message));
        }
        (_, None) => {}
    }
    let mut sources: BTreeMap<FunctionName, PathBuf> = BTreeMap::new();
    for path in paths {
        let function = function_name(&path)?;
        if let Some(other) = sources.insert(function.clone(), path.clone()) {
            let (one, other) = (other.display(), path.display());
            return Err(CliError::wrong_use(format!(
                "{one} and {other} are both function {function}: give one of them"
            )));
        }
    }
    Ok(sources.into_iter().map(|(function, path)| Source { function, path }).collect())
}

/// Whether an argument is a pattern.
pub(crate) fn is_pattern(argument: &str) -> bool {
    argument.contains(['*', '?', '[']) && !Path::new(argument).exists()
}

fn expand(argument: &str) -> Result<Vec<PathBuf>, CliError> {
    let path = Path::new(argument);
    if !is_pattern(argument) {
        return match path.metadata() {
            Ok(found) if found.is_dir() || found.is_file() => Ok(vec![path.to_owned()]),
            Ok(_) => Err(CliError::wrong_use(format!("{argument} is neither a folder nor a file"))),
            Err(error) => Err(CliError::wrong_use(format!("{argument} {}", unreadable(&error)))),
        };
    }
    let wrong = |error: &dyn std::fmt::Display| CliError::wrong_use(format!("{argument} is no pattern: {error}"));
    Pattern::new(argument).map_err(|error| wrong(&error))?;
    let options = MatchOptions { require_literal_leading_dot: true, ..MatchOptions::new() };
    let found = glob::glob_with(argument, options).map_err(|error| wrong(&error))?;
    let mut paths = Vec::new();
    for one in found {
        let path = one.map_err(|error| CliError::failed(format!("looking for {argument}: {error}")))?;
        // Other files beside the functions are skipped.
        if path.is_dir() || path.extension().is_some_and(|extension| extension == "zip") {
            paths.push(path);
        }
    }
    if paths.is_empty() {
        return Err(CliError::wrong_use(format!("there is neither a folder nor a zip like {argument}")));
    }
    Ok(paths)
}

/// Returns the name of the function whose folder or zip this is.
///
/// # Errors
/// Wrong use: no function can be called so.
pub(crate) fn function_name(path: &Path) -> Result<FunctionName, CliError> {
    let invalid = |error: &dyn std::fmt::Display| {
        CliError::wrong_use(format!(
            "{}: its function is called as it is, but {error}: --function names it",
            path.display()
        ))
    };
    // `.` and `..` get the name of the folder that they lead to.
    let whole = path.canonicalize().map_err(|error| invalid(&error))?;
    let last = if whole.is_dir() { whole.file_name() } else { whole.file_stem() };
    let last = last.map(|last| last.to_string_lossy().into_owned()).unwrap_or_default();
    FunctionName::parse(last).map_err(|error| invalid(&error))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn existing_path_is_never_a_pattern() {
        assert!(is_pattern("functions/*"));
        assert!(!is_pattern("functions/orders"));
        assert!(!is_pattern(env!("CARGO_MANIFEST_DIR")));
    }

    #[test]
    fn function_name_is_the_folders_or_the_files_stem() {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        assert_eq!(function_name(here).unwrap().as_str(), "cli");
        assert_eq!(function_name(&here.join("src/..")).unwrap().as_str(), "cli");
        assert_eq!(function_name(&here.join("Cargo.toml")).unwrap().as_str(), "Cargo");
        let error = function_name(&here.join("src/lib.rs").join("none")).unwrap_err();
        assert!(error.message.contains("--function names it"), "{error}");
    }

    #[test]
    fn function_option_with_several_sources_is_refused() {
        let pattern = format!("{}/*", env!("CARGO_MANIFEST_DIR"));
        let function = FunctionName::parse("orders").unwrap();
        let error = resolve(std::slice::from_ref(&pattern), Some(&function)).unwrap_err();
        assert!(error.message.starts_with("--function orders names one function, and "), "{error}");
        let all = resolve(&[pattern], None).unwrap();
        assert!(all.iter().any(|source| source.function.as_str() == "src"));
        assert!(all.iter().all(|source| source.path.is_dir()), "Cargo.toml is no function");
    }

    #[test]
    fn missing_path_is_said_to_be_missing() {
        let error = resolve(&["functions/nofile".to_owned()], None).unwrap_err();
        assert_eq!(error.message, "functions/nofile does not exist");
    }

    #[test]
    fn pattern_without_match_is_wrong_use() {
        let error = resolve(&["functions/none-*".to_owned()], None).unwrap_err();
        assert_eq!(error.message, "there is neither a folder nor a zip like functions/none-*");
    }
}
