//! The colours of texts for people.
//!
//! They are of the fixed part of the 256 colours (16 to 255), because each terminal chooses its first 16 itself, and
//! yellow, green and cyan of those are hardly legible on white. Each has a contrast of at least 3.8 to white and to
//! black (WCAG 2.2, "contrast ratio"); a colour can have 4.58 to both at most. A colour is never the only sign: a word or
//! a mark says the same.
//!
//! A terminal that does not say that it has 256 colours gets green, yellow, red and cyan of the first 8. Each terminal and
//! its user choose those, so nothing holds of their contrast.

use std::borrow::Cow;

use anstyle::{Ansi256Color, AnsiColor, Color, Style};

/// Well: succeeded, live, added.
pub(crate) const GOOD: Style = of(28);
/// Somebody should look, or something changes.
pub(crate) const ATTENTION: Style = of(130);
/// Wrong: failed, refused, rejected, removed.
pub(crate) const BAD: Style = of(160);
/// Under way or waiting.
pub(crate) const OPEN: Style = of(30);

/// The colours for a terminal with 8 of them.
const BASIC: [(Style, AnsiColor); 4] =
    [(GOOD, AnsiColor::Green), (ATTENTION, AnsiColor::Yellow), (BAD, AnsiColor::Red), (OPEN, AnsiColor::Cyan)];

/// The number of colours that a terminal has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Depth {
    /// 8 colours.
    Basic,
    /// 256 colours or more.
    Rich,
}

impl Depth {
    /// Returns the depth of this process's terminal.
    pub fn of_environment() -> Self {
        let text = |name| std::env::var(name).ok();
        Self::of(text("TERM").as_deref(), text("COLORTERM").as_deref())
    }

    /// Returns the depth by `TERM` and `COLORTERM`. The names of terminals in terminfo end in `256color` or `direct` where
    /// they have so many, and `COLORTERM` is set by those that have 24 bits.
    fn of(term: Option<&str>, colorterm: Option<&str>) -> Self {
        let is_rich = |term: &str| term.contains("256color") || term.ends_with("-direct");
        let is_told = colorterm.is_some_and(|colorterm| !colorterm.is_empty());
        if is_told || term.is_some_and(is_rich) { Self::Rich } else { Self::Basic }
    }
}

/// Gives a text the colours of a terminal that has 8.
pub(crate) fn basic(text: &str) -> Cow<'_, str> {
    let mut text = Cow::Borrowed(text);
    for (rich, basic) in BASIC {
        let rich = rich.render().to_string();
        if text.contains(&rich) {
            text = Cow::Owned(text.replace(&rich, &basic.on_default().render().to_string()));
        }
    }
    text
}

const fn of(number: u8) -> Style {
    Style::new().fg_color(Some(Color::Ansi256(Ansi256Color(number))))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the relative luminance of a colour of the cube 6 × 6 × 6 (WCAG 2.2, "relative luminance").
    fn luminance(style: Style) -> Option<f64> {
        let Some(Color::Ansi256(Ansi256Color(number))) = style.get_fg_color() else { return None };
        let place = number.checked_sub(16)?;
        let part = |level: u8| {
            let value = if level == 0 { 0.0 } else { f64::from(level) * 40.0 + 55.0 } / 255.0;
            if value <= 0.040_45 { value / 12.92 } else { f64::powf((value + 0.055) / 1.055, 2.4) }
        };
        Some(0.2126 * part(place / 36) + 0.7152 * part(place / 6 % 6) + 0.0722 * part(place % 6))
    }

    #[test]
    fn terminal_has_256_colours_only_if_it_says_so() {
        for (term, colorterm, depth) in [
            (Some("xterm-256color"), None, Depth::Rich),
            (Some("screen.xterm-256color"), None, Depth::Rich),
            (Some("xterm-direct"), None, Depth::Rich),
            (Some("xterm"), Some("truecolor"), Depth::Rich),
            (Some("xterm"), Some(""), Depth::Basic),
            (Some("linux"), None, Depth::Basic),
            (None, None, Depth::Basic),
        ] {
            assert_eq!(Depth::of(term, colorterm), depth, "{term:?} {colorterm:?}");
        }
    }

    #[test]
    fn colours_are_legible_on_white_and_on_black() {
        for style in [GOOD, ATTENTION, BAD, OPEN] {
            let found = luminance(style);
            let contrasts = found.map(|own| (1.05 / (own + 0.05), (own + 0.05) / 0.05));
            assert!(contrasts.is_some_and(|(white, black)| white >= 3.8 && black >= 3.8), "{style:?}: {contrasts:?}");
        }
    }
}
