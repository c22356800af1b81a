//! `deployctl approve` and `decline`: a person decides about a promotion that waits for approval.
//!
//! The promotion's id is looked up before the command is sent, so that a command that is sent twice never concerns
//! another promotion. approve shows the plan of exactly that promotion first.

use deployer_core::group::Group;
use deployer_core::id::EnvironmentName;
use deployer_core::record::{DeploymentRecord, Status};
use deployer_core::text::Person;
use jiff::Timestamp;

use super::answer::{Answer, CliError, Exit, one_line};
use super::approvers::Counting;
use super::confirm;
use super::follow::{self, Followed, Until};
use super::output::Output;
use super::repeated::{self, Repeated};
use super::waiting_promotion::{Preview, Promotion, PromotionArgs, Waits};
use super::{declined, remote, waiting_text};
use deployer_core::trigger::Command;

/// The options of `approve`.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(super) struct Options {
    #[command(flatten)]
    promotion: PromotionArgs,
    /// Wait until the promotion ends, even while it waits for more approvals, its soak or the end of a freeze.
    #[arg(long, conflicts_with = "no_wait")]
    wait: bool,
    /// Approve at once, without the plan and without asking; without a terminal, approve never asks.
    #[arg(long, short)]
    yes: bool,
    #[command(flatten)]
    follow: follow::Options,
}

/// The options of `decline`.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(super) struct DeclineOptions {
    #[command(flatten)]
    promotion: PromotionArgs,
    /// The reason; the requester of the promotion reads it.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    #[command(flatten)]
    requester: remote::Requester,
    #[command(flatten)]
    remote: remote::Options,
}

pub(super) async fn run(options: &Options, output: Output) -> Result<Answer, CliError> {
    let remote = &options.follow.remote;
    let by = named(&options.follow.requester, "approves")?;
    let repeated = match options.follow.id() {
        Some(id) => options.promotion.repeated(remote, id).await,
        None => None,
    };
    let is_open = match repeated {
        Some(Repeated::Ended(record)) => return Ok(repeated::ended(&record)),
        Some(Repeated::Open) => true,
        None => false,
    };
    let mut promotion = options.promotion.resolve(remote, Waits::ForApproval).await?;
    // Who says --yes has decided, and so has who repeats an approval.
    let is_decided = options.yes || is_open;
    let asks = !is_decided && confirm::is_possible();
    // The plan is for the question, and for the log of a run without a terminal.
    if asks || (!is_decided && output == Output::Text) {
        promotion = promotion.with_approvers(remote).await?;
        let judged = promotion.approvers.as_ref().map(|approvers| approvers.judge(&by, Timestamp::now()));
        if judged.transpose()? == Some(Counting::Already) {
            let by = one_line(&by);
            confirm::print_stderr(&format!("{by} has approved this promotion already: each person counts once\n"))?;
        } else {
            let plan = match promotion.preview(remote).await {
                Ok(plan) => plan,
                // It waits no more, or never did.
                Err(wrong) if asks && matches!(wrong.exit, Exit::WrongUse | Exit::Refused) => return Err(wrong),
                Err(error) => Preview { text: format!("the plan cannot be shown: {error}\n"), is_refused: false },
            };
            confirm::print_stderr(&plan.text)?;
            let question = if plan.is_refused { "It would be refused. Approve all the same?" } else { "Approve?" };
            if asks && !confirm::is_given(question, "nothing was approved")? {
                return Err(CliError::not_confirmed("nothing was approved"));
            }
            if plan.is_refused && !asks {
                return Err(CliError::not_confirmed(
                    "nothing was approved, because the promotion would be refused: mend that first, or add --yes, which ends \
                     it",
                ));
            }
        }
    }
    let Promotion { environment, function, deployment, .. } = promotion;
    let is_group = function.is_none();
    let command = Command::Approve { environment, function, deployment: Some(deployment) };
    let until = if options.wait { Until::Ended } else { Until::WaitingOrEnded };
    if is_group {
        let group = options.follow.follow_command::<Group>(command, until).await?;
        let functions: Vec<&str> = group.functions.iter().map(|member| member.function.as_str()).collect();
        let ended = ended(group.status, &functions.join(","), (Some(&group.from), &group.environment));
        return Ok(Answer::with_text(group.text() + &ended, &group, group.exit()));
    }
    let record = options.follow.follow_command::<DeploymentRecord>(command, until).await?;
    let from = record.promotion.as_ref().map(|promotion| &promotion.from);
    let ended = ended(record.status, record.function.as_str(), (from, &record.environment));
    Ok(Answer::with_text(waiting_text::text(&record) + &ended, &record, record.exit()))
}

/// Says that a promotion has ended although it was approved, and how it is asked for again; nothing if it was not
/// refused. The reason stands above.
fn ended(status: Status, functions: &str, (from, to): (Option<&EnvironmentName>, &EnvironmentName)) -> String {
    match (status, from) {
        (Status::Refused, Some(from)) => format!(
            "The promotion has ended, and nothing was deployed. Once what is in the way is mended, ask for it anew:\n  \
               deployctl promote -f {functions} --from {from} --to {to}\n"
        ),
        _ => String::new(),
    }
}

pub(super) async fn decline(options: &DeclineOptions) -> Result<Answer, CliError> {
    let by = named(&options.requester, "declines")?;
    let Promotion { environment, function, deployment, .. } =
        options.promotion.resolve(&options.remote, Waits::ForAnything).await?;
    let (is_group, reason) = (function.is_none(), options.reason.clone());
    let command = Command::Decline { environment, function, deployment: Some(deployment), reason };
    let (remote, request) = (options.remote.remote().await?, options.requester.request(command, None));
    if is_group {
        let group: Group = remote.send(&request).await?;
        let (late, exit) = declined::judge(group.status, group.because.as_deref(), &by);
        return Ok(Answer::with_text(group.text() + late, &group, exit));
    }
    let record: DeploymentRecord = remote.send(&request).await?;
    let (late, exit) = declined::judge(record.status, record.because.as_deref(), &by);
    Ok(Answer::with_text(record.text() + late, &record, exit))
}

/// Returns who is named, before anything is asked or sent.
fn named(requester: &remote::Requester, does: &str) -> Result<Person, CliError> {
    let unnamed = || CliError::wrong_use(format!("somebody must be named who {does} it: say --requested-by NAME"));
    requester.caller(None).requested_by.ok_or_else(unnamed)
}
