//! The http client that all AWS clients share: rustls with ring, through the proxies that the environment names,
//! trusting the authorities that the environment or a profile names. Its errors name the host that was called and the
//! proxy before it.
//!
//! AWS SDKs and Tools Reference Guide, "General configuration" (`AWS_CA_BUNDLE`, `ca_bundle`); AWS CLI User Guide,
//! "Using an HTTP proxy".

use std::sync::Arc;

use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_http_client::{Builder, Connector};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::connector_metadata::ConnectorMetadata;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::{RuntimeComponents, RuntimeComponentsBuilder};
use aws_smithy_types::config_bag::ConfigBag;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use super::proxies::{Proxies, Proxy};

/// The variable that names the authorities to trust in place of the system's.
const CA_BUNDLE: &str = "AWS_CA_BUNDLE";
/// The variable by which rustls finds the system's authorities elsewhere.
const CERTIFICATE_FILE: &str = "SSL_CERT_FILE";
/// The beginnings of the addresses of the metadata services of EC2, ECS and EKS, which no proxy reaches.
const METADATA: [&str; 2] = ["http://169.254.", "http://[fd00:ec2:"];
/// The variables that name such services elsewhere. A proxy must not see the tokens that they are asked with.
const METADATA_ELSEWHERE: [&str; 2] = ["AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_EC2_METADATA_SERVICE_ENDPOINT"];
const CERTIFICATE_END: &str = "-----END CERTIFICATE-----";

/// A file of authorities' certificates, and the setting that names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaBundle {
    /// The variable, or the key of a profile.
    pub setting: String,
    /// The file's path.
    pub path: String,
}

/// The settings of the http client cannot be used.
#[derive(Debug, Clone, thiserror::Error)]
pub enum HttpSettingsError {
    /// The file of certificates cannot be read.
    #[error("{} names {:?}, which cannot be read: {because}", .bundle.setting, .bundle.path)]
    Unreadable {
        /// The file.
        bundle: CaBundle,
        /// The operating system's message.
        because: String,
    },
    /// The file has no certificate that can be used.
    #[error(
        "{} names {:?}, which has no certificate of an authority that can be read: it must have them in PEM form \
         (-----BEGIN CERTIFICATE-----)",
        .0.setting,
        .0.path
    )]
    NoCertificate(CaBundle),
    /// The address of a proxy cannot be used. It is not shown, because it may hold a password.
    #[error("{0} is not the address of a proxy that can be used: http://host:port or https://host:port")]
    Proxy(&'static str),
    /// A proxy speaks another protocol. Its address is not shown, because it may hold a password.
    #[error(
        "{0} names a SOCKS proxy, and only a proxy for HTTP can be used: http://host:port or https://host:port; \
         NO_PROXY has the hosts to reach without one"
    )]
    Socks(&'static str),
}

/// Makes the client for the environment; `profile` is the file that a profile's `ca_bundle` names.
///
/// # Errors
/// [`HttpSettingsError`], naming the variable and the file.
pub fn http_client(profile: Option<CaBundle>) -> Result<SharedHttpClient, HttpSettingsError> {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let proxies = Proxies::read(|name| std::env::var(name).ok())?;
    let tls = tls_context(variable, profile)?;
    let provider = Provider::Rustls(CryptoMode::Ring);
    let Some(proxies) = proxies else {
        let client = Builder::new().tls_provider(provider).tls_context(tls).build_https();
        return Ok(SharedHttpClient::new(NamingClient { client, behind: None }));
    };
    let client = Builder::new().build_with_connector_fn(move |settings, components| {
        let mut connector = Connector::builder().proxy_config(ProxyConfig::from_env());
        connector.set_connector_settings(settings.cloned());
        connector.set_sleep_impl(components.and_then(RuntimeComponents::sleep_impl));
        connector.tls_provider(provider.clone()).tls_context(tls.clone()).build()
    });
    let behind = Behind { proxies: Arc::new(proxies), metadata: Builder::new().build_http() };
    Ok(SharedHttpClient::new(NamingClient { client, behind: Some(behind) }))
}

