//! Tells whether an object that was read has anything that this deployer's types do not know, without writing the typed
//! object as JSON first. Heads are read before each decision, and hardly ever have such a thing.
//!
//! A serializer walks the typed object and the JSON that was read side by side. It must answer as a comparison of that
//! JSON with the typed object's JSON would.

use serde::Serialize;
use serde::ser::{self, Error as _, Serializer};
use serde_json::{Error, Map, Value};

/// The name that an unknown variant has among the known ones (`#[serde(other, rename = "?")]`). It is never written:
/// the name that was read is written instead.
pub const UNKNOWN: &str = "?";

/// Whether anything that was read is unknown, by the JSON that the typed object writes.
pub(crate) fn is_more(read: &Value, known: &Value) -> bool {
    match (read, known) {
        (Value::Object(read), Value::Object(known)) => {
            read.iter().any(|(field, read)| known.get(field).is_none_or(|known| is_more(read, known)))
        }
        (Value::Array(read), Value::Array(known)) => {
            read.len() != known.len() || read.iter().zip(known).any(|(read, known)| is_more(read, known))
        }
        (read, known) => known == UNKNOWN && read != known,
    }
}

/// Whether anything that was read is unknown to the type: [`is_more`] of what was read and of the JSON that the typed
/// object would write.
///
/// # Errors
/// The object cannot be written as JSON.
pub(crate) fn has_unknown<T: Serialize + ?Sized>(read: &Value, typed: &T) -> Result<bool, Error> {
    typed.serialize(Beside(Some(read)))
}

/// Compares one part of the typed object with the same part as it was read; none: nothing was read there.
#[derive(Clone, Copy)]
struct Beside<'r>(Option<&'r Value>);

impl<'r> Beside<'r> {
    /// Compares a word: the name that stands for unknown ones is unknown.
    fn word(self, word: &str) -> bool {
        word == UNKNOWN && self.0.is_some_and(|read| read != UNKNOWN)
    }

    fn list(self) -> List<'r> {
        List { read: self.0.and_then(Value::as_array).map(Vec::as_slice), at: 0, is_more: false }
    }

    fn fields(self) -> Fields<'r> {
        Fields { read: self.0.and_then(Value::as_object), name: None, known: 0, is_more: false }
    }

    /// The content of a variant, which JSON has as an object with one field.
    fn variant<C>(self, name: &str, content: impl FnOnce(Self) -> C) -> Variant<C> {
        let read = self.0.and_then(Value::as_object);
        let (inner, others) = match read {
            Some(fields) => (fields.get(name), fields.len() > usize::from(fields.contains_key(name))),
            None => (None, false),
        };
        Variant { content: content(Self(inner)), others }
    }
}

/// The elements of a list.
struct List<'r> {
    read: Option<&'r [Value]>,
    at: usize,
    is_more: bool,
}

impl List<'_> {
    fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        if let Some(read) = self.read.and_then(|read| read.get(self.at)) {
            self.is_more |= value.serialize(Beside(Some(read)))?;
        }
        self.at += 1;
        Ok(())
    }

    fn ended(&self) -> bool {
        self.is_more || self.read.is_some_and(|read| read.len() != self.at)
    }
}

/// The fields of an object. A field that was read and is not among them is unknown.
struct Fields<'r> {
    read: Option<&'r Map<String, Value>>,
    name: Option<String>,
    /// The number of fields that were read and are known.
    known: usize,
    is_more: bool,
}

impl Fields<'_> {
    fn field<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<(), Error> {
        if let Some(read) = self.read.and_then(|fields| fields.get(name)) {
            self.known += 1;
            self.is_more |= value.serialize(Beside(Some(read)))?;
        }
        Ok(())
    }

    fn ended(&self) -> bool {
        self.is_more || self.read.is_some_and(|fields| fields.len() != self.known)
    }
}

/// The content of a variant, and whether other fields stand beside it.
struct Variant<C> {
    content: C,
    others: bool,
}

macro_rules! known {
    ($($method:ident($type:ty),)*) => {
        $(fn $method(self, _: $type) -> Result<bool, Error> {
            Ok(false)
        })*
    };
}

impl<'r> Serializer for Beside<'r> {
    type Ok = bool;
    type Error = Error;
    type SerializeSeq = List<'r>;
    type SerializeTuple = List<'r>;
    type SerializeTupleStruct = List<'r>;
    type SerializeTupleVariant = Variant<List<'r>>;
    type SerializeMap = Fields<'r>;
    type SerializeStruct = Fields<'r>;
    type SerializeStructVariant = Variant<Fields<'r>>;

