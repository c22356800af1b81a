//! Rows about CI, the schedule, and people.

use super::{
    ARTIFACTS, AccessRequest, Caller, KEY, LEDGER, OTHER_KEYS, PolicyRef, Row, THROUGH_S3, TOOLING, may, may_not,
};

const DEPLOYER: &str = "arn:aws:lambda:eu-west-1:123456789012:function:deployer:live";

pub(super) fn rows(rows: &mut Vec<Row>) {
    uploader(rows, "ci-orders", "github/permissions", "orders-api", &["billing", "orders"]);
    uploader(rows, "ci-billing", "gitlab/permissions", "billing", &["billing-api", "orders-api"]);
    uploader(rows, "ci-named", "named/permissions", "hello", &["hello2", "orders-api"]);
    uploader(rows, "build-agent", "build_agent/permissions", "anything", &[]);
    people(rows);
    redrives(rows);
}

fn uploader(rows: &mut Vec<Row>, name: &'static str, policy: &'static str, function: &str, others: &[&str]) {
    let who = Caller::Role(TOOLING, name);
    let ci = |action, resource: String| AccessRequest::of(&who, PolicyRef::Named(policy), action, resource);
    let artifact = |environment: &str, function: &str| format!("{ARTIFACTS}/{environment}/{function}/1.4.2.zip");
    let result = |environment: &str, function: &str| format!("{LEDGER}/results/{environment}/{function}/1.4.2/v1.json");
    let list = |prefix: String| ci("s3:ListBucket", LEDGER.into()).with("s3:prefix", prefix);

    for action in ["s3:PutObject", "s3:AbortMultipartUpload"] {
        may(
            rows,
            "CI uploads its functions, and gives up uploads in parts",
            ci(action, artifact("dev", function)).at(PolicyRef::Named("tooling/artifact_bucket"), TOOLING),
        );
        for other in others {
            may_not(rows, "of no other function", ci(action, artifact("dev", other)));
        }
        may_not(rows, "to no other environment", ci(action, artifact("prod", function)));
        may_not(rows, "of nothing but zips", ci(action, format!("{ARTIFACTS}/dev/{function}/1.4.2.tar")));
        for bucket in ["arn:aws:s3:::acme-secrets", LEDGER] {
            may_not(rows, "in no other bucket", ci(action, format!("{bucket}/dev/{function}/1.4.2.zip")));
        }
    }
    may(
        rows,
        "reads their results",
        ci("s3:GetObject", result("dev", function)).at(PolicyRef::Named("tooling/ledger_bucket"), TOOLING),
    );
    may(rows, "and sees that one is missing", list(format!("results/dev/{function}/1.4.2/")));
    for other in others {
        may_not(rows, "it reads no other's results", ci("s3:GetObject", result("dev", other)));
        may_not(rows, "nor looks for them", list(format!("results/dev/{other}/1.4.2/")));
    }
    let notice = |environment: &str| format!("results/{environment}/environment.json");
    may(
        rows,
        "it learns about its environment",
        ci("s3:GetObject", format!("{LEDGER}/{}", notice("dev")))
            .at(PolicyRef::Named("tooling/ledger_bucket"), TOOLING),
    );
    may(rows, "and sees that nothing is told of it", list(notice("dev")));
    may_not(rows, "it learns about no other environment", ci("s3:GetObject", format!("{LEDGER}/{}", notice("prod"))));
    may_not(rows, "nor looks for that", list(notice("prod")));
    may_not(
        rows,
        "it tells nothing itself",
        ci("s3:PutObject", format!("{LEDGER}/{}", notice("dev"))).with("s3:if-none-match", "*"),
    );
    may_not(rows, "it reads no other environment's results", ci("s3:GetObject", result("prod", function)));
    may_not(rows, "nor looks for them", list(format!("results/prod/{function}/1.4.2/")));
    may_not(rows, "nor at the whole ledger", list(String::new()));
    may_not(rows, "writes no result", ci("s3:PutObject", result("dev", function)).with("s3:if-none-match", "*"));
    may_not(rows, "reads no artifact", ci("s3:GetObject", artifact("dev", function)));
    may_not(
        rows,
        "reads nowhere else",
        ci("s3:GetObject", format!("arn:aws:s3:::acme-secrets/results/dev/{function}/x")),
    );
    for object in
        [format!("heads/dev/{function}.json"), format!("rejects/{function}.json"), "config/deployer.json".into()]
    {
        may_not(rows, "reads nothing else of the ledger", ci("s3:GetObject", format!("{LEDGER}/{object}")));
    }
    may_not(
        rows,
        "lists no other bucket",
        ci("s3:ListBucket", ARTIFACTS.into()).with("s3:prefix", format!("results/dev/{function}/")),
    );
    for action in ["s3:PutObjectAcl", "s3:DeleteObject", "s3:GetObjectVersion"] {
        may_not(rows, "and does nothing else to artifacts", ci(action, artifact("dev", function)));
        may_not(rows, "nor to results", ci(action, result("dev", function)));
    }
    for action in ["s3:ListBucketVersions", "s3:GetBucketPolicy"] {
        may_not(
            rows,
            "nor to the ledger",
            ci(action, LEDGER.into()).with("s3:prefix", format!("results/dev/{function}/")),
        );
    }
    for action in ["lambda:InvokeFunction", "sqs:SendMessage", "sts:AssumeRole"] {
        may_not(
            rows,
            "a stolen CI credential reaches neither deployer, queue nor target",
            ci(action, DEPLOYER.into()).at(PolicyRef::Silent, TOOLING),
        );
    }
    let key = |action, key: &str, via: &str| {
        ci(action, key.into()).trusted_by(PolicyRef::Open, "555555555555").with("kms:ViaService", via)
    };
    for action in ["kms:Decrypt", "kms:GenerateDataKey"] {
        may(
            rows,
            "CI has its uploads encrypted",
            ci(action, KEY.into())
                .trusted_by(PolicyRef::Named("tooling/key"), TOOLING)
                .with("kms:ViaService", THROUGH_S3),
        );
        may_not(rows, "only through S3", key(action, KEY, "ec2.eu-west-1.amazonaws.com"));
        for other in OTHER_KEYS {
            may_not(rows, "with no other key", key(action, other, THROUGH_S3));
        }
    }
    may_not(rows, "and nothing else is done with it", key("kms:PutKeyPolicy", KEY, THROUGH_S3));
}

