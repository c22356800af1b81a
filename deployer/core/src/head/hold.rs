//! Holding a function in an environment: nothing new is taken until it is released.

use jiff::Timestamp;

use super::{Head, Request};
use crate::destination::Destination;
use crate::id::RequestHash;
use crate::record::{Code, Ending, Status};
use crate::status::Hold;

/// How many holds and releases of holds are known by their id.
const OBEYED: usize = 50;

/// What came of a command that changes a head without deploying.
#[derive(Debug, Clone, PartialEq)]
pub enum Obeyed {
    /// To be written.
    Now(Box<Head>),
    /// It was carried out before.
    Earlier,
}

impl Head {
    /// Why the hold refuses this; rolling back is always possible.
    #[must_use]
    pub fn held(&self, request: &Request) -> Option<Ending> {
        self.hold.as_ref().filter(|_| !request.is_rollback()).map(held_by)
    }

    /// Holds the function here, or gives another reason. What waits and is refused by that ends now: it is not kept for
    /// later.
    #[must_use]
    pub fn with_hold(&self, hold: Hold, at: &Destination<'_>, hash: RequestHash, now: Timestamp) -> Obeyed {
        if self.obeyed.contains(&hash) {
            return Obeyed::Earlier;
        }
        let mut head = self.obeying(hash);
        let refusal = held_by(&hold);
        head.hold = Some(hold);
        let (kept, held) = std::mem::take(&mut head.pending).into_iter().partition::<Vec<_>, _>(Request::is_rollback);
        head.pending = kept;
        // What was claimed and given up before anything was written has not begun either.
        if let Some(active) = head.active.take_if(|active| active.is_idle(now) && !active.request.is_rollback()) {
            head.end(&active.request, at.record_of(&active, Status::Pending).ended(refusal.clone(), now));
        }
        for waiting in std::mem::take(&mut head.waiting) {
            let record = waiting.record(at).ended(waiting.cancelled_by(refusal.clone()), now);
            head.end(&waiting.request, record);
        }
        for request in held {
            head.end(&request, at.record(&request, Status::Pending).ended(refusal.clone(), now));
        }
        Obeyed::Now(Box::new(head))
    }

    /// Ends the hold. `None`: there is none.
    #[must_use]
    pub fn without_hold(&self, hash: RequestHash) -> Option<Obeyed> {
        if self.obeyed.contains(&hash) {
            return Some(Obeyed::Earlier);
        }
        self.hold.as_ref()?;
        let mut head = self.obeying(hash);
        head.hold = None;
        Some(Obeyed::Now(Box::new(head)))
    }

    fn obeying(&self, hash: RequestHash) -> Self {
        let mut head = self.next();
        head.obeyed.insert(0, hash);
        head.obeyed.truncate(OBEYED);
        head
    }
}

/// The refusal of what a hold does not let in.
#[must_use]
pub fn held_by(hold: &Hold) -> Ending {
    let Hold { reason, requested_by, since } = hold;
    let by = requested_by.as_deref().map_or(String::new(), |who| format!(" by {who}"));
    Ending::Refused { code: Code::Held, because: format!("held{by} since {since}: {reason}") }
}
