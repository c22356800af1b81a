//! Signs the proof of identity that a command carries, with the credentials of who sends it.

use aws_config::SdkConfig;
use aws_credential_types::provider::ProvideCredentials as _;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use deployer_core::identity::{
    AUDIENCE_HEADER, Audience, BODY, CONTENT_TYPE, IdentityProof, METHOD, PATH, REQUEST_HEADER, RequestDigest, SERVICE,
};
use jiff::Timestamp;

/// The reason why a proof cannot be signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SignError(String);

/// Signs a request for a deployer, as of now.
///
/// # Errors
/// [`SignError`]: there are no credentials.
pub async fn sign_identity(
    sdk: &SdkConfig,
    audience: &Audience,
    request: RequestDigest,
    now: Timestamp,
) -> Result<IdentityProof, SignError> {
    let failed = |error: &dyn std::fmt::Display| SignError(error.to_string());
    let provider = sdk.credentials_provider().ok_or_else(|| failed(&"there are no credentials"))?;
    let credentials = provider.provide_credentials().await.map_err(|error| failed(&error))?;
    let key = (credentials.access_key_id().to_owned(), credentials.session_token().map(str::to_owned));
    let (identity, region) = (credentials.into(), audience.region().to_string());
    // A signature bears whole seconds.
    let date = Timestamp::from_second(now.as_second()).map_err(|error| failed(&error))?;
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(&region)
        .name(SERVICE)
        .time(date.into())
        .settings(SigningSettings::default())
        .build()
        .map_err(|error| failed(&error))?
        .into();
    let (url, digest) = (format!("https://{}{PATH}", audience.sts_host()), request.to_string());
    let headers =
        [("content-type", CONTENT_TYPE), (AUDIENCE_HEADER, audience.as_str()), (REQUEST_HEADER, digest.as_str())];
    let body = SignableBody::Bytes(BODY.as_bytes());
    let call = SignableRequest::new(METHOD, url, headers.into_iter(), body).map_err(|error| failed(&error))?;
    let (_, signature) = sign(call, &parameters).map_err(|error| failed(&error))?.into_parts();
    Ok(IdentityProof::new(key, (date, signature), (audience.clone(), request)))
}
