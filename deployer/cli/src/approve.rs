//! `deployctl approve` and `decline`: a person decides about a promotion that waits for approval.
//!
//! The promotion's id is looked up before the command is sent, so that a command that is sent twice never concerns
//! another promotion. approve shows the plan of exactly that promotion first.

use std::time::Duration;

use deployer_core::group::Group;
use deployer_core::id::{EnvironmentName, Release};
use deployer_core::record::{DeploymentRecord, EndedWaiting, Status};
use deployer_core::text::Person;
use jiff::Timestamp;

use super::answer::{Answer, CliError, Exit, one_line};
use super::approvers::Counting;
use super::confirm;
use super::follow::{self, Followed, Until};
use super::output::Output;
use super::records::is_declined;
use super::repeated::Repeated;
use super::waiting_promotion::{Preview, Promotion, PromotionArgs, Waits};
use super::{counted, declined, newest_records, remote, waiting_text};
use deployer_core::trigger::Command;

/// The time that the look for what the promotion has ended before takes at most.
const LOOK: Duration = Duration::from_secs(15);

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
    let named = options.promotion.approval();
    let mut repeated = repeated_approval(&options.follow, named.as_ref()).await?;
    if let Repeated::Ended(answer) = repeated {
        return Ok(*answer);
    }
    let mut promotion = options.promotion.resolve(remote, Waits::ForApproval).await?;
    // A member of a group is decided about with its group, also with --yes.
    if matches!(repeated, Repeated::New) {
        promotion = promotion.looked_up(remote).await?;
    }
    let found = Some(promotion.approval());
    if matches!(repeated, Repeated::New) && named != found {
        repeated = repeated_approval(&options.follow, found.as_ref()).await?;
    }
    // With --yes, and with the --id of an approval that was given before, the person has decided already: approve shows no
    // plan and asks nothing.
    let has_decided = options.yes || !matches!(repeated, Repeated::New);
    if let Some(words) = promotion.in_place_of_member.as_ref().filter(|_| output == Output::Text) {
        confirm::print_stderr(words)?;
    }
    if !has_decided {
        promotion = decide(promotion, &by, (remote, output)).await?;
    }
    // The requester has read what the request had ended; the approver hears only what ends with the approval.
    let ended_before = match output {
        Output::Text if !has_decided => ended_before(remote, &promotion).await,
        _ => Vec::new(),
    };
    let (is_group, command) = (promotion.function.is_none(), promotion.approval());
    let until = if options.wait { Until::Ended } else { Until::WaitingOrEnded };
    if is_group {
        let group = options.follow.follow_command::<Group>(command, until).await?;
        let uncounted = counted::uncounted_in_group(&group, &by);
        let functions: Vec<&str> = group.functions.iter().map(|member| member.function.as_str()).collect();
        let ended = match group.status {
            Status::Refused if uncounted.is_none() && !is_declined(group.status, group.because.as_deref()) => {
                asked_anew(&functions.join(","), (&group.from, &group.environment), group.release.as_ref())
            }
            _ => String::new(),
        };
        let exit = counted::approval_exit(uncounted, group.exit());
        return Ok(Answer::with_text(group.text() + &ended, &group, exit).with_refusal(uncounted, output));
    }
    let record = options.follow.follow_command::<DeploymentRecord>(command, until).await?;
    let uncounted = counted::uncounted_in_record(&record, &by);
    let ended = match (record.status, &record.promotion) {
        (Status::Refused, Some(promotion))
            if uncounted.is_none() && !is_declined(record.status, record.because.as_deref()) =>
        {
            asked_anew(record.function.as_str(), (&promotion.from, &record.environment), record.release.as_ref())
        }
        _ => String::new(),
    };
    let (text, exit) =
        (waiting_text::approved(&record, &ended_before) + &ended, counted::approval_exit(uncounted, record.exit()));
    Ok(Answer::with_text(text, &record, exit).with_refusal(uncounted, output))
}

/// Asks what became of the approval of the same id.
async fn repeated_approval(follow: &follow::Options, command: Option<&Command>) -> Result<Repeated<Answer>, CliError> {
    Ok(match command {
        None => Repeated::New,
        Some(group @ Command::Approve { function: None, .. }) => follow.repeated::<Group>(group).await?.answered(),
        Some(command) => follow.repeated::<DeploymentRecord>(command).await?.answered(),
    })
}