fn tls_context(
    variable: impl Fn(&str) -> Option<String>,
    profile: Option<CaBundle>,
) -> Result<TlsContext, HttpSettingsError> {
    let named = |name: &str| variable(name).map(|path| CaBundle { setting: name.to_owned(), path });
    let Some(bundle) = named(CA_BUNDLE).or(profile) else {
        // rustls reads this file itself; without a check, a wrong one would leave nothing to trust.
        named(CERTIFICATE_FILE).map_or(Ok(()), |file| certificates(&file).map(drop))?;
        return Ok(TlsContext::default());
    };
    let store = certificates(&bundle)?.into_iter().fold(TrustStore::empty(), TrustStore::with_pem_certificate);
    TlsContext::builder().with_trust_store(store).build().map_err(|_| HttpSettingsError::NoCertificate(bundle))
}

/// Returns the certificates of a file, each in PEM form, without those that cannot be read.
fn certificates(bundle: &CaBundle) -> Result<Vec<String>, HttpSettingsError> {
    let text = std::fs::read(&bundle.path)
        .map_err(|error| HttpSettingsError::Unreadable { bundle: bundle.clone(), because: error.to_string() })?;
    let text = String::from_utf8_lossy(&text);
    let is_authority = |pem: &String| {
        CertificateDer::from_pem_slice(pem.as_bytes()).is_ok_and(|der| RootCertStore::empty().add(der).is_ok())
    };
    let blocks = text.split_inclusive(CERTIFICATE_END).map(|block| format!("{block}\n"));
    let found: Vec<String> = blocks.filter(is_authority).collect();
    if found.is_empty() { Err(HttpSettingsError::NoCertificate(bundle.clone())) } else { Ok(found) }
}

/// A host that is called, and the proxy before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The host, without its port.
    pub host: String,
    /// The proxy that the call goes through.
    pub proxy: Option<Proxy>,
}

/// A call that got no answer.
#[derive(Debug, thiserror::Error)]
#[error("calling {}", route.host)]
pub(super) struct CallFailed {
    /// The host that was called.
    pub route: Route,
    /// The cause.
    pub source: BoxError,
}

/// A client whose errors name the host, and the proxy before it.
#[derive(Debug)]
struct NamingClient {
    client: SharedHttpClient,
    /// The client behind a proxy that stands before everything but the metadata services.
    behind: Option<Behind<SharedHttpClient>>,
}

/// The proxies, and the client or connector for the metadata services, which no proxy stands before.
#[derive(Debug)]
struct Behind<C> {
    proxies: Arc<Proxies>,
    metadata: C,
}

impl HttpClient for NamingClient {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(NamingConnector {
            connector: self.client.http_connector(settings, components),
            behind: self.behind.as_ref().map(|Behind { proxies, metadata }| Behind {
                proxies: proxies.clone(),
                metadata: metadata.http_connector(settings, components),
            }),
        })
    }

    fn validate_base_client_config(
        &self,
        components: &RuntimeComponentsBuilder,
        config: &ConfigBag,
    ) -> Result<(), BoxError> {
        HttpClient::validate_base_client_config(&self.client, components, config)
    }

    fn validate_final_config(&self, components: &RuntimeComponents, config: &ConfigBag) -> Result<(), BoxError> {
        HttpClient::validate_final_config(&self.client, components, config)
    }

    fn connector_metadata(&self) -> Option<ConnectorMetadata> {
        self.client.connector_metadata()
    }
}

#[derive(Debug)]
struct NamingConnector {
    connector: SharedHttpConnector,
    behind: Option<Behind<SharedHttpConnector>>,
}

impl HttpConnector for NamingConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let mut route = Route { host: host_of(request.uri()), proxy: None };
        let connector = match &self.behind {
            Some(Behind { metadata, .. }) if is_metadata(request.uri()) => metadata,
            Some(Behind { proxies, .. }) => match proxies.before(request.uri()) {
                Ok(proxy) => {
                    route.proxy = proxy;
                    &self.connector
                }
                Err(error) => return HttpConnectorFuture::ready(Err(named(route, ConnectorError::user(error.into())))),
            },
            None => &self.connector,
        };
        let answer = connector.call(request);
        HttpConnectorFuture::new(async move { answer.await.map_err(|error| named(route, error)) })
    }
}

