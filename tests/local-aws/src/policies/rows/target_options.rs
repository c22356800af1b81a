//! Rows about the optional rights of deploy roles, and about the permissions boundary.

use super::{
    ARTIFACTS, AccessRequest, Caller, DEPLOYER_FUNCTION, FORMER_KEY, KEY, PROD, PolicyRef, Row, STRANGE, TOOLING, may,
    may_not,
};
use serde_json::json;

use super::targets::{CODE_SIGNING, DEPLOY_ROLES, DeployRole};

const CONFIGURES: [&str; 2] = ["lambda:CreateFunction", "lambda:UpdateFunctionConfiguration"];

/// Adds rows about rights that a target has only if its module's variables ask for them.
pub(super) fn optional_rights(rows: &mut Vec<Row>) {
    networks(rows);
    tags(rows);
    concurrency_and_code_signing(rows);
    rollouts(rows);
    let [dev, prod, _] = &DEPLOY_ROLES;
    let layer = "arn:aws:lambda:eu-west-1:222222222222:layer:shared:3";
    may(rows, "prod's functions may have the layers that are named", prod.ask("lambda:GetLayerVersion", layer));
    may_not(
        rows,
        "and no others",
        prod.ask("lambda:GetLayerVersion", "arn:aws:lambda:eu-west-1:222222222222:layer:other:3"),
    );
    may_not(
        rows,
        "of no other region",
        prod.ask("lambda:GetLayerVersion", "arn:aws:lambda:us-east-1:222222222222:layer:shared:3"),
    );
    let elsewhere = prod.ask("lambda:GetLayerVersion", "arn:aws:lambda:eu-west-1:999999999999:layer:shared:3");
    may_not(rows, "of no other account", elsewhere.at(PolicyRef::Open, STRANGE));
    let provider = "arn:aws:lambda:eu-west-1:222222222222:capacity-provider:shared";
    let put_on = |place: &DeployRole, provider: &str| place.ask("lambda:PassCapacityProvider", provider);
    may(rows, "prod's functions run on the capacity provider that is named", put_on(prod, provider));
    may_not(rows, "and on no other", put_on(prod, "arn:aws:lambda:eu-west-1:222222222222:capacity-provider:other"));
    may_not(rows, "of no other region", put_on(prod, "arn:aws:lambda:us-east-1:222222222222:capacity-provider:shared"));
    let foreign = put_on(prod, "arn:aws:lambda:eu-west-1:999999999999:capacity-provider:shared");
    may_not(rows, "of no other account", foreign.at(PolicyRef::Open, STRANGE));
    may_not(rows, "and nothing else is done to it", prod.ask("lambda:DeleteCapacityProvider", provider));
    may_not(rows, "dev's on none", put_on(dev, "arn:aws:lambda:eu-west-1:111111111111:capacity-provider:shared"));
    may_not(rows, "and prod does nothing else to layers", prod.ask("lambda:DeleteLayerVersion", layer));
    may_not(
        rows,
        "dev's have none",
        dev.ask("lambda:GetLayerVersion", "arn:aws:lambda:eu-west-1:111111111111:layer:shared:3"),
    );

    let key = "arn:aws:kms:eu-west-1:222222222222:key/1c8e2f0a-0000-4000-8000-000000000002";
    let use_key = |place: &DeployRole, action, key: &str, via: &str| {
        place.ask(action, key).trusted_by(PolicyRef::LeftTo(PROD), PROD).with("kms:ViaService", via)
    };
    for action in ["kms:CreateGrant", "kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"] {
        for via in ["lambda.eu-west-1.amazonaws.com", "lambda.us-east-1.amazonaws.com"] {
            may(rows, "prod's functions may have their variables encrypted", use_key(prod, action, key, via));
        }
        may_not(rows, "only through Lambda", use_key(prod, action, key, "s3.eu-west-1.amazonaws.com"));
        let via = "lambda.eu-west-1.amazonaws.com";
        may_not(rows, "with no other key", use_key(prod, action, "arn:aws:kms:eu-west-1:222222222222:key/other", via));
        may_not(rows, "in no other region", use_key(prod, action, &key.replace("eu-west-1", "us-east-1"), via));
        let foreign = prod.ask(action, key.replace(PROD, STRANGE)).trusted_by(PolicyRef::Open, STRANGE);
        may_not(rows, "and no other account", foreign.with("kms:ViaService", via));
        may_not(rows, "dev's cannot", use_key(dev, action, key, "lambda.eu-west-1.amazonaws.com"));
    }
    may_not(
        rows,
        "and nothing else is done with that key",
        use_key(prod, "kms:ScheduleKeyDeletion", key, "lambda.eu-west-1.amazonaws.com"),
    );

    for action in [
        "ec2:DescribeSecurityGroups",
        "ec2:DescribeSubnets",
        "ec2:DescribeVpcs",
        "elasticfilesystem:DescribeMountTargets",
    ] {
        let network = "arn:aws:ec2:eu-west-1:222222222222:subnet/subnet-1";
        may(rows, "prod's functions may be in a VPC", prod.ask(action, network));
        may_not(rows, "dev's may not", dev.ask(action, "arn:aws:ec2:eu-west-1:111111111111:subnet/subnet-1"));
    }
    for action in ["ec2:CreateNetworkInterface", "ec2:RunInstances", "elasticfilesystem:DeleteFileSystem"] {
        may_not(
            rows,
            "and networks are only looked at",
            prod.ask(action, "arn:aws:ec2:eu-west-1:222222222222:subnet/subnet-1"),
        );
    }
}

