//! Rows about the policies of the artifact bucket, its key, the ledger bucket and the queues.

use super::{
    ADMIN, ARTIFACTS, AccessRequest, Caller, DEPLOYER, DEV_ADMIN, IN_DEV, IN_PROD, KEY, LEDGER, OTHER_KEYS, PROD_ADMIN,
    PolicyRef, Row, STRANGE, STRANGER, THROUGH_S3, TOOLING, anything, may, may_not,
};

const QUEUE: &str = "arn:aws:sqs:eu-west-1:123456789012:deployer";
const WAKES: &str = "arn:aws:sqs:eu-west-1:123456789012:deployer-wakes";
const DEAD_LETTERS: &str = "arn:aws:sqs:eu-west-1:123456789012:deployer-dead-letters";

pub(super) fn rows(rows: &mut Vec<Row>) {
    deployer(rows);
    artifacts(rows);
    ledger(rows);
    key(rows);
    queues(rows);
}

fn own(action: &'static str, resource: impl Into<String>) -> AccessRequest {
    AccessRequest::of(&DEPLOYER, PolicyRef::Named("tooling/deployer"), action, resource)
}

/// Adds rows that deny the deployer an action on queues of other regions and accounts.
fn works_elsewhere(rows: &mut Vec<Row>, action: &'static str) {
    for queue in ["deployer", "deployer-wakes"] {
        let other = format!("arn:aws:sqs:us-east-1:123456789012:{queue}");
        may_not(rows, "on no other", own(action, other));
        let elsewhere = format!("arn:aws:sqs:eu-west-1:999999999999:{queue}");
        may_not(rows, "in no other account", own(action, elsewhere).at(PolicyRef::Open, STRANGE));
    }
    may_not(rows, "on none that is called otherwise", own(action, "arn:aws:sqs:eu-west-1:123456789012:deployer-other"));
}

/// Adds rows about the deployer's own policy in its own account.
fn deployer(rows: &mut Vec<Row>) {
    let at_artifacts = |ask: AccessRequest| ask.at(PolicyRef::Named("tooling/artifact_bucket"), TOOLING);
    let at_ledger =
        |ask: AccessRequest| ask.at(PolicyRef::Named("tooling/ledger_bucket"), TOOLING).with("s3:if-match", "\"etag\"");
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
    let version = |object: &str| at_ledger(own("s3:GetObjectVersion", format!("{LEDGER}/{object}")));
    may(rows, "by the version that it was published with", version("config/deployer.json"));
    for other in ["config/other.json", "heads/dev/orders-api.json", "rejects/orders-api.json"] {
        may_not(rows, "and former versions of nothing else", version(other));
    }
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
    ] {
        for (queue, policy) in [(QUEUE, "tooling/queue"), (WAKES, "tooling/wake_queue")] {
            may(rows, "the deployer works on its queues", own(action, queue).at(PolicyRef::Named(policy), TOOLING));
        }
        works_elsewhere(rows, action);
    }
    let sends = |queue| own("sqs:SendMessage", queue);
    may(rows, "the deployer wakes itself", sends(WAKES).at(PolicyRef::Named("tooling/wake_queue"), TOOLING));
    may(rows, "also where no queue of wakes is named", sends(QUEUE).at(PolicyRef::Named("tooling/queue"), TOOLING));
    works_elsewhere(rows, "sqs:SendMessage");
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
    may_not(rows, "of no other account", elsewhere.at(PolicyRef::Open, STRANGE));
    for action in ["sqs:PurgeQueue", "sqs:SetQueueAttributes"] {
        for queue in [QUEUE, WAKES] {
            may_not(rows, "and only works on them", own(action, queue));
        }
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
        may_not(rows, "in no other account", elsewhere.at(PolicyRef::Open, STRANGE));
    }
    for action in ["logs:DeleteLogStream", "logs:GetLogEvents"] {
        may_not(rows, "and only writes it", own(action, log));
    }
    may(
        rows,
        "the deployer decrypts artifacts",
        own("kms:Decrypt", KEY).trusted_by(PolicyRef::Named("tooling/key"), TOOLING).with("kms:ViaService", THROUGH_S3),
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
    let at = |ask: AccessRequest| ask.at(PolicyRef::Named("tooling/artifact_bucket"), TOOLING);
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
    let at = |ask: AccessRequest| ask.at(PolicyRef::Named("tooling/ledger_bucket"), TOOLING);
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
    let with = |who: &Caller, action, via: &str| {
        anything(who, action, KEY).trusted_by(PolicyRef::Named("tooling/key"), TOOLING).with("kms:ViaService", via)
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
        let nothing = AccessRequest::of(&ADMIN, PolicyRef::Silent, action, KEY)
            .trusted_by(PolicyRef::Named("tooling/key"), TOOLING);
        may_not(rows, "and only those whose own policy says so", nothing.with("kms:ViaService", THROUGH_S3));
    }
    for action in ["kms:Encrypt", "kms:ReEncryptFrom", "kms:GenerateDataKeyPair", "kms:Sign"] {
        may_not(rows, "nobody uses it for anything else", with(&ADMIN, action, THROUGH_S3));
    }
    for action in ["kms:PutKeyPolicy", "kms:ScheduleKeyDeletion", "kms:DescribeKey", "kms:EnableKeyRotation"] {
        may(rows, "the account's administrators manage it", with(&ADMIN, action, "none"));
    }
}

