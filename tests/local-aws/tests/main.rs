//! The real `bootstrap` and `deployctl` against the local AWS.

mod adopting;
mod applied_example;
mod applied_examples;
mod conformance;
mod demo;
mod deployctl_direct;
mod deployctl_docs;
mod deployctl_doctor;
mod deployctl_environment;
mod deployctl_init;
mod deployctl_operate;
mod deployctl_output;
mod deployctl_push;
mod pictures;
mod runbook;
mod scenarios;
mod validated_packages;