/// Returns the request to configure a function's network.
fn put_into(place: &DeployRole, action: &'static str, subnets: &[&str], groups: &[&str]) -> AccessRequest {
    place
        .ask(action, place.function("eu-west-1", "orders-api"))
        .with("lambda:VpcIds", "vpc-00000001")
        .with("lambda:SubnetIds", json!(subnets))
        .with("lambda:SecurityGroupIds", json!(groups))
}

fn networks(rows: &mut Vec<Row>) {
    let [dev, prod, tools] = &DEPLOY_ROLES;
    let (subnets, groups) = (["subnet-00000001", "subnet-00000002"], ["sg-00000001"]);
    for action in CONFIGURES {
        may(rows, "prod's functions are in the networks that are named", put_into(prod, action, &subnets, &groups));
        may(rows, "or in some of them", put_into(prod, action, &subnets[..1], &groups));
        let other = ["subnet-00000001", "subnet-0badc0de"];
        may_not(rows, "and in no other subnet", put_into(prod, action, &other, &groups));
        may_not(rows, "nor in another security group", put_into(prod, action, &subnets, &["sg-0badc0de"]));
        may(rows, "tools' functions are in any network", put_into(tools, action, &other, &["sg-0badc0de"]));
        may_not(rows, "dev's functions are in none", put_into(dev, action, &subnets, &groups));
    }
}

fn tags(rows: &mut Vec<Row>) {
    let [dev, prod, _] = &DEPLOY_ROLES;
    let tags = |place: &DeployRole, action, keys: &[&str]| {
        place.ask(action, place.function("eu-west-1", "orders-api")).with("aws:TagKeys", json!(keys))
    };
    for action in ["lambda:CreateFunction", "lambda:TagResource", "lambda:UntagResource"] {
        may(rows, "prod's functions have the tags that are named", tags(prod, action, &["stage", "team"]));
        may_not(rows, "and no others", tags(prod, action, &["cost-center", "team"]));
        may(rows, "dev's functions have any tag", tags(dev, action, &["cost-center"]));
    }
    may(rows, "the doctor tries tagging out", tags(prod, "lambda:TagResource", &["deployer-doctor-probe"]));
    for action in ["lambda:CreateFunction", "lambda:TagResource"] {
        let stage = |value: &str| tags(prod, action, &["stage"]).with("aws:RequestTag/stage", value);
        may(rows, "a tag of prod's functions has the value that is named", stage("prod"));
        may_not(rows, "and no other", stage("dev"));
        let team = tags(prod, action, &["team"]).with("aws:RequestTag/team", "orders");
        may(rows, "or any, where none is named", team);
    }
}

