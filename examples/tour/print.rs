//! Sets the page: units, aligned tables, bars, and colour where it is welcome.

use std::fmt::Display;
use std::io::{IsTerminal, Write};
use std::time::Duration;

/// Where the tour is printed. Colour only on a terminal, and not where `NO_COLOR` is set.
pub struct Page {
    colour: bool,
}

const WIDTH: usize = 78;

impl Page {
    pub fn new() -> Self {
        let refused = std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|v| v == "dumb");
        Self { colour: std::io::stdout().is_terminal() && !refused && !dumb }
    }

    pub fn title(&self, left: &str, right: &str) {
        let gap = WIDTH.saturating_sub(left.chars().count() + right.chars().count());
        self.line(format_args!("{}{}{right}", self.bold(left), " ".repeat(gap)));
        self.line(self.dim(&"─".repeat(WIDTH)));
    }

    pub fn heading(&self, text: &str) {
        self.line("");
        self.line(self.bold(text));
    }

    /// A reader who closes the pipe early (`| head`) ends the tour, which is no error.
    pub fn line(&self, text: impl Display) {
        if writeln!(std::io::stdout(), "{text}").is_err() {
            std::process::exit(0);
        }
    }

    /// Columns: left-aligned where the heading is, right-aligned where it starts with a blank.
    pub fn table(&self, headings: &[&str], rows: &[Vec<String>]) {
        let width = |column: usize| {
            let cells = rows.iter().map(|row| row[column].chars().count());
            cells.chain([headings[column].trim().chars().count()]).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..headings.len()).map(width).collect();
        let set = |cells: Vec<&str>| {
            let mut line = String::new();
            for (column, cell) in cells.into_iter().enumerate() {
                let gap = " ".repeat(widths[column] - cell.chars().count());
                let (before, after) = if headings[column].starts_with(' ') {
                    (gap, String::new())
                } else {
                    (String::new(), gap)
                };
                line += &format!("  {before}{cell}{after}");
            }
            line.trim_end().to_owned()
        };
        self.line(self.dim(&set(headings.iter().map(|h| h.trim()).collect())));
        for row in rows {
            self.line(set(row.iter().map(String::as_str).collect()));
        }
    }

    pub fn bold(&self, text: &str) -> String {
        self.paint("1", text)
    }

    pub fn dim(&self, text: &str) -> String {
        self.paint("2", text)
    }

    pub fn green(&self, text: &str) -> String {
        self.paint("32", text)
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// `0 B`, `640 B`, `12.5 KiB`, `1.2 GiB`.
pub fn bytes(n: usize) -> String {
    let mut value = n as f64;
    let mut units = ["B", "KiB", "MiB", "GiB", "TiB"].into_iter().peekable();
    let mut unit = units.next().unwrap_or("B");
    while value >= 1024.0 && units.peek().is_some() {
        value /= 1024.0;
        unit = units.next().unwrap_or(unit);
    }
    if value.fract() == 0.0 { format!("{value:.0} {unit}") } else { format!("{value:.1} {unit}") }
}

/// MiB with one digit and no unit, for a column that names it.
pub fn mib(n: usize) -> String {
    format!("{:.1}", n as f64 / f64::from(1 << 20))
}

/// `1,234,567`
pub fn count(n: usize) -> String {
    let digits = n.to_string();
    let mut grouped = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

pub fn millis(time: Duration) -> String {
    format!("{:.1}", time.as_secs_f64() * 1e3)
}

pub fn nanos_each(time: Duration, n: usize) -> String {
    format!("{:.0} ns", time.as_nanos() as f64 / n.max(1) as f64)
}

/// A bar of `share` (0.0 to 1.0) of `width` cells, to an eighth of a cell.
pub fn bar(share: f64, width: usize) -> String {
    let eighths = (share.clamp(0.0, 1.0) * width as f64 * 8.0).round() as usize;
    let last = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"][eighths % 8];
    format!("{}{last}", "█".repeat(eighths / 8))
}

/// How full something is, in one character.
pub fn shade(fill: f64) -> char {
    match fill {
        f if f <= 0.0 => '·',
        f if f <= 0.25 => '░',
        f if f <= 0.50 => '▒',
        f if f <= 0.75 => '▓',
        _ => '█',
    }
}
