//! The functions that came together with a release, as one group, and are still live as they came. A rollback and a
//! recall move one function, and the others of its group stay.

use std::time::Duration;

use deployer_core::group::deployment_beside;
use deployer_core::id::{DeploymentId, EnvironmentName, FunctionName, Release};
use deployer_core::record::DeploymentRecord;
use deployer_core::status::{LiveStatus, StatusReport};
use deployer_core::trigger::Command;
use deployer_engine::History;

use super::after_rollback::Left;
use super::remote::{self, Remote};

/// The time that the look takes at most: without it less is said.
const LOOK: Duration = Duration::from_secs(10);
/// The records among which that of the release is looked for.
const RECORDS: u32 = 20;

/// The other functions of a group that are live as the group has brought them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CameWith {
    release: Release,
    environment: EnvironmentName,
    group: DeploymentId,
    others: Vec<(FunctionName, Release)>,
}

/// Looks which functions came together with a release that is live or was left. None: the release came alone, no other
/// function is live as it came, or that cannot be read. `rollback` is the one that has left it.
pub(super) async fn of(
    remote: &Remote,
    (environment, function): (&EnvironmentName, &FunctionName),
    left: &Left,
    rollback: Option<DeploymentId>,
) -> Option<CameWith> {
    let look = async {
        let (place, name) = (environment.clone(), function.clone());
        let history = Command::History { environment: place, function: name, limit: Some(RECORDS) };
        let History { deployments, .. } = remote.send(&remote::request(history)).await.ok()?;
        let brought = brought_in_group(&deployments, left, rollback)?;
        let status = Command::status(Some(environment.clone()), None);
        let report = remote.send::<StatusReport>(&remote::request(status)).await.ok()?;
        find(brought, &report)
    };
    tokio::time::timeout(LOOK, look).await.ok().flatten()
}

/// Finds the newest record by which the release came in a group. A redeploy or a rollback that has brought it since has a
/// record without the group.
fn brought_in_group<'a>(
    records: &'a [DeploymentRecord],
    left: &Left,
    rollback: Option<DeploymentId>,
) -> Option<&'a DeploymentRecord> {
    let is_in_group = |record: &DeploymentRecord| record.promotion.as_ref().is_some_and(|it| it.group.is_some());
    records.iter().find(|record| is_in_group(record) && left.may_have_come_by(record, rollback))
}

/// Finds the other functions of the group that are live by the deployments that the group has given them.
fn find(brought: &DeploymentRecord, report: &StatusReport) -> Option<CameWith> {
    let is_by = |live: &LiveStatus, id| {
        live.deployment == id || live.renamed.as_ref().is_some_and(|renamed| renamed.deployment == id)
    };
    let here = report.functions.iter().filter(|status| status.environment == brought.environment);
    let others = here.filter(|status| status.function != brought.function).filter_map(|status| {
        let id = deployment_beside(brought, &status.function)?;
        let live = status.live.as_ref().filter(|live| is_by(live, id))?;
        Some((status.function.clone(), live.release.clone()))
    });
    let others: Vec<_> = others.collect();
    (!others.is_empty()).then_some(CameWith {
        release: brought.release.clone()?,
        environment: brought.environment.clone(),
        group: brought.promotion.as_ref()?.group?,
        others,
    })
}

impl CameWith {
    /// Says before a rollback what stays; in words that follow a label.
    pub fn before(&self) -> String {
        let stay = if self.others.len() == 1 { "it stays" } else { "they stay" };
        format!("{}, which came with it in group {}: {stay} live", self.names(), self.group)
    }

    /// Says after a rollback or a recall what is still live, and names the commands that roll it back too. `options` are
    /// those that a command needs to reach the same deployer.
    pub fn after(&self, options: &str) -> String {
        let Self { release, environment, group, others } = self;
        let (is, them) = if others.len() == 1 { ("is", "it") } else { ("are", "them") };
        let mut text = format!(
            "{} came with {release} in group {group}, and {is} still live in {environment}. To roll {them} back too:",
            self.names()
        );
        for (function, _) in others {
            text.push_str(&format!("\n  deployctl rollback -e {environment} -f {function}{options}"));
        }
        text
    }

    /// Makes one of a single function, for tests.
    #[cfg(test)]
    #[allow(clippy::unwrap_used)]
    pub fn example(environment: &str) -> Self {
        Self {
            release: "b".parse().unwrap(),
            environment: environment.parse().unwrap(),
            group: DeploymentId::parse("0000000000F0M57FDAT7ZC1HD8").unwrap(),
            others: vec![("bills".parse().unwrap(), "7".parse().unwrap())],
        }
    }

