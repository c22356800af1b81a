//! The command line, one verb per file: options in, a serializable answer out, printed as text or JSON.
//!
//! A verb writes its text and leaves printing to [`Answer`], which has both forms and the exit code. Progress bars go
//! to standard error, and only to a terminal.

mod advice;
mod after_rollback;
mod ago;
mod answer;
mod approve;
mod approvers;
mod aws_options;
mod came_with;
mod ci_env;
mod colours;
mod completions;
mod configured;
mod confirm;
mod decided;
mod deploy;
mod diff;
mod direct;
mod direct_deploy;
mod doctor;
mod doctor_text;
mod ends;
mod folder;
mod follow;
mod follow_another;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod golden;
mod help;
mod hints;
mod history;
mod history_text;
mod hold;
mod ignore_rules;
mod in_favour_of;
mod init;
mod interrupts;
mod invoke;
mod ledger;
mod logs;
mod man;
mod named_by;
mod names;
mod newest_records;
mod nothing_ready;
mod open;
mod open_deployments;
mod output;
mod plan;
mod plan_text;
mod plan_waiting;
mod progress;
mod promote;
mod promote_several;
mod promotion_text;
mod prove;
mod push;
mod recall;
mod recall_preview;
mod records;
mod redeploy;
mod redrive;
mod reject;
mod remote;
mod repeated;
mod repeating_command;
mod rollback;
mod rollback_preview;
mod rollout;
mod run_out;
mod sdk_config;
mod send_error;
mod source_zip;
mod sources;
mod status;
mod streams;
mod target;
mod terminal;
mod text_width;
mod unended;
mod usage;
mod validate;
mod version;
mod waiting_promotion;
mod waiting_text;
mod warning;
mod zips;

use std::ffi::OsString;
use std::io::Write;

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

pub use answer::{Answer, CliError, Exit};
pub use output::Output;
pub use sdk_config::load as load_sdk_config;
pub use streams::{stderr, stdout};
pub use text_width::is_copied;

