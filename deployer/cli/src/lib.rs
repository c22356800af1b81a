//! The command line, one verb per file: options in, a serializable answer out, printed for people or as JSON.
//!
//! A verb decides nothing about printing but its words: [`Answer`] has both forms and the exit code. What is drawn while
//! people wait goes to standard error, and only where that is a terminal.

mod answer;
mod approve;
mod aws_options;
mod ci_env;
mod completions;
mod deploy;
mod direct;
mod direct_deploy;
mod doctor;
mod folder;
mod follow;
mod help;
mod history;
mod hold;
mod init;
mod interrupts;
mod ledger;
mod plan;
mod progress;
mod promote;
mod promotion_text;
mod push;
mod recall;
mod records;
mod redeploy;
mod reject;
mod remote;
mod rollback;
mod sources;
mod status;
mod validate;
mod version;
mod waiting_text;
mod zips;

use std::ffi::OsString;
use std::io::Write;

use clap::{Parser, Subcommand, ValueEnum};

pub use answer::{Answer, CliError, Exit};

/// How answers are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// Deploy Lambda functions across AWS accounts.
///
/// Most verbs ask the deployer, a Lambda in the tooling account, to do something; push only uploads to it, and status and
/// history may look into its ledger without it.
#[derive(Debug, Parser)]
#[command(name = "deployctl", version, about, propagate_version = true, after_help = help::FIRST_STEPS)]
pub struct Cli {
    /// How the answer is printed.
    #[arg(long, short, value_enum, default_value_t = Output::Text, global = true)]
    output: Output,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Write function.toml from a live function.
    ///
    /// Deploying with it changes nothing of how the function is configured. The values of its variables are not written unless asked
    /// for; those in another tool's file (--from-file) are, for they stand there already.
    #[command(after_help = help::INIT)]
    Init(init::Options),
    /// Check a zip, a manifest or deployer.json, without AWS.
    ///
    /// Says all that is wrong and where, by the rules that the deployer applies to uploads.
    #[command(after_help = help::VALIDATE)]
    Validate(validate::Options),
    /// Show what a deployment would change, and change nothing.
    ///
    /// The deployer is asked what would become of a folder, a zip or a release that is uploaded already; with --role-arn (or
    /// --direct) the target is looked at from here. Values of variables are never shown.
    #[command(after_help = help::PLAN)]
    Plan(plan::Options),
    /// Upload a zip or a folder for a function, and wait for its deployment if asked to.
    ///
    /// It is checked first, by the rules of the deployer: what would be refused is not uploaded. With --wait it ends as the
    /// deployment does; without, as soon as it is uploaded.
    #[command(after_help = help::PUSH)]
    Push(Box<push::Options>),
    /// Show what is live where: release, version, since when and by whom, and what is pending, held, rejected or behind.
    ///
    /// It is read from the ledger: no target account is asked. Whether somebody else has changed a function there, plan shows.
    #[command(after_help = help::STATUS)]
    Status(status::Options),
    /// List the last deployments of a function in an environment, newest first.
    ///
    /// Those that failed, were refused or superseded are among them, with the reason.
    #[command(after_help = help::HISTORY)]
    History(history::Options),
    /// Go back to what was live before, again and again if need be.
    ///
    /// The alias moves back to the version that served, and with it the configuration that this version has; where Lambda does not
    /// have it any more, it is published again from its artifact. A deployment in progress that brings something new is stopped,
    /// and every target ends at what is live. What would be left is shown first, and to be confirmed; it is refused if something
    /// else is live by then. Works during a hold.
    #[command(after_help = help::ROLLBACK)]
    Rollback(rollback::Options),
    /// Make every target serve what is live again, where somebody or something has changed it.
    ///
    /// Targets that serve it already are left alone. Puts back code and what the manifest names.
    #[command(after_help = help::REDEPLOY)]
    Redeploy(redeploy::Options),
    /// Deploy a release that is uploaded already; or, with --role-arn, folders and zips straight from this machine.
    ///
    /// With --release the deployer deploys the newest upload of that release, as if it had just come. With --role-arn (or --direct)
    /// the deployer has no part in it: the role is assumed from here, the same plan is made and walked, and nothing is
    /// remembered of it.
    #[command(after_help = help::DEPLOY)]
    Deploy(deploy::Options),
    /// Bring what one environment has live to another.
    ///
    /// The very same bytes: nothing is built or uploaded again. One function; each that is ready, by a pattern; or several
    /// together, of which none moves unless all may, and all go back if one fails. What waits for an approval or for a freeze to
    /// end is not waited for, unless --wait is said.
    #[command(after_help = help::PROMOTE)]
    Promote(Box<promote::Options>),
    /// Approve a promotion that waits for it, and follow it.
    ///
    /// Whoever has asked for a promotion cannot approve it. The name that counts is --requested-by; who may invoke the deployer is
    /// IAM's business.
    #[command(after_help = help::APPROVE)]
    Approve(approve::Options),
    /// Decline a promotion that waits: it ends as refused.
    #[command(after_help = help::DECLINE)]
    Decline(approve::DeclineOptions),
    /// Reject a release, and roll it back wherever it is live.
    ///
    /// In all environments at once; where it went live last comes first. Promotions of it that wait end.
    #[command(after_help = help::RECALL)]
    Recall(recall::Options),
    /// Take nothing new for a function into an environment, until release-hold. Rolling back stays possible.
    ///
    /// What is uploaded meanwhile is refused, and not kept for later. Holding again replaces the reason.
    #[command(after_help = help::HOLD)]
    Hold(hold::Options),
    /// End a hold.
    ///
    /// What was refused meanwhile does not come by itself: deploy --release brings it.
    #[command(after_help = help::RELEASE_HOLD)]
    ReleaseHold(hold::ReleaseOptions),
    /// Mark a release of a function as bad: nothing deploys it any more, in whatever environment, by its label or its code.
    ///
    /// What is live stays live, and is shown as rejected: roll it back.
    #[command(after_help = help::REJECT)]
    Reject(reject::Options),
    /// End a reject.
    #[command(after_help = help::UNREJECT)]
    Unreject(reject::UnrejectOptions),
    /// Walk the whole chain of trust, and say where it is broken and what mends it.
    ///
    /// The deployer itself looks at its ledger, its queue and its sweep, and enters each target; there it tries each right out on
    /// a function that does not exist. Nothing is changed. Of each right that is missing it says the statement, and where that
    /// belongs.
    #[command(after_help = help::DOCTOR)]
    Doctor(doctor::Options),
    /// Print what a shell must know to complete this command line.
    #[command(after_help = help::COMPLETIONS)]
    Completions(completions::Options),
    /// Say which version this is.
    Version,
}