fn is_metadata(uri: &str) -> bool {
    let named = || METADATA_ELSEWHERE.iter().filter_map(|name| std::env::var(name).ok());
    METADATA.iter().any(|start| uri.starts_with(start))
        || named().any(|service| !service.is_empty() && authority_of(&service) == authority_of(uri))
}

/// Returns the host and port of an address.
fn authority_of(uri: &str) -> &str {
    let rest = uri.split_once("://").map_or(uri, |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().unwrap_or_default()
}

/// Returns the host of an address, without its port.
fn host_of(uri: &str) -> String {
    let authority = authority_of(uri);
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host.to_owned(),
        _ => authority.to_owned(),
    }
}

/// Puts the host and its proxy into an error, which stays of its kind, so that the SDK tries again what it would have tried again.
fn named(route: Route, error: ConnectorError) -> ConnectorError {
    let (is_timeout, is_io, is_user, kind) = (error.is_timeout(), error.is_io(), error.is_user(), error.as_other());
    let connection = error.connection_metadata().cloned();
    let source = Box::new(CallFailed { route, source: error.into_source() });
    let error = if is_timeout {
        ConnectorError::timeout(source)
    } else if is_io {
        ConnectorError::io(source)
    } else if is_user {
        ConnectorError::user(source)
    } else {
        ConnectorError::other(source, kind)
    };
    match connection {
        Some(connection) => error.with_connection(connection),
        None => error,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn only(name: &'static str, value: &str) -> impl Fn(&str) -> Option<String> {
        let value = value.to_owned();
        move |asked| (asked == name).then(|| value.clone())
    }

    #[test]
    fn unusable_certificate_file_is_named_with_its_setting() {
        let place = std::env::temp_dir().join(format!("deployer-certificates-{}", std::process::id()));
        std::fs::write(&place, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();
        let path = place.to_str().unwrap();
        for setting in [CA_BUNDLE, CERTIFICATE_FILE] {
            let error = tls_context(only(setting, path), None).unwrap_err().to_string();
            assert!(error.starts_with(&format!("{setting} names {path:?}, which has no certificate")), "{error}");
            let error = tls_context(only(setting, "/nowhere/ca.pem"), None).unwrap_err().to_string();
            assert!(error.starts_with(&format!("{setting} names \"/nowhere/ca.pem\", which cannot")), "{error}");
        }
        let of_profile = CaBundle { setting: "ca_bundle of profile \"dev\"".into(), path: path.into() };
        let error = tls_context(|_| None, Some(of_profile.clone())).unwrap_err().to_string();
        assert!(error.starts_with("ca_bundle of profile \"dev\" names"), "{error}");
        let error = tls_context(only(CA_BUNDLE, "/nowhere"), Some(of_profile)).unwrap_err().to_string();
        assert!(error.starts_with(CA_BUNDLE), "the variable goes before the profile: {error}");
        std::fs::remove_file(place).unwrap();
    }

    #[test]
    fn host_is_without_port_and_metadata_services_are_known() {
        assert_eq!(host_of("https://sts.eu-west-1.amazonaws.com/?Action=x"), "sts.eu-west-1.amazonaws.com");
        assert_eq!(host_of("http://127.0.0.1:5000/a:1"), "127.0.0.1");
        assert_eq!(host_of("http://[::1]:5000/"), "[::1]");
        assert!(is_metadata("http://169.254.170.2/v2/credentials") && is_metadata("http://[fd00:ec2::254]/latest"));
        assert!(!is_metadata("https://sts.amazonaws.com/") && !is_metadata("http://127.0.0.1/"));
    }

    #[test]
    fn named_error_keeps_its_kind() {
        let cause = || BoxError::from("cause");
        let route = || Route { host: "h".into(), proxy: None };
        assert!(named(route(), ConnectorError::timeout(cause())).is_timeout());
        assert!(named(route(), ConnectorError::io(cause())).is_io());
        assert!(named(route(), ConnectorError::user(cause())).is_user());
        let kind = Some(aws_smithy_types::retry::ErrorKind::TransientError);
        assert_eq!(named(route(), ConnectorError::other(cause(), kind)).as_other(), kind);
    }
}
