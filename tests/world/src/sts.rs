//! STS: decides which session may enter which account, and under which session policy.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use deployer_core::config::Config;
use deployer_core::id::{AccountId, ExternalId, RoleName};
use deployer_core::record::{TargetError, TargetErrorCode};
use deployer_core::session_policy::POLICY_LIMIT;
use deployer_engine::port::{Account, EnterError, SessionProvider, SessionRequest};
use jiff::Timestamp;

use super::call::{CallContext, Connection, Op};
use super::policy::Policy;
use super::session::Session;
use super::state::State;

/// A deploy role, and its trust policy.
#[derive(Debug, Clone)]
pub struct Role {
    /// The external id that its trust policy asks for.
    pub external_id: Option<ExternalId>,
    /// The time from which STS knows the trust.
    pub known_from: Timestamp,
    /// The account whose session STS answers with; another one than the role's if somebody has mixed accounts up.
    pub answers_as: AccountId,
    /// The actions that the role's own policy does not allow: `lambda:CreateAlias`.
    pub may_not: BTreeSet<String>,
}

/// The deploy roles of all accounts, and the sessions that were requested.
#[derive(Default)]
pub struct Sts {
    roles: BTreeMap<(AccountId, RoleName), Role>,
    /// The accounts that refuse every call, as AWS's suspended accounts do.
    pub closed: BTreeSet<AccountId>,
    /// Every request that was made, in order.
    pub requests: Vec<SessionRequest>,
}

impl Sts {
    /// Makes each environment's role in each of its accounts, as Terraform does.
    pub(super) fn of(config: &Config) -> Self {
        let mut roles = BTreeMap::new();
        for environment in config.environments.values() {
            for target in &environment.targets {
                let role = Role {
                    external_id: environment.external_id.clone(),
                    known_from: Timestamp::UNIX_EPOCH,
                    answers_as: target.account.clone(),
                    may_not: BTreeSet::new(),
                };
                roles.insert((target.account.clone(), environment.role_name.clone()), role);
            }
        }
        Self { roles, closed: BTreeSet::new(), requests: Vec::new() }
    }

    /// Returns the deploy role of an account.
    ///
    /// # Panics
    /// If it has none.
    pub fn role(&mut self, account: &str) -> &mut Role {
        let found = self.roles.iter_mut().find(|((of, _), _)| of.as_str() == account);
        found.unwrap_or_else(|| panic!("no deploy role in {account}")).1
    }

    /// Lets an account refuse every call from now on, those of open sessions included.
    ///
    /// # Panics
    /// If it is no account.
    pub fn close(&mut self, account: &str) {
        self.closed.insert(AccountId::parse(account).unwrap());
    }

    /// Lets an account accept calls again.
    pub fn open(&mut self, account: &str) {
        self.closed.retain(|closed| closed.as_str() != account);
    }

    /// Deletes the deploy role of an account.
    pub fn delete_role(&mut self, account: &str) {
        self.roles.retain(|(of, _), _| of.as_str() != account);
    }

    pub(super) fn allows(&self, account: &AccountId, role: &RoleName, action: &str) -> bool {
        let role = self.roles.get(&(account.clone(), role.clone()));
        !self.closed.contains(account) && role.is_some_and(|role| !role.may_not.contains(action))
    }

    pub(super) fn open_session(
        &mut self,
        request: &SessionRequest,
        now: Timestamp,
    ) -> Result<(AccountId, Policy), EnterError> {
        self.requests.push(request.clone());
        let SessionRequest { target, role, external_id, name, policy } = request;
        let invalid = |text: &str| TargetError::new(TargetErrorCode::Internal, "enter", format!("AssumeRole: {text}"));
        let fits = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
        if !(2..=64).contains(&name.len()) || !name.chars().all(fits) {
            return Err(invalid("ValidationError: roleSessionName").into());
        }
        if policy.len() > POLICY_LIMIT {
            return Err(invalid("ValidationError: policy is longer than 2048").into());
        }
        let policy = Policy::parse(policy).map_err(|text| invalid(&text))?;
        let found = self.roles.get(&(target.account.clone(), role.clone()));
        let found = found.filter(|found| found.known_from <= now && found.external_id == *external_id);
        match found.filter(|_| !self.closed.contains(&target.account)) {
            Some(found) => Ok((found.answers_as.clone(), policy)),
            None => Err(EnterError::Denied(format!(
                "AssumeRole of {} in account {} as session {name} was denied (AccessDenied: User: \
                 arn:aws:sts::000000000000:assumed-role/deployer/deployer is not authorized to perform: \
                 sts:AssumeRole)",
                target.role_arn(role),
                target.account
            ))),
        }
    }
}

/// The port of one invocation.
pub(super) struct StsPort(pub Arc<Connection>);

#[async_trait]
impl SessionProvider for StsPort {
    async fn open_session(&self, request: &SessionRequest) -> Result<Account, EnterError> {
        let target = &request.target;
        let enter = |state: &mut State, here: &CallContext| state.sts.open_session(request, here.now);
        let (found, policy) = self.0.call(Op::AssumeRole, &target.to_string(), request.role.as_str(), enter).await?;
        let session = Session {
            connection: self.0.clone(),
            target: target.clone(),
            role: request.role.clone(),
            name: request.name.clone(),
            policy,
        };
        Ok(Account::verify_account(target, &found, Arc::new(session))?)
    }
}
