//! The artifact bucket, its key, the ledger bucket and the queue: what their policies allow, and what they forbid to everybody.

use super::{
    ADMIN, ARTIFACTS, Ask, DEPLOYER, DEV_ADMIN, Doc, IN_DEV, IN_PROD, KEY, LEDGER, OTHER_KEYS, PROD_ADMIN, Row,
    STRANGE, STRANGER, THROUGH_S3, TOOLING, Who, anything, may, may_not,
};

const QUEUE: &str = "arn:aws:sqs:eu-west-1:123456789012:deployer";
const DEAD_LETTERS: &str = "arn:aws:sqs:eu-west-1:123456789012:deployer-dead-letters";

pub(super) fn rows(rows: &mut Vec<Row>) {
    deployer(rows);
    artifacts(rows);
    ledger(rows);
    key(rows);
    queue(rows);
}

fn own(action: &'static str, resource: impl Into<String>) -> Ask {
    Ask::of(&DEPLOYER, Doc::Named("tooling/deployer"), action, resource)
}

/// The deployer's own policy in its own account.
fn deployer(rows: &mut Vec<Row>) {
    let at_artifacts = |ask: Ask| ask.at(Doc::Named("tooling/artifact_bucket"), TOOLING);
    let at_ledger = |ask: Ask| ask.at(Doc::Named("tooling/ledger_bucket"), TOOLING).with("s3:if-match", "\"etag\"");
    for environment in ["dev", "prod", "tools"] {
        for action in ["s3:GetObject", "s3:GetObjectVersion"] {
            let artifact = format!("{ARTIFACTS}/{environment}/orders-api/1.4.2.zip");
            may(rows, "the deployer reads artifacts", at_artifacts(own(action, artifact)));
        }
    }
    for action in ["s3:GetObject", "s3:GetObjectVersion"] {
        may_not(rows, "of no unknown environment", own(action, format!("{ARTIFACTS}/secret/x.zip")));
        may_not(rows, "of no other bucket", own(action, "arn:aws:s3:::acme-secrets/dev/x.zip"));
    }
    for action in ["s3:PutObject", "s3:DeleteObject"] {
        let attached = anything(&DEPLOYER, action, format!("{ARTIFACTS}/dev/orders-api/1.4.2.zip"));
        may_not(rows, "and never writes where it is woken from, whatever its role allows", at_artifacts(attached));
    }
    may_not(rows, "nor may by its own policy", own("s3:PutObject", format!("{ARTIFACTS}/dev/orders-api/1.4.2.zip")));
    for bucket in [ARTIFACTS, LEDGER] {
        may(rows, "the deployer sees what is missing", own("s3:ListBucket", bucket));
        for action in ["s3:ListBucketVersions", "s3:PutBucketPolicy", "s3:GetBucketPolicy", "s3:PutBucketVersioning"] {
            may_not(rows, "and does nothing else to buckets", own(action, bucket));
        }
    }
    may_not(rows, "nor sees other buckets", own("s3:ListBucket", "arn:aws:s3:::acme-secrets"));
    may(rows, "the deployer sees whether uploads are versions", own("s3:GetBucketVersioning", ARTIFACTS));
    for other in [LEDGER, "arn:aws:s3:::acme-secrets"] {
        may_not(rows, "of no other bucket", own("s3:GetBucketVersioning", other));
    }
    for prefix in ["heads", "deployments", "results", "rejects", "open", "asked", "groups", "sweeps"] {
        let object = format!("{LEDGER}/{prefix}/dev/orders-api.json");
        may(rows, "the deployer reads the ledger", at_ledger(own("s3:GetObject", object.clone())));
        may(rows, "and writes it", at_ledger(own("s3:PutObject", object)));
    }
    may(rows, "and reads its configuration", at_ledger(own("s3:GetObject", format!("{LEDGER}/config/deployer.json"))));
    may_not(rows, "and never writes that", at_ledger(own("s3:PutObject", format!("{LEDGER}/config/deployer.json"))));
    for action in ["s3:GetObject", "s3:PutObject"] {
        may_not(rows, "nor anything else there", at_ledger(own(action, format!("{LEDGER}/notes/x"))));
        may_not(rows, "nor in another bucket", own(action, "arn:aws:s3:::acme-secrets/heads/x"));
    }
    for action in ["s3:GetObjectAcl", "s3:PutObjectAcl", "s3:PutObjectTagging"] {
        may_not(
            rows,
            "nor does anything else to its objects",
            at_ledger(own(action, format!("{LEDGER}/open/dev/orders-api/x"))),
        );
        may_not(rows, "nor to heads", at_ledger(own(action, format!("{LEDGER}/heads/dev/orders-api.json"))));
        may_not(rows, "nor to its configuration", at_ledger(own(action, format!("{LEDGER}/config/deployer.json"))));
        may_not(rows, "nor to artifacts", at_artifacts(own(action, format!("{ARTIFACTS}/dev/orders-api/1.zip"))));
    }
    for marker in ["open/dev/orders-api/x", "asked/dev/orders-api/x.json", "groups/open/x"] {
        may(rows, "the deployer clears markers", at_ledger(own("s3:DeleteObject", format!("{LEDGER}/{marker}"))));
        may_not(rows, "in no other bucket", own("s3:DeleteObject", format!("arn:aws:s3:::acme-secrets/{marker}")));
    }
    for key in [
        "heads/dev/orders-api.json",
        "groups/x.json",
        "rejects/orders-api.json",
        "config/deployer.json",
        "results/dev/x",
    ] {
        may_not(rows, "and deletes nothing else", own("s3:DeleteObject", format!("{LEDGER}/{key}")));
    }
    for action in [
        "sqs:ChangeMessageVisibility",
        "sqs:DeleteMessage",
        "sqs:GetQueueAttributes",
        "sqs:GetQueueUrl",
        "sqs:ReceiveMessage",
        "sqs:SendMessage",
    ] {
        may(rows, "the deployer works on its queue", own(action, QUEUE).at(Doc::Named("tooling/queue"), TOOLING));
        may_not(rows, "on no other", own(action, "arn:aws:sqs:us-east-1:123456789012:deployer"));
        let elsewhere = own(action, "arn:aws:sqs:eu-west-1:999999999999:deployer").at(Doc::Open, STRANGE);
        may_not(rows, "in no other account", elsewhere);
    }
    may(rows, "the deployer counts what was given up", own("sqs:GetQueueAttributes", DEAD_LETTERS));
    for action in ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:SendMessage", "sqs:PurgeQueue", "sqs:GetQueueUrl"] {
        may_not(rows, "and only counts it", own(action, DEAD_LETTERS));
    }
    for other in [
        "arn:aws:sqs:us-east-1:123456789012:deployer-dead-letters",
        "arn:aws:sqs:eu-west-1:123456789012:orders-dead-letters",
    ] {
        may_not(rows, "of no other queue", own("sqs:GetQueueAttributes", other));
    }
    let elsewhere = own("sqs:GetQueueAttributes", "arn:aws:sqs:eu-west-1:999999999999:deployer-dead-letters");
    may_not(rows, "of no other account", elsewhere.at(Doc::Open, STRANGE));
    for action in ["sqs:PurgeQueue", "sqs:SetQueueAttributes"] {
        may_not(rows, "and only works on it", own(action, QUEUE));
    }
    let log = "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/lambda/deployer:log-stream:x";
    for action in ["logs:CreateLogStream", "logs:PutLogEvents"] {
        may(rows, "the deployer writes its log", own(action, log));
        for other in [
            "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/lambda/other:log-stream:x",
            "arn:aws:logs:us-east-1:123456789012:log-group:/aws/lambda/deployer:log-stream:x",
        ] {
            may_not(rows, "and no other", own(action, other));
        }
        let elsewhere = own(action, "arn:aws:logs:eu-west-1:999999999999:log-group:/aws/lambda/deployer:log-stream:x");
        may_not(rows, "in no other account", elsewhere.at(Doc::Open, STRANGE));
    }
    for action in ["logs:DeleteLogStream", "logs:GetLogEvents"] {
        may_not(rows, "and only writes it", own(action, log));
    }
    may(
        rows,
        "the deployer decrypts artifacts",
        own("kms:Decrypt", KEY).trusted_by(Doc::Named("tooling/key"), TOOLING).with("kms:ViaService", THROUGH_S3),
    );
    for other in OTHER_KEYS {
        may_not(rows, "with no other key", own("kms:Decrypt", other).with("kms:ViaService", THROUGH_S3));
    }
    may_not(rows, "only through S3", own("kms:Decrypt", KEY).with("kms:ViaService", "ec2.eu-west-1.amazonaws.com"));
    may_not(rows, "and only decrypts", own("kms:Encrypt", KEY).with("kms:ViaService", THROUGH_S3));
    for action in ["lambda:UpdateFunctionCode", "lambda:InvokeFunction", "iam:PassRole", "events:PutRule"] {
        may_not(
            rows,
            "and nothing else in its own account",
            own(action, "arn:aws:lambda:eu-west-1:123456789012:function:deployer"),
        );
    }
}

