//! The proof of identity that a request carries.

use std::borrow::Cow;
use std::fmt;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value};

use super::audience::Audience;
use super::digest::RequestDigest;

/// The form of `X-Amz-Date`.
const DATE: &str = "%Y%m%dT%H%M%SZ";
/// The most characters of a session token. AWS gives no limit; known ones have some 2,000.
const LONGEST_TOKEN: usize = 16_384;
const FORM: &str = "it has access_key_id, date, signature, audience, and session_token where the credentials have one";

/// A signature of `sts:GetCallerIdentity` for one deployer and one request.
///
/// It is a secret: until it expires, STS answers whoever has it. So it is neither serialized nor shown by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct IdentityProof {
    pub(super) access_key_id: String,
    pub(super) date: Timestamp,
    pub(super) session_token: Option<String>,
    pub(super) signature: String,
    pub(super) audience: Audience,
    pub(super) request: RequestDigest,
}

impl IdentityProof {
    /// Makes a proof of what a signer has made.
    #[must_use]
    pub fn new(
        (access_key_id, session_token): (String, Option<String>),
        (date, signature): (Timestamp, String),
        (audience, request): (Audience, RequestDigest),
    ) -> Self {
        Self { access_key_id, date, session_token, signature, audience, request }
    }

    /// Reads the field `identity` of a request that has this hash.
    ///
    /// # Errors
    /// The mistake, which never quotes a value.
    pub fn parse(fields: &Value, request: RequestDigest) -> Result<Self, String> {
        let fields = fields.as_object().ok_or_else(|| format!("identity must be an object: {FORM}"))?;
        let known = ["access_key_id", "date", "session_token", "signature", "audience"];
        if fields.keys().any(|name| !known.contains(&name.as_str())) {
            return Err(format!("identity has a field that is not known: {FORM}"));
        }
        let text = |name: &str| match fields.get(name) {
            Some(Value::String(text)) => Ok(text.as_str()),
            _ => Err(format!("identity.{name} must be a text: {FORM}")),
        };
        let wrong = |name: &str, rule: &str| format!("identity.{name} must be {rule}");
        // STS API Reference, Credentials: AccessKeyId.
        let access_key_id = text("access_key_id")?;
        if access_key_id.is_empty()
            || access_key_id.len() > 128
            || !access_key_id.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        {
            return Err(wrong("access_key_id", "an access key's id"));
        }
        let date = text("date")?;
        let date = DateTime::strptime(DATE, date).ok().filter(|_| date.len() == 16);
        let date = date.and_then(|date| date.to_zoned(TimeZone::UTC).ok()).map(|date| date.timestamp());
        let date = date.ok_or_else(|| wrong("date", "the time of the signature, such as 20261130T035000Z"))?;
        let session_token = match fields.get("session_token") {
            None | Some(Value::Null) => None,
            Some(_) => Some(text("session_token")?),
        };
        // A header's value: nothing that could begin another header.
        let fits =
            |token: &str| (1..=LONGEST_TOKEN).contains(&token.len()) && token.chars().all(|c| c.is_ascii_graphic());
        if session_token.is_some_and(|token| !fits(token)) {
            return Err(wrong("session_token", "a session token"));
        }
        let signature = text("signature")?;
        let is_hex = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
        if signature.len() != 64 || !signature.chars().all(is_hex) {
            return Err(wrong("signature", "the 64 hexadecimal digits of a signature"));
        }
        let audience = Audience::parse(text("audience")?)
            .map_err(|_| wrong("audience", "the ARN of the deployer's Lambda, without a version or an alias"))?;
        Ok(Self {
            access_key_id: access_key_id.to_owned(),
            date,
            session_token: session_token.map(str::to_owned),
            signature: signature.to_owned(),
            audience,
            request,
        })
    }

    /// Returns the field `identity` of a request. Only the sender of the request calls this.
    #[must_use]
    pub fn expose(&self) -> Value {
        let mut fields = Map::new();
        fields.insert("access_key_id".into(), self.access_key_id.clone().into());
        fields.insert("date".into(), amz_date(self.date).into());
        if let Some(token) = &self.session_token {
            fields.insert("session_token".into(), token.clone().into());
        }
        fields.insert("signature".into(), self.signature.clone().into());
        fields.insert("audience".into(), self.audience.as_str().into());
        Value::Object(fields)
    }

    /// Returns the deployer that it is for, as its giver says.
    #[must_use]
    pub fn audience(&self) -> &Audience {
        &self.audience
    }
}

/// Writes a time as `X-Amz-Date` has it.
pub(super) fn amz_date(time: Timestamp) -> String {
    time.strftime(DATE).to_string()
}

impl fmt::Debug for IdentityProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IdentityProof(***)")
    }
}

impl JsonSchema for IdentityProof {
    fn schema_name() -> Cow<'static, str> {
        "Identity".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schemars::json_schema!({
            "description": "A signature of sts:GetCallerIdentity for this deployer and this request \
                            (docs/concepts/identity.md). It is a secret until it expires.",
            "type": "object",
            "additionalProperties": false,
            "required": ["access_key_id", "date", "signature", "audience"],
            "properties": {
                "access_key_id": {
                    "description": "The id of the access key that signed.",
                    "type": "string", "pattern": r"^\w{1,128}$"
                },
                "date": {
                    "description": "The time of the signature, as X-Amz-Date has it.",
                    "type": "string", "pattern": "^[0-9]{8}T[0-9]{6}Z$"
                },
                "session_token": {
                    "description": "The session token, if the credentials have one.",
                    "type": ["string", "null"]
                },
                "signature": {
                    "description": "The signature, in hexadecimal.",
                    "type": "string", "pattern": "^[0-9a-f]{64}$"
                },
                "audience": {
                    "description": "The ARN of the deployer's Lambda, without a version or an alias.",
                    "type": "string"
                }
            }
        })
    }
}
