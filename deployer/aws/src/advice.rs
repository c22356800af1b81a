//! Hints about AWS's errors: a sentence where AWS's message supports it, and none elsewhere.

use deployer_core::denial::{Denial, PolicyKind};

use super::failure::Failure;
use deployer_engine::port::CallErrorKind;

/// Returns the hint for an object that the deployer, or Lambda (which quotes S3), cannot read.
pub(super) fn object_advice(words: &str) -> Option<&'static str> {
    let contains = |phrase: &str| words.contains(phrase);
    Some(if contains("InvalidObjectState") {
        "the object is archived: restore it, or upload it again"
    } else if contains("RequestTimeTooSkewed") {
        "the clock of whoever asked is wrong: set it right"
    } else if contains("stored using a form of Server Side Encryption") {
        "the object was uploaded with a key of the uploader's own (SSE-C), which nobody else has: upload it without"
    } else if contains("KMS.DisabledException") || contains("DisabledException") {
        "the KMS key of the object is disabled: enable the key"
    } else if contains("KMS.NotFoundException")
        || contains("KMS.KMSInvalidStateException")
        || contains("is pending deletion")
    {
        "the KMS key of the object is not there, or is about to be deleted: cancel its deletion, or upload the object again"
    } else if contains("PermanentRedirect") {
        "the artifact bucket must be in the region of whoever reads it"
    } else {
        return None;
    })
}

/// The hint for a region that is not enabled.
pub(super) const ENABLE_REGION: &str = "the region is not enabled for the account: enable it there (account settings), or take the \
                                        target out of deployer.json";

/// The hints about actions that the target module allows only where its variables ask for them, by the beginning of the
/// action's name. Elsewhere the module denies them (its statement NeverAnythingElse).
const ASKED_FOR: [(&str, &str); 10] = [
    (
        "iam:PassRole",
        "where the deploy role is the target module's, it may pass the roles in its execution_roles and no others: add \
         this role there, or use another",
    ),
    (
        "lambda:PutFunctionConcurrency",
        "where the deploy role is the target module's, manifests may reserve concurrency only with `concurrency = \
         true` there: set it, or take reserved_concurrent_executions out of the manifest",
    ),
    (
        "lambda:DeleteFunctionConcurrency",
        "the deployer gives back the concurrency that an earlier manifest reserved: where the deploy role is the \
         target module's, set `concurrency = true` there until it has",
    ),
    (
        "lambda:GetLayerVersion",
        "where the deploy role is the target module's, functions may have the layers in its `layers` and no others: \
         add this one there",
    ),
    (
        "lambda:PassCapacityProvider",
        "where the deploy role is the target module's, functions may run on its `capacity_providers` and no others: \
         add this one there",
    ),
    (
        "lambda:CreateFunction",
        "where the deploy role is the target module's and `code_signing_config_arn` is set there, the deployer makes \
         no functions: make this one first, with that configuration. Elsewhere that denial has to go",
    ),
    (
        "cloudwatch:",
        "where the deploy role is the target module's, rollouts are watched only with `rollouts = true` there: set it, \
         or take `rollout` out of the environment",
    ),
    (
        "lambda:InvokeFunction",
        "where the deploy role is the target module's, versions are tested only with `smoke_tests = true` there: set \
         it, or take the smoke test out",
    ),
    (
        "ec2:Describe",
        "where the deploy role is the target module's, functions may be in a VPC only with `vpc` set there ({} for \
         any)",
    ),
    (
        "elasticfilesystem:Describe",
        "where the deploy role is the target module's, functions may have file systems only with `vpc` set there ({} \
         for any)",
    ),
];

/// Actions that the target module may allow for certain networks and tags only.
const BOUND: [&str; 4] =
    ["lambda:CreateFunction", "lambda:TagResource", "lambda:UntagResource", "lambda:UpdateFunctionConfiguration"];

/// Returns the hint for a call of the deploy role's that Lambda denies.
pub(super) fn denial_advice(words: &str) -> Option<&'static str> {
    let denial = Denial::of(words);
    // A hint about the module is not for the policies of others, and AWS's words must name the kind.
    let of_identity = denial == Denial::Lacking(PolicyKind::Identity)
        || (denial == Denial::Explicit(PolicyKind::Identity) && words.contains("identity-based policy"));
    let is_denied = |action: &str| words.contains(&format!("to perform: {action}"));
    match denial {
        Denial::Lacking(PolicyKind::Identity) if BOUND.iter().any(|action| is_denied(action)) => Some(
            "the deploy role's policy does not allow it: where it is the target module's, see `functions` there, `vpc` \
             if the manifest names subnets or security groups, and `function_tags` if it names tags",
        ),
        _ if of_identity => ASKED_FOR
            .iter()
            .find(|(action, _)| is_denied(action))
            .map(|(_, hint)| *hint)
            .or_else(|| denial.advice())
            .or(Some("the deploy role's policy does not allow it: see the target module's permissions")),
        Denial::Lacking(PolicyKind::Resource) => {
            Some("the policy of the resource that is named does not let the deploy role do it")
        }
        denial => denial.advice(),
    }
}

