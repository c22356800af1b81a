//! Holding a function in an environment: nothing new is taken until it is released.

use jiff::Timestamp;

use super::request::Request;
use super::state::Head;
use crate::commanded::{CommandEffect, Commanded, Hold, OBEYED};
use crate::function_ref::FunctionRef;
use crate::id::RequestHash;
use crate::record::{Code, Ending, Status};

impl Head {
    /// Why the hold refuses this; rolling back is always possible.
    #[must_use]
    pub fn held(&self, request: &Request) -> Option<Ending> {
        self.hold().filter(|_| !request.is_rollback()).map(held_by)
    }

    /// Holds the function here, or gives another reason; `id` is the command's. What waits and is refused by that ends now:
    /// it is not kept for later.
    #[must_use]
    pub fn with_hold(&self, hold: Hold, at: &FunctionRef<'_>, id: &str, now: Timestamp) -> CommandEffect<Self> {
        let hash = hold_hash("hold", id, at);
        if self.obeyed.contains(&hold_hash("release-hold", id, at)) {
            return CommandEffect::again(id, false);
        }
        if self.obeyed.contains(&hash) {
            let is_this = |stands: &Commanded<Hold>| stands.is_asked_for(hash, |it| it.reason == hold.reason);
            return CommandEffect::again(id, self.hold.as_ref().is_some_and(is_this));
        }
        let mut head = self.obeying(hash);
        let refusal = held_by(&hold);
        head.hold = Some(Commanded::new(hold, hash, self.hold.as_ref()));
        let (kept, held) = std::mem::take(&mut head.pending).into_iter().partition::<Vec<_>, _>(Request::is_rollback);
        head.pending = kept;
        // What was claimed and given up before anything was written has not begun either.
        if let Some(active) = head.active.take_if(|active| active.is_idle(now) && !active.request.is_rollback()) {
            head.end_untouched(&active, at, refusal.clone(), now);
        }
        for waiting in std::mem::take(&mut head.waiting) {
            let record = waiting.record(at).ended(waiting.cancelled_by(refusal.clone()), now);
            head.end(&waiting.request, record);
        }
        for request in held {
            head.end(&request, at.record(&request, Status::Pending).ended(refusal.clone(), now));
        }
        CommandEffect::Now(Box::new(head))
    }

    /// Ends the hold; `id` is the command's. `None`: there is none.
    #[must_use]
    pub fn without_hold(&self, at: &FunctionRef<'_>, id: &str) -> Option<CommandEffect<Self>> {
        let hash = hold_hash("release-hold", id, at);
        if self.obeyed.contains(&hold_hash("hold", id, at)) {
            return Some(CommandEffect::again(id, false));
        }
        if self.obeyed.contains(&hash) {
            return Some(CommandEffect::again(id, self.hold.is_none()));
        }
        self.hold.as_ref()?;
        let mut head = self.obeying(hash);
        head.hold = None;
        Some(CommandEffect::Now(Box::new(head)))
    }

    fn obeying(&self, hash: RequestHash) -> Self {
        let mut head = self.next();
        head.obeyed.insert(0, hash);
        head.obeyed.truncate(OBEYED);
        head
    }
}

fn hold_hash(verb: &str, id: &str, at: &FunctionRef<'_>) -> RequestHash {
    RequestHash::of(&[verb, id, at.name.as_str(), at.function.as_str()])
}

/// The refusal of what a hold does not let in.
#[must_use]
pub fn held_by(hold: &Hold) -> Ending {
    let Hold { reason, requested_by, since } = hold;
    let by = requested_by.as_deref().map_or(String::new(), |who| format!(" by {who}"));
    Ending::Refused { code: Code::Held, because: format!("held{by} since {since}: {reason}") }
}
