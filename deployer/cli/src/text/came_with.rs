//! The functions that came together with a release, as one group, and are still live as they came, as the deployer tells
//! them. A rollback and a recall move one function, and the others of its group stay. An older deployer does not tell.

use deployer_core::id::{DeploymentId, EnvironmentName, FunctionName, Release};
use deployer_core::status::{self, Companion, FunctionStatus};

/// The other functions of a group that are live as the group has brought them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CameWith {
    release: Release,
    environment: EnvironmentName,
    group: DeploymentId,
    others: Vec<(FunctionName, Release)>,
}

impl CameWith {
    /// Makes it of the live release.
    pub fn of_live(status: &FunctionStatus) -> Option<Self> {
        let live = status.live.as_ref()?;
        Some(Self::new(&status.environment, &live.release, live.came_with.as_ref()?))
    }

    /// Makes it of the release that the last rollback has left, if that is this one.
    pub fn of_left(status: &FunctionStatus, release: &Release) -> Option<Self> {
        let left = status.left.as_ref().filter(|left| left.release == *release)?;
        Some(Self::new(&status.environment, release, left.came_with.as_ref()?))
    }

    /// Makes it of a release that an environment has, or had, by a group.
    pub fn new(environment: &EnvironmentName, release: &Release, came_with: &status::CameWith) -> Self {
        let others =
            came_with.functions.iter().map(|Companion { function, release }| (function.clone(), release.clone()));
        Self {
            release: release.clone(),
            environment: environment.clone(),
            group: came_with.group,
            others: others.collect(),
        }
    }

    /// Names what is live as it came with the release; in words that follow a label.
    pub fn told(&self) -> String {
        format!("{}, which came with it in group {}", self.names(), self.group)
    }

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

    const GROUP: &str = "0000000000F0M57FDAT7ZC1HD8";

    fn status(with_live: &Value, with_left: &Value) -> FunctionStatus {
        let (id, since) = ("01JD3Z9V7Q0000000000000000", "2026-11-30T12:00:00Z");
        serde_json::from_value(json!({"environment": "prod", "function": "orders", "active": null, "pending": null,
            "hold": null, "rejected": false, "targets": [],
            "live": {"release": "2", "deployment": id, "since": since, "sha256": null, "came_with": with_live},
            "left": {"release": "3", "deployment": id, "came_with": with_left}}))
        .unwrap()
    }

    #[test]
    fn others_of_the_group_are_told_as_the_status_has_them() {
        let one = json!({"group": GROUP, "functions": [{"function": "bills", "release": "7"}]});
        let two = json!({"group": GROUP, "functions": [{"function": "bills", "release": "7"},
            {"function": "stock", "release": "8"}]});
        let told = status(&one, &two);
        let live = CameWith::of_live(&told).unwrap();
        assert_eq!(live.before(), format!("bills 7, which came with it in group {GROUP}: it stays live"));
        assert_eq!(
            live.after(" --profile acme"),
            format!(
                "bills 7 came with 2 in group {GROUP}, and is still live in prod. To roll it back too:\n  \
                 deployctl rollback -e prod -f bills --profile acme"
            )
        );
        let left = CameWith::of_left(&told, &"3".parse().unwrap()).unwrap().after("");
        assert!(
            left.starts_with("bills 7 and stock 8 came with 3 ") && left.contains("are still live in prod"),
            "{left}"
        );
        assert!(
            left.ends_with("\n  deployctl rollback -e prod -f bills\n  deployctl rollback -e prod -f stock"),
            "{left}"
        );
        assert_eq!(CameWith::of_left(&told, &"4".parse().unwrap()), None, "another one was left since");
        let alone = status(&Value::Null, &Value::Null);
        assert_eq!((CameWith::of_live(&alone), CameWith::of_left(&alone, &"3".parse().unwrap())), (None, None));
    }
}
