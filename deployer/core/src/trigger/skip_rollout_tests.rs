#![allow(clippy::unwrap_used)]
//! The reason for which a person skips the steps of a rollout.

use serde_json::json;

use super::*;

#[test]
fn reason_for_skipping_a_rollout_is_read_of_deploy_and_promote() {
    let deploy = json!({"command": "deploy", "environment": "dev", "function": "f", "release": "1"});
    let promote = json!({"command": "promote", "function": "f", "from": "dev", "to": "prod"});
    let with = |command: &Value, reason: Value| {
        let mut command = command.clone();
        command["skip_rollout"] = reason;
        command
    };
    let reason_of = |command: &Value| match decode(command) {
        Invocation::Command(request) => match &request.command {
            Command::Deploy { skip_rollout, .. } | Command::Promote { skip_rollout, .. } => Ok(skip_rollout.clone()),
            other => panic!("{other:?}"),
        },
        Invocation::Unknown { because } => Err(because),
        other => panic!("{other:?}"),
    };
    for (name, command) in [("deploy", &deploy), ("promote", &promote)] {
        assert_eq!(reason_of(command), Ok(None));
        let hurry = with(command, json!("orders are lost"));
        assert_eq!(reason_of(&hurry), Ok(Some("orders are lost".to_owned())));
        let Invocation::Command(request) = decode(&hurry) else { panic!() };
        assert_eq!(request.payload()["skip_rollout"], "orders are lost", "it is written as it is read");
        for (wrong, rule) in [
            (json!(""), "skip_rollout must not be empty".to_owned()),
            (json!(" "), "skip_rollout must not be empty".to_owned()),
            (json!("a\nb"), "skip_rollout must be one line of at most 500 characters".to_owned()),
            (json!("x".repeat(501)), "skip_rollout must be one line of at most 500 characters".to_owned()),
            (json!(true), "skip_rollout: invalid type: boolean `true`, expected a string".to_owned()),
        ] {
            assert_eq!(reason_of(&with(command, wrong)), Err(format!("command {name}: {rule}")));
        }
    }
}

#[test]
fn skipping_a_rollout_is_refused_where_nothing_rolls_out_and_by_event() {
    for name in ["rollback", "redeploy"] {
        let command = json!({"command": name, "environment": "dev", "function": "f", "skip_rollout": "fast"});
        let Invocation::Unknown { because } = decode(&command) else { panic!("{name}") };
        assert_eq!(
            because,
            format!(
                "command {name}: skip_rollout is for deploy and promote: a {name} never rolls out, and moves all traffic at once"
            )
        );
    }
    let event = json!({"version": "0", "id": "E2", "detail-type": "Promotion Requested", "source": "ci",
        "account": "123456789012", "time": "2026-11-01T10:00:00Z",
        "detail": {"function": "f", "from": "dev", "to": "prod", "skip_rollout": "fast"}});
    let Invocation::Event(events) = decode(&event) else { panic!() };
    let [InboundEvent::Malformed { because, .. }] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!(
        because,
        "a \"Promotion Requested\" event that cannot be read: skip_rollout is not for events: a person gives it, \
         by the command promote"
    );
}
