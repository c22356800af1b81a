//! SDK clients for the root of any account in any region: an access key of twelve digits is that account's root.

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::http::SharedHttpClient;

use super::control::{SessionKeys, trust};
use super::server::Server;
use fixtures::error::Result;

/// Makes clients, to set up accounts and to inspect them.
#[derive(Debug, Clone)]
pub struct Clients {
    endpoint: String,
    http: SharedHttpClient,
}

impl Clients {
    /// Makes clients of a server.
    ///
    /// # Errors
    /// The server's authority cannot be read.
    pub fn new(server: &Server) -> Result<Self> {
        let http = match server.authority() {
            None => Builder::new().build_http(),
            Some(pem) => {
                Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).tls_context(trust(pem)?).build_https()
            }
        };
        Ok(Self { endpoint: server.endpoint().to_owned(), http })
    }

    /// Returns the configuration for this account and region, without anything of the process's environment.
    #[must_use]
    pub fn config(&self, account: &str, region: &str) -> SdkConfig {
        self.config_of(Credentials::new(account, "none", None, None, "tests"), region)
    }

    /// Returns the configuration of a session.
    #[must_use]
    pub fn session_config(&self, keys: &SessionKeys, region: &str) -> SdkConfig {
        let SessionKeys { access_key_id, secret_access_key, session_token } = keys.clone();
        self.config_of(Credentials::new(access_key_id, secret_access_key, Some(session_token), None, "tests"), region)
    }

    fn config_of(&self, credentials: Credentials, region: &str) -> SdkConfig {
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .region(Region::new(region.to_owned()))
            .endpoint_url(&self.endpoint)
            .http_client(self.http.clone())
            .build()
    }

    /// Makes a client of Lambda.
    #[must_use]
    pub fn lambda(&self, account: &str, region: &str) -> aws_sdk_lambda::Client {
        aws_sdk_lambda::Client::new(&self.config(account, region))
    }

    /// Makes a client of S3.
    #[must_use]
    pub fn s3(&self, account: &str, region: &str) -> aws_sdk_s3::Client {
        s3(&self.config(account, region))
    }

    /// Makes a client of S3 for a session.
    #[must_use]
    pub fn session_s3(&self, keys: &SessionKeys, region: &str) -> aws_sdk_s3::Client {
        s3(&self.session_config(keys, region))
    }

    /// Makes a client of SQS.
    #[must_use]
    pub fn sqs(&self, account: &str, region: &str) -> aws_sdk_sqs::Client {
        aws_sdk_sqs::Client::new(&self.config(account, region))
    }
}

/// Makes a client that names buckets in the path, because host names of buckets do not resolve here.
fn s3(config: &SdkConfig) -> aws_sdk_s3::Client {
    aws_sdk_s3::Client::from_conf(aws_sdk_s3::config::Builder::from(config).force_path_style(true).build())
}
