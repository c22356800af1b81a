//! Rows about the deployer's sessions for `orders-api` in `prod`, which may do less than the role.

use super::{ARTIFACTS, AccessRequest, IN_PROD, KEY, PolicyRef, Row, THROUGH_S3, TOOLING, may, may_not};

pub(super) const FUNCTION: &str = "arn:aws:lambda:eu-west-1:222222222222:function:orders-api";
const BASE: [&str; 9] = [
    "lambda:GetAlias",
    "lambda:GetFunction",
    "lambda:GetProvisionedConcurrencyConfig",
    "lambda:ListAliases",
    "lambda:ListTags",
    "lambda:ListVersionsByFunction",
    "lambda:PublishVersion",
    "lambda:UpdateAlias",
    "lambda:UpdateFunctionCode",
];
const CREATE: [&str; 8] = [
    "lambda:CreateAlias",
    "lambda:CreateFunction",
    "lambda:GetAlias",
    "lambda:GetFunction",
    "lambda:ListTags",
    "lambda:PublishVersion",
    "lambda:PutFunctionConcurrency",
    "lambda:TagResource",
];

/// Returns a request where the role's policy allows everything, so that the session's policy decides.
pub(super) fn within(session: &'static str, action: &'static str, resource: impl Into<String>) -> AccessRequest {
    AccessRequest::of(&IN_PROD, PolicyRef::Open, action, resource).session(PolicyRef::Named(session))
}

/// Returns a request under the session's policy and the role's own.
pub(super) fn really(session: &'static str, action: &'static str, resource: impl Into<String>) -> AccessRequest {
    AccessRequest::of(&IN_PROD, PolicyRef::Named("prod/permissions"), action, resource)
        .session(PolicyRef::Named(session))
}

pub(super) fn rows(rows: &mut Vec<Row>) {
    for (session, actions) in [("session/base", &BASE[..]), ("session/create", &CREATE)] {
        for action in actions {
            may(rows, "a session works on its function", really(session, action, FUNCTION));
            may_not(
                rows,
                "on no other function",
                within(session, action, "arn:aws:lambda:eu-west-1:222222222222:function:hello"),
            );
            may_not(
                rows,
                "in no other region",
                within(session, action, "arn:aws:lambda:us-east-1:222222222222:function:orders-api"),
            );
            let elsewhere = "arn:aws:lambda:eu-west-1:111111111111:function:orders-api";
            may_not(rows, "in no other account", within(session, action, elsewhere));
            may_not(
                rows,
                "nor on a version of another",
                within(session, action, "arn:aws:lambda:eu-west-1:222222222222:function:hello:7"),
            );
            may_not(
                rows,
                "nor anywhere else",
                within(session, action, "arn:aws:lambda:us-east-1:222222222222:function:orders-api:7"),
            );
            may_not(
                rows,
                "at all",
                within(session, action, "arn:aws:lambda:eu-west-1:111111111111:function:orders-api:7"),
            );
        }
        may(rows, "and on its versions", really(session, "lambda:GetFunction", format!("{FUNCTION}:7")));
        for action in [
            "lambda:DeleteFunction",
            "lambda:InvokeFunction",
            "lambda:AddPermission",
            "lambda:UpdateFunctionConfiguration",
        ] {
            may_not(rows, "and does nothing else to it", within(session, action, FUNCTION));
            may_not(rows, "nor to a version", within(session, action, format!("{FUNCTION}:7")));
        }
        artifact(rows, session);
    }
    for action in ["lambda:CreateFunction", "iam:PassRole", "lambda:CreateAlias"] {
        may_not(rows, "the first session creates nothing", within("session/base", action, FUNCTION));
    }
    creation(rows);
    pruning(rows);
    super::rollout_sessions::rows(rows);
}

fn artifact(rows: &mut Vec<Row>, session: &'static str) {
    for action in ["s3:GetObject", "s3:GetObjectVersion"] {
        let read = |ask: AccessRequest| ask.at(PolicyRef::Named("tooling/artifact_bucket"), TOOLING);
        let own = format!("{ARTIFACTS}/prod/orders-api/1.4.2.zip");
        may(rows, "a session reads its artifact", read(really(session, action, own)));
        let other = format!("{ARTIFACTS}/prod/orders-api/1.4.1.zip");
        may_not(rows, "and no other", within(session, action, other).at(PolicyRef::Open, TOOLING));
        may_not(
            rows,
            "of no other bucket",
            within(session, action, "arn:aws:s3:::acme-secrets/x").at(PolicyRef::Open, TOOLING),
        );
    }
    let tags = within(session, "s3:GetObjectTagging", format!("{ARTIFACTS}/prod/orders-api/1.4.2.zip"));
    may_not(rows, "and only reads it", tags.at(PolicyRef::Open, TOOLING));
    let decrypt = |action, via: &str| {
        within(session, action, KEY).trusted_by(PolicyRef::Open, TOOLING).with("kms:ViaService", via)
    };
    may(
        rows,
        "a session decrypts its artifact",
        really(session, "kms:Decrypt", KEY)
            .trusted_by(PolicyRef::Named("tooling/key"), TOOLING)
            .with("kms:ViaService", THROUGH_S3),
    );
    for via in ["ec2.eu-west-1.amazonaws.com", "s3.us-east-1.amazonaws.com", "secretsmanager.eu-west-1.amazonaws.com"] {
        may_not(rows, "and nothing else", decrypt("kms:Decrypt", via));
    }
    may_not(rows, "and only decrypts", decrypt("kms:GenerateDataKey", THROUGH_S3));
}

