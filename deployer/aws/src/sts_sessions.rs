//! Sessions in target accounts over STS: each deployment assumes the role anew, limited to one function.
//!
//! The SDK's AssumeRole provider cannot set a source identity and caches sessions; this one asks once and caches
//! nothing, because a session belongs to one deployment. STS API Reference, AssumeRole.

use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_credential_types::Credentials;
use aws_sdk_lambda::config::SharedCredentialsProvider;
use aws_sdk_lambda::config::retry::RetryPartition;
use aws_sdk_sts::operation::assume_role::AssumeRoleOutput;
use deployer_core::config::Target;
use deployer_core::denial::Denial;
use deployer_core::id::AccountId;
use deployer_core::record::{TargetError, TargetErrorCode};

use super::advice::ENABLE_REGION;
use super::cloudwatch::CloudWatch;
use super::failure::{Failure, is_region_not_enabled};
use super::lambda::{LambdaFunctions, Writer};
use deployer_engine::port::{Account, EnterError, SessionProvider, SessionRequest};

/// Role chaining allows one hour at most; a deployment in one invocation needs less than STS's shortest session.
const SESSION_SECONDS: i32 = 900;

/// Opens sessions in target accounts by AssumeRole.
pub struct StsSessions {
    client: aws_sdk_sts::Client,
    sdk: SdkConfig,
}

impl StsSessions {
    /// Assumes roles with the credentials of this configuration.
    #[must_use]
    pub fn new(sdk: &SdkConfig) -> Self {
        Self { client: aws_sdk_sts::Client::new(sdk), sdk: sdk.clone() }
    }

    /// Assumes a role for a deployment and checks that the session is in the right account.
    pub(super) async fn open_session_as(
        &self,
        request: &SessionRequest,
        role: &str,
        writer: Writer,
    ) -> Result<Account, EnterError> {
        let target = &request.target;
        let Session { account, credentials } = self.session(request, role, writer).await?;
        let functions = LambdaFunctions::new(self.lambda(target, credentials), target.clone(), writer);
        Ok(Account::verify_account(target, &account, Arc::new(functions))?)
    }

    /// Assumes the role once.
    pub(super) async fn session(
        &self,
        request: &SessionRequest,
        role: &str,
        writer: Writer,
    ) -> Result<Session, EnterError> {
        let answer = self.assume(request, role, writer).await?;
        let unusable = |what: &str| EnterError::Unanswered(format!("AssumeRole of {role} answered without {what}"));
        let session = answer.assumed_role_user().ok_or_else(|| unusable("a session"))?;
        let found = account_of(session.arn()).ok_or_else(|| unusable("an account"))?;
        let keys = answer.credentials().ok_or_else(|| unusable("credentials"))?;
        let credentials = Credentials::new(
            keys.access_key_id(),
            keys.secret_access_key(),
            Some(keys.session_token().to_owned()),
            SystemTime::try_from(*keys.expiration()).ok(),
            "deployment session",
        );
        Ok(Session { account: found, credentials: SharedCredentialsProvider::new(credentials) })
    }

    async fn assume(
        &self,
        request: &SessionRequest,
        role: &str,
        writer: Writer,
    ) -> Result<AssumeRoleOutput, EnterError> {
        let call = self
            .client
            .assume_role()
            .role_arn(role)
            .role_session_name(&request.name)
            .set_source_identity((writer == Writer::Deployer).then(|| request.name.clone()))
            .set_external_id(request.external_id.as_ref().map(ToString::to_string))
            .policy(&request.policy)
            .duration_seconds(SESSION_SECONDS)
            .customize()
            .config_override(aws_sdk_sts::config::Builder::new().retry_partition(partition("sts", &request.target)));
        call.send().await.map_err(|error| refused(request, role, writer, &Failure::of(&error)))
    }

    /// A Lambda client for a target, with a session's credentials.
    pub(super) fn lambda(&self, target: &Target, credentials: SharedCredentialsProvider) -> aws_sdk_lambda::Client {
        client(aws_sdk_lambda::config::Builder::from(&self.sdk).credentials_provider(credentials), target)
    }

    /// CloudWatch in a target, with a session's credentials.
    pub(super) fn cloudwatch(&self, target: &Target, credentials: SharedCredentialsProvider) -> CloudWatch {
        CloudWatch::new(&self.sdk, &target.region, credentials)
    }

    /// An S3 client for the artifact bucket, with a session's credentials.
    pub(super) fn s3(&self, target: &Target, credentials: SharedCredentialsProvider) -> aws_sdk_s3::Client {
        let config = aws_sdk_s3::config::Builder::from(&self.sdk)
            .credentials_provider(credentials)
            .retry_partition(partition("s3", target))
            .build();
        aws_sdk_s3::Client::from_conf(config)
    }

