//! The commands that repeat a request, and that show what became of it.

use deployer_core::trigger::{Command, CommandRequest};

use crate::aws::options::shell_word;

/// Writes the command that repeats an approval. It names the promotion: without that, another one may wait by then.
pub(crate) fn same_approval(request: &CommandRequest) -> Option<String> {
    let Command::Approve { environment, function, deployment: Some(deployment) } = &request.command else {
        return None;
    };
    let function = function.as_ref().map_or(String::new(), |function| format!(" -f {function}"));
    let id = shell_word(request.id.as_deref()?);
    let by = request.requested_by.as_deref().map_or(String::new(), |by| format!(" --requested-by {}", shell_word(by)));
    Some(format!("deployctl approve -e {environment}{function} --deployment {deployment} --id {id}{by}"))
}

/// Writes the command that shows what became of a request.
pub(crate) fn history(command: &Command) -> String {
    match command {
        Command::Deploy { environment, function, .. }
        | Command::Redeploy { environment, function }
        | Command::Rollback { environment, function, .. }
        | Command::Approve { environment, function: Some(function), .. } => {
            format!("deployctl history -e {environment} -f {function}")
        }
        Command::Promote { to: environment, function: Some(function), .. } if !function.as_str().contains('*') => {
            format!("deployctl history -e {environment} -f {function}")
        }
        Command::Promote { to: environment, .. } | Command::Approve { environment, .. } => {
            format!("deployctl status -e {environment}")
        }
        Command::Recall { function, .. } => format!("deployctl status {function}"),
        _ => "deployctl status".to_owned(),
    }
}
