//! `deployctl recall`: rejects a release, and rolls it back wherever it is live.

pub(crate) mod preview;

use std::fmt::Write as _;

use deployer_core::hold_and_reject::Reject;
use deployer_core::id::{FunctionName, Release};
use deployer_core::record::{Code, DeploymentRecord, EndedWaiting, Status};

use super::hold;
use crate::answer::{Answer, CliError, Exit, sentence};
use crate::follow::repeated::{self, Repeated};
use crate::follow::{self, Followed, Stage, Until};
use crate::output::Output;
use crate::text::came_with::CameWith;
use crate::text::records;
use deployer_core::trigger::Command;
use deployer_engine::{Recalled, RecalledFrom};

/// The options of `recall`.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(crate) struct Options {
    /// The function, by its name in upload keys and in the ledger.
    #[arg(long, short, value_name = "NAME")]
    function: FunctionName,
    /// The bad release.
    #[arg(long, short, value_name = "NAME")]
    release: Release,
    /// The reason; users who are refused read it [default: that of the reject, if the release is rejected already].
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Do not look and do not ask for confirmation.
    #[arg(long, short)]
    yes: bool,
    #[command(flatten)]
    follow: follow::Options,
}

pub(crate) async fn run(options: &Options, output: Output) -> Result<Answer, CliError> {
    let Options { function, release, reason, yes, follow } = options;
    let command = Command::Recall { function: function.clone(), release: release.clone(), reason: reason.clone() };
    match follow.repeated::<Recalled>(&command).await? {
        // The same recall again begins what it could not begin before.
        Repeated::Ended(recalled) if recalled.environments.iter().all(has_begun) => {
            return Ok(repeated::ended(&*recalled));
        }
        Repeated::New if !yes => {
            if let Some(nothing) = preview::confirm(&follow.remote, (function, release), reason.as_deref()).await? {
                return Ok(nothing);
            }
        }
        Repeated::New | Repeated::Open(_) | Repeated::Ended(_) => {}
    }
    match follow.follow_or_tell::<Recalled>(command, Until::Ended).await {
        Ok(recalled) => Ok(follow::Options::answer_of(&recalled)),
        Err(unended) => unended.answer(follow::Options::answer_of, output),
    }
}

/// Names what came together with the release in each environment, and is still live there.
fn came_with(recalled: &Recalled) -> String {
    let found = recalled.environments.iter().filter_map(|one| {
        let came_with = CameWith::new(&one.environment, one.left.as_ref()?, one.came_with.as_ref()?);
        Some(came_with.after(""))
    });
    found.map(|words| format!("\n{words}\n")).collect()
}

impl Followed for Recalled {
    fn stage(&self) -> Stage {
        Stage::of_all(self.environments.iter().map(stage))
    }

    fn name(&self) -> String {
        format!("the recall of {}", self.release)
    }

    fn how(&self) -> String {
        let open = self.environments.iter().find(|one| stage(one) != Stage::Ended);
        let how = |one: &RecalledFrom| one.deployment.as_ref().map_or_else(String::new, Followed::how);
        open.map_or(String::new(), |one| format!("{}: {}", one.environment, how(one)))
    }

    fn has_reason(&self) -> bool {
        let open = self.environments.iter().find(|one| stage(one) != Stage::Ended);
        open.is_some_and(|one| one.deployment.as_ref().is_some_and(Followed::has_reason))
    }

    fn text(&self) -> String {
        let Self { function, release, environments, ended_waiting, replaced_reject } = self;
        let mut text = format!("release {release} of {function} is rejected, and ");
        let (rolled_out, live): (Vec<_>, Vec<_>) = environments.iter().partition(|one| one.taken_back);
        text.push_str(match (live.is_empty(), environments.iter().any(stays_live)) {
            (true, _) if rolled_out.is_empty() => "is live nowhere\n",
            (true, _) => "was live nowhere\n",
            (false, true) => "was live here, the newest first; where it had no predecessor, it still is:\n",
            (false, false) => "was live here, the newest first:\n",
        });
        for one in live {
            let RecalledFrom { environment, left, deployment, because, .. } = one;
            match deployment {
                Some(record) => {
                    let moved = left.as_ref().map(|left| moved(one, record, (left, release)));
                    text.push_str(
                        &moved.map_or_else(|| records::text(record), |what| records::text_about(&what, record)),
                    );
                }
                None => {
                    let because = because.as_deref().map_or("the deployer does not say why".to_owned(), sentence);
                    let failed = records::status(Status::Failed);
                    let _always = writeln!(text, "{environment}/{function}: {failed}, not begun: {because}");
                }
            }
        }
        for (one, record) in rolled_out.into_iter().filter_map(|one| Some((one, one.deployment.as_ref()?))) {
            text.push_str(&records::text_about(&taken_back(one, release), record));
        }
        if let Some(Reject { reason, requested_by, since, .. }) = replaced_reject {
            text.push_str(&hold::replaced("rejected", (requested_by.as_ref(), *since, reason)));
        }
        for one in ended_waiting {
            let _always = writeln!(text, "{}", records::ended_waiting(one));
        }
        if self.exit() == Exit::Failed {
            let _always = writeln!(text, "Where it is live still:\n  deployctl status {function}");
            if environments.iter().any(|one| has_failed(one) && !stays_live(one)) {
                let again = format!("deployctl recall -f {function} -r {release}");
                let _always = writeln!(text, "Mend what is in the way, and recall it again:\n  {again}");
            }
            if environments.iter().any(stays_live) {
                text.push_str(
                    "Where nothing good was live before it, there is nothing to roll back to: deploy or promote a good \
                     release.\n",
                );
            }
        }
        text + &came_with(self)
    }

