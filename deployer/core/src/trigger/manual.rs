//! What is called by hand or by a schedule, and the deployer's own ticks.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::fields::{free_text, in_field};
use super::promotion;
use super::tick::Tick;
use crate::asked::FORMAT;
use crate::id::{DeploymentId, EnvironmentName, FunctionName, FunctionPattern, Release, Sha256};
use crate::package::Startup;
use crate::promotion::Functions;
use crate::text::Person;

/// A command to the deployer, and who gives it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Order")]
pub struct CommandRequest {
    /// What shall be done.
    #[serde(flatten)]
    pub command: Command,
    /// Who asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested_by: Option<Person>,
    /// By what the request is known: the same id again is the same request. The invocation's own id, unless told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
}

/// What the deployer's Lambda is invoked with by hand, or by a schedule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "command", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Command {
    /// Looks at every function that may have work open. Sent by a schedule.
    Sweep {},
    /// Deploys the newest version of a release's key.
    Deploy {
        /// The environment.
        environment: EnvironmentName,
        /// The function.
        function: FunctionName,
        /// The release.
        release: Release,
    },
    /// Brings every target to what is live.
    Redeploy {
        /// The environment.
        environment: EnvironmentName,
        /// The function.
        function: FunctionName,
    },
    /// Goes back to what was live before.
    Rollback {
        /// The environment.
        environment: EnvironmentName,
        /// The function.
        function: FunctionName,
        /// To this release; the one before, unless told.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to: Option<Release>,
        /// Refused unless this is live: a release, or the id of the deployment that brought it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        if_live: Option<String>,
        /// Refused unless this deployment is under way, or has ended meanwhile as what is live.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        if_active: Option<DeploymentId>,
    },
    /// Brings what one environment has live to another.
    Promote {
        /// The function, or a pattern of names: each that matches and is ready.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        function: Option<FunctionPattern>,
        /// Several functions that go together: none moves unless all may. In place of `function`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        functions: Option<Vec<FunctionName>>,
        /// From there.
        from: EnvironmentName,
        /// To there.
        to: EnvironmentName,
        /// This release; what is live, unless told.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        release: Option<Release>,
        /// The request is of no use after this time.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        not_after: Option<Timestamp>,
        /// Why it goes into a frozen environment all the same.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        override_freeze: Option<String>,
    },
    /// Approves a promotion that waits for it.
    Approve {
        /// Where the promotion goes.
        environment: EnvironmentName,
        /// Of which function; absent where `deployment` is a group.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        function: Option<FunctionName>,
        /// Which promotion, or which group; the one that waits, unless told.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        deployment: Option<DeploymentId>,
    },
    /// Declines a promotion that waits: it ends.
    Decline {
        /// Where the promotion goes.
        environment: EnvironmentName,
        /// Of which function; absent where `deployment` is a group.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        function: Option<FunctionName>,
        /// Which promotion, or which group; the one that waits, unless told.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        deployment: Option<DeploymentId>,
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// Rejects a release, and rolls it back wherever it is live.
    Recall {
        /// The function.
        function: FunctionName,
        /// The release.
        release: Release,
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// Tells what a deployment would change, and changes nothing.
    Plan {
        /// The environment.
        environment: EnvironmentName,
        /// The function.
        function: FunctionName,
        /// The newest version of this release's key; what is live, unless told.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        release: Option<Release>,
        /// A zip that was not uploaded, by what the plan needs of it. Not together with `release`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        package: Option<DescribedPackage>,
    },
    /// Tells what is live, open, held and rejected.
    Status {
        /// Only this environment.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        environment: Option<EnvironmentName>,
        /// Only this function.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        function: Option<FunctionName>,
    },
    /// The newest records of a function in an environment.
    History {
        /// The environment.
        environment: EnvironmentName,
        /// The function.
        function: FunctionName,
        /// How many; 20 unless told, 100 at most.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        limit: Option<u32>,
    },
    /// Takes nothing new into the environment for the function, until it is released.
    Hold {
        /// The environment.
        environment: EnvironmentName,
        /// The function.
        function: FunctionName,
        /// Why.
        reason: String,
    },
    /// Ends a hold.
    ReleaseHold {
        /// The environment.
        environment: EnvironmentName,
        /// The function.
        function: FunctionName,
    },
    /// Marks a release of a function as bad, everywhere.
    Reject {
        /// The function.
        function: FunctionName,
        /// The release.
        release: Release,
        /// Why.
        reason: String,
    },
    /// Ends a reject.
    Unreject {
        /// The function.
        function: FunctionName,
        /// The release.
        release: Release,
    },
    /// Walks the whole chain of trust and tells where it is broken, and changes nothing.
    Doctor {
        /// Only this environment.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        environment: Option<EnvironmentName>,
    },
}

/// A zip that was not uploaded: what a plan needs of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DescribedPackage {
    /// Its hash.
    pub sha256: Sha256,
    /// Its size in bytes.
    pub size: u64,
    /// `function.toml` or `function.json`, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest: Option<DescribedManifest>,
    /// What in it decides whether Lambda can start it.
    #[serde(default)]
    pub startup: Startup,
}

