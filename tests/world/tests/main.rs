//! Scenarios in the world fake, one module for each subject.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

mod answers;
mod bad_input;
mod batches;
mod bounded_manifests;
mod by_hand;
mod clocks;
mod commands;
mod commands_trouble;
mod conflicts;
mod costs;
mod crash;
mod doctor;
mod events;
mod formats;
mod held;
mod identity;
mod ledger;
mod main_way;
mod names;
mod notices;
mod packages;
mod parked;
mod plans;
mod previous;
mod promotions;
mod promotions_found;
mod queues;
mod resumed;
mod rollback_targets;
mod status;
mod targets;
mod throttled_log;
mod transient;
mod waiting;
mod waits;