fn rollouts(rows: &mut Vec<Row>) {
    let [dev, prod, tools] = &DEPLOY_ROLES;
    let alarm = "arn:aws:cloudwatch:eu-west-1:222222222222:alarm:orders-5xx";
    for action in ["cloudwatch:GetMetricData", "cloudwatch:DescribeAlarms", "cloudwatch:DescribeAlarmHistory"] {
        may(rows, "prod's rollouts are watched", prod.ask(action, alarm));
        for place in [dev, tools] {
            may_not(rows, "nobody watches others", place.with_everything(action, alarm));
        }
    }
    for action in ["cloudwatch:PutMetricAlarm", "cloudwatch:DeleteAlarms", "cloudwatch:SetAlarmState"] {
        may_not(rows, "and alarms are only read", prod.with_everything(action, alarm));
    }
    let invoke = "lambda:InvokeFunction";
    for region in ["eu-west-1", "us-east-1"] {
        for version in ["orders-api:7", "hello:7"] {
            may(rows, "prod's versions are tested", prod.ask(invoke, prod.function(region, version)));
        }
        for latest in ["orders-api", "hello"] {
            may_not(rows, "but not $LATEST", prod.with_everything(invoke, prod.function(region, latest)));
        }
        may_not(rows, "nor other functions", prod.with_everything(invoke, prod.function(region, "billing:7")));
    }
    for version in ["orders-api:7", "hello:7"] {
        let elsewhere = prod.function("eu-central-1", version);
        may_not(rows, "nor in other regions", prod.with_everything(invoke, elsewhere));
        let foreign = prod.ask(invoke, format!("arn:aws:lambda:eu-west-1:999999999999:function:{version}"));
        may_not(rows, "nor in other accounts", foreign.at(PolicyRef::Open, STRANGE));
    }
    for place in [dev, tools] {
        may_not(
            rows,
            "nobody tests others",
            place.with_everything(invoke, place.function("eu-west-1", "orders-api:7")),
        );
    }
}

fn concurrency_and_code_signing(rows: &mut Vec<Row>) {
    let [dev, prod, tools] = &DEPLOY_ROLES;
    for action in ["lambda:PutFunctionConcurrency", "lambda:DeleteFunctionConcurrency"] {
        for name in ["orders-api", "hello"] {
            may(rows, "prod's functions reserve concurrency", prod.ask(action, prod.function("us-east-1", name)));
        }
        may_not(rows, "of no other function", prod.ask(action, prod.function("eu-west-1", "billing")));
        for place in [dev, tools] {
            let function = place.function("eu-west-1", "orders-api");
            may_not(rows, "others' functions do not", place.with_everything(action, function));
        }
    }
    let function = tools.function("eu-west-1", "orders-api");
    let creates = || tools.with_everything("lambda:CreateFunction", function.clone());
    may(rows, "tools' functions are made with the code signing configuration that is named", creates());
    may_not(rows, "with no other", creates().with(CODE_SIGNING, "arn:aws:lambda:eu-west-1:123456789012:x:other"));
    may_not(rows, "and not without", creates().without(CODE_SIGNING));
    let dev_function = dev.function("eu-west-1", "orders-api");
    may(rows, "dev's need none", dev.ask("lambda:CreateFunction", dev_function).without(CODE_SIGNING));
}

