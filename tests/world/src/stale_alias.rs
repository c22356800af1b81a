//! Reads of an alias that are older than its last write.

use deployer_core::id::{AliasName, FunctionName};
use deployer_core::observed::ObservedAlias;
use deployer_engine::port::Write;
use jiff::Timestamp;

use super::lambda::Lambda;

impl Lambda {
    /// Reads an alias: for a while after a write as it was before.
    pub(super) fn read_alias(
        &self,
        function: &FunctionName,
        alias: &AliasName,
        now: Timestamp,
    ) -> Option<ObservedAlias> {
        let lags = |written: Timestamp| now < written + self.alias_reads_lag;
        match self.aliases_before.get(&format!("{function}:{alias}")) {
            Some((written, before)) if lags(*written) => Some(before.clone()),
            _ => self.functions.get(function.as_str())?.look_at_alias(alias),
        }
    }

    /// Returns the alias that is about to be written, as it is.
    pub(super) fn alias_before(&self, function: &FunctionName, write: &Write<'_>) -> Option<ObservedAlias> {
        let alias = match write {
            Write::MoveAlias { alias, .. } | Write::ShiftAlias { alias, .. } => alias,
            Write::RewriteAlias { alias, .. } => &alias.name,
            _ => return None,
        };
        self.functions.get(function.as_str())?.look_at_alias(alias)
    }

    /// Keeps what an alias was before it was written.
    pub(super) fn note_alias_before(&mut self, function: &FunctionName, before: Option<ObservedAlias>, now: Timestamp) {
        if let Some(before) = before {
            self.aliases_before.insert(format!("{function}:{}", before.name), (now, before));
        }
    }
}