fn creation(rows: &mut Vec<Row>) {
    let create = "session/create";
    let role = "arn:aws:iam::222222222222:role/lambda/orders-api";
    let pass = |ask: AccessRequest, to: &str| ask.with("iam:PassedToService", to);
    may(
        rows,
        "a creation passes its function's role",
        pass(really(create, "iam:PassRole", role), "lambda.amazonaws.com"),
    );
    may_not(rows, "to Lambda only", pass(within(create, "iam:PassRole", role), "ec2.amazonaws.com"));
    for other in ["arn:aws:iam::222222222222:role/lambda/hello", "arn:aws:iam::111111111111:role/lambda/orders-api"] {
        may_not(rows, "and no other", pass(within(create, "iam:PassRole", other), "lambda.amazonaws.com"));
    }
    for action in ["iam:GetRole", "iam:UpdateAssumeRolePolicy"] {
        may_not(rows, "and does nothing else to it", pass(within(create, action, role), "lambda.amazonaws.com"));
    }
    let layer = "arn:aws:lambda:eu-west-1:222222222222:layer:shared:3";
    may(rows, "a creation reads its layers", really(create, "lambda:GetLayerVersion", layer));
    for other in [
        "arn:aws:lambda:eu-west-1:222222222222:layer:shared:4",
        "arn:aws:lambda:us-east-1:222222222222:layer:shared:3",
        "arn:aws:lambda:eu-west-1:111111111111:layer:shared:3",
    ] {
        may_not(rows, "and no others", within(create, "lambda:GetLayerVersion", other));
    }
    may_not(rows, "and only reads them", within(create, "lambda:DeleteLayerVersion", layer));
    let provider = "arn:aws:lambda:eu-west-1:222222222222:capacity-provider:shared";
    may(rows, "a creation runs on its capacity provider", really(create, "lambda:PassCapacityProvider", provider));
    for other in [
        "arn:aws:lambda:eu-west-1:222222222222:capacity-provider:other",
        "arn:aws:lambda:us-east-1:222222222222:capacity-provider:shared",
        "arn:aws:lambda:eu-west-1:111111111111:capacity-provider:shared",
    ] {
        may_not(rows, "and on no other", within(create, "lambda:PassCapacityProvider", other));
    }
    may_not(rows, "and does nothing else to it", within(create, "lambda:DeleteCapacityProvider", provider));
    let key = "arn:aws:kms:eu-west-1:222222222222:key/1c8e2f0a-0000-4000-8000-000000000002";
    for action in ["kms:CreateGrant", "kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"] {
        let with = |ask: AccessRequest| {
            ask.trusted_by(PolicyRef::Open, "222222222222").with("kms:ViaService", "lambda.eu-west-1.amazonaws.com")
        };
        may(rows, "a creation has its variables and its code encrypted", with(really(create, action, key)));
        let other = with(within(create, action, "arn:aws:kms:eu-west-1:222222222222:key/other"))
            .with("kms:ViaService", "ec2.eu-west-1.amazonaws.com");
        may_not(rows, "with no other key", other);
        let elsewhere =
            with(within(create, action, "arn:aws:kms:us-east-1:222222222222:key/1c8e2f0a-0000-4000-8000-000000000002"));
        may_not(rows, "of no other region", elsewhere.with("kms:ViaService", "ec2.eu-west-1.amazonaws.com"));
        let foreign =
            with(within(create, action, "arn:aws:kms:eu-west-1:111111111111:key/1c8e2f0a-0000-4000-8000-000000000002"));
        may_not(rows, "and no other account", foreign.with("kms:ViaService", "ec2.eu-west-1.amazonaws.com"));
    }
    may_not(
        rows,
        "and nothing else is done with it",
        within(create, "kms:ScheduleKeyDeletion", key).trusted_by(PolicyRef::Open, "222222222222"),
    );
    for action in [
        "ec2:DescribeSecurityGroups",
        "ec2:DescribeSubnets",
        "ec2:DescribeVpcs",
        "elasticfilesystem:DescribeMountTargets",
    ] {
        may(
            rows,
            "a creation looks at its network",
            really(create, action, "arn:aws:ec2:eu-west-1:222222222222:subnet/s"),
        );
    }
    for action in ["ec2:RunInstances", "elasticfilesystem:DeleteFileSystem"] {
        may_not(rows, "and only looks", within(create, action, "arn:aws:ec2:eu-west-1:222222222222:subnet/s"));
    }
}

fn pruning(rows: &mut Vec<Row>) {
    let prune = "session/prune";
    may(
        rows,
        "pruning deletes the version that it is for",
        really(prune, "lambda:DeleteFunction", format!("{FUNCTION}:7")),
    );
    for other in [
        FUNCTION.to_owned(),
        format!("{FUNCTION}:8"),
        "arn:aws:lambda:eu-west-1:222222222222:function:hello:7".into(),
        "arn:aws:lambda:us-east-1:222222222222:function:orders-api:7".into(),
        "arn:aws:lambda:eu-west-1:111111111111:function:orders-api:7".into(),
    ] {
        may_not(rows, "and nothing else", within(prune, "lambda:DeleteFunction", other));
    }
    for action in ["lambda:GetFunction", "lambda:UpdateFunctionCode", "s3:GetObject"] {
        may_not(rows, "and only deletes", within(prune, action, format!("{FUNCTION}:7")));
    }
}
