//! Proofs of identity on the wire: a stub in place of STS checks signatures as AWS does, with the one secret that it
//! knows.

use std::sync::{Arc, Mutex};

use aws_config::SdkConfig;
use aws_sdk_lambda::config::{Credentials, SharedCredentialsProvider};
use aws_sigv4::sign::v4::{calculate_signature, generate_signing_key};
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use deployer_core::identity::{
    Audience, IdentityProof, Principal, ProofError, RequestDigest, StsRequest, read_sts_answer,
};
use deployer_engine::port::{Identities as _, StsAnswer};
use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::stub_http::stub_config;
use super::{StsIdentities, sign_identity};

const DEPLOYER: &str = "arn:aws:lambda:eu-west-1:123456789012:function:deployer";
const ANN: &str = "arn:aws:sts::123456789012:assumed-role/release/ann";
const TOKEN: &str = "t0ken/with+characters==";

/// A call as it reaches the stub.
#[derive(Debug, Clone)]
struct Received {
    method: String,
    uri: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

/// STS, which knows the key `ASIAANN` with the secret `ann's secret`.
#[derive(Debug, Clone, Default)]
struct CheckingSts {
    received: Arc<Mutex<Vec<Received>>>,
    /// The answer that comes in place of every other: a status and a header `location`.
    redirects: Option<&'static str>,
    is_away: bool,
}

impl HttpConnector for CheckingSts {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let received = Received {
            method: request.method().to_owned(),
            uri: request.uri().to_owned(),
            headers: request.headers().iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            body: request.body().bytes().unwrap_or_default().to_vec(),
        };
        self.received.lock().unwrap().push(received.clone());
        if self.is_away {
            let error = ConnectorError::io(std::io::Error::other("connection refused").into());
            return HttpConnectorFuture::ready(Err(error));
        }
        let (status, body) = match self.redirects {
            Some(_) => (302, String::new()),
            None => received.answer(),
        };
        let mut response = HttpResponse::new(status.try_into().unwrap(), SdkBody::from(body));
        if let Some(location) = self.redirects {
            response.headers_mut().insert("location", location);
        }
        HttpConnectorFuture::ready(Ok(response))
    }
}

impl Received {
    fn header(&self, name: &str) -> &str {
        let mut found = self.headers.iter().filter(|(other, _)| other == name).map(|(_, value)| value.as_str());
        let value = found.next().unwrap_or_default();
        assert_eq!(found.next(), None, "{name} is sent twice");
        value
    }

    /// Checks the signature over what has arrived (IAM User Guide, "Create a signed AWS API request").
    fn answer(&self) -> (u16, String) {
        let authorization = self.header("authorization");
        let part = |start: &str, end: &str| {
            let rest = authorization.split_once(start).map_or("", |(_, rest)| rest);
            rest.split_once(end).map_or(rest, |(part, _)| part).to_owned()
        };
        let (credential, signed) = (part("Credential=", ","), part("SignedHeaders=", ","));
        let scope: Vec<&str> = credential.split('/').collect();
        let [key, day, region, "sts", "aws4_request"] = scope[..] else { return refusal("IncompleteSignature", "") };
        if key != "ASIAANN" {
            return refusal("InvalidClientTokenId", "The security token included in the request is invalid.");
        }
        let path = self.uri.split_once("://").and_then(|(_, rest)| rest.split_once('/')).map_or("", |(_, path)| path);
        let canonical_headers: String =
            signed.split(';').map(|name| format!("{name}:{}\n", self.header(name).trim())).collect();
        let hash = |bytes: &[u8]| Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let canonical = format!("{}\n/{path}\n\n{canonical_headers}\n{signed}\n{}", self.method, hash(&self.body));
        let date = self.header("x-amz-date");
        let text = format!("AWS4-HMAC-SHA256\n{date}\n{day}/{region}/sts/aws4_request\n{}", hash(canonical.as_bytes()));
        let time = format!("{}-{}-{}T00:00:00Z", &day[..4], &day[4..6], &day[6..]).parse::<Timestamp>().unwrap();
        let signing_key = generate_signing_key("ann's secret", time.into(), region, "sts");
        if calculate_signature(signing_key, text.as_bytes()) != part("Signature=", ",") {
            return refusal("SignatureDoesNotMatch", &format!("The Canonical String should have been '{canonical}'"));
        }
        let result = format!("<Arn>{ANN}</Arn><UserId>AROAX:ann</UserId><Account>123456789012</Account>");
        let answer = format!(
            "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult>{result}\
             </GetCallerIdentityResult></GetCallerIdentityResponse>"
        );
        (200, answer)
    }
}

