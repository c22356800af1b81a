//! `deployctl rollout`: shows the rollout that is under way, and pauses, continues, finishes or aborts it.
//!
//! The deployment is looked up before the command is sent, so that a late word never meets a newer rollout.

use deployer_core::id::{DeploymentId, Release};
use deployer_core::record::Status;
use deployer_core::rollout::RolloutVerb;
use deployer_core::status::{EndedRollout, FunctionStatus, OpenDeployment, RolloutStatus, StatusReport};
use deployer_core::trigger::Command;
use jiff::Timestamp;

use super::status::{self, rollout as text, serving};
use crate::answer::{Answer, CliError, sentence};
use crate::text::confirm::{self, print_stderr};
use crate::text::ends;
use crate::{follow, remote};

/// The options of `rollout`.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(crate) struct Options {
    /// The action; without it the rollout is only shown.
    #[arg(value_enum)]
    action: Option<Action>,
    #[command(flatten)]
    args: follow::FunctionArgs,
    /// The deployment that is rolled out: any other rollout stays as it is [default: the one that status shows].
    #[arg(long, value_name = "ID", value_parser = DeploymentId::parse, requires = "action")]
    deployment: Option<DeploymentId>,
    /// The reason; it stays in the record of the deployment.
    #[arg(long, value_name = "TEXT", requires = "action")]
    reason: Option<String>,
    /// Do not ask for confirmation, and take the deployment that status shows.
    #[arg(long, short, requires = "action")]
    yes: bool,
    #[command(flatten)]
    requester: remote::Requester,
    #[command(flatten)]
    remote: remote::Options,
}

/// The word to a rollout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Action {
    /// Take no further step until it is continued; it is still watched, and still goes back by itself.
    Pause,
    /// Go on after a pause; a step that had ended is over with the next look.
    Continue,
    /// Wait no longer than all traffic must be watched; smoke tests still run, and it still goes back by itself.
    Finish,
    /// Take it back: all traffic goes to the old versions.
    Abort,
}

impl From<Action> for RolloutVerb {
    fn from(action: Action) -> Self {
        match action {
            Action::Pause => Self::Pause,
            Action::Continue => Self::Continue,
            Action::Finish => Self::Finish,
            Action::Abort => Self::Abort,
        }
    }
}

pub(crate) async fn run(options: &Options) -> Result<Answer, CliError> {
    let Some(action) = options.action else { return options.shown().await };
    let deployment = options.deployment_for(action).await?;
    let follow::FunctionArgs { environment, function } = options.args.clone();
    let reason = options.reason.clone();
    let command = Command::Rollout { environment, function, deployment, action: action.into(), reason };
    let words = |report: &StatusReport, repeated: &str| {
        after((action, deployment), &options.args, report, repeated, Timestamp::now())
    };
    status::answer_after(&options.remote, &options.requester, command, words).await
}

impl Options {
    /// Shows the rollout that is under way. The JSON is that of the status.
    async fn shown(&self) -> Result<Answer, CliError> {
        let report = self.status().await?;
        let repeated = self.remote.repeated();
        let found = report.functions.first();
        let text = match found.filter(|status| status.rollout.is_some()) {
            Some(status) => shown(status, &repeated, Timestamp::now()),
            None => none(&self.args, found),
        };
        Ok(Answer::with_text(text, &report, crate::Exit::Done))
    }

    /// Asks for the status, with a look at the targets: whoever asks for a rollout wants to know how it fares now.
    async fn status(&self) -> Result<StatusReport, CliError> {
        let follow::FunctionArgs { environment, function } = self.args.clone();
        let look =
            Command::Status { environment: Some(environment), function: Some(function), look: true, group: None };
        self.remote.remote().await?.send(&remote::request(look)).await
    }

