//! Rows about the deploy roles in their accounts, and about the limits of deployed functions.

use super::{
    ARTIFACTS, AccessRequest, Caller, DEPLOYER_FUNCTION, DEV, IN_DEV, IN_PROD, IN_TOOLS, KEY, OTHER_KEYS, PROD,
    PolicyRef, Row, STRANGE, THROUGH_S3, TOOLING, may, may_not,
};

const ON_FUNCTIONS: [&str; 4] =
    ["lambda:CreateFunction", "lambda:TagResource", "lambda:UntagResource", "lambda:UpdateFunctionConfiguration"];
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
/// Actions that a deploy role is denied even where another policy allows them.
const NEVER: [&str; 33] = [
    "dynamodb:PutItem",
    "ec2:CreateNetworkInterface",
    "ec2:RunInstances",
    "elasticfilesystem:DeleteFileSystem",
    "kms:PutKeyPolicy",
    "kms:ScheduleKeyDeletion",
    "lambda:AFutureAction",
    "lambda:DeleteProvisionedConcurrencyConfig",
    "lambda:GetFunctionUrlConfig",
    "lambda:GetPolicy",
    "lambda:PutFunctionRecursionConfig",
    "lambda:PutProvisionedConcurrencyConfig",
    "lambda:PutRuntimeManagementConfig",
    "secretsmanager:GetSecretValue",
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

pub(super) const CODE_SIGNING: &str = "lambda:CodeSigningConfigArn";
/// The code signing configuration that tools asks for.
const CODE_SIGNING_CONFIG: &str = "arn:aws:lambda:eu-west-1:123456789012:code-signing-config:csc-0f6c334abcdea4d8b";

pub(super) struct DeployRole {
    who: Caller,
    account: &'static str,
    permissions: &'static str,
    regions: &'static [&'static str],
    functions: &'static [&'static str],
    artifact: &'static str,
    /// The artifact prefixes of the environments that it is promoted from.
    promoted: &'static [&'static str],
    foreign: &'static [&'static str],
    roles: &'static [&'static str],
}

pub(super) const DEPLOY_ROLES: [DeployRole; 3] = [
    DeployRole {
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
    DeployRole {
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
    DeployRole {
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

impl DeployRole {
    pub(super) fn ask(&self, action: &'static str, resource: impl Into<String>) -> AccessRequest {
        let asked = AccessRequest::of(&self.who, PolicyRef::Named(self.permissions), action, resource);
        if action == "lambda:CreateFunction" { asked.with(CODE_SIGNING, CODE_SIGNING_CONFIG) } else { asked }
    }

    /// Returns the policy of an open resource: in the role's own account it leaves the decision to the role's policy,
    /// in another account it allows everything.
    pub(super) fn open_resource_policy(&self, owner: &'static str) -> PolicyRef {
        if owner == self.account { PolicyRef::LeftTo(owner) } else { PolicyRef::Open }
    }

    /// Returns a request where the resource allows everything, so that only a Deny of the role's policy can deny it.
    pub(super) fn with_everything(&self, action: &'static str, resource: impl Into<String>) -> AccessRequest {
        self.ask(action, resource).at(PolicyRef::Open, self.account)
    }

    pub(super) fn function(&self, region: &str, name: &str) -> String {
        format!("arn:aws:lambda:{region}:{}:function:{name}", self.account)
    }
}

pub(super) fn rows(rows: &mut Vec<Row>) {
    for place in &DEPLOY_ROLES {
        functions(rows, place);
        others(rows, place);
        never(rows, place);
    }
    super::target_options::optional_rights(rows);
    super::target_options::boundary(rows);
}

fn functions(rows: &mut Vec<Row>, place: &DeployRole) {
    let version = |function: String| format!("{function}:7");
    let foreign = |region: &str, name: &str| format!("arn:aws:lambda:{region}:{STRANGE}:function:{name}");
    let elsewhere = |action, resource| place.ask(action, resource).at(PolicyRef::Open, STRANGE);
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
    // In dev a function may have any name.
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

fn others(rows: &mut Vec<Row>, place: &DeployRole) {
    for action in ["s3:GetObject", "s3:GetObjectVersion"] {
        let read = |key: &str| {
            place.ask(action, format!("{ARTIFACTS}/{key}")).at(place.open_resource_policy(TOOLING), TOOLING)
        };
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
            place.ask(action, "arn:aws:s3:::acme-secrets/dev/x").at(place.open_resource_policy(TOOLING), TOOLING),
        );
        let ledger = format!("{}/heads/{}", super::LEDGER, place.artifact);
        may_not(rows, "the ledger least", place.ask(action, ledger).at(place.open_resource_policy(TOOLING), TOOLING));
    }
    let acl = place
        .ask("s3:GetObjectAcl", format!("{ARTIFACTS}/{}", place.artifact))
        .at(place.open_resource_policy(TOOLING), TOOLING);
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
        may_not(rows, "even where another policy allows it", given.at(PolicyRef::Open, place.account));
    }

    let decrypt = |key: &str, via: &str, action| {
        place.ask(action, key).trusted_by(place.open_resource_policy(TOOLING), TOOLING).with("kms:ViaService", via)
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

fn never(rows: &mut Vec<Row>, place: &DeployRole) {
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
    let deployers_role = place.with_everything("iam:PassRole", "arn:aws:iam::123456789012:role/deployer");
    may_not(
        rows,
        "never gives a function the deployer's role",
        deployers_role.with("iam:PassedToService", "lambda.amazonaws.com"),
    );
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
        let attached = AccessRequest::of(&place.who, PolicyRef::Named(place.permissions), action, artifact)
            .at(PolicyRef::Open, place.account);
        may_not(rows, "and never writes artifacts", attached);
    }
}
