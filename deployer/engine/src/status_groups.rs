//! The part of the status that tells of the groups that are open.

use deployer_core::group::{Group, GroupStatus};
use deployer_core::id::{EnvironmentName, FunctionName};
use futures::stream::{self, StreamExt as _};

use super::{Engine, Transient};
use crate::group::Groups;

/// How many groups are read at once.
const READ_AT_ONCE: usize = 32;

impl Engine {}

/// Reads the groups that are open.
#[derive(Clone, Copy)]
pub(crate) struct OpenGroups<'e> {
    engine: &'e Engine,
}

impl<'e> OpenGroups<'e> {
    pub(crate) fn of(engine: &'e Engine) -> Self {
        Self { engine }
    }

    /// The open groups of these environments, or those of them that are about a function. What cannot be read is named.
    pub(super) async fn read(
        self,
        environments: &[&EnvironmentName],
        function: Option<&FunctionName>,
        unreadable: &mut Vec<String>,
    ) -> Result<Vec<GroupStatus>, Transient> {
        let prefix = Group::open();
        let keys = self.engine.store().keys(&prefix).await?;
        let is_asked = |key: &String| {
            let environment = key.strip_prefix(&prefix).and_then(|rest| rest.split_once('/')).map(|(name, _)| name);
            environments.iter().any(|asked| Some(asked.as_str()) == environment)
        };
        let reads = keys.iter().filter(|key| is_asked(key)).map(|key| Groups::of(self.engine).read(key));
        let mut reading = stream::iter(reads).buffered(READ_AT_ONCE);
        let mut groups = Vec::new();
        while let Some(read) = reading.next().await {
            match read {
                Ok(Some(group)) => groups.push(GroupStatus::from(&group)),
                // It has ended meanwhile.
                Ok(None) => {}
                Err(error) => unreadable.push(error.to_string()),
            }
        }
        groups.retain(|group| function.is_none_or(|function| group.has(function)));
        Ok(groups)
    }
}