/// Deploy Lambda functions across AWS accounts.
///
/// Most verbs ask the deployer, a Lambda in the tooling account, to do something. push only uploads to it, and status
/// and history can read its ledger directly.
#[derive(Debug, Parser)]
#[command(name = "deployctl", version = deployer_core::version::version(), about, propagate_version = true, after_help = help::FIRST_STEPS)]
pub struct Cli {
    /// The form of the answer.
    #[arg(long, short, value_enum, default_value_t = Output::Text, global = true)]
    output: Output,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Write function.toml from a live function.
    ///
    /// Deploying with the manifest does not change the function's configuration. init leaves out the values of the
    /// function's variables unless --with-values is given; it keeps those in another tool's file (--from-file), which
    /// already shows them.
    #[command(after_help = help::INIT)]
    Init(init::Options),
    /// Check a zip, a manifest or deployer.json, without AWS.
    ///
    /// It lists every mistake and its place, by the rules that the deployer applies to uploads. With deployer.json beside
    /// it, a manifest is also checked for the roles, log groups and dead-letter targets that each environment allows.
    #[command(after_help = help::VALIDATE)]
    Validate(validate::Options),
    /// Show what a deployment would change, and change nothing.
    ///
    /// The deployer plans a folder, a zip, an uploaded release, a rollback or a promotion; without any of them it shows
    /// whether somebody has changed what is live. With --role-arn or --direct this machine reads the target itself.
    /// Values of variables are never shown.
    #[command(after_help = help::PLAN)]
    Plan(plan::Options),
    /// Upload a zip or a folder for a function, and with --wait follow its deployment.
    ///
    /// push first checks the zip by the deployer's rules and does not upload what the deployer would refuse. With
    /// --wait its exit code tells how the deployment ended; without, it exits after the upload.
    #[command(after_help = help::PUSH, override_usage = help::PUSH_USAGE)]
    Push(Box<push::Options>),
    /// Show what is live where: release, version, since when and by whom, and what is pending, held, rejected or
    /// behind.
    ///
    /// status reads the ledger and asks no target account. plan shows whether somebody else has changed a function
    /// there. With --ledger it works also while deployer.json cannot be loaded.
    #[command(after_help = help::STATUS)]
    Status(status::Options),
    /// List the last deployments of a function in an environment, newest first.
    ///
    /// The list includes failed, refused and superseded deployments, with the reason. It is in the order of their starts.
    #[command(after_help = help::HISTORY)]
    History(history::Options),
    /// Show the deployer's log lines of one deployment, or the function's own.
    ///
    /// logs reads CloudWatch Logs with your own rights. Without --deployment it shows the newest deployment of the
    /// function in the environment; -F (--follow, because -f is the function) goes on until that has ended. With
    /// --function-logs it enters the target account as you, by --target-profile or --role-arn, and never by the deploy
    /// role.
    #[command(after_help = help::LOGS, override_usage = help::LOGS_USAGE)]
    Logs(Box<logs::Options>),
    /// Compare two releases of a function: configuration, and files by name and size.
    ///
    /// diff reads both zips from the artifact bucket with your own rights, and no target. The configuration is what each
    /// manifest names for its environment; values of variables are never shown.
    #[command(after_help = help::DIFF)]
    Diff(diff::Options),
    /// Call a function through its alias in one target.
    ///
    /// invoke needs an event (--payload). It says what it calls, calls it once, waits for the answer, and shows the
    /// version that ran and the end of its log. It enters the target account as you, by --target-profile or --role-arn, and never by the deploy role.
    #[command(after_help = help::INVOKE)]
    Invoke(Box<invoke::Options>),
    /// Open the page of a target's function in the AWS console.
    ///
    /// The page is that of the alias, in the console of the target's partition. Without a terminal or a display, with
    /// --print and with --output json the URL is only printed. The browser decides who looks: it must be signed in to
    /// the target account.
    #[command(after_help = help::OPEN)]
    Open(open::Options),
    /// Go back to what was live before; each further rollback goes one release further back.
    ///
    /// The alias moves back to the version that served before, which keeps its configuration; if Lambda no longer has
    /// that version, the deployer publishes it again from its artifact. A deployment in progress of something new is
    /// stopped, and every target ends at what is live. rollback shows what it leaves and asks for confirmation; it is
    /// refused if something else is live by then. It works during a hold. Afterwards it shows what is live and waits
    /// there, where the release that was left is still live, and the commands that keep it away.
    #[command(after_help = help::ROLLBACK)]
    Rollback(rollback::Options),
    /// Show the rollout that is under way; or pause, continue, finish or abort it.
    ///
    /// A rollout gives a new release its traffic in steps, in environments that ask for it. It goes on and back by itself;
    /// these are the words of people. At a terminal, finish and abort first show the versions and their shares, and ask.
    /// rollback without --to means the rollout as well.
    #[command(after_help = help::ROLLOUT)]
    Rollout(rollout::Options),
    /// Make every target serve what is live again, after somebody or something has changed it.
    ///
    /// Targets that already serve it stay unchanged. redeploy restores the code and what the manifest names.
    #[command(after_help = help::REDEPLOY)]
    Redeploy(redeploy::Options),
    /// Deploy an uploaded release; or, with --role-arn, deploy folders and zips from this machine.
    ///
    /// With --release the deployer deploys the newest upload of that release, as if it had just come. With --role-arn
    /// or --direct this machine deploys without the deployer: it assumes the role, makes the same plan, applies it, and
    /// records nothing.
    #[command(after_help = help::DEPLOY)]
    Deploy(deploy::Options),
    /// Bring what one environment has live to another.
    ///
    /// promote deploys the very same bytes and builds or uploads nothing. It promotes one function; or, by a pattern,
    /// each function that is ready; or several functions together, where none moves unless all may, and all go back if
    /// one fails. It does not wait for approvals or for the end of a freeze unless --wait is given.
    #[command(after_help = help::PROMOTE)]
    Promote(Box<promote::Options>),
    /// Approve a promotion that waits for it, and follow it.
    ///
    /// approve first shows what the promotion would change, with the commits between, and asks at a terminal; with --yes
    /// it approves at once.
    /// The requester of a promotion cannot approve it. The deployer compares the names of --requested-by; IAM decides
    /// who may invoke the deployer.
    #[command(after_help = help::APPROVE)]
    Approve(approve::Options),
    /// Decline a waiting promotion, which ends as refused.
    #[command(after_help = help::DECLINE)]
    Decline(approve::DeclineOptions),
    /// Reject a release, and roll it back wherever it is live.
    ///
    /// recall acts in all environments, and begins where the release went live last. It ends waiting promotions of the
    /// release.
    #[command(after_help = help::RECALL)]
    Recall(recall::Options),
    /// Take no new release of a function into an environment, until release-hold. Rolling back stays possible.
    ///
    /// Uploads are refused meanwhile, and not kept for later. Holding again replaces the reason.
    #[command(after_help = help::HOLD)]
    Hold(hold::Options),
    /// End a hold.
    ///
    /// Uploads that were refused meanwhile do not come back by themselves: deploy --release brings one.
    #[command(after_help = help::RELEASE_HOLD)]
    ReleaseHold(hold::ReleaseOptions),
    /// Mark a release of a function as bad: nothing deploys it any more, in any environment, by its label or its code.
    ///
    /// A live release stays live and is shown as rejected: roll it back.
    #[command(after_help = help::REJECT)]
    Reject(reject::Options),
    /// End a reject.
    #[command(after_help = help::UNREJECT)]
    Unreject(reject::UnrejectOptions),
    /// Check the whole chain of trust, and print where it is broken and what mends it.
    ///
    /// The deployer checks its ledger, its queue and its sweep, and enters each target; there it tries each permission
    /// on a function that does not exist. It changes nothing. For each missing permission it prints the IAM statement,
    /// and the policy that needs it.
    #[command(after_help = help::DOCTOR)]
    Doctor(doctor::Options),
    /// Show the messages that the deployer could not handle, and send them back to their queues.
    ///
    /// Such messages lie in the dead-letter queue for 14 days. redrive shows how many there are and what each is about,
    /// asks for confirmation, and follows SQS's redrive to its end. Mend the cause first: a message that fails again is
    /// back after two hours.
    #[command(after_help = help::REDRIVE)]
    Redrive(redrive::Options),
    /// Print the script by which a shell completes this command line.
    #[command(after_help = help::COMPLETIONS)]
    Completions(completions::Options),
    /// Write the manual pages, one of each verb, into a folder.
    #[command(after_help = help::MAN)]
    Man(man::Options),
    /// Print the build of this deployctl.
    Version,
}