    /// Returns the deployment that is meant. At a terminal, what sends traffic somewhere else is asked before.
    async fn deployment_for(&self, action: Action) -> Result<DeploymentId, CliError> {
        let can_ask = confirm::is_possible();
        let asks = can_ask && !self.yes && matches!(action, Action::Finish | Action::Abort);
        match self.deployment {
            Some(deployment) if !asks => return Ok(deployment),
            None if !can_ask && !self.yes => {
                return Err(CliError::wrong_use(
                    "nobody is at a terminal: say --deployment ID, and any other rollout stays as it is, or --yes for the one \
                     that is under way",
                ));
            }
            _ => {}
        }
        let report = self.status().await?;
        let found = report.functions.first();
        let Some((status, rollout)) = found.and_then(|status| Some((status, status.rollout.as_ref()?))) else {
            return Err(CliError::wrong_use(none(&self.args, found).trim_end()));
        };
        if let Some(named) = self.deployment.filter(|named| *named != rollout.deployment) {
            return Err(CliError::wrong_use(format!(
                "deployment {named} is not rolled out here any more: the rollout under way is that of {}",
                rollout.deployment
            )));
        }
        if asks {
            let together = ends::taken_back_with(&report, rollout.deployment).filter(|_| action == Action::Abort);
            let together = together.map_or(String::new(), |others| format!("abort takes back {others}\n"));
            print_stderr(&(preview(action, status, rollout, Timestamp::now()) + &together))?;
            let question = if action == Action::Abort { "Take it back?" } else { "Finish it?" };
            if !confirm::is_given(question, "nothing was changed")? {
                return Err(CliError::not_confirmed("nothing was changed"));
            }
        }
        Ok(rollout.deployment)
    }
}

/// Says that nothing is rolled out, and what is live.
fn none(args: &follow::FunctionArgs, status: Option<&FunctionStatus>) -> String {
    let follow::FunctionArgs { environment, function } = args;
    let under_way =
        status.and_then(|status| status.active).map(|id| format!("deployment {id} is under way without one"));
    let live = status.and_then(|status| status.live.as_ref()).map(|live| format!("{} is live", live.release));
    let instead = under_way.or(live).map_or(String::new(), |words| format!("; {words}"));
    format!("no rollout of {function} is under way in {environment}{instead}\n")
}

/// Shows the rollout, its targets, and the commands for it.
fn shown(status: &FunctionStatus, options: &str, now: Timestamp) -> String {
    let Some(rollout) = &status.rollout else { return String::new() };
    let mut text = described(status, rollout, now);
    for (_, command) in text::commands(status, options) {
        text.push_str(&format!("  {command}\n"));
    }
    text
}

fn described(status: &FunctionStatus, rollout: &RolloutStatus, now: Timestamp) -> String {
    let mut text = format!(
        "{} in {}, deployment {}: {}\n",
        status.function,
        status.environment,
        rollout.deployment,
        text::doing(rollout, now)
    );
    for line in serving::targets(status).into_iter().chain(text::lines(rollout)) {
        text.push_str(&format!("  {line}\n"));
    }
    text
}

/// Says what an action will do, for the question.
fn preview(action: Action, status: &FunctionStatus, rollout: &RolloutStatus, now: Timestamp) -> String {
    let release = text::release(rollout);
    let live = status.live.as_ref().map_or(String::new(), |live| format!("; {} stays live", live.release));
    let will = match action {
        Action::Abort => format!(
            "abort sends all traffic back to the old versions at once{live}. No automatic promotion brings {release} again\n"
        ),
        _ => format!(
            "finish skips the waits: each look, once a minute, gives {release} its next share, up to all traffic of every target. \
             Smoke tests still run, and it still goes back by itself until its end\n"
        ),
    };
    let follows = follows(status).filter(|_| action == Action::Abort);
    let follows = follows.map_or(String::new(), |follows| format!("{follows}\n"));
    described(status, rollout, now) + &will + &follows
}