    known! {
        serialize_bool(bool), serialize_i8(i8), serialize_i16(i16), serialize_i32(i32), serialize_i64(i64),
        serialize_i128(i128), serialize_u8(u8), serialize_u16(u16), serialize_u32(u32), serialize_u64(u64),
        serialize_u128(u128), serialize_f32(f32), serialize_f64(f64), serialize_unit_struct(&'static str),
    }

    fn serialize_char(self, character: char) -> Result<bool, Error> {
        Ok(self.word(character.encode_utf8(&mut [0; 4])))
    }

    fn serialize_str(self, text: &str) -> Result<bool, Error> {
        Ok(self.word(text))
    }

    fn serialize_bytes(self, bytes: &[u8]) -> Result<bool, Error> {
        Ok(self.0.and_then(Value::as_array).is_some_and(|read| read.len() != bytes.len()))
    }

    fn serialize_none(self) -> Result<bool, Error> {
        Ok(false)
    }

    fn serialize_unit(self) -> Result<bool, Error> {
        Ok(false)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<bool, Error> {
        value.serialize(self)
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, name: &'static str) -> Result<bool, Error> {
        Ok(self.word(name))
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<bool, Error> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        name: &'static str,
        value: &T,
    ) -> Result<bool, Error> {
        let Variant { content, others } = self.variant(name, |inner| inner);
        Ok(value.serialize(content)? || others)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<List<'r>, Error> {
        Ok(self.list())
    }

    fn serialize_tuple(self, _: usize) -> Result<List<'r>, Error> {
        Ok(self.list())
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<List<'r>, Error> {
        Ok(self.list())
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        name: &'static str,
        _: usize,
    ) -> Result<Variant<List<'r>>, Error> {
        Ok(self.variant(name, Self::list))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Fields<'r>, Error> {
        Ok(self.fields())
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Fields<'r>, Error> {
        Ok(self.fields())
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        name: &'static str,
        _: usize,
    ) -> Result<Variant<Fields<'r>>, Error> {
        Ok(self.variant(name, Self::fields))
    }
}

impl ser::SerializeSeq for List<'_> {
    type Ok = bool;
    type Error = Error;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.element(value)
    }

    fn end(self) -> Result<bool, Error> {
        Ok(self.ended())
    }
}

impl ser::SerializeTuple for List<'_> {
    type Ok = bool;
    type Error = Error;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.element(value)
    }

    fn end(self) -> Result<bool, Error> {
        Ok(self.ended())
    }
}

impl ser::SerializeTupleStruct for List<'_> {
    type Ok = bool;
    type Error = Error;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.element(value)
    }

    fn end(self) -> Result<bool, Error> {
        Ok(self.ended())
    }
}

impl ser::SerializeTupleVariant for Variant<List<'_>> {
    type Ok = bool;
    type Error = Error;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.content.element(value)
    }

    fn end(self) -> Result<bool, Error> {
        Ok(self.others || self.content.ended())
    }
}

impl ser::SerializeMap for Fields<'_> {
    type Ok = bool;
    type Error = Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Error> {
        self.name = Some(match serde_json::to_value(key)? {
            Value::String(name) => name,
            other => other.to_string(),
        });
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        let name = self.name.take().ok_or_else(|| Error::custom("a value comes before its key"))?;
        self.field(&name, value)
    }

    fn end(self) -> Result<bool, Error> {
        Ok(self.ended())
    }
}

impl ser::SerializeStruct for Fields<'_> {
    type Ok = bool;
    type Error = Error;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), Error> {
        self.field(name, value)
    }

    fn end(self) -> Result<bool, Error> {
        Ok(self.ended())
    }
}

impl ser::SerializeStructVariant for Variant<Fields<'_>> {
    type Ok = bool;
    type Error = Error;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), Error> {
        self.content.field(name, value)
    }

    fn end(self) -> Result<bool, Error> {
        Ok(self.others || self.content.ended())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;

    #[derive(Serialize)]
    enum Shape {
        Unit,
        #[serde(rename = "?")]
        Unknown,
        New(u8),
        Tuple(u8, Option<Box<Shape>>),
        Fields {
            inner: BTreeMap<u8, Vec<Shape>>,
        },
    }

    fn nested(shape: Shape) -> Shape {
        Shape::Tuple(1, Some(Box::new(Shape::Fields { inner: BTreeMap::from([(7, vec![Shape::Unit, shape])]) })))
    }

    /// Returns every value that has one more field, one more element, another word or another shape in one place.
    fn changed(value: &Value) -> Vec<Value> {
        let mut all = vec![json!(null), json!("other"), json!({"more": 1}), json!([1, 2, 3])];
        match value {
            Value::Object(fields) => {
                for (name, inner) in fields {
                    all.extend(changed(inner).into_iter().map(|inner| {
                        let mut fields = fields.clone();
                        fields.insert(name.clone(), inner);
                        Value::Object(fields)
                    }));
                    let mut fewer = fields.clone();
                    fewer.remove(name);
                    all.push(Value::Object(fewer));
                }
                let mut more = fields.clone();
                more.insert("more".to_owned(), json!({}));
                all.push(Value::Object(more));
            }
            Value::Array(elements) => {
                for (at, inner) in elements.iter().enumerate() {
                    all.extend(changed(inner).into_iter().map(|inner| {
                        let mut elements = elements.clone();
                        elements[at] = inner;
                        Value::Array(elements)
                    }));
                }
                all.push(Value::Array([elements.clone(), vec![json!(1)]].concat()));
            }
            _ => {}
        }
        all
    }

    #[test]
    fn answer_is_that_of_a_comparison_of_both_as_json() {
        let shapes = [Shape::Unit, Shape::Unknown, Shape::New(3), nested(Shape::New(4)), nested(Shape::Unknown)];
        let mut answers = [0, 0];
        for shape in shapes {
            let known = serde_json::to_value(&shape).unwrap();
            assert!(!has_unknown(&known, &shape).unwrap(), "{known}");
            for read in changed(&known) {
                let expected = is_more(&read, &known);
                assert_eq!(has_unknown(&read, &shape).unwrap(), expected, "{read} beside {known}");
                answers[usize::from(expected)] += 1;
            }
        }
        assert!(answers.into_iter().all(|count| count > 10), "{answers:?}");
    }
}
