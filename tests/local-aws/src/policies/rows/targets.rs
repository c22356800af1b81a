//! The deploy roles: what they may do in their accounts, and what never; and what deployed functions may use at most.

use super::{
    ARTIFACTS, Ask, DEV, Doc, IN_DEV, IN_PROD, IN_TOOLS, KEY, OTHER_KEYS, PROD, Row, STRANGE, THROUGH_S3, TOOLING, Who,
    may, may_not,
};

const ON_FUNCTIONS: [&str; 6] = [
    "lambda:CreateFunction",
    "lambda:DeleteFunctionConcurrency",
    "lambda:PutFunctionConcurrency",
    "lambda:TagResource",
    "lambda:UntagResource",
    "lambda:UpdateFunctionConfiguration",
];
const ON_BOTH: [&str; 10] = [
    "lambda:GetAlias",
    "lambda:GetFunction",
    "lambda:GetProvisionedConcurrencyConfig",
    "lambda:ListAliases",
    "lambda:ListTags",
    "lambda:ListVersionsByFunction",
    "lambda:CreateAlias",
    "lambda:PublishVersion",
    "lambda:UpdateAlias",
    "lambda:UpdateFunctionCode",
];
/// What nobody may in a deploy role's name, even where another policy allows it.
const NEVER: [&str; 19] = [
    "lambda:AddLayerVersionPermission",
    "lambda:AddPermission",
    "lambda:CreateEventSourceMapping",
    "lambda:CreateFunctionUrlConfig",
    "lambda:DeleteAlias",
    "lambda:DeleteCodeSigningConfig",
    "lambda:DeleteEventSourceMapping",
    "lambda:DeleteFunctionCodeSigningConfig",
    "lambda:DeleteFunctionUrlConfig",
    "lambda:InvokeAsync",
    "lambda:InvokeFunction",
    "lambda:InvokeFunctionUrl",
    "lambda:PutFunctionCodeSigningConfig",
    "lambda:PutFunctionEventInvokeConfig",
    "lambda:RemovePermission",
    "lambda:UpdateCodeSigningConfig",
    "lambda:UpdateEventSourceMapping",
    "lambda:UpdateFunctionEventInvokeConfig",
    "lambda:UpdateFunctionUrlConfig",
];
const NEVER_RIGHTS: [&str; 10] = [
    "iam:AddRoleToInstanceProfile",
    "iam:AttachRolePolicy",
    "iam:CreateRole",
    "iam:DeleteRolePolicy",
    "iam:DetachRolePolicy",
    "iam:PutRolePolicy",
    "iam:RemoveRoleFromInstanceProfile",
    "iam:SetDefaultPolicyVersion",
    "iam:UpdateAssumeRolePolicy",
    "iam:UploadServerCertificate",
];

const DEPLOYER_FUNCTION: &str = "arn:aws:lambda:eu-west-1:123456789012:function:deployer";

struct Place {
    who: Who,
    account: &'static str,
    permissions: &'static str,
    regions: &'static [&'static str],
    functions: &'static [&'static str],
    artifact: &'static str,
    /// Of environments that it is promoted from.
    promoted: &'static [&'static str],
    foreign: &'static [&'static str],
    roles: &'static [&'static str],
}

const PLACES: [Place; 3] = [
    Place {
        who: IN_DEV,
        account: DEV,
        permissions: "dev/permissions",
        regions: &["eu-west-1"],
        functions: &["orders-api"],
        artifact: "dev/orders-api/1.4.2.zip",
        promoted: &[],
        foreign: &["prod/orders-api/1.4.2.zip", "tools/orders-api/1.4.2.zip"],
        roles: &["lambda-execution", "lambda/orders-api"],
    },
    Place {
        who: IN_PROD,
        account: PROD,
        permissions: "prod/permissions",
        regions: &["eu-west-1", "us-east-1"],
        functions: &["orders-api", "hello"],
        artifact: "prod/orders-api/1.4.2.zip",
        promoted: &["dev/orders-api/1.4.2.zip"],
        foreign: &["tools/orders-api/1.4.2.zip"],
        roles: &["lambda/orders-api"],
    },
    // The deployer's own account.
    Place {
        who: IN_TOOLS,
        account: TOOLING,
        permissions: "tools/permissions",
        regions: &["eu-west-1"],
        functions: &["orders-api"],
        artifact: "tools/orders-api/1.4.2.zip",
        promoted: &[],
        foreign: &["dev/orders-api/1.4.2.zip", "prod/orders-api/1.4.2.zip"],
        roles: &["lambda/orders-api"],
    },
];