impl Verb {
    /// Whether the answer is a file, which somebody writes to a disk.
    fn prints_a_file(&self) -> bool {
        match self {
            Self::Init(options) => options.prints_a_file(),
            Self::Completions(_) => true,
            _ => false,
        }
    }
}

impl Cli {
    /// Parses the arguments, the program's name first, and runs the verb.
    ///
    /// # Errors
    /// `out` cannot be written to.
    pub async fn main(arguments: Vec<OsString>, out: &mut impl Write) -> std::io::Result<Exit> {
        let command = usage::fitted(without_empty_variables(Self::command()), terminal::columns());
        let parsed = command.try_get_matches_from(&arguments).and_then(|found| {
            let connection = advice::Connection::of(&found, Self::command());
            Self::from_arg_matches(&found).map(|cli| (cli, connection))
        });
        let error = match parsed {
            Ok((cli, connection)) => return connection.scope(cli.run(out)).await,
            Err(error) => error,
        };
        // Help and the version are not errors.
        let exit = if error.use_stderr() { Exit::WrongUse } else { Exit::Done };
        let printed = if exit == Exit::WrongUse && output::is_json_wanted(&arguments) {
            let message = error.render().to_string();
            let message = message.trim().trim_start_matches("error: ");
            Answer::from(CliError::wrong_use(message)).print(Output::Json, None, out)
        } else {
            error.print()
        };
        ignore_broken_pipe(printed).map(|()| exit)
    }

