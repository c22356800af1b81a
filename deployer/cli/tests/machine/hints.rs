//! Each hint fits its error, and no hint names a policy where no policy helps.

use super::aws::{error, xml_error};
use super::home::{Home, Outcome};
use super::server::{Request, Server};

pub const LEDGER: [&str; 3] = ["status", "--ledger", "acme-ledger"];

/// Runs deployctl, which must fail with these texts and without a word about policies.
fn fails(home: &Home, arguments: &[&str], texts: &[&str]) {
    let Outcome { exit, err } = home.run(arguments);
    assert_eq!(exit, Some(1), "{err}");
    for text in texts {
        assert!(err.contains(text), "{text:?} is not in {err}");
    }
    assert!(!err.contains("policy") && !err.contains("may have been taken"), "{err}");
}

#[test]
fn missing_credentials_say_to_log_in() {
    let texts = ["no credentials were found", "\n  log in (aws sso login", "--profile"];
    let init = &["init", "--from", "orders", "--out", "-"][..];
    for arguments in [&["status"][..], &LEDGER, init, &["redrive", "--peek"]] {
        fails(&Home::new(), arguments, &texts);
    }
    // No instance: its metadata service does not answer.
    let asking = Home::new().without("AWS_EC2_METADATA_DISABLED").with("AWS_EC2_METADATA_SERVICE_ENDPOINT", &closed());
    fails(&asking, &["status"], &texts);
}

#[test]
fn ended_login_says_to_log_in_again() {
    let config = "[profile dev]\nsso_session = acme\nsso_account_id = 111111111111\nsso_role_name = Dev\n[sso-session \
                  acme]\nsso_start_url = https://acme.awsapps.com/start\nsso_region = eu-west-1\n";
    let never = Home::new().config(config);
    fails(&never, &["status", "--profile", "dev"], &["the credentials could not be loaded: ", "\n  log in again"]);
    let cache = ".aws/sso/cache/293abb6b76d7791c0732cc517d38c4b5c734b87f.json";
    let ended = never.file(cache, r#"{"accessToken": "t", "expiresAt": "2026-01-01T00:00:00Z"}"#);
    fails(
        &ended,
        &["status", "--profile", "dev"],
        &["the credentials could not be loaded: ", "expired", "\n  log in again"],
    );
}

/// A host that no name server is asked for, because a label has 64 characters and 63 are allowed.
pub fn unknown_host() -> String {
    format!("http://{}.example", "a".repeat(64))
}

#[test]
fn unknown_host_is_named() {
    let host = format!("no name server knows acme-ledger.{}.example", "a".repeat(64));
    let role = "[profile dev]\nrole_arn = arn:aws:iam::111111111111:role/dev\ncredential_source = Environment\n";
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let home = Home::new().with_keys().with("AWS_ENDPOINT_URL_S3", &unknown_host());
            fails(&home, &LEDGER, &["cannot be read: no answer of acme-ledger.aaaa", &host, "--region", "HTTPS_PROXY"]);
        });
        // The host of whoever gives the credentials, not the one that was asked.
        let home = Home::new().with_keys().config(role).with("AWS_ENDPOINT_URL_STS", &unknown_host());
        fails(
            &home,
            &["status", "--ledger", "acme-ledger", "--profile", "dev"],
            &["the credentials could not be loaded: no answer of aaaa", "no name server knows aaaa"],
        );
    });
}

/// An address at which nobody listens.
pub fn closed() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

#[test]
fn host_that_does_not_answer_is_named() {
    let home = Home::new().with_keys().with("AWS_ENDPOINT_URL_S3", &closed());
    fails(&home, &LEDGER, &["no answer of 127.0.0.1: ", "\n  127.0.0.1 does not answer", "HTTPS_PROXY"]);
}

#[test]
fn expired_and_unknown_credentials_and_wrong_clock_have_their_own_sentences() {
    let lambda = |code: &'static str, text: &'static str| -> fn(&Request) -> super::server::Answer {
        match (code, text) {
            ("ExpiredTokenException", _) => |_| error(403, "ExpiredTokenException", "The security token is expired"),
            ("UnrecognizedClientException", _) => |_| error(403, "UnrecognizedClientException", "The token is invalid"),
            _ => |_| error(403, "InvalidSignatureException", "Signature expired: 20260101T000000Z is now earlier than"),
        }
    };
    for (code, hint) in [
        ("ExpiredTokenException", "\n  the credentials have expired: log in again"),
        ("UnrecognizedClientException", "\n  AWS does not know these credentials"),
        ("InvalidSignatureException", "\n  the clock of this machine is wrong: set it right"),
    ] {
        let server = Server::http(lambda(code, ""));
        fails(&Home::calling(&server).with_keys(), &["status"], &[code, hint]);
        assert_eq!(server.requests().len(), 1, "another try meets the same");
    }
    let server = Server::http(|_| (403, "application/xml", xml_error("InvalidAccessKeyId", "no such key")));
    fails(&Home::calling(&server).with_keys(), &LEDGER, &["InvalidAccessKeyId", "\n  AWS does not know"]);
}

