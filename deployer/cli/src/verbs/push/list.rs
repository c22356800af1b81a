//! `deployctl push --list`: what would go up.

use std::fmt::Write as _;
use std::path::Path;

use deployer_core::id::Sha256;
use deployer_core::package::Package;
use deployer_core::text::counted;
use serde::Serialize;

use crate::answer::{Answer, CliError, Exit, one_line};
use crate::text::names::Names;
use crate::text::terminal;
use crate::text::width::{cut_in_the_middle, fitted};
use crate::zips;
use crate::zips::source::{Listed, SourceZip};

/// The contents of a zip that is not uploaded.
#[derive(Debug, Serialize)]
struct Listing {
    entries: Vec<Listed>,
    /// The number of files.
    files: usize,
    /// The bytes of all files, unzipped.
    unzipped: u64,
    /// The bytes of the zip.
    size: u64,
    /// The manifest's name; null where there is none.
    manifest: Option<&'static str>,
    sha256: Sha256,
    /// The files and folders that look private and are not in the zip.
    #[serde(skip_serializing_if = "Option::is_none")]
    left_out: Option<Names>,
}

/// Lists what would go up. The zip has passed its checks.
///
/// # Errors
/// The zip cannot be read.
pub(super) fn list(source: &Path, zip: &SourceZip, package: Package) -> Result<Answer, CliError> {
    let cannot = |error| CliError::failed(format!("{} cannot be listed: {error}", source.display()));
    let entries = zip.list().map_err(cannot)?;
    let Package { sha256, size, unzipped, files, manifest, .. } = package;
    let manifest = manifest.map(|(format, _)| format.file_name());
    let listing = Listing { entries, files, unzipped, size, manifest, sha256, left_out: zip.left_out().cloned() };
    Ok(Answer::with_text(listing.text(terminal::columns()), &listing, Exit::Done))
}

impl Listing {
    /// Writes a line for each file. On a terminal, paths that are too long are cut in the middle.
    fn text(&self, columns: Option<usize>) -> String {
        let Self { entries, files, unzipped, size, manifest, sha256, .. } = self;
        let width = entries.iter().map(|entry| entry.size.to_string().len()).max().unwrap_or_default();
        let mut text = String::new();
        for Listed { path, size, link } in entries {
            let link = if *link { " (a link)" } else { "" };
            let room = columns.map_or(usize::MAX, |columns| columns.saturating_sub(width + 2 + link.len()));
            let _infallible = writeln!(text, "{size:>width$}  {}{link}", cut_in_the_middle(&one_line(path), room));
        }
        let note = zips::manifest_note(*manifest);
        let (files, unzipped) = (counted(*files, "file"), counted(*unzipped, "byte"));
        let whole = format!("{files} of {unzipped}; the zip has {size} bytes, {note}\n  sha256 {}", sha256.to_hex());
        text + &fitted(&whole, columns) + "\nnothing is uploaded\n"
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::Cli;
    use crate::text::golden::assert_golden;
    use crate::text::width::width;

    async fn list(arguments: &[&str]) -> (Exit, String) {
        let mut out = Vec::new();
        let all = ["deployctl", "push", "--list"].iter().chain(arguments).map(Into::into).collect();
        let exit = Cli::main(all, &mut out).await.unwrap();
        (exit, String::from_utf8(out).unwrap())
    }

    #[tokio::test]
    async fn list_shows_each_file_with_its_size_and_needs_no_place() {
        let folder = tempfile::tempdir().unwrap();
        for (name, body) in [("function.toml", "timeout = 10\n"), ("index.js", "exports.a = 1"), (".env", "A=1")] {
            std::fs::write(folder.path().join(name), body).unwrap();
        }
        std::os::unix::fs::symlink("index.js", folder.path().join("main.js")).unwrap();
        let path = folder.path().to_str().unwrap();
        let (exit, text) = list(&[path]).await;
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(exit, Exit::Done, "{text}");
        assert_eq!(lines[..3], ["13  function.toml", "13  index.js", " 8  main.js (a link)"]);
        assert!(lines[3].starts_with("3 files of 34 bytes; the zip has "), "{text}");
        assert!(lines[3].ends_with(" bytes, with function.toml") && lines[4].starts_with("  sha256 "), "{text}");
        assert_eq!(lines[5], "nothing is uploaded");
        let (_, json) = list(&[path, "-o", "json"]).await;
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(json["left_out"], serde_json::json!({"names": [".env"], "count": 1}));
        assert_eq!(json["entries"][2], serde_json::json!({"path": "main.js", "size": 8, "link": true}));
        assert_eq!((&json["files"], &json["unzipped"]), (&3.into(), &34.into()));
    }

    #[test]
    fn list_fits_terminals_of_60_to_200_columns() {
        let listed = |path: &str, size, link| Listed { path: path.to_owned(), size, link };
        let module =
            "node_modules/.pnpm/@aws-sdk+client-dynamodb@3.948.0/node_modules/@aws-sdk/client-dynamodb/package.json";
        let listing = Listing {
            entries: vec![
                listed("function.toml", 201, false),
                listed(module, 5_120, false),
                listed("node_modules/@aws-sdk/client-dynamodb-with-a-name-that-is-longer", 80, true),
                listed("sources/東京の人々の長い名前のファイルと東京の人々の長い名前のファイル.js", 1_234_567, false),
            ],
            files: 4,
            unzipped: 1_239_968,
            size: 401_000,
            manifest: None,
            sha256: Sha256::of(b"zip"),
            left_out: None,
        };
        for columns in [60, 80, 200] {
            let text = listing.text(Some(columns));
            // A hash is never broken, so that it can be compared.
            let is_hash = |line: &str| line.trim().len() == 64;
            assert!(text.lines().all(|line| width(line) <= columns || is_hash(line)), "{text}");
            assert_golden(&format!("list-{columns}.txt"), &text);
        }
        assert!(listing.text(None).contains(module));
    }

    #[tokio::test]
    async fn list_of_a_refused_folder_names_twenty_mistakes_and_the_number() {
        let folder = tempfile::tempdir().unwrap();
        for number in 0..23 {
            let name = folder.path().join(format!("socket-{number}"));
            drop(std::os::unix::net::UnixListener::bind(name).unwrap());
        }
        let (exit, json) = list(&[folder.path().to_str().unwrap(), "-o", "json"]).await;
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!((exit, json["mistakes"].as_array().map(Vec::len)), (Exit::Refused, Some(20)));
        assert_eq!(json["mistakes_in_all"], 23);
        let message = json["errorMessage"].as_str().unwrap();
        assert!(message.ends_with("\n  and 3 more (23 in all)") && message.contains("is no regular file"), "{message}");
    }
}