    /// Runs the verb and prints its answer to `out`.
    ///
    /// # Errors
    /// `out` cannot be written to.
    async fn run(self, out: &mut impl Write) -> std::io::Result<Exit> {
        // A file stays as it is.
        let is_file = self.verb.prints_a_file();
        let columns = if is_file { None } else { terminal::columns() };
        let answer: Result<Answer, CliError> = match self.verb {
            Verb::Push(options) => push::run(&options).await,
            Verb::Validate(options) => Ok(validate::run(&options)),
            Verb::Deploy(options) => deploy::run(&options).await,
            Verb::Plan(options) => plan::run(&options).await,
            Verb::Status(options) => status::run(&options, self.output).await,
            Verb::History(options) => history::run(&options).await,
            Verb::Logs(options) => logs::run(&options, self.output).await,
            Verb::Diff(options) => diff::run(&options).await,
            Verb::Invoke(options) => invoke::run(&options).await,
            Verb::Open(options) => open::run(&options, self.output).await,
            Verb::Redeploy(options) => redeploy::run(&options).await,
            Verb::Rollback(options) => rollback::run(&options, self.output).await,
            Verb::Rollout(options) => rollout::run(&options).await,
            Verb::Promote(options) => promote::run(&options, self.output).await,
            Verb::Approve(options) => approve::run(&options, self.output).await,
            Verb::Decline(options) => approve::decline(&options, self.output).await,
            Verb::Recall(options) => recall::run(&options, self.output).await,
            Verb::Hold(options) => hold::run(&options).await,
            Verb::ReleaseHold(options) => hold::release(&options).await,
            Verb::Reject(options) => reject::run(&options).await,
            Verb::Unreject(options) => reject::undo(&options).await,
            Verb::Completions(options) => Ok(completions::run(&options, Self::command())),
            Verb::Man(options) => man::run(&options, Self::command()),
            Verb::Version => Ok(version::run()),
            Verb::Doctor(options) => doctor::run(&options).await,
            Verb::Redrive(options) => redrive::run(&options, self.output).await,
            Verb::Init(options) => init::run(&options).await,
        };
        let answer = match answer {
            Ok(file) if is_file => file,
            answer => advice::completed(answer, columns),
        };
        let printed = answer.print(self.output, columns, out).and_then(|()| out.flush());
        ignore_broken_pipe(printed).map(|()| answer.exit)
    }
}

