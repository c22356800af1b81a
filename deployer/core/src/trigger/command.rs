//! The commands of people and schedules.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::fields::check_free_text;
use super::promotion;
use crate::id::{DeploymentId, EnvironmentName, FunctionName, FunctionPattern, Release, Sha256};
use crate::package::Startup;
use crate::promotion::Functions;
use crate::rollout::RolloutVerb;

/// The commands to the deployer's Lambda, from people or a schedule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "command", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Command {
    /// Continues the open work of every function. A schedule sends it.
    Sweep {},
    /// Deploys the newest upload of a release.
    Deploy {
        /// The environment.
        environment: EnvironmentName,
        /// The function.
        function: FunctionName,
        /// The release.
        release: Release,
        /// The reason for skipping the steps of the environment's rollout. Smoke tests and the watch stay.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        skip_rollout: Option<String>,
    },
    /// Brings every target to the live release.
    Redeploy {
        /// The environment.
        environment: EnvironmentName,
        /// The function.
        function: FunctionName,
    },
    /// Goes back to the release that was live before.
    Rollback {
        /// The environment.
        environment: EnvironmentName,
        /// The function.
        function: FunctionName,
        /// The release to go back to. Default: the one that was live before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to: Option<Release>,
        /// The rollback is refused unless this is live: a release, or the id of the deployment that brought it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        if_live: Option<String>,
        /// The rollback is refused unless this deployment is under way, or has ended meanwhile and is live. With `to` and
        /// `if_live` either may hold.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        if_active: Option<DeploymentId>,
    },
    /// Promotes the live release of one environment to another.
    Promote {
        /// The function, or a pattern of names: each function that matches and is ready is promoted.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        function: Option<FunctionPattern>,
        /// Several functions that are promoted together: none moves unless all may. Use it in place of `function`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        functions: Option<Vec<FunctionName>>,
        /// The environment to promote from.
        from: EnvironmentName,
        /// The environment to promote to.
        to: EnvironmentName,
        /// The release. Default: the one that is live in `from`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        release: Option<Release>,
        /// The time after which the request expires.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        not_after: Option<Timestamp>,
        /// The reason for overriding a freeze.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        override_freeze: Option<String>,
        /// The reason for skipping the steps of the environment's rollout. Smoke tests and the watch stay.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        skip_rollout: Option<String>,
    },
    /// Approves a waiting promotion.
    Approve {
        /// The environment that the promotion goes to.
        environment: EnvironmentName,
        /// The function of the promotion; absent if `deployment` is a group.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        function: Option<FunctionName>,
        /// The id of the promotion or the group. Default: the promotion that waits there.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        deployment: Option<DeploymentId>,
    },
    /// Declines a waiting promotion, which ends it.
    Decline {
        /// The environment that the promotion goes to.
        environment: EnvironmentName,
        /// The function of the promotion; absent if `deployment` is a group.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        function: Option<FunctionName>,
        /// The id of the promotion or the group. Default: the promotion that waits there.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        deployment: Option<DeploymentId>,
        /// The reason.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// Rejects a release, and rolls it back wherever it is live.
    Recall {
        /// The function.
        function: FunctionName,
        /// The release.
        release: Release,
        /// The reason. Default: that of the reject, if the release is rejected already.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// Shows what a deployment would change, and changes nothing.
    Plan {
        /// The environment.
        environment: EnvironmentName,
        /// The function.
        function: FunctionName,
        /// The release, of which the newest upload is planned. Default: the live one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        release: Option<Release>,
        /// The description of a zip that was not uploaded. It excludes `release`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        package: Option<DescribedPackage>,
        /// Whether a rollback is planned. It excludes `release`, `package` and `promote_from`.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        rollback: bool,
        /// The release to roll back to. Default: the one that was live before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to: Option<Release>,
        /// The environment to promote from: `release`, or what is live there, is planned as its promotion.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        promote_from: Option<EnvironmentName>,
        /// The waiting promotion to plan, with its exact artifact. It excludes all other fields.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        deployment: Option<DeploymentId>,
    },
    /// Shows what is live, open, held and rejected.
    Status {
        /// The environment. Default: all.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        environment: Option<EnvironmentName>,
        /// The function. Default: all.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        function: Option<FunctionName>,
        /// Whether the targets of a rollout are looked at now, as the sweep does each minute. It needs one function in one
        /// environment. Without it no target account is asked.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        look: bool,
        /// The id of a group of the environment, open or ended: it alone is shown. It needs an environment and no function.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        group: Option<DeploymentId>,
    },
    /// Shows the newest records of a function in an environment.
    History {
        /// The environment.
        environment: EnvironmentName,
        /// The function.
        function: FunctionName,
        /// The number of records, at most 100. Default: 20.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        limit: Option<u32>,
    },
    /// Sets a hold: the environment takes nothing new for the function until it is released. Rollbacks still work.
    Hold {
        /// The environment.
        environment: EnvironmentName,
        /// The function.
        function: FunctionName,
        /// The reason.
        reason: String,
        /// Whether the function may be one that no environment knows yet. Default: false, so that a misspelt name is
        /// refused.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        new: bool,
    },
    /// Ends a hold.
    ReleaseHold {
        /// The environment.
        environment: EnvironmentName,
        /// The function.
        function: FunctionName,
    },
    /// Pauses, continues, finishes or aborts the rollout that is under way.
    Rollout {
        /// The environment.
        environment: EnvironmentName,
        /// The function.
        function: FunctionName,
        /// The deployment that is rolled out. A late command changes no newer rollout.
        deployment: DeploymentId,
        /// The word.
        action: RolloutVerb,
        /// The reason.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// Rejects a release of a function in every environment.
    Reject {
        /// The function.
        function: FunctionName,
        /// The release.
        release: Release,
        /// The reason.
        reason: String,
    },
    /// Ends a reject.
    Unreject {
        /// The function.
        function: FunctionName,
        /// The release.
        release: Release,
    },
    /// Checks the whole chain of trust, reports where it is broken, and changes nothing.
    Doctor {
        /// The environment. Default: all.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        environment: Option<EnvironmentName>,
    },
}

/// The facts about a zip that was not uploaded which a plan needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DescribedPackage {
    /// The zip's SHA-256 in base64.
    pub sha256: Sha256,
    /// The zip's size in bytes.
    pub size: u64,
    /// The manifest, if the zip has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest: Option<DescribedManifest>,
    /// The facts about its contents that decide whether Lambda can start it.
    #[serde(default)]
    pub startup: Startup,
}

/// A manifest as it is in the zip.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DescribedManifest {
    /// The file's name: `function.toml` or `function.json`.
    pub file: String,
    /// The file's text.
    pub text: String,
}