    /// Returns success if the release serves nowhere any more. While an environment is open, nothing has failed for good.
    fn exit(&self) -> Exit {
        let has_failed = self.stage() == Stage::Ended && self.environments.iter().any(has_failed);
        if has_failed { Exit::Failed } else { Exit::Done }
    }

    /// Keeps the promotions that the recall has ended before, and the reject that it has replaced: each answer names only
    /// what it has done itself.
    fn keep(&mut self, earlier: Self) {
        let now = std::mem::replace(&mut self.ended_waiting, earlier.ended_waiting);
        let is_new = |one: &EndedWaiting| self.ended_waiting.iter().all(|kept| kept.deployment != one.deployment);
        let new: Vec<_> = now.into_iter().filter(is_new).collect();
        self.ended_waiting.extend(new);
        self.replaced_reject = earlier.replaced_reject.or(self.replaced_reject.take());
    }
}

/// Whether the rollback there has begun.
fn has_begun(one: &RecalledFrom) -> bool {
    one.deployment.is_some()
}

/// Whether the rollback there has not succeeded, and the release is not gone either.
fn has_failed(one: &RecalledFrom) -> bool {
    // With this code another release has gone live there first, so that the bad one is gone.
    let is_gone = |record: &DeploymentRecord| record.code == Some(Code::NotLive);
    let is_back = |record: &DeploymentRecord| one.taken_back && record.status != Status::Failed;
    one.deployment.as_ref().is_none_or(|record| record.exit() != Exit::Done && !is_gone(record) && !is_back(record))
}

/// Says that the release was rolling out in an environment, and what is live there.
fn taken_back(one: &RecalledFrom, recalled: &Release) -> String {
    let left = one.left.as_ref().unwrap_or(recalled);
    let same = if left == recalled { "" } else { " (the same code)" };
    let live = one.live.as_ref().map_or("nothing is live".to_owned(), |live| format!("{live} is live"));
    format!("{left}{same} was rolling out in {} and is taken back; {live}", one.environment)
}

/// Whether the release stays live there, because nothing that a rollback may go back to was live before it.
fn stays_live(one: &RecalledFrom) -> bool {
    one.deployment.as_ref().is_some_and(|record| record.code == Some(Code::NothingToRollBack))
}

/// Says from which release to which a function goes back in an environment; that the release stays live, where it has
/// nothing to go back to.
fn moved(one: &RecalledFrom, record: &DeploymentRecord, (left, recalled): (&Release, &Release)) -> String {
    let same = if left == recalled { "" } else { " (the same code)" };
    let to = match &record.release {
        _ if stays_live(one) => " stays live".to_owned(),
        Some(to) => format!(" → {to}"),
        None => String::new(),
    };
    format!("{}/{}, {left}{same}{to}", record.environment, record.function)
}