/// Lets an empty variable count as one that is not set, as in the Lambda. An empty option stays a mistake.
fn without_empty_variables(command: clap::Command) -> clap::Command {
    let is_empty = |name: &std::ffi::OsStr| std::env::var_os(name).is_some_and(|value| value.is_empty());
    let arguments = command.mut_args(|argument| match argument.get_env().is_some_and(is_empty) {
        true => argument.env(None::<&'static str>),
        false => argument,
    });
    arguments.mut_subcommands(without_empty_variables)
}

/// Ignores a broken pipe: the reader has read enough, and the exit code stays that of the verb.
fn ignore_broken_pipe(printed: std::io::Result<()>) -> std::io::Result<()> {
    match printed {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        printed => printed,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn command_line_definition_is_consistent() {
        super::Cli::command().debug_assert();
    }

    #[test]
    fn table_of_exit_codes_has_each_code_and_no_other() {
        use super::Exit;
        let all =
            [Exit::Done, Exit::Failed, Exit::WrongUse, Exit::Refused, Exit::TimedOut, Exit::Differs, Exit::Interrupted];
        let (_, table) = super::help::FIRST_STEPS.split_once("Exit codes, the same for all verbs:\n").unwrap();
        let rows = table.lines().take_while(|line| line.starts_with(' '));
        let listed: Vec<u8> = rows.map(|row| row.split_whitespace().next().unwrap().parse().unwrap()).collect();
        assert_eq!(listed, all.map(u8::from));
    }

    #[tokio::test]
    async fn wrong_use_of_every_kind_is_json() {
        for arguments in [
            "push x --output json",
            "push x -e Dev -f orders -r 1 --bucket b-c-d -o json",
            "push x -e dev -f orders -r 1 --bucket b-c-d --timeout 5m -o json",
            "push x --list --wait -o json",
            "push nofile --list -o json",
            "history -e dev -f orders --limit many -o json",
            "validate -o json",
            "-o json",
        ] {
            let mut out = Vec::new();
            let all = std::iter::once("deployctl").chain(arguments.split(' ')).map(Into::into).collect();
            let exit = super::Cli::main(all, &mut out).await.unwrap();
            let answer: serde_json::Value = serde_json::from_slice(&out).unwrap();
            assert_eq!((exit, &answer["errorType"]), (super::Exit::WrongUse, &"WrongUse".into()), "{arguments}");
            assert!(answer["errorMessage"].as_str().is_some_and(|message| !message.contains('\u{1b}')), "{answer}");
        }
    }

    #[test]
    fn help_is_wrapped_once_at_the_terminals_width() {
        let paragraphs = ["Needs: ", "Exit codes: ", "Example"];
        let mut command = super::Cli::command();
        command.build();
        for verb in command.get_subcommands().chain([&command]) {
            let name = verb.get_name();
            let below = verb.get_after_help().map(ToString::to_string).unwrap_or_default();
            for (one, next) in below.lines().zip(below.lines().skip(1)) {
                let is_own_line = |line: &str| {
                    line.is_empty() || line.starts_with(' ') || paragraphs.iter().any(|word| line.starts_with(word))
                };
                assert!(is_own_line(one) || is_own_line(next), "{name} breaks a paragraph: {one:?}");
            }
        }
        for width in [60, 80, 120, 200] {
            let command = super::usage::fitted(super::Cli::command(), Some(width));
            for verb in command.get_subcommands().chain([&command]) {
                let name = verb.get_name();
                let help = verb.clone().term_width(width).render_long_help().to_string();
                for line in help.lines().filter(|line| line.chars().count() > width) {
                    let words = line.split_whitespace().count();
                    assert!(words == 1, "{name} at {width}: {line:?}");
                }
            }
        }
    }

    #[tokio::test]
    async fn wrong_use_with_json_output_is_json_and_help_is_no_error() {
        let run = async |arguments: &[&str]| {
            let mut out = Vec::new();
            let all = std::iter::once("deployctl").chain(arguments.iter().copied()).map(Into::into).collect();
            let exit = super::Cli::main(all, &mut out).await.unwrap();
            (exit, String::from_utf8(out).unwrap())
        };
        for arguments in [
            &["nonsense", "--output=json", "x"][..],
            &["--output", "json", "nonsense"],
            &["-o", "json", "nonsense"],
            &["nonsense", "-ojson"],
            &["nonsense", "-o=json"],
        ] {
            let (exit, out) = run(arguments).await;
            let answer: serde_json::Value = serde_json::from_str(&out).unwrap();
            assert_eq!((exit, &answer["errorType"]), (super::Exit::WrongUse, &"WrongUse".into()));
            assert!(answer["errorMessage"].as_str().unwrap().starts_with("unrecognized subcommand"), "{answer}");
        }
        for arguments in [&["nonsense"][..], &["nonsense", "--", "--output=json"], &["nonsense", "-o", "text", "json"]]
        {
            assert_eq!(run(arguments).await, (super::Exit::WrongUse, String::new()), "{arguments:?}");
        }
        assert_eq!(run(&["--version", "--output", "json"]).await, (super::Exit::Done, String::new()));
    }
}
