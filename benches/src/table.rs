//! Tables as text: for the terminal, and in Markdown.
//!
//! All comparisons end in these: allocators, pointers, collectors. What is marked has an asterisk in the terminal and is bold
//! in Markdown.

use std::fmt::Write;

/// A table: a heading, which may have two lines, and rows that begin with a name.
pub struct Table {
    /// What stands above.
    pub title: String,
    /// The names of the columns.
    pub heading: Vec<(String, String)>,
    /// As many entries each as there are columns.
    pub rows: Vec<Vec<Entry>>,
}

/// One entry of a table.
#[derive(Clone, Debug, Default)]
pub struct Entry {
    /// What stands there.
    pub text: String,
    /// To be seen at once: the least of its row, or a target that is not reached.
    pub marked: bool,
}

/// What stands where there is nothing.
pub const NOTHING: &str = "–";

impl Entry {
    /// An entry that is not marked.
    pub fn plain(text: impl Into<String>) -> Entry {
        Entry { text: text.into(), marked: false }
    }
}

impl Table {
    /// A table without rows, whose columns have a heading of one line; the first, of the rows' names, has none.
    pub fn new<'n>(title: &str, names: impl IntoIterator<Item = &'n str>) -> Self {
        let names = [""].into_iter().chain(names);
        let heading = names.map(|name| (name.to_owned(), String::new())).collect();
        Table { title: title.to_owned(), heading, rows: Vec::new() }
    }

    /// A row of numbers, the least of them marked. None, if there are no numbers.
    pub fn numbers(&mut self, name: String, value: impl Fn(usize) -> Option<f64>) {
        let values: Vec<Option<f64>> = (0..self.heading.len() - 1).map(value).collect();
        let Some(least) = values.iter().flatten().copied().min_by(f64::total_cmp) else { return };
        let mut row = vec![Entry::plain(name)];
        row.extend(values.into_iter().map(|value| match value {
            Some(value) => Entry { text: number(value), marked: value == least },
            None => Entry::plain(NOTHING),
        }));
        self.rows.push(row);
    }
}

/// A number with as many digits as are worth reading.
pub fn number(value: f64) -> String {
    match value {
        value if value >= 99.5 => format!("{value:.0}"),
        value if value >= 9.95 => format!("{value:.1}"),
        value => format!("{value:.2}"),
    }
}

/// Tables and remarks for the terminal.
pub fn terminal(tables: &[Table], remarks: &[String]) -> String {
    let length = |text: &str| text.chars().count();
    let mut text = String::new();
    for Table { title, heading, rows } in tables {
        let width = |column: usize| {
            let (first, second) = &heading[column];
            let entries = rows.iter().map(|row| length(&row[column].text));
            entries.chain([length(first), length(second)]).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..heading.len()).map(width).collect();
        let mut lines: Vec<Vec<Entry>> = Vec::new();
        lines.push(heading.iter().map(|(first, _)| Entry::plain(first.as_str())).collect());
        if heading.iter().any(|(_, second)| !second.is_empty()) {
            lines.push(heading.iter().map(|(_, second)| Entry::plain(second.as_str())).collect());
        }
        lines.extend(rows.iter().cloned());
        let _ = writeln!(text, "\n{title}");
        for line in lines {
            let _ = write!(text, "{:1$}", line[0].text, widths[0]);
            for (entry, width) in line.iter().zip(&widths).skip(1) {
                let mark = if entry.marked { '*' } else { ' ' };
                let _ = write!(text, "  {:>width$}{mark}", entry.text);
            }
            text.truncate(text.trim_end().len());
            text.push('\n');
        }
    }
    text.push('\n');
    for line in remarks {
        let _ = writeln!(text, "{line}");
    }
    text
}

/// Tables and remarks in Markdown.
pub fn markdown(tables: &[Table], remarks: &[String]) -> String {
    let mut text = String::new();
    for Table { title, heading, rows } in tables {
        let _ = writeln!(text, "**{title}**\n");
        let names = heading.iter().map(|(first, second)| match second.as_str() {
            "" => first.clone(),
            second => format!("{first}<br>{second}"),
        });
        let _ = writeln!(text, "| {} |", names.collect::<Vec<_>>().join(" | "));
        let _ = writeln!(text, "|---|{}", "---:|".repeat(heading.len() - 1));
        for row in rows {
            let entries = row.iter().map(|entry| match entry.marked {
                true => format!("**{}**", entry.text),
                false => entry.text.clone(),
            });
            let _ = writeln!(text, "| {} |", entries.collect::<Vec<_>>().join(" | "));
        }
        text.push('\n');
    }
    let _ = writeln!(text, "{}.", remarks.join(".\\\n"));
    text
}
