//! Commands by hand: `core`'s `trigger/command.rs` decodes a command, `dispatch` calls its function, and each command
//! has a file here.
//!
//! `deploy`, `redeploy` and `rollback` are one request with different sources (`deploy`). `approve` and `decline` are
//! in `approve`, `hold` and `release-hold` in `hold`, `reject` and `unreject` in `reject`. `sweep` and `doctor` are
//! modules of their own. `progress` reads the record of an open request, and `change_head` writes what a command
//! changes in a head. `ended_waiting` names what a command has ended, and
//! `rejected_rollouts` takes back what rolls out of a rejected release. `only_if_known` tells what became of a command that
//! was given before, and carries nothing out. `find_by_id` finds what an id is of where no function is named. `used_id` refuses a new command under an id that is used already.

mod approve;
mod caller;
pub(crate) mod change_head;
mod deploy;
mod dispatch;
mod ended_waiting;
mod error;
mod find_by_id;
mod history;
mod hold;
mod known;
mod only_if_known;
mod plan;
pub(crate) mod progress;
mod promote;
mod promote_each;
mod promoted;
mod promotion;
mod recall;
mod recalled_rollouts;
mod reject;
mod rejected_rollouts;
mod rollout;
mod status;
mod status_approvals;
mod status_companions;
mod status_groups;
mod status_rollout;
pub(crate) mod undo;
pub(crate) mod used_id;

pub use self::caller::Caller;
pub use self::dispatch::run_command;
pub use self::error::FunctionError;
pub use self::history::{History, NotReady};
pub use self::known::ExpectedFunction;
pub use self::plan::Planned;
pub use self::promotion::PromotionOutcome;
pub use self::recall::{Recalled, RecalledFrom};
