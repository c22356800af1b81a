//! The modules of one package: their files, their imports, and the file in which a path ends.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::reading::{Token, is_name, tokens};

/// A module's path from the root of its package; the root's own is empty.
pub type ModulePath = Vec<String>;

/// An imported name: `use a::b as c` gives `c` to `a::b`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Import {
    path: Vec<String>,
    name: String,
    is_public: bool,
}

/// One module, which is one file.
#[derive(Debug, Default)]
pub struct Module {
    /// The file, from the root of the package.
    pub file: PathBuf,
    /// The tokens outside of `use` lines.
    pub tokens: Vec<Token>,
    imports: Vec<Import>,
    /// The names that the file itself defines.
    defines: BTreeSet<String>,
}

/// The modules of one package.
#[derive(Debug, Default)]
pub struct Modules {
    /// Each module by its path.
    pub all: BTreeMap<ModulePath, Module>,
}

/// The end of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// It names a module.
    Module(ModulePath),
    /// It names an item that this module defines.
    Item(ModulePath, String),
}

const DEFINING: [&str; 9] = ["struct", "enum", "fn", "trait", "type", "const", "static", "union", "macro_rules"];

impl Module {
    fn read(file: &Path, text: &str) -> Self {
        let all = tokens(text);
        let (mut rest, mut imports, mut at) = (Vec::new(), Vec::new(), 0);
        while at < all.len() {
            let begins_item = at == 0 || [";", "}", "{", "]", ")", "pub"].contains(&all[at - 1].as_str());
            if all[at] == "use" && begins_item {
                let is_public = rest.last().is_some_and(|token| token == "pub" || token == ")");
                let end = all[at..].iter().position(|token| token == ";").map_or(all.len(), |end| at + end);
                import_tree(&all[at + 1..end], &[], is_public, &mut imports);
                at = end + 1;
            } else {
                rest.push(all[at].clone());
                at += 1;
            }
        }
        let named = |pair: &[Token]| DEFINING.contains(&pair[0].as_str()).then(|| pair[1].clone());
        let macros = rest.windows(3).filter(|three| three[0] == "macro_rules").map(|three| three[2].clone());
        let defines = rest.windows(2).filter_map(named).chain(macros).collect();
        Self { file: file.to_owned(), tokens: rest, imports, defines }
    }

    /// Whether a name is used in the code, other than as a macro's name or behind a path.
    fn uses(&self, name: &str) -> bool {
        let token = |at: usize| self.tokens.get(at).map_or("", String::as_str);
        let stands_alone =
            |at: usize| token(at + 1) != "!" && (at == 0 || !["::", ".", "mod"].contains(&token(at - 1)));
        (0..self.tokens.len()).any(|at| token(at) == name && stands_alone(at))
    }

    fn declared(&self) -> Vec<String> {
        let declares = |three: &&[Token]| three[0] == "mod" && three[2] == ";";
        self.tokens.windows(3).filter(declares).map(|three| three[1].clone()).collect()
    }
}

/// Reads one `use` tree.
fn import_tree(tree: &[Token], before: &[String], is_public: bool, imports: &mut Vec<Import>) {
    let mut path = before.to_vec();
    let mut at = 0;
    while let Some(token) = tree.get(at) {
        match token.as_str() {
            "::" => at += 1,
            "{" => {
                let inner = &tree[at + 1..crate::reading::closing(tree, at)];
                for branch in branches(inner) {
                    import_tree(branch, &path, is_public, imports);
                }
                return;
            }
            "as" => break,
            _ => {
                path.push(token.clone());
                at += 1;
            }
        }
    }
    if path.len() > before.len() && path.last().is_some_and(|last| last == "self") && path.len() > 1 {
        path.pop();
    }
    let alias = tree.get(at + 1).filter(|_| tree.get(at).is_some_and(|token| token == "as"));
    if let Some(name) = alias.or(path.last()).cloned() {
        imports.push(Import { path, name, is_public });
    }
}

