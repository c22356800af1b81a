//! The identity of a request's giver, as far as it is known.

use super::principal::Principal;
use super::proof::IdentityProof;
use crate::text::PlainText;

/// The reason why a proof proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// It is none: another deployer's, another request's, or not signed by the key that it names.
    #[error("{0}")]
    Wrong(String),
    /// It was good once, and is too old.
    #[error("{0}")]
    Expired(String),
    /// STS is not allowed to answer, and another try meets the same.
    #[error("{0}")]
    Denied(String),
    /// STS cannot be asked now.
    #[error("{0}")]
    Unreachable(String),
}

/// The identity of a request's giver as far as it is known, beside the name that they give.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Identity {
    /// The request carries no proof.
    #[default]
    None,
    /// The request carries a proof that STS was not asked about yet.
    Unchecked(Box<IdentityProof>),
    /// STS has named the giver.
    Proven(Principal),
    /// The request carries a proof, and STS could not name the giver.
    Unproven(PlainText),
}

impl Identity {
    /// Makes the identity in a request that may carry a proof.
    #[must_use]
    pub fn of(proof: Option<IdentityProof>) -> Self {
        proof.map_or(Self::None, |proof| Self::Unchecked(Box::new(proof)))
    }

    /// Returns the giver as STS named them.
    #[must_use]
    pub fn principal(&self) -> Option<Principal> {
        match self {
            Self::Proven(principal) => Some(principal.clone()),
            _ => None,
        }
    }

    /// Returns the reason why a proof that came proves nothing.
    #[must_use]
    pub fn unproven(&self) -> Option<PlainText> {
        match self {
            Self::Unproven(because) => Some(because.clone()),
            _ => None,
        }
    }
}