fn stage(one: &RecalledFrom) -> Stage {
    one.deployment.as_ref().map_or(Stage::Ended, Followed::stage)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::text::golden::plain;

    fn one(environment: &str, left: Option<&str>, status: &str, release: Option<&str>) -> Value {
        json!({
            "environment": environment, "left": left, "because": null,
            "deployment": {
                "schema": 1, "id": "01JD3Z9V7Q0000000000000000", "environment": environment, "function": "orders",
                "release": release, "status": status, "code": null, "because": null, "artifact": null, "targets": [],
                "cause": {"kind": "rollback", "requested_by": "ann", "event_id": "r"},
                "started_at": "2026-11-30T12:00:00Z", "finished_at": "2026-11-30T12:00:02Z",
            },
        })
    }

    #[test]
    fn recall_says_from_which_release_to_which_each_environment_goes() {
        let recalled: Recalled = serde_json::from_value(json!({
            "function": "orders", "release": "2",
            "environments": [
                one("prod", Some("2"), "succeeded", Some("1")),
                one("test", Some("2-again"), "succeeded", Some("1")),
                one("dev", Some("2"), "refused", None),
                one("old", None, "succeeded", Some("1")),
            ],
            "ended_waiting": [{"environment": "stage", "deployment": "01JD3Z9V7Q0000000000000001", "release": "2",
                "from": "dev", "waited": "for an approval"}],
            "replaced_reject": {"release": "2", "sha256": [], "reason": "slow", "requested_by": "bob",
                "since": "2026-11-30T11:00:00Z"},
        }))
        .unwrap();
        let ended = "after 2 s, deployment 01JD3Z9V7Q0000000000000000";
        let text = plain(&recalled.text());
        let expected = format!(
            "release 2 of orders is rejected, and was live here, the newest first:\n\
             prod/orders, 2 → 1: succeeded {ended}\n\
             test/orders, 2-again (the same code) → 1: succeeded {ended}\n\
             dev/orders, 2: refused {ended}\n\
             old/orders/1: succeeded {ended}\n\
             it was rejected already, since 2026-11-30 11:00:00Z by bob: slow; that reason is replaced\n\
             ended: promotion 01JD3Z9V7Q0000000000000001 of 2 from dev to stage, which waited for an approval\n"
        );
        assert!(text.starts_with(&expected), "{text}");
    }

    #[test]
    fn recall_of_what_rolls_out_says_that_it_is_taken_back_and_succeeds() {
        let mut one = one("dev", Some("2"), "rolled_back", Some("2"));
        (one["taken_back"], one["live"]) = (json!(true), json!("1"));
        one["deployment"]["code"] = json!("Rejected");
        one["deployment"]["because"] = json!("release 2 was rejected; 2 was taken back at 10 %");
        let recalled = |one: &Value| -> Recalled {
            serde_json::from_value(json!({"function": "orders", "release": "2", "environments": [one]})).unwrap()
        };
        let text = plain(&recalled(&one).text());
        let told = "release 2 of orders is rejected, and was live nowhere\n\
                    2 was rolling out in dev and is taken back; 1 is live: rolled back after 2 s, deployment \
                    01JD3Z9V7Q0000000000000000\n  Rejected: release 2 was rejected; 2 was taken back at 10 %\n";
        assert!(text.starts_with(told), "{text}");
        assert_eq!(recalled(&one).exit(), Exit::Done);
        one["deployment"]["status"] = json!("failed");
        assert_eq!(recalled(&one).exit(), Exit::Failed, "a target did not go back");
    }

    #[test]
    fn recall_of_a_release_without_a_predecessor_says_that_it_stays_live() {
        let mut first = one("dev", Some("2"), "refused", None);
        first["deployment"]["code"] = json!("NothingToRollBack");
        first["deployment"]["because"] = json!("nothing was live here before release 2");
        let text = |environments: &[Value]| {
            let recalled = json!({"function": "orders", "release": "2", "environments": environments});
            plain(&serde_json::from_value::<Recalled>(recalled).unwrap().text())
        };
        assert_eq!(
            text(&[first.clone()]),
            "release 2 of orders is rejected, and was live here, the newest first; where it had no predecessor, it still is:\n\
             dev/orders, 2 stays live: refused after 2 s, deployment 01JD3Z9V7Q0000000000000000\n  \
               NothingToRollBack: nothing was live here before release 2\n\
             Where it is live still:\n  deployctl status orders\n\
             Where nothing good was live before it, there is nothing to roll back to: deploy or promote a good release.\n"
        );
        let both = text(&[one("prod", Some("2"), "failed", Some("1")), first]);
        assert!(both.contains("\n  deployctl recall -f orders -r 2\nWhere nothing good"), "{both}");
        let failed = text(&[one("prod", Some("2"), "failed", Some("1"))]);
        assert!(
            failed.ends_with("\nMend what is in the way, and recall it again:\n  deployctl recall -f orders -r 2\n"),
            "{failed}"
        );
    }

    #[test]
    fn open_recall_has_not_failed_and_is_not_advised_again() {
        let environments = [one("prod", Some("2"), "failed", Some("1")), one("dev", Some("2"), "in_progress", None)];
        let recalled = json!({"function": "orders", "release": "2", "environments": environments});
        let recalled: Recalled = serde_json::from_value(recalled).unwrap();
        assert_eq!(recalled.exit(), Exit::Done);
        assert!(!recalled.text().contains("deployctl recall"), "{}", recalled.text());
    }

    #[test]
    fn later_answer_keeps_the_promotions_that_an_earlier_one_named() {
        let answer = |ended: &[&str]| -> Recalled {
            let ended = ended.iter().map(|id| {
                json!({"environment": "prod", "deployment": format!("01JD3Z9V7Q000000000000000{id}"),
                "release": "2", "waited": "for its turn"})
            });
            let ended: Vec<_> = ended.collect();
            let recalled = json!({"function": "orders", "release": "2", "environments": [], "ended_waiting": ended});
            serde_json::from_value(recalled).unwrap()
        };
        let mut last = answer(&[]);
        last.keep(answer(&["1"]));
        assert_eq!(last, answer(&["1"]));
        let mut later = answer(&["2", "1"]);
        later.keep(last);
        assert_eq!(later, answer(&["1", "2"]));
    }
}