fn people(rows: &mut Vec<Row>) {
    let sweep = |action, resource: &str| {
        AccessRequest::of(&Caller::Role(TOOLING, "deployer-sweep"), PolicyRef::Named("tooling/sweep"), action, resource)
    };
    may(rows, "the schedule wakes the deployer", sweep("lambda:InvokeFunction", DEPLOYER));
    let others = [
        "arn:aws:lambda:eu-west-1:123456789012:function:other:live",
        "arn:aws:lambda:us-east-1:123456789012:function:deployer:live",
        // Nobody calls another version of the deployer than the one that works.
        "arn:aws:lambda:eu-west-1:123456789012:function:deployer",
        "arn:aws:lambda:eu-west-1:123456789012:function:deployer:7",
    ];
    for other in others {
        may_not(rows, "and no other function or version", sweep("lambda:InvokeFunction", other));
    }
    let foreign = "arn:aws:lambda:eu-west-1:999999999999:function:deployer:live";
    may_not(rows, "in no other account", sweep("lambda:InvokeFunction", foreign).at(PolicyRef::Open, super::STRANGE));
    for action in ["lambda:UpdateFunctionCode", "lambda:DeleteFunction"] {
        may_not(rows, "and does nothing else to it", sweep(action, DEPLOYER));
    }

    for policy in ["tooling/look", "tooling/operate"] {
        let person = |action, resource: &str| {
            AccessRequest::of(&Caller::Role(TOOLING, "person"), PolicyRef::Named(policy), action, resource)
        };
        for (prefix, object) in [
            ("heads/", "heads/prod/orders-api.json"),
            ("deployments/prod/", "deployments/prod/orders-api/01K.json"),
            ("results/prod/", "results/prod/orders-api/1.4.2/v1.json"),
            ("rejects/", "rejects/orders-api.json"),
            ("groups/", "groups/x.json"),
            ("sweeps/", "sweeps/last.json"),
            ("config/deployer.json", "config/deployer.json"),
        ] {
            let object = format!("{LEDGER}/{object}");
            may(
                rows,
                "people read the ledger",
                person("s3:GetObject", &object).at(PolicyRef::Named("tooling/ledger_bucket"), TOOLING),
            );
            may(rows, "and list it", person("s3:ListBucket", LEDGER).with("s3:prefix", prefix));
            for action in ["s3:PutObject", "s3:DeleteObject", "s3:GetObjectVersion", "s3:PutObjectAcl"] {
                may_not(rows, "and do nothing else to it", person(action, &object).with("s3:if-match", "\"etag\""));
            }
        }
        for object in [
            "acme-deployer-ledger/config/other.json",
            "acme-deployer-ledger/open/prod/orders-api",
            "acme-artifacts/prod/orders-api/1.zip",
            "acme-secrets/heads/x",
        ] {
            may_not(rows, "they read nothing else", person("s3:GetObject", &format!("arn:aws:s3:::{object}")));
        }
        for prefix in ["", "config/", "open/"] {
            may_not(rows, "list nothing else", person("s3:ListBucket", LEDGER).with("s3:prefix", prefix));
        }
        may_not(rows, "of no other bucket", person("s3:ListBucket", ARTIFACTS).with("s3:prefix", "heads/"));
        may_not(rows, "and only list", person("s3:ListBucketVersions", LEDGER).with("s3:prefix", "heads/"));
        for action in ["lambda:UpdateFunctionCode", "lambda:GetFunction"] {
            may_not(rows, "people never change the deployer", person(action, DEPLOYER));
        }
        for other in others {
            may_not(rows, "and call no other function or version", person("lambda:InvokeFunction", other));
        }
        may_not(
            rows,
            "in no other account",
            person("lambda:InvokeFunction", foreign).at(PolicyRef::Open, super::STRANGE),
        );
        match policy {
            "tooling/operate" => {
                may(rows, "operators give the deployer commands", person("lambda:InvokeFunction", DEPLOYER))
            }
            _ => may_not(rows, "who looks gives no commands", person("lambda:InvokeFunction", DEPLOYER)),
        }
    }
}

