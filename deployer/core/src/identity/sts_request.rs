//! The call of STS that a proof is a signature of. The deployer composes it; the giver of the proof signs the same.

use std::fmt;

use jiff::{SignedDuration, Timestamp};

use super::audience::Audience;
use super::checked::ProofError;
use super::proof::{IdentityProof, amz_date};

/// The service of the signature's scope.
pub const SERVICE: &str = "sts";
/// The call's method.
pub const METHOD: &str = "POST";
/// The call's path; it has no query.
pub const PATH: &str = "/";
/// The call's body (STS API Reference, GetCallerIdentity).
pub const BODY: &str = "Action=GetCallerIdentity&Version=2011-06-15";
/// The type of the body, which is signed.
pub const CONTENT_TYPE: &str = "application/x-www-form-urlencoded";
/// The signed header that names the deployer.
pub const AUDIENCE_HEADER: &str = "x-deployer-audience";
/// The signed header that has the hash of the request.
pub const REQUEST_HEADER: &str = "x-deployer-request";

/// The age up to which a proof is sent to STS. STS itself may refuse it earlier (IAM User Guide, "AWS Signature Version
/// 4 for API requests": mostly after five minutes).
pub const MAX_AGE: SignedDuration = SignedDuration::from_mins(15);
/// The time by which the giver's clock may be ahead.
const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_mins(5);

/// The signed headers, in their order. Those of a session have one more.
const SIGNED: &str = "content-type;host;x-amz-date;x-deployer-audience;x-deployer-request";
const SIGNED_IN_SESSION: &str =
    "content-type;host;x-amz-date;x-amz-security-token;x-deployer-audience;x-deployer-request";

/// The call of STS, ready to be sent to [`StsRequest::host`] and nowhere else. Its headers are secret.
#[derive(Clone, PartialEq, Eq)]
pub struct StsRequest {
    host: String,
    headers: Vec<(&'static str, String)>,
}

impl StsRequest {
    /// Composes the call of a proof for this deployer. `now` is the deployer's time.
    ///
    /// # Errors
    /// [`ProofError`]: the proof is for another deployer, too old, or of a time to come.
    pub fn compose(proof: &IdentityProof, own: &Audience, now: Timestamp) -> Result<Self, ProofError> {
        if proof.audience != *own {
            return Err(ProofError::Wrong(format!(
                "the proof of identity is for the deployer {}, and this is {own}",
                proof.audience
            )));
        }
        let age = now.duration_since(proof.date);
        if age > MAX_AGE {
            return Err(ProofError::Expired(format!(
                "the proof of identity was signed at {}, and it is {} now: after 15 minutes it has expired, so sign anew",
                second(proof.date),
                second(now)
            )));
        }
        if age < -CLOCK_TOLERANCE {
            return Err(ProofError::Wrong(format!(
                "the proof of identity was signed at {}, and it is {} now: is the clock right where it was signed?",
                second(proof.date),
                second(now)
            )));
        }
        let IdentityProof { access_key_id, session_token, signature, request, .. } = proof;
        let (date, host) = (amz_date(proof.date), own.sts_host());
        let day = date.split('T').next().unwrap_or_default();
        let scope = format!("{access_key_id}/{day}/{}/{SERVICE}/aws4_request", own.region());
        let signed = if session_token.is_some() { SIGNED_IN_SESSION } else { SIGNED };
        let authorization =
            format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders={signed}, Signature={signature}");
        let mut headers = vec![
            ("content-type", CONTENT_TYPE.to_owned()),
            ("host", host.clone()),
            ("x-amz-date", date),
            (AUDIENCE_HEADER, own.to_string()),
            (REQUEST_HEADER, request.to_string()),
            ("authorization", authorization),
        ];
        headers.extend(session_token.clone().map(|token| ("x-amz-security-token", token)));
        Ok(Self { host, headers })
    }

    /// Returns the host that the call goes to.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Returns all headers of the call, in lower case.
    pub fn headers(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.headers.iter().map(|(name, value)| (*name, value.as_str()))
    }
}

fn second(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}

impl fmt::Debug for StsRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StsRequest(to {}, ***)", self.host)
    }
}
