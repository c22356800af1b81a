//! A fake Lambda of one account and region, as strict as the real one.
//!
//! It is synchronous: each call happens at one instant. [`super::session`] checks the caller's rights before.

use std::collections::BTreeMap;
use std::time::Duration;

use deployer_core::config::Target;
use deployer_core::id::{AliasName, FunctionName, Sha256, Version};
use deployer_core::observed::{ObservedAlias, RevisionId};
use deployer_core::plan::{Configuration, NewFunction};
use deployer_engine::port::{Answer, CallError, CallErrorKind as Kind, Write};
use jiff::Timestamp;

use super::alias::Alias;
use super::function::{Busy, Function, Settling, State, UpdateOutcome, defaults};
use super::monitoring::Monitoring;

/// Lambda in one account and region.
pub struct Lambda {
    /// Its account and region.
    pub target: Target,
    /// The functions.
    pub functions: BTreeMap<String, Function>,
    /// The time that each update takes.
    pub settling: Settling,
    /// The execution roles of the account, by ARN, with the time from which Lambda can assume them.
    pub roles: BTreeMap<String, Timestamp>,
    /// The metrics, the alarms, and what versions answer to smoke tests.
    pub monitoring: Monitoring,
    /// The events that must never happen and did.
    pub forbidden: Vec<String>,
    /// The time for which an alias is read as it was before it was written.
    pub alias_reads_lag: Duration,
    /// The aliases as they were before they were written last, with that time.
    pub(super) aliases_before: BTreeMap<String, (Timestamp, ObservedAlias)>,
}

/// The context of a writing call.
pub(super) struct WriteContext {
    pub now: Timestamp,
    pub outcome: UpdateOutcome,
    /// The code that was sent or copied.
    pub code: Option<Sha256>,
}

fn no(kind: Kind, operation: &str, name: &str, text: &str) -> CallError {
    CallError { kind, message: format!("{operation} of {name}: {text}") }
}

impl Lambda {
    /// Adds a function of somebody else: no update under way, no versions, no aliases.
    pub fn add_function(&mut self, name: &str, zip: &[u8]) -> &mut Function {
        let Target { account, region } = &self.target;
        let role = format!("arn:{}:iam::{account}:role/{name}", region.partition());
        self.roles.insert(role.clone(), Timestamp::UNIX_EPOCH);
        let function = Function::new(Sha256::of(zip), defaults(name, &role), State::Ready);
        self.functions.entry(name.to_owned()).insert_entry(function).into_mut()
    }

    /// Returns a function that exists.
    pub fn function(&mut self, name: &str) -> &mut Function {
        self.functions.get_mut(name).unwrap_or_else(|| panic!("no function {name}"))
    }

    /// Adds an execution role that Lambda can assume from this time on.
    pub fn role(&mut self, path_and_name: &str, from: Timestamp) {
        let Target { account, region } = &self.target;
        self.roles.insert(format!("arn:{}:iam::{account}:role/{path_and_name}", region.partition()), from);
    }

    pub(super) fn settle(&mut self, now: Timestamp) {
        self.monitoring.flow(&self.functions, now);
        self.functions.values_mut().for_each(|function| function.settle(now));
    }

