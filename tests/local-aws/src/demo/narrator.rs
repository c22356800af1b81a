//! Shows commands with their output, and holds them to what the demo says of them.

use super::workspace::Workspace;
use super::{Screen, expect};
use fixtures::error::{Error, Result};

/// The screen, and the folder in which the commands run. A command of which something else comes than the demo says is an
/// error.
pub(super) struct Narrator<'a> {
    pub screen: &'a Screen,
    pub workspace: Workspace,
}

impl Narrator<'_> {
    /// Shows a command and its output, and fails if it ends in another way or does not say these words.
    pub async fn does(&self, line: &str, exit: i32, words: &[&str]) -> Result<()> {
        self.screen.command(line);
        let ended = self.workspace.run(line, Some(self.screen)).await?;
        if let Some(code) = ended.exit.filter(|code| *code != 0) {
            self.screen.output(&self.screen.dim(&format!("(exit code {code})")));
        }
        expect(&format!("the exit code of {line}"), &ended.exit, &Some(exit))?;
        let said = in_one_line(&ended.said);
        match words.iter().find(|words| !said.contains(&in_one_line(words))) {
            None => Ok(()),
            Some(missing) => Err(Error::Unexpected(format!("{line} does not say {missing:?}, but:\n{}", ended.said))),
        }
    }

    /// Checks the version that serves in an environment.
    pub async fn serves(&self, environment: &str, version: &str) -> Result<()> {
        let found = self.workspace.serves(environment).await?;
        expect(&format!("the version that serves in {environment}"), &found.as_deref(), &Some(version))
    }
}

/// Joins lines that deployctl wraps at the terminal's width.
fn in_one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