fn artifacts(rows: &mut Vec<Row>) {
    let at = |ask: Ask| ask.at(Doc::Named("tooling/artifact_bucket"), TOOLING);
    let artifact = |environment: &str| format!("{ARTIFACTS}/{environment}/orders-api/1.4.2.zip");
    for (who, admin, own) in [(&IN_DEV, &DEV_ADMIN, &["dev"][..]), (&IN_PROD, &PROD_ADMIN, &["prod", "dev"])] {
        for action in ["s3:GetObject", "s3:GetObjectVersion"] {
            for environment in ["dev", "prod", "tools"] {
                let read = at(anything(who, action, artifact(environment)));
                match own.contains(&environment) {
                    true => may(
                        rows,
                        "a deploy role is let in to its environment's artifacts, and those promoted to it",
                        read,
                    ),
                    false => may_not(rows, "to no other environment's", read),
                }
                may_not(rows, "nobody else of its account is", at(anything(admin, action, artifact(environment))));
            }
            may_not(rows, "nobody of another", at(anything(&STRANGER, action, artifact(own[0]))));
            let in_clear = at(anything(who, action, artifact(own[0]))).with("aws:SecureTransport", false);
            may_not(rows, "and never without TLS", in_clear);
        }
        for action in ["s3:PutObject", "s3:GetObjectAcl", "s3:DeleteObject"] {
            may_not(rows, "a deploy role is let in to read only", at(anything(who, action, artifact(own[0]))));
        }
        may_not(rows, "and not to list", at(anything(who, "s3:ListBucket", ARTIFACTS)));
    }
    may_not(
        rows,
        "nobody lists without TLS",
        at(anything(&ADMIN, "s3:ListBucket", ARTIFACTS)).with("aws:SecureTransport", false),
    );
    may(rows, "an administrator may upload", at(anything(&ADMIN, "s3:PutObject", format!("{ARTIFACTS}/dev/x/1.zip"))));
    may_not(
        rows,
        "but not erase a version",
        at(anything(&ADMIN, "s3:DeleteObjectVersion", format!("{ARTIFACTS}/dev/x/1.zip"))),
    );
}