/// Returns the hint that is added to a failed call to Lambda.
pub(super) fn call_advice(kind: CallErrorKind, failure: &Failure) -> Option<&'static str> {
    match kind {
        CallErrorKind::StorageFull => {
            Some("the account's code storage in this region is full: delete versions that nothing uses")
        }
        CallErrorKind::Unsupported if failure.code.contains("Sign") || failure.code.contains("Verification") => {
            Some("the function takes signed code only, and the deployer signs none")
        }
        CallErrorKind::Unsupported => Some("the function's code is a container image, and the deployer deploys zips"),
        CallErrorKind::RoleNotReady if failure.text.contains("assumed by Lambda") => {
            Some("does the execution role exist, and does its trust policy name lambda.amazonaws.com?")
        }
        CallErrorKind::RegionNotEnabled => Some(ENABLE_REGION),
        CallErrorKind::KeyDenied if failure.text.contains("DisabledException") => {
            Some("a KMS key that the function uses is disabled: enable the key")
        }
        CallErrorKind::KeyDenied if failure.text.contains("NotFoundException") => Some(
            "a KMS key that the function uses is not there: name another (kms_key_arn for the variables, source_kms_key_arn for the code)",
        ),
        CallErrorKind::KeyDenied => Some(
            "the policies of the KMS keys that the function uses (kms_key_arn, source_kms_key_arn) and of the deploy role (function_keys) must let it use them: kms:CreateGrant, kms:Decrypt, kms:Encrypt, kms:GenerateDataKey",
        ),
        CallErrorKind::Denied => denial_advice(&failure.text),
        CallErrorKind::CodeDenied => match Denial::of(&failure.text).advice() {
            None => Some("the artifact bucket's policy and its key's policy must let the deploy role read the object"),
            advice => advice,
        },
        CallErrorKind::CodeUnreadable
            if failure.text.contains("NoSuchKey") || failure.text.contains("NoSuchVersion") =>
        {
            Some("the object, or its S3 version id, does not exist any more: upload it again")
        }
        CallErrorKind::CodeUnreadable => object_advice(&failure.text),
        _ => None,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn denied_pass_role_names_execution_roles_only_with_named_policy() {
        let denied = |action: &str| {
            let words = format!(
                "User: arn:aws:sts::222222222222:assumed-role/deployer-deploy/d is not authorized to perform: {action} on resource: \
                 arn:aws:iam::222222222222:role/other with an explicit deny in an identity-based policy"
            );
            denial_advice(&words).unwrap()
        };
        assert!(denied("iam:PassRole").contains("execution_roles"));
        assert!(!denied("iam:PassRole").contains("has to go"));
        let unnamed = "is not authorized to perform: iam:PassRole on resource: r with an explicit deny";
        assert!(!denial_advice(unnamed).unwrap().contains("execution_roles"), "it may be anybody's");
        assert!(denied("lambda:UpdateAlias").contains("that denial has to go"));
    }

    #[test]
    fn denied_call_names_the_variable_that_allows_it() {
        for (action, variable) in [
            ("lambda:PutFunctionConcurrency", "concurrency = true"),
            ("lambda:DeleteFunctionConcurrency", "concurrency = true"),
            ("lambda:GetLayerVersion", "`layers`"),
            ("lambda:PassCapacityProvider", "`capacity_providers`"),
            ("lambda:CreateFunction", "`code_signing_config_arn`"),
            ("cloudwatch:GetMetricData", "`rollouts = true`"),
            ("lambda:InvokeFunction", "`smoke_tests = true`"),
            ("ec2:DescribeSubnets", "`vpc`"),
            ("elasticfilesystem:DescribeMountTargets", "`vpc`"),
        ] {
            let said = |because: &str| {
                let user = "User: arn:aws:sts::222222222222:assumed-role/deployer-target/d";
                denial_advice(&format!("{user} is not authorized to perform: {action} on resource: r {because}"))
            };
            let outright = said("with an explicit deny in an identity-based policy");
            assert!(outright.unwrap().contains(variable), "{action}: {outright:?}");
            let organization = said("with an explicit deny in a service control policy");
            assert!(!organization.unwrap().contains(variable), "{action}: {organization:?}");
        }
        for action in BOUND {
            let words = format!(
                "is not authorized to perform: {action} on resource: r because no identity-based policy allows it"
            );
            let advice = denial_advice(&words).unwrap();
            assert!(advice.contains("`vpc`") && advice.contains("`function_tags`"), "{action}: {advice}");
        }
        let other =
            "is not authorized to perform: lambda:GetAlias on resource: r because no identity-based policy allows it";
        assert!(denial_advice(other).unwrap().contains("see the target module's permissions"));
    }
}
