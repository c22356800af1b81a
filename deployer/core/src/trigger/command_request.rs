//! Decodes a command with the person who gives it, its id and the proof of who that person is.

use schemars::JsonSchema;
use serde::{Deserialize as _, Serialize};
use serde_json::{Value, json};

use super::command::{Command, SKIP_ROLLOUT};
use super::fields::{check_free_text, decode_proof, with_field};
use crate::identity::{IDENTITY, IdentityProof, RequestDigest, without_identity};
use crate::text::Person;

/// A command to the deployer, with the person who gives it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "Order")]
pub struct CommandRequest {
    /// The command.
    #[serde(flatten)]
    pub command: Command,
    /// The person who asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested_by: Option<Person>,
    /// The id of the request; a repeated id is the same request. Default: the invocation's own id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Whether this only asks what became of the command of this id: it changes nothing, and the answer is that of the
    /// command, or null where the deployer does not know the id. It needs `id`, and is for the commands that deploy,
    /// `approve` and `recall`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub only_if_known: bool,
    /// The proof of the person's identity, which is signed for this command as it is. It needs `id`.
    #[serde(skip_serializing)]
    pub identity: Option<IdentityProof>,
}

/// The field by which a request asks what became of an earlier one.
const ONLY_IF_KNOWN: &str = "only_if_known";

const KNOWN: [&str; 17] = [
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
    "rollout",
    "reject",
    "unreject",
    "doctor",
    "sweep",
];

impl CommandRequest {
    /// Returns the payload of an invocation with this command. It holds the proof of identity, which is a secret.
    #[must_use]
    pub fn payload(&self) -> Value {
        let mut payload = serde_json::to_value(self).unwrap_or_else(|_| json!({}));
        if let (Some(proof), Some(fields)) = (&self.identity, payload.as_object_mut()) {
            fields.insert(IDENTITY.to_owned(), proof.expose());
        }
        payload
    }

    /// Whether it changes nothing, or nothing that a person asks for.
    #[must_use]
    pub fn is_read_only(&self) -> bool {
        self.only_if_known || self.command.is_read_only()
    }
}

/// Reads a command. An error names the valid forms.
pub(super) fn decode_command(payload: &Value) -> Result<CommandRequest, String> {
    let Some(name) = payload.get("command").and_then(Value::as_str) else {
        return Err(format!("\"command\" must be a text: one of {}", KNOWN.join(", ")));
    };
    if !KNOWN.contains(&name) {
        return Err(format!("unknown command {name:?}; this deployer knows {}", KNOWN.join(", ")));
    }
    let wrong = |error: String| format!("command {name}: {error}");
    let mut fields = without_identity(payload);
    let mut text = |field: &str| match fields.as_object_mut().and_then(|fields| fields.remove(field)) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => check_free_text(field, &text).map(|()| Some(text)),
        Some(_) => Err(format!("{field} must be a text")),
    };
    let (requested_by, id) = (text("requested_by").map_err(wrong)?, text("id").map_err(wrong)?);
    let only_if_known = match fields.as_object_mut().and_then(|fields| fields.remove(ONLY_IF_KNOWN)) {
        None | Some(Value::Null) => false,
        Some(Value::Bool(only)) => only,
        Some(_) => return Err(wrong(format!("{ONLY_IF_KNOWN} must be true or false"))),
    };
    if only_if_known && id.is_none() {
        return Err(wrong(format!("{ONLY_IF_KNOWN} needs id: it asks what became of the command of that id")));
    }
    let identity = decode_proof(payload, || RequestDigest::of_command(payload)).map_err(wrong)?;
    if identity.is_some() && id.is_none() {
        return Err(wrong("identity needs id: a proof is for one request".to_owned()));
    }
    if matches!(name, "rollback" | "redeploy") && fields.get(SKIP_ROLLOUT).is_some() {
        return Err(wrong(format!(
            "{SKIP_ROLLOUT} is for deploy and promote: a {name} never rolls out, and moves all traffic at once"
        )));
    }
    let command =
        Command::deserialize(&fields).map_err(|error| wrong(with_field::<Command>(&fields, &error.to_string())))?;
    command.check().map_err(wrong)?;
    if only_if_known && !command.is_known_by_its_id() {
        return Err(wrong(format!(
            "{ONLY_IF_KNOWN} is for deploy, redeploy, rollback, promote, approve and recall: the answer of {name} tells nothing \
             of an earlier one"
        )));
    }
    Ok(CommandRequest { command, requested_by: requested_by.map(Person::from), id, only_if_known, identity })
}
