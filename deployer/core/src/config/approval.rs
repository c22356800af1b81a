//! The approvals that promotions into an environment need, and whose approvals count.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::Span;
use super::principal_pattern::PrincipalPattern;
use super::promotion::or_default;
use crate::diagnostics::Diagnostic;
use crate::identity::{Principal, PrincipalKind};
use crate::text::counted;

/// The beginning of the names of the roles that IAM Identity Center makes. Their sessions bear the name of the user
/// (IAM Identity Center User Guide, "Referencing permission sets in resource policies").
const IDENTITY_CENTER_ROLES: &str = "AWSReservedSSO_";

/// The approvals that a promotion into an environment needs.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Approval {
    /// The number of people who must approve. The person who asked for the promotion does not count.
    #[schemars(range(min = 1, max = 10))]
    pub required: u32,
    /// The time after which a promotion without its approvals ends. Default: `7d`.
    #[serde(default)]
    pub expires: Option<Span>,
    /// Whether only people count whose identity AWS has proven, and only those of `approvers`. Whoever asks for the
    /// promotion must be proven too. Default: false.
    #[serde(default, deserialize_with = "or_default")]
    #[schemars(with = "Option<bool>")]
    pub proven: bool,
    /// The principals whose approvals count where `proven` is true.
    #[serde(default, deserialize_with = "or_default")]
    #[schemars(with = "Option<Vec<Approver>>")]
    pub approvers: Vec<Approver>,
}

/// A role or a user whose approval counts, or a pattern of several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approver {
    /// The ARN, with `*` for any characters in the name.
    pub arn: PrincipalPattern,
    /// Whether each session of the role counts by its name; without it the role counts once.
    pub session_names: Option<SessionNames>,
}

/// The meaning of the names of a role's sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SessionNames {
    /// They name people: nobody chooses the name of their own session.
    Trusted,
}

/// Somebody whose approval counts once, however often it comes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Voter(String);

impl fmt::Display for Voter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Approval {
    /// Returns as whom a principal counts: by the name of a session where names of sessions are people's, in whichever
    /// role and account it is; otherwise by the role or the user.
    #[must_use]
    pub fn voter(&self, principal: &Principal) -> Voter {
        let (partition, account) = (principal.partition(), principal.account());
        Voter(match principal.kind() {
            PrincipalKind::Role { role, session } if self.trusts_sessions(principal, role) => {
                format!("session name {}", session.to_ascii_lowercase())
            }
            PrincipalKind::Role { role, .. } => format!("arn:{partition}:iam::{account}:role/{role}"),
            PrincipalKind::User { .. } | PrincipalKind::Other => principal.to_string(),
        })
    }

    /// Whether a principal is one of the approvers.
    #[must_use]
    pub fn counts(&self, principal: &Principal) -> bool {
        self.approvers.iter().any(|approver| approver.arn.matches(principal))
    }

    fn trusts_sessions(&self, principal: &Principal, role: &str) -> bool {
        let is_trusted = |approver: &Approver| approver.session_names.is_some() && approver.arn.matches(principal);
        role.starts_with(IDENTITY_CENTER_ROLES) || self.approvers.iter().any(is_trusted)
    }

    /// Finds the rules that it breaks; `partition` is the deployer's, as far as it is known.
    pub(super) fn diagnostics(&self, partition: Option<&str>) -> Vec<Diagnostic> {
        let mut found = Vec::new();
        if !(1..=10).contains(&self.required) {
            found.push(Diagnostic::new("required", "must be 1 to 10"));
        }
        if self.expires.is_some_and(Span::is_zero) {
            found.push(Diagnostic::new("expires", "must be longer than 0s: nobody could approve anything"));
        }
        if self.proven && self.approvers.is_empty() {
            found.push(Diagnostic::new(
                "approvers",
                "must name whose approvals count: with proven = true any role of any account would count otherwise",
            ));
        }
        if !self.proven && !self.approvers.is_empty() {
            found.push(Diagnostic::new(
                "approvers",
                "needs proven = true: an approver is known by a proven identity only",
            ));
        }
        let mut seen = BTreeSet::new();
        for (index, Approver { arn, session_names }) in self.approvers.iter().enumerate() {
            let path = format!("approvers[{index}]");
            if !seen.insert(arn.as_str()) {
                found.push(Diagnostic::new(path.as_str(), format_args!("{arn} is there twice")));
            }
            if session_names.is_some() && !arn.is_role() {
                let sentence = "is for roles: a user has no sessions that are named";
                found.push(Diagnostic::new(format!("{path}.session_names"), sentence));
            }
            if partition.is_some_and(|partition| partition != arn.partition()) {
                let (theirs, own) = (arn.partition(), partition.unwrap_or_default());
                found.push(Diagnostic::new(
                    path,
                    format_args!(
                        "{arn} is in the partition {theirs}, and the deployer's STS knows those of {own} only"
                    ),
                ));
            }
        }
        if let Some(most) = self.most_voters().filter(|most| self.proven && *most > 0 && *most < self.required) {
            found.push(Diagnostic::new(
                "approvers",
                format_args!(
                    "can never give {} approvals: those listed count {} at most, because a user and a role \
                     whose session_names are not trusted count once",
                    self.required,
                    counted(most, "time")
                ),
            ));
        }
        found
    }

    /// Returns how many voters the approvers can be at most; none: any number.
    fn most_voters(&self) -> Option<u32> {
        let each = self.approvers.iter().map(|Approver { arn, session_names }| {
            let counts_once =
                session_names.is_none() && arn.is_exact() && !arn.name().starts_with(IDENTITY_CENTER_ROLES);
            counts_once.then_some(arn.without_path())
        });
        let each: Option<BTreeSet<String>> = each.collect();
        each.map(|voters| u32::try_from(voters.len()).unwrap_or(u32::MAX))
    }
}

impl<'de> Deserialize<'de> for Approver {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        /// The longer form.
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Fields {
            arn: PrincipalPattern,
            #[serde(default)]
            session_names: Option<SessionNames>,
        }
        struct ArnOrFields;
        impl<'de> Visitor<'de> for ArnOrFields {
            type Value = Approver;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the ARN of a role or a user, or an object with arn and session_names")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Approver, E> {
                let arn = PrincipalPattern::parse(text).map_err(E::custom)?;
                Ok(Approver { arn, session_names: None })
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Approver, A::Error> {
                let Fields { arn, session_names } = Fields::deserialize(MapAccessDeserializer::new(map))?;
                Ok(Approver { arn, session_names })
            }
        }
        from.deserialize_any(ArnOrFields)
    }
}

impl JsonSchema for Approver {
    fn schema_name() -> Cow<'static, str> {
        "Approver".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let (arn, names) = (generator.subschema_for::<PrincipalPattern>(), generator.subschema_for::<SessionNames>());
        json_schema!({
            "description": "The ARN of a role or a user, or an object with the ARN and the meaning of the names of the \
                            role's sessions.",
            "anyOf": [arn, {
                "type": "object",
                "additionalProperties": false,
                "required": ["arn"],
                "properties": { "arn": arn, "session_names": { "anyOf": [names, { "type": "null" }] } }
            }]
        })
    }
}
