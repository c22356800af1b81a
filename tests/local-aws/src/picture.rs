//! A picture of what a terminal shows: an SVG made of the text with its colours and styles, for a light and a dark page.

use std::fmt::Write as _;

/// The height of a line and the width of a character, in the picture's units.
const LINE: usize = 20;
const COLUMN_TENTHS: usize = 84;
/// The margin around the text.
const MARGIN: usize = 16;

/// The terminal's colours: the number in the escape sequence, the name of the class, and the colour on light and dark.
const COLOURS: [(u8, &str, &str, &str); 7] = [
    (31, "red", "#b3261e", "#ff8a80"),
    (32, "green", "#1b6e2a", "#7ee08a"),
    (33, "yellow", "#7a5900", "#f2c94c"),
    (34, "blue", "#1a4fb3", "#8ab4f8"),
    (35, "magenta", "#8a1a8a", "#e59aec"),
    (36, "cyan", "#0b6470", "#78d9ec"),
    (90, "grey", "#5f6368", "#9aa0a6"),
];

/// The fixed ones of the 256 colours that deployctl uses, and the number above whose class each has.
const OF_256: [(u8, u8); 4] = [(160, 31), (28, 32), (130, 33), (30, 36)];

/// The style of a piece of text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Look {
    is_bold: bool,
    is_dim: bool,
    colour: Option<&'static str>,
}

impl Look {
    /// Follows the numbers of one escape sequence (ECMA-48, "Select Graphic Rendition").
    fn follow(&mut self, numbers: &str) {
        let mut numbers = numbers.split(';').map(|number| number.parse().unwrap_or(0));
        while let Some(number) = numbers.next() {
            match number {
                0 => *self = Self::default(),
                1 => self.is_bold = true,
                2 => self.is_dim = true,
                22 => (self.is_bold, self.is_dim) = (false, false),
                39 => self.colour = None,
                // 38;5;n is one of the 256 colours.
                38 => {
                    let wanted = numbers.nth(1);
                    let known = OF_256.iter().find(|(number, _)| Some(*number) == wanted).map(|(_, basic)| *basic);
                    self.colour = COLOURS.iter().find(|colour| Some(colour.0) == known).map(|colour| colour.1);
                }
                number => {
                    let dark = if (91..=96).contains(&number) { number - 60 } else { number };
                    let found = COLOURS.iter().find(|colour| colour.0 == dark);
                    self.colour = found.map_or(self.colour, |colour| Some(colour.1));
                }
            }
        }
    }

    fn classes(&self) -> String {
        let words = [self.is_bold.then_some("bold"), self.is_dim.then_some("dim"), self.colour];
        words.into_iter().flatten().collect::<Vec<_>>().join(" ")
    }
}

/// Draws what a terminal with so many columns shows. Longer lines go on below, as they do there.
#[must_use]
pub fn draw(title: &str, columns: usize, shown: &str) -> String {
    let lines = lines(columns, shown.trim_end());
    let (width, height) = (columns * COLUMN_TENTHS / 10 + 2 * MARGIN, lines.len() * LINE + 2 * MARGIN);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" role=\"img\" \
         xml:space=\"preserve\">\n\
         <title>{}</title>\n<style>\n{}</style>\n<rect width=\"100%\" height=\"100%\" rx=\"8\"/>\n",
        escaped(title),
        styles()
    );
    for (number, line) in lines.iter().enumerate().filter(|(_, line)| !line.text.is_empty()) {
        let (y, text) = (MARGIN + number * LINE + LINE * 3 / 4, &line.text);
        let class = if line.goes_on { " class=\"more\"" } else { "" };
        let _infallible = writeln!(svg, "<text x=\"{MARGIN}\" y=\"{y}\"{class}>{text}</text>");
    }
    svg.push_str("</svg>\n");
    svg
}

fn styles() -> String {
    let mut light = String::from("rect { fill: #f8f9fa }\ntext { fill: #202124 }\n");
    let mut dark = String::from("  rect { fill: #1e1f22 }\n  text { fill: #e8eaed }\n");
    for (_, name, on_light, on_dark) in COLOURS {
        let _infallible = writeln!(light, ".{name} {{ fill: {on_light} }}");
        let _infallible = writeln!(dark, "  .{name} {{ fill: {on_dark} }}");
    }
    format!(
        "text {{ font: 14px ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace; white-space: pre }}\n\
         .bold {{ font-weight: bold }}\n.dim {{ fill-opacity: 0.65 }}\n{light}\
         @media (prefers-color-scheme: dark) {{\n{dark}}}\n"
    )
}

/// The content of a line: its text, with a span for each piece with a style.
struct Line {
    text: String,
    /// The line before was too long, and goes on here.
    goes_on: bool,
}

fn lines(columns: usize, shown: &str) -> Vec<Line> {
    let mut look = Look::default();
    let mut lines = Vec::new();
    for line in shown.split('\n') {
        // A line that was drawn anew shows what was written last.
        let line = line.trim_end_matches('\r');
        let line = line.rsplit('\r').next().unwrap_or(line);
        let (mut drawn, mut piece, mut length, mut goes_on) = (String::new(), String::new(), 0, false);
        let mut chars = line.chars().peekable();
        while let Some(c) = chars.next() {
            if c != '\u{1b}' {
                if !c.is_control() {
                    if length == columns {
                        flush(&mut drawn, &mut piece, &look);
                        lines.push(Line { text: std::mem::take(&mut drawn), goes_on });
                        (length, goes_on) = (0, true);
                    }
                    piece.push(c);
                    length += 1;
                }
                continue;
            }
            flush(&mut drawn, &mut piece, &look);
            if chars.next_if_eq(&'[').is_none() {
                continue;
            }
            let mut numbers = String::new();
            while let Some(c) = chars.next_if(|c| !('@'..='~').contains(c)) {
                numbers.push(c);
            }
            if chars.next() == Some('m') {
                look.follow(&numbers);
            }
        }
        flush(&mut drawn, &mut piece, &look);
        lines.push(Line { text: drawn.trim_end().to_owned(), goes_on });
    }
    lines
}

fn flush(drawn: &mut String, piece: &mut String, look: &Look) {
    let classes = look.classes();
    let text = escaped(&std::mem::take(piece));
    match (text.is_empty(), classes.is_empty()) {
        (true, _) => {}
        (false, true) => drawn.push_str(&text),
        (false, false) => {
            let _infallible = write!(drawn, "<tspan class=\"{classes}\">{text}</tspan>");
        }
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
