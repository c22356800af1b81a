//! Asks STS who has signed a call. The call is composed in core; this file only carries it.
//!
//! The deployer's own credentials take no part. The SDK's http client is used, so proxies and authorities are honoured,
//! and it follows no redirect.

use std::io;
use std::time::Duration;

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_smithy_runtime_api::client::orchestrator::{HttpResponse, OrchestratorError};
use aws_smithy_types::error::display::DisplayErrorContext;
use deployer_core::identity::{Audience, BODY, StsRequest};
use deployer_engine::port::{Identities, StsAnswer, StsUnanswered};

use super::plain_call::{NotSent, PlainCall, PlainService};

const SERVICE: PlainService = PlainService { id: "STS", host: "sts" };
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
}

#[async_trait]
impl Identities for StsIdentities {
    fn audience(&self) -> &Audience {
        &self.audience
    }

    async fn ask(&self, request: &StsRequest) -> Result<StsAnswer, StsUnanswered> {
        let unanswered = |NotSent(because)| StsUnanswered(because);
        let call = PlainCall::post(BODY, request.headers()).map_err(unanswered)?;
        // The call goes to the host that is signed, whatever the settings for FIPS and dual-stack endpoints say:
        // nothing in AWS's documentation says that a host of STS takes a call that is signed for another one. Only an
        // endpoint that the settings name by its URL (a VPC endpoint, an emulator) gets the call in its place.
        let named = SERVICE.configured_endpoint(&self.sdk);
        let endpoint = named.unwrap_or_else(|| format!("https://{}", request.host()));
        let (service, operation) = (SERVICE, "GetCallerIdentity");
        let sending = PlainCall { sdk: &self.sdk, service, operation, endpoint, timeout: TIMEOUT };
        let read = |answer: &HttpResponse| {
            let body = answer.body().bytes().unwrap_or_default().to_vec();
            Ok::<_, OrchestratorError<io::Error>>(StsAnswer { status: answer.status().as_u16(), body })
        };
        // An error of the connection names the host, and nothing of the call.
        sending.send(call, read).await.map_err(unanswered)?.map_err(|error| match error.into_source() {
            Ok(source) => StsUnanswered(DisplayErrorContext(&*source).to_string()),
            Err(_) => StsUnanswered("no answer came".to_owned()),
        })
    }
}
