//! Approvals of proven identities, and commands that ask for them.

use super::*;
use crate::identity::Principal;

const ROLE: &str = "arn:aws:iam::123456789012:role/release-lead";

/// Returns the mistakes of a `prod` with this approval.
fn approval(approval: Value) -> Result<Approval, String> {
    let mut file = acme();
    file["environments"]["prod"]["approval"] = approval;
    let config = parse(&file)?;
    let prod = config.environments.into_iter().find(|(name, _)| name.as_str() == "prod").unwrap().1;
    Ok(prod.approval.unwrap())
}

fn proven(approvers: Value) -> Result<Approval, String> {
    approval(json!({"required": 1, "proven": true, "approvers": approvers}))
}

fn principal(arn: &str) -> Principal {
    Principal::parse(arn).unwrap()
}

#[test]
fn approvers_are_arns_or_objects() {
    let read = proven(json!([ROLE, {"arn": "arn:aws:iam::123456789012:role/people", "session_names": "trusted"},
        {"arn": "arn:aws:iam::123456789012:user/team/ann", "session_names": null}]))
    .unwrap();
    let texts: Vec<_> = read.approvers.iter().map(|approver| approver.arn.as_str()).collect();
    assert_eq!(texts, [ROLE, "arn:aws:iam::123456789012:role/people", "arn:aws:iam::123456789012:user/team/ann"]);
    let trusted: Vec<_> = read.approvers.iter().map(|approver| approver.session_names).collect();
    assert_eq!(trusted, [None, Some(SessionNames::Trusted), None]);
    let absent = approval(json!({"required": 1, "proven": null, "approvers": null, "expires": null})).unwrap();
    assert_eq!((absent.proven, absent.approvers), (false, vec![]));
}

#[test]
fn wrong_approvers_are_refused_with_the_reason() {
    let form = "is not the ARN of a role or a user in one account";
    let path = "has a path and a * in its name";
    for (wrong, because) in [
        (json!(["release-lead"]), form),
        (json!(["arn:aws:iam::*:role/release-lead"]), form),
        (json!(["arn:aws:iam::12345678901:role/release-lead"]), form),
        (json!(["arn:aws:iam::123456789012:role/"]), form),
        (json!(["arn:aws:iam::123456789012:role//lead"]), form),
        (json!(["arn:aws:iam::123456789012:role/team*/lead"]), form),
        (json!(["arn:aws:iam::123456789012:role/lead?"]), form),
        (json!(["arn:aws:iam::123456789012:group/leads"]), form),
        (json!(["arn:aws:iam::123456789012:root"]), form),
        (json!(["*"]), form),
        (json!(["arn:*:iam::123456789012:role/lead"]), form),
        (json!(["arn:aws:sts::123456789012:assumed-role/lead/ann"]), "is the ARN of a session: name its role"),
        (json!(["arn:aws:iam::123456789012:role/team/*"]), path),
        (json!(["arn:aws:iam::123456789012:role/team/release-*"]), path),
        (json!(["arn:aws:iam::123456789012:role/aws-reserved/sso.amazonaws.com/*"]), path),
        (json!([7]), "the ARN of a role or a user, or an object with arn and session_names"),
        (json!([{"arn": ROLE, "session_names": "any"}]), "trusted"),
        (json!([{"arn": ROLE, "sessions": "trusted"}]), "unknown field"),
        (json!([{"session_names": "trusted"}]), "arn"),
        (json!([]), "must name whose approvals count"),
        (json!([ROLE, ROLE]), "is there twice"),
        (json!(["arn:aws-cn:iam::123456789012:role/lead"]), "is in the partition aws-cn"),
        (json!([{"arn": "arn:aws:iam::123456789012:user/ann", "session_names": "trusted"}]), "is for roles"),
    ] {
        let error = proven(wrong.clone()).unwrap_err();
        assert!(error.starts_with("environments.prod.approval.approvers"), "{wrong}: {error}");
        assert!(error.contains(because), "{wrong}: {error}");
    }
}

#[test]
fn approvers_without_proof_or_too_few_are_refused() {
    let unproven = approval(json!({"required": 1, "approvers": [ROLE]})).unwrap_err();
    assert!(unproven.starts_with("environments.prod.approval.approvers: needs proven = true"), "{unproven}");
    let two = |approvers: Value| approval(json!({"required": 2, "proven": true, "approvers": approvers}));
    for few in [
        json!([ROLE]),
        json!(["arn:aws:iam::123456789012:role/a/release-lead", "arn:aws:iam::123456789012:role/b/release-lead"]),
        json!(["arn:aws:iam::123456789012:user/ann"]),
    ] {
        let error = two(few.clone()).unwrap_err();
        assert!(error.contains("can never give 2 approvals: those listed count 1 time at most"), "{few}: {error}");
    }
    for enough in [
        json!([ROLE, "arn:aws:iam::123456789012:user/ann"]),
        json!(["arn:aws:iam::123456789012:role/release-*"]),
        json!([{"arn": ROLE, "session_names": "trusted"}]),
        json!(["arn:aws:iam::123456789012:role/AWSReservedSSO_Release_0123456789abcdef"]),
    ] {
        assert!(two(enough.clone()).is_ok(), "{enough}");
    }
    let many = approval(json!({"required": 11, "expires": "0s"})).unwrap_err();
    assert!(many.contains("approval.required: must be 1 to 10") && many.contains("approval.expires"), "{many}");
}

