//! The waiting promotion or group that a person decides about: it is found by the status, and shown by its plan.

use std::time::Duration;

use deployer_core::group::{GroupStatus, MemberStatus, Phase};
use deployer_core::id::{DeploymentId, EnvironmentName, FunctionName};
use deployer_core::promotion::Wait;
use deployer_core::record::Status;
use deployer_core::status::StatusReport;
use deployer_core::text::listed;
use deployer_core::trigger::Command;
use futures::stream::{self, StreamExt as _};
use jiff::Timestamp;

use super::approvers::Approvers;
use crate::answer::{CliError, sentence};
use crate::aws::options::shell_word;
use crate::remote::{self, Remote};
use crate::text::terminal;
use crate::verbs::plan::text;
use crate::verbs::plan::waiting::{self, PLANNED_AT_ONCE};

/// The time that the plan may take; without it, the person decides by what status says.
const LOOK: Duration = Duration::from_secs(90);

/// The options that name a promotion.
#[derive(Debug, Clone, clap::Args)]
#[group(skip)]
pub(crate) struct PromotionArgs {
    /// The environment that the promotion goes to.
    #[arg(long, short, value_name = "NAME")]
    environment: EnvironmentName,
    /// The function, by its name in upload keys and in the ledger [default: any; a group has none].
    #[arg(long, short, value_name = "NAME")]
    function: Option<FunctionName>,
    /// The promotion or the group [default: the only one that waits there].
    #[arg(long, value_name = "ID", value_parser = DeploymentId::parse)]
    deployment: Option<DeploymentId>,
}

/// The promotions that are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Waits {
    /// Those that wait for approvals, and any that waits if there is none of those.
    ForApproval,
    /// Any that waits.
    ForAnything,
}

/// The plan of a promotion, or the plans of a group's members.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Preview {
    /// The plan, for people.
    pub text: String,
    /// The reasons for which the promotion, or members of the group, would be refused as things are.
    pub refused: Vec<String>,
    /// Whether the promotion, or any member, is refused and waits for nothing but one more approval: that ends it.
    pub ends: bool,
}

/// A promotion that waits, or a group where there is no function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Promotion {
    pub environment: EnvironmentName,
    pub function: Option<FunctionName>,
    pub deployment: DeploymentId,
    /// The people who have asked for it and approved it, as far as names count and they were looked up.
    pub approvers: Option<Approvers>,
    /// The group that it is in place of the member which the options name.
    pub in_place_of_member: Option<OfGroup>,
    /// Whether it waits to be decided about, as far as status could be read.
    pub waits: bool,
}

/// A group whose member was named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OfGroup {
    /// Says that the member belongs to it.
    pub words: String,
    /// Its functions.
    pub functions: String,
}

impl PromotionArgs {
    /// Finds the promotion that the options name.
    ///
    /// # Errors
    /// Wrong use: none waits there, or several do. The message names them. A failure where none is found and not all can be
    /// read.
    pub async fn resolve(&self, remote: &remote::Options, waits: Waits) -> Result<Promotion, CliError> {
        let Self { environment, function, deployment } = self;
        if let (Some(deployment), Some(function)) = (*deployment, function) {
            let (environment, function) = (environment.clone(), Some(function.clone()));
            let (approvers, in_place_of_member, waits) = (None, None, true);
            return Ok(Promotion { environment, function, deployment, approvers, in_place_of_member, waits });
        }
        let status = Command::status(Some(environment.clone()), function.clone());
        let report: StatusReport = remote.remote().await?.send(&remote::request(status)).await?;
        match *deployment {
            Some(deployment) => Ok(self.named(&report, deployment)),
            None => self.find(&report, waits),
        }
    }

    /// Finds the promotion with this id, whatever its function. The deployer finds the function of one that does not wait.
    fn named(&self, report: &StatusReport, deployment: DeploymentId) -> Promotion {
        let waiting = candidates(report, None).into_iter().find(|one| one.deployment == deployment);
        let function = waiting.and_then(|one| one.function);
        let approvers = Approvers::find(report, &self.environment, deployment);
        let found = Promotion {
            environment: self.environment.clone(),
            function,
            deployment,
            approvers,
            in_place_of_member: None,
            waits: true,
        };
        found.or_its_group(report)
    }

