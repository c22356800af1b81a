//! Proven identity: the giver of a request lets AWS say who it is.
//!
//! The giver signs the call `sts:GetCallerIdentity` for one deployer and one request, and sends the signature along.
//! The deployer composes that call itself, sends it to STS of its own region, and reads the principal's ARN from the
//! answer. Nothing of the request decides where the call goes or what it is: method, path, body, host and the list of
//! signed headers are fixed here. A signature that was made for anything else does not fit, and STS refuses it.

mod audience;
mod checked;
mod digest;
mod principal;
mod proof;
mod sts_answer;
mod sts_request;

pub use audience::{Audience, InvalidAudience};
pub use checked::{Identity, ProofError};
pub use digest::RequestDigest;
pub(crate) use digest::{IDENTITY, without_identity, without_proofs};
pub use principal::{InvalidPrincipal, Principal, PrincipalKind};
pub use proof::IdentityProof;
pub use sts_answer::read_sts_answer;
pub use sts_request::{
    AUDIENCE_HEADER, BODY, CONTENT_TYPE, MAX_AGE, METHOD, PATH, REQUEST_HEADER, SERVICE, StsRequest,
};

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a mistake in a test ends the test")]
mod tests;
