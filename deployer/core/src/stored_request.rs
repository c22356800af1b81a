//! Requests for other functions: a finished deployment calls for a promotion, or a group for a member's deployment.
//!
//! Each request is an object of its own in the ledger. It is written before the outbox drops its entry, so that a
//! message that is lost or not understood loses nothing.

use serde::{Deserialize, Serialize};

use crate::head::Request;
use crate::id::{EnvironmentName, FunctionName};
use crate::ledger_keys;
use crate::record::SCHEMA;

/// A request that waits in the ledger until the head of its function knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredRequest {
    /// The ledger's schema: 1.
    schema: u32,
    /// The environment that it goes to.
    pub environment: EnvironmentName,
    /// The function.
    pub function: FunctionName,
    /// The request itself.
    pub request: Request,
}

impl StoredRequest {
    /// Makes the object for a request to another environment or function.
    #[must_use]
    pub fn new(environment: &EnvironmentName, function: &FunctionName, request: Request) -> Self {
        let (environment, function) = (environment.clone(), function.clone());
        Self { schema: SCHEMA, environment, function, request }
    }

    /// Returns the object's key. The same request always has the same key.
    #[must_use]
    pub fn key(&self) -> String {
        ledger_keys::asked(&self.environment, &self.function, self.request.hash)
    }
}
