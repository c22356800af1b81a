//! Rows about the owner's keys for the ledger, the queues, the log, the bus and the topic: who uses each by its own
//! policy, and whom each key's policy lets in.

use super::{
    ADMIN, AccessRequest, Caller, DEPLOYER, DEV_ADMIN, FORMER_KEY, IN_DEV, IN_PROD, IN_TOOLS, PolicyRef, Row, STRANGE,
    STRANGER, TOOLING, anything, may, may_not,
};

const ENCRYPTS: [&str; 2] = ["kms:Decrypt", "kms:GenerateDataKey"];
const DECRYPTS: [&str; 1] = ["kms:Decrypt"];
const EC2: &str = "ec2.eu-west-1.amazonaws.com";
const LOG: &str = "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/lambda/deployer";

/// A key with its policy and, where the account's own use it, the service through which.
struct Key {
    arn: &'static str,
    policy: &'static str,
    through: Option<&'static str>,
}

const LEDGER: Key = Key {
    arn: "arn:aws:kms:eu-west-1:123456789012:key/1c8e2f0a-0000-4000-8000-000000000010",
    policy: "tooling/key_of_ledger",
    through: Some("s3.eu-west-1.amazonaws.com"),
};
const QUEUES: Key = Key {
    arn: "arn:aws:kms:eu-west-1:123456789012:key/1c8e2f0a-0000-4000-8000-000000000011",
    policy: "tooling/key_of_queues",
    through: Some("sqs.eu-west-1.amazonaws.com"),
};
/// Former keys have the policies that today's have.
const FORMER_OF_ARTIFACTS: Key =
    Key { arn: FORMER_KEY, policy: "tooling/key", through: Some("s3.eu-west-1.amazonaws.com") };
const FORMER_OF_LEDGER: Key =
    Key { arn: "arn:aws:kms:eu-west-1:123456789012:key/1c8e2f0a-0000-4000-8000-000000000021", ..LEDGER };
const FORMER_OF_QUEUES: Key =
    Key { arn: "arn:aws:kms:eu-west-1:123456789012:key/1c8e2f0a-0000-4000-8000-000000000022", ..QUEUES };
const LOGGED: Key = Key {
    arn: "arn:aws:kms:eu-west-1:123456789012:key/1c8e2f0a-0000-4000-8000-000000000012",
    policy: "tooling/key_of_log",
    through: None,
};
const BUS: Key = Key {
    arn: "arn:aws:kms:eu-west-1:123456789012:key/1c8e2f0a-0000-4000-8000-000000000013",
    policy: "tooling/key_of_bus",
    through: None,
};
const TOPIC: Key = Key {
    arn: "arn:aws:kms:eu-west-1:123456789012:key/1c8e2f0a-0000-4000-8000-000000000014",
    policy: "notifications/key",
    through: Some("sns.eu-west-1.amazonaws.com"),
};