/// Rows about the log and the dead letters, which operators read and send back.
fn redrives(rows: &mut Vec<Row>) {
    const QUEUES: &str = "arn:aws:sqs:eu-west-1:123456789012";
    const LOG: &str = "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/lambda";
    let person = |policy, action, resource: String| {
        AccessRequest::of(&Caller::Role(TOOLING, "person"), PolicyRef::Named(policy), action, resource)
    };
    let operator = |action, resource: String| person("tooling/operate", action, resource);
    let elsewhere = |resource: &str| {
        [("eu-west-1", "us-east-1"), (TOOLING, super::STRANGE)].map(|(here, there)| resource.replace(here, there))
    };

    let log = format!("{LOG}/deployer:log-stream:2026/11/25/x");
    for action in ["logs:DescribeLogStreams", "logs:FilterLogEvents", "logs:GetLogEvents"] {
        may(rows, "operators read the deployer's log", operator(action, log.clone()));
        may_not(rows, "who looks at the ledger does not", person("tooling/look", action, log.clone()));
        let others = ["other", "deployer-other", "deploye"].map(|name| format!("{LOG}/{name}:log-stream:x"));
        for other in others.into_iter().chain(elsewhere(&log)) {
            may_not(rows, "of no other function", operator(action, other).at(PolicyRef::Open, super::STRANGE));
        }
        may_not(rows, "and nothing but a log", operator(action, format!("{QUEUES}:deployer-dead-letters")));
    }
    for action in ["logs:PutLogEvents", "logs:DeleteLogGroup", "logs:PutRetentionPolicy"] {
        may_not(rows, "they neither write nor shorten it", operator(action, log.clone()));
    }

    let dead = format!("{QUEUES}:deployer-dead-letters");
    for action in [
        "sqs:CancelMessageMoveTask",
        "sqs:ChangeMessageVisibility",
        "sqs:DeleteMessage",
        "sqs:GetQueueAttributes",
        "sqs:GetQueueUrl",
        "sqs:ListMessageMoveTasks",
        "sqs:ReceiveMessage",
        "sqs:StartMessageMoveTask",
    ] {
        may(rows, "operators look at dead letters and redrive them", operator(action, dead.clone()));
        may_not(rows, "who looks at the ledger does not", person("tooling/look", action, dead.clone()));
        for queue in ["deployer", "deployer-wakes", "deployer-dead-letters-2", "other"] {
            may_not(rows, "in no other queue", operator(action, format!("{QUEUES}:{queue}")));
        }
        for other in elsewhere(&dead) {
            may_not(rows, "nowhere else", operator(action, other).at(PolicyRef::Open, super::STRANGE));
        }
    }
    for action in ["sqs:PurgeQueue", "sqs:SetQueueAttributes", "sqs:SendMessage", "sqs:DeleteQueue"] {
        may_not(rows, "they neither empty nor change it, and put nothing in", operator(action, dead.clone()));
    }

    for (queue, policy) in [("deployer", "tooling/queue"), ("deployer-wakes", "tooling/wake_queue")] {
        let queue = format!("{QUEUES}:{queue}");
        let send = operator("sqs:SendMessage", queue.clone());
        may(rows, "operators send dead letters back", send.at(PolicyRef::Named(policy), TOOLING));
        may_not(rows, "who looks at the ledger does not", person("tooling/look", "sqs:SendMessage", queue.clone()));
        for other in elsewhere(&queue) {
            let send = operator("sqs:SendMessage", other);
            may_not(rows, "to no other region or account", send.at(PolicyRef::Open, super::STRANGE));
        }
        for action in ["sqs:PurgeQueue", "sqs:ReceiveMessage", "sqs:DeleteMessage"] {
            may_not(rows, "they take nothing out", operator(action, queue.clone()));
        }
    }
    may_not(rows, "and to no other queue", operator("sqs:SendMessage", format!("{QUEUES}:other")));
}
