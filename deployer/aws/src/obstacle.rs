//! The reasons why a call did not reach its service, or why the service does not know its caller.

use std::error::Error;

use aws_credential_types::provider::error::CredentialsError;

use super::http::{CallFailed, HttpSettingsError, Route};

/// The reason why a call got no further than the network or the credentials. No policy helps against it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Obstacle {
    /// No name server knows this host, or its proxy.
    UnknownHost(Route),
    /// The certificate of this host is not trusted.
    UntrustedHost(Route),
    /// The proxy does not let through to this host.
    Proxy(Route),
    /// The proxy before this host speaks another protocol.
    UnusableProxy(String),
    /// No connection to this host or its proxy, or one that broke.
    Unreachable(Route),
    /// No credentials were found.
    NoCredentials,
    /// The credentials could not be loaded: most often a login has ended.
    CredentialsNotLoaded,
    /// The settings of the credentials, mostly a profile's, make no sense.
    CredentialsMisconfigured,
    /// The caller may not have these credentials: most often a profile's role does not let them in.
    CredentialsDenied,
    /// The credentials have expired.
    CredentialsExpired,
    /// AWS does not know the credentials.
    CredentialsUnknown,
    /// This machine's clock is wrong.
    Clock,
}

impl Obstacle {
    /// Whether another try meets the same obstacle. A connection may come back.
    #[must_use]
    pub fn is_lasting(&self) -> bool {
        !matches!(self, Self::UnknownHost(_) | Self::Unreachable(_) | Self::Proxy(_))
    }

    /// Finds the obstacle of a call without an answer, and a message without the SDK's wrappers.
    pub(super) fn without_answer(error: &(dyn Error + 'static)) -> Option<(Self, String)> {
        let credentials = find::<CredentialsError>(error);
        if let Some(CallFailed { route, source }) = find::<CallFailed>(error) {
            let causes = causes(source.as_ref());
            let loading = if credentials.is_some() { "the credentials could not be loaded: " } else { "" };
            let host = &route.host;
            if find::<HttpSettingsError>(source.as_ref()).is_some() {
                let message = format!("{loading}{host} is not called: {causes}");
                return Some((Self::UnusableProxy(host.clone()), message));
            }
            let obstacle = Self::of_connection(route.clone(), &causes);
            return Some((obstacle, format!("{loading}no answer of {host}: {causes}")));
        }
        match credentials? {
            CredentialsError::CredentialsNotLoaded(_) => {
                Some((Self::NoCredentials, "no credentials were found".to_owned()))
            }
            error => {
                let causes = error.source().map(causes).unwrap_or_default();
                let obstacle = match error {
                    CredentialsError::InvalidConfiguration(_) => Self::CredentialsMisconfigured,
                    // STS denies a role, and IAM Identity Center an account or a permission set.
                    _ if ["AccessDenied", "ForbiddenException"].iter().any(|code| causes.contains(code)) => {
                        Self::CredentialsDenied
                    }
                    _ => Self::CredentialsNotLoaded,
                };
                Some((obstacle, format!("the credentials could not be loaded: {causes}")))
            }
        }
    }

    fn of_connection(route: Route, causes: &str) -> Self {
        // The causes are of private types, so that only their texts tell them apart.
        if causes.contains("dns error") {
            Self::UnknownHost(route)
        } else if causes.contains("invalid peer certificate") {
            Self::UntrustedHost(route)
        } else if causes.contains("tunnel error") && !causes.contains("failed to create underlying connection") {
            Self::Proxy(route)
        } else {
            Self::Unreachable(route)
        }
    }

    /// Finds the obstacle that a service's error code and text tell of.
    pub(super) fn answered(code: &str, text: &str) -> Option<Self> {
        match code {
            "RequestTimeTooSkewed" | "RequestExpired" => Some(Self::Clock),
            "SignatureDoesNotMatch" | "InvalidSignatureException"
                if text.contains("Signature expired") || text.contains("not yet current") =>
            {
                Some(Self::Clock)
            }
            "ExpiredToken" | "ExpiredTokenException" => Some(Self::CredentialsExpired),
            "InvalidClientTokenId"
            | "UnrecognizedClientException"
            | "InvalidAccessKeyId"
            | "SignatureDoesNotMatch"
            | "InvalidSignatureException"
            | "InvalidToken" => Some(Self::CredentialsUnknown),
            _ => None,
        }
    }
}

/// Finds an error of this type among an error and its causes.
fn find<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        next = error.source();
    }
    None
}

