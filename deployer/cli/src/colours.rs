//! The colours of texts for people.
//!
//! They are of the fixed part of the 256 colours (16 to 255), because each terminal chooses its first 16 itself, and
//! yellow, green and cyan of those are hardly legible on white. Each has a contrast of at least 3.8 to white and to
//! black (WCAG 2.2, "contrast ratio"); a colour can have 4.58 to both at most. A colour is never the only sign: a word or
//! a mark says the same. Nothing turns them into the first 16 for a terminal that has no more.

use anstyle::{Ansi256Color, Color, Style};

/// Well: succeeded, live, added.
pub(super) const GOOD: Style = of(28);
/// Somebody should look, or something changes.
pub(super) const ATTENTION: Style = of(130);
/// Wrong: failed, refused, rejected, removed.
pub(super) const BAD: Style = of(160);
/// Under way or waiting.
pub(super) const OPEN: Style = of(30);

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
    fn colours_are_legible_on_white_and_on_black() {
        for style in [GOOD, ATTENTION, BAD, OPEN] {
            let found = luminance(style);
            let contrasts = found.map(|own| (1.05 / (own + 0.05), (own + 0.05) / 0.05));
            assert!(contrasts.is_some_and(|(white, black)| white >= 3.8 && black >= 3.8), "{style:?}: {contrasts:?}");
        }
    }
}
