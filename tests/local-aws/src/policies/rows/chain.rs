//! Rows about trust policies: the callers that may assume each role.

use super::{
    ADMIN, AccessRequest, Caller, DEPLOYER, DEPLOYER_FUNCTION, DEV, DEV_ADMIN, IN_DEV, IN_PROD, PROD, PolicyRef, Row,
    STRANGE, STRANGER, TOOLING, may, may_not,
};

const DEV_ROLE: &str = "arn:aws:iam::111111111111:role/deployer-target";
const PROD_ROLE: &str = "arn:aws:iam::222222222222:role/deployer-target";
const TOOLS_ROLE: &str = "arn:aws:iam::123456789012:role/deployer-target";
const DEPLOYMENT: &str = "deployer-01JZ0000000000000000000000";
const ORGANIZATION: &str = "o-exampleorg1";
/// Functions that are not the deployer's.
const OTHER_FUNCTIONS: [&str; 4] = [
    "arn:aws:lambda:eu-west-1:123456789012:function:orders-api",
    "arn:aws:lambda:eu-west-1:123456789012:function:deployer-2",
    "arn:aws:lambda:us-east-1:123456789012:function:deployer",
    "arn:aws:lambda:eu-west-1:111111111111:function:deployer",
];

pub(super) fn rows(rows: &mut Vec<Row>) {
    deploy_roles(rows);
    deployer(rows);
    services(rows);
}

/// Returns the request to assume a deploy role, with the external id and source identity that its trust policy
/// requires.
fn enters(who: &Caller, identity: PolicyRef, role: &'static str) -> AccessRequest {
    let (trust, owner, external_id) = match role {
        DEV_ROLE => (PolicyRef::Named("dev/trust"), DEV, "dev-8c1f"),
        TOOLS_ROLE => (PolicyRef::Named("tools/trust"), TOOLING, "tools-3b7a"),
        _ => (PolicyRef::Named("prod/trust"), PROD, "prod-51aa"),
    };
    AccessRequest::of(who, identity, "sts:AssumeRole", role)
        .trusted_by(trust, owner)
        .with("sts:ExternalId", external_id)
        .with("sts:SourceIdentity", DEPLOYMENT)
        .with("aws:PrincipalOrgID", ORGANIZATION)
}

fn names(who: &Caller, role: &'static str) -> AccessRequest {
    AccessRequest { action: "sts:SetSourceIdentity", ..enters(who, PolicyRef::Open, role) }
}

fn deploy_roles(rows: &mut Vec<Row>) {
    for role in [DEV_ROLE, PROD_ROLE, TOOLS_ROLE] {
        let policy = || PolicyRef::Named("tooling/deployer");
        may(rows, "the deployer enters a deploy role", enters(&DEPLOYER, policy(), role));
        let naming = AccessRequest { action: "sts:SetSourceIdentity", ..enters(&DEPLOYER, policy(), role) };
        may(rows, "and names its deployment there", naming);
        let open = || enters(&DEPLOYER, PolicyRef::Open, role);
        may_not(rows, "not with another environment's external id", open().with("sts:ExternalId", "other-1234"));
        may_not(rows, "not without an external id", open().with("sts:ExternalId", ""));
        may_not(rows, "not without naming a deployment", open().with("sts:SourceIdentity", "somebody"));
        may_not(rows, "nor as somebody else", names(&DEPLOYER, role).with("sts:SourceIdentity", "somebody"));
        for other in [
            &ADMIN,
            &STRANGER,
            &DEV_ADMIN,
            &Caller::Role(STRANGE, "deployer"),
            &Caller::Role(TOOLING, "deployer-sweep"),
        ] {
            may_not(rows, "nobody else enters a deploy role", enters(other, PolicyRef::Open, role));
            may_not(rows, "nor names a deployment there", names(other, role));
        }
        for action in ["sts:TagSession", "sts:AssumeRoleWithSAML", "sts:AssumeRoleWithWebIdentity"] {
            may_not(rows, "and in no other way", AccessRequest { action, ..open() });
        }
    }
    let strange = "o-strangerorg";
    let open = || enters(&DEPLOYER, PolicyRef::Open, PROD_ROLE);
    may_not(rows, "not from another organization", open().with("aws:PrincipalOrgID", strange));
    may_not(rows, "nor names a deployment from there", names(&DEPLOYER, PROD_ROLE).with("aws:PrincipalOrgID", strange));
}

