//! The README of each module has tables of its variables and outputs, as `variables.tf` and `outputs.tf` say.
//!
//! `UPDATE_TABLES=1` writes them, between the markers [`BEGIN`] and [`END`]. The text around them is written by hand.

#![allow(clippy::unwrap_used)]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use super::hcl::{Block, Reading, blocks};
use super::infra;

/// The variable that rewrites the tables if it is `1`.
const UPDATE: &str = "UPDATE_TABLES";
const BEGIN: &str = "<!-- begin: tables of variables and outputs, written by UPDATE_TABLES=1 cargo test -p infra -->";
const END: &str = "<!-- end: tables of variables and outputs -->";

/// The longest type that stands in the table. A longer one stands below it.
const LONGEST_TYPE: usize = 40;

#[test]
fn tables_of_variables_and_outputs_are_those_of_the_modules() {
    let update = std::env::var_os(UPDATE).is_some_and(|value| value == "1");
    let mut old = Vec::new();
    for module in modules() {
        let readme = module.join("README.md");
        let name = module.file_name().unwrap().to_string_lossy().into_owned();
        let text = match fs::read_to_string(&readme) {
            Err(_) if update => format!("# Module {name}\n\n{BEGIN}\n{END}\n"),
            read => read.unwrap_or_else(|error| panic!("the module {name} has no README.md that can be read: {error}")),
        };
        let expected = with_tables(&text, &tables(&module).unwrap_or_else(|why| panic!("module {name}: {why}")))
            .unwrap_or_else(|why| panic!("infra/modules/{name}/README.md {why}"));
        if update {
            fs::write(&readme, &expected).unwrap();
        } else if text != expected {
            old.push(name);
        }
    }
    assert!(old.is_empty(), "the tables of {old:?} are old. Write them with {UPDATE}=1 cargo test -p infra");
}

#[test]
fn variables_and_outputs_of_a_module_stand_in_their_files() {
    for module in modules() {
        for file in files(&module).into_iter().filter(|file| file.extension().is_some_and(|end| end == "tf")) {
            let text = fs::read_to_string(&file).unwrap();
            for (kind, home) in [("variable", "variables.tf"), ("output", "outputs.tf")] {
                let found = text.lines().find(|line| line.starts_with(&format!("{kind} \"")));
                let (shown, is_home) = (file.display(), file.ends_with(home));
                assert!(is_home || found.is_none(), "{shown} has {found:?}, which belongs to {home}");
            }
        }
    }
}

#[test]
fn tables_stand_between_the_markers_and_nowhere_else() {
    let text = format!("# x\n\nBy hand.\n\n{BEGIN}\nold\n{END}\n\nMore.\n");
    let expected = format!("# x\n\nBy hand.\n\n{BEGIN}\nnew\n{END}\n\nMore.\n");
    assert_eq!(with_tables(&text, "new\n").unwrap(), expected);
    assert_eq!(with_tables(&expected, "new\n").unwrap(), expected);
    for text in ["# x\n".to_owned(), format!("{BEGIN}\n"), format!("{END}\n{BEGIN}\n"), expected.repeat(2)] {
        assert!(with_tables(&text, "new\n").unwrap_err().contains("needs the lines"), "{text}");
    }
}

#[test]
fn row_shows_name_type_default_and_description() {
    let text = r#"variable "a" {
  description = "The name | of `<x>`, or <y>, with * (\"all\")."
  type        = string
}

variable "b" {
  description = "B."
  default     = ["x", { y = 1 }]

  type = list(object({
    name  = string
    other = optional(string, "a long default of it")
  }))

  validation {
    condition     = true
    error_message = "b must be }."
  }
}
"#;
    let expected = r#"## Variables

| name | type | default | description |
|---|---|---|---|
| `a` | `string` | needed | The name \| of `<x>`, or \<y>, with \* ("all"). |
| `b` | [below](#type-of-b) | `["x", { y = 1 }]` | B. |

### Type of b

```hcl
list(object({
  name  = string
  other = optional(string, "a long default of it")
}))
```
"#;
    assert_eq!(variables(&blocks(text).unwrap()).unwrap(), expected);
}

#[test]
fn output_shows_name_and_description() {
    let text = "output \"a\" {\n  description = \"A.\"\n  value       = { b = 1 }\n  depends_on  = [x.y]\n}\n";
    let expected = "## Outputs\n\n| name | description |\n|---|---|\n| `a` | A. |\n";
    assert_eq!(outputs(&blocks(text).unwrap()).unwrap(), expected);
}

#[test]
fn variable_that_does_not_say_enough_is_refused() {
    for (text, because) in [
        ("variable \"a\" {\n  type = string\n}\n", "a says no description"),
        ("variable \"a\" {\n  description = \"A.\"\n}\n", "a says no type"),
        (
            "variable \"a\" {\n  description = local.a\n  type        = string\n}\n",
            "the description of a is no plain text",
        ),
        ("variable \"a\" {\n  description = \"A ${b}.\"\n  type        = string\n}\n", "is no plain text"),
        (
            "variable \"a\" {\n  describtion = \"A.\"\n  type        = string\n}\n",
            "a says describtion, which is not known",
        ),
        ("output \"a\" {\n  description = \"A.\"\n  value       = 1\n}\n", "output \"a\" is no variable"),
    ] {
        let refused = variables(&blocks(text).unwrap()).unwrap_err();
        assert!(refused.contains(because), "{refused}");
    }
}

