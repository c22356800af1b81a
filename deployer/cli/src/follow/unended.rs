//! The end of a wait for something that has not ended: what was known of it by then is told all the same.

use serde_json::Value;

use crate::answer::{Answer, CliError, Exit};
use crate::output::Output;
use crate::text::advice;
use crate::text::confirm::print_stderr;

/// The reason why a wait is over, and the last answer before that.
#[derive(Debug)]
pub(crate) struct Unended<T> {
    pub error: CliError,
    /// None: nothing is known.
    pub last: Option<Box<T>>,
}

impl<T> Unended<T> {
    /// Answers with what is known, shown in this way, and the reason why it is not the end.
    ///
    /// # Errors
    /// The reason alone, where nothing is known.
    pub fn answer(self, shown: impl FnOnce(&T) -> Answer, output: Output) -> Result<Answer, CliError> {
        let Self { error, last } = self;
        let Some(last) = last else { return Err(error) };
        cut_short(shown(&last), error, output)
    }
}

/// Tells the reason why an answer is not the last one: people on standard error, programs by the fields of an error beside the
/// answer. The exit code is the more severe one.
///
/// # Errors
/// Standard error cannot be written to.
pub(crate) fn cut_short(mut answer: Answer, error: CliError, output: Output) -> Result<Answer, CliError> {
    answer.exit = Exit::worst([answer.exit, error.exit]);
    let error = CliError { message: advice::complete(&error.message, None), ..error };
    let Answer { text, json, .. } = error.into();
    match (output, answer.json.as_object_mut(), json) {
        (Output::Text, ..) => print_stderr(&text)?,
        (Output::Json, Some(fields), Value::Object(error)) => fields.extend(error),
        (Output::Json, ..) => {}
    }
    Ok(answer)
}

impl<T> From<CliError> for Unended<T> {
    fn from(error: CliError) -> Self {
        Self { error, last: None }
    }
}

impl<T> From<Unended<T>> for CliError {
    fn from(unended: Unended<T>) -> Self {
        unended.error
    }
}