    /// Makes the approval that the user repeats by this id. None: it is a new one.
    ///
    /// # Errors
    /// Wrong use: the options do not name the promotion. Another one may wait there by now.
    pub fn named_approval(&self, id: Option<&str>) -> Result<Option<Command>, CliError> {
        let Some(id) = id else { return Ok(None) };
        let Self { environment, function, deployment } = self.clone();
        if deployment.is_none() {
            let function = function.map_or(String::new(), |function| format!(" -f {function}"));
            return Err(CliError::wrong_use(format!(
                "--id repeats the approval of one promotion, and another one may wait there by now: name the promotion or \
                 the group\n  deployctl approve -e {environment}{function} --deployment ID --id {}",
                shell_word(id)
            )));
        }
        Ok(Some(Command::Approve { environment, function, deployment }))
    }

    /// Finds the only promotion or group that waits.
    fn find(&self, report: &StatusReport, waits: Waits) -> Result<Promotion, CliError> {
        let mut found = candidates(report, self.function.as_ref());
        if waits == Waits::ForApproval && found.iter().any(|one| one.wants_approval) {
            found.retain(|one| one.wants_approval);
        }
        let environment = &self.environment;
        match found.as_slice() {
            [one] => {
                let Candidate { function, deployment, .. } = one;
                let approvers = Approvers::find(report, environment, *deployment);
                let (environment, function) = (environment.clone(), function.clone());
                let (deployment, waits) = (*deployment, true);
                Ok(Promotion { environment, function, deployment, approvers, in_place_of_member: None, waits })
            }
            [] => {
                if let Some((function, group)) =
                    self.function.as_ref().and_then(|one| Some((one, group_of(report, one)?)))
                {
                    return Err(CliError::wrong_use(format!(
                        "no promotion of {function} alone waits in {environment}. It goes with group {} ({}), which is \
                         decided about as a whole:\n  deployctl {} -e {environment} --deployment {}",
                        group.id,
                        functions_of(group),
                        waits.verb(),
                        group.id
                    )));
                }
                let (of, group) = match &self.function {
                    Some(function) => (format!(" of {function}"), "; name a group by --deployment, without --function"),
                    None => (String::new(), ""),
                };
                Err(match unreadable(report) {
                    None => CliError::wrong_use(format!(
                        "no promotion{of} waits in {environment}: status and history tell what became of it{group}"
                    )),
                    Some(lines) => CliError::failed(format!(
                        "no promotion{of} is seen to wait in {environment}, where not all can be read{group}\n{lines}"
                    )),
                })
            }
            several => {
                let command = |one: &Candidate| {
                    let function = one.function.as_ref().map_or(String::new(), |function| format!(" -f {function}"));
                    let (verb, id) = (waits.verb(), one.deployment);
                    format!("\n  {}\n    deployctl {verb} -e {environment}{function} --deployment {id}", one.words)
                };
                let several: String = several.iter().map(command).collect();
                Err(CliError::wrong_use(format!(
                    "several promotions wait there, and one is decided about at a time:{several}"
                )))
            }
        }
    }
}

/// A promotion or a group that waits.
struct Candidate {
    function: Option<FunctionName>,
    deployment: DeploymentId,
    wants_approval: bool,
    /// The words for it and for its wait.
    words: String,
}

/// Lists what waits: the promotions of this function or of all, and the groups where no function is named. The members
/// of a group are decided about together.
fn candidates(report: &StatusReport, named: Option<&FunctionName>) -> Vec<Candidate> {
    let is_member = |id| report.groups.iter().flat_map(|group| &group.functions).any(|one| one.deployment == id);
    let waiting = report.functions.iter().flat_map(|status| status.waiting.iter().map(move |one| (status, one)));
    let alone = waiting.filter(|(_, one)| !is_member(one.deployment)).map(|(status, one)| {
        let release = one.release.as_ref().map_or(String::new(), |release| format!("release {release}, "));
        let because = sentence(&one.because);
        Candidate {
            function: Some(status.function.clone()),
            deployment: one.deployment,
            wants_approval: one.wait.approvals_wanted > 0,
            words: format!("{}: {release}{because}", status.function),
        }
    });
    let open = report.groups.iter().filter(|group| named.is_none() && group.status == Status::Pending);
    let groups = open.map(|group| {
        let because = group.because.as_deref().map_or(String::new(), |because| format!(", {}", sentence(because)));
        Candidate {
            function: None,
            deployment: group.id,
            wants_approval: group.approvals_wanted.is_some_and(|wanted| wanted > 0),
            words: format!("group of {}{because}", functions_of(group)),
        }
    });
    alone.chain(groups).collect()
}