/// Adds rows about the boundary, for a deployed function whose own role allows everything.
pub(super) fn boundary(rows: &mut Vec<Row>) {
    for (account, policy) in [(PROD, "prod/execution_boundary"), (TOOLING, "tools/execution_boundary")] {
        let function = Caller::Role(account, "lambda/orders-api");
        let does = |action, resource: &str| {
            AccessRequest::of(&function, PolicyRef::Open, action, resource).boundary(PolicyRef::Named(policy))
        };
        for (action, resource) in [
            ("s3:GetObject", "arn:aws:s3:::orders-data/x"),
            ("sqs:SendMessage", "arn:aws:sqs:eu-west-1:222222222222:orders"),
            ("lambda:InvokeFunction", "arn:aws:lambda:eu-west-1:222222222222:function:hello"),
            ("sts:AssumeRole", "arn:aws:iam::222222222222:role/partner"),
            ("events:PutEvents", "arn:aws:events:eu-west-1:222222222222:event-bus/orders"),
            ("scheduler:CreateSchedule", "arn:aws:scheduler:eu-west-1:222222222222:schedule/orders/daily"),
            ("kms:Decrypt", "arn:aws:kms:eu-west-1:222222222222:key/1c8e2f0a-0000-4000-8000-000000000002"),
            ("logs:PutLogEvents", "arn:aws:logs:eu-west-1:222222222222:log-group:/aws/lambda/orders-api:log-stream:x"),
        ] {
            may(rows, "a deployed function uses the services that it may", does(action, resource));
        }
        for action in ["ec2:RunInstances", "secretsmanager:GetSecretValue", "iam:PassRole"] {
            may_not(rows, "and no others", does(action, "arn:aws:ec2:eu-west-1:222222222222:instance/i"));
        }
        for action in [
            "lambda:AddPermission",
            "lambda:CreateFunction",
            "lambda:DeleteFunction",
            "lambda:PublishVersion",
            "lambda:PutFunctionConcurrency",
            "lambda:RemovePermission",
            "lambda:UpdateFunctionCode",
        ] {
            may_not(rows, "never deploys", does(action, "arn:aws:lambda:eu-west-1:222222222222:function:hello"));
        }
        for role in [
            "arn:aws:iam::111111111111:role/deployer-target",
            "arn:aws:iam::222222222222:role/deployer-target",
            "arn:aws:iam::123456789012:role/deployer",
        ] {
            may_not(rows, "never enters a deploy role or becomes the deployer", does("sts:AssumeRole", role));
        }
        for (action, resource) in [
            ("lambda:InvokeFunction", DEPLOYER_FUNCTION),
            ("lambda:InvokeFunction", "arn:aws:lambda:eu-west-1:123456789012:function:deployer:7"),
            ("sqs:SendMessage", "arn:aws:sqs:eu-west-1:123456789012:deployer"),
            ("sqs:SendMessage", "arn:aws:sqs:eu-west-1:123456789012:deployer-wakes"),
            ("sqs:PurgeQueue", "arn:aws:sqs:eu-west-1:123456789012:deployer-dead-letters"),
            ("kms:Decrypt", KEY),
            ("kms:Decrypt", FORMER_KEY),
            ("events:PutEvents", "arn:aws:events:eu-west-1:123456789012:event-bus/deployer"),
            ("events:DisableRule", "arn:aws:events:eu-west-1:123456789012:rule/deployer/deployer-promotions"),
            ("scheduler:DeleteScheduleGroup", "arn:aws:scheduler:eu-west-1:123456789012:schedule-group/deployer"),
            ("scheduler:UpdateSchedule", "arn:aws:scheduler:eu-west-1:123456789012:schedule/deployer/deployer-sweep"),
            ("logs:DeleteLogGroup", "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/lambda/deployer"),
            ("logs:PutLogEvents", "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/lambda/deployer:log-stream:x"),
            ("sts:AssumeRole", "arn:aws:iam::123456789012:role/deployer"),
            ("s3:GetObject", "arn:aws:s3:::acme-artifacts/prod/orders-api/1.zip"),
            ("s3:ListBucket", ARTIFACTS),
            ("s3:PutObject", "arn:aws:s3:::acme-deployer-ledger/heads/prod/orders-api.json"),
            ("s3:ListBucket", "arn:aws:s3:::acme-deployer-ledger"),
        ] {
            may_not(rows, "never commands the deployer, or touches what is its own", does(action, resource));
        }
    }
    let table = "arn:aws:dynamodb:eu-west-1:222222222222:table/orders";
    let puts = AccessRequest::of(&Caller::Role(PROD, "lambda/orders-api"), PolicyRef::Open, "dynamodb:PutItem", table);
    may(rows, "prod's functions use tables", puts.boundary(PolicyRef::Named("prod/execution_boundary")));
    let log = "arn:aws:logs:eu-west-1:222222222222:log-group:x:*";
    let writes = AccessRequest::of(&Caller::Role(PROD, "lambda/orders-api"), PolicyRef::Open, "logs:PutLogEvents", log);
    may(rows, "and write logs", writes.boundary(PolicyRef::Named("prod/execution_boundary")));
}
