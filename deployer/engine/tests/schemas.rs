//! The JSON Schemas in `schemas/` are what the types say.

#![allow(clippy::unwrap_used)]

use std::path::Path;

use deployer_core::config;
use deployer_core::dead_letters::DeadLetters;
use deployer_core::decision::Decided;
use deployer_core::doctor::DoctorReport;
use deployer_core::event::EventDetail;
use deployer_core::group::Group;
use deployer_core::manifest::Manifest;
use deployer_core::plan::{GroupPlans, PlanReport};
use deployer_core::record::DeploymentRecord;
use deployer_core::status::StatusReport;
use deployer_core::trigger::{CommandRequest, PromotionApproved, PromotionDeclined, PromotionRequested};
use deployer_engine::{History, Recalled, Swept};
use schemars::Schema;
use serde_json::json;

/// Adds the fields that `deployctl --output json` puts beside an answer whose wait was cut short.
fn of_wait(mut schema: Schema) -> Schema {
    let field = |description: &str| json!({"description": description, "type": "string"});
    let error_type =
        field("The name of the reason why the wait was over before the end; only present in deployctl's answer.");
    let error_message = field("The same reason, for people.");
    let properties = schema.get_mut("properties").and_then(serde_json::Value::as_object_mut).unwrap();
    properties.insert("errorType".to_owned(), error_type);
    properties.insert("errorMessage".to_owned(), error_message);
    schema
}

/// Write them anew with `UPDATE_SCHEMAS=1 cargo test --test schemas`.
#[test]
fn the_published_schemas_are_current() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../schemas");
    let schemas: [(&str, Schema); 18] = [
        ("deployer.schema.json", config::schema()),
        ("function.schema.json", Manifest::schema()),
        ("record.schema.json", schemars::schema_for!(DeploymentRecord)),
        ("command.schema.json", schemars::schema_for!(CommandRequest)),
        ("history.schema.json", of_wait(schemars::schema_for!(History))),
        ("status.schema.json", schemars::schema_for!(StatusReport)),
        ("plan.schema.json", schemars::schema_for!(PlanReport)),
        ("group-plans.schema.json", schemars::schema_for!(GroupPlans)),
        ("doctor.schema.json", schemars::schema_for!(DoctorReport)),
        ("dead-letters.schema.json", schemars::schema_for!(DeadLetters)),
        ("swept.schema.json", schemars::schema_for!(Swept)),
        ("group.schema.json", of_wait(schemars::schema_for!(Group))),
        ("decided.schema.json", schemars::schema_for!(Decided)),
        ("recall.schema.json", of_wait(schemars::schema_for!(Recalled))),
        ("event.schema.json", schemars::schema_for!(EventDetail)),
        ("promotion-requested.schema.json", schemars::schema_for!(PromotionRequested)),
        ("promotion-approved.schema.json", schemars::schema_for!(PromotionApproved)),
        ("promotion-declined.schema.json", schemars::schema_for!(PromotionDeclined)),
    ];
    for (name, schema) in schemas {
        let (file, text) = (folder.join(name), format!("{:#}\n", schema.as_value()));
        if std::env::var_os("UPDATE_SCHEMAS").is_some() {
            std::fs::write(&file, &text).unwrap();
        }
        let published = std::fs::read_to_string(&file).unwrap_or_default();
        assert_eq!(published, text, "{name} is stale: UPDATE_SCHEMAS=1 cargo test --test schemas");
    }
}