    fn names(&self) -> String {
        let names: Vec<String> =
            self.others.iter().map(|(function, release)| format!("{function} {release}")).collect();
        names.join(" and ")
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn brought(promotion: &Value) -> DeploymentRecord {
        serde_json::from_value(json!({
            "schema": 1, "id": "01JD3Z9V7Q0000000000000000", "environment": "prod", "function": "orders", "release": "2",
            "status": "succeeded", "code": null, "because": null, "promotion": promotion, "artifact": null, "targets": [],
            "cause": {"kind": "promotion", "requested_by": "ada", "event_id": "train-48"},
            "started_at": "2026-11-30T12:00:00Z", "finished_at": "2026-11-30T12:00:01Z",
        }))
        .unwrap()
    }

    #[test]
    fn record_of_the_group_is_found_behind_that_of_a_redeploy() {
        let group = json!({"from": "stage", "group": "0000000000F0M57FDAT7ZC1HD8"});
        let with = |id: &str, fields: &Value| {
            let mut record = serde_json::to_value(brought(&group)).unwrap();
            record["id"] = json!(format!("01JD3Z9V7Q000000000000000{id}"));
            fields.as_object().unwrap().iter().for_each(|(name, value)| record[name] = value.clone());
            serde_json::from_value::<DeploymentRecord>(record).unwrap()
        };
        let rollback = with("4", &json!({"release": "1", "promotion": null}));
        let redeploy = with("3", &json!({"promotion": null}));
        let refused = with("2", &json!({"status": "refused"}));
        let (came, other) = (with("1", &json!({})), with("0", &json!({"release": "0"})));
        let records = [rollback.clone(), redeploy.clone(), refused, came.clone(), other];
        let id = |deployment| {
            let left = Left { release: "2".parse().unwrap(), deployment, sha256: None };
            brought_in_group(&records, &left, Some(rollback.id)).map(|record| record.id)
        };
        // A recall knows the release only; a rollback knows the deployment that is live too.
        for deployment in [None, Some(redeploy.id), Some(came.id)] {
            assert_eq!(id(deployment), Some(came.id), "{deployment:?}");
        }
        let alone = Left { release: "2".parse().unwrap(), deployment: None, sha256: None };
        assert_eq!(brought_in_group(&records[..2], &alone, Some(rollback.id)), None);
    }

    fn found(promotion: &Value, live_by: impl Fn(&FunctionName) -> Option<DeploymentId>) -> Option<CameWith> {
        let other = "01JD3Z9V7Q0000000000000009";
        let status = |environment: &str, function: &str| {
            let by = live_by(&function.parse().unwrap()).map_or(other.to_owned(), |id| id.to_string());
            json!({"environment": environment, "function": function, "active": null, "pending": null, "hold": null,
                "rejected": false, "targets": [], "live": {"release": "7", "deployment": by,
                "since": "2026-11-30T12:00:00Z", "sha256": null}})
        };
        let functions =
            [status("prod", "bills"), status("prod", "orders"), status("prod", "stock"), status("stage", "bills")];
        find(&brought(promotion), &serde_json::from_value(json!({ "functions": functions })).unwrap())
    }

    #[test]
    fn others_of_the_group_are_found_by_the_deployments_that_it_gave_them() {
        let group = json!({"from": "stage", "group": "0000000000F0M57FDAT7ZC1HD8"});
        let by_group = |name: &FunctionName| deployment_beside(&brought(&group), name);
        let bills = |name: &FunctionName| by_group(name).filter(|_| name.as_str() == "bills");
        let one = found(&group, bills).unwrap();
        assert_eq!(one.before(), "bills 7, which came with it in group 0000000000F0M57FDAT7ZC1HD8: it stays live");
        assert_eq!(
            one.after(" --profile acme"),
            "bills 7 came with 2 in group 0000000000F0M57FDAT7ZC1HD8, and is still live in prod. To roll it back too:\n  \
             deployctl rollback -e prod -f bills --profile acme"
        );
        let both = found(&group, by_group).unwrap().after("");
        assert!(
            both.starts_with("bills 7 and stock 7 came with 2 ") && both.contains("are still live in prod"),
            "{both}"
        );
        assert!(
            both.ends_with("\n  deployctl rollback -e prod -f bills\n  deployctl rollback -e prod -f stock"),
            "{both}"
        );
        assert_eq!(found(&group, |_| None), None, "something else is live since");
        assert_eq!(found(&json!({"from": "stage"}), by_group), None, "it came alone");
    }
}
