//! The names and patterns that Terraform must share with the deployer.
//!
//! `infra/modules/names.json` is generated from this, and a test compares both.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::config::rollout::{AlarmName, Wave};
use crate::config::{
    DeadLetterPattern, ExecutionRolePattern, FunctionNameTemplate, LONGEST_SPAN, LogGroupPattern, PrincipalPattern,
    Span, UNITS,
};
use crate::doctor::PROBE;
use crate::event::Announcement;
use crate::id::{AccountId, AliasName, BucketName, EnvironmentName, ExternalId, FunctionName, Region, RoleName};
use crate::names::{
    AGAIN_LINE, ARTIFACT_SUFFIX, ASKED, CONFIG_KEY, CONFIG_LINE, CONFIG_VARIABLE, DEPLOY_ROLE, DEPLOYER_ALIAS,
    DEPLOYMENTS, ENDED_LINE, ENVIRONMENT_NOTICE, ERROR_LINE, EVENT_SOURCE, GROUPS, HEADS, OPEN, OVERDUE_LINE,
    PREVIEW_VARIABLE, PROMOTION_APPROVED, PROMOTION_DECLINED, PROMOTION_REQUESTED, QUEUE_LINE, REJECTS, RESULTS,
    ROLLOUTS_PREVIEW, SESSION_PREFIX, SWEEPS,
};
use crate::partition::{DIRECTIONS, PARTITIONS};
use crate::record::Status;

const ROLE: &str = "^[A-Za-z0-9+=,.@_-]{1,64}$";

/// Removes the lookaheads for parts `.` and `..`, which RE2 does not have. Roles cannot be made with such paths.
fn without_lookahead(pattern: &str) -> String {
    pattern.replace(r"(?!\.{1,2}/)", "").replace(r"(?!\.{1,2}$)", "")
}

/// Returns the content of `infra/modules/names.json`. Where a type has a grammar, its own pattern is used.
#[must_use]
pub fn names() -> Value {
    json!({
        "config_variable": CONFIG_VARIABLE,
        "config_key": CONFIG_KEY,
        "deploy_role": DEPLOY_ROLE,
        "deployer_alias": DEPLOYER_ALIAS,
        "version": crate::version::RELEASE,
        "session_prefix": SESSION_PREFIX,
        "artifact_suffix": ARTIFACT_SUFFIX,
        "ledger": {
            "heads": HEADS,
            "deployments": DEPLOYMENTS,
            "results": RESULTS,
            "rejects": REJECTS,
            "open": OPEN,
            "asked": ASKED,
            "groups": GROUPS,
            "sweeps": SWEEPS,
        },
        "environment_notice": ENVIRONMENT_NOTICE,
        "ended_line": ENDED_LINE,
        "error_line": ERROR_LINE,
        "config_line": CONFIG_LINE,
        "preview_variable": PREVIEW_VARIABLE,
        "rollouts_preview": ROLLOUTS_PREVIEW,
        // The tag by which the doctor tries tagging out.
        "probe": PROBE,
        "queue_line": QUEUE_LINE,
        "again_line": AGAIN_LINE,
        "overdue_line": OVERDUE_LINE,
        "failed_status": Status::Failed.to_string(),
        "promotion_requested": PROMOTION_REQUESTED,
        "promotion_approved": PROMOTION_APPROVED,
        "promotion_declined": PROMOTION_DECLINED,
        "event_source": EVENT_SOURCE,
        "events": Announcement::ALL.map(Announcement::detail_type),
        "sweep": { "command": "sweep" },
        "partitions": PARTITIONS.iter().map(|partition| {
            (partition.id, json!({ "dns_suffix": partition.dns_suffix, "regions": partition.regions }))
        }).collect::<BTreeMap<_, _>>(),
        "spans": { "seconds": BTreeMap::from(UNITS), "longest": LONGEST_SPAN },
        "fields": fields(),
        "patterns": patterns(),
    })
}

/// Returns the regular expressions of names.
fn patterns() -> Value {
    json!({
        "account": AccountId::PATTERN,
        "region": Region::PATTERN,
        "direction": format!("^({})$", DIRECTIONS.join("|")),
        "environment": EnvironmentName::PATTERN,
        "function": FunctionName::PATTERN,
        // A role's name without a path.
        "role": ROLE,
        "deploy_role": without_lookahead(RoleName::PATTERN),
        "function_name": FunctionNameTemplate::PATTERN,
        "execution_role": ExecutionRolePattern::PATTERN,
        "log_group": LogGroupPattern::PATTERN,
        "dead_letter_target": DeadLetterPattern::PATTERN,
        "approver": PrincipalPattern::PATTERN,
        "span": Span::PATTERN,
        "wave": Wave::PATTERN,
        // RE2 has no lookahead. Terraform refuses ARNs by itself.
        "alarm": AlarmName::PATTERN.replace("(?!arn:)", ""),
        // Terraform's regular expressions (RE2) have no lookahead. Terraform checks on its own that an alias is not
        // digits only.
        "alias": AliasName::PATTERN.replace("(?!^[0-9]+$)", ""),
        // RE2 counts to 1,000 at most.
        "external_id": ExternalId::PATTERN.replace("{2,1224}", "{2,}"),
        "bucket": BucketName::PATTERN,
    })
}

/// Returns the fields of an environment in `deployer.json`, and of the objects in it. A promotion from several
/// environments names the others in `also_from` in Terraform, where a field has one type.
fn fields() -> BTreeMap<&'static str, BTreeSet<String>> {
    let schema = crate::config::schema();
    let of = |object: &str| {
        // An approver is an ARN or an object.
        let at = if object == "Approver" { "/anyOf/1" } else { "" };
        let properties = schema.pointer(&format!("/$defs/{object}{at}/properties")).and_then(Value::as_object);
        properties.into_iter().flat_map(|fields| fields.keys().cloned()).collect::<BTreeSet<_>>()
    };
    let mut promotion = of("Promotion");
    promotion.insert("also_from".to_owned());
    BTreeMap::from([
        ("approval", of("Approval")),
        ("approver", of("Approver")),
        ("environment", of("Environment")),
        ("freeze", of("Freeze")),
        ("guard", of("Guard")),
        ("promotion", promotion),
        ("rollout", of("Rollout")),
        ("smoke_test", of("SmokeTest")),
        ("step", of("Step")),
        ("target", of("Target")),
    ])
}
