//! The traffic that the alias of a target is meant to serve, and the one that it was found to serve.

use super::foreign_alias::ForeignAlias;
use super::state::{RolloutTarget, WayBack};
use crate::alias_traffic::Traffic;
use crate::id::Version;
use crate::observed::ObservedAlias;
use crate::text::PlainText;

/// The traffic that an alias is meant to serve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MeantAlias {
    /// The alias's FunctionVersion.
    pub version: Version,
    /// A further version with its share of the traffic, in percent.
    pub weight: Option<(Version, u8)>,
}

/// The traffic that an alias was found to serve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FoundAlias {
    /// It serves what is meant.
    Arrived,
    /// It is what is meant, and Lambda still holds the traffic on the version before.
    KeptBack,
    /// It serves what it served before, and is to be moved.
    Former,
    /// It does not exist, and is to be made.
    Absent,
    /// Somebody else has changed it.
    Foreign(ForeignAlias),
}

impl MeantAlias {
    /// Whether the alias serves exactly this.
    #[must_use]
    pub fn is_served_by(&self, alias: &ObservedAlias) -> bool {
        let is_version = alias.version.as_ref() == Some(&self.version);
        // A weight of 0 is a weight still: an alias ends without any.
        let mut weights = alias.weights.iter();
        is_version
            && match (&self.weight, weights.next(), weights.next()) {
                (None, None, _) => true,
                (Some((version, percent)), Some((found, part)), None) => {
                    version.as_str() == found && (part * 100.0 - f64::from(*percent)).abs() < 0.001
                }
                _ => false,
            }
    }
}

impl std::fmt::Display for MeantAlias {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "version {}", self.version)?;
        self.weight.iter().try_for_each(|(version, percent)| write!(f, " and {percent}% to version {version}"))
    }
}

impl RolloutTarget {
    /// Returns what its alias is meant to serve now. None where it has none to serve: the alias is not made yet.
    #[must_use]
    pub fn meant_alias(&self) -> Option<MeantAlias> {
        self.alias_with(self.weight)
    }

    /// Returns the version that its alias served before the rollout; none: there was no such alias.
    #[must_use]
    pub fn served_before(&self) -> Option<&Version> {
        self.old.as_ref().or(self.replaces.as_ref())
    }

    /// Returns what its alias serves where the new version has this share of the traffic.
    fn alias_with(&self, weight: u8) -> Option<MeantAlias> {
        match weight {
            0 => Some(MeantAlias { version: self.served_before()?.clone(), weight: None }),
            100.. => Some(MeantAlias { version: self.new.clone()?, weight: None }),
            percent => {
                let weight = Some((self.new.clone()?, percent));
                Some(MeantAlias { version: self.old.clone()?, weight })
            }
        }
    }

    /// Compares its alias with what it was last seen to serve; while a move of it is open, with what is meant too.
    #[must_use]
    pub fn compare_in_look(&self, alias: Option<&ObservedAlias>) -> FoundAlias {
        match self.compare(alias) {
            FoundAlias::Former if self.moving_since().is_some() => FoundAlias::Former,
            FoundAlias::Former | FoundAlias::Absent => {
                let meant = self.meant_alias().map_or("no such alias".to_owned(), |meant| meant.to_string());
                foreign(&meant, alias)
            }
            found => found,
        }
    }

    /// Compares its alias with what is meant, and with what it served before.
    ///
    /// On the way back each share between the two versions is its own doing: a move that nobody confirmed may have
    /// taken effect, or not.
    #[must_use]
    pub fn compare(&self, alias: Option<&ObservedAlias>) -> FoundAlias {
        let former = self.alias_with(self.served.last().map_or(0, |served| served.weight));
        let Some(alias) = alias else {
            return match former {
                None => FoundAlias::Absent,
                Some(former) => foreign(&former.to_string(), None),
            };
        };
        let meant = self.meant_alias();
        if meant.as_ref().is_some_and(|meant| meant.is_served_by(alias)) {
            return FoundAlias::Arrived;
        }
        let before = if self.weight == 0 { self.new.as_ref() } else { self.served_before() };
        let is_whole = |meant: &MeantAlias| meant.weight.is_none() && alias.version.as_ref() == Some(&meant.version);
        let is_ours = |version: &Version| [self.served_before(), self.new.as_ref()].contains(&Some(version));
        let has_only_zeros = alias.weights.values().all(|part| *part == 0.0);
        if meant.as_ref().is_some_and(is_whole) && has_only_zeros && alias.versions().all(|version| is_ours(&version)) {
            // The traffic is as meant. It is written once more, so that no weights stay.
            return FoundAlias::Former;
        }
        if meant.as_ref().is_some_and(is_whole)
            && matches!(Traffic::after_move(alias, before.filter(|_| self.weight > 0)), Traffic::KeptBack { .. })
        {
            return FoundAlias::KeptBack;
        }
        let is_former = match self.way_back {
            Some(WayBack::Open) => {
                let known = alias.versions().filter(is_ours).count();
                known == 1 + alias.weights.len()
            }
            _ => former.as_ref().is_some_and(|former| former.is_served_by(alias)),
        };
        if is_former {
            return FoundAlias::Former;
        }
        let expected = former.map_or("no such alias".to_owned(), |former| former.to_string());
        foreign(&expected, Some(alias))
    }
}

/// Makes the finding of an alias that somebody else has changed.
fn foreign(expected: &str, found: Option<&ObservedAlias>) -> FoundAlias {
    let has_only_zeros = |alias: &&ObservedAlias| alias.weights.values().all(|part| *part == 0.0);
    let alone = found.filter(has_only_zeros).and_then(|alias| alias.version.clone());
    let found = found.map_or("no such alias".to_owned(), ToString::to_string);
    let said = PlainText::of(format_args!("expected {expected}, found {found}"));
    FoundAlias::Foreign(ForeignAlias { said, alone })
}