/// Names what the status could not read; none if it read all.
fn unreadable(report: &StatusReport) -> Option<String> {
    let lines: Vec<String> =
        report.unreadable.iter().map(|because| format!("  cannot be read: {}", sentence(because))).collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}

/// Finds the group that waits and has this function.
fn group_of<'a>(report: &'a StatusReport, function: &FunctionName) -> Option<&'a GroupStatus> {
    report.groups.iter().find(|group| group.status == Status::Pending && group.has(function))
}

fn functions_of(group: &GroupStatus) -> String {
    let functions: Vec<&str> = group.functions.iter().map(|member| member.function.as_str()).collect();
    listed(&functions)
}

impl Waits {
    /// Returns the verb that decides.
    pub fn verb(self) -> &'static str {
        match self {
            Self::ForApproval => "approve",
            Self::ForAnything => "decline",
        }
    }
}

impl Promotion {
    /// Makes the command that approves it.
    pub fn approval(&self) -> Command {
        let Self { environment, function, deployment, .. } = self.clone();
        Command::Approve { environment, function, deployment: Some(deployment) }
    }

    /// Names the group, with a space before it, where a member of it was named.
    pub fn whole_group(&self) -> String {
        let group = |of: &OfGroup| format!(" the whole group {} ({})", self.deployment, of.functions);
        self.in_place_of_member.as_ref().map_or(String::new(), group)
    }

    /// Returns the group in place of its member, and whether it waits by this report.
    fn or_its_group(self, report: &StatusReport) -> Self {
        let mut groups = report.groups.iter().filter(|group| group.environment == self.environment);
        let found = groups.find_map(|group| {
            let is_it = |member: &&MemberStatus| member.deployment == self.deployment;
            let member = group.functions.iter().find(is_it);
            (group.id == self.deployment || member.is_some()).then_some((group, member))
        });
        let Some((group, member)) = found else {
            let mut waiting = report.functions.iter().flat_map(|status| &status.waiting);
            let may_wait = waiting.any(|one| one.deployment == self.deployment) || !report.unreadable.is_empty();
            return Self { waits: may_wait, ..self };
        };
        let functions = functions_of(group);
        let words = match (member, &self.function) {
            (Some(member), _) => Some(format!(
                "promotion {} of {} belongs to group {} ({functions}), which is decided about as a whole",
                member.deployment, member.function, group.id,
            )),
            (None, Some(named)) if group.has(named) => {
                Some(format!("group {} ({functions}) is decided about as a whole, not {named} alone", group.id))
            }
            (None, Some(named)) => Some(format!("{named} has no part in group {} ({functions})", group.id)),
            (None, None) => None,
        };
        let in_place_of_member = words.map(|words| OfGroup { words, functions });
        let approvers = Approvers::find(report, &self.environment, group.id);
        let waits = matches!(group.phase, Phase::Checking | Phase::Placing);
        Self { function: None, deployment: group.id, approvers, in_place_of_member, waits, ..self }
    }

    /// Looks up the people of a promotion that was given by its function and its id, and the group of a member. Where they
    /// cannot be read, the deployer judges later.
    ///
    /// # Errors
    /// There is no such environment or function.
    pub async fn looked_up(self, remote: &remote::Options) -> Result<Self, CliError> {
        if self.function.is_none() || self.approvers.is_some() {
            return Ok(self);
        }
        let status = Command::status(Some(self.environment.clone()), self.function.clone());
        let report = async { remote.remote().await?.send::<StatusReport>(&remote::request(status)).await };
        match report.await {
            Ok(report) => {
                let approvers = Approvers::find(&report, &self.environment, self.deployment);
                Ok(Self { approvers, ..self }.or_its_group(&report))
            }
            Err(wrong) if wrong.is_of_the_request() => Err(wrong),
            Err(_) => Ok(self),
        }
    }

