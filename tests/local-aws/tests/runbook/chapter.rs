//! Reads the runbook's chapter "Break glass": its blocks of commands, and the rights that the text before each names.

use std::path::Path;

use local_aws::{Doing as _, Error, Result};
use regex_lite::Regex;

/// The chapter's heading.
const CHAPTER: &str = "## Break glass";

/// Whose rights a block takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whose {
    Look,
    Operate,
    Upload,
    Administer,
    Target,
}

impl Whose {
    fn named(word: &str) -> Option<Self> {
        let all = [
            ("look", Self::Look),
            ("operate", Self::Operate),
            ("upload", Self::Upload),
            ("administer", Self::Administer),
            ("target", Self::Target),
        ];
        all.iter().find(|(name, _)| *name == word).map(|(_, whose)| *whose)
    }
}

/// A block of commands.
#[derive(Debug, Clone)]
pub(super) struct Block {
    /// The line in the runbook at which it begins.
    pub line: usize,
    /// The heading of its case.
    pub case: String,
    /// The text since the block or heading before, in one line.
    pub text: String,
    pub whose: Whose,
    /// The text after the word that says whose rights it takes, which names the actions.
    pub rights: String,
    /// The commands as written, without `$ `.
    pub commands: Vec<String>,
}

impl Block {
    /// Returns the actions that the text names, such as `lambda:GetAlias`.
    pub(super) fn actions(&self) -> Result<Vec<String>> {
        let action = Regex::new("`([a-z0-9]+:[A-Z][A-Za-z]+)`").doing("reading actions")?;
        Ok(action.captures_iter(&self.rights).map(|found| found[1].to_owned()).collect())
    }
}

/// Returns the chapter's blocks in their order.
pub(super) fn blocks() -> Result<Vec<Block>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/runbook.md");
    let runbook = std::fs::read_to_string(&path).doing(format!("reading {}", path.display()))?;
    let blocks = blocks_of(&runbook)?;
    if blocks.is_empty() {
        return Err(Error::Unexpected(format!("{} has no commands in {CHAPTER:?}", path.display())));
    }
    Ok(blocks)
}

fn blocks_of(runbook: &str) -> Result<Vec<Block>> {
    let person = Regex::new(r"\*(look|operate|upload|administer|target)\*").doing("reading the words of rights")?;
    let mut blocks: Vec<Block> = Vec::new();
    let (mut case, mut text, mut commands) = (String::new(), String::new(), None::<Vec<String>>);
    let lines = runbook.lines().enumerate().skip_while(|(_, line)| *line != CHAPTER).skip(1);
    for (number, line) in lines.take_while(|(_, line)| !line.starts_with("## ")) {
        match (&mut commands, line) {
            (None, "```console") => commands = Some(Vec::new()),
            (Some(found), "```") => {
                let unnamed =
                    || Error::Unexpected(format!("runbook.md:{number}: nothing says whose rights this takes"));
                let word = person.captures_iter(&text).last().ok_or_else(unnamed)?;
                let end = word.get(0).map_or(0, |word| word.end());
                blocks.push(Block {
                    line: number - found.len(),
                    case: case.clone(),
                    whose: Whose::named(&word[1]).ok_or_else(unnamed)?,
                    rights: text.get(end..).unwrap_or_default().to_owned(),
                    text: std::mem::take(&mut text),
                    commands: commands.take().unwrap_or_default(),
                });
            }
            (Some(found), line) => {
                let command = line.strip_prefix("$ ");
                let command = command
                    .ok_or_else(|| Error::Unexpected(format!("runbook.md:{}: no command: {line}", number + 1)))?;
                found.push(command.to_owned());
            }
            (None, line) if line.starts_with("### ") => {
                line.trim_start_matches("### ").clone_into(&mut case);
                text.clear();
            }
            (None, line) if line.starts_with("#### ") => text.clear(),
            (None, line) => text.extend([line, " "]),
        }
    }
    Ok(blocks)
}

#[test]
fn blocks_have_their_case_commands_and_rights() -> Result<()> {
    let text = "# R\n```sh\nls\n```\n## Break glass\nIf *look* is bad.\n### One\nDo it. *target* (`lambda:GetAlias`,\n\
                `s3:GetObject` on `x:y`):\n\n```console\n$ a b\n$ c\n```\n## Next\n```console\n$ d\n```\n";
    let blocks = blocks_of(text)?;
    assert_eq!(blocks.len(), 1, "{blocks:#?}");
    let block = &blocks[0];
    assert_eq!((block.case.as_str(), block.whose), ("One", Whose::Target));
    assert_eq!(block.commands, ["a b", "c"]);
    assert_eq!(block.actions()?, ["lambda:GetAlias", "s3:GetObject"]);
    assert_eq!(block.line, 11);
    Ok(())
}

#[test]
fn block_without_rights_or_with_an_output_is_refused() {
    for (text, because) in [
        ("## Break glass\n### One\nDo it:\n```console\n$ a\n```\n", "nothing says whose rights"),
        ("## Break glass\n### One\n*look*:\n```console\n$ a\nanswer\n```\n", "runbook.md:6: no command: answer"),
    ] {
        let refused = blocks_of(text).map_err(|error| error.to_string());
        assert!(refused.as_ref().is_err_and(|error| error.contains(because)), "{refused:?}");
    }
}
