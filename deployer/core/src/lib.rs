//! The decisions of the deployer: what to deploy, where and how, and what to report about it.
//!
//! Everything here is synchronous and pure: no clock, no environment variables, no AWS. `deployer-engine` has the
//! effects.

pub mod alias_traffic;
pub mod approval;
pub mod artifact;
pub mod as_read;
pub mod condition;
pub mod config;
pub mod dead_letters;
pub mod decision;
pub mod denial;
pub mod diagnostics;
pub mod doctor;
pub mod environment_notice;
pub mod event;
pub mod format;
pub mod freeze;
pub mod function_ref;
pub mod function_rollout;
pub mod group;
pub mod head;
pub mod hold_and_reject;
pub mod id;
pub mod identity;
pub mod known_functions;
pub mod known_values;
pub mod ledger_keys;
pub mod managed_keys;
pub mod manifest;
pub mod manifest_bounds;
mod moment;
pub mod names;
pub mod names_json;
pub mod observed;
pub mod package;
pub mod partition;
pub mod plan;
pub mod promotion;
pub mod record;
pub mod rejects;
pub mod rollout;
pub mod session_policy;
pub mod status;
pub mod stored_request;
pub mod text;
pub mod throttle_notice;
pub mod trigger;
pub mod upload_progress;
pub mod version;
mod waiting_words;