    /// Writes the plan of the promotion, or of each member of a group.
    ///
    /// # Errors
    /// Wrong use where it does not wait; otherwise the plan cannot be made, and the promotion may be approved.
    pub async fn preview(&self, remote: &remote::Options) -> Result<Preview, CliError> {
        let planned = tokio::time::timeout(LOOK, self.plans(remote)).await;
        planned.unwrap_or_else(|_| Err(CliError::failed(format!("no answer in {} s", LOOK.as_secs()))))
    }

    async fn plans(&self, remote: &remote::Options) -> Result<Preview, CliError> {
        let remote = remote.remote().await?;
        if let Some(function) = &self.function {
            return self.plan(&remote, function, self.deployment).await;
        }
        let status = Command::status(Some(self.environment.clone()), None);
        let report: StatusReport = remote.send(&remote::request(status)).await?;
        let Some(group) = report.groups.iter().find(|group| group.id == self.deployment) else {
            let Self { environment, deployment, .. } = self;
            return Err(match unreadable(&report) {
                None => CliError::wrong_use(format!(
                    "no promotion {deployment} waits in {environment}: status and history tell what became of it"
                )),
                Some(lines) => CliError::failed(format!(
                    "no promotion {deployment} is seen to wait in {environment}, where not all can be read\n{lines}"
                )),
            });
        };
        let (remote, members) = (&remote, group.functions.iter());
        let plans = members.map(|member| self.plan(remote, &member.function, member.deployment));
        let plans: Vec<Result<Preview, CliError>> = stream::iter(plans).buffered(PLANNED_AT_ONCE).collect().await;
        plans.into_iter().try_fold(Preview::default(), |all, plan| {
            let plan = plan?;
            let refused = [all.refused, plan.refused].concat();
            Ok(Preview { text: all.text + &plan.text, refused, ends: all.ends || plan.ends })
        })
    }