/// Says what is true after the command about this deployment: what has become of its rollout, and then what follows.
fn after(
    (action, deployment): (Action, DeploymentId),
    args: &follow::FunctionArgs,
    report: &StatusReport,
    options: &str,
    now: Timestamp,
) -> String {
    let status = report.functions.first();
    let shown = status.filter(|status| status.rollout.is_some()).map(|status| (status, shown(status, options, now)));
    let goes_on = status.and_then(|status| status.rollout.as_ref()).is_some_and(|it| it.deployment == deployment);
    if let (Some((_, text)), true) = (&shown, goes_on) {
        let said = done(action);
        return match text.split_once('\n') {
            Some((first, rest)) => format!("{first}\n{said}{rest}"),
            None => text.clone(),
        };
    }
    let follow::FunctionArgs { environment, function } = args;
    let ended = report.ended_rollout.as_ref().filter(|ended| ended.deployment == deployment);
    let mut text = match ended {
        Some(ended) => ended_text(ended, status),
        // An older deployer does not tell.
        None => format!("the rollout of deployment {deployment} has ended\n"),
    };
    match (&shown, status.and_then(|status| status.active)) {
        (Some((_, next)), _) => text.push_str(&format!("what follows: {next}")),
        (None, Some(next)) => text.push_str(&format!("deployment {next} is under way now\n")),
        (None, None) => {}
    }
    let history = format!("To see how it ended:\n  deployctl history -e {environment} -f {function}{options}\n");
    text + &history
}

/// Says what an action does to the rollout that goes on.
fn done(action: Action) -> &'static str {
    match action {
        Action::Pause => {
            "it takes no further step until it is continued; it is watched as before, and still goes back by itself\n"
        }
        Action::Continue => "it goes on; a step that had ended is over with the next look\n",
        Action::Finish => {
            "it waits no longer than all traffic must be watched; smoke tests still run, and it still goes back by itself\n"
        }
        Action::Abort => "it goes back; what is not back yet follows by itself\n",
    }
}

/// Says how a rollout has ended, and what is live now.
fn ended_text(ended: &EndedRollout, status: Option<&FunctionStatus>) -> String {
    let release = ended.release.as_ref().map_or("the new release", Release::as_str);
    let live = status.and_then(|status| status.live.as_ref()).map(|live| &live.release);
    let is_live = live.map_or("nothing is live".to_owned(), |live| format!("{live} is live"));
    let because = ended.because.as_deref().map_or(String::new(), |because| format!("\n  {}", sentence(because)));
    match ended.status {
        Status::Succeeded | Status::Unchanged => format!("the rollout of {release} has ended already; {is_live}\n"),
        Status::Failed => format!("the rollout of {release} has failed; {is_live}{because}\n"),
        _ => format!("{release} was taken back; {is_live}{because}\n"),
    }
}

