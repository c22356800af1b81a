//! What concerns another function than the one whose deployment has ended: the promotion that it calls for stands in an
//! object of its own before the outbox drops its entry, so that a message that is lost, or not understood, loses nothing.

use serde::{Deserialize, Serialize};

use crate::head::Request;
use crate::id::{EnvironmentName, FunctionName};
use crate::names::ASKED;
use crate::record::SCHEMA;

/// The form of the messages that the deployer sends itself.
pub const FORMAT: u32 = 1;

/// A request that waits to be put into the head of its function.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AskedFor {
    /// The ledger's schema: 1.
    schema: u32,
    /// The environment that it goes to.
    pub environment: EnvironmentName,
    /// The function.
    pub function: FunctionName,
    /// What is asked for.
    pub request: Request,
}

impl AskedFor {
    /// A request that goes to another environment or function.
    #[must_use]
    pub fn new(environment: &EnvironmentName, function: &FunctionName, request: Request) -> Self {
        let (environment, function) = (environment.clone(), function.clone());
        Self { schema: SCHEMA, environment, function, request }
    }

    /// The key of the object: the same request is the same object.
    #[must_use]
    pub fn key(&self) -> String {
        format!("{}{}.json", Self::all_of(&self.environment, &self.function), self.request.hash.in_key())
    }

    /// Where the requests are that wait for one function's head.
    #[must_use]
    pub fn all_of(environment: &EnvironmentName, function: &FunctionName) -> String {
        format!("{ASKED}{environment}/{function}/")
    }

    /// The environment and the function that a key names.
    #[must_use]
    pub fn place(key: &str) -> Option<(EnvironmentName, FunctionName)> {
        let mut parts = key.strip_prefix(ASKED)?.split('/');
        let (environment, function, _) = (parts.next()?, parts.next()?, parts.next()?);
        Some((EnvironmentName::parse(environment).ok()?, FunctionName::parse(function).ok()?))
    }
}
