//! Collects all mistakes of form in a value, although serde stops at the first. Each mistake is repaired, by removing
//! the field or by putting a placeholder in its place, and the value is read again.

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::reading::{Step, first};
use super::{Diagnostic, Reading};

/// The most mistakes that are collected; nobody makes more by hand.
const MOST: usize = 100;

/// Gives the placeholder for a missing field by its name, so that the other fields can be read.
pub(crate) type StandIn = fn(&str) -> Option<Value>;

/// Reads a value as `T` and collects every mistake. The value that is returned lacks the fields that were wrong; it is
/// none if the rest cannot be read.
pub(crate) fn read_all<T: DeserializeOwned>(
    value: &Value,
    reading: &Reading,
    stand_in: StandIn,
) -> (Option<T>, Vec<Diagnostic>) {
    let (mut value, mut mistakes, mut touched) = (value.clone(), Vec::new(), Vec::<Vec<Step>>::new());
    while mistakes.len() < MOST {
        let (here, wrong) = match first::<T>(&value) {
            Ok(read) => return (Some(read), mistakes),
            Err(wrong) => wrong,
        };
        let way = as_written(&here, &touched);
        let missing = wrong.missing();
        // A field that was removed here is reported as missing later, and its parent may then be wrong only because of
        // that. Neither is a new mistake.
        let known = match missing {
            Some(field) => {
                // The mistake of the misspelt field names this one already.
                let misspelt = format!("did you mean {field}?");
                mistakes.iter().any(|mistake: &Diagnostic| mistake.sentence.ends_with(&misspelt))
                    || touched.contains(&[way.as_slice(), &[Step::Field(field.to_owned())]].concat())
            }
            None => touched.iter().any(|inner| inner.len() > way.len() && inner.starts_with(&way)),
        };
        if !known {
            mistakes.push(wrong.on(&way, reading));
        }
        let put_right = match missing {
            Some(field) => stand_in(field).is_some_and(|value_of| put(&mut value, &here, field, value_of)),
            None => {
                touched.push(way);
                take(&mut value, &here)
            }
        };
        if !put_right {
            break;
        }
    }
    (None, mistakes)
}

/// Returns the path in the file as it was written: in a list from which items were removed, the later ones have moved
/// up.
fn as_written(way: &[Step], touched: &[Vec<Step>]) -> Vec<Step> {
    let mut written: Vec<Step> = Vec::new();
    for step in way {
        let Step::Item(index) = step else {
            written.push(step.clone());
            continue;
        };
        let is_taken = |index: usize| {
            touched.iter().any(|taken| {
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

fn find<'v>(value: &'v mut Value, way: &[Step]) -> Option<&'v mut Value> {
    way.iter().try_fold(value, |value, step| match step {
        Step::Field(name) => value.get_mut(name),
        Step::Item(index) => value.get_mut(index),
        Step::Unknown => None,
    })
}

fn take(value: &mut Value, way: &[Step]) -> bool {
    let Some((last, parents)) = way.split_last() else { return false };
    match (find(value, parents), last) {
        (Some(Value::Object(fields)), Step::Field(name)) => fields.remove(name).is_some(),
        (Some(Value::Array(items)), Step::Item(index)) if *index < items.len() => {
            items.remove(*index);
            true
        }
        _ => false,
    }
}

fn put(value: &mut Value, way: &[Step], field: &str, what: Value) -> bool {
    match find(value, way) {
        Some(Value::Object(fields)) => fields.insert(field.to_owned(), what).is_none(),
        _ => false,
    }
}
