//! The services that give credentials, and the deployer's Lambda. Each key's id tells who gave it.

use super::server::{Answer, Request};

const FOREVER: &str = "2126-01-01T00:00:00Z";

/// Answers as AWS does; the Lambda's status is empty.
pub fn answer(request: &Request) -> Answer {
    let line = request.line.as_str();
    if line.starts_with("POST /2015-03-31/functions/") {
        return json(200, serde_json::json!({ "functions": [] }));
    }
    if line.starts_with("GET /federation/credentials") {
        let (role, account) = (query(line, "role_name"), query(line, "account_id"));
        return match request.header("x-amz-sso_bearer_token") {
            "token" => json(
                200,
                serde_json::json!({ "roleCredentials": {
                    "accessKeyId": format!("sso.{account}.{role}"), "secretAccessKey": "secret",
                    "sessionToken": "session", "expiration": 4_922_899_200_000_i64 } }),
            ),
            _ => error(401, "UnauthorizedException", "Session token not found or invalid"),
        };
    }
    if line.starts_with("POST /v1/token") {
        return json(
            200,
            serde_json::json!({ "accessToken": {
                    "accessKeyId": "login.refreshed", "secretAccessKey": "secret", "sessionToken": "session" },
                "tokenType": "aws_sigv4", "expiresIn": 900, "refreshToken": "next" }),
        );
    }
    if line.starts_with("PUT /latest/api/token") {
        return (200, "text/plain", "token".to_owned());
    }
    if line.starts_with("GET /latest/meta-data/iam/security-credentials/ ") {
        return (200, "text/plain", "builder".to_owned());
    }
    if line.starts_with("GET /latest/meta-data/iam/security-credentials/builder") {
        return keys("instance.builder");
    }
    if line.starts_with("GET /container") {
        return match request.header("authorization") {
            "pod" => keys("container"),
            _ => error(401, "Unauthorized", "no token"),
        };
    }
    assert!(line.starts_with("POST / "), "nobody expects {line}");
    assume_role(request)
}

fn assume_role(request: &Request) -> Answer {
    let field = |name: &str| {
        request.body.split('&').find_map(|pair| pair.strip_prefix(&format!("{name}="))).unwrap_or_default().to_owned()
    };
    let action = field("Action");
    let role = field("RoleArn").rsplit("%2F").next().unwrap_or_default().to_owned();
    if action == "GetCallerIdentity" {
        let result = "<Arn>arn:aws:iam::123456789012:user/ann</Arn><UserId>A</UserId><Account>123456789012</Account>";
        let body = format!(
            "<{action}Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><{action}Result>{result}\
             </{action}Result></{action}Response>"
        );
        return (200, "text/xml", body);
    }
    let id = match action.as_str() {
        "AssumeRole" => format!("{role}.by.{}", request.signer()),
        "AssumeRoleWithWebIdentity" => format!("{role}.by.{}", field("WebIdentityToken")),
        _ => return (403, "text/xml", xml_error("AccessDenied", "no")),
    };
    (
        200,
        "text/xml",
        format!(
            "<{action}Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><{action}Result><AssumedRoleUser>\
             <Arn>arn:aws:sts::111111111111:assumed-role/{role}/s</Arn><AssumedRoleId>A:s</AssumedRoleId>\
             </AssumedRoleUser><Credentials><AccessKeyId>{id}</AccessKeyId><SecretAccessKey>secret</SecretAccessKey>\
             <SessionToken>session</SessionToken><Expiration>{FOREVER}</Expiration></Credentials></{action}Result>\
             </{action}Response>"
        ),
    )
}

fn query<'a>(line: &'a str, name: &str) -> &'a str {
    let query = line.split([' ', '?']).nth(2).unwrap_or_default();
    query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('=')).unwrap_or_default()
}

fn keys(id: &str) -> Answer {
    json(
        200,
        serde_json::json!({ "Code": "Success", "AccessKeyId": id, "SecretAccessKey": "secret", "Token": "session",
            "Expiration": FOREVER }),
    )
}

fn json(status: u16, body: serde_json::Value) -> Answer {
    (status, "application/json", body.to_string())
}

/// An error of a service that speaks JSON.
pub fn error(status: u16, code: &str, message: &str) -> Answer {
    json(status, serde_json::json!({ "__type": code, "message": message }))
}

/// An error of a service that speaks XML.
pub fn xml_error(code: &str, message: &str) -> String {
    format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>")
}
