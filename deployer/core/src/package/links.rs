//! Symbolic links, which npm, pnpm and shared libraries need. A link must lead to something in the zip, or into a
//! layer.

use std::cell::Cell;
use std::collections::{HashMap, VecDeque};

/// The most links that a path may lead through (Linux, path_resolution(7)).
const MOST: usize = 40;
/// The folder that Lambda unpacks layers to (Lambda Developer Guide, "Packaging your layer content").
const LAYERS: &str = "opt";

/// The most steps for following all links of a zip. No tool's zip comes near; links through each other's long targets
/// could otherwise take minutes.
const STEPS: u64 = 50_000_000;

/// The links of a zip, with their targets.
#[derive(Debug, Default)]
pub(super) struct Links<'a> {
    targets: HashMap<&'a str, &'a str>,
    steps: Cell<u64>,
}

/// The destination of a link.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum LinkDestination {
    /// A path in the zip, whether anything is there or not.
    Inside(String),
    /// A file or folder in a layer.
    Layer,
}

/// The reason why a link is refused.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum LinkRefusal {
    Outside,
    Circular,
}

impl<'a> Links<'a> {
    pub(super) fn add(&mut self, path: &'a str, target: &'a str) {
        self.targets.insert(path, target);
    }

    /// Returns the target of the link at this path.
    pub(super) fn target(&self, path: &str) -> Option<&'a str> {
        self.targets.get(path).copied()
    }

    /// Follows a link at this path to its destination.
    pub(super) fn follow(&self, path: &str, target: &str) -> Result<LinkDestination, LinkRefusal> {
        if target.is_empty() || target.contains('\0') {
            return Err(LinkRefusal::Outside);
        }
        let mut at: Vec<&str> = path.split('/').collect();
        at.pop();
        let (mut rest, mut links) = (VecDeque::new(), 0_usize);
        let mut next = Some(target);
        loop {
            if let Some(target) = next.take() {
                links += 1;
                if links > MOST {
                    return Err(LinkRefusal::Circular);
                }
                if target.starts_with('/') {
                    return follow_absolute(target.split('/').chain(rest));
                }
                target.split('/').rev().for_each(|part| rest.push_front(part));
            }
            self.steps.set(self.steps.get() + 1 + at.len() as u64);
            if self.steps.get() > STEPS {
                return Err(LinkRefusal::Circular);
            }
            match rest.pop_front() {
                None => return Ok(LinkDestination::Inside(at.join("/"))),
                Some("" | ".") => {}
                Some("..") => {
                    at.pop().ok_or(LinkRefusal::Outside)?;
                }
                Some(name) => {
                    at.push(name);
                    if let Some(target) = self.targets.get(at.join("/").as_str()) {
                        at.pop();
                        next = Some(target);
                    }
                }
            }
        }
    }
}

fn follow_absolute<'p>(parts: impl Iterator<Item = &'p str>) -> Result<LinkDestination, LinkRefusal> {
    let mut at = Vec::new();
    for part in parts {
        match part {
            "" | "." => {}
            ".." => {
                at.pop();
            }
            name => at.push(name),
        }
    }
    if at.len() > 1 && at.first() == Some(&LAYERS) { Ok(LinkDestination::Layer) } else { Err(LinkRefusal::Outside) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn follow(links: &[(&'static str, &'static str)]) -> Result<LinkDestination, LinkRefusal> {
        let mut all = Links::default();
        links.iter().for_each(|(path, target)| all.add(path, target));
        all.follow(links[0].0, links[0].1)
    }

    fn inside(path: &str) -> Result<LinkDestination, LinkRefusal> {
        Ok(LinkDestination::Inside(path.to_owned()))
    }

    #[test]
    fn relative_link_leads_from_its_own_folder() {
        assert_eq!(
            follow(&[("node_modules/.bin/tsc", "../typescript/bin/tsc")]),
            inside("node_modules/typescript/bin/tsc")
        );
        assert_eq!(follow(&[("lib/libssl.so", "libssl.so.3")]), inside("lib/libssl.so.3"));
        assert_eq!(follow(&[("a/here", ".//./")]), inside("a"));
    }

    #[test]
    fn link_through_other_links_is_followed() {
        let pnpm = [("node_modules/a", ".pnpm/a@1/node_modules/a"), ("node_modules/.pnpm", "../store")];
        assert_eq!(follow(&pnpm), inside("store/a@1/node_modules/a"));
        assert_eq!(follow(&[("a", "b/x"), ("b", "/opt/b")]), Ok(LinkDestination::Layer));
        assert_eq!(follow(&[("a", "b/../../x"), ("b", "/opt/b")]), Err(LinkRefusal::Outside));
    }

    #[test]
    fn link_that_leads_out_of_the_zip_is_refused() {
        for target in
            ["..", "../x", "x/../../y", "/etc/passwd", "/opt", "/opt/", "/opt/../etc/x", "/optional/x", "/", "", "a\0b"]
        {
            assert_eq!(follow(&[("a", target)]), Err(LinkRefusal::Outside), "{target}");
        }
        assert_eq!(follow(&[("a", "/opt/lib/x.so")]), Ok(LinkDestination::Layer));
    }

    #[test]
    fn links_with_too_many_steps_together_are_refused() {
        // Each step in a deep folder counts as many as the folder has parts.
        let folder = "f/".repeat(500);
        let names: Vec<String> = (0..39).map(|number| format!("{folder}l{number}")).collect();
        let texts: Vec<String> = (1..40).map(|number| format!("{}l{number}", "./".repeat(800))).collect();
        let mut all = Links::default();
        names.iter().zip(&texts).for_each(|(name, text)| all.add(name, text));
        let (first, last) = (format!("{folder}a"), format!("{folder}l39"));
        assert_eq!(all.follow(&first, "l0"), inside(&last), "one alone is taken");
        assert!((0..100).any(|_| all.follow(&first, "l0") == Err(LinkRefusal::Circular)));
    }

    #[test]
    fn circular_links_are_refused_and_forty_in_a_row_accepted() {
        assert_eq!(follow(&[("a", "b"), ("b", "a")]), Err(LinkRefusal::Circular));
        assert_eq!(follow(&[("a", "a/x")]), Err(LinkRefusal::Circular));
        let names: Vec<String> = (0..=41).map(|number| number.to_string()).collect();
        let row = |first: usize| {
            let mut all = Links::default();
            names.windows(2).for_each(|pair| all.add(&pair[0], &pair[1]));
            all.follow(&names[first], &names[first + 1])
        };
        assert_eq!(row(1), inside("41"));
        assert_eq!(row(0), Err(LinkRefusal::Circular));
    }
}
