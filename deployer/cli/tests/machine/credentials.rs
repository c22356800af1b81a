//! Credentials in the forms that the AWS CLI knows (AWS SDKs and Tools Reference Guide, "Standardized credential
//! providers"). The last request is the one to the Lambda, and its key's id tells who gave the key.

use super::aws;
use super::home::{Home, Outcome};
use super::server::Server;

/// The private key by which a login proves that it is the one that began; a test's own.
const LOGIN_KEY: &str = "-----BEGIN EC PRIVATE KEY-----\\n\
    MHcCAQEEIOgbxYErLyPW9JhhFlbrNjGNN1KPGkzPVsySWL5uKU1/oAoGCCqGSM49\\n\
    AwEHoUQDQgAE61wXqWfjPboSjF/BqUQ/skumoW8iGRHgxxIt+dkHWvfQBRI8rtft\\n\
    rpLDNFVPYVD8pzOo7u/m0bMBrRKJLPZzJw==\\n-----END EC PRIVATE KEY-----\\n";

/// Runs `status` on a machine, and returns the id of the key that asked the Lambda.
pub fn signer(home: impl FnOnce(Home) -> Home, arguments: &[&str]) -> String {
    let server = Server::http(aws::answer);
    let home = home(Home::calling(&server));
    let outcome = home.run(&[&["status"], arguments].concat());
    assert_eq!(outcome.exit, Some(0), "{outcome:?}");
    let asked = server.requests();
    let last = asked.last().unwrap();
    assert!(last.line.starts_with("POST /2015-03-31/functions/deployer%3Alive/invocations"), "{}", last.line);
    assert!(last.header("user-agent").contains("app/deployer"), "{}", last.header("user-agent"));
    last.signer().to_owned()
}

/// The file of a login of IAM Identity Center, as the AWS CLI writes it.
pub fn sso_login(home: Home, sha1: &str, expires: &str) -> Home {
    let text = format!(
        r#"{{"startUrl": "https://acme.awsapps.com/start", "region": "eu-west-1", "accessToken": "token",
            "expiresAt": "{expires}"}}"#
    );
    home.file(&format!(".aws/sso/cache/{sha1}.json"), &text)
}

/// The SHA-1 of the session's name and of the start address, by which the AWS CLI names the files.
pub const SESSION_SHA1: &str = "293abb6b76d7791c0732cc517d38c4b5c734b87f";
const ADDRESS_SHA1: &str = "40169cea58ca6cbf23fb27b2542923fb5f524af0";

pub const IDENTITY_CENTER: &str = "
[sso-session acme]
sso_start_url = https://acme.awsapps.com/start
sso_region = eu-west-1
sso_registration_scopes = sso:account:access

[profile operator]
sso_session = acme
sso_account_id = 111111111111
sso_role_name = Operator

[profile old]
sso_start_url = https://acme.awsapps.com/start
sso_region = eu-west-1
sso_account_id = 222222222222
sso_role_name = Old

[profile stage]
role_arn = arn:aws:iam::333333333333:role/stage
source_profile = operator
";

#[test]
fn identity_center_gives_credentials_by_session_and_in_the_old_form() {
    let home = |home: Home| {
        let home = sso_login(home.config(IDENTITY_CENTER), SESSION_SHA1, "2126-01-01T00:00:00Z");
        sso_login(home, ADDRESS_SHA1, "2126-01-01T00:00:00Z")
    };
    assert_eq!(signer(home, &["--profile", "operator"]), "sso.111111111111.Operator");
    assert_eq!(signer(home, &["--profile", "old"]), "sso.222222222222.Old");
    assert_eq!(signer(|new| home(new).with("AWS_PROFILE", "stage"), &[]), "stage.by.sso.111111111111.Operator");
}

#[test]
fn program_gives_credentials() {
    let config = "[default]\ncredential_process = cat \"$HOME/keys.json\"\n";
    let keys = r#"{"Version": 1, "AccessKeyId": "program", "SecretAccessKey": "secret"}"#;
    assert_eq!(signer(|home| home.config(config).file("keys.json", keys), &[]), "program");
}

fn login(home: Home, sha256: &str, expires: &str) -> Home {
    let text = format!(
        r#"{{"accessToken": {{"accessKeyId": "login.cached", "secretAccessKey": "secret", "sessionToken": "session",
            "accountId": "111111111111", "expiresAt": "{expires}"}}, "tokenType": "aws_sigv4", "refreshToken": "more",
            "clientId": "arn:aws:signin:::devtools/same-device", "dpopKey": "{LOGIN_KEY}"}}"#
    );
    home.file(&format!(".aws/login/cache/{sha256}.json"), &text)
}

