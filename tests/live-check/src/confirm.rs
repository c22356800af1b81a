//! Announces a run, and asks for its confirmation.

use std::io::{BufRead as _, IsTerminal as _, Write as _};

use fixtures::error::{Doing as _, Error, Result};

/// Prints the words and asks on the terminal, where a person sees the question and can answer it; `--yes` answers for
/// the person.
///
/// # Errors
/// There is no terminal to ask on.
pub fn confirmed(words: &str, is_yes: bool) -> Result<bool> {
    let mut err = std::io::stderr().lock();
    writeln!(err, "{words}").doing("writing to the terminal")?;
    if is_yes {
        return Ok(true);
    }
    if !(std::io::stdin().is_terminal() && std::io::stderr().is_terminal()) {
        return Err(Error::Unexpected("there is no terminal to ask on: add --yes".into()));
    }
    write!(err, "Go on? [y/N] ").and_then(|()| err.flush()).doing("writing to the terminal")?;
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).doing("reading from the terminal")?;
    Ok(["y", "yes"].contains(&line.trim().to_lowercase().as_str()))
}