/// Shows the plan, and asks at a terminal. Elsewhere an approval that would only end the promotion is not sent.
async fn decide(
    promotion: Promotion,
    by: &Person,
    (remote, output): (&remote::Options, Output),
) -> Result<Promotion, CliError> {
    let asks = confirm::is_possible();
    // The plan is for the question, and for the log of a run without a terminal.
    let shows = asks || output == Output::Text;
    let show = |text: &str| if shows { confirm::print_stderr(text) } else { Ok(()) };
    let counting = promotion.approvers.as_ref().map(|approvers| approvers.evaluate(by, Timestamp::now()));
    if counting.transpose()? == Some(Counting::Already) {
        show(&format!("{} has approved this promotion already: each person counts once\n", one_line(by)))?;
        return Ok(promotion);
    }
    let plan = match promotion.preview(remote).await {
        Ok(plan) => plan,
        // It waits no more, or never did.
        Err(wrong) if asks && matches!(wrong.exit, Exit::WrongUse | Exit::Refused) => return Err(wrong),
        Err(error) => Preview { text: format!("the plan cannot be shown: {error}\n"), ..Preview::default() },
    };
    show(&plan.text)?;
    let would_be_refused = !plan.refused.is_empty();
    if asks {
        let question = if would_be_refused { "It would be refused. Approve all the same?" } else { "Approve?" };
        return match confirm::is_given(question, "nothing was approved")? {
            true => Ok(promotion),
            false => Err(CliError::not_confirmed("nothing was approved")),
        };
    }
    if plan.ends {
        return Err(CliError::not_confirmed(format!(
            "nothing was approved, because the promotion would be refused ({}): mend that first, or add --yes, which ends \
             it",
            plan.refused.join("; ")
        )));
    }
    if would_be_refused {
        show(
            "it would be refused as things are, and waits for more: the approval is recorded, and ends nothing yet\n",
        )?;
    }
    Ok(promotion)
}

/// Reads which promotions this one has ended before the approval. Empty if that cannot be read.
async fn ended_before(remote: &remote::Options, promotion: &Promotion) -> Vec<EndedWaiting> {
    let Some(function) = &promotion.function else { return Vec::new() };
    let look = async {
        let remote = remote.remote().await.ok()?;
        let records = newest_records::of(&remote, &promotion.environment, function).await?;
        records.into_iter().find(|record| record.id == promotion.deployment)
    };
    let before = tokio::time::timeout(LOOK, look).await.ok().flatten();
    before.map_or_else(Vec::new, |record| record.ended_waiting)
}

/// Says that a promotion has ended although it was approved, and how it is asked for again. The reason stands above.
fn asked_anew(functions: &str, (from, to): (&EnvironmentName, &EnvironmentName), release: Option<&Release>) -> String {
    let release = release.map_or(String::new(), |release| format!(" -r {release}"));
    format!(
        "The promotion has ended, and nothing was deployed. Once what is in the way is mended, ask for it anew:\n  \
           deployctl promote -f {functions} --from {from} --to {to}{release}\n"
    )
}

pub(super) async fn decline(options: &DeclineOptions, output: Output) -> Result<Answer, CliError> {
    let by = named(&options.requester, "declines")?;
    let promotion = options.promotion.resolve(&options.remote, Waits::ForAnything).await?;
    let Promotion { environment, function, deployment, in_place_of_member, .. } =
        promotion.looked_up(&options.remote).await?;
    if let Some(words) = in_place_of_member.filter(|_| output == Output::Text) {
        confirm::print_stderr(&words)?;
    }
    let (is_group, reason) = (function.is_none(), options.reason.clone());
    let command = Command::Decline { environment, function, deployment: Some(deployment), reason };
    let (remote, request) = (options.remote.remote().await?, options.requester.request(command, None));
    if is_group {
        let group: Group = remote.send(&request).await?;
        let (late, exit) = declined::decline_outcome(group.status, group.because.as_deref(), &by);
        return Ok(Answer::with_text(group.text(), &group, exit).with_refusal(late, output));
    }
    let record: DeploymentRecord = remote.send(&request).await?;
    let (late, exit) = declined::decline_outcome(record.status, record.because.as_deref(), &by);
    Ok(Answer::with_text(record.text(), &record, exit).with_refusal(late, output))
}

/// Returns who is named, before anything is asked or sent.
fn named(requester: &remote::Requester, does: &str) -> Result<Person, CliError> {
    let unnamed = || CliError::wrong_use(format!("somebody must be named who {does} it: say --requested-by NAME"));
    requester.caller(None).requested_by.ok_or_else(unnamed)
}
