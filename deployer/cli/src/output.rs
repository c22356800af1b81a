//! The two forms of an answer.

use std::ffi::OsString;

use clap::ValueEnum;

/// The form of printed answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// Text for people.
    Text,
    /// JSON for programs.
    Json,
}

/// Whether the arguments ask for JSON, in any way in which clap takes it. A failed parse has read no option.
pub(super) fn is_json_wanted(arguments: &[OsString]) -> bool {
    let options: Vec<&OsString> = arguments.iter().take_while(|argument| *argument != "--").collect();
    let is_any = |argument: &OsString, texts: &[&str]| texts.iter().any(|text| argument == text);
    options.iter().any(|argument| is_any(argument, &["--output=json", "-ojson", "-o=json"]))
        || options.windows(2).any(|pair| is_any(pair[0], &["--output", "-o"]) && pair[1] == "json")
}