fn ledger(rows: &mut Vec<Row>) {
    let at = |ask: Ask| ask.at(Doc::Named("tooling/ledger_bucket"), TOOLING);
    for prefix in ["heads", "deployments", "results", "rejects", "open", "asked", "groups", "sweeps"] {
        let object = format!("{LEDGER}/{prefix}/dev/orders-api.json");
        for who in [&DEPLOYER, &ADMIN] {
            let put = || at(anything(who, "s3:PutObject", object.clone()));
            may(rows, "the ledger is written over what was seen", put().with("s3:if-match", "\"etag\""));
            may(rows, "or where nothing was", put().with("s3:if-none-match", "*"));
            may_not(rows, "and never blindly", put());
        }
        if !["open", "asked"].contains(&prefix) {
            may_not(rows, "nobody deletes from it", at(anything(&ADMIN, "s3:DeleteObject", object.clone())));
        }
        may_not(rows, "nobody erases a version of it", at(anything(&ADMIN, "s3:DeleteObjectVersion", object)));
    }
    may_not(
        rows,
        "nor whatever else may lie there",
        at(anything(&ADMIN, "s3:DeleteObject", format!("{LEDGER}/notes/x"))),
    );
    for object in ["open/dev/orders-api/x", "asked/dev/orders-api/x.json", "groups/open/x", "config/deployer.json"] {
        let delete = at(anything(&ADMIN, "s3:DeleteObject", format!("{LEDGER}/{object}")));
        may(rows, "but markers are cleared, and Terraform takes its configuration away", delete);
    }
    may(
        rows,
        "Terraform writes the configuration",
        at(anything(&ADMIN, "s3:PutObject", format!("{LEDGER}/config/deployer.json"))),
    );
    let head = format!("{LEDGER}/heads/dev/orders-api.json");
    may_not(
        rows,
        "nobody reads without TLS",
        at(anything(&ADMIN, "s3:GetObject", head.clone())).with("aws:SecureTransport", false),
    );
    may_not(rows, "nor lists", at(anything(&ADMIN, "s3:ListBucket", LEDGER)).with("aws:SecureTransport", false));
    for who in [&IN_DEV, &IN_PROD, &STRANGER] {
        may_not(rows, "nobody of another account reads it", at(anything(who, "s3:GetObject", head.clone())));
    }
}

