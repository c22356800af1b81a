//! The rejected releases of a function, which are deployed to no environment any more.

use serde::{Deserialize, Serialize};

use crate::as_read::AsRead;
use crate::hold_and_reject::{CommandEffect, Commanded, REMEMBERED_COMMANDS, Reject};
use crate::id::{FunctionName, Release, RequestHash, Sha256};
use crate::record::{Code, Ending, SCHEMA};
use crate::text::PlainText;

/// The most releases of a function that can be rejected. None is ever forgotten.
pub const MOST: usize = 500;

/// The number of hashes that are remembered. A reject has two, so that the last [`REMEMBERED_COMMANDS`] commands are
/// known, whatever they were.
const REMEMBERED_HASHES: usize = 2 * REMEMBERED_COMMANDS;

/// The commands that reject a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RejectVerb {
    /// The release is rejected.
    Reject,
    /// The release is rejected, and rolled back where it is live.
    Recall,
}

/// The ledger object of a function's rejected releases.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejects {
    /// The ledger's schema: 1.
    schema: u32,
    revision: u64,
    /// The rejects, newest first.
    rejects: Vec<Commanded<Reject>>,
    /// The hashes of the last commands that were carried out.
    #[serde(rename = "obeyed")]
    command_hashes: Vec<RequestHash>,
    #[serde(skip)]
    pub(crate) as_read: AsRead,
}

impl Default for Rejects {
    fn default() -> Self {
        Self { schema: SCHEMA, revision: 0, rejects: vec![], command_hashes: vec![], as_read: AsRead::default() }
    }
}

impl Rejects {
    /// Returns all rejects, newest first.
    pub fn all(&self) -> impl ExactSizeIterator<Item = &Reject> {
        self.rejects.iter().map(|reject| &reject.what)
    }

    /// Returns the reject that matches a release's label or its code.
    #[must_use]
    pub fn find(&self, release: &Release, sha256: Option<Sha256>) -> Option<&Reject> {
        let same_code = |reject: &Reject| sha256.is_some_and(|sha256| reject.sha256.contains(&sha256));
        self.all().find(|reject| reject.release == *release || same_code(reject))
    }

    /// Returns the refusal of code that is rejected under any label.
    #[must_use]
    pub fn refusal_of_code(&self, sha256: Sha256) -> Option<Ending> {
        let reject = self.all().find(|reject| reject.sha256.contains(&sha256))?;
        self.refusal(&reject.release, None)
    }

    /// Returns the refusal of a release that is rejected by its label or its code.
    #[must_use]
    pub fn refusal(&self, release: &Release, sha256: Option<Sha256>) -> Option<Ending> {
        let reject = self.find(release, sha256)?;
        let Reject { release: bad, reason, requested_by, since, .. } = reject;
        let by = requested_by.as_deref().map_or(String::new(), |who| format!(" by {who}"));
        let same = if bad == release { String::new() } else { format!(" (the same code as release {release})") };
        let because = format!("release {bad}{same} was rejected{by} at {since:.0}: {reason}");
        Some(Ending::Refused { code: Code::Rejected, because })
    }

    /// Adds a reject, or replaces the reason of one that exists. `id` is the command's. None if there are too many.
    ///
    /// Older deployers remember a recall as they do a reject. A reject of ours is remembered as one that is no recall,
    /// too. So a recall under the id of a reject is refused, unless an older deployer has remembered it: it may be the
    /// same recall, and whoever begins a rollback for it looks at its proof first.
    #[must_use]
    pub fn with(
        &self,
        reject: Reject,
        function: &FunctionName,
        (verb, id): (RejectVerb, &str),
    ) -> Option<CommandEffect<Self>> {
        let hash_of = |verb: &str| reject_hash(verb, id, (function, &reject.release));
        let is_known = |hash: &RequestHash| self.command_hashes.contains(hash);
        let [rejected, recalled, only_rejected] = ["reject", "recall", "only-reject"].map(hash_of);
        let before = self.of(&reject.release);
        let repeated = match verb {
            _ if is_known(&hash_of("unreject")) => return Some(CommandEffect::again(id, false)),
            RejectVerb::Recall if is_known(&only_rejected) => return Some(CommandEffect::again(id, false)),
            RejectVerb::Recall if self.knows_recall_of_another(&reject.release, function, id) => {
                return Some(CommandEffect::again(id, false));
            }
            RejectVerb::Reject if is_known(&recalled) => return Some(CommandEffect::again(id, false)),
            RejectVerb::Reject => Some(rejected).filter(is_known),
            RejectVerb::Recall => [recalled, rejected].into_iter().find(is_known),
        };
        if let Some(hash) = repeated {
            let is_this = |stands: &Commanded<Reject>| stands.is_asked_for(hash, |it| it.reason == reject.reason);
            return Some(CommandEffect::again(id, before.is_some_and(is_this)));
        }
        let hash = if verb == RejectVerb::Recall { recalled } else { rejected };
        let reject = Commanded::new(reject, hash, before);
        let mut rejects = self.with_command(hash);
        if verb == RejectVerb::Reject {
            // It is forgotten after the reject's own hash.
            rejects.remember(only_rejected);
        } else {
            rejects.remember(recall_hash(id, function));
        }
        rejects.rejects.retain(|former| former.what.release != reject.what.release);
        rejects.rejects.insert(0, reject);
        (rejects.rejects.len() <= MOST).then(|| CommandEffect::Write(Box::new(rejects)))
    }

