//! The region, the profile and the kind of endpoints, in the order in which the AWS CLI looks for them.

use super::aws;
use super::credentials::{IDENTITY_CENTER, SESSION_SHA1, signer, sso_login, wrong_use};
use super::home::Home;
use super::server::Server;

const PROFILES: &str = "
[default]
region = eu-central-1

[profile dev]
region = us-east-1
aws_access_key_id = dev
aws_secret_access_key = s

[profile old]
region = us-west-2
aws_access_key_id = old
aws_secret_access_key = s
";

/// Runs `status`, and returns the region that the Lambda was called in.
fn region(variables: &[(&str, &str)], arguments: &[&str]) -> String {
    let server = Server::http(aws::answer);
    let home = Home::calling(&server).config(PROFILES).with_keys().without("AWS_REGION");
    let home = variables.iter().fold(home, |home, (name, value)| home.with(name, value));
    let outcome = home.run(&[&["status"], arguments].concat());
    assert_eq!(outcome.exit, Some(0), "{outcome:?}");
    server.requests().last().unwrap().region().to_owned()
}

#[test]
fn region_is_the_options_then_a_variables_then_the_profiles() {
    let dev = ["--profile", "dev"];
    let both = [("AWS_REGION", "eu-west-1"), ("AWS_DEFAULT_REGION", "eu-west-2")];
    for arguments in [&[][..], &dev] {
        assert_eq!(region(&both, &[arguments, &["--region", "eu-north-1"]].concat()), "eu-north-1");
        assert_eq!(region(&both, arguments), "eu-west-1");
        assert_eq!(region(&both[1..], arguments), "eu-west-2");
        assert_eq!(region(&[("AWS_REGION", ""), both[1]], arguments), "eu-west-2", "an empty variable is none");
    }
    assert_eq!(region(&[], &dev), "us-east-1");
    assert_eq!(region(&[("AWS_REGION", ""), ("AWS_DEFAULT_REGION", "")], &dev), "us-east-1");
    assert_eq!(region(&[("AWS_PROFILE", "dev")], &[]), "us-east-1");
    assert_eq!(region(&[("AWS_DEFAULT_PROFILE", "old")], &[]), "us-west-2");
    assert_eq!(region(&[], &[]), "eu-central-1");
}

#[test]
fn missing_region_is_told_by_every_verb() {
    let home = Home::new().with_keys().without("AWS_REGION");
    let missing = "no region is known: say --region, AWS_REGION or a --profile that has one";
    for arguments in [
        &["status"][..],
        &["status", "--ledger", "acme-ledger"],
        &["redrive", "--peek"],
        &["init", "--from", "orders", "--out", "-"],
    ] {
        let outcome = home.run(arguments);
        assert!(outcome.exit == Some(2) && outcome.err.contains(missing), "{outcome:?}");
    }
}

#[test]
fn profile_is_the_options_then_a_variables_in_the_order_of_the_aws_cli() {
    let by = |variables: &[(&str, &str)], arguments: &[&str]| {
        let home =
            |home: Home| variables.iter().fold(home.config(PROFILES), |home, (name, value)| home.with(name, value));
        signer(home, arguments)
    };
    let both = [("AWS_PROFILE", "dev"), ("AWS_DEFAULT_PROFILE", "old")];
    assert_eq!(by(&both, &[]), "dev");
    assert_eq!(by(&both[1..], &[]), "old");
    assert_eq!(by(&both[1..], &["--profile", "dev"]), "dev");
    assert_eq!(by(&[("AWS_PROFILE", ""), both[1]], &[]), "old", "an empty variable is none");
    let keys = [("AWS_ACCESS_KEY_ID", "keys"), ("AWS_SECRET_ACCESS_KEY", "s"), both[1]];
    assert_eq!(by(&keys, &[]), "keys", "keys of the environment go before a variable's profile");
    let home = Home::new().config(PROFILES).with("AWS_DEFAULT_PROFILE", "nope");
    let error = wrong_use(&home, &[]);
    assert!(error.contains("there is no profile \"nope\" (AWS_DEFAULT_PROFILE)"), "{error}");
}

/// Runs `init`, which calls once, and returns the first host that it calls.
fn first_host(variables: &[(&str, &str)], profile: &str) -> String {
    let proxy = Server::proxy(None);
    let chained = "[profile base]\naws_access_key_id = base\naws_secret_access_key = s\n[profile role]\nrole_arn = \
                   arn:aws:iam::111111111111:role/r\nsource_profile = base\n[profile fips]\nrole_arn = \
                   arn:aws:iam::111111111111:role/r\nsource_profile = base\nuse_fips_endpoint = true\n\
                   use_dualstack_endpoint = true\n[profile sso]\nsso_session = acme\nsso_account_id = 111111111111\n\
                   sso_role_name = Operator\nuse_fips_endpoint = true\n";
    let home = Home::new().config(&format!("{IDENTITY_CENTER}{chained}")).with("HTTPS_PROXY", &proxy.address("http"));
    let home = sso_login(home, SESSION_SHA1, "2126-01-01T00:00:00Z");
    let home = variables.iter().fold(home, |home, (name, value)| home.with(name, value));
    let home = home.with("AWS_MAX_ATTEMPTS", "1");
    assert_eq!(home.run(&["init", "--from", "orders", "--out", "-", "--profile", profile]).exit, Some(1));
    let line = proxy.requests()[0].line.clone();
    line.strip_prefix("CONNECT ").unwrap().split(':').next().unwrap().to_owned()
}

/// Variables, a profile, and the host that is called first.
type Case<'a> = (&'a [(&'a str, &'a str)], &'a str, &'a str);

#[test]
fn kind_of_endpoints_counts_for_the_services_that_give_credentials() {
    let fips = [("AWS_USE_FIPS_ENDPOINT", "true")];
    let dual = [("AWS_USE_DUALSTACK_ENDPOINT", "true")];
    // The SDK tries each a second time, and waits for that: all wait side by side.
    let cases: [Case<'_>; 7] = [
        (&[], "role", "sts.eu-west-1.amazonaws.com"),
        (&fips, "role", "sts-fips.eu-west-1.amazonaws.com"),
        (&dual, "role", "sts.eu-west-1.api.aws"),
        (&[], "fips", "sts-fips.eu-west-1.api.aws"),
        (&[], "operator", "portal.sso.eu-west-1.amazonaws.com"),
        (&fips, "operator", "portal.sso-fips.eu-west-1.amazonaws.com"),
        (&[], "sso", "portal.sso-fips.eu-west-1.amazonaws.com"),
    ];
    std::thread::scope(|scope| {
        for (variables, profile, host) in cases {
            scope.spawn(move || assert_eq!(first_host(variables, profile), host));
        }
    });
}
