//! Standard output and standard error, in the colours that the terminal has.

use std::io::{self, Write};

use super::colours::{Depth, basic};

/// A stream to a terminal, a file or a program. Each text is written to it as a whole, so that no colour is cut in two.
#[derive(Debug)]
pub struct Stream<W> {
    inner: W,
    depth: Depth,
}

impl<W: Write> Write for Stream<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match (self.depth, std::str::from_utf8(bytes)) {
            (Depth::Basic, Ok(text)) => self.inner.write_all(basic(text).as_bytes()).map(|()| bytes.len()),
            _ => self.inner.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// Returns standard output. It has colours if it is a terminal, or if the user forces them (`CLICOLOR_FORCE`).
#[must_use]
pub fn stdout() -> Stream<anstream::Stdout> {
    Stream { inner: anstream::stdout(), depth: Depth::of_environment() }
}

/// Returns standard error, with colours as [`stdout`] has them.
#[must_use]
pub fn stderr() -> Stream<anstream::Stderr> {
    Stream { inner: anstream::stderr(), depth: Depth::of_environment() }
}

#[cfg(test)]
mod tests {
    use super::super::colours::{ATTENTION, BAD, GOOD, OPEN};
    use super::*;

    #[test]
    fn terminal_with_eight_colours_gets_no_others() -> io::Result<()> {
        let bold = BAD.bold();
        let text = format!("{GOOD}a{GOOD:#} {ATTENTION}b{ATTENTION:#} {bold}c{bold:#} {OPEN}d{OPEN:#}\n");
        let written = |depth| {
            let mut stream = Stream { inner: Vec::new(), depth };
            stream.write_all(text.as_bytes()).map(|()| stream.inner)
        };
        assert_eq!(written(Depth::Rich)?, text.as_bytes());
        let basic = "\u{1b}[32ma\u{1b}[0m \u{1b}[33mb\u{1b}[0m \u{1b}[1m\u{1b}[31mc\u{1b}[0m \u{1b}[36md\u{1b}[0m\n";
        assert_eq!(String::from_utf8_lossy(&written(Depth::Basic)?), basic);
        Ok(())
    }
}