    pub(super) fn write(
        &mut self,
        name: &FunctionName,
        write: &Write<'_>,
        context: &WriteContext,
    ) -> Result<Answer, CallError> {
        self.settle(context.now);
        let name = name.as_str();
        if let Write::Create { new, .. } = write {
            return self.create(name, new, context);
        }
        self.check_role(name, write, context.now)?;
        let busy = self.busy(context);
        let Some(function) = self.functions.get_mut(name) else {
            return Err(no(Kind::Other, "the call", name, "ResourceNotFoundException: Function not found"));
        };
        match write {
            Write::Create { .. } => unreachable!("made above"),
            Write::UpdateConfiguration { configuration, revision } => {
                function.may_be_updated("UpdateFunctionConfiguration", name, Some(revision))?;
                configuration.overlay(&mut function.latest.settings);
                function.updated(busy);
                Ok(Answer::Done)
            }
            Write::UpdateCode { settings, revision, .. } => {
                function.may_be_updated("UpdateFunctionCode", name, Some(revision))?;
                function.latest.sha256 = context.code.unwrap();
                if let Some(architecture) = settings.architecture {
                    function.latest.settings.architectures = architecture;
                }
                // A call that names no key goes back to Lambda's own.
                function.latest.settings.source_kms_key_arn = settings.source_key.clone();
                let version = function.updated_and_published(busy);
                Ok(published(version, function))
            }
            Write::Publish { sha256, revision } => {
                function.may_be_updated("PublishVersion", name, *revision)?;
                let found = function.latest.sha256;
                if *sha256 != found {
                    let text = format!(
                        "InvalidParameterValueException: CodeSHA256 ({sha256}) is different from current CodeSHA256 in \
                         $LATEST ({found})"
                    );
                    return Err(no(Kind::Conflict, "PublishVersion", name, &text));
                }
                let version = function.publish_with(State::Pending(busy));
                Ok(published(version, function))
            }
            Write::Tag(tags) => {
                function.tags.extend((*tags).clone());
                function.touch();
                Ok(Answer::Done)
            }
            Write::Untag(keys) => {
                function.tags.retain(|key, _| !keys.contains(key));
                function.touch();
                Ok(Answer::Done)
            }
            Write::ReserveConcurrency(n) => {
                function.reserved = Some(*n);
                function.touch();
                Ok(Answer::Done)
            }
            Write::FreeConcurrency => {
                function.reserved = None;
                function.touch();
                Ok(Answer::Done)
            }
            Write::CreateAlias { alias, version } => {
                if function.aliases.contains_key(alias.as_str()) {
                    let text = format!("ResourceConflictException: Alias already exists: {alias}");
                    return Err(no(Kind::Conflict, "CreateAlias", name, &text));
                }
                self.point("CreateAlias", name, alias, version, context.now)
            }
            Write::MoveAlias { alias, version, revision } => {
                let Some(found) = function.aliases.get(alias.as_str()) else {
                    return Err(no(Kind::Other, "UpdateAlias", name, "ResourceNotFoundException: Alias not found"));
                };
                precondition("UpdateAlias", name, revision, found.revision)?;
                self.point("UpdateAlias", name, alias, version, context.now)
            }
            Write::ShiftAlias { alias, version, to: (new, percent), revision } => {
                let Some(found) = function.aliases.get(alias.as_str()) else {
                    return Err(no(Kind::Other, "UpdateAlias", name, "ResourceNotFoundException: Alias not found"));
                };
                precondition("UpdateAlias", name, revision, found.revision)?;
                if found.provisioned.is_some() {
                    let text = "InvalidParameterValueException: provisioned concurrency takes no weights";
                    return Err(no(Kind::Invalid, "UpdateAlias", name, text));
                }
                let (new, weight) = (new.number(), f64::from(*percent) / 100.0);
                self.point("UpdateAlias", name, alias, version, context.now)?;
                let Some(found) = self.functions.get_mut(name).and_then(|f| f.aliases.get_mut(alias.as_str())) else {
                    return Ok(Answer::Done);
                };
                found.weights = [(new, weight)].into();
                let seen = self.functions.get(name).and_then(|function| function.look_at_alias(alias));
                Ok(seen.map_or(Answer::Done, Answer::Alias))
            }
            Write::RewriteAlias { alias, description } => {
                let next = function.next_revision();
                let Some(found) = function.aliases.get_mut(alias.name.as_str()) else {
                    return Err(no(Kind::Other, "UpdateAlias", name, "ResourceNotFoundException: Alias not found"));
                };
                precondition("UpdateAlias", name, &alias.revision, found.revision)?;
                (found.description, found.revision) = ((*description).to_owned(), next);
                let found = function.look_at_alias(&alias.name);
                if found.as_ref().map(|found| (&found.version, &found.weights))
                    != Some((&alias.version, &alias.weights))
                {
                    self.forbidden.push(format!("alias {} of {name} was turned to something else", alias.name));
                }
                Ok(found.map_or(Answer::Done, Answer::Alias))
            }
            Write::DeleteVersion(version) => {
                let number = version.number();
                if function.aliases.values().any(|a| a.version == number || a.weights.contains_key(&number)) {
                    let text = format!("ResourceConflictException: an alias points to version {version}");
                    return Err(no(Kind::Conflict, "DeleteFunction", name, &text));
                }
                if function.replicated.contains(&number) {
                    let text = format!(
                        "InvalidParameterValueException: Lambda was unable to delete version {version} because it is a \
                         replicated function."
                    );
                    return Err(no(Kind::Invalid, "DeleteFunction", name, &text));
                }
                // Deleting a version that does not exist succeeds: DeleteFunction is idempotent for a version.
                function.versions.remove(&number);
                Ok(Answer::Done)
            }
        }
    }

    fn busy(&self, context: &WriteContext) -> Busy {
        Busy { reads: self.settling.reads, until: context.now + self.settling.time, outcome: context.outcome.clone() }
    }