    /// Returns the ARN of the deployer's own role, made from its session's:
    /// `arn:aws:sts::<account>:assumed-role/<role>/<session>`.
    pub(super) async fn own_role(&self) -> Result<String, Failure> {
        let answer = self.client.get_caller_identity().send().await.map_err(|error| Failure::of(&error))?;
        let arn = answer.arn().unwrap_or_default();
        Ok(match arn.split(':').collect::<Vec<_>>()[..] {
            ["arn", partition, "sts", _, account, session] => match session.split('/').nth(1) {
                Some(role) => format!("arn:{partition}:iam::{account}:role/{role}"),
                None => arn.to_owned(),
            },
            _ => arn.to_owned(),
        })
    }
}

/// Credentials, and the account that they belong to.
pub(super) struct Session {
    pub account: AccountId,
    pub credentials: SharedCredentialsProvider,
}

/// The Lambda API in this target, with the credentials of the configuration.
pub(super) fn functions(config: aws_sdk_lambda::config::Builder, target: &Target, writer: Writer) -> LambdaFunctions {
    LambdaFunctions::new(client(config, target), target.clone(), writer)
}

fn client(config: aws_sdk_lambda::config::Builder, target: &Target) -> aws_sdk_lambda::Client {
    let config = config
        .region(aws_sdk_lambda::config::Region::new(target.region.to_string()))
        .retry_partition(partition("lambda", target))
        .build();
    aws_sdk_lambda::Client::from_conf(config)
}

/// The account that an ARN names.
pub(super) fn account_of(arn: &str) -> Option<AccountId> {
    arn.split(':').nth(4).and_then(|account| AccountId::parse(account).ok())
}

#[async_trait]
impl SessionProvider for StsSessions {
    async fn open_session(&self, request: &SessionRequest) -> Result<Account, EnterError> {
        self.open_session_as(request, &request.target.role_arn(&request.role), Writer::Deployer).await
    }
}

/// A custom partition owns its token bucket, so a throttled target uses up no other target's retries.
fn partition(service: &str, target: &Target) -> RetryPartition {
    RetryPartition::custom(format!("{service}-{target}")).build()
}

/// Returns the hint for a denied AssumeRole, where AWS's message says why it was denied.
fn assume_role_advice(words: &str, writer: Writer) -> Option<&'static str> {
    if let Some(advice) = Denial::of(words).advice() {
        return Some(advice);
    }
    let names_identity = writer == Writer::Deployer && words.contains("sts:SetSourceIdentity");
    names_identity.then_some(
        "its trust policy, and the policy of the deployer's role, must allow sts:SetSourceIdentity (source identities that begin \
         with deployer-)",
    )
}

/// The hint for a session policy that packs too large: it lists the named parts of the policy.
const HOW_TO_SHORTEN: &str = "fewer layers, or shorter names of layers, execution role and its path, function, environment and release \
     shorten it";

