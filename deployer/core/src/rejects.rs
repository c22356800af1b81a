//! The releases of a function that nothing deploys any more, in whatever environment.

use serde::{Deserialize, Serialize};

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
}

impl Default for Rejects {
    fn default() -> Self {
        Self { schema: SCHEMA, revision: 0, rejects: vec![], obeyed: vec![] }
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

    /// Whether this is an object of the schema that this deployer knows; otherwise, which one it is.
    ///
    /// # Errors
    /// The other schema.
    pub fn check_schema(&self) -> Result<(), u32> {
        if self.schema == SCHEMA { Ok(()) } else { Err(self.schema) }
    }
}