/// Joins an error and its causes, each as it displays itself. The debug form is not for logs: it holds raw answers, and
/// GetFunction answers with variables in clear.
pub(super) fn causes(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        // Some errors show their cause already.
        if !text.ends_with(&next) {
            text = format!("{text}: {next}");
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use aws_smithy_runtime_api::client::result::ConnectorError;

    use super::*;

    fn route(host: &str) -> Route {
        Route { host: host.to_owned(), proxy: None }
    }

    fn call_failed(cause: &'static str) -> (Obstacle, String) {
        let failed = CallFailed { route: route("sts.example.com"), source: cause.into() };
        Obstacle::without_answer(&ConnectorError::io(failed.into())).unwrap()
    }

    #[test]
    fn obstacle_follows_the_connections_error_and_names_the_host() {
        let host = || route("sts.example.com");
        for (cause, obstacle) in [
            ("dns error: failed to lookup address information", Obstacle::UnknownHost(host())),
            ("invalid peer certificate: UnknownIssuer", Obstacle::UntrustedHost(host())),
            ("tunnel error: unsuccessful", Obstacle::Proxy(host())),
            ("tunnel error: failed to create underlying connection: refused", Obstacle::Unreachable(host())),
            ("tcp connect error: Connection refused (os error 111)", Obstacle::Unreachable(host())),
        ] {
            assert_eq!(call_failed(cause), (obstacle, format!("no answer of sts.example.com: {cause}")));
        }
    }

    #[test]
    fn missing_credentials_differ_from_those_that_cannot_be_loaded() {
        let none = CredentialsError::not_loaded("no providers in chain provided credentials");
        assert_eq!(Obstacle::without_answer(&none).unwrap().0, Obstacle::NoCredentials);
        let ended = CredentialsError::provider_error("the SSO token has expired");
        let (obstacle, message) = Obstacle::without_answer(&ended).unwrap();
        assert_eq!(obstacle, Obstacle::CredentialsNotLoaded);
        assert_eq!(message, "the credentials could not be loaded: the SSO token has expired");
        let wrong = CredentialsError::invalid_configuration("profile `base` is not there");
        assert_eq!(Obstacle::without_answer(&wrong).unwrap().0, Obstacle::CredentialsMisconfigured);
        let denied = CredentialsError::provider_error("AccessDenied: not authorized to perform: sts:AssumeRole");
        assert_eq!(Obstacle::without_answer(&denied).unwrap().0, Obstacle::CredentialsDenied);
        let unreached = CallFailed { route: route("portal"), source: "dns error".into() };
        let (obstacle, message) = Obstacle::without_answer(&CredentialsError::provider_error(unreached)).unwrap();
        assert_eq!(obstacle, Obstacle::UnknownHost(route("portal")));
        assert_eq!(message, "the credentials could not be loaded: no answer of portal: dns error");
        assert_eq!(Obstacle::without_answer(&ConnectorError::io("broken".into())), None);
    }

    #[test]
    fn code_of_an_answer_tells_credentials_and_clock_apart() {
        for (code, text, obstacle) in [
            ("ExpiredTokenException", "The security token included in the request is expired", "CredentialsExpired"),
            ("InvalidClientTokenId", "The security token included in the request is invalid", "CredentialsUnknown"),
            ("InvalidAccessKeyId", "", "CredentialsUnknown"),
            ("SignatureDoesNotMatch", "Signature expired: 20260101T000000Z is now earlier than", "Clock"),
            ("RequestTimeTooSkewed", "", "Clock"),
        ] {
            assert_eq!(format!("{:?}", Obstacle::answered(code, text).unwrap()), obstacle, "{code}");
        }
        for code in ["AccessDenied", "ResourceNotFoundException", "NoSuchBucket", ""] {
            assert_eq!(Obstacle::answered(code, ""), None, "{code}");
        }
    }
}