impl Place {
    fn ask(&self, action: &'static str, resource: impl Into<String>) -> Ask {
        Ask::of(&self.who, Doc::Named(self.permissions), action, resource)
    }

    /// A resource of this account that lets everybody in; within one account, whom its own policy allows it.
    fn let_in_by(&self, owner: &'static str) -> Doc {
        if owner == self.account { Doc::LeftTo(owner) } else { Doc::Open }
    }

    /// The role as it would be with everything allowed beside its own policy: only what is denied holds it back.
    fn with_everything(&self, action: &'static str, resource: impl Into<String>) -> Ask {
        self.ask(action, resource).at(Doc::Open, self.account)
    }

    fn function(&self, region: &str, name: &str) -> String {
        format!("arn:aws:lambda:{region}:{}:function:{name}", self.account)
    }
}

pub(super) fn rows(rows: &mut Vec<Row>) {
    for place in &PLACES {
        functions(rows, place);
        others(rows, place);
        never(rows, place);
    }
    where_asked(rows);
    boundary(rows);
}

fn functions(rows: &mut Vec<Row>, place: &Place) {
    let version = |function: String| format!("{function}:7");
    let foreign = |region: &str, name: &str| format!("arn:aws:lambda:{region}:{STRANGE}:function:{name}");
    let elsewhere = |action, resource| place.ask(action, resource).at(Doc::Open, STRANGE);
    let each = || place.regions.iter().flat_map(|region| place.functions.iter().map(move |name| (*region, *name)));
    for action in ON_FUNCTIONS.into_iter().chain(ON_BOTH) {
        for (region, name) in each() {
            may(rows, "the deploy role works on its functions", place.ask(action, place.function(region, name)));
            may_not(rows, "in no other region", place.ask(action, place.function("ap-south-1", name)));
            may_not(rows, "in no other account", elsewhere(action, foreign(region, name)));
        }
        let layer = format!("arn:aws:lambda:eu-west-1:{}:layer:orders-api", place.account);
        may_not(rows, "and on nothing but functions", place.ask(action, layer));
    }
    for action in ON_BOTH {
        for (region, name) in each() {
            may(rows, "and on their versions and aliases", place.ask(action, version(place.function(region, name))));
        }
    }
    for action in ON_BOTH.into_iter().chain(["lambda:DeleteFunction"]) {
        for (region, name) in each() {
            may_not(
                rows,
                "not on versions in another region",
                place.ask(action, version(place.function("ap-south-1", name))),
            );
            may_not(rows, "nor in another account", elsewhere(action, version(foreign(region, name))));
        }
    }
    for (region, name) in each() {
        may(rows, "it deletes versions", place.ask("lambda:DeleteFunction", version(place.function(region, name))));
        may_not(rows, "never a function", place.with_everything("lambda:DeleteFunction", place.function(region, name)));
    }
    // dev's may be called anything.
    for region in place.regions.iter().filter(|_| place.account == PROD) {
        let billing = place.function(region, "billing");
        for action in ON_FUNCTIONS.into_iter().chain(ON_BOTH) {
            may_not(rows, "it works on no other function", place.ask(action, billing.clone()));
        }
        for action in ON_BOTH.into_iter().chain(["lambda:DeleteFunction"]) {
            may_not(rows, "nor on its versions", place.ask(action, version(billing.clone())));
        }
    }
    for action in ["lambda:GetPolicy", "lambda:PutProvisionedConcurrencyConfig", "lambda:PutFunctionRecursionConfig"] {
        let function = place.function("eu-west-1", "orders-api");
        may_not(rows, "and does nothing else to them", place.ask(action, function.clone()));
        may_not(rows, "nor to their versions", place.ask(action, version(function)));
    }
}

