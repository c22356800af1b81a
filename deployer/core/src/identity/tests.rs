use jiff::Timestamp;
use serde_json::{Value, json};

use super::*;

const DEPLOYER: &str = "arn:aws:lambda:eu-west-1:123456789012:function:deployer";
const SIGNED_AT: &str = "20261130T120000Z";

fn own() -> Audience {
    Audience::parse(DEPLOYER).unwrap()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn fields() -> Value {
    json!({"access_key_id": "ASIAEXAMPLE", "date": SIGNED_AT, "session_token": "t0ken/+=", "audience": DEPLOYER,
        "signature": "0a".repeat(32)})
}

fn digest() -> RequestDigest {
    RequestDigest::of_command(&json!({"command": "hold", "id": "1"}))
}

fn proof() -> IdentityProof {
    IdentityProof::parse(&fields(), digest()).unwrap()
}

fn with(field: &str, value: Value) -> Value {
    let mut all = fields();
    all[field] = value;
    all
}

#[test]
fn proof_is_never_shown() {
    let (proof, secrets) = (proof(), ["ASIAEXAMPLE", "t0ken", "0a0a0a"]);
    let request = StsRequest::compose(&proof, &own(), at("2026-11-30T12:00:01Z")).unwrap();
    let identity = Identity::of(Some(proof.clone()));
    for shown in [format!("{proof:?}"), format!("{request:?}"), format!("{identity:?}")] {
        assert!(secrets.iter().all(|secret| !shown.contains(secret)), "{shown}");
    }
    assert_eq!(proof.expose(), fields(), "only the sender exposes it");
}

#[test]
fn malformed_proof_is_refused_without_quoting_it() {
    let long = "x".repeat(129);
    let mut missing = fields();
    missing.as_object_mut().unwrap().remove("signature");
    for (wrong, field) in [
        (json!("text"), "identity must be an object"),
        (missing, "identity.signature"),
        (with("host", json!("evil.example")), "a field that is not known"),
        (with("region", json!("us-east-1")), "a field that is not known"),
        (with("Authorization", json!("AWS4-HMAC-SHA256 secret")), "a field that is not known"),
        (with("access_key_id", json!("")), "identity.access_key_id"),
        (with("access_key_id", json!("AKIA/20261130/us-east-1/iam/aws4_request, SignedHeaders=host")), "access_key_id"),
        (with("access_key_id", json!(long)), "identity.access_key_id"),
        (with("date", json!("2026-11-30T12:00:00Z")), "identity.date"),
        (with("date", json!("20261130T126000Z")), "identity.date"),
        (with("date", json!("20261130T120000Z\r\nhost: evil.example")), "identity.date"),
        (with("date", json!(7)), "identity.date"),
        (with("session_token", json!("a\r\nx-evil: 1")), "identity.session_token"),
        (with("session_token", json!("")), "identity.session_token"),
        (with("session_token", json!("x".repeat(16_385))), "identity.session_token"),
        (with("signature", json!("0A".repeat(32))), "identity.signature"),
        (with("signature", json!("0a".repeat(31))), "identity.signature"),
        (with("signature", json!(format!("{}\n", "0a".repeat(31)))), "identity.signature"),
        (with("audience", json!("deployer")), "identity.audience"),
    ] {
        let error = IdentityProof::parse(&wrong, digest()).unwrap_err();
        assert!(error.contains(field), "{wrong}: {error}");
        for secret in ["t0ken", "ASIAEXAMPLE", "0a0a", "0A0A", "secret", "evil"] {
            assert!(!error.contains(secret), "{error}");
        }
    }
}

#[test]
fn call_of_sts_is_composed_of_fixed_parts() {
    let request = StsRequest::compose(&proof(), &own(), at("2026-11-30T12:15:00Z")).unwrap();
    assert_eq!(request.host(), "sts.eu-west-1.amazonaws.com");
    let mut headers: Vec<_> = request.headers().collect();
    headers.sort_unstable();
    let digest = digest().to_string();
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential=ASIAEXAMPLE/20261130/eu-west-1/sts/aws4_request, \
         SignedHeaders=content-type;host;x-amz-date;x-amz-security-token;x-deployer-audience;x-deployer-request, \
         Signature={}",
        "0a".repeat(32)
    );
    assert_eq!(
        headers,
        [
            ("authorization", authorization.as_str()),
            ("content-type", "application/x-www-form-urlencoded"),
            ("host", "sts.eu-west-1.amazonaws.com"),
            ("x-amz-date", SIGNED_AT),
            ("x-amz-security-token", "t0ken/+="),
            ("x-deployer-audience", DEPLOYER),
            ("x-deployer-request", digest.as_str()),
        ]
    );
    assert_eq!((METHOD, PATH, BODY), ("POST", "/", "Action=GetCallerIdentity&Version=2011-06-15"));
    let user = IdentityProof::parse(&with("session_token", Value::Null), self::digest()).unwrap();
    let request = StsRequest::compose(&user, &own(), at("2026-11-30T12:00:00Z")).unwrap();
    let authorization = request.headers().find(|(name, _)| *name == "authorization").unwrap().1;
    assert!(authorization.contains("=content-type;host;x-amz-date;x-deployer-audience;x-deployer-request,"));
}

