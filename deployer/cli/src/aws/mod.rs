//! AWS with the user's own credentials: how they are loaded, and a person's own way into a target account.

pub(crate) mod options;
pub(crate) mod sdk_config;
pub(crate) mod target;