/// Splits the inside of braces at the commas that are not in inner braces.
fn branches(inner: &[Token]) -> Vec<&[Token]> {
    let (mut found, mut start, mut depth) = (Vec::new(), 0, 0);
    for (at, token) in inner.iter().enumerate() {
        match token.as_str() {
            "{" => depth += 1,
            "}" => depth -= 1,
            "," if depth == 0 => {
                found.push(&inner[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    found.push(&inner[start..]);
    found.retain(|branch| !branch.is_empty());
    found
}

impl Modules {
    /// Returns the modules of the package with this root file, as `mod` lines declare them.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub fn of(root: &Path) -> std::io::Result<Self> {
        let folder = root.parent().unwrap_or(root);
        let mut modules = Self::default();
        let mut open = vec![(ModulePath::new(), root.to_owned())];
        while let Some((path, file)) = open.pop() {
            let text = std::fs::read_to_string(&file)?;
            let module = Module::read(file.strip_prefix(folder).unwrap_or(&file), &text);
            for name in module.declared() {
                let child: ModulePath = path.iter().cloned().chain([name]).collect();
                let below = folder.join(child.iter().collect::<PathBuf>());
                let (flat, nested) = (below.with_extension("rs"), below.join("mod.rs"));
                open.push((child, if flat.exists() { flat } else { nested }));
            }
            modules.all.insert(path, module);
        }
        Ok(modules)
    }

    /// Makes modules from texts, for tests: path and text.
    #[must_use]
    pub fn from_texts(texts: &[(&str, &str)]) -> Self {
        let read = |(path, text): &(&str, &str)| {
            let module_path = path.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect();
            (module_path, Module::read(Path::new(if path.is_empty() { "lib" } else { path }), text))
        };
        Self { all: texts.iter().map(read).collect() }
    }

    /// Returns the end of a path that is written in the module `from`. `None`: it leads out of the package.
    #[must_use]
    pub fn resolve(&self, from: &ModulePath, path: &[String]) -> Option<Found> {
        self.resolve_within(from, path, 16)
    }

    fn resolve_within(&self, from: &ModulePath, path: &[String], steps: u8) -> Option<Found> {
        let steps = steps.checked_sub(1)?;
        let (first, mut rest) = path.split_first()?;
        let mut at = match first.as_str() {
            "crate" => ModulePath::new(),
            "self" => from.clone(),
            "super" => {
                let mut up = from.clone();
                up.pop();
                while let Some((first, after)) = rest.split_first().filter(|(first, _)| *first == "super") {
                    let _super = first;
                    up.pop();
                    rest = after;
                }
                up
            }
            _ => match self.member(from, first, steps)? {
                Found::Module(module) => module,
                item @ Found::Item(..) => return Some(item),
            },
        };
        for name in rest {
            match self.member(&at, name, steps)? {
                Found::Module(module) => at = module,
                item @ Found::Item(..) => return Some(item),
            }
        }
        Some(Found::Module(at))
    }

    /// Finds a name in a module: a child, an import, or an item of its own.
    fn member(&self, of: &ModulePath, name: &str, steps: u8) -> Option<Found> {
        let child: ModulePath = of.iter().cloned().chain([name.to_owned()]).collect();
        if self.all.contains_key(&child) {
            return Some(Found::Module(child));
        }
        let module = self.all.get(of)?;
        if module.defines.contains(name) {
            return Some(Found::Item(of.clone(), name.to_owned()));
        }
        if let Some(import) = module.imports.iter().find(|import| import.name == name) {
            let points_at_itself = import.path.first().is_some_and(|first| first == name);
            return if points_at_itself { None } else { self.resolve_within(of, &import.path, steps) };
        }
        let globs = module.imports.iter().filter(|import| import.name == "*");
        globs.filter_map(|glob| self.resolve_within(of, &glob.path[..glob.path.len() - 1], steps)).find_map(|found| {
            match found {
                Found::Module(module) if module != *of => self.member(&module, name, steps.checked_sub(1)?),
                _ => None,
            }
        })
    }

    /// Returns the modules that a module is tied to, each with the names that tie it.
    ///
    /// Declaring a child and passing its names on is no tie, unless a name is used as well.
    #[must_use]
    pub fn ties(&self, from: &ModulePath) -> BTreeMap<ModulePath, BTreeSet<String>> {
        let mut ties: BTreeMap<ModulePath, BTreeSet<String>> = BTreeMap::new();
        let Some(module) = self.all.get(from) else { return ties };
        let mut tie = |found: Option<Found>| {
            if let Some(Found::Item(to, name)) = found
                && to != *from
            {
                ties.entry(to).or_default().insert(name);
            }
        };
        for import in &module.imports {
            let is_passed_on = import.is_public && !module.uses(&import.name);
            if import.name == "*" {
                if let (false, Some(Found::Module(to))) =
                    (import.is_public, self.resolve(from, &import.path[..import.path.len() - 1]))
                {
                    tie(Some(Found::Item(to, "*".to_owned())));
                }
            } else if !is_passed_on {
                tie(self.resolve(from, &import.path));
            }
        }
        for path in paths(&module.tokens) {
            tie(self.resolve(from, &path));
        }
        ties
    }
}

/// Returns the paths of more than one part in the code.
fn paths(tokens: &[Token]) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let mut path = Vec::new();
        while is_name(&tokens[at]) && tokens.get(at + 1).is_some_and(|next| next == "::") {
            path.push(tokens[at].clone());
            at += 2;
            if at >= tokens.len() {
                break;
            }
        }
        if let Some(last) = tokens.get(at).filter(|token| is_name(token) && !path.is_empty()) {
            path.push(last.clone());
        }
        if path.len() > 1 {
            found.push(path);
        }
        at += 1;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ties(texts: &[(&str, &str)], from: &str) -> Vec<String> {
        let from: ModulePath = from.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect();
        let ties = Modules::from_texts(texts).ties(&from);
        let names = |(to, names): (ModulePath, BTreeSet<String>)| {
            format!("{}: {}", to.join("/"), names.into_iter().collect::<Vec<_>>().join(" "))
        };
        ties.into_iter().map(names).collect()
    }

    #[test]
    fn import_of_an_item_is_a_tie_to_its_file() {
        let texts = [("", "mod a; mod b;"), ("a", "use crate::b::{self, T, U as V};"), ("b", "struct T; struct U;")];
        assert_eq!(ties(&texts, "a"), ["b: T U"]);
    }

    #[test]
    fn path_in_code_is_a_tie() {
        let texts = [
            ("", "mod a; mod b;"),
            ("a", "fn f() { super::b::g(); let x: crate::b::T; }"),
            ("b", "fn g() {} struct T;"),
        ];
        assert_eq!(ties(&texts, "a"), ["b: T g"]);
    }

    #[test]
    fn use_through_an_imported_module_is_a_tie() {
        let texts = [("", "mod a; mod b;"), ("a", "use crate::b; fn f() { b::g(); }"), ("b", "fn g() {}")];
        assert_eq!(ties(&texts, "a"), ["b: g"]);
        let texts = [("", "mod a; mod b;"), ("a", "use crate::b;"), ("b", "fn g() {}")];
        assert!(ties(&texts, "a").is_empty());
    }

    #[test]
    fn reexported_name_ties_to_its_definition() {
        let texts =
            [("", "mod a; mod p;"), ("a", "use crate::p::T;"), ("p", "mod c; pub use c::T;"), ("p/c", "struct T;")];
        assert_eq!(ties(&texts, "a"), ["p/c: T"]);
        assert!(ties(&texts, "p").is_empty());
    }

    #[test]
    fn reexported_name_that_is_used_is_a_tie() {
        let texts = [("", "mod p;"), ("p", "mod c; pub use c::T; struct S(T);"), ("p/c", "use super::S; struct T;")];
        assert_eq!(ties(&texts, "p"), ["p/c: T"]);
        assert_eq!(ties(&texts, "p/c"), ["p: S"]);
    }

    #[test]
    fn reexported_name_used_only_as_macro_or_method_is_no_tie() {
        let texts = [
            ("", "mod p;"),
            ("p", "mod c; pub use c::write; fn f() { write!(x); x.write(); }"),
            ("p/c", "fn write() {}"),
        ];
        assert!(ties(&texts, "p").is_empty());
    }

    #[test]
    fn glob_of_a_parent_is_a_tie() {
        let texts = [("", "mod p;"), ("p", "mod c; struct S;"), ("p/c", "use super::*;")];
        assert_eq!(ties(&texts, "p/c"), ["p: *"]);
    }

    #[test]
    fn names_of_other_packages_are_no_ties() {
        let texts = [("", "mod a;"), ("a", "use std::fmt; use serde::Serialize; fn f() { fmt::write(); }")];
        assert!(ties(&texts, "a").is_empty());
    }
}