/// The field by which a person skips the steps of a rollout.
pub(super) const SKIP_ROLLOUT: &str = "skip_rollout";

impl Command {
    /// Asks for the status of a function, an environment, or all, without a look at any target.
    #[must_use]
    pub fn status(environment: Option<EnvironmentName>, function: Option<FunctionName>) -> Self {
        Self::Status { environment, function, look: false, group: None }
    }

    /// Whether it changes nothing, or nothing that a person asks for.
    #[must_use]
    pub fn is_read_only(&self) -> bool {
        matches!(
            self,
            Self::Sweep {} | Self::Plan { .. } | Self::Status { .. } | Self::History { .. } | Self::Doctor { .. }
        )
    }

    /// Whether the ledger tells by the command's id what became of it.
    pub(super) fn is_known_by_its_id(&self) -> bool {
        matches!(
            self,
            Self::Deploy { .. }
                | Self::Redeploy { .. }
                | Self::Rollback { .. }
                | Self::Promote { .. }
                | Self::Approve { .. }
                | Self::Recall { .. }
        )
    }

    /// Checks the rules that the types do not express.
    pub(super) fn check(&self) -> Result<(), String> {
        match self {
            Self::Hold { reason, .. } | Self::Reject { reason, .. } => check_free_text("reason", reason),
            Self::Rollback { if_live: Some(seen), .. } => check_free_text("if_live", seen),
            Self::Promote { from, to, .. } if from == to => Err("from and to must be two environments".into()),
            Self::Deploy { skip_rollout: Some(reason), .. } => check_free_text(SKIP_ROLLOUT, reason),
            Self::Promote { function, functions, release, override_freeze, skip_rollout, .. } => {
                let functions = Functions::of(function.clone(), functions.clone())?;
                promotion::check_release(&functions, release.as_ref())?;
                let reasons = [("override_freeze", override_freeze), (SKIP_ROLLOUT, skip_rollout)];
                let mut given = reasons.into_iter().filter_map(|(field, reason)| Some((field, reason.as_deref()?)));
                given.try_for_each(|(field, reason)| check_free_text(field, reason))
            }
            Self::Approve { function: None, deployment: None, .. }
            | Self::Decline { function: None, deployment: None, .. } => {
                Err("function is missing (or deployment, the id of a group)".into())
            }
            Self::Decline { reason: Some(reason), .. }
            | Self::Recall { reason: Some(reason), .. }
            | Self::Rollout { reason: Some(reason), .. } => check_free_text("reason", reason),
            Self::Plan { release: Some(_), package: Some(_), .. } => {
                Err("release and package exclude each other: an upload is planned, or a file".into())
            }
            Self::Plan { rollback: false, to: Some(_), .. } => {
                Err("to is for a rollback: say \"rollback\": true, or release".into())
            }
            Self::Plan { environment, promote_from: Some(from), .. } if from == environment => {
                Err("environment and promote_from must be two environments".into())
            }
            Self::Plan { release, package, rollback, promote_from, deployment, .. } => {
                let of_upload = release.is_some() && promote_from.is_none();
                let given = [of_upload, package.is_some(), *rollback, promote_from.is_some(), deployment.is_some()];
                let is_one = given.into_iter().filter(|given| *given).count() <= 1;
                is_one
                    .then_some(())
                    .ok_or_else(|| "release, package, rollback, promote_from and deployment exclude each other".into())
            }
            _ => Ok(()),
        }
    }
}
