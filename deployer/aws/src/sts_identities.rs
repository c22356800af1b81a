//! Asks STS who has signed a call. The call is composed in core; this file only carries it.
//!
//! The deployer's own credentials take no part. The SDK's http client is used, so proxies and authorities are honoured,
//! and it follows no redirect.

use std::io;
use std::time::Duration;

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_config::timeout::TimeoutConfig;
use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, OrchestratorError};
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::error::display::DisplayErrorContext;
use aws_types::service_config::ServiceConfigKey;
use deployer_core::identity::{Audience, BODY, METHOD, PATH, StsRequest};
use deployer_engine::port::{Identities, StsAnswer, StsUnanswered};

/// The time that a connection and an answer have.
const TIMEOUT: Duration = Duration::from_secs(3);

/// STS, for the proofs that are made for one deployer.
pub struct StsIdentities {
    sdk: SdkConfig,
    audience: Audience,
}

impl StsIdentities {
    /// Asks STS of the audience's region with the http client of this configuration.
    #[must_use]
    pub fn new(sdk: &SdkConfig, audience: Audience) -> Self {
        Self { sdk: sdk.clone(), audience }
    }

    /// Returns the URL that calls go to: of the host that is signed, or of the endpoint that the deployer's environment
    /// names for STS. The host that is signed stays the same.
    fn endpoint(&self, request: &StsRequest) -> String {
        let key = ServiceConfigKey::builder().service_id("STS").env("AWS_ENDPOINT_URL").profile("endpoint_url").build();
        let own = key.ok().and_then(|key| self.sdk.service_config()?.load_config(key));
        let named = own.or_else(|| self.sdk.endpoint_url().map(str::to_owned));
        named.unwrap_or_else(|| format!("https://{}", request.host()))
    }
}

#[async_trait]
impl Identities for StsIdentities {
    fn audience(&self) -> &Audience {
        &self.audience
    }

    async fn ask(&self, request: &StsRequest) -> Result<StsAnswer, StsUnanswered> {
        let failed = |what: &str| StsUnanswered(what.to_owned());
        let client = self.sdk.http_client().ok_or_else(|| failed("there is no http client"))?;
        let mut call = HttpRequest::new(SdkBody::from(BODY));
        call.set_method(METHOD).map_err(|_| failed("the call has no method"))?;
        call.set_uri(PATH).map_err(|_| failed("the call has no path"))?;
        for (name, value) in request.headers() {
            let put = call.headers_mut().try_insert(name, value.to_owned());
            put.map_err(|_| failed("a header cannot be sent"))?;
        }
        let timeouts = TimeoutConfig::builder().connect_timeout(TIMEOUT).operation_timeout(TIMEOUT).build();
        let mut operation = Operation::builder()
            .service_name("STS")
            .operation_name("GetCallerIdentity")
            .http_client(client)
            .endpoint_url(&self.endpoint(request))
            .no_auth()
            .no_retry()
            .timeout_config(timeouts);
        if let Some(sleep) = self.sdk.sleep_impl() {
            operation = operation.sleep_impl(sleep);
        }
        let operation = operation
            .serializer(|call: HttpRequest| Ok(call))
            .deserializer(|answer: &HttpResponse| {
                let body = answer.body().bytes().unwrap_or_default().to_vec();
                Ok::<_, OrchestratorError<io::Error>>(StsAnswer { status: answer.status().as_u16(), body })
            })
            .build();
        // An error of the connection names the host, and nothing of the call.
        operation.invoke(call).await.map_err(|error| match error.into_source() {
            Ok(source) => StsUnanswered(DisplayErrorContext(&*source).to_string()),
            Err(_) => failed("no answer came"),
        })
    }
}
