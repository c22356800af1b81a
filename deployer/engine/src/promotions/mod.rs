//! Promotions to a function: the rules, the promotions that wait, and those that were asked for elsewhere. No bytes
//! move, and nothing is built: the object that another environment has live is deployed.

pub(crate) mod policy;
pub(crate) mod stored_requests;
mod submit_stored;
mod waiting;