#[test]
fn denied_and_missing_ledger_have_hints_of_the_verb() {
    let hint = |answer: fn(&Request) -> super::server::Answer| {
        let server = Server::http(answer);
        let Outcome { exit, err } = Home::calling(&server).with_keys().run(&LEDGER);
        assert_eq!(exit, Some(1), "{err}");
        err
    };
    let denied = hint(|_| (403, "application/xml", xml_error("AccessDenied", "Access Denied")));
    assert!(denied.contains("\n  it takes the policy \"look\""), "{denied}");
    let missing = hint(|_| (404, "application/xml", xml_error("NoSuchBucket", "no such bucket")));
    assert!(
        missing.contains("\n  --ledger names the bucket acme-ledger; ") && !missing.contains("policy"),
        "{missing}"
    );
    let elsewhere = hint(|_| (400, "application/xml", xml_error("AuthorizationHeaderMalformed", "wrong region")));
    assert!(elsewhere.contains("another region: --region") && !elsewhere.contains("policy"), "{elsewhere}");
    let broken = hint(|_| (200, "application/json", "{}".to_owned()));
    assert!(broken.contains("deployer.json: ") && !broken.contains("policy"), "{broken}");
}

#[test]
fn lambda_that_is_missing_or_denied_has_its_own_sentence() {
    let hint = |answer: fn(&Request) -> super::server::Answer| {
        let Outcome { exit, err } = Home::calling(&Server::http(answer)).with_keys().run(&["status"]);
        assert_eq!(exit, Some(1), "{err}");
        err
    };
    let denied = hint(|_| error(403, "AccessDeniedException", "not authorized to perform: lambda:InvokeFunction"));
    assert!(denied.contains("\n  you need lambda:InvokeFunction on it (the policy \"operate\")"), "{denied}");
    let missing = hint(|_| error(404, "ResourceNotFoundException", "Function not found"));
    assert!(
        missing.contains("\n  --function-name, --region and --profile") && !missing.contains("policy"),
        "{missing}"
    );
}

#[test]
fn profile_that_is_denied_or_wrong_is_not_told_to_log_in() {
    let config = "[profile base]\naws_access_key_id = base\naws_secret_access_key = s\n[profile admin]\nrole_arn = \
                  arn:aws:iam::111111111111:role/admin\nsource_profile = base\n[profile astray]\nrole_arn = \
                  arn:aws:iam::111111111111:role/admin\ncredential_source = Nowhere\n";
    let denying = Server::http(|_| (403, "text/xml", format!("<ErrorResponse>{}</ErrorResponse>", denied_role())));
    let home = Home::calling(&denying).config(config);
    let not_let_in = "\n  the profile's role does not let you in";
    fails(&home, &["status", "--profile", "admin"], &["AccessDenied", "sts:AssumeRole", not_let_in]);
    fails(&home, &["status", "--profile", "astray"], &["Nowhere", "\n  mend the profile"]);
}

fn denied_role() -> String {
    xml_error("AccessDenied", "User: ada is not authorized to perform: sts:AssumeRole on resource: admin")
}

/// A deployer that was installed before it had an alias is asked itself. Where the alias is denied, or was named, nothing
/// else is asked: it may be another version.
#[test]
fn function_itself_is_asked_only_where_it_has_no_alias() {
    let missing: fn(&Request) -> super::server::Answer = |request| match request.line.contains("%3Alive") {
        true => error(404, "ResourceNotFoundException", "Function not found"),
        false => (200, "application/json", "{\"functions\": []}".to_owned()),
    };
    let denied: fn(&Request) -> super::server::Answer = |request| match request.line.contains("%3Alive") {
        true => error(403, "AccessDeniedException", "not authorized to perform: lambda:InvokeFunction"),
        false => (200, "application/json", "{\"functions\": []}".to_owned()),
    };
    let named = ["status", "--function-name", "deployer:live"];
    for (lambda, arguments, expected) in
        [(missing, &["status"][..], (Some(0), 2)), (missing, &named, (Some(1), 1)), (denied, &["status"], (Some(1), 1))]
    {
        let server = Server::http(lambda);
        let Outcome { exit, err } = Home::calling(&server).with_keys().run(arguments);
        let lines: Vec<String> = server.requests().into_iter().map(|request| request.line).collect();
        assert_eq!((exit, lines.len()), expected, "{arguments:?}: {err}\n{lines:#?}");
    }
}
