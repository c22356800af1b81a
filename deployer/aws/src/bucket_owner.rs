//! Lets S3 refuse a bucket that is another account's: a bucket's name is free once the bucket is deleted, and whoever
//! makes one of that name would get what is written there.
//!
//! Amazon S3 User Guide, "Verifying bucket ownership with bucket owner condition": S3 answers 403 AccessDenied.

use aws_sdk_s3::Client;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::BeforeTransmitInterceptorContextMut;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use deployer_core::id::AccountId;

const HEADER: &str = "x-amz-expected-bucket-owner";

/// Returns the client with every call saying whose the bucket must be; without an account, the client as it is.
#[must_use]
pub fn owned_by(client: Client, owner: Option<&AccountId>) -> Client {
    match owner {
        Some(owner) => {
            Client::from_conf(client.config().to_builder().interceptor(ExpectedOwner(owner.clone())).build())
        }
        None => client,
    }
}

/// Returns what may be behind a denial where an owner is expected, for the end of a message; else nothing.
#[must_use]
pub fn other_owner(owner: Option<&AccountId>) -> String {
    owner.map_or_else(String::new, |owner| format!("; or the bucket does not belong to account {owner}"))
}

#[derive(Debug)]
struct ExpectedOwner(AccountId);

#[aws_smithy_runtime_api::client::interceptors::dyn_dispatch_hint]
impl Intercept for ExpectedOwner {
    fn name(&self) -> &'static str {
        "ExpectedOwner"
    }

    fn modify_before_signing(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        context.request_mut().headers_mut().insert(HEADER, self.0.to_string());
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use deployer_core::artifact::ArtifactRef;
    use deployer_core::config::Config;
    use deployer_core::id::BucketName;
    use deployer_engine::port::{Precondition, ReadError, SelfDiagnostics as _};

    use super::super::stub_http::{RecordingConnector, stub_config};
    use super::super::{Clients, ConfigSource};
    use super::*;

    fn account(id: &str) -> AccountId {
        AccountId::parse(id).unwrap()
    }

    fn config(owner: &str) -> Config {
        let text =
            format!(r#"{{{owner}"artifact_bucket": "artifacts", "ledger_bucket": "ledger", "environments": {{}}}}"#);
        Config::parse(&text).unwrap()
    }

    fn artifact() -> ArtifactRef {
        ArtifactRef { bucket: BucketName::parse("artifacts").unwrap(), key: "k".into(), version_id: "v".into() }
    }

    #[tokio::test]
    async fn every_call_to_a_bucket_says_whose_it_must_be() {
        let calls = RecordingConnector::default();
        let clients = Clients::new(&calls.config("eu-west-1", false, false));
        let own = account("123456789012");
        let source = ConfigSource::S3 { bucket: "ledger".into(), key: "deployer.json".into(), version_id: None };
        let _ = clients.config_text(&source, Some(&own)).await;
        assert_eq!(calls.take_header(HEADER), ["123456789012"]);
        for (config, expected) in
            [(config(r#""account": "111111111111", "#), "111111111111"), (config(""), "123456789012")]
        {
            let ports = clients.ports(&config, Some(&own));
            let _ = ports.artifacts.newest(&config.artifact_bucket, "k").await;
            let _ = ports.artifacts.tail(&artifact(), 4).await;
            let _ = ports.artifacts.range(&artifact(), 0..4).await;
            let _ = ports.ledger.get("k").await;
            let _ = ports.ledger.keys("k").await;
            let _ = ports.ledger.put("k", vec![], Precondition::Absent).await;
            let _ = ports.ledger.delete("k").await;
            let look = clients.self_diagnostics(&config, Some(&own), (None, None));
            let _ = look.aws_time().await;
            let _ = look.is_versioned(&config.artifact_bucket).await;
            assert_eq!(calls.take_header(HEADER), [expected; 9]);
        }
        let _ = clients.ports(&config(""), None).ledger.get("k").await;
        assert_eq!(calls.take_header(HEADER), [""]);
    }

    #[tokio::test]
    async fn denial_says_that_the_bucket_may_be_another_accounts() {
        let denied = "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>";
        let clients = Clients::new(&stub_config([(403, vec![], denied)]));
        let ports = clients.ports(&config(r#""account": "111111111111", "#), None);
        let expected = "or the bucket does not belong to account 111111111111";
        let ledger = ports.ledger.get("k").await.unwrap_err().0;
        assert!(ledger.contains(expected), "{ledger}");
        for error in [
            ports.artifacts.tail(&artifact(), 4).await.unwrap_err(),
            ports.artifacts.newest(&artifact().bucket, "k").await.unwrap_err(),
        ] {
            assert!(matches!(&error, ReadError::Denied(text) if text.contains(expected)), "{error:?}");
        }
        let ledger = clients.ports(&config(""), None).ledger.get("k").await.unwrap_err().0;
        assert!(!ledger.contains("does not belong"), "{ledger}");
    }
}