    fn create(&mut self, name: &str, new: &NewFunction, context: &WriteContext) -> Result<Answer, CallError> {
        if self.functions.contains_key(name) {
            let text = format!("ResourceConflictException: Function already exist: {name}");
            return Err(no(Kind::Conflict, "CreateFunction", name, &text));
        }
        self.check_assumable("CreateFunction", name, new.role.as_str(), context.now)?;
        let mut settings = defaults(name, new.role.as_str());
        settings.architectures = new.architecture;
        settings.source_kms_key_arn = new.source_key.clone();
        settings.tenancy_config = new.tenancy.clone();
        new.configuration.overlay(&mut settings);
        if settings.runtime.as_deref() == Some("provided.al2") {
            let text = "InvalidParameterValueException: The runtime parameter of provided.al2 is no longer supported";
            return Err(no(Kind::Invalid, "CreateFunction", name, text));
        }
        let busy = self.busy(context);
        let mut function = Function::new(context.code.unwrap(), settings, State::Pending(busy.clone()));
        function.tags = new.tags.clone();
        let version = function.publish_with(State::Pending(busy));
        let answer = published(version, &function);
        self.functions.insert(name.to_owned(), function);
        Ok(answer)
    }

    /// Points an alias to a version, as Lambda does. A version that is not active yet is recorded as forbidden.
    fn point(
        &mut self,
        operation: &str,
        name: &str,
        alias: &AliasName,
        to: &Version,
        now: Timestamp,
    ) -> Result<Answer, CallError> {
        let function = self.function(name);
        let number: u64 = to.as_str().parse().unwrap();
        let Some(build) = function.versions.get(&number) else {
            let text = format!("ResourceNotFoundException: Function not found: {name}:{to}");
            return Err(no(Kind::Other, operation, name, &text));
        };
        if let State::Failed(because) = &build.state {
            let text = format!(
                "ResourceConflictException: The operation cannot be performed at this time. The function is currently in the \
                 following state: 'Failed'. StateReasonCode: '{because}'"
            );
            return Err(no(Kind::Failed, operation, name, &text));
        }
        // Whoever calls an Inactive version wakes it.
        let ready = [State::Ready, State::Named("Inactive".into())].contains(&build.state);
        let revision = function.next_revision();
        let description = function.description_of(alias.as_str());
        let pointer = function.aliases.entry(alias.to_string()).or_insert_with(|| Alias::of(number, revision));
        pointer.move_to(number, now, revision);
        pointer.description = description;
        let seen = function.look_at_alias(alias).unwrap();
        if !ready {
            self.forbidden.push(format!("alias {alias} of {name} points to version {to}, which is not active yet"));
        }
        Ok(Answer::Alias(seen))
    }

    fn check_role(&self, name: &str, write: &Write<'_>, now: Timestamp) -> Result<(), CallError> {
        match write {
            Write::UpdateConfiguration { configuration: Configuration { role: Some(role), .. }, .. } => {
                self.check_assumable("UpdateFunctionConfiguration", name, role.as_str(), now)
            }
            _ => Ok(()),
        }
    }

    fn check_assumable(&self, operation: &str, name: &str, role: &str, now: Timestamp) -> Result<(), CallError> {
        if self.roles.get(role).is_some_and(|from| *from <= now) {
            return Ok(());
        }
        let text = "InvalidParameterValueException: The role defined for the function cannot be assumed by Lambda.";
        Err(no(Kind::RoleNotReady, operation, name, text))
    }
}

impl Function {
    fn may_be_updated(&self, operation: &str, name: &str, revision: Option<&RevisionId>) -> Result<(), CallError> {
        match &self.latest.state {
            State::Updating(_) | State::Pending(_) => {
                let text = "ResourceConflictException: The operation cannot be performed at this time. An update is \
                            in progress for resource";
                return Err(no(Kind::Busy, operation, name, text));
            }
            State::Failed(because) => {
                let text = format!(
                    "ResourceConflictException: The operation cannot be performed at this time. The function is currently in \
                     the following state: 'Failed'. StateReasonCode: '{because}'"
                );
                return Err(no(Kind::Failed, operation, name, &text));
            }
            State::Ready | State::Named(_) => {}
        }
        revision.map_or(Ok(()), |revision| precondition(operation, name, revision, self.latest.revision))
    }

    fn updated(&mut self, busy: Busy) {
        self.unpublished = true;
        self.latest.last_update_failed = None;
        self.latest.state = State::Updating(busy);
        self.touch();
    }

    fn updated_and_published(&mut self, busy: Busy) -> u64 {
        self.updated(busy.clone());
        self.publish_with(State::Pending(busy))
    }
}

fn precondition(operation: &str, name: &str, sent: &RevisionId, found: u64) -> Result<(), CallError> {
    if sent.0 == format!("r{found}") {
        return Ok(());
    }
    let text = "PreconditionFailedException: The Revision Id provided does not match the latest Revision Id.";
    Err(no(Kind::Conflict, operation, name, text))
}

fn published(version: u64, function: &Function) -> Answer {
    Answer::Published {
        version: Version::parse(version.to_string()).ok(),
        sha256: Some(function.latest.sha256),
        failed_earlier: function.versions.get(&version).is_some_and(|build| matches!(build.state, State::Failed(_))),
    }
}
