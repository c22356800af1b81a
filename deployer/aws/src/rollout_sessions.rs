//! Sessions of rollouts over STS. Looks at the same rollout share a session, and its clients, while it lasts.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use aws_credential_types::provider::ProvideCredentials as _;
use deployer_core::config::Target;
use deployer_engine::port::{EnterError, RolloutSessions, SessionRequest, SmokeTester, TrafficWatch, ensure_account};

use super::lambda::Writer;
use super::smoke_tester::LambdaSmokeTester;
use super::sts_sessions::{Session, StsSessions};
use super::traffic_watch::AwsTrafficWatch;

/// The part of a session's time in which no look begins with it.
const SPARE: Duration = Duration::from_secs(120);

/// Opens the sessions of rollouts. Made once for the process.
pub struct StsRolloutSessions {
    sts: Arc<StsSessions>,
    looks: Mutex<BTreeMap<LookKey, OpenLook>>,
}

/// The parts of a request by which its session is the same: target, role, name and policy. The external id belongs to
/// the role.
type LookKey = (Target, String, String, String);

#[derive(Clone)]
struct OpenLook {
    usable_until: SystemTime,
    watch: Arc<AwsTrafficWatch>,
}

impl StsRolloutSessions {
    /// Opens sessions by this provider.
    #[must_use]
    pub fn new(sts: Arc<StsSessions>) -> Self {
        Self { sts, looks: Mutex::default() }
    }

    async fn enter(&self, request: &SessionRequest) -> Result<Session, EnterError> {
        let role = request.target.role_arn(&request.role);
        let session = self.sts.session(request, &role, Writer::Deployer).await?;
        ensure_account(&request.target, &session.account)?;
        Ok(session)
    }

    /// Returns an open session, and forgets those that have ended.
    fn open_look(&self, key: &LookKey) -> Option<Arc<AwsTrafficWatch>> {
        let mut looks = self.looks.lock().unwrap_or_else(PoisonError::into_inner);
        let now = SystemTime::now();
        looks.retain(|_, look| look.usable_until > now);
        looks.get(key).map(|look| look.watch.clone())
    }
}

#[async_trait]
impl RolloutSessions for StsRolloutSessions {
    async fn open_look_session(&self, request: &SessionRequest) -> Result<Arc<dyn TrafficWatch>, EnterError> {
        let SessionRequest { target, role, external_id: _, name, policy } = request;
        let key = (target.clone(), role.to_string(), name.clone(), policy.clone());
        if let Some(watch) = self.open_look(&key) {
            return Ok(watch);
        }
        let Session { credentials, .. } = self.enter(request).await?;
        let ends = credentials.provide_credentials().await.ok().and_then(|keys| keys.expiry());
        let watch = Arc::new(AwsTrafficWatch::new(
            self.sts.lambda(target, credentials.clone()),
            self.sts.cloudwatch(target, credentials),
            target.clone(),
        ));
        if let Some(usable_until) = ends.and_then(|ends| ends.checked_sub(SPARE)) {
            let mut looks = self.looks.lock().unwrap_or_else(PoisonError::into_inner);
            looks.insert(key, OpenLook { usable_until, watch: watch.clone() });
        }
        Ok(watch)
    }

    async fn open_smoke_session(&self, request: &SessionRequest) -> Result<Arc<dyn SmokeTester>, EnterError> {
        let Session { credentials, .. } = self.enter(request).await?;
        Ok(Arc::new(LambdaSmokeTester::new(self.sts.lambda(&request.target, credentials))))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use deployer_core::id::{AccountId, Region, RoleName};

    use super::super::stub_http::{Answer, stub_config};
    use super::*;

    /// An answer of AssumeRole in this account, whose session ends at this time.
    fn assumed(account: &str, ends: &str) -> Answer {
        let body = format!(
            "<AssumeRoleResponse><AssumeRoleResult><AssumedRoleUser><Arn>arn:aws:sts::{account}:assumed-role/r/s</Arn>\
             <AssumedRoleId>i</AssumedRoleId></AssumedRoleUser><Credentials><AccessKeyId>k</AccessKeyId>\
             <SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken><Expiration>{ends}</Expiration>\
             </Credentials></AssumeRoleResult></AssumeRoleResponse>"
        );
        (200, vec![], body.leak())
    }

    fn request(policy: &str) -> SessionRequest {
        let target =
            Target { account: AccountId::parse("111111111111").unwrap(), region: Region::parse("eu-west-1").unwrap() };
        let role = RoleName::parse("deployer-target").unwrap();
        SessionRequest { target, role, external_id: None, name: "deployer-1".into(), policy: policy.into() }
    }

    /// Opens two look sessions, of which STS answers the first alone, and says whether the second one is open.
    async fn second_opens(first: Answer, policies: [&str; 2]) -> bool {
        let sessions = StsRolloutSessions::new(Arc::new(StsSessions::new(&stub_config([first, (403, vec![], "")]))));
        assert!(sessions.open_look_session(&request(policies[0])).await.is_ok());
        sessions.open_look_session(&request(policies[1])).await.is_ok()
    }

    #[tokio::test]
    async fn looks_share_a_session_while_it_lasts() {
        let account = "111111111111";
        assert!(second_opens(assumed(account, "2199-01-01T00:00:00Z"), ["a", "a"]).await);
        assert!(!second_opens(assumed(account, "2199-01-01T00:00:00Z"), ["a", "b"]).await, "another function");
        let ends = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(100);
        let ends = format!("{ends:.0}").leak();
        assert!(!second_opens(assumed(account, ends), ["a", "a"]).await, "it ends soon");
    }

    #[tokio::test]
    async fn session_of_another_account_is_refused() {
        for smoke in [false, true] {
            let answer = assumed("222222222222", "2199-01-01T00:00:00Z");
            let sessions = StsRolloutSessions::new(Arc::new(StsSessions::new(&stub_config([answer]))));
            let error = if smoke {
                sessions.open_smoke_session(&request("a")).await.err().unwrap()
            } else {
                sessions.open_look_session(&request("a")).await.err().unwrap()
            };
            assert!(error.to_string().contains("found one in account 222222222222"), "{error}");
        }
    }
}