const CONSOLE: &str = "
[profile ada]
login_session = arn:aws:iam::111111111111:user/ada

[profile grace]
login_session = arn:aws:iam::111111111111:user/grace
";

#[test]
fn console_login_gives_credentials_and_is_refreshed() {
    let home = |home: Home| {
        let ada = "178667f5500dce06c33b77bedc044c169ad7b45252574905118bcf346320c16f";
        let grace = "dc1bc5dfce4fbd0799999c07954c0e2021161702ca66108422c24c04bd8ff1a9";
        let home = login(home.config(CONSOLE), ada, "2126-01-01T00:00:00Z");
        login(home, grace, "2026-01-01T00:00:00Z")
    };
    assert_eq!(signer(home, &["--profile", "ada"]), "login.cached");
    assert_eq!(signer(home, &["--profile", "grace"]), "login.refreshed");
}

#[test]
fn web_identity_gives_credentials_by_environment_and_profile() {
    let by_environment = |home: Home| {
        home.file("token", "pod")
            .with("AWS_WEB_IDENTITY_TOKEN_FILE", "$HOME/token")
            .with("AWS_ROLE_ARN", "arn:aws:iam::111111111111:role/ci")
    };
    assert_eq!(signer(by_environment, &[]), "ci.by.pod");
    let profile = "[profile ci]\nrole_arn = arn:aws:iam::111111111111:role/of-profile\n\
                   web_identity_token_file = $HOME/token\n";
    assert_eq!(signer(|home| by_environment(home).config(profile), &["--profile", "ci"]), "of-profile.by.pod");
}