pub(super) fn rows(rows: &mut Vec<Row>) {
    let person = Caller::Role(TOOLING, "person");
    user(rows, &DEPLOYER, "tooling/deployer", &LEDGER, &ENCRYPTS);
    user(rows, &DEPLOYER, "tooling/deployer", &QUEUES, &ENCRYPTS);
    user(rows, &person, "tooling/operate", &QUEUES, &ENCRYPTS);
    for key in [&FORMER_OF_ARTIFACTS, &FORMER_OF_LEDGER, &FORMER_OF_QUEUES] {
        user(rows, &DEPLOYER, "tooling/deployer", key, &DECRYPTS);
    }
    user(rows, &person, "tooling/operate", &FORMER_OF_QUEUES, &DECRYPTS);
    for key in [&LEDGER, &FORMER_OF_LEDGER] {
        user(rows, &person, "tooling/look", key, &DECRYPTS);
        user(rows, &person, "tooling/operate", key, &DECRYPTS);
    }
    for (who, policy) in
        [(&IN_DEV, "dev/permissions"), (&IN_PROD, "prod/permissions"), (&IN_TOOLS, "tools/permissions")]
    {
        user(rows, who, policy, &FORMER_OF_ARTIFACTS, &DECRYPTS);
    }
    for (name, policy) in [
        ("ci-orders", "github/permissions"),
        ("ci-billing", "gitlab/permissions"),
        ("ci-named", "named/permissions"),
        ("build-agent", "build_agent/permissions"),
    ] {
        for key in [&LEDGER, &FORMER_OF_LEDGER] {
            user(rows, &Caller::Role(TOOLING, name), policy, key, &DECRYPTS);
        }
    }
    let rules = Caller::Role(TOOLING, "deployer-notifications");
    user(rows, &rules, "notifications/publish", &TOPIC, &ENCRYPTS);
    for key in [&LEDGER, &QUEUES, &LOGGED, &BUS, &TOPIC] {
        key.rows(rows);
    }
    queues(rows);
    log(rows);
    bus(rows);
}

/// Adds rows about somebody who uses a key for these actions.
fn user(rows: &mut Vec<Row>, who: &Caller, policy: &'static str, key: &Key, actions: &[&'static str]) {
    let through = key.through.unwrap_or(EC2);
    let asks = |action, arn: &str, via: &str| {
        AccessRequest::of(who, PolicyRef::Named(policy), action, arn).with("kms:ViaService", via)
    };
    let open = |action, arn: &str, via: &str| asks(action, arn, via).trusted_by(PolicyRef::Open, STRANGE);
    for action in actions.iter().copied() {
        let allowed = asks(action, key.arn, through).trusted_by(PolicyRef::Named(key.policy), TOOLING);
        may(rows, "who reads or writes uses the key of it", allowed);
        may_not(rows, "only through its service", open(action, key.arn, EC2));
        for (here, there) in [("eu-west-1", "us-east-1"), (TOOLING, STRANGE), ("1c8e2f0a", "00000000")] {
            may_not(rows, "and no other key", open(action, &key.arn.replace(here, there), through));
        }
    }
    let others = ["kms:Encrypt", "kms:CreateGrant", "kms:PutKeyPolicy", "kms:GenerateDataKey"];
    for action in others.into_iter().filter(|action| !actions.contains(action)) {
        may_not(rows, "and does nothing else with it", open(action, key.arn, through));
    }
}

impl Key {
    /// Returns a request of a caller whose own policy allows everything.
    fn by(&self, who: &Caller, action: &'static str) -> AccessRequest {
        anything(who, action, self.arn).trusted_by(PolicyRef::Named(self.policy), TOOLING)
    }

    /// Returns a request of a service of AWS.
    fn of_service(&self, service: &'static str, action: &'static str) -> AccessRequest {
        AccessRequest::of(&Caller::Service(service), PolicyRef::Silent, action, self.arn)
            .trusted_by(PolicyRef::Named(self.policy), TOOLING)
    }

    /// Adds the rows that are the same for every key.
    fn rows(&self, rows: &mut Vec<Row>) {
        let through = self.through.unwrap_or(EC2);
        for action in ["kms:PutKeyPolicy", "kms:ScheduleKeyDeletion", "kms:DescribeKey", "kms:EnableKeyRotation"] {
            may(rows, "the account's administrators manage the key", self.by(&ADMIN, action));
            for stranger in [&STRANGER, &DEV_ADMIN] {
                may_not(rows, "nobody of another account does", self.by(stranger, action));
            }
        }
        for action in ["kms:Sign", "kms:GenerateDataKeyPair", "kms:Verify"] {
            may_not(rows, "nobody uses it for anything else", self.by(&ADMIN, action).with("kms:ViaService", through));
        }
        for action in ENCRYPTS {
            let own = self.by(&ADMIN, action).with("kms:ViaService", through);
            match self.through {
                Some(_) => may(rows, "the account's own use it through its service", own),
                None => may_not(rows, "the account's own do not use it themselves", own),
            }
            may_not(rows, "and in no other way", self.by(&ADMIN, action).with("kms:ViaService", EC2));
            let silent = AccessRequest { identity: PolicyRef::Silent, ..self.by(&ADMIN, action) };
            may_not(rows, "not without a policy of their own", silent.with("kms:ViaService", through));
            for stranger in [&STRANGER, &DEV_ADMIN] {
                let asks = self.by(stranger, action).with("kms:ViaService", through);
                may_not(rows, "nobody of another account does", asks);
            }
        }
    }
}