fn refused(request: &SessionRequest, role: &str, writer: Writer, failure: &Failure) -> EnterError {
    let SessionRequest { target, name, external_id, .. } = request;
    let what = format!("AssumeRole of {role} as session {name}");
    if failure.code == "ExpiredToken" || failure.code == "ExpiredTokenException" {
        let message = match writer {
            Writer::Deployer => format!("{what}: the deployer's own credentials have expired"),
            Writer::Direct => format!("{what}: your credentials have expired: log in again"),
        };
        return TargetError::new(TargetErrorCode::TimedOut, "enter", message).into();
    }
    // STS limits the packed size of a policy too, not only its characters: "Packed policy consumes n% of allotted
    // space".
    if failure.code.starts_with("PackedPolicyTooLarge") {
        let message = format!("{what}: the session's policy packs too large ({}): {HOW_TO_SHORTEN}", failure.message);
        return TargetError::new(TargetErrorCode::InvalidConfiguration, "enter", message).into();
    }
    if is_region_not_enabled(failure) && writer == Writer::Deployer {
        let message = format!("{what}: {} ({ENABLE_REGION})", failure.message);
        return TargetError::new(TargetErrorCode::AccessDenied, "enter", message).into();
    }
    if failure.status == 403 {
        let because = &failure.message;
        let in_account = format!("AssumeRole of {role} in account {} as session {name}", target.account);
        if let Some(advice) = assume_role_advice(because, writer) {
            return EnterError::Denied(format!("{in_account} was denied ({because}): {advice}"));
        }
        return EnterError::Denied(match writer {
            Writer::Deployer => {
                let external = match external_id {
                    Some(_) => "with the environment's external id",
                    None => "without an external id",
                };
                format!(
                    "{in_account} was denied ({because}): most likely the role does not exist, or its trust policy does \
                     not name the deployer's role, or it asks for another external id (this one was asked {external}) \
                     or source identity"
                )
            }
            Writer::Direct => {
                let external = match external_id {
                    Some(_) => "with the one that was given",
                    None => "without one: --external-id gives it",
                };
                format!(
                    "{in_account} was denied ({because}): most likely the role does not exist, or its trust policy does \
                     not name you, or you may not call sts:AssumeRole on it, or it asks for an external id (this one was \
                     asked {external})"
                )
            }
        });
    }
    if failure.is_unanswered() {
        return EnterError::Unanswered(format!("{what}: {}", failure.message));
    }
    let code = if failure.code.contains("Throttl") { TargetErrorCode::Throttled } else { TargetErrorCode::Internal };
    TargetError::new(code, "enter", format!("{what}: {}", failure.message)).into()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use deployer_core::id::{Region, RoleName};

    use super::super::stub_http::{Answer, ok, stub_config};
    use super::*;

    async fn error_of(answer: Answer) -> EnterError {
        let request = SessionRequest {
            target: Target {
                account: AccountId::parse("111111111111").unwrap(),
                region: Region::parse("ap-east-1").unwrap(),
            },
            role: RoleName::parse("deployer-target").unwrap(),
            external_id: None,
            name: "deployer-1".into(),
            policy: "{}".into(),
        };
        StsSessions::new(&stub_config([answer])).open_session(&request).await.map(drop).unwrap_err()
    }

    fn no(status: u16, code: &str, text: &str) -> Answer {
        let body = format!(
            "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{text}</Message></Error></ErrorResponse>"
        );
        (status, vec![], body.leak())
    }

    #[tokio::test]
    async fn unreadable_assume_role_answer_has_unknown_outcome() {
        for body in [
            "<html>moved</html>",
            "",
            "<AssumeRoleResponse><AssumeRoleResult></AssumeRoleResult></AssumeRoleResponse>",
            "<AssumeRoleResponse><AssumeRoleResult><AssumedRoleUser><Arn>nonsense</Arn><AssumedRoleId>x</AssumedRoleId>\
             </AssumedRoleUser></AssumeRoleResult></AssumeRoleResponse>",
        ] {
            let answer = error_of(ok(body)).await;
            assert!(matches!(answer, EnterError::Unanswered(_)), "{body}: {answer:?}");
        }
    }

    #[tokio::test]
    async fn hint_for_denied_role_follows_awss_message() {
        let message_for = |text: &'static str| async move { error_of(no(403, "AccessDenied", text)).await.to_string() };
        let plain = message_for("User: arn is not authorized to perform: sts:AssumeRole on resource: arn").await;
        assert!(plain.contains("its trust policy does not name the deployer's role"), "{plain}");
        let identity =
            message_for("User: arn is not authorized to perform: sts:SetSourceIdentity on resource: arn").await;
        assert!(
            identity.contains("must allow sts:SetSourceIdentity") && !identity.contains("does not exist"),
            "{identity}"
        );
        let scp = message_for(
            "User: arn is not authorized to perform: sts:AssumeRole on resource: arn with an explicit deny in a service \
             control policy",
        )
        .await;
        assert!(scp.contains("service control policy has to let it through") && !scp.contains("external id"), "{scp}");
    }

    #[tokio::test]
    async fn too_large_policy_error_says_what_shortens_it() {
        let answer = error_of(no(400, "PackedPolicyTooLarge", "Packed policy consumes 112% of allotted space")).await;
        let EnterError::Target(error) = answer else { panic!("{answer:?}") };
        assert_eq!((error.code, error.step.as_str()), (TargetErrorCode::InvalidConfiguration, "enter"));
        assert!(error.message.contains("consumes 112%") && error.message.contains("fewer layers"), "{}", error.message);
    }

    #[tokio::test]
    async fn region_not_enabled_is_reported_at_once() {
        for (status, code) in [(403, "RegionDisabledException"), (403, "InvalidClientTokenId")] {
            let EnterError::Target(error) = error_of(no(status, code, "STS is not activated")).await else {
                panic!("{code}");
            };
            assert_eq!(error.code, TargetErrorCode::AccessDenied, "{code}");
            assert!(error.message.contains("is not enabled"), "{}", error.message);
        }
    }
}