fn queues(rows: &mut Vec<Row>) {
    queues_by(rows, "tooling/queue", "tooling/wake_queue");
    queues_by(rows, "guarded/queue", "guarded/wake_queue");
}

/// Adds rows about the queues with these policies.
fn queues_by(rows: &mut Vec<Row>, of_uploads: &'static str, of_wakes: &'static str) {
    let rule = "arn:aws:events:eu-west-1:123456789012:rule/deployer/deployer-promotions";
    let (s3, events) = ("s3.amazonaws.com", "events.amazonaws.com");
    let uploads = EventQueue { queue: QUEUE, policy: of_uploads, service: s3, source: ARTIFACTS };
    may(rows, "S3 tells the queue of uploads", uploads.by(s3, "sqs:SendMessage"));
    let of = |source| uploads.by(s3, "sqs:SendMessage").with("aws:SourceArn", source);
    may_not(rows, "of no other bucket", of("arn:aws:s3:::mallory"));
    may_not(rows, "of no other account's", of(ARTIFACTS).with("aws:SourceAccount", STRANGE));
    uploads.rows(rows);
    may_not(rows, "EventBridge sends nothing there", uploads.by(events, "sqs:SendMessage").with("aws:SourceArn", rule));

    let woken = EventQueue { queue: WAKES, policy: of_wakes, service: events, source: rule };
    may(rows, "EventBridge hands promotion requests to the queue of wakes", woken.by(events, "sqs:SendMessage"));
    let from = |source| woken.by(events, "sqs:SendMessage").with("aws:SourceArn", source);
    may_not(rows, "from no other rule", from("arn:aws:events:eu-west-1:123456789012:rule/other"));
    let strange = "arn:aws:events:eu-west-1:999999999999:rule/deployer/deployer-promotions";
    may_not(rows, "nor another account's", from(strange));
    woken.rows(rows);
    may_not(rows, "S3 sends nothing there", woken.by(s3, "sqs:SendMessage").with("aws:SourceArn", ARTIFACTS));
}

/// A queue that one service sends events to.
struct EventQueue {
    queue: &'static str,
    policy: &'static str,
    service: &'static str,
    source: &'static str,
}

impl EventQueue {
    /// Returns a request of a service for the queue's source.
    fn by(&self, service: &'static str, action: &'static str) -> AccessRequest {
        AccessRequest::of(&Caller::Service(service), PolicyRef::Silent, action, self.queue)
            .at(PolicyRef::Named(self.policy), TOOLING)
            .with("aws:SourceArn", self.source)
            .with("aws:SourceAccount", TOOLING)
    }

    /// Adds rows that the queue denies to every service.
    fn rows(&self, rows: &mut Vec<Row>) {
        let insecure = self.by(self.service, "sqs:SendMessage").with("aws:SecureTransport", false);
        may_not(rows, "never without TLS", insecure);
        for action in ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:PurgeQueue"] {
            may_not(rows, "services only send", self.by(self.service, action));
        }
        for service in ["sns.amazonaws.com", "lambda.amazonaws.com"] {
            may_not(rows, "no other service sends", self.by(service, "sqs:SendMessage"));
        }
        let somebody = |who, action| anything(who, action, self.queue).at(PolicyRef::Named(self.policy), TOOLING);
        let stranger = somebody(&STRANGER, "sqs:SendMessage").with("aws:SourceArn", self.source);
        may_not(rows, "nobody of another account does", stranger.with("aws:SourceAccount", TOOLING));
        let receive = somebody(&ADMIN, "sqs:ReceiveMessage").with("aws:SecureTransport", false);
        may_not(rows, "nobody reads it without TLS", receive);
    }
}