fn others(rows: &mut Vec<Row>, place: &Place) {
    for action in ["s3:GetObject", "s3:GetObjectVersion"] {
        let read = |key: &str| place.ask(action, format!("{ARTIFACTS}/{key}")).at(place.let_in_by(TOOLING), TOOLING);
        may(rows, "the deploy role reads its environment's artifacts", read(place.artifact));
        for promoted in place.promoted {
            may(rows, "and what is promoted to it", read(promoted));
        }
        for foreign in place.foreign {
            may_not(rows, "no other environment's", read(foreign));
        }
        may_not(
            rows,
            "and no other bucket's",
            place.ask(action, "arn:aws:s3:::acme-secrets/dev/x").at(place.let_in_by(TOOLING), TOOLING),
        );
        let ledger = format!("{}/heads/{}", super::LEDGER, place.artifact);
        may_not(rows, "the ledger least", place.ask(action, ledger).at(place.let_in_by(TOOLING), TOOLING));
    }
    let acl =
        place.ask("s3:GetObjectAcl", format!("{ARTIFACTS}/{}", place.artifact)).at(place.let_in_by(TOOLING), TOOLING);
    may_not(rows, "and only reads them", acl);

    let pass = |role: &str| place.ask("iam:PassRole", format!("arn:aws:iam::{}:role/{role}", place.account));
    for role in place.roles {
        may(
            rows,
            "the deploy role gives functions their execution roles",
            pass(role).with("iam:PassedToService", "lambda.amazonaws.com"),
        );
        may_not(rows, "and no other service", pass(role).with("iam:PassedToService", "ec2.amazonaws.com"));
        let elsewhere = place.ask("iam:PassRole", format!("arn:aws:iam::999999999999:role/{role}"));
        may_not(rows, "no other account's roles", elsewhere.with("iam:PassedToService", "lambda.amazonaws.com"));
        may_not(
            rows,
            "and does nothing else to them",
            place
                .ask("iam:GetRole", format!("arn:aws:iam::{}:role/{role}", place.account))
                .with("iam:PassedToService", "lambda.amazonaws.com"),
        );
        may_not(
            rows,
            "nor to its policies",
            place
                .ask("iam:ListRolePolicies", format!("arn:aws:iam::{}:role/{role}", place.account))
                .with("iam:PassedToService", "lambda.amazonaws.com"),
        );
    }
    for role in ["admin", "deployer-target"] {
        let given = pass(role).with("iam:PassedToService", "lambda.amazonaws.com");
        may_not(rows, "and no other role", given.clone());
        may_not(rows, "even where another policy allows it", given.at(Doc::Open, place.account));
    }

    let decrypt = |key: &str, via: &str, action| {
        place.ask(action, key).trusted_by(place.let_in_by(TOOLING), TOOLING).with("kms:ViaService", via)
    };
    may(rows, "the deploy role decrypts artifacts", decrypt(KEY, THROUGH_S3, "kms:Decrypt"));
    may_not(rows, "only through S3", decrypt(KEY, "lambda.eu-west-1.amazonaws.com", "kms:Decrypt"));
    may_not(rows, "of this region", decrypt(KEY, "s3.us-east-1.amazonaws.com", "kms:Decrypt"));
    for other in OTHER_KEYS {
        may_not(rows, "with no other key", decrypt(other, THROUGH_S3, "kms:Decrypt"));
    }
    for action in ["kms:Encrypt", "kms:GenerateDataKey", "kms:CreateGrant"] {
        may_not(rows, "and only decrypts", decrypt(KEY, THROUGH_S3, action));
    }
}

fn never(rows: &mut Vec<Row>, place: &Place) {
    let function = place.function("eu-west-1", "orders-api");
    for action in NEVER {
        may_not(
            rows,
            "a deploy role never opens, calls or rewires a function",
            place.with_everything(action, function.clone()),
        );
    }
    for action in NEVER_RIGHTS {
        may_not(
            rows,
            "never changes rights",
            place.with_everything(action, format!("arn:aws:iam::{}:role/x", place.account)),
        );
    }
    for touched in [DEPLOYER_FUNCTION.to_owned(), format!("{DEPLOYER_FUNCTION}:7")] {
        for action in ["lambda:UpdateFunctionCode", "lambda:GetFunction", "lambda:PublishVersion"] {
            let ask = place.with_everything(action, touched.clone());
            may_not(rows, "never touches the deployer, even in its own account", ask);
        }
    }
    let admin = format!("arn:aws:iam::{}:role/admin", place.account);
    may_not(rows, "never becomes another", place.with_everything("sts:AssumeRole", admin));
    for action in ["s3:DeleteObject", "s3:DeleteObjectVersion", "s3:PutObject"] {
        let artifact = format!("{ARTIFACTS}/{}", place.artifact);
        let attached =
            Ask::of(&place.who, Doc::Named(place.permissions), action, artifact).at(Doc::Open, place.account);
        may_not(rows, "and never writes artifacts", attached);
    }
}