    /// Returns the reason of a recall: the one that is given, else that of the release's reject.
    #[must_use]
    pub fn recall_reason(&self, release: &Release, given: Option<PlainText>) -> PlainText {
        let rejected = || self.of(release).map(|reject| reject.what.reason.clone());
        given.or_else(rejected).unwrap_or_else(|| "recalled".into())
    }

    /// Returns another rejected release with some of this code.
    #[must_use]
    pub fn same_code(&self, release: &Release, code: &[Sha256]) -> Option<&Reject> {
        let mut others = self.all().filter(|reject| reject.release != *release);
        others.find(|reject| reject.sha256.iter().any(|sha256| code.contains(sha256)))
    }

    /// Whether this id is that of a reject, and no older deployer can have taken a recall under it.
    #[must_use]
    pub fn knows_only_reject(&self, release: &Release, function: &FunctionName, id: &str) -> bool {
        self.command_hashes.contains(&reject_hash("only-reject", id, (function, release)))
    }

    /// Whether a recall under this id was carried out, or a reject that an older deployer has taken and that may be one.
    #[must_use]
    pub fn knows_recall(&self, release: &Release, function: &FunctionName, id: &str) -> bool {
        let is_known = |verb| self.command_hashes.contains(&reject_hash(verb, id, (function, release)));
        is_known("recall") || (is_known("reject") && !is_known("only-reject"))
    }

    /// Whether a recall under this id was carried out for another release of the function. Its rollbacks are known by the id
    /// alone.
    #[must_use]
    pub fn knows_recall_of_another(&self, release: &Release, function: &FunctionName, id: &str) -> bool {
        self.command_hashes.contains(&recall_hash(id, function)) && !self.knows_recall(release, function, id)
    }

    /// Removes the reject of this release. `id` is the command's. None if the release is not rejected.
    #[must_use]
    pub fn without(&self, release: &Release, function: &FunctionName, id: &str) -> Option<CommandEffect<Self>> {
        let hash = reject_hash("unreject", id, (function, release));
        let has_rejected = |verb| self.command_hashes.contains(&reject_hash(verb, id, (function, release)));
        if ["reject", "recall"].into_iter().any(has_rejected) {
            return Some(CommandEffect::again(id, false));
        }
        if self.command_hashes.contains(&hash) {
            return Some(CommandEffect::again(id, self.of(release).is_none()));
        }
        self.of(release)?;
        let mut rejects = self.with_command(hash);
        rejects.rejects.retain(|reject| reject.what.release != *release);
        Some(CommandEffect::Write(Box::new(rejects)))
    }

    fn of(&self, release: &Release) -> Option<&Commanded<Reject>> {
        self.rejects.iter().find(|reject| reject.what.release == *release)
    }

    fn with_command(&self, hash: RequestHash) -> Self {
        let mut rejects = Self { revision: self.revision + 1, ..self.clone() };
        rejects.remember(hash);
        rejects
    }

    fn remember(&mut self, hash: RequestHash) {
        self.command_hashes.insert(0, hash);
        self.command_hashes.truncate(REMEMBERED_HASHES);
    }
}

fn reject_hash(verb: &str, id: &str, (function, release): (&FunctionName, &Release)) -> RequestHash {
    RequestHash::of(&[verb, id, function.as_str(), release.as_str()])
}