impl Cli {
    /// Reads the arguments, the program's name first, and does what they ask for.
    ///
    /// # Errors
    /// When `out` cannot be written to.
    pub async fn main(arguments: Vec<OsString>, out: &mut impl Write) -> std::io::Result<Exit> {
        let error = match Self::try_parse_from(&arguments) {
            Ok(cli) => return cli.run(out).await,
            Err(error) => error,
        };
        // Help and the version are no errors.
        let exit = if error.use_stderr() { Exit::WrongUse } else { Exit::Done };
        let printed = if exit == Exit::WrongUse && wants_json(&arguments) {
            let message = error.render().to_string();
            let message = message.trim().trim_start_matches("error: ");
            Answer::from(CliError::wrong_use(message)).print(Output::Json, out)
        } else {
            error.print()
        };
        ignore_broken_pipe(printed).map(|()| exit)
    }

    /// Does what was asked for, and says so on `out`.
    ///
    /// # Errors
    /// When `out` cannot be written to.
    async fn run(self, out: &mut impl Write) -> std::io::Result<Exit> {
        let answer: Result<Answer, CliError> = match self.verb {
            Verb::Push(options) => push::run(&options).await,
            Verb::Validate(options) => Ok(validate::run(&options)),
            Verb::Deploy(options) => deploy::run(&options).await,
            Verb::Plan(options) => plan::run(&options).await,
            Verb::Status(options) => status::run(&options, self.output).await,
            Verb::History(options) => history::run(&options).await,
            Verb::Redeploy(options) => redeploy::run(&options).await,
            Verb::Rollback(options) => rollback::run(&options, self.output).await,
            Verb::Promote(options) => promote::run(&options).await,
            Verb::Approve(options) => approve::run(&options).await,
            Verb::Decline(options) => approve::decline(&options).await,
            Verb::Recall(options) => recall::run(&options).await,
            Verb::Hold(options) => hold::run(&options).await,
            Verb::ReleaseHold(options) => hold::release(&options).await,
            Verb::Reject(options) => reject::run(&options).await,
            Verb::Unreject(options) => reject::undo(&options).await,
            Verb::Completions(options) => Ok(completions::run(&options)),
            Verb::Version => Ok(version::run()),
            Verb::Doctor(options) => doctor::run(&options).await,
            Verb::Init(options) => init::run(&options).await,
        };
        let answer = answer.unwrap_or_else(Answer::from);
        let printed = answer.print(self.output, out).and_then(|()| out.flush());
        ignore_broken_pipe(printed).map(|()| answer.exit)
    }
}

/// Where the arguments are wrong, nobody has read the option.
fn wants_json(arguments: &[OsString]) -> bool {
    let is = |argument: &OsString, text: &str| argument == text;
    arguments.iter().any(|argument| is(argument, "--output=json"))
        || arguments.windows(2).any(|pair| is(&pair[0], "--output") && is(&pair[1], "json"))
}

/// Whoever read us has read enough; how it ended is as true as before.
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
    fn the_command_line_fits_together() {
        super::Cli::command().debug_assert();
    }

    #[tokio::test]
    async fn a_wrong_use_is_told_to_programs_in_their_form_and_help_is_none() {
        let said = async |arguments: &[&str]| {
            let mut out = Vec::new();
            let all = std::iter::once("deployctl").chain(arguments.iter().copied()).map(Into::into).collect();
            let exit = super::Cli::main(all, &mut out).await.unwrap();
            (exit, String::from_utf8(out).unwrap())
        };
        for arguments in [["nonsense", "--output=json", "x"], ["--output", "json", "nonsense"]] {
            let (exit, out) = said(&arguments).await;
            let answer: serde_json::Value = serde_json::from_str(&out).unwrap();
            assert_eq!((exit, &answer["errorType"]), (super::Exit::WrongUse, &"WrongUse".into()));
            assert!(answer["errorMessage"].as_str().unwrap().starts_with("unrecognized subcommand"), "{answer}");
        }
        assert_eq!(said(&["nonsense"]).await, (super::Exit::WrongUse, String::new()));
        assert_eq!(said(&["--version", "--output", "json"]).await, (super::Exit::Done, String::new()));
    }
}
