//! Draws lines over two axes as an SVG, for a light and a dark page. The axes do not follow from the data, so two
//! drawings of other data differ in their lines alone.

use std::fmt::Write as _;

/// The size of the picture, and the margins of the drawing area in it.
const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 420.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 190.0;
const TOP: f64 = 44.0;
const BOTTOM: f64 = 60.0;

/// The colour of each line, on a light and on a dark page.
const COLOURS: [(&str, &str); 5] = [
    ("#1a4fb3", "#8ab4f8"),
    ("#b3261e", "#ff8a80"),
    ("#1b6e2a", "#7ee08a"),
    ("#7a5900", "#f2c94c"),
    ("#8a1a8a", "#e59aec"),
];

/// The scale by which a value becomes a place on its axis.
#[derive(Debug, Clone, Copy)]
pub(super) enum Scale {
    /// The same difference is the same distance.
    Linear,
    /// The same factor is the same distance.
    Logarithmic,
}

/// An axis with the values that are written beside it. The first and the last of them are its ends.
pub(super) struct Axis {
    pub title: &'static str,
    pub scale: Scale,
    pub ticks: &'static [f64],
}

impl Axis {
    /// Returns the place of a value between the ends: 0 to 1.
    fn place(&self, value: f64) -> f64 {
        let (from, to) = (self.ticks.first().copied().unwrap_or(0.0), self.ticks.last().copied().unwrap_or(1.0));
        let at = |value: f64| match self.scale {
            Scale::Linear => value,
            Scale::Logarithmic => value.ln(),
        };
        ((at(value) - at(from)) / (at(to) - at(from))).clamp(0.0, 1.0)
    }
}

/// A line with its name.
pub(super) struct Line {
    pub name: String,
    pub points: Vec<(f64, f64)>,
}