fn queues(rows: &mut Vec<Row>) {
    for action in ENCRYPTS {
        for service in ["s3.amazonaws.com", "events.amazonaws.com"] {
            may(rows, "S3 and EventBridge encrypt what they send", QUEUES.of_service(service, action));
        }
        may_not(rows, "no other service does", QUEUES.of_service("sns.amazonaws.com", action));
    }
    for action in ["kms:PutKeyPolicy", "kms:CreateGrant", "kms:Encrypt"] {
        may_not(rows, "and they do nothing else with it", QUEUES.of_service("events.amazonaws.com", action));
    }
}

fn log(rows: &mut Vec<Row>) {
    const CONTEXT: &str = "kms:EncryptionContext:aws:logs:arn";
    const SERVICE: &str = "logs.eu-west-1.amazonaws.com";
    for action in
        ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey", "kms:ReEncryptFrom", "kms:ReEncryptTo"]
    {
        may(rows, "CloudWatch Logs encrypts the log", LOGGED.of_service(SERVICE, action).with(CONTEXT, LOG));
        for other in [format!("{LOG}-other"), LOG.replace(TOOLING, STRANGE)] {
            may_not(rows, "and no other", LOGGED.of_service(SERVICE, action).with(CONTEXT, other));
        }
        let elsewhere = LOGGED.of_service("logs.us-east-1.amazonaws.com", action).with(CONTEXT, LOG);
        may_not(rows, "in no other region", elsewhere);
        may_not(rows, "nobody else does", LOGGED.by(&STRANGER, action).with(CONTEXT, LOG));
    }
    for action in ["kms:PutKeyPolicy", "kms:CreateGrant"] {
        let asks = LOGGED.of_service(SERVICE, action).with(CONTEXT, LOG);
        may_not(rows, "it does nothing else with the key", asks);
    }
}

fn bus(rows: &mut Vec<Row>) {
    const CONTEXT: &str = "kms:EncryptionContext:aws:events:event-bus:arn";
    const SERVICE: &str = "events.amazonaws.com";
    may(rows, "EventBridge looks at the key", BUS.of_service(SERVICE, "kms:DescribeKey"));
    may_not(rows, "no other service does", BUS.of_service("s3.amazonaws.com", "kms:DescribeKey"));
    for action in ["kms:Decrypt", "kms:GenerateDataKey", "kms:ReEncryptFrom", "kms:ReEncryptTo"] {
        let asks = |service, bus: &str| BUS.of_service(service, action).with(CONTEXT, bus);
        may(rows, "EventBridge encrypts the bus", asks(SERVICE, super::BUS));
        for other in [super::BUS.replace(TOOLING, STRANGE), format!("{}-other", super::BUS)] {
            may_not(rows, "and no other", asks(SERVICE, &other));
        }
        may_not(rows, "no other service does", asks("s3.amazonaws.com", super::BUS));
        may_not(rows, "nobody else does", BUS.by(&STRANGER, action).with(CONTEXT, super::BUS));
    }
    for action in ["kms:PutKeyPolicy", "kms:CreateGrant"] {
        let asks = BUS.of_service(SERVICE, action).with(CONTEXT, super::BUS);
        may_not(rows, "it does nothing else with the key", asks);
    }
}
