//! The hint below a failed call: the way past an obstacle, or else the verb's own hint.

use deployer_aws::{Obstacle, Route};
use deployer_core::id::{EnvironmentName, FunctionName};

/// Returns the way past the obstacle of a call; without one, the verb's own hint.
pub(crate) fn hint(obstacle: Option<&Obstacle>, otherwise: impl Into<String>) -> String {
    obstacle.map_or_else(|| otherwise.into(), past)
}

/// Says how a person goes on who cannot ask the deployer what is live: every way to go back by it asks it too.
pub(crate) fn without_deployer(function: &FunctionName, environment: Option<&EnvironmentName>) -> String {
    let environment = environment.map_or(String::new(), |environment| format!(" -e {environment}"));
    format!(
        "without the deployer, the ledger tells what is live:\n    deployctl status {function}{environment} --ledger BUCKET\n  \
         and \"Break glass\" in docs/runbook.md says how to go back by hand"
    )
}

fn past(obstacle: &Obstacle) -> String {
    match obstacle {
        Obstacle::UnknownHost(Route { host, proxy: Some(proxy) }) => format!(
            "no name server knows the proxy {proxy}, through which {host} is called: {} has its address; NO_PROXY has the \
             hosts to reach without it",
            proxy.setting
        ),
        Obstacle::UnknownHost(Route { host, proxy: None }) => format!(
            "no name server knows {host}: is the region right (--region), and does this machine reach the internet, or \
             only through a proxy (HTTPS_PROXY)?"
        ),
        Obstacle::UntrustedHost(Route { host, proxy: Some(proxy) }) => format!(
            "this machine does not trust the certificate that it gets for {host} through the proxy {proxy}: if that proxy \
             issues it, name the file of the proxy's authority in AWS_CA_BUNDLE, or in ca_bundle of the profile"
        ),
        Obstacle::UntrustedHost(Route { host, proxy: None }) => format!(
            "this machine does not trust the certificate of {host}: if a proxy of your network issues it, name the \
             file of that proxy's authority in AWS_CA_BUNDLE, or in ca_bundle of the profile"
        ),
        Obstacle::Proxy(Route { host, proxy }) => {
            let (proxy, setting) = match proxy {
                Some(proxy) => (format!("the proxy {proxy}"), proxy.setting),
                None => ("the proxy".to_owned(), "HTTPS_PROXY"),
            };
            format!(
                "{proxy} does not let through to {host}: {setting} has its address, and the user and password if it \
                 asks for them; NO_PROXY has the hosts to reach without it"
            )
        }
        Obstacle::UnusableProxy(host) => {
            format!("name a proxy for HTTP in HTTP_PROXY, or {host} in NO_PROXY")
        }
        Obstacle::Unreachable(Route { host, proxy: Some(proxy) }) => format!(
            "{host} does not answer through the proxy {proxy}: does the proxy answer, and may it reach {host}? NO_PROXY has \
             the hosts to reach without it"
        ),
        Obstacle::Unreachable(Route { host, proxy: None }) => format!(
            "{host} does not answer: does this machine reach the internet, or only through a proxy (HTTPS_PROXY)?"
        ),
        Obstacle::NoCredentials => "log in (aws sso login, aws login), and name the profile (--profile, AWS_PROFILE); \
                                    deployctl finds credentials where the AWS CLI does"
            .to_owned(),
        Obstacle::CredentialsNotLoaded => {
            "log in again (aws sso login, aws login, or what credential_process of the profile needs), or name another \
             --profile"
                .to_owned()
        }
        Obstacle::CredentialsMisconfigured => {
            "mend the profile in the files of the AWS CLI, or name another --profile".to_owned()
        }
        Obstacle::CredentialsDenied => {
            "the profile's role does not let you in, or is not yours in IAM Identity Center: are \
                                        its account and its role right? Another --profile may be meant"
                .to_owned()
        }
        Obstacle::CredentialsExpired => {
            "the credentials have expired: log in again, or get new ones; --profile says as whom".to_owned()
        }
        Obstacle::CredentialsUnknown => {
            "AWS does not know these credentials: they are mistyped, deleted or of another partition, or the account \
             has not enabled the region; --profile says which count"
                .to_owned()
        }
        Obstacle::Clock => "the clock of this machine is wrong: set it right".to_owned(),
    }
}
