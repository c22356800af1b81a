//! The methods of a type over all its `impl` blocks, without those of traits.

use std::collections::BTreeMap;

use crate::modules::{Found, Modules};
use crate::reading::{Token, closing, is_name};

/// Returns the number of methods by the file that defines the type and the type's name.
#[must_use]
pub fn methods(modules: &Modules) -> BTreeMap<(String, String), usize> {
    let mut found = BTreeMap::new();
    for (path, module) in &modules.all {
        for (name, count) in impls(&module.tokens) {
            let home = match modules.resolve(path, std::slice::from_ref(&name)) {
                Some(Found::Item(home, _)) => home,
                _ => path.clone(),
            };
            let file = modules.all.get(&home).map_or(String::new(), |module| module.file.display().to_string());
            *found.entry((file, name)).or_insert(0) += count;
        }
    }
    found
}

/// Returns each inherent `impl` block: the type's name, and the number of its functions.
fn impls(tokens: &[Token]) -> Vec<(String, usize)> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let begins_item = at == 0 || ["}", ";", "]", "{", "unsafe"].contains(&tokens[at - 1].as_str());
        if tokens[at] == "impl" && begins_item {
            let Some(open) = tokens[at..].iter().position(|token| token == "{").map(|open| at + open) else { break };
            let end = closing(tokens, open);
            let head = &tokens[at + 1..open];
            if let Some(name) = type_name(head).filter(|_| !head.iter().any(|token| token == "for")) {
                found.push((name, functions(&tokens[open + 1..end])));
            }
            at = end;
        }
        at += 1;
    }
    found
}

/// Returns the name of the type in the head of an `impl`, after its parameters.
fn type_name(head: &[Token]) -> Option<String> {
    let mut depth = 0;
    let mut name = None;
    for token in head {
        match token.as_str() {
            "<" => depth += 1,
            ">" => depth -= 1,
            "where" => break,
            word if depth == 0 && is_name(word) => name = Some(word.to_owned()),
            _ => {}
        }
    }
    name
}

fn functions(body: &[Token]) -> usize {
    let (mut count, mut at) = (0, 0);
    while at < body.len() {
        match body[at].as_str() {
            "{" => at = closing(body, at),
            "fn" if body.get(at + 1).is_some_and(|next| is_name(next)) => count += 1,
            _ => {}
        }
        at += 1;
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_of_all_inherent_blocks_are_added_up() {
        let modules = Modules::from_texts(&[
            ("", "mod a; mod b;"),
            (
                "a",
                "struct T<'a>(&'a u8); impl<'a> T<'a> { fn f(&self) -> impl Fn() { fn inner() {} } const fn g() {} }",
            ),
            ("b", "use crate::a::T; impl T<'_> { pub fn h(f: fn(u8)) {} } impl Clone for T<'_> { fn clone(&self) {} }"),
        ]);
        let found: Vec<_> = methods(&modules).into_iter().collect();
        assert_eq!(found, [(("a".to_owned(), "T".to_owned()), 3)]);
    }
}