/// A manifest, as it is in the zip.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DescribedManifest {
    /// `function.toml` or `function.json`.
    pub file: String,
    /// Its text.
    pub text: String,
}

const KNOWN: [&str; 16] = [
    "deploy",
    "redeploy",
    "rollback",
    "promote",
    "approve",
    "decline",
    "recall",
    "plan",
    "status",
    "history",
    "hold",
    "release-hold",
    "reject",
    "unreject",
    "doctor",
    "sweep",
];

impl CommandRequest {
    /// The payload that says so.
    #[must_use]
    pub fn payload(&self) -> Value {
        serde_json::to_value(self).unwrap_or_else(|_| json!({}))
    }
}

/// Reads a command. Of one that is wrong it is said what would be right.
pub(super) fn order(payload: &Value) -> Result<CommandRequest, String> {
    let Some(name) = payload.get("command").and_then(Value::as_str) else {
        return Err(format!("\"command\" must be a text: one of {}", KNOWN.join(", ")));
    };
    if !KNOWN.contains(&name) {
        return Err(format!("unknown command {name:?}; this deployer knows {}", KNOWN.join(", ")));
    }
    let wrong = |error: String| format!("command {name}: {error}");
    let mut fields = payload.clone();
    let mut text = |field: &str| match fields.as_object_mut().and_then(|fields| fields.remove(field)) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => free_text(field, &text).map(|()| Some(text)),
        Some(_) => Err(format!("{field} must be a text")),
    };
    let (requested_by, id) = (text("requested_by").map_err(wrong)?, text("id").map_err(wrong)?);
    let command =
        Command::deserialize(&fields).map_err(|error| wrong(in_field::<Command>(&fields, &error.to_string())))?;
    command.check().map_err(wrong)?;
    Ok(CommandRequest { command, requested_by: requested_by.map(Person::from), id })
}

impl Command {
    /// What its types cannot say.
    fn check(&self) -> Result<(), String> {
        match self {
            Self::Hold { reason, .. } | Self::Reject { reason, .. } => free_text("reason", reason),
            Self::Rollback { if_live: Some(seen), .. } => free_text("if_live", seen),
            Self::Promote { from, to, .. } if from == to => Err("from and to must be two environments".into()),
            Self::Promote { function, functions, release, override_freeze, .. } => {
                let functions = Functions::of(function.clone(), functions.clone())?;
                promotion::check(&functions, release.as_ref())?;
                override_freeze.as_deref().map_or(Ok(()), |reason| free_text("override_freeze", reason))
            }
            Self::Approve { function: None, deployment: None, .. }
            | Self::Decline { function: None, deployment: None, .. } => {
                Err("function is missing (or deployment, the id of a group)".into())
            }
            Self::Decline { reason: Some(reason), .. } | Self::Recall { reason: Some(reason), .. } => {
                free_text("reason", reason)
            }
            Self::Plan { release: Some(_), package: Some(_), .. } => {
                Err("release and package exclude each other: an upload is planned, or a file".into())
            }
            _ => Ok(()),
        }
    }
}

/// The body of one of our own messages. Those of before bear no format.
pub(super) fn tick(value: &Value) -> Option<Result<Tick, String>> {
    #[derive(Deserialize)]
    struct Body {
        tick: Tick,
    }
    value.get("tick")?;
    let format = value.get("format").map_or(Some(1), Value::as_u64);
    if format.is_none_or(|format| format > u64::from(FORMAT)) {
        let found = value.get("format").map_or_else(String::new, Value::to_string);
        return Some(Err(format!("a tick of format {found}, and this deployer knows {FORMAT}")));
    }
    Some(Body::deserialize(value).map(|body| body.tick).map_err(|error| format!("a tick that cannot be read: {error}")))
}
