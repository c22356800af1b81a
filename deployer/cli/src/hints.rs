//! The hint below a failed call: the way past an obstacle, or else the verb's own hint.

use deployer_aws::Obstacle;

/// Returns the way past the obstacle of a call; without one, the verb's own hint.
pub(super) fn hint(obstacle: Option<&Obstacle>, otherwise: impl Into<String>) -> String {
    obstacle.map_or_else(|| otherwise.into(), past)
}

fn past(obstacle: &Obstacle) -> String {
    match obstacle {
        Obstacle::UnknownHost(host) => format!(
            "no name server knows {host} (or the proxy before it): is the region right (--region), and does this \
             machine reach the internet, or only through a proxy (HTTPS_PROXY)?"
        ),
        Obstacle::UntrustedHost(host) => format!(
            "this machine does not trust the certificate of {host}: if a proxy of your network issues it, name the \
             file of that proxy's authority in AWS_CA_BUNDLE, or in ca_bundle of the profile"
        ),
        Obstacle::Proxy(host) => format!(
            "the proxy does not let through to {host}: HTTPS_PROXY has its address, and the user and password if it \
             asks for them; NO_PROXY has the hosts to reach without it"
        ),
        Obstacle::Unreachable(host) => format!(
            "{host} does not answer: does this machine reach the internet, or only through a proxy (HTTPS_PROXY)?"
        ),
        Obstacle::NoCredentials => "log in (aws sso login, aws login), and name the profile (--profile, AWS_PROFILE); \
                                    deployctl finds credentials where the AWS CLI does"
            .to_owned(),
        Obstacle::CredentialsNotLoaded => {
            "log in again (aws sso login, aws login), or name another --profile".to_owned()
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