    async fn plan(
        &self,
        remote: &Remote,
        function: &FunctionName,
        deployment: DeploymentId,
    ) -> Result<Preview, CliError> {
        let report = waiting::plan(remote, (&self.environment, function), deployment).await?;
        let text = text::before_approval(&report, Timestamp::now(), terminal::columns());
        // A member waits for the others of its group, and the group ends with the first that is refused.
        let wait = report.wait.map(|wait| Wait { for_group: false, ..wait });
        let ends = report.refused.is_some() && wait.is_none_or(|wait| wait.is_over_once_approved());
        let refused = report.refused.iter().map(|refused| sentence(&refused.because)).collect();
        Ok(Preview { text, refused, ends })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const SOAKS: &str = "01JD3Z9V7Q0000000000000001";
    const WAITS: &str = "01JD3Z9V7Q0000000000000002";
    const MEMBER: &str = "01JD3Z9V7Q0000000000000003";
    const GROUP: &str = "01JD3Z9V7Q0000000000000004";

    fn status(function: &str, deployment: &str, approvals: u32) -> Value {
        json!({
            "environment": "prod", "function": function, "live": null, "targets": [], "active": null, "pending": null,
            "hold": null, "rejected": false,
            "waiting": [{"deployment": deployment, "from": "stage", "release": "2", "requested_by": "ada",
                "since": "2026-11-30T12:00:00Z", "approvals_wanted": approvals, "expires_at": "2026-12-30T12:00:00Z",
                "because": "waits"}],
        })
    }

    fn group() -> Value {
        json!({
            "id": GROUP, "environment": "prod", "from": "stage", "status": "pending", "phase": "checking", "because": null,
            "requested_by": "ada", "since": "2026-11-30T12:00:00Z", "approvals_wanted": 1,
            "functions": [{"function": "bills", "release": "7", "deployment": MEMBER, "status": null}],
        })
    }

    fn found(functions: &[Value], groups: &[Value], function: Option<&str>, waits: Waits) -> Result<String, String> {
        let report = serde_json::from_value(json!({"functions": functions, "groups": groups})).unwrap();
        let function = function.map(|name| name.parse().unwrap());
        let args = PromotionArgs { environment: "prod".parse().unwrap(), function, deployment: None };
        let found = args.find(&report, waits).map_err(|error| error.message)?;
        Ok(format!("{} {}", found.function.map_or("group".to_owned(), |name| name.to_string()), found.deployment))
    }

    #[test]
    fn only_group_is_found_without_a_function() {
        let members = [status("bills", MEMBER, 0)];
        assert_eq!(found(&members, &[group()], None, Waits::ForApproval), Ok(format!("group {GROUP}")));
        let because = found(&members, &[group()], Some("bills"), Waits::ForApproval).unwrap_err();
        assert_eq!(
            because,
            format!(
                "no promotion of bills alone waits in prod. It goes with group {GROUP} (bills), which is decided about as a \
                 whole:\n  deployctl approve -e prod --deployment {GROUP}"
            )
        );
        let nothing = found(&[], &[], Some("bills"), Waits::ForApproval).unwrap_err();
        assert!(
            nothing.contains("no promotion of bills waits in prod")
                && nothing.contains("name a group by --deployment, without --function")
        );
        let nothing = found(&[], &[], None, Waits::ForApproval).unwrap_err();
        assert_eq!(nothing, "no promotion waits in prod: status and history tell what became of it");
    }

    #[test]
    fn id_without_a_function_is_found_as_what_it_is() {
        let functions = [status("orders", WAITS, 1), status("bills", MEMBER, 0)];
        let report = serde_json::from_value(json!({"functions": functions, "groups": [group()]})).unwrap();
        let args = PromotionArgs { environment: "prod".parse().unwrap(), function: None, deployment: None };
        let named = |id: &str| args.named(&report, DeploymentId::parse(id).unwrap());
        assert_eq!(named(WAITS).function.map(|name| name.to_string()), Some("orders".to_owned()));
        assert_eq!((named(GROUP).function, named(SOAKS).function), (None, None));
        assert_eq!(named(GROUP).in_place_of_member, None);
        let member = named(MEMBER);
        assert_eq!((member.function, member.deployment.to_string()), (None, GROUP.to_owned()));
        assert_eq!(
            member.in_place_of_member.unwrap().words,
            format!("promotion {MEMBER} of bills belongs to group {GROUP} (bills), which is decided about as a whole")
        );
        assert!(named(WAITS).waits && named(GROUP).waits && member.waits && !named(SOAKS).waits);
        let beside = |function: &str| {
            let function = Some(function.parse().unwrap());
            let promotion = Promotion { function, in_place_of_member: None, ..named(GROUP) }.or_its_group(&report);
            (promotion.function, promotion.in_place_of_member.unwrap().words)
        };
        let alone = format!("group {GROUP} (bills) is decided about as a whole, not bills alone");
        assert_eq!(beside("bills"), (None, alone));
        assert_eq!(beside("orders"), (None, format!("orders has no part in group {GROUP} (bills)")));
    }

    #[test]
    fn approval_concerns_what_waits_for_approvals() {
        let waiting = [status("orders", WAITS, 1), status("stock", SOAKS, 0)];
        assert_eq!(found(&waiting, &[], None, Waits::ForApproval), Ok(format!("orders {WAITS}")));
        assert_eq!(found(&waiting[1..], &[], None, Waits::ForApproval), Ok(format!("stock {SOAKS}")));
        let several = found(&waiting, &[group()], None, Waits::ForAnything).unwrap_err();
        assert_eq!(
            several,
            format!(
                "several promotions wait there, and one is decided about at a time:\n  \
                   orders: release 2, waits\n    deployctl decline -e prod -f orders --deployment {WAITS}\n  \
                   stock: release 2, waits\n    deployctl decline -e prod -f stock --deployment {SOAKS}\n  \
                   group of bills\n    deployctl decline -e prod --deployment {GROUP}"
            )
        );
    }
}