fn refusal(code: &str, message: &str) -> (u16, String) {
    let error = format!("<Type>Sender</Type><Code>{code}</Code><Message>{message}</Message>");
    (403, format!("<ErrorResponse><Error>{error}</Error></ErrorResponse>"))
}

fn config(sts: &CheckingSts, key: &str, secret: &str, token: Option<&str>) -> SdkConfig {
    let connector = SharedHttpConnector::new(sts.clone());
    let keys = Credentials::new(key, secret, token.map(str::to_owned), None, "test");
    stub_config([])
        .into_builder()
        .credentials_provider(SharedCredentialsProvider::new(keys))
        .http_client(http_client_fn(move |_, _| connector.clone()))
        .build()
}

fn own() -> Audience {
    Audience::parse(DEPLOYER).unwrap()
}

fn digest(id: &str) -> RequestDigest {
    RequestDigest::of_command(&json!({"command": "hold", "id": id}))
}

/// Lets ann sign a request for a deployer.
async fn signed(audience: &Audience, id: &str) -> IdentityProof {
    let sdk = config(&CheckingSts::default(), "ASIAANN", "ann's secret", Some(TOKEN));
    sign_identity(&sdk, audience, digest(id), Timestamp::now()).await.unwrap()
}

/// Lets the deployer ask STS about the proof that arrives with a request of this id.
async fn asked(sts: &CheckingSts, proof: &Value, id: &str) -> Result<Principal, ProofError> {
    let proof = IdentityProof::parse(proof, digest(id)).unwrap();
    let request = StsRequest::compose(&proof, &own(), Timestamp::now())?;
    let identities = StsIdentities::new(&config(sts, "DEPLOYER", "deployer's secret", Some("own token")), own());
    let StsAnswer { status, body } =
        identities.ask(&request).await.map_err(|error| ProofError::Unreachable(error.to_string()))?;
    read_sts_answer(status, &body, &own())
}

fn with(proof: &IdentityProof, field: &str, value: &str) -> Value {
    let mut fields = proof.expose();
    fields[field] = json!(value);
    fields
}

#[tokio::test]
async fn signed_proof_is_answered_with_its_principal() {
    let sts = CheckingSts::default();
    let principal = asked(&sts, &signed(&own(), "1").await.expose(), "1").await.unwrap();
    assert_eq!(principal.as_str(), ANN);
    let received = sts.received.lock().unwrap().clone();
    let [call] = received.as_slice() else { panic!("{received:?}") };
    assert_eq!((call.method.as_str(), call.uri.as_str()), ("POST", "https://sts.eu-west-1.amazonaws.com/"));
    assert_eq!(call.header("host"), "sts.eu-west-1.amazonaws.com");
    assert_eq!(call.header("x-amz-security-token"), TOKEN, "the deployer's own token is not sent");
    assert_eq!(call.body, b"Action=GetCallerIdentity&Version=2011-06-15");
    let user = config(&CheckingSts::default(), "ASIAANN", "ann's secret", None);
    let user = sign_identity(&user, &own(), digest("1"), Timestamp::now()).await.unwrap();
    assert!(asked(&sts, &user.expose(), "1").await.is_ok(), "keys without a session");
}

#[tokio::test]
async fn proof_for_anything_else_is_refused_by_its_signature() {
    let sts = CheckingSts::default();
    let proof = signed(&own(), "1").await;
    let elsewhere = signed(&Audience::parse(&format!("{DEPLOYER}-2")).unwrap(), "1").await;
    let other_host = signed(&Audience::parse(&DEPLOYER.replace("eu-west-1", "us-east-1")).unwrap(), "1").await;
    let sdk = config(&sts, "ASIAANN", "another secret", Some(TOKEN));
    let foreign = sign_identity(&sdk, &own(), digest("1"), Timestamp::now()).await.unwrap();
    let minute_ago = (Timestamp::now() - jiff::SignedDuration::from_mins(1)).strftime("%Y%m%dT%H%M%SZ").to_string();
    for (what, fields, id) in [
        ("another request", proof.expose(), "2"),
        ("another deployer's", with(&elsewhere, "audience", DEPLOYER), "1"),
        ("another host's", with(&other_host, "audience", DEPLOYER), "1"),
        ("another secret", foreign.expose(), "1"),
        ("another time", with(&proof, "date", &minute_ago), "1"),
        ("another token", with(&proof, "session_token", "another"), "1"),
        ("no headers of ours signed", with(&proof, "signature", &without_our_headers(&proof)), "1"),
    ] {
        let error = asked(&sts, &fields, id).await.unwrap_err();
        assert!(matches!(&error, ProofError::Wrong(because) if because.contains("does not fit")), "{what}: {error:?}");
        let text = format!("{error} {error:?}");
        assert!(!text.contains("t0ken") && !text.contains("Canonical"), "{text}");
    }
    let unknown = asked(&sts, &with(&proof, "access_key_id", "ASIABOB"), "1").await.unwrap_err();
    assert!(matches!(&unknown, ProofError::Wrong(because) if because.contains("does not know")), "{unknown:?}");
}