/// What only a target has that was asked to.
fn where_asked(rows: &mut Vec<Row>) {
    let [dev, prod, _] = &PLACES;
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
    may_not(rows, "of no other account", elsewhere.at(Doc::Open, STRANGE));
    let provider = "arn:aws:lambda:eu-west-1:222222222222:capacity-provider:shared";
    let put_on = |place: &Place, provider: &str| place.ask("lambda:PassCapacityProvider", provider);
    may(rows, "prod's functions run on the capacity provider that is named", put_on(prod, provider));
    may_not(rows, "and on no other", put_on(prod, "arn:aws:lambda:eu-west-1:222222222222:capacity-provider:other"));
    may_not(rows, "of no other region", put_on(prod, "arn:aws:lambda:us-east-1:222222222222:capacity-provider:shared"));
    let foreign = put_on(prod, "arn:aws:lambda:eu-west-1:999999999999:capacity-provider:shared");
    may_not(rows, "of no other account", foreign.at(Doc::Open, STRANGE));
    may_not(rows, "and nothing else is done to it", prod.ask("lambda:DeleteCapacityProvider", provider));
    may_not(rows, "dev's on none", put_on(dev, "arn:aws:lambda:eu-west-1:111111111111:capacity-provider:shared"));
    may_not(rows, "and prod does nothing else to layers", prod.ask("lambda:DeleteLayerVersion", layer));
    may_not(
        rows,
        "dev's have none",
        dev.ask("lambda:GetLayerVersion", "arn:aws:lambda:eu-west-1:111111111111:layer:shared:3"),
    );

    let key = "arn:aws:kms:eu-west-1:222222222222:key/1c8e2f0a-0000-4000-8000-000000000002";
    let use_key = |place: &Place, action, key: &str, via: &str| {
        place.ask(action, key).trusted_by(Doc::LeftTo(PROD), PROD).with("kms:ViaService", via)
    };
    for action in ["kms:CreateGrant", "kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"] {
        for via in ["lambda.eu-west-1.amazonaws.com", "lambda.us-east-1.amazonaws.com"] {
            may(rows, "prod's functions may have their variables encrypted", use_key(prod, action, key, via));
        }
        may_not(rows, "only through Lambda", use_key(prod, action, key, "s3.eu-west-1.amazonaws.com"));
        let via = "lambda.eu-west-1.amazonaws.com";
        may_not(rows, "with no other key", use_key(prod, action, "arn:aws:kms:eu-west-1:222222222222:key/other", via));
        may_not(rows, "in no other region", use_key(prod, action, &key.replace("eu-west-1", "us-east-1"), via));
        let foreign = prod.ask(action, key.replace(PROD, STRANGE)).trusted_by(Doc::Open, STRANGE);
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

/// What a deployed function may do whose own role allows everything.
fn boundary(rows: &mut Vec<Row>) {
    for (account, policy) in [(PROD, "prod/execution_boundary"), (TOOLING, "tools/execution_boundary")] {
        let function = Who::Role(account, "lambda/orders-api");
        let does =
            |action, resource: &str| Ask::of(&function, Doc::Open, action, resource).boundary(Doc::Named(policy));
        for (action, resource) in [
            ("s3:GetObject", "arn:aws:s3:::orders-data/x"),
            ("sqs:SendMessage", "arn:aws:sqs:eu-west-1:222222222222:orders"),
            ("lambda:InvokeFunction", "arn:aws:lambda:eu-west-1:222222222222:function:hello"),
            ("sts:AssumeRole", "arn:aws:iam::222222222222:role/partner"),
        ] {
            may(rows, "a deployed function uses the services that it may", does(action, resource));
        }
        for action in ["ec2:RunInstances", "kms:Decrypt", "secretsmanager:GetSecretValue", "iam:PassRole"] {
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
            ("s3:GetObject", "arn:aws:s3:::acme-artifacts/prod/orders-api/1.zip"),
            ("s3:ListBucket", ARTIFACTS),
            ("s3:PutObject", "arn:aws:s3:::acme-deployer-ledger/heads/prod/orders-api.json"),
            ("s3:ListBucket", "arn:aws:s3:::acme-deployer-ledger"),
        ] {
            may_not(rows, "never commands the deployer, or touches what is its own", does(action, resource));
        }
    }
    let table = "arn:aws:dynamodb:eu-west-1:222222222222:table/orders";
    let puts = Ask::of(&Who::Role(PROD, "lambda/orders-api"), Doc::Open, "dynamodb:PutItem", table);
    may(rows, "prod's functions use tables", puts.boundary(Doc::Named("prod/execution_boundary")));
    let log = "arn:aws:logs:eu-west-1:222222222222:log-group:x:*";
    let writes = Ask::of(&Who::Role(PROD, "lambda/orders-api"), Doc::Open, "logs:PutLogEvents", log);
    may(rows, "and write logs", writes.boundary(Doc::Named("prod/execution_boundary")));
}
