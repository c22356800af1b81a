//! STS as it answers who has signed a call: it knows the keys that a test gives it, and refuses every signature that
//! was made for another call.
//!
//! A signature here is the hash of the key's secret and of every part of the call, so it fits no other call, as a real
//! one.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use deployer_core::identity::{
    AUDIENCE_HEADER, Audience, BODY, CONTENT_TYPE, IdentityProof, METHOD, PATH, REQUEST_HEADER, RequestDigest,
    StsRequest,
};
use deployer_engine::port::{Clock as _, Identities, StsAnswer, StsUnanswered};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::World;
use super::call::{Connection, Op};

/// The deployer's own ARN.
pub const DEPLOYER: &str = "arn:aws:lambda:eu-west-1:000000000000:function:deployer";

/// The session token of every key.
pub const SESSION_TOKEN: &str = "t0ken/of+a+session==";

/// The keys that STS knows, and the principal of each.
#[derive(Debug, Clone, Default)]
pub struct Keys {
    principals: BTreeMap<String, String>,
    /// The answer that comes in place of every other, as status and body.
    pub answer: Option<(u16, String)>,
    /// The deployer does not know its own ARN.
    pub has_no_audience: bool,
    /// The signatures that were sent to STS.
    pub signatures: Vec<String>,
}

/// The port of one invocation.
pub(super) struct IdentitiesPort {
    connection: Arc<Connection>,
    audience: Audience,
}

impl IdentitiesPort {
    pub fn new(connection: Arc<Connection>) -> Self {
        Self { connection, audience: Audience::parse(DEPLOYER).unwrap() }
    }
}

#[async_trait]
impl Identities for IdentitiesPort {
    fn audience(&self) -> &Audience {
        &self.audience
    }

    async fn ask(&self, request: &StsRequest) -> Result<StsAnswer, StsUnanswered> {
        let headers: BTreeMap<String, String> =
            request.headers().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let (host, now) = (request.host().to_owned(), self.connection.shared.clock.now());
        let ask = |state: &mut super::State, _: &_| Ok(state.keys.answer(&host, &headers, now + state.clocks_differ));
        self.connection.call(Op::GetCallerIdentity, "sts", "GetCallerIdentity", ask).await
    }
}

impl Keys {
    fn answer(&mut self, host: &str, headers: &BTreeMap<String, String>, now: Timestamp) -> StsAnswer {
        let part = |text: &str, start: &str| text.split_once(start).map_or("", |(_, rest)| rest).to_owned();
        let authorization = &headers["authorization"];
        self.signatures.push(part(authorization, "Signature="));
        if let Some((status, body)) = &self.answer {
            return StsAnswer { status: *status, body: body.clone().into_bytes() };
        }
        // STS quotes the whole call, session token included.
        let refused = |code: &str, message: &str| {
            let error = format!("<Error><Code>{code}</Code><Message>{message} {headers:?}</Message></Error>");
            StsAnswer { status: 403, body: format!("<ErrorResponse>{error}</ErrorResponse>").into_bytes() }
        };
        let credential = part(authorization, "Credential=");
        let key = credential.split('/').next().unwrap_or_default();
        let Some(principal) = self.principals.get(key) else { return refused("InvalidClientTokenId", "") };
        let signed = sign(key, host, &headers["x-amz-date"], &headers[AUDIENCE_HEADER], &headers[REQUEST_HEADER]);
        let has_its_token = headers.get("x-amz-security-token").is_some_and(|token| token == SESSION_TOKEN);
        if part(authorization, "Signature=") != signed || !has_its_token {
            return refused("SignatureDoesNotMatch", "The request signature we calculated does not match");
        }
        let date = Timestamp::strptime("%Y%m%dT%H%M%SZ%z", format!("{}+0000", headers["x-amz-date"])).unwrap();
        if now.duration_since(date).abs() > jiff::SignedDuration::from_mins(15) {
            return refused("SignatureDoesNotMatch", "Signature expired: it is now earlier than …");
        }
        let account = principal.split(':').nth(4).unwrap_or_default();
        let result = format!("<Arn>{principal}</Arn><UserId>x</UserId><Account>{account}</Account>");
        let body = format!(
            "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult>{result}\
             </GetCallerIdentityResult></GetCallerIdentityResponse>"
        );
        StsAnswer { status: 200, body: body.into_bytes() }
    }
}

/// Signs a call with the secret of this key, which is made of its id.
fn sign(key: &str, host: &str, date: &str, audience: &str, digest: &str) -> String {
    let call = json!([key, "secret", METHOD, PATH, BODY, CONTENT_TYPE, host, date, audience, digest]);
    RequestDigest::of_command(&call).to_string()
}

/// Adds a proof to a command, signed by this key at this time for the deployer of this ARN.
#[must_use]
pub fn signed_for(audience: &str, key: &str, at: Timestamp, mut command: Value) -> Value {
    let digest = RequestDigest::of_command(&command);
    command["identity"] = proof(audience, key, at, digest);
    command
}

fn proof(audience: &str, key: &str, at: Timestamp, digest: RequestDigest) -> Value {
    let audience = Audience::parse(audience).unwrap();
    let date = Timestamp::from_second(at.as_second()).unwrap();
    let text = date.strftime("%Y%m%dT%H%M%SZ").to_string();
    let signature = sign(key, &audience.sts_host(), &text, audience.as_str(), &digest.to_string());
    IdentityProof::new((key.to_owned(), Some(SESSION_TOKEN.to_owned())), (date, signature), (audience, digest)).expose()
}

impl World {
    /// Lets STS know the key of this principal.
    pub fn add_key(&self, key: &str, principal: &str) {
        self.aws(|aws| aws.keys.principals.insert(key.to_owned(), principal.to_owned()));
    }

    /// Adds a proof to a command, signed by this key now.
    #[must_use]
    pub fn signed(&self, key: &str, command: Value) -> Value {
        signed_for(DEPLOYER, key, self.now(), command)
    }

    /// Adds a proof to the detail of an event of this kind, signed by this key now.
    #[must_use]
    pub fn signed_detail(&self, key: &str, kind: &str, mut detail: Value) -> Value {
        let digest = RequestDigest::of_event(kind, &detail);
        detail["identity"] = proof(DEPLOYER, key, self.now(), digest);
        detail
    }
}
