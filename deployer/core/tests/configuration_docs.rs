//! The tables of fields in `docs/reference/configuration.md` are made from the JSON Schema of `deployer.json`.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use deployer_core::config;
use serde_json::Value;

const BEGIN: &str = "<!-- fields -->\n";
const END: &str = "<!-- /fields -->\n";
const STALE: &str = "docs/reference/configuration.md is stale: UPDATE_DOCS=1 cargo test --test configuration_docs";

/// `UPDATE_DOCS=1 cargo test --test configuration_docs` writes the tables anew.
#[test]
fn configuration_page_has_each_field_of_the_schema() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/configuration.md");
    let found = std::fs::read_to_string(&file).unwrap();
    let (before, rest) = found.split_once(BEGIN).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    let renewed = format!("{before}{BEGIN}\n{}\n\n{END}{after}", Tables::of(config::schema().as_value()).text.trim());
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&file, &renewed).unwrap();
    } else {
        assert_eq!(found, renewed, "{STALE}");
    }
}

#[test]
fn each_field_of_the_schema_has_a_sentence_about_it() {
    let schema = config::schema();
    let kinds = schema.as_value()["$defs"].as_object().unwrap().values();
    for object in kinds.chain([schema.as_value()]).filter_map(|kind| kind["properties"].as_object()) {
        for (field, about) in object {
            let text = about["description"].as_str().unwrap_or_default();
            assert!(text.ends_with('.') && text.contains(' '), "{field}: {text:?} is no sentence");
        }
    }
}

/// The tables: one of each kind of object, and one of the forms that values have.
struct Tables<'s> {
    schema: &'s Value,
    text: String,
    objects: Vec<(&'s str, String)>,
    forms: BTreeSet<&'s str>,
}

impl<'s> Tables<'s> {
    fn of(schema: &'s Value) -> Self {
        let mut tables = Self { schema, text: String::new(), objects: Vec::new(), forms: BTreeSet::new() };
        tables.object("The file", schema, "");
        let mut done = 0;
        while let Some((name, path)) = tables.objects.get(done).cloned() {
            tables.object(&words(name, true), &schema["$defs"][name], &path);
            done += 1;
        }
        tables.text.push_str("### How values are written\n\n| form | meaning |\n|---|---|\n");
        for name in tables.forms.clone() {
            let about = cell(schema["$defs"][name]["description"].as_str().unwrap_or_default());
            let _infallible = writeln!(tables.text, "| {} | {about} |", words(name, false));
        }
        tables
    }

