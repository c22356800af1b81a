//! Names for a message, which shows the first of them and how many there are.

use std::fmt;

use serde::ser::{Serialize, SerializeStruct as _, Serializer};

use crate::answer::one_line;

/// The most names or mistakes that a message shows.
pub(crate) const MOST_SHOWN: usize = 20;

/// Names, in their order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Names(Vec<String>);

impl Names {
    /// Adds a name.
    pub fn push(&mut self, name: String) {
        self.0.push(name);
    }

    /// Sorts the names.
    pub fn sort(&mut self) {
        self.0.sort_unstable();
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns all names.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

impl fmt::Display for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.0.iter().take(MOST_SHOWN).map(|name| one_line(name)).collect::<Vec<_>>().join(", ");
        match self.0.len() {
            all if all > MOST_SHOWN => write!(f, "{shown} and {} more ({all} in all)", all - MOST_SHOWN),
            _ => f.write_str(&shown),
        }
    }
}

/// As JSON: the first names, and the number of all.
impl Serialize for Names {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Names", 2)?;
        fields.serialize_field("names", &self.0.iter().take(MOST_SHOWN).collect::<Vec<_>>())?;
        fields.serialize_field("count", &self.0.len())?;
        fields.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twenty_names_and_the_number_are_shown() {
        let mut names = Names::default();
        (1..=20).for_each(|number| names.push(format!("n{number}")));
        assert!(names.to_string().ends_with("n19, n20"), "{names}");
        (21..=23).for_each(|number| names.push(format!("n{number}")));
        assert!(names.to_string().ends_with("n19, n20 and 3 more (23 in all)"), "{names}");
        let json = serde_json::to_value(&names).unwrap_or_default();
        assert_eq!((json["names"].as_array().map(Vec::len), &json["count"]), (Some(20), &23.into()));
    }
}