fn modules() -> Vec<PathBuf> {
    let mut modules: Vec<PathBuf> =
        files(&infra().join("modules")).into_iter().filter(|path| path.join("variables.tf").is_file()).collect();
    modules.sort();
    assert!(modules.len() >= 4, "{modules:?}");
    modules
}

fn files(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}

/// Returns the tables of a module. Local values may stand beside outputs.
fn tables(module: &Path) -> Reading<String> {
    let read = |name: &str| {
        let text = fs::read_to_string(module.join(name)).map_err(|error| format!("reading {name}: {error}"))?;
        let mut blocks = blocks(&text).map_err(|why| format!("{name}: {why}"))?;
        blocks.retain(|block| block.head != "locals");
        Ok::<_, String>(blocks)
    };
    Ok(format!("{}\n{}", variables(&read("variables.tf")?)?, outputs(&read("outputs.tf")?)?))
}

/// Puts tables between the markers of a README.
fn with_tables(readme: &str, tables: &str) -> Reading<String> {
    let marked = readme.split_once(&format!("{BEGIN}\n")).and_then(|(before, rest)| {
        let (_, after) = rest.split_once(&format!("{END}\n"))?;
        let once = !before.contains(END) && !after.contains(BEGIN) && !after.contains(END);
        once.then(|| format!("{before}{BEGIN}\n{tables}{END}\n{after}"))
    });
    marked.ok_or_else(|| format!("needs the lines\n{BEGIN}\n{END}\nonce, in this order"))
}

fn variables(blocks: &[Block]) -> Reading<String> {
    let known = ["default", "description", "ephemeral", "nullable", "sensitive", "type", "validation"];
    let mut table = "## Variables\n\n| name | type | default | description |\n|---|---|---|---|\n".to_owned();
    let mut below = String::new();
    for block in blocks {
        let name = named(block, "variable", &known)?;
        let kind = block.get("type").ok_or_else(|| format!("{name} says no type"))?;
        let shown = if kind.contains('\n') || kind.len() > LONGEST_TYPE {
            write!(below, "\n### Type of {name}\n\n```hcl\n{kind}\n```\n").map_err(|error| error.to_string())?;
            format!("[below](#type-of-{name})")
        } else {
            code(kind)
        };
        let default = block.get("default").map_or_else(|| "needed".to_owned(), |default| code(&one_line(default)));
        let description = description(block, name)?;
        writeln!(table, "| `{name}` | {shown} | {default} | {description} |").map_err(|error| error.to_string())?;
    }
    Ok(table + &below)
}

fn outputs(blocks: &[Block]) -> Reading<String> {
    let known = ["depends_on", "description", "ephemeral", "precondition", "sensitive", "value"];
    let mut table = "## Outputs\n\n| name | description |\n|---|---|\n".to_owned();
    for block in blocks {
        let name = named(block, "output", &known)?;
        writeln!(table, "| `{name}` | {} |", description(block, name)?).map_err(|error| error.to_string())?;
    }
    Ok(table)
}

/// Returns the name of a block of this kind that says nothing but what is known.
fn named<'a>(block: &'a Block, kind: &str, known: &[&str]) -> Reading<&'a str> {
    let Some(name) = block.label(kind) else { return Err(format!("{} is no {kind}", block.head)) };
    match block.parts.iter().find(|(part, _)| !known.contains(&part.as_str())) {
        Some((part, _)) => Err(format!("{name} says {part}, which is not known here")),
        None => Ok(name),
    }
}

/// Returns the description as Markdown.
fn description(block: &Block, name: &str) -> Reading<String> {
    let text = block.get("description").ok_or_else(|| format!("{name} says no description"))?;
    let plain = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).filter(|text| !text.contains("${"));
    let plain = plain.ok_or_else(|| format!("the description of {name} is no plain text"))?;
    let (mut shown, mut in_code, mut signs) = (String::new(), false, plain.chars());
    while let Some(sign) = signs.next() {
        let sign = match sign {
            '\\' => signs.next().filter(|sign| ['"', '\\'].contains(sign)),
            sign => Some(sign),
        };
        let sign = sign.ok_or_else(|| format!("the description of {name} is no plain text"))?;
        in_code ^= sign == '`';
        if sign == '|' || !in_code && ['<', '*'].contains(&sign) {
            shown.push('\\');
        }
        shown.push(sign);
    }
    Ok(shown)
}

fn code(text: &str) -> String {
    format!("`{}`", text.replace('|', "\\|"))
}

fn one_line(text: &str) -> String {
    text.lines().map(str::trim).collect::<Vec<_>>().join(" ")
}
