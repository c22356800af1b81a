//! `deployctl approve` and `decline`: a person decides about a promotion that waits for approval.
//!
//! The promotion's id is looked up before the command is sent, so that a command that is sent twice never concerns
//! another promotion. approve shows the plan of exactly that promotion first.

pub(crate) mod approvers;
pub(crate) mod decided;
pub(crate) mod waiting_promotion;

use std::time::Duration;

use deployer_core::decision::{Decided, DecidedAbout, DecisionEffect};
use deployer_core::record::{EndedWaiting, Status};
use deployer_core::text::Person;
use jiff::Timestamp;

use crate::answer::{Answer, CliError, one_line};
use crate::aws::options::shell_word;
use crate::follow::repeated::{self, Repeated};
use crate::follow::{self, Followed as _, Until};
use crate::output::Output;
use crate::remote::{self, newest_records};
use crate::text::confirm;
use crate::text::records::is_declined;
use crate::text::waiting;
use crate::verbs::promote::text::way_on;
use approvers::Counting;
use deployer_core::trigger::Command;
use waiting_promotion::{OfGroup, Preview, Promotion, PromotionArgs, Waits};

/// The time that the look for what the promotion has ended before takes at most.
const LOOK: Duration = Duration::from_secs(15);

/// The options of `approve`.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(crate) struct Options {
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
pub(crate) struct DeclineOptions {
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

pub(crate) async fn run(options: &Options, output: Output) -> Result<Answer, CliError> {
    let (follow, remote) = (&options.follow, &options.follow.remote);
    let by = named(&follow.requester, "approves")?;
    let named = options.promotion.named_approval(follow.id())?;
    if let Some(named) = &named {
        match follow.repeated::<Decided>(named).await? {
            Repeated::Ended(decided) => return Ok(repeated::ended(&*decided)),
            Repeated::Open(function) => {
                let by_function = function.and_then(|function| follow::with_function(named, &function));
                return follow_approval(options, by_function.unwrap_or_else(|| named.clone()), &[], output).await;
            }
            Repeated::New => {}
        }
    }
    let mut promotion = options.promotion.resolve(remote, Waits::ForApproval).await?.looked_up(remote).await?;
    if let Some(member) = &promotion.in_place_of_member {
        let may_ask = confirm::is_possible() && !options.yes;
        let repeated = (follow.id(), &follow.requester);
        confirm_member_may_stand_for_group(&promotion, member, (Waits::ForApproval, repeated), may_ask)?;
    }
    // An older deployer knows the approval only by the function, or by the group of a member.
    let mut has_decided = options.yes;
    if named.is_some_and(|named| named != promotion.approval()) {
        match follow.repeated::<Decided>(&promotion.approval()).await? {
            Repeated::Ended(decided) => return Ok(repeated::ended(&*decided)),
            Repeated::Open(_) => has_decided = true,
            Repeated::New => {}
        }
    }
    // With --yes, and with the --id of an approval that was given before, the person has decided already: approve shows no
    // plan and asks nothing.
    if !has_decided {
        promotion = decide(promotion, &by, (remote, output)).await?;
    }
    // The requester has read what the request had ended; the approver hears only what ends with the approval.
    let ended_before = match output {
        Output::Text if !has_decided => ended_before(remote, &promotion).await,
        _ => Vec::new(),
    };
    follow_approval(options, promotion.approval(), &ended_before, output).await
}

/// Sends an approval, and follows the promotion. One that came too late follows nothing.
async fn follow_approval(
    options: &Options,
    approval: Command,
    ended_before: &[EndedWaiting],
    output: Output,
) -> Result<Answer, CliError> {
    let until = if options.wait { Until::Ended } else { Until::WaitingOrEnded };
    let decided = options.follow.follow_command::<Decided>(approval, until).await?;
    let text = match &decided.about {
        DecidedAbout::Record(record) => waiting::approved(record, ended_before),
        DecidedAbout::Group(group) => group.text(),
    };
    let text = match decided.decision {
        Some(DecisionEffect::AlreadyGiven) => format!("{text}This approval was given before, and counts once.\n"),
        _ => text,
    };
    let anew = if decided.is_too_late() { String::new() } else { asked_anew(&decided.about) };
    Ok(decided::approval_answer(&decided, text + &anew, output))
}

/// Refuses the id of a group's member where nobody can be asked whether the whole group is meant; else it says so, and the
/// question names the group.
fn confirm_member_may_stand_for_group(
    promotion: &Promotion,
    member: &OfGroup,
    (waits, (id, requester)): (Waits, (Option<&str>, &remote::Requester)),
    may_ask: bool,
) -> Result<(), CliError> {
    if may_ask {
        return confirm::print_stderr(&format!("{}\n", member.words));
    }
    let id = id.map_or(String::new(), |id| format!(" --id {}", shell_word(id)));
    let by = requester.requested_by.as_ref().map_or(String::new(), |by| format!(" --requested-by {}", shell_word(by)));
    let Promotion { environment, deployment, .. } = promotion;
    Err(CliError::wrong_use(format!(
        "{}:\n  deployctl {} -e {environment} --deployment {deployment}{by}{id}",
        member.words,
        waits.verb()
    )))
}

/// The question before an approval. It names the group where a member was named.
fn question(promotion: &Promotion, would_be_refused: bool) -> String {
    let refused = if would_be_refused { "It would be refused. " } else { "" };
    let all_the_same = if would_be_refused { " all the same" } else { "" };
    let whole = promotion.whole_group();
    format!("{refused}Approve{whole}{all_the_same}?")
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
        // It waits no more: the deployer says whether it was approved before, and records nothing.
        Err(wrong) if wrong.is_of_the_request() && !promotion.waits => return Ok(promotion),
        Err(wrong) if asks && wrong.is_of_the_request() => return Err(wrong),
        Err(error) => Preview { text: format!("the plan cannot be shown: {error}\n"), ..Preview::default() },
    };
    show(&plan.text)?;
    let would_be_refused = !plan.refused.is_empty();
    if asks {
        return match confirm::is_given(&question(&promotion, would_be_refused), "nothing was approved")? {
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
        let records = newest_records::of(&remote, &promotion.environment, function).await.ok()?;
        records.into_iter().find(|record| record.id == promotion.deployment)
    };
    let before = tokio::time::timeout(LOOK, look).await.ok().flatten();
    before.map_or_else(Vec::new, |record| record.ended_waiting)
}

/// Says that a promotion has been refused although it was approved, and how it is asked for again; nothing of any other.
/// The reason stands above.
fn asked_anew(about: &DecidedAbout) -> String {
    let (status, because) = match about {
        DecidedAbout::Record(record) => (record.status, record.because.as_deref()),
        DecidedAbout::Group(group) => (group.status, group.because.as_deref()),
    };
    let (functions, from, to, release) = match about {
        DecidedAbout::Record(record) => {
            let Some(promotion) = &record.promotion else { return String::new() };
            (record.function.to_string(), &promotion.from, &record.environment, &record.release)
        }
        DecidedAbout::Group(group) => {
            let functions: Vec<&str> = group.functions.iter().map(|member| member.function.as_str()).collect();
            (functions.join(","), &group.from, &group.environment, &group.release)
        }
    };
    // The text of a group may name the command already.
    let is_told = matches!(about, DecidedAbout::Group(group) if way_on(group).is_some());
    if status != Status::Refused || is_declined(status, because) || is_told {
        return String::new();
    }
    let release = release.as_ref().map_or(String::new(), |release| format!(" -r {release}"));
    format!(
        "The promotion has ended, and nothing was deployed. Once what is in the way is mended, ask for it anew:\n  \
           deployctl promote -f {functions} --from {from} --to {to}{release}\n"
    )
}

pub(crate) async fn decline(options: &DeclineOptions, output: Output) -> Result<Answer, CliError> {
    named(&options.requester, "declines")?;
    let promotion = options.promotion.resolve(&options.remote, Waits::ForAnything).await?;
    let promotion = promotion.looked_up(&options.remote).await?;
    if let Some(member) = &promotion.in_place_of_member {
        let by = (None, &options.requester);
        confirm_member_may_stand_for_group(&promotion, member, (Waits::ForAnything, by), confirm::is_possible())?;
        if !confirm::is_given(&format!("Decline{}?", promotion.whole_group()), "nothing was declined")? {
            return Err(CliError::not_confirmed("nothing was declined"));
        }
    }
    let Promotion { environment, function, deployment, .. } = promotion;
    let command =
        Command::Decline { environment, function, deployment: Some(deployment), reason: options.reason.clone() };
    let (remote, request) = (options.remote.remote().await?, options.requester.request(command, None));
    let decided: Decided = remote.send(&request).await?;
    Ok(decided::decline_answer(&decided, output))
}

/// Returns who is named, before anything is asked or sent.
fn named(requester: &remote::Requester, does: &str) -> Result<Person, CliError> {
    let unnamed = || CliError::wrong_use(format!("somebody must be named who {does} it: say --requested-by NAME"));
    requester.caller(None).requested_by.ok_or_else(unnamed)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn question_about_a_member_names_its_whole_group() {
        let (member, group) = ("01JD3Z9V7Q0000000000000003", "0000000000F0M57FDAT7ZC1HD8");
        let of_group = OfGroup {
            words: format!("promotion {member} of bills belongs to group {group}"),
            functions: "bills and orders".to_owned(),
        };
        let promotion = |in_place_of_member| Promotion {
            environment: "prod".parse().unwrap(),
            function: None,
            deployment: deployer_core::id::DeploymentId::parse(group).unwrap(),
            approvers: None,
            in_place_of_member,
            waits: true,
        };
        let whole = promotion(Some(of_group.clone()));
        assert_eq!(question(&whole, false), format!("Approve the whole group {group} (bills and orders)?"));
        let refused = format!("It would be refused. Approve the whole group {group} (bills and orders) all the same?");
        assert_eq!(question(&whole, true), refused);
        assert_eq!(question(&promotion(None), false), "Approve?");
        assert_eq!(question(&promotion(None), true), "It would be refused. Approve all the same?");
        let ada = remote::Requester { requested_by: Some("ada".to_owned()) };
        let decide = (Waits::ForAnything, (Some("my id"), &ada));
        let wrong = confirm_member_may_stand_for_group(&whole, &of_group, decide, false).unwrap_err();
        assert_eq!(
            (wrong.exit, wrong.message),
            (
                crate::answer::Exit::WrongUse,
                format!(
                    "{}:\n  deployctl decline -e prod --deployment {group} --requested-by ada --id 'my id'",
                    of_group.words
                )
            )
        );
    }

    #[test]
    fn group_whose_text_names_the_command_is_not_told_of_it_twice() {
        let about = |code: &str| {
            let id = "0000000000F0M57FDAT7ZC1HD8";
            let group = serde_json::json!({
                "schema": 1, "revision": 1, "id": id, "environment": "prod", "from": "stage", "status": "refused",
                "code": code, "because": "bills: no", "phase": "ended",
                "cause": {"kind": "promotion", "requested_by": "ada", "event_id": "g"},
                "functions": [{"function": "bills", "release": "2", "deployment": id, "status": null, "because": null}],
                "asked_at": "2026-11-30T12:00:00Z", "started_at": "2026-11-30T12:00:00Z",
                "finished_at": "2026-11-30T12:00:02Z",
            });
            DecidedAbout::Group(serde_json::from_value(group).unwrap())
        };
        assert_eq!(asked_anew(&about("Held")), "");
        assert!(asked_anew(&about("NotPromotable")).contains("deployctl promote -f bills"));
    }
}