#[test]
fn role_is_found_without_its_path() {
    let rules = proven(json!([
        "arn:aws:iam::123456789012:role/team/lead",
        "arn:aws:iam::123456789012:role/release-*",
        "arn:aws:iam::123456789012:role/aws-reserved/sso.amazonaws.com/eu-west-1/AWSReservedSSO_Release_*",
        "arn:aws:iam::123456789012:user/team/*"
    ]))
    .unwrap();
    let session = |role: &str| principal(&format!("arn:aws:sts::123456789012:assumed-role/{role}/ann"));
    for counts in ["lead", "release-", "release-a", "AWSReservedSSO_Release_0123456789abcdef"] {
        assert!(rules.counts(&session(counts)), "{counts}");
    }
    for foreign in ["leader", "team", "a-release-a", "release", "AWSReservedSSO_Admin_0123456789abcdef", "*"] {
        assert!(!rules.counts(&principal("arn:aws:sts::999999999999:assumed-role/lead/ann")));
        let Ok(foreign) = Principal::parse(format!("arn:aws:sts::123456789012:assumed-role/{foreign}/ann")) else {
            continue;
        };
        assert!(!rules.counts(&foreign), "{foreign}");
    }
    for (user, counts) in [("team/ann", true), ("team/a/ann", false), ("ann", false), ("release-a", false)] {
        assert_eq!(rules.counts(&principal(&format!("arn:aws:iam::123456789012:user/{user}"))), counts, "{user}");
    }
    for nobody in ["arn:aws:iam::123456789012:root", "arn:aws:sts::123456789012:federated-user/lead"] {
        assert!(!rules.counts(&principal(nobody)), "{nobody}");
    }
    assert!(!rules.counts(&principal("arn:aws-cn:sts::123456789012:assumed-role/lead/ann")));
}

#[test]
fn people_count_by_session_name_and_other_roles_once() {
    let rules = proven(json!([ROLE, {"arn": "arn:aws:iam::123456789012:role/people-*", "session_names": "trusted"}]));
    let rules = rules.unwrap();
    let voter = |role: &str, session: &str| {
        rules.voter(&principal(&format!("arn:aws:sts::123456789012:assumed-role/{role}/{session}")))
    };
    assert_eq!(voter("release-lead", "ann"), voter("release-lead", "bob"), "whoever assumes it chooses the name");
    assert_ne!(voter("people-a", "ann"), voter("people-a", "bob"));
    assert_eq!(voter("people-a", "ann"), voter("people-b", "ANN"), "one person in two roles");
    let center = "AWSReservedSSO_Release_0123456789abcdef";
    assert_ne!(voter(center, "ann"), voter(center, "bob"));
    assert_eq!(voter(center, "ann"), voter("people-a", "ann"));
    assert_ne!(voter("MyAWSReservedSSO_x", "ann"), voter(center, "ann"));
    assert_eq!(voter("MyAWSReservedSSO_x", "ann"), voter("MyAWSReservedSSO_x", "bob"));
}

#[test]
fn commands_that_need_proof_are_a_list() {
    let with = |list: Value| refusal("/environments/prod/proven", list);
    let mut file = acme();
    file["environments"]["prod"]["proven"] = json!(["hold", "reject", "recall", "override-freeze", "rollout"]);
    let config = parse(&file).unwrap();
    let demanding = |command| config.asks_for_proof(command, None).map(|name| name.as_str());
    use ProvenCommand::{Hold, OverrideFreeze, Recall, Reject, Rollout};
    for command in [Hold, Reject, Recall, OverrideFreeze, Rollout] {
        assert_eq!(demanding(command), Some("prod"));
        let dev = EnvironmentName::parse("dev").unwrap();
        assert_eq!(config.asks_for_proof(command, Some(&dev)), None);
    }
    let none = parse(&acme()).unwrap();
    assert_eq!(none.asks_for_proof(ProvenCommand::Hold, None), None);
    assert!(with(json!(["hold", "hold"])).contains("environments.prod.proven[1]: hold is there twice"));
    assert!(with(json!(["rollback"])).contains("override-freeze"));
    assert!(with(json!("hold")).starts_with("environments.prod.proven"));
}
