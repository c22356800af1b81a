//! The releases of a function that nothing deploys any more, in whatever environment.

use serde::{Deserialize, Serialize};

use crate::as_read::AsRead;
use crate::id::{FunctionName, Release, RequestHash, Sha256};
use crate::names::REJECTS;
use crate::record::{Code, Ending, SCHEMA};
use crate::status::Reject;

/// How many releases of a function can be rejected. None is ever forgotten.
pub const MOST: usize = 500;
/// How many commands are known by their id.
const OBEYED: usize = 50;

/// The ledger object of a function's rejected releases.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejects {
    /// The ledger's schema: 1.
    schema: u32,
    revision: u64,
    /// Newest first.
    rejects: Vec<Reject>,
    /// The last commands that were carried out.
    obeyed: Vec<RequestHash>,
    #[serde(skip)]
    pub(crate) as_read: AsRead,
}

impl Default for Rejects {
    fn default() -> Self {
        Self { schema: SCHEMA, revision: 0, rejects: vec![], obeyed: vec![], as_read: AsRead::default() }
    }
}

impl Rejects {
    /// The key of a function's rejects in the ledger bucket.
    #[must_use]
    pub fn key(function: &FunctionName) -> String {
        format!("{REJECTS}{function}.json")
    }

    /// All of them, newest first.
    #[must_use]
    pub fn all(&self) -> &[Reject] {
        &self.rejects
    }

    /// Whether a release is rejected, by its label or by its code.
    #[must_use]
    pub fn find(&self, release: &Release, sha256: Option<Sha256>) -> Option<&Reject> {
        let same_code = |reject: &Reject| sha256.is_some_and(|sha256| reject.sha256.contains(&sha256));
        self.rejects.iter().find(|reject| reject.release == *release || same_code(reject))
    }

    /// The refusal of code that is rejected, whatever it is called.
    #[must_use]
    pub fn refusal_of_code(&self, sha256: Sha256) -> Option<Ending> {
        let reject = self.rejects.iter().find(|reject| reject.sha256.contains(&sha256))?;
        self.refusal(&reject.release, None)
    }

    /// The refusal of a release that is rejected.
    #[must_use]
    pub fn refusal(&self, release: &Release, sha256: Option<Sha256>) -> Option<Ending> {
        let reject = self.find(release, sha256)?;
        let Reject { release: bad, reason, requested_by, since, .. } = reject;
        let by = requested_by.as_deref().map_or(String::new(), |who| format!(" by {who}"));
        let same = if bad == release { String::new() } else { format!(" (the same code as release {release})") };
        let because = format!("release {bad}{same} was rejected{by} at {since}: {reason}");
        Some(Ending::Refused { code: Code::Rejected, because })
    }

    /// Whether the command was carried out before.
    #[must_use]
    pub fn has_obeyed(&self, hash: RequestHash) -> bool {
        self.obeyed.contains(&hash)
    }

    /// With one more; of a release that is rejected already the words are replaced. `None`: there are too many.
    #[must_use]
    pub fn with(&self, reject: Reject, hash: RequestHash) -> Option<Self> {
        let mut rejects = self.obeying(hash);
        rejects.rejects.retain(|former| former.release != reject.release);
        rejects.rejects.insert(0, reject);
        (rejects.rejects.len() <= MOST).then_some(rejects)
    }

    /// Without this release. `None`: it is not rejected.
    #[must_use]
    pub fn without(&self, release: &Release, hash: RequestHash) -> Option<Self> {
        self.rejects.iter().find(|reject| reject.release == *release)?;
        let mut rejects = self.obeying(hash);
        rejects.rejects.retain(|reject| reject.release != *release);
        Some(rejects)
    }

    fn obeying(&self, hash: RequestHash) -> Self {
        let mut rejects = Self { revision: self.revision + 1, ..self.clone() };
        rejects.obeyed.insert(0, hash);
        rejects.obeyed.truncate(OBEYED);
        rejects
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn reject(release: &str, code: &[u8], reason: &str) -> Reject {
        let (release, sha256) = (Release::parse(release).unwrap(), vec![Sha256::of(code)]);
        let requested_by = Some("ann".to_owned());
        Reject { release, sha256, reason: reason.into(), requested_by, since: jiff::Timestamp::UNIX_EPOCH }
    }

    fn hash(id: &str) -> RequestHash {
        RequestHash::of(&[id])
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
    fn a_release_is_rejected_by_its_label_and_by_its_code() {
        let rejects = Rejects::default().with(reject("1", b"bad", "it leaks"), hash("a")).unwrap();
        let by_label = "release 1 was rejected by ann at 1970-01-01T00:00:00Z: it leaks";
        let by_code = "release 1 (the same code as release 2) was rejected by ann at 1970-01-01T00:00:00Z: it leaks";
        assert_eq!(because(&rejects, "1", b"mended").as_deref(), Some(by_label));
        assert_eq!(because(&rejects, "2", b"bad").as_deref(), Some(by_code));
        assert_eq!(because(&rejects, "2", b"good"), None);
        assert_eq!(rejects.find(&release("2"), None), None, "whose code is not known is known by its label only");
    }

    #[test]
    fn a_release_is_rejected_once_and_with_the_last_words() {
        let rejects = Rejects::default().with(reject("1", b"bad", "it leaks"), hash("a")).unwrap();
        let rejects = rejects.with(reject("2", b"worse", "it fails"), hash("b")).unwrap();
        let rejects = rejects.with(reject("1", b"bad", "it leaks still"), hash("c")).unwrap();
        let told: Vec<_> = rejects.all().iter().map(|one| (one.release.as_str(), one.reason.as_str())).collect();
        assert_eq!(told, [("1", "it leaks still"), ("2", "it fails")]);
        assert_eq!(rejects.revision, 3);
        assert_eq!(serde_json::from_slice::<Rejects>(&serde_json::to_vec(&rejects).unwrap()).unwrap(), rejects);
    }

    #[test]
    fn a_reject_ends_once_and_every_command_is_known() {
        let rejects = Rejects::default().with(reject("1", b"bad", "it leaks"), hash("a")).unwrap();
        assert!(rejects.has_obeyed(hash("a")) && !rejects.has_obeyed(hash("b")));
        assert_eq!(rejects.without(&release("2"), hash("b")), None);
        let without = rejects.without(&release("1"), hash("b")).unwrap();
        assert_eq!((without.all().len(), without.find(&release("1"), Some(Sha256::of(b"bad")))), (0, None));
        assert!(without.has_obeyed(hash("a")) && without.has_obeyed(hash("b")));
        assert_eq!(without.without(&release("1"), hash("c")), None);
    }

    #[test]
    fn no_reject_is_forgotten_but_there_is_an_end_of_them() {
        let mut rejects = Rejects::default();
        for number in 0..MOST {
            let name = number.to_string();
            rejects = rejects.with(reject(&name, name.as_bytes(), "old"), hash(&name)).unwrap();
        }
        assert_eq!((rejects.all().len(), rejects.obeyed.len()), (MOST, OBEYED));
        assert_eq!(rejects.with(reject("one-more", b"more", "new"), hash("more")), None);
        assert!(
            rejects.with(reject("0", b"0", "in other words"), hash("0")).is_some(),
            "and the oldest is still there"
        );
    }
}