/// Adds rows about the roles that the deployer's own policy lets it assume.
fn deployer(rows: &mut Vec<Row>) {
    let own = |action, resource: &str, owner| {
        AccessRequest::of(&DEPLOYER, PolicyRef::Named("tooling/deployer"), action, resource)
            .trusted_by(PolicyRef::Open, owner)
    };
    for action in ["sts:AssumeRole", "sts:SetSourceIdentity"] {
        may_not(
            rows,
            "the deployer enters no other role of dev",
            own(action, "arn:aws:iam::111111111111:role/admin", DEV),
        );
        may_not(rows, "or prod", own(action, "arn:aws:iam::222222222222:role/admin", PROD));
        let own_admin = AccessRequest::of(
            &DEPLOYER,
            PolicyRef::Named("tooling/deployer"),
            action,
            "arn:aws:iam::123456789012:role/admin",
        );
        may_not(rows, "or of its own account", own_admin.trusted_by(PolicyRef::LeftTo(TOOLING), TOOLING));
        may_not(
            rows,
            "no deploy role of another account",
            own(action, "arn:aws:iam::999999999999:role/deployer-target", STRANGE),
        );
        may_not(rows, "and no user", own(action, "arn:aws:iam::222222222222:user/deployer-target", PROD));
    }
    for action in ["sts:TagSession", "sts:AssumeRoleWithSAML", "sts:GetFederationToken"] {
        may_not(rows, "and only enters", own(action, DEV_ROLE, DEV));
    }
    let as_function = |ask: AccessRequest, function: &str| ask.with("lambda:SourceFunctionArn", function);
    for action in ["sts:AssumeRole", "sts:SetSourceIdentity"] {
        let enters = || AccessRequest { action, ..enters(&DEPLOYER, PolicyRef::Named("tooling/deployer"), DEV_ROLE) };
        for qualifier in ["1", "live", "$LATEST"] {
            let qualified = format!("{DEPLOYER_FUNCTION}:{qualifier}");
            may(rows, "the deployer may be a version or an alias of its function", as_function(enters(), &qualified));
        }
        for other in OTHER_FUNCTIONS {
            may_not(rows, "another function with the deployer's role enters nothing", as_function(enters(), other));
        }
        may_not(rows, "nor does anybody outside of Lambda", enters().without("lambda:SourceFunctionArn"));
    }
    for (action, resource) in [
        ("s3:GetObject", "arn:aws:s3:::acme-artifacts/dev/orders-api/1.4.2.zip"),
        ("s3:GetObjectVersion", "arn:aws:s3:::acme-artifacts/dev/orders-api/1.4.2.zip"),
        ("s3:PutObject", "arn:aws:s3:::acme-deployer-ledger/heads/dev/orders-api.json"),
        ("events:PutEvents", super::BUS),
    ] {
        let asks = || {
            let policy = PolicyRef::Named("tooling/deployer");
            AccessRequest::of(&DEPLOYER, policy, action, resource).with("events:source", "deployer")
        };
        may(rows, "the deployer reads, writes and tells as its function", asks());
        may(rows, "and as a version of it", as_function(asks(), &format!("{DEPLOYER_FUNCTION}:7")));
        for other in OTHER_FUNCTIONS {
            may_not(rows, "and as no other", as_function(asks(), other));
        }
        may_not(rows, "nor outside of Lambda", asks().without("lambda:SourceFunctionArn"));
    }
    for who in [&IN_DEV, &IN_PROD] {
        let (account, policy) = match who {
            Caller::Role(DEV, _) => (DEV, PolicyRef::Named("dev/permissions")),
            _ => (PROD, PolicyRef::Named("prod/permissions")),
        };
        let goes_on = AccessRequest::of(who, policy, "sts:AssumeRole", format!("arn:aws:iam::{account}:role/admin"));
        may_not(
            rows,
            "nobody goes on from a deploy role, even where another trusts it",
            goes_on.trusted_by(PolicyRef::Open, account),
        );
    }
}

/// Adds rows about the roles of services.
fn services(rows: &mut Vec<Row>) {
    let takes = |who: Caller, trust, action| {
        AccessRequest::of(&who, PolicyRef::Silent, action, "arn:aws:iam::123456789012:role/some")
            .trusted_by(PolicyRef::Named(trust), TOOLING)
    };
    let lambda = || Caller::Service("lambda.amazonaws.com");
    may(rows, "Lambda runs the deployer under its role", takes(lambda(), "tooling/deployer_trust", "sts:AssumeRole"));
    for other in [Caller::Service("ec2.amazonaws.com"), Caller::Service("scheduler.amazonaws.com")] {
        may_not(rows, "no other service does", takes(other, "tooling/deployer_trust", "sts:AssumeRole"));
    }
    may_not(rows, "nor does Lambda tag it", takes(lambda(), "tooling/deployer_trust", "sts:TagSession"));

    let schedule = || {
        takes(Caller::Service("scheduler.amazonaws.com"), "tooling/sweep_trust", "sts:AssumeRole")
            .with("aws:SourceAccount", TOOLING)
            .with("aws:SourceArn", "arn:aws:scheduler:eu-west-1:123456789012:schedule-group/deployer")
    };
    may(rows, "the schedule takes the sweep's role", schedule());
    may_not(rows, "not for another account", schedule().with("aws:SourceAccount", STRANGE));
    may_not(
        rows,
        "not for another group of schedules",
        schedule().with("aws:SourceArn", "arn:aws:scheduler:eu-west-1:123456789012:schedule-group/default"),
    );
    may_not(rows, "and in no other way", AccessRequest { action: "sts:TagSession", ..schedule() });
    may_not(rows, "no other service takes it", AccessRequest { who: lambda(), ..schedule() });
}
