//! Commands that `deployctl` prints as advice: each gets the options that the user has given to reach the deployer, where
//! its verb takes them. What the environment says is left out, because it holds for the next command too.

use clap::parser::ValueSource;
use clap::{ArgMatches, Command};

use crate::answer::{Answer, CliError};
use crate::aws::options::shell_word;
use crate::text::width::width;

/// The names of the options that tell how the deployer or its ledger is reached.
const CONNECTION: [&str; 5] = ["ledger", "bucket_owner", "region", "profile", "function_name"];
/// The words that stand before a command on its line.
const LABELS: [&str; 7] = ["approve", "decline", "recall", "pause", "continue", "finish", "abort"];
const PROGRAM: &str = "deployctl ";

tokio::task_local! {
    static CONNECTED: Connection;
}

/// The options that the user has given by flags to reach the deployer.
#[derive(Debug, Clone, Default)]
pub(crate) struct Connection {
    /// The options, each with its value.
    given: Vec<(String, String)>,
    /// The definition of all verbs.
    verbs: Command,
}

impl Connection {
    /// Takes them from what the user has written.
    pub fn of(matches: &ArgMatches, mut verbs: Command) -> Self {
        verbs.build();
        let Some((verb, matches)) = matches.subcommand() else { return Self { given: vec![], verbs } };
        let argument = |id: &&str| {
            let mut arguments = verbs.find_subcommand(verb)?.get_arguments();
            arguments.find(|argument| argument.get_id() == *id)?.get_long()
        };
        let given = CONNECTION.iter().filter_map(|id| {
            let long = argument(id).filter(|_| matches.value_source(id) == Some(ValueSource::CommandLine))?;
            let value = matches.try_get_raw(id).ok()??.next()?.to_string_lossy();
            Some((format!("--{long}"), value.into_owned()))
        });
        let given = given.collect();
        Self { given, verbs }
    }

    /// Runs a verb. The commands that it prints get these options.
    pub async fn scope<T>(self, verb: impl Future<Output = T>) -> T {
        CONNECTED.scope(self, verb).await
    }

    /// Returns the options that a command takes and does not have, each with a space before it.
    fn missing(&self, command: &str) -> String {
        let verb = command.split_whitespace().nth(1).and_then(|verb| self.verbs.find_subcommand(verb));
        let takes = |long: &str| {
            let mut arguments = verb.into_iter().flat_map(Command::get_arguments);
            arguments.any(|argument| argument.get_long() == long.strip_prefix("--"))
        };
        let has = |long: &str| command.split_whitespace().any(|word| word == long);
        let missing = self.given.iter().filter(|(long, _)| takes(long) && !has(long));
        missing.map(|(long, value)| format!(" {long} {}", shell_word(value))).collect()
    }

    /// Completes the command of a line. Behind a label it gets a line of its own where it is longer than the terminal.
    fn line(&self, line: &str, columns: Option<usize>) -> String {
        let Some((before, command)) = line.split_once(PROGRAM) else { return line.to_owned() };
        let label = before.trim();
        if !(label.is_empty() || LABELS.contains(&label)) {
            return line.to_owned();
        }
        let command = format!("{PROGRAM}{}", command.trim_end());
        let missing = self.missing(&command);
        let whole = format!("{before}{command}{missing}");
        match columns.is_some_and(|columns| width(&whole) > columns) {
            true if !label.is_empty() && !missing.is_empty() => {
                format!("{}\n{command}{missing}", before.trim_end())
            }
            _ if missing.is_empty() => line.to_owned(),
            _ => whole,
        }
    }

    fn text(&self, text: &str, columns: Option<usize>) -> String {
        if self.given.is_empty() {
            return text.to_owned();
        }
        text.split('\n').map(|line| self.line(line, columns)).collect::<Vec<_>>().join("\n")
    }
}

/// Completes the commands of a text for a terminal of so many columns.
pub(crate) fn complete(text: &str, columns: Option<usize>) -> String {
    let completed = CONNECTED.try_with(|connection| connection.text(text, columns));
    completed.unwrap_or_else(|_no_verb| text.to_owned())
}

/// Completes the commands of an answer.
pub(crate) fn completed(answer: Result<Answer, CliError>, columns: Option<usize>) -> Answer {
    match answer {
        Ok(answer) => Answer { text: complete(&answer.text, columns), ..answer },
        Err(error) => CliError { message: complete(&error.message, None), ..error }.into(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    fn connection(arguments: &str) -> Connection {
        let matches = crate::Cli::command().try_get_matches_from(arguments.split(' ')).unwrap();
        Connection::of(&matches, crate::Cli::command())
    }

    #[test]
    fn printed_command_gets_the_options_that_were_given_and_that_its_verb_takes() {
        let connection =
            connection("deployctl status --ledger acme-ledger --profile acme --region eu-west-1 --function-name blue");
        for (line, completed) in [
            (
                "  deployctl approve -e prod",
                "  deployctl approve -e prod --region eu-west-1 --profile acme --function-name blue",
            ),
            (
                "deployctl status orders",
                "deployctl status orders --ledger acme-ledger --region eu-west-1 --profile acme --function-name blue",
            ),
            (
                "  recall   deployctl recall -f orders -r 2 --profile acme",
                "  recall   deployctl recall -f orders -r 2 --profile acme --region eu-west-1 --function-name blue",
            ),
            ("  deployctl nonsense", "  deployctl nonsense"),
            ("is this deployctl older than the deployer?", "is this deployctl older than the deployer?"),
            ("  aws lambda invoke", "  aws lambda invoke"),
        ] {
            assert_eq!(connection.text(line, None), completed);
        }
    }

    #[test]
    fn command_behind_a_label_gets_its_own_line_where_the_terminal_is_narrow() {
        let connection = connection("deployctl status --profile acme");
        let text = "  approve  deployctl approve -e prod\n";
        assert_eq!(connection.text(text, Some(40)), "  approve\ndeployctl approve -e prod --profile acme\n");
        assert_eq!(connection.text(text, Some(80)), "  approve  deployctl approve -e prod --profile acme\n");
    }

    #[test]
    fn commands_stay_as_they_are_where_nothing_was_given() {
        let text = "  deployctl approve -e prod\n";
        assert_eq!(connection("deployctl status").text(text, None), text);
        assert_eq!(complete(text, None), text, "no verb runs");
    }
}