/// Signs the call of a proof as any SDK would: without the headers that name the deployer and the request.
fn without_our_headers(proof: &IdentityProof) -> String {
    let date = proof.expose()["date"].as_str().unwrap().to_owned();
    let hash =
        |text: &str| Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let headers = format!("host:sts.eu-west-1.amazonaws.com\nx-amz-date:{date}\nx-amz-security-token:{TOKEN}\n");
    let body = hash("Action=GetCallerIdentity&Version=2011-06-15");
    let canonical = format!("POST\n/\n\n{headers}\nhost;x-amz-date;x-amz-security-token\n{body}");
    let day = &date[..8];
    let text = format!("AWS4-HMAC-SHA256\n{date}\n{day}/eu-west-1/sts/aws4_request\n{}", hash(&canonical));
    let key = generate_signing_key("ann's secret", Timestamp::now().into(), "eu-west-1", "sts");
    calculate_signature(key, text.as_bytes())
}

#[tokio::test]
async fn redirect_is_not_followed() {
    let sts = CheckingSts { redirects: Some("https://evil.example/"), ..CheckingSts::default() };
    let error = asked(&sts, &signed(&own(), "1").await.expose(), "1").await.unwrap_err();
    assert_eq!(error, ProofError::Unreachable("STS has answered with an error (status 302)".into()));
    assert_eq!(sts.received.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn unreachable_sts_is_told_without_the_call() {
    let sts = CheckingSts { is_away: true, ..CheckingSts::default() };
    let error = asked(&sts, &signed(&own(), "1").await.expose(), "1").await.unwrap_err().to_string();
    assert!(error.contains("connection refused"), "{error}");
    assert!(["t0ken", "ASIAANN", "Signature"].iter().all(|secret| !error.contains(secret)), "{error}");
}

#[tokio::test]
async fn named_endpoint_gets_the_call_for_the_signed_host() {
    let sts = CheckingSts::default();
    let sdk =
        config(&sts, "DEPLOYER", "secret", None).into_builder().endpoint_url("https://vpce-1.example:8443").build();
    let proof = signed(&own(), "1").await;
    let request = StsRequest::compose(&proof, &own(), Timestamp::now()).unwrap();
    let answer = StsIdentities::new(&sdk, own()).ask(&request).await.unwrap();
    assert_eq!(answer.status, 200);
    let received = sts.received.lock().unwrap().clone();
    assert_eq!(received[0].uri, "https://vpce-1.example:8443/");
    assert_eq!(received[0].header("host"), "sts.eu-west-1.amazonaws.com");
}

#[tokio::test]
async fn settings_for_fips_and_dual_stack_leave_the_call_to_the_signed_host() {
    let proof = signed(&own(), "1").await;
    let request = StsRequest::compose(&proof, &own(), Timestamp::now()).unwrap();
    for (fips, dual_stack) in [(true, false), (false, true), (true, true)] {
        let sts = CheckingSts::default();
        let sdk = config(&sts, "DEPLOYER", "secret", None).into_builder().use_fips(fips).use_dual_stack(dual_stack);
        let answer = StsIdentities::new(&sdk.build(), own()).ask(&request).await.unwrap();
        let received = sts.received.lock().unwrap().clone();
        assert_eq!((answer.status, received[0].uri.as_str()), (200, "https://sts.eu-west-1.amazonaws.com/"));
        assert_eq!(received[0].header("host"), "sts.eu-west-1.amazonaws.com");
    }
}

#[tokio::test]
async fn without_credentials_nothing_is_signed() {
    let sdk = SdkConfig::builder().build();
    let error = sign_identity(&sdk, &own(), digest("1"), Timestamp::now()).await.unwrap_err();
    assert_eq!(error.to_string(), "there are no credentials");
}