    /// Writes the table of an object's fields, those that are required first.
    fn object(&mut self, heading: &str, object: &'s Value, path: &str) {
        let place = if path.is_empty() { String::new() } else { format!("`{path}`: ") };
        let about = format!("{place}{}", cell(object["description"].as_str().unwrap_or_default()));
        let header = "| field | form | default | meaning |\n|---|---|---|---|";
        let _infallible = write!(self.text, "### {heading}\n\n{about}\n\n{header}\n");
        let required: Vec<&str> =
            object["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let mut fields: Vec<(&String, &Value)> = object["properties"].as_object().unwrap().iter().collect();
        fields.sort_by_key(|(name, _)| (!required.contains(&name.as_str()), *name));
        for (name, field) in fields {
            let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            let form = self.form(field, &path);
            let (meaning, told) = split_default(field["description"].as_str().unwrap_or_default());
            let default = match &field["default"] {
                _ if required.contains(&name.as_str()) => "required".to_owned(),
                Value::Null => told.unwrap_or("none").to_owned(),
                Value::String(text) => format!("`{text}`"),
                other => format!("`{other}`"),
            };
            let (default, meaning) = (cell(&default), cell(&format!("{meaning}{}", self.choices(field))));
            let _infallible = writeln!(self.text, "| `{name}` | {form} | {default} | {meaning} |");
        }
        self.text.push('\n');
    }

    /// Names the form of a value, and remembers the kinds of objects and forms to explain.
    fn form(&mut self, field: &'s Value, path: &str) -> String {
        if let Some(name) = reference(field) {
            return self.named(name, path);
        }
        if let Some(any) = field["anyOf"].as_array() {
            let forms: Vec<String> =
                any.iter().filter(|one| one["type"] != "null").map(|one| self.form(one, path)).collect();
            return forms.join(", or ");
        }
        if let Some(values) = field["patternProperties"].as_object() {
            let of = values.values().next().unwrap();
            return format!("object of {} by name", plural(&self.form(of, &format!("{path}.<name>"))));
        }
        let types = [&field["type"][0], &field["type"]].into_iter().find_map(Value::as_str).unwrap_or_default();
        match (types, field["minimum"].as_u64(), field["maximum"].as_u64()) {
            ("array", ..) => format!("list of {}", plural(&self.form(&field["items"], &format!("{path}[]")))),
            ("integer", Some(least), Some(most)) => format!("whole number, {least} to {most}"),
            ("integer", Some(least), None) => format!("whole number, at least {least}"),
            ("boolean", ..) => "true or false".to_owned(),
            ("", ..) => "any value".to_owned(),
            (other, ..) => other.to_owned(),
        }
    }

    fn named(&mut self, name: &'s str, path: &str) -> String {
        let definition = &self.schema["$defs"][name];
        if definition["properties"].is_object() {
            if !self.objects.iter().any(|(known, _)| *known == name) {
                self.objects.push((name, path.to_owned()));
            }
            let words = words(name, false);
            return format!("[{words}](#{})", words.replace(' ', "-"));
        }
        match (definition["oneOf"].as_array(), definition["enum"].as_array(), definition["anyOf"].is_array()) {
            (Some(choices), ..) => one_of(choices.iter().filter_map(|choice| choice["const"].as_str())),
            (_, Some(choices), _) => one_of(choices.iter().filter_map(Value::as_str)),
            (.., true) => self.form(definition, path),
            _ => {
                self.forms.insert(name);
                words(name, false)
            }
        }
    }

    /// Explains the values of a field that takes one of some.
    fn choices(&self, field: &Value) -> String {
        let any = field["anyOf"].as_array().into_iter().flatten();
        let named = any.chain([field]).find_map(reference).map(|name| &self.schema["$defs"][name]["oneOf"]);
        let choices = named.and_then(Value::as_array).into_iter().flatten();
        choices.map(|choice| format!(" `{}`: {}", word(choice, "const"), lower(word(choice, "description")))).collect()
    }
}

fn reference(field: &Value) -> Option<&str> {
    field["$ref"].as_str()?.strip_prefix("#/$defs/")
}

fn word<'v>(value: &'v Value, name: &str) -> &'v str {
    value[name].as_str().unwrap_or_default()
}

fn one_of<'v>(choices: impl Iterator<Item = &'v str>) -> String {
    choices.map(|choice| format!("`{choice}`")).collect::<Vec<_>>().join(" or ")
}

/// Takes the sentence "Default: …." off a description.
fn split_default(text: &str) -> (&str, Option<&str>) {
    match text.split_once("Default: ") {
        Some((meaning, default)) => (meaning.trim(), Some(default.trim_end_matches('.'))),
        None => (text, None),
    }
}

/// Makes the plural of a form's name, or of a link to it.
fn plural(form: &str) -> String {
    match form.split_once(']') {
        Some((name, link)) => format!("{name}s]{link}"),
        None if form.contains('`') => form.to_owned(),
        None => format!("{form}s"),
    }
}

/// Makes words of a type's name: `AccountId` is an account id.
fn words(name: &str, at_start: bool) -> String {
    let name = if name == "Span" { "Duration" } else { name };
    let mut text = String::new();
    for (number, c) in name.chars().enumerate() {
        if c.is_uppercase() && number > 0 {
            text.push(' ');
        }
        text.push(if number == 0 && at_start { c } else { c.to_ascii_lowercase() });
    }
    text
}

fn lower(sentence: &str) -> String {
    let mut chars = sentence.chars();
    chars.next().map_or_else(String::new, |first| format!("{}{}", first.to_lowercase(), chars.as_str()))
}

/// Makes one line of a text, for a cell of a table.
fn cell(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}