#[test]
fn proof_for_another_deployer_is_refused_before_sts_is_asked() {
    for other in [
        "arn:aws:lambda:eu-west-1:123456789012:function:deployer-2",
        "arn:aws:lambda:eu-west-1:999999999999:function:deployer",
        "arn:aws:lambda:us-east-1:123456789012:function:deployer",
    ] {
        let foreign = IdentityProof::parse(&with("audience", json!(other)), digest()).unwrap();
        let error = StsRequest::compose(&foreign, &own(), at("2026-11-30T12:00:00Z")).unwrap_err();
        assert_eq!(
            error,
            ProofError::Wrong(format!("the proof of identity is for the deployer {other}, and this is {DEPLOYER}"))
        );
    }
    let live = IdentityProof::parse(&with("audience", json!(format!("{DEPLOYER}:live"))), digest()).unwrap();
    assert!(StsRequest::compose(&live, &own(), at("2026-11-30T12:00:00Z")).is_ok(), "an alias is the same deployer");
}

#[test]
fn proof_is_good_for_fifteen_minutes() {
    let compose = |now: &str| StsRequest::compose(&proof(), &own(), at(now));
    for good in ["2026-11-30T11:55:00Z", "2026-11-30T12:00:00Z", "2026-11-30T12:15:00Z"] {
        assert!(compose(good).is_ok(), "{good}");
    }
    let late = compose("2026-11-30T12:15:01Z").unwrap_err();
    assert_eq!(
        late,
        ProofError::Expired(
            "the proof of identity was signed at 2026-11-30T12:00:00Z, and it is 2026-11-30T12:15:01Z now: after 15 \
             minutes it has expired, so sign anew"
                .into()
        )
    );
    let early = compose("2026-11-30T11:54:59Z").unwrap_err();
    assert!(matches!(&early, ProofError::Wrong(because) if because.contains("is the clock right")), "{early}");
}