fn recall_hash(id: &str, function: &FunctionName) -> RequestHash {
    RequestHash::of(&["recall-of-any", id, function.as_str()])
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn reject(release: &str, code: &[u8], reason: &str) -> Reject {
        let (release, sha256) = (Release::parse(release).unwrap(), vec![Sha256::of(code)]);
        let requested_by = Some("ann".to_owned());
        Reject {
            release,
            sha256,
            reason: reason.into(),
            requested_by: requested_by.map(Into::into),
            principal: None,
            unproven: None,
            since: jiff::Timestamp::UNIX_EPOCH,
        }
    }

    fn orders() -> FunctionName {
        FunctionName::parse("orders").unwrap()
    }

    fn now(effect: Option<CommandEffect<Rejects>>) -> Rejects {
        match effect {
            Some(CommandEffect::Write(rejects)) => *rejects,
            other => panic!("{other:?}"),
        }
    }

    fn reused(id: &str) -> Option<CommandEffect<Rejects>> {
        Some(CommandEffect::Reused { id: id.to_owned() })
    }

    fn with(rejects: &Rejects, reject: Reject, id: &str) -> Rejects {
        now(rejects.with(reject, &orders(), (RejectVerb::Reject, id)))
    }

    fn release(release: &str) -> Release {
        Release::parse(release).unwrap()
    }

    fn because(rejects: &Rejects, label: &str, code: &[u8]) -> Option<String> {
        match rejects.refusal(&release(label), Some(Sha256::of(code)))? {
            Ending::Refused { code: Code::Rejected, because } => Some(because),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn release_is_rejected_by_its_label_and_by_its_code() {
        let rejects = with(&Rejects::default(), reject("1", b"bad", "it leaks"), "a");
        let by_label = "release 1 was rejected by ann at 1970-01-01T00:00:00Z: it leaks";
        let by_code = "release 1 (the same code as release 2) was rejected by ann at 1970-01-01T00:00:00Z: it leaks";
        assert_eq!(because(&rejects, "1", b"mended").as_deref(), Some(by_label));
        assert_eq!(because(&rejects, "2", b"bad").as_deref(), Some(by_code));
        assert_eq!(because(&rejects, "2", b"good"), None);
        assert_eq!(rejects.find(&release("2"), None), None, "whose code is not known is known by its label only");
    }

    #[test]
    fn repeated_reject_replaces_the_reason() {
        let rejects = with(&Rejects::default(), reject("1", b"bad", "it leaks"), "a");
        let rejects = with(&rejects, reject("2", b"worse", "it fails"), "b");
        let rejects = with(&rejects, reject("1", b"bad", "it leaks still"), "c");
        let reasons: Vec<_> = rejects.all().map(|one| (one.release.as_str(), one.reason.as_str())).collect();
        assert_eq!(reasons, [("1", "it leaks still"), ("2", "it fails")]);
        assert_eq!(rejects.revision, 3);
        assert_eq!(serde_json::from_slice::<Rejects>(&serde_json::to_vec(&rejects).unwrap()).unwrap(), rejects);
    }

    #[test]
    fn repeated_reject_commands_are_recognised() {
        let bad = || reject("1", b"bad", "it leaks");
        let rejects = with(&Rejects::default(), bad(), "a");
        assert_eq!(rejects.with(bad(), &orders(), (RejectVerb::Reject, "a")), Some(CommandEffect::Duplicate));
        assert_eq!(
            rejects.with(reject("1", b"bad", "in other words"), &orders(), (RejectVerb::Reject, "a")),
            reused("a")
        );
        assert_eq!(rejects.without(&release("2"), &orders(), "b"), None);
        assert_eq!(rejects.without(&release("1"), &orders(), "a"), reused("a"));
        let without = now(rejects.without(&release("1"), &orders(), "b"));
        assert_eq!((without.all().len(), without.find(&release("1"), Some(Sha256::of(b"bad")))), (0, None));
        assert_eq!(without.without(&release("1"), &orders(), "b"), Some(CommandEffect::Duplicate));
        assert_eq!(without.without(&release("1"), &orders(), "c"), None);
    }

    #[test]
    fn recall_and_reject_under_one_id_are_two_commands() {
        let bad = || reject("1", b"bad", "it leaks");
        let recall = |rejects: &Rejects, id: &str| rejects.with(bad(), &orders(), (RejectVerb::Recall, id));
        let recalled = now(recall(&Rejects::default(), "a"));
        assert_eq!(recall(&recalled, "a"), Some(CommandEffect::Duplicate));
        assert_eq!(recalled.with(bad(), &orders(), (RejectVerb::Reject, "a")), reused("a"));
        assert_eq!(recalled.without(&release("1"), &orders(), "a"), reused("a"));
        let without = now(recalled.without(&release("1"), &orders(), "b"));
        assert_eq!((recall(&without, "a"), recall(&without, "b")), (reused("a"), reused("b")));
        let rejected = with(&Rejects::default(), bad(), "a");
        assert_eq!(recall(&rejected, "a"), reused("a"), "a reject rolls nothing back");
        let is_reject = |rejects: &Rejects| rejects.knows_only_reject(&release("1"), &orders(), "a");
        assert!(is_reject(&rejected) && !is_reject(&recalled));
        // An older deployer has written the recall like a reject.
        let mut of_before = rejected;
        assert_eq!(of_before.command_hashes.remove(0), reject_hash("only-reject", "a", (&orders(), &release("1"))));
        assert_eq!(recall(&of_before, "a"), Some(CommandEffect::Duplicate));
        let without = now(of_before.without(&release("1"), &orders(), "b"));
        assert_eq!(recall(&without, "a"), reused("a"));
    }

    #[test]
    fn id_of_an_ended_reject_is_refused() {
        let bad = || reject("1", b"bad", "it leaks");
        let without = now(with(&Rejects::default(), bad(), "a").without(&release("1"), &orders(), "b"));
        for id in ["a", "b"] {
            assert_eq!(without.with(bad(), &orders(), (RejectVerb::Reject, id)), reused(id));
        }
        let again = with(&without, bad(), "c");
        assert_eq!(again.with(bad(), &orders(), (RejectVerb::Reject, "a")), reused("a"), "another reject stands");
        assert_eq!(again.without(&release("1"), &orders(), "b"), reused("b"));
        let mut of_before = serde_json::to_value(&again).unwrap();
        of_before["rejects"][0].as_object_mut().unwrap().remove("asked_by");
        let of_before: Rejects = serde_json::from_value(of_before).unwrap();
        assert_eq!(
            of_before.with(bad(), &orders(), (RejectVerb::Reject, "a")),
            Some(CommandEffect::Duplicate),
            "it is not known by whom"
        );
    }

    #[test]
    fn last_fifty_commands_are_remembered() {
        let mut rejects = with(&Rejects::default(), reject("1", b"bad", "it leaks"), "first");
        for number in 1..REMEMBERED_COMMANDS {
            rejects = with(&rejects, reject("2", b"worse", "it fails"), &number.to_string());
        }
        let first =
            |rejects: &Rejects| rejects.with(reject("1", b"bad", "it leaks"), &orders(), (RejectVerb::Reject, "first"));
        let recall =
            |rejects: &Rejects| rejects.with(reject("1", b"bad", "it leaks"), &orders(), (RejectVerb::Recall, "first"));
        assert_eq!((first(&rejects), recall(&rejects)), (Some(CommandEffect::Duplicate), reused("first")));
        let one_more = with(&rejects, reject("2", b"worse", "it fails"), "one more");
        assert!(matches!(first(&one_more), Some(CommandEffect::Write(_))), "it is the 51st");
    }

    #[test]
    fn recall_without_a_reason_keeps_that_of_the_reject() {
        let rejects = with(&Rejects::default(), reject("1", b"bad", "it leaks"), "a");
        let reason = |name: &str, given: Option<&str>| rejects.recall_reason(&release(name), given.map(Into::into));
        assert_eq!(reason("1", None), "it leaks");
        assert_eq!(reason("1", Some("it fails")), "it fails");
        assert_eq!(reason("2", None), "recalled");
    }

    #[test]
    fn rejects_are_kept_up_to_the_limit() {
        let mut rejects = Rejects::default();
        for number in 0..MOST {
            let name = number.to_string();
            rejects = with(&rejects, reject(&name, name.as_bytes(), "old"), &name);
        }
        assert_eq!((rejects.all().len(), rejects.command_hashes.len()), (MOST, REMEMBERED_HASHES));
        assert_eq!(rejects.with(reject("one-more", b"more", "new"), &orders(), (RejectVerb::Reject, "more")), None);
        assert_eq!(
            with(&rejects, reject("0", b"0", "in other words"), "again").all().len(),
            MOST,
            "the oldest is there"
        );
    }
}