/// A picture.
pub(super) struct Plot {
    pub title: &'static str,
    pub x: Axis,
    pub y: Axis,
    /// A value of x that is marked, with its name.
    pub mark: Option<(f64, &'static str)>,
    pub lines: Vec<Line>,
}

/// Returns the value that the line of this number has at this value of x in a drawn picture with a linear axis of y; none
/// where it has no point there.
pub(super) fn drawn(svg: &str, (x, y): (&Axis, &Axis), number: usize, at: f64) -> Option<f64> {
    let begin = format!(r#"<circle class="dot{number}" cx="{:.1}" cy=""#, across(x, at));
    let place: f64 = svg.lines().find_map(|line| line.strip_prefix(&begin)?.split('"').next()?.parse().ok())?;
    let (from, to) = (y.ticks.first()?, y.ticks.last()?);
    Some(from + (HEIGHT - BOTTOM - place) / (HEIGHT - TOP - BOTTOM) * (to - from))
}

fn across(x: &Axis, value: f64) -> f64 {
    LEFT + x.place(value) * (WIDTH - LEFT - RIGHT)
}

impl Plot {
    fn x(&self, value: f64) -> f64 {
        across(&self.x, value)
    }

    fn y(&self, value: f64) -> f64 {
        HEIGHT - BOTTOM - self.y.place(value) * (HEIGHT - TOP - BOTTOM)
    }

    /// Returns it as an SVG.
    pub fn svg(&self) -> String {
        let mut svg = String::new();
        self.draw(&mut svg).map_or_else(|error| error.to_string(), |()| svg)
    }

    fn draw(&self, svg: &mut String) -> std::fmt::Result {
        writeln!(
            svg,
            r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" role="img" aria-label="{}">"#,
            self.title
        )?;
        self.style(svg)?;
        writeln!(svg, r#"<rect class="page" width="{WIDTH}" height="{HEIGHT}" rx="8"/>"#)?;
        writeln!(svg, r#"<text x="{LEFT}" y="26" class="title">{}</text>"#, self.title)?;
        self.axes(svg)?;
        for (number, line) in self.lines.iter().enumerate() {
            self.line(svg, number, line)?;
        }
        writeln!(svg, "</svg>")
    }

    fn style(&self, svg: &mut String) -> std::fmt::Result {
        writeln!(svg, "<style>")?;
        writeln!(
            svg,
            "text {{ font: 13px sans-serif; fill: #202124 }} .title {{ font-weight: bold; font-size: 15px }}"
        )?;
        writeln!(
            svg,
            ".page {{ fill: #ffffff; stroke: #dadce0 }} .grid {{ stroke: #e0e0e0 }} .axis {{ stroke: #5f6368 }}"
        )?;
        writeln!(svg, ".mark {{ stroke: #5f6368; stroke-dasharray: 5 4 }} polyline {{ fill: none; stroke-width: 2 }}")?;
        for (number, (light, _)) in COLOURS.iter().enumerate() {
            writeln!(svg, ".line{number} {{ stroke: {light} }} .dot{number} {{ fill: {light} }}")?;
        }
        writeln!(svg, "@media (prefers-color-scheme: dark) {{")?;
        writeln!(svg, "text {{ fill: #e8eaed }} .page {{ fill: #202124; stroke: #3c4043 }}")?;
        writeln!(svg, ".grid {{ stroke: #3c4043 }} .axis, .mark {{ stroke: #9aa0a6 }}")?;
        for (number, (_, dark)) in COLOURS.iter().enumerate() {
            writeln!(svg, ".line{number} {{ stroke: {dark} }} .dot{number} {{ fill: {dark} }}")?;
        }
        writeln!(svg, "}}\n</style>")
    }

    fn axes(&self, svg: &mut String) -> std::fmt::Result {
        let (right, bottom) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
        for tick in self.x.ticks {
            let x = self.x(*tick);
            writeln!(svg, r#"<line class="grid" x1="{x:.1}" y1="{TOP}" x2="{x:.1}" y2="{bottom}"/>"#)?;
            writeln!(svg, r#"<text x="{x:.1}" y="{}" text-anchor="middle">{tick}</text>"#, bottom + 18.0)?;
        }
        for tick in self.y.ticks {
            let y = self.y(*tick);
            writeln!(svg, r#"<line class="grid" x1="{LEFT}" y1="{y:.1}" x2="{right}" y2="{y:.1}"/>"#)?;
            writeln!(svg, r#"<text x="{}" y="{:.1}" text-anchor="end">{tick}</text>"#, LEFT - 8.0, y + 4.0)?;
        }
        writeln!(svg, r#"<line class="axis" x1="{LEFT}" y1="{bottom}" x2="{right}" y2="{bottom}"/>"#)?;
        writeln!(svg, r#"<line class="axis" x1="{LEFT}" y1="{TOP}" x2="{LEFT}" y2="{bottom}"/>"#)?;
        let (middle, half) = ((LEFT + right) / 2.0, (TOP + bottom) / 2.0);
        writeln!(svg, r#"<text x="{middle}" y="{}" text-anchor="middle">{}</text>"#, bottom + 44.0, self.x.title)?;
        writeln!(
            svg,
            r#"<text x="20" y="{half}" text-anchor="middle" transform="rotate(-90 20 {half})">{}</text>"#,
            self.y.title
        )?;
        let Some((value, name)) = self.mark else { return Ok(()) };
        let x = self.x(value);
        writeln!(svg, r#"<line class="mark" x1="{x:.1}" y1="{TOP}" x2="{x:.1}" y2="{bottom}"/>"#)?;
        writeln!(svg, r#"<text x="{:.1}" y="{}">{name}</text>"#, x + 6.0, TOP + 14.0)
    }

    /// Draws a line, its points, and its name in the legend.
    fn line(&self, svg: &mut String, number: usize, line: &Line) -> std::fmt::Result {
        let points: Vec<String> =
            line.points.iter().map(|(x, y)| format!("{:.1},{:.1}", self.x(*x), self.y(*y))).collect();
        writeln!(svg, r#"<polyline class="line{number}" points="{}"/>"#, points.join(" "))?;
        for point in &points {
            let (x, y) = point.split_once(',').unwrap_or_default();
            writeln!(svg, r#"<circle class="dot{number}" cx="{x}" cy="{y}" r="3"/>"#)?;
        }
        let (x, y) = (WIDTH - RIGHT + 14.0, TOP + 22.0 * (number as f64 + 0.5));
        writeln!(svg, r#"<line class="line{number}" x1="{x}" y1="{y}" x2="{}" y2="{y}" stroke-width="2"/>"#, x + 20.0)?;
        writeln!(svg, r#"<text x="{}" y="{}">{}</text>"#, x + 27.0, y + 4.0, line.name)
    }
}