#[test]
fn container_and_instance_give_credentials() {
    let server = Server::http(aws::answer);
    let container = |home: Home| {
        home.file("pod-token", "pod")
            .with("AWS_CONTAINER_CREDENTIALS_FULL_URI", &format!("{}/container", server.address("http")))
            .with("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "$HOME/pod-token")
    };
    assert_eq!(signer(container, &[]), "container");
    let instance = |home: Home| {
        home.without("AWS_EC2_METADATA_DISABLED").with("AWS_EC2_METADATA_SERVICE_ENDPOINT", &server.address("http"))
    };
    assert_eq!(signer(instance, &[]), "instance.builder");
    let bare = "[profile bare]\nregion = eu-west-1\n";
    assert_eq!(signer(|home| container(home).config(bare), &["--profile", "bare"]), "container");
    assert_eq!(signer(|home| instance(home).config(bare), &["--profile", "bare"]), "instance.builder");
}

const CHAINS: &str = "
[default]
region = eu-west-1

[profile base]
aws_access_key_id = base
aws_secret_access_key = secret

[profile prod]
role_arn = arn:aws:iam::111111111111:role/prod
source_profile = stage
external_id = x

[profile stage]
role_arn = arn:aws:iam::111111111111:role/stage
source_profile = base

[profile job]
role_arn = arn:aws:iam::111111111111:role/job
credential_source = Environment
";

#[test]
fn profiles_give_keys_and_roles_that_follow_one_another() {
    let home = |home: Home| {
        home.config(CHAINS).file(".aws/credentials", "[work]\naws_access_key_id = work\naws_secret_access_key = s\n")
    };
    assert_eq!(signer(home, &["--profile", "base"]), "base");
    assert_eq!(signer(home, &["--profile", "work"]), "work");
    assert_eq!(signer(home, &["--profile", "prod"]), "prod.by.stage.by.base");
    assert_eq!(signer(|new| home(new).with_keys(), &["--profile", "job"]), "job.by.keys");
    assert_eq!(signer(|new| home(new).with_keys(), &["--profile", "base"]), "base", "a named profile goes first");
    assert_eq!(signer(|new| home(new).with_keys().with("AWS_PROFILE", "base"), &[]), "keys", "as in the AWS CLI");
    let elsewhere =
        |new: Home| home(new).file("mine", "[profile mine]\naws_access_key_id = mine\naws_secret_access_key = s");
    assert_eq!(signer(|new| elsewhere(new).with("AWS_CONFIG_FILE", "$HOME/mine"), &["--profile", "mine"]), "mine");
}

/// Runs `status`, which must end as wrong use.
pub fn wrong_use(home: &Home, arguments: &[&str]) -> String {
    let Outcome { exit, err } = home.run(&[&["status"], arguments].concat());
    assert_eq!(exit, Some(2), "{err}");
    assert!(!err.contains("policy"), "{err}");
    err
}

#[test]
fn missing_profile_is_named_with_files_and_known_profiles() {
    let home = Home::new().config("[profile dev]\nregion = eu-west-1\n[profile prod]\nregion = eu-west-1\n");
    let error = wrong_use(&home, &["--profile", "nope"]);
    let expected = "there is no profile \"nope\" (--profile) in ~/.aws/config (as [profile nope]) or ~/.aws/credentials \
                    (as [nope]): they have dev, prod";
    assert!(error.contains(expected), "{error}");
    let by_variable = home.with("AWS_PROFILE", "nope").with("AWS_CONFIG_FILE", "/etc/aws").with_keys();
    let error = wrong_use(&by_variable, &[]);
    assert!(error.contains("\"nope\" (AWS_PROFILE) in /etc/aws (as"), "{error}");
    assert!(error.contains("they have none"), "{error}");
    let error = wrong_use(&Home::new(), &["--profile", "default"]);
    assert!(error.contains("there is no profile \"default\""), "{error}");
    let init = Home::new().run(&["init", "--from", "orders", "--profile", "nope"]);
    assert!(init.exit == Some(2) && init.err.contains("there is no profile \"nope\""), "{init:?}");
}

#[test]
fn missing_source_of_a_profile_is_named() {
    let config = "[profile admin]\nrole_arn = arn:aws:iam::111111111111:role/admin\nsource_profile = base\n";
    let error = wrong_use(&Home::new().config(config), &["--profile", "admin"]);
    assert!(error.contains("profile \"admin\" takes its credentials from source_profile \"base\", which"), "{error}");
    assert!(error.contains("they have admin"), "{error}");
}

#[test]
fn profile_that_asks_for_a_code_is_refused_with_a_way_on() {
    let config = "[profile base]\naws_access_key_id = base\naws_secret_access_key = s\n[profile admin]\nrole_arn = \
                  arn:aws:iam::111111111111:role/admin\nsource_profile = base\nmfa_serial = arn:aws:iam::1:mfa/ada\n\
                  [profile prod]\nrole_arn = arn:aws:iam::111111111111:role/prod\nsource_profile = admin\n";
    let home = Home::new().config(config);
    let error = wrong_use(&home, &["--profile", "admin"]);
    assert!(error.contains("profile \"admin\" asks for the code of an MFA device (mfa_serial)"), "{error}");
    assert!(error.contains("aws configure export-credentials --profile admin --format env"), "{error}");
    let error = wrong_use(&home, &["--profile", "prod"]);
    assert!(error.contains("profile \"admin\", a source of profile \"prod\", asks"), "{error}");
    assert_eq!(signer(|new| new.config(config).with_keys().with("AWS_PROFILE", "admin"), &[]), "keys");
}

#[test]
fn profile_of_the_target_is_blamed_by_its_own_option() {
    let server = super::deployed::server(|_| None);
    let config = "[profile base]\naws_access_key_id = base\naws_secret_access_key = s\n[profile admin]\nrole_arn = \
                  arn:aws:iam::111111111111:role/admin\nsource_profile = base\nmfa_serial = arn:aws:iam::1:mfa/ada\n";
    let home = super::deployed::person(&server).config(config);
    let invoke = ["invoke", "-e", "prod", "-f", "orders", "--payload", "{}", "--target-profile"];
    let Outcome { exit, err } = home.run(&[&invoke[..], &["nope"]].concat());
    assert_eq!(exit, Some(2), "{err}");
    assert!(err.contains("there is no profile \"nope\" (--target-profile) in "), "{err}");
    let Outcome { exit, err } = home.run(&[&invoke[..], &["admin"]].concat());
    assert_eq!(exit, Some(2), "{err}");
    assert!(err.ends_with("name a profile of IAM Identity Center, or one with keys, by --target-profile\n"), "{err}");
}

#[test]
fn file_of_profiles_that_cannot_be_parsed_is_named() {
    let error = wrong_use(&Home::new().config("[default]\nregion eu-west-1\n"), &[]);
    assert!(error.contains("the files of profiles cannot be read") && error.contains(".aws/config"), "{error}");
}

#[test]
fn application_that_the_user_names_stands_in_the_user_agent() {
    let server = Server::http(aws::answer);
    let config = "[default]\nregion = eu-west-1\n[profile acme]\nsdk_ua_app_id = of-profile\naws_access_key_id = \
                  a\naws_secret_access_key = s\n";
    let home = || Home::calling(&server).config(config).with_keys();
    assert_eq!(home().with("AWS_SDK_UA_APP_ID", "of-variable").run(&["status"]).exit, Some(0));
    assert_eq!(home().run(&["status", "--profile", "acme"]).exit, Some(0));
    let agents: Vec<_> = server.requests().iter().map(|request| request.header("user-agent").to_owned()).collect();
    assert!(agents[0].contains("app/of-variable") && agents[1].contains("app/of-profile"), "{agents:?}");
}
