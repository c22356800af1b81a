//! Promotions to a function: the rules, the promotions that wait, and those that were asked for elsewhere. No bytes
//! move, and nothing is built: the object that another environment has live is deployed.

pub(crate) mod asked_for;
pub(crate) mod policy;
mod requested;
mod waiting;