fn key(rows: &mut Vec<Row>) {
    let with = |who: &Who, action, via: &str| {
        anything(who, action, KEY).trusted_by(Doc::Named("tooling/key"), TOOLING).with("kms:ViaService", via)
    };
    for who in [&IN_DEV, &IN_PROD] {
        may(rows, "a deploy role decrypts through S3", with(who, "kms:Decrypt", THROUGH_S3));
        may_not(rows, "and in no other way", with(who, "kms:Decrypt", "ec2.eu-west-1.amazonaws.com"));
        may_not(rows, "not through S3 of another region", with(who, "kms:Decrypt", "s3.us-east-1.amazonaws.com"));
        for action in ["kms:GenerateDataKey", "kms:Encrypt", "kms:CreateGrant", "kms:PutKeyPolicy"] {
            may_not(rows, "and only decrypts", with(who, action, THROUGH_S3));
        }
    }
    for who in [&DEV_ADMIN, &PROD_ADMIN, &STRANGER] {
        may_not(rows, "nobody else of another account does", with(who, "kms:Decrypt", THROUGH_S3));
        for action in ["kms:GenerateDataKey", "kms:PutKeyPolicy", "kms:DescribeKey"] {
            may_not(rows, "nor anything else with it", with(who, action, THROUGH_S3));
        }
    }
    for action in ["kms:Decrypt", "kms:GenerateDataKey"] {
        may(rows, "the account's own use it through S3", with(&ADMIN, action, THROUGH_S3));
        may_not(rows, "and in no other way", with(&ADMIN, action, "ec2.eu-west-1.amazonaws.com"));
        let nothing = Ask::of(&ADMIN, Doc::Silent, action, KEY).trusted_by(Doc::Named("tooling/key"), TOOLING);
        may_not(rows, "and only those whose own policy says so", nothing.with("kms:ViaService", THROUGH_S3));
    }
    for action in ["kms:Encrypt", "kms:ReEncryptFrom", "kms:GenerateDataKeyPair", "kms:Sign"] {
        may_not(rows, "nobody uses it for anything else", with(&ADMIN, action, THROUGH_S3));
    }
    for action in ["kms:PutKeyPolicy", "kms:ScheduleKeyDeletion", "kms:DescribeKey", "kms:EnableKeyRotation"] {
        may(rows, "the account's administrators manage it", with(&ADMIN, action, "none"));
    }
}

fn queue(rows: &mut Vec<Row>) {
    let send = |who: Who, action| Ask::of(&who, Doc::Silent, action, QUEUE).at(Doc::Named("tooling/queue"), TOOLING);
    let s3 = || {
        send(Who::Service("s3.amazonaws.com"), "sqs:SendMessage")
            .with("aws:SourceArn", ARTIFACTS)
            .with("aws:SourceAccount", TOOLING)
    };
    may(rows, "S3 tells the queue of uploads", s3());
    may_not(rows, "of no other bucket", s3().with("aws:SourceArn", "arn:aws:s3:::mallory"));
    may_not(rows, "of no other account's", s3().with("aws:SourceAccount", STRANGE));
    may_not(rows, "and never without TLS", s3().with("aws:SecureTransport", false));
    let rule = "arn:aws:events:eu-west-1:123456789012:rule/deployer/deployer-promotions";
    let events = || send(Who::Service("events.amazonaws.com"), "sqs:SendMessage").with("aws:SourceArn", rule);
    may(rows, "EventBridge hands promotion requests to the queue", events());
    may_not(
        rows,
        "from no other rule",
        events().with("aws:SourceArn", "arn:aws:events:eu-west-1:123456789012:rule/other"),
    );
    may_not(
        rows,
        "nor another account's",
        events().with("aws:SourceArn", "arn:aws:events:eu-west-1:999999999999:rule/deployer/deployer-promotions"),
    );
    for (service, source) in [("s3.amazonaws.com", ARTIFACTS), ("events.amazonaws.com", rule)] {
        for action in ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:PurgeQueue"] {
            let ask =
                send(Who::Service(service), action).with("aws:SourceArn", source).with("aws:SourceAccount", TOOLING);
            may_not(rows, "services only send", ask);
        }
    }
    for source in [ARTIFACTS, rule] {
        for service in ["sns.amazonaws.com", "lambda.amazonaws.com"] {
            let ask = send(Who::Service(service), "sqs:SendMessage")
                .with("aws:SourceArn", source)
                .with("aws:SourceAccount", TOOLING);
            may_not(rows, "no other service sends", ask);
        }
        let stranger = anything(&STRANGER, "sqs:SendMessage", QUEUE).at(Doc::Named("tooling/queue"), TOOLING);
        may_not(
            rows,
            "nobody of another account does",
            stranger.with("aws:SourceArn", source).with("aws:SourceAccount", TOOLING),
        );
    }
    let receive = anything(&ADMIN, "sqs:ReceiveMessage", QUEUE).at(Doc::Named("tooling/queue"), TOOLING);
    may_not(rows, "nobody reads it without TLS", receive.with("aws:SecureTransport", false));
}