/// Names what waits behind a rollout, and follows once it has ended; none where nothing waits.
fn follows(status: &FunctionStatus) -> Option<String> {
    let waits = |open: &&OpenDeployment| open.status == Status::Pending;
    let named = |open: &OpenDeployment| {
        let of = open.release.as_ref().map_or(String::new(), |release| format!("{release}, "));
        format!("{of}deployment {}", open.deployment)
    };
    let waiting: Vec<String> = status.open.iter().filter(waits).map(named).collect();
    let then = if status.hold.is_some() { "is refused then, because of the hold" } else { "follows at once" };
    (!waiting.is_empty()).then(|| format!("what waits behind it ({}) {then}", waiting.join("; ")))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use clap::Parser as _;
    use serde_json::{Value, json};

    use super::*;

    const ID: &str = "01JD3Z9V7Q0000000000000002";

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        options: Options,
    }

    fn parsed(more: &str) -> Result<Options, clap::Error> {
        let line = ["rollout", "-e", "prod", "-f", "orders"];
        Line::try_parse_from(line.into_iter().chain(more.split_whitespace())).map(|line| line.options)
    }

    fn args() -> follow::FunctionArgs {
        follow::FunctionArgs { environment: "prod".parse().unwrap(), function: "orders".parse().unwrap() }
    }

    fn now() -> Timestamp {
        "2026-11-30T14:16:00Z".parse().unwrap()
    }

    fn report(rollout: &Value, more: &Value) -> StatusReport {
        let mut report = json!({"functions": [status(rollout)]});
        more.as_object().unwrap().iter().for_each(|(name, value)| report[name] = value.clone());
        serde_json::from_value(report).unwrap()
    }

    fn status(rollout: &Value) -> FunctionStatus {
        let mut all = json!({
            "deployment": ID, "release": "1.4.3", "phase": "shifting", "wave": 1, "waves": 1, "step": 1, "steps": 2,
            "weight": 10, "since": "2026-11-30T14:10:03Z", "due": "2026-11-30T14:20:03Z",
            "targets": [{"account": "111111111111", "region": "eu-west-1", "old": "6", "new": "7", "weight": 10,
                "serves": 10, "at": "2026-11-30T14:10:03Z"}],
        });
        for (field, value) in rollout.as_object().into_iter().flatten() {
            all[field] = value.clone();
        }
        let rollout = if rollout.is_null() { Value::Null } else { all };
        serde_json::from_value(json!({
            "environment": "prod", "function": "orders", "active": rollout.as_object().map(|_| ID), "pending": null,
            "hold": null, "rejected": false, "rollout": rollout,
            "targets": [{"account": "111111111111", "region": "eu-west-1", "version": "6", "release": "1.4.2"}],
            "live": {"release": "1.4.2", "deployment": "01JD3Z9V7Q0000000000000001", "since": "2026-11-30T11:59:00Z",
                "sha256": null},
        }))
        .unwrap()
    }

    #[test]
    fn shown_rollout_has_its_targets_and_the_commands_for_it() {
        assert_eq!(
            shown(&status(&json!({})), " --profile acme", now()),
            format!(
                "orders in prod, deployment {ID}: 1.4.3 gets 10 % (step 1 of 2, wave 1 of 1) until 2026-11-30 14:20:03Z (in 4 min)\n  \
                   111111111111/eu-west-1: 1.4.3 (version 7) gets 10 %, 1.4.2 (version 6) the rest\n  \
                   deployctl rollout pause -e prod -f orders --deployment {ID} --profile acme\n  \
                   deployctl rollout finish -e prod -f orders --deployment {ID} --profile acme\n  \
                   deployctl rollout abort -e prod -f orders --deployment {ID} --profile acme\n"
            )
        );
        assert_eq!(
            none(&args(), Some(&status(&json!(null)))),
            "no rollout of orders is under way in prod; 1.4.2 is live\n"
        );
        assert_eq!(none(&args(), None), "no rollout of orders is under way in prod\n");
    }

    #[test]
    fn question_before_an_abort_and_a_finish_names_versions_weights_and_what_follows() {
        let (status, abort) = (status(&json!({})), Action::Abort);
        let text = preview(abort, &status, status.rollout.as_ref().unwrap(), now());
        assert!(text.contains("1.4.3 (version 7) gets 10 %, 1.4.2 (version 6) the rest\n"), "{text}");
        assert!(text.ends_with("at once; 1.4.2 stays live. No automatic promotion brings 1.4.3 again\n"), "{text}");
        let mut behind = status.clone();
        behind.open = vec![OpenDeployment {
            deployment: DeploymentId::parse(ID).unwrap(),
            release: Some("1.5.0".parse().unwrap()),
            status: Status::Pending,
        }];
        let text = preview(abort, &behind, behind.rollout.as_ref().unwrap(), now());
        assert!(text.ends_with(&format!("what waits behind it (1.5.0, deployment {ID}) follows at once\n")), "{text}");
        let text = preview(Action::Finish, &status, status.rollout.as_ref().unwrap(), now());
        assert!(text.contains("gives 1.4.3 its next share, up to all traffic of every target"), "{text}");
    }

    #[test]
    fn paused_rollout_names_the_commands_that_go_on_and_back() {
        let paused = json!({"due": "2026-12-01T14:12:00Z", "paused": {"since": "2026-11-30T14:12:00Z", "reason": "asked",
            "by": "ann", "because": "ann has asked for it: look at the logs"}});
        let text =
            after((Action::Pause, DeploymentId::parse(ID).unwrap()), &args(), &report(&paused, &json!({})), "", now());
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].contains("is paused at 10 % (step 1 of 2, wave 1 of 1) since 2026-11-30 14:12:00Z"), "{text}");
        assert!(lines[0].ends_with("it goes back at 2026-12-01 14:12:00Z (in 23 h)"), "{text}");
        assert!(lines[1].contains("still goes back by itself"), "{text}");
        for (line, action) in [(3, "continue"), (4, "finish"), (5, "abort")] {
            assert_eq!(lines[line], format!("  deployctl rollout {action} -e prod -f orders --deployment {ID}"));
        }
    }

    #[test]
    fn abort_says_what_has_become_of_its_own_rollout_and_then_what_follows() {
        let ended = |status: &str| {
            json!({"ended_rollout": {"deployment": ID, "release": "1.4.3", "status": status,
                "because": "ann has asked to abort it; 1.4.3 was taken back at 10 %"}})
        };
        let abort = (Action::Abort, DeploymentId::parse(ID).unwrap());
        let text = after(abort, &args(), &report(&json!(null), &ended("rolled_back")), "", now());
        let history = "To see how it ended:\n  deployctl history -e prod -f orders\n";
        let taken_back =
            "1.4.3 was taken back; 1.4.2 is live\n  ann has asked to abort it; 1.4.3 was taken back at 10 %\n";
        assert_eq!(text, format!("{taken_back}{history}"));
        let next = json!({"deployment": "01JD3Z9V7Q0000000000000003", "release": "1.5.0"});
        let text = after(abort, &args(), &report(&next, &ended("rolled_back")), "", now());
        let follows = "what follows: orders in prod, deployment 01JD3Z9V7Q0000000000000003: 1.5.0 gets 10 % ";
        assert!(text.starts_with(&format!("{taken_back}{follows}")) && !text.contains("it goes back"), "{text}");
        let text = after(abort, &args(), &report(&json!(null), &ended("succeeded")), "", now());
        assert_eq!(text, format!("the rollout of 1.4.3 has ended already; 1.4.2 is live\n{history}"));
        let back = json!({"phase": "going_back", "weight": 0, "due": null, "because": "ann has asked to abort it"});
        let text = after(abort, &args(), &report(&back, &json!({})), "", now());
        assert!(text.contains("1.4.3 goes back: ann has asked to abort it\nit goes back; what is not"), "{text}");
    }

    #[test]
    fn actions_that_would_change_nothing_are_not_offered_and_a_bad_look_says_what_follows() {
        let finishes = shown(&status(&json!({"finishes": true})), "", now());
        assert!(finishes.contains("rollout pause") && !finishes.contains("rollout finish"), "{finishes}");
        let bad = json!({"verdict": {"verdict": "bad", "because": "1.4.3 failed 12 of 96 (12.5 %)"}});
        let text = shown(&status(&bad), "", now());
        assert!(
            text.contains("looked at now: bad: 1.4.3 failed 12 of 96 (12.5 %). The next look takes it back\n"),
            "{text}"
        );
        let late = shown(&status(&json!({"due": "2026-11-30T14:09:00Z"})), "", now());
        let said = ", due since 2026-11-30 14:09:00Z (7 min ago); no look has gone on with it, see deployctl doctor";
        assert!(late.contains(said), "{late}");
    }

    #[test]
    fn options_of_an_action_need_one_and_unknown_actions_are_wrong_use() {
        for wrong in ["--reason x", "--yes", "stop", "--deployment 01JD3Z9V7Q0000000000000002", "pause abort"] {
            assert!(parsed(wrong).is_err(), "{wrong}");
        }
        assert_eq!(parsed("").unwrap().action, None);
        assert_eq!(parsed("abort --yes --reason slow").unwrap().action, Some(Action::Abort));
    }

    #[tokio::test]
    async fn action_without_a_terminal_needs_the_deployment_or_yes() {
        let error = parsed("pause").unwrap().deployment_for(Action::Pause).await.unwrap_err();
        assert_eq!(error.exit, crate::Exit::WrongUse);
        assert!(error.message.contains("say --deployment ID"), "{error}");
        let named = parsed(&format!("abort --deployment {ID}")).unwrap();
        assert_eq!(named.deployment_for(Action::Abort).await.unwrap().to_string(), ID);
    }
}
