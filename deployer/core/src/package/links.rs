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
pub(super) enum Lead {
    /// A path in the zip, whether anything is there or not.
    Inside(String),
    /// A file or folder in a layer.
    Layer,
}

/// The reason why a link is refused.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Astray {
    Outside,
    InCircles,
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
    pub(super) fn lead(&self, path: &str, target: &str) -> Result<Lead, Astray> {
        if target.is_empty() || target.contains('\0') {
            return Err(Astray::Outside);
        }
        let mut at: Vec<&str> = path.split('/').collect();
        at.pop();
        let (mut rest, mut links) = (VecDeque::new(), 0_usize);
        let mut next = Some(target);
        loop {
            if let Some(target) = next.take() {
                links += 1;
                if links > MOST {
                    return Err(Astray::InCircles);
                }
                if target.starts_with('/') {
                    return below_layers(target.split('/').chain(rest));
                }
                target.split('/').rev().for_each(|part| rest.push_front(part));
            }
            self.steps.set(self.steps.get() + 1 + at.len() as u64);
            if self.steps.get() > STEPS {
                return Err(Astray::InCircles);
            }
            match rest.pop_front() {
                None => return Ok(Lead::Inside(at.join("/"))),
                Some("" | ".") => {}
                Some("..") => {
                    at.pop().ok_or(Astray::Outside)?;
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

fn below_layers<'p>(parts: impl Iterator<Item = &'p str>) -> Result<Lead, Astray> {
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
    if at.len() > 1 && at.first() == Some(&LAYERS) { Ok(Lead::Layer) } else { Err(Astray::Outside) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lead(links: &[(&'static str, &'static str)]) -> Result<Lead, Astray> {
        let mut all = Links::default();
        links.iter().for_each(|(path, target)| all.add(path, target));
        all.lead(links[0].0, links[0].1)
    }

    fn inside(path: &str) -> Result<Lead, Astray> {
        Ok(Lead::Inside(path.to_owned()))
    }

    #[test]
    fn relative_link_leads_from_its_own_folder() {
        assert_eq!(
            lead(&[("node_modules/.bin/tsc", "../typescript/bin/tsc")]),
            inside("node_modules/typescript/bin/tsc")
        );
        assert_eq!(lead(&[("lib/libssl.so", "libssl.so.3")]), inside("lib/libssl.so.3"));
        assert_eq!(lead(&[("a/here", ".//./")]), inside("a"));
    }

    #[test]
    fn link_through_other_links_leads_where_they_lead() {
        let pnpm = [("node_modules/a", ".pnpm/a@1/node_modules/a"), ("node_modules/.pnpm", "../store")];
        assert_eq!(lead(&pnpm), inside("store/a@1/node_modules/a"));
        assert_eq!(lead(&[("a", "b/x"), ("b", "/opt/b")]), Ok(Lead::Layer));
        assert_eq!(lead(&[("a", "b/../../x"), ("b", "/opt/b")]), Err(Astray::Outside));
    }

    #[test]
    fn link_that_leads_out_of_the_zip_is_refused() {
        for target in
            ["..", "../x", "x/../../y", "/etc/passwd", "/opt", "/opt/", "/opt/../etc/x", "/optional/x", "/", "", "a\0b"]
        {
            assert_eq!(lead(&[("a", target)]), Err(Astray::Outside), "{target}");
        }
        assert_eq!(lead(&[("a", "/opt/lib/x.so")]), Ok(Lead::Layer));
    }

    #[test]
    fn links_that_take_too_many_steps_together_are_refused() {
        let names: Vec<String> = (0..39).map(|number| format!("l{number}")).collect();
        let texts: Vec<String> = (1..40).map(|number| format!("{}l{number}", "x/../".repeat(800))).collect();
        let mut all = Links::default();
        names.iter().zip(&texts).for_each(|(name, text)| all.add(name, text));
        assert_eq!(all.lead("a", "l0"), inside("l39"), "one alone is taken");
        assert!((0..10_000).any(|_| all.lead("a", "l0") == Err(Astray::InCircles)));
    }

    #[test]
    fn links_in_circles_are_refused_and_forty_in_a_row_are_taken() {
        assert_eq!(lead(&[("a", "b"), ("b", "a")]), Err(Astray::InCircles));
        assert_eq!(lead(&[("a", "a/x")]), Err(Astray::InCircles));
        let names: Vec<String> = (0..=41).map(|number| number.to_string()).collect();
        let row = |first: usize| {
            let mut all = Links::default();
            names.windows(2).for_each(|pair| all.add(&pair[0], &pair[1]));
            all.lead(&names[first], &names[first + 1])
        };
        assert_eq!(row(1), inside("41"));
        assert_eq!(row(0), Err(Astray::InCircles));
    }
}
