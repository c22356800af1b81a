//! Collects all mistakes of form in a value, although serde stops at the first. Each mistake is repaired, by removing
//! the field or by putting a placeholder in its place, and the value is read again.

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::reading::{Step, read_first};
use super::{Diagnostic, FieldRules};

/// The most mistakes that are collected; nobody makes more by hand.
const MAX_DIAGNOSTICS: usize = 100;

/// Gives the placeholder for a missing field by its name, so that the other fields can be read.
pub(crate) type Placeholder = fn(&str) -> Option<Value>;

/// Reads a value as `T` and collects every mistake. The value that is returned lacks the fields that were wrong; it is
/// none if the rest cannot be read.
pub(crate) fn read_all<T: DeserializeOwned>(
    value: &Value,
    rules: &FieldRules,
    placeholder: Placeholder,
) -> (Option<T>, Vec<Diagnostic>) {
    let (mut value, mut diagnostics, mut removed) = (value.clone(), Vec::new(), Vec::<Vec<Step>>::new());
    while diagnostics.len() < MAX_DIAGNOSTICS {
        let (present_path, wrong) = match read_first::<T>(&value) {
            Ok(read) => return (Some(read), diagnostics),
            Err(wrong) => wrong,
        };
        let path = original_path(&present_path, &removed);
        let missing = wrong.missing();
        // A field that was removed here is reported as missing later, and its parent may then be wrong only because of
        // that. Neither is a new mistake.
        let known = match missing {
            Some(field) => {
                // The mistake of the misspelt field names this one already.
                let misspelt = format!("did you mean {field}?");
                diagnostics.iter().any(|diagnostic: &Diagnostic| diagnostic.sentence.ends_with(&misspelt))
                    || removed.contains(&[path.as_slice(), &[Step::Field(field.to_owned())]].concat())
            }
            None => removed.iter().any(|inner| inner.len() > path.len() && inner.starts_with(&path)),
        };
        if !known {
            diagnostics.push(wrong.diagnostic(&path, rules));
        }
        let repaired = match missing {
            Some(field) => {
                placeholder(field).is_some_and(|value_of| insert(&mut value, &present_path, field, value_of))
            }
            None => {
                removed.push(path);
                remove(&mut value, &present_path)
            }
        };
        if !repaired {
            break;
        }
    }
    (None, diagnostics)
}

/// Returns the path in the file as it was written: in a list from which items were removed, the later ones have moved
/// up.
fn original_path(path: &[Step], removed: &[Vec<Step>]) -> Vec<Step> {
    let mut written: Vec<Step> = Vec::new();
    for step in path {
        let Step::Item(index) = step else {
            written.push(step.clone());
            continue;
        };
        let is_taken = |index: usize| {
            removed.iter().any(|taken| {
                taken.len() == written.len() + 1
                    && taken.starts_with(&written)
                    && taken.last() == Some(&Step::Item(index))
            })
        };
        let (mut at, mut left) = (0, *index);
        while is_taken(at) || left > 0 {
            left -= usize::from(!is_taken(at));
            at += 1;
        }
        written.push(Step::Item(at));
    }
    written
}

fn find<'v>(value: &'v mut Value, path: &[Step]) -> Option<&'v mut Value> {
    path.iter().try_fold(value, |value, step| match step {
        Step::Field(name) => value.get_mut(name),
        Step::Item(index) => value.get_mut(index),
        Step::Unknown => None,
    })
}

fn remove(value: &mut Value, path: &[Step]) -> bool {
    let Some((last, parents)) = path.split_last() else { return false };
    match (find(value, parents), last) {
        (Some(Value::Object(fields)), Step::Field(name)) => fields.remove(name).is_some(),
        (Some(Value::Array(items)), Step::Item(index)) if *index < items.len() => {
            items.remove(*index);
            true
        }
        _ => false,
    }
}

fn insert(value: &mut Value, path: &[Step], field: &str, what: Value) -> bool {
    match find(value, path) {
        Some(Value::Object(fields)) => fields.insert(field.to_owned(), what).is_none(),
        _ => false,
    }
}