#[test]
fn digest_covers_all_of_a_request_but_its_proof() {
    let hold = |more: Value| {
        let mut command = json!({"command": "hold", "environment": "prod", "function": "orders", "id": "1"});
        for (name, value) in more.as_object().unwrap() {
            command[name] = value.clone();
        }
        RequestDigest::of_command(&command)
    };
    let plain = hold(json!({}));
    assert_eq!(plain, hold(json!({"identity": {"signature": "x"}})));
    let all = [
        plain,
        hold(json!({"id": "2"})),
        hold(json!({"id": "1 "})),
        hold(json!({"command": "release-hold"})),
        hold(json!({"reason": "x"})),
        hold(json!({"reason": null})),
        RequestDigest::of_event("Promotion Approved", &json!({"deployment": "1"})),
        RequestDigest::of_event("Promotion Declined", &json!({"deployment": "1"})),
    ];
    for (index, one) in all.iter().enumerate() {
        assert!(!all[..index].contains(one), "{index}");
    }
    let apart: Value =
        serde_json::from_str(r#"{ "id":"1", "function" : "orders","environment":"prod","command":"hold"}"#).unwrap();
    assert_eq!(RequestDigest::of_command(&apart), plain, "the order of the fields does not matter");
}

#[test]
fn digest_is_that_of_compact_json_with_sorted_names() {
    // Python: hashlib.sha256(json.dumps(request, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode())
    let command = json!({"id": "ä\n\"1\u{7f}", "b": [1, {"z": null, "a": true}], "command": "hold"});
    assert_eq!(
        RequestDigest::of_command(&command).to_string(),
        "021269baca0d84c020a29ef16b93ff80b4dabcc4fee380698112ed5e48624a1d"
    );
}

#[test]
fn audience_is_a_functions_arn_in_its_partition() {
    for (good, host) in [
        (DEPLOYER, "sts.eu-west-1.amazonaws.com"),
        ("arn:aws-cn:lambda:cn-north-1:123456789012:function:d:7", "sts.cn-north-1.amazonaws.com.cn"),
        ("arn:aws-us-gov:lambda:us-gov-west-1:123456789012:function:d:live", "sts.us-gov-west-1.amazonaws.com"),
    ] {
        assert_eq!(Audience::parse(good).unwrap().sts_host(), host);
    }
    for wrong in [
        "",
        "deployer",
        "arn:aws:lambda:eu-west-1:123456789012:function:",
        "arn:aws:lambda:eu-west-1:123456789012:function:a b",
        "arn:aws:lambda:eu-west-1:123456789012:function:a\r\nx",
        "arn:aws:lambda:eu-west-1:12345678901:function:d",
        "arn:aws:lambda:evil.example:123456789012:function:d",
        "arn:aws:lambda:xx-foo-1:123456789012:function:d",
        "arn:aws-cn:lambda:eu-west-1:123456789012:function:d",
        "arn:aws:lambda:eu-west-1:123456789012:layer:d",
        "arn:aws:lambda:eu-west-1:123456789012:function:d:1:2",
    ] {
        assert!(Audience::parse(wrong).is_err(), "{wrong}");
    }
}

const ROLE: &str = "arn:aws:sts::123456789012:assumed-role/release/ann@example.com";

fn answer(result: &str) -> String {
    format!(
        "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\n  \
         <GetCallerIdentityResult>\n    {result}\n  </GetCallerIdentityResult>\n  <ResponseMetadata>\n    \
         <RequestId>01234567</RequestId>\n  </ResponseMetadata>\n</GetCallerIdentityResponse>\n"
    )
}

fn caller(arn: &str, account: &str) -> String {
    answer(&format!("<Arn>{arn}</Arn><UserId>AROA:x</UserId><Account>{account}</Account>"))
}

#[test]
fn principal_is_read_from_the_answer_of_sts() {
    let read = |body: &str| read_sts_answer(200, body.as_bytes(), &own());
    for arn in [
        ROLE,
        "arn:aws:iam::123456789012:user/team/ann",
        "arn:aws:iam::123456789012:root",
        "arn:aws:sts::123456789012:federated-user/ann",
    ] {
        assert_eq!(read(&caller(arn, "123456789012")).unwrap().as_str(), arn);
        let declared = format!("<?xml version=\"1.0\"?>\n{}", caller(arn, "123456789012"));
        assert_eq!(read(&declared).unwrap().as_str(), arn);
    }
}

#[test]
fn answer_of_another_form_names_nobody() {
    let good = caller(ROLE, "123456789012");
    let twice = format!("<Arn>{ROLE}</Arn><Arn>{ROLE}</Arn><Account>123456789012</Account>");
    for body in [
        String::new(),
        "<html><body>moved</body></html>".into(),
        json!({"GetCallerIdentityResponse": {"GetCallerIdentityResult": {"Arn": ROLE}}}).to_string(),
        good.replace("GetCallerIdentity", "AssumeRoleWithWebIdentity"),
        format!("<Other><X>{good}</X></Other>"),
        format!("{good}{good}"),
        format!("{good} and more"),
        good.replace("<Account>", "text<Account>"),
        good.replace("<Account>", "<!-- x --><Account>"),
        good.replace("<Arn>", "<Arn x=\"1\">"),
        good.replace(ROLE, &format!("<![CDATA[{ROLE}]]>")),
        good.replace("</Arn>", "</arn>"),
        good.replace(ROLE, "arn:aws:sts::123456789012:assumed-role/release/&lt;x"),
        good.trim_end().trim_end_matches("</GetCallerIdentityResponse>").to_owned(),
        answer(&twice),
        answer(&format!("<Arn>{ROLE}</Arn>")),
        caller(ROLE, "999999999999"),
        caller(&ROLE.replace("arn:aws:", "arn:aws-cn:"), "123456789012"),
        caller("arn:aws:iam::123456789012:role/release", "123456789012"),
        caller("nonsense", "123456789012"),
        caller(ROLE, "123456789012").replace("</Arn>", &format!("</Arn>{}", " ".repeat(20_000))),
    ] {
        let error = read_sts_answer(200, body.as_bytes(), &own()).unwrap_err();
        assert!(matches!(error, ProofError::Unreachable(_)), "{body}: {error:?}");
    }
    for status in [301, 302, 307, 204, 500, 503] {
        let error = read_sts_answer(status, good.as_bytes(), &own()).unwrap_err();
        assert!(matches!(error, ProofError::Unreachable(_)), "{status}: {error:?}");
    }
    let bytes = read_sts_answer(200, &[0xff, 0xfe], &own()).unwrap_err();
    assert!(matches!(bytes, ProofError::Unreachable(_)));
}

#[test]
fn refusals_of_sts_are_told_apart_without_its_words() {
    let secret = "The Canonical String for this request should have been POST x-amz-security-token:t0ken";
    let kind = |status: u16, code: &str, message: &str| {
        let body = format!(
            "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type><Code>{code}</Code>\
             <Message>{message}</Message></Error><RequestId>1</RequestId></ErrorResponse>"
        );
        let error = read_sts_answer(status, body.as_bytes(), &own()).unwrap_err();
        assert!(!error.to_string().contains("t0ken"), "{error}");
        match error {
            ProofError::Wrong(_) => "wrong",
            ProofError::Expired(_) => "expired",
            ProofError::Denied(_) => "denied",
            ProofError::Unreachable(_) => "unreachable",
        }
    };
    let denied = read_sts_answer(403, b"<html>Forbidden</html>", &own()).unwrap_err().to_string();
    assert!(denied.contains("(status 403): look at the policy of the deployer's VPC endpoint for STS"), "{denied}");
    for (status, code, message, expected) in [
        (403, "SignatureDoesNotMatch", secret, "wrong"),
        (403, "SignatureDoesNotMatch", "Signature expired: 20261130T120000Z is now earlier than …", "expired"),
        (403, "SignatureDoesNotMatch", "Signature not yet current: 20261130T120000Z is still later", "wrong"),
        (403, "ExpiredToken", "The security token included in the request is expired", "expired"),
        (403, "InvalidClientTokenId", "The security token included in the request is invalid.", "wrong"),
        (400, "IncompleteSignature", secret, "wrong"),
        (400, "Throttling", "Rate exceeded", "unreachable"),
        (403, "ThrottlingException", "Rate exceeded", "unreachable"),
        (403, "RequestLimitExceeded", "Request limit exceeded.", "unreachable"),
        (403, "AccessDenied", secret, "denied"),
        (403, "RegionDisabledException", secret, "denied"),
        (403, "", secret, "denied"),
        (401, "OptInRequired", secret, "denied"),
        (400, "", secret, "unreachable"),
        (500, "InternalFailure", secret, "unreachable"),
        (503, "SignatureDoesNotMatch", secret, "unreachable"),
    ] {
        assert_eq!(kind(status, code, message), expected, "{status} {code} {message}");
    }
}

#[test]
fn principals_of_every_form_of_sts_are_parsed() {
    let role = Principal::parse(ROLE).unwrap();
    assert_eq!((role.partition(), role.account()), ("aws", "123456789012"));
    assert_eq!(role.kind(), PrincipalKind::Role { role: "release", session: "ann@example.com" });
    let user = Principal::parse("arn:aws:iam::123456789012:user/a/b/ann").unwrap();
    assert_eq!(user.kind(), PrincipalKind::User { path_and_name: "a/b/ann" });
    for wrong in [
        "arn:aws:sts::123456789012:assumed-role/release",
        "arn:aws:sts::123456789012:assumed-role/release/a/b",
        "arn:aws:sts::123456789012:assumed-role//x",
        "arn:aws:sts::1234:assumed-role/release/x",
        "arn:aws:sts:eu-west-1:123456789012:assumed-role/release/x",
        "arn:aws:iam::123456789012:assumed-role/release/x",
        "arn:aws:iam::123456789012:user/",
        "arn:aws:iam::123456789012:rooted",
        "arn:aws:sts::123456789012:assumed-role/release/a b",
        "arn::sts::123456789012:assumed-role/release/x",
    ] {
        assert!(Principal::parse(wrong).is_err(), "{wrong}");
    }
    let stored = serde_json::to_value(&role).unwrap();
    assert_eq!(serde_json::from_value::<Principal>(stored).unwrap(), role);
}
