//! Results of pointers as text: for the terminal, in Markdown, as JSON.

use std::fmt::Write;

use neap_bench::ALLOCATORS;
use neap_bench::pointers::POINTERS;

use crate::pointer_results::Results;
use crate::pointer_targets::{Outcome, Reading, outcomes};
use crate::report::{machine, number, quoted, versions};

/// A table: a heading, which may have two lines, and rows that begin with a name.
struct Table {
    title: &'static str,
    heading: Vec<(String, String)>,
    rows: Vec<Vec<Entry>>,
}

/// One entry of a table.
#[derive(Clone, Debug, Default)]
struct Entry {
    text: String,
    /// To be seen at once: the least of its row, or a target that is not reached.
    marked: bool,
}

impl Entry {
    fn plain(text: impl Into<String>) -> Entry {
        Entry { text: text.into(), marked: false }
    }
}

/// What stands where there is nothing.
const NOTHING: &str = "–";

/// The figures: a row for each measure, a column for each pointer on each allocator.
fn figures(results: &Results) -> Table {
    let heading = results.pairs.iter();
    let heading = heading.map(|pair| (pair.type_name().to_owned(), pair.allocator.to_owned()));
    let rows = results.rows().filter_map(|(row, measure)| {
        let values: Vec<Option<f64>> =
            (0..results.pairs.len()).map(|column| results.value(row, column, measure)).collect();
        let least = values.iter().flatten().copied().min_by(f64::total_cmp)?;
        let mut entries = vec![Entry::plain(format!("{}, {}", measure.title, measure.unit))];
        entries.extend(values.iter().map(|value| match value {
            Some(value) => Entry { text: number(*value), marked: *value == least },
            None => Entry::plain(NOTHING),
        }));
        Some(entries)
    });
    Table {
        title: "Figures (medians)",
        heading: [(String::new(), String::new())].into_iter().chain(heading).collect(),
        rows: rows.collect(),
    }
}

/// The targets: for each, two readings.
fn targets(results: &Results) -> Table {
    let heading = [
        ("", ""),
        ("neap::Rc", "at its best"),
        ("against the best", "on any allocator"),
        ("ratio", ""),
        ("against the best", "on another allocator than neap"),
        ("ratio", ""),
        ("target", ""),
        ("reached", ""),
    ];
    let reference = |reading: &Option<Reading>| match reading {
        Some(Reading { reference: Some(value), whose, .. }) => {
            Entry::plain(format!("{} ({whose})", number(*value)))
        }
        _ => Entry::plain(NOTHING),
    };
    let ratio = |reading: &Option<Reading>, limit: Option<f64>| match reading {
        Some(Reading { reference: Some(_), ratio, .. }) => {
            Entry { text: number(*ratio), marked: limit.is_some_and(|limit| *ratio > limit) }
        }
        _ => Entry::plain(NOTHING),
    };
    let rows = outcomes(results).into_iter().map(|outcome| {
        let Outcome { title, ours, readings, limit } = &outcome;
        let verdicts: Vec<&str> =
            outcome.met().iter().map(|&met| if met { "yes" } else { "NO" }).collect();
        vec![
            Entry::plain(*title),
            Entry::plain(number(*ours)),
            reference(&readings[0]),
            ratio(&readings[0], *limit),
            reference(&readings[1]),
            ratio(&readings[1], *limit),
            Entry::plain(limit.map_or(NOTHING.to_owned(), |limit| format!("≤ {limit}"))),
            Entry::plain(if verdicts.is_empty() {
                NOTHING.to_owned()
            } else {
                verdicts.join(", ")
            }),
        ]
    });
    Table {
        title: "neap::Rc and its targets",
        heading: heading.map(|(first, second)| (first.to_owned(), second.to_owned())).to_vec(),
        rows: rows.collect(),
    }
}

/// The tables of both the terminal and Markdown.
fn tables(results: &Results) -> Vec<Table> {
    let all = [figures(results), targets(results)];
    all.into_iter().filter(|table| !table.rows.is_empty()).collect()
}

/// On what the figures were had.
fn remarks(results: &Results) -> Vec<String> {
    let mut lines = vec![
        "neap::Rc in the second table: the best of its figures on the allocators, as for the others".to_owned(),
        format!("Measured in {} s on {}", results.seconds, machine()),
        format!("Versions: {}", versions(packages(results).into_iter())),
    ];
    if !results.missing.is_empty() {
        lines.push(format!("Not built: {}", results.missing.join(", ")));
    }
    lines.extend(results.failures.iter().map(|failure| format!("Failed: {failure}")));
    lines
}

/// The packages behind the pointers and the allocators of a table.
fn packages(results: &Results) -> Vec<&'static str> {
    let mut packages = Vec::new();
    for pair in &results.pairs {
        packages.extend(POINTERS[pair.pointer].2);
        let allocators = ALLOCATORS.iter().filter(|(name, _)| *name == pair.allocator);
        packages.extend(allocators.flat_map(|(_, packages)| packages.iter().copied()));
    }
    packages
}

/// Tables for the terminal; what is marked has an asterisk.
pub fn terminal(results: &Results) -> String {
    let length = |text: &str| text.chars().count();
    let mut text = String::new();
    for Table { title, heading, rows } in tables(results) {
        let width = |column: usize| {
            let (first, second) = &heading[column];
            let entries = rows.iter().map(|row| length(&row[column].text));
            entries.chain([length(first), length(second)]).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..heading.len()).map(width).collect();
        let mut lines: Vec<Vec<Entry>> = Vec::new();
        lines.push(heading.iter().map(|(first, _)| Entry::plain(first.as_str())).collect());
        lines.push(heading.iter().map(|(_, second)| Entry::plain(second.as_str())).collect());
        lines.extend(rows);
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
    for line in remarks(results) {
        let _ = writeln!(text, "{line}");
    }
    text
}

/// Tables in Markdown; what is marked is bold.
pub fn markdown(results: &Results) -> String {
    let mut text = String::new();
    for Table { title, heading, rows } in tables(results) {
        let _ = writeln!(text, "**{title}**\n");
        let names = heading.iter().map(|(first, second)| match second.as_str() {
            "" => first.clone(),
            second => format!("{first}<br>{second}"),
        });
        let _ = writeln!(text, "| {} |", names.collect::<Vec<_>>().join(" | "));
        let _ = writeln!(text, "|---|{}", "---:|".repeat(heading.len() - 1));
        for row in rows {
            let entries = row.into_iter().map(|entry| match entry.marked {
                true => format!("**{}**", entry.text),
                false => entry.text,
            });
            let _ = writeln!(text, "| {} |", entries.collect::<Vec<_>>().join(" | "));
        }
        text.push('\n');
    }
    let _ = writeln!(text, "{}.", remarks(results).join(".\\\n"));
    text
}

/// Every measurement, the targets, and the machine.
pub fn json(results: &Results) -> String {
    let list = |names: Vec<String>| names.join(", ");
    let numbers =
        |values: Vec<f64>| format!("[{}]", list(values.iter().map(f64::to_string).collect()));
    let mut cells = Vec::new();
    for (row, measure) in results.rows() {
        for (column, pair) in results.pairs.iter().enumerate() {
            let Some(value) = results.value(row, column, measure) else { continue };
            let mut line = format!(
                "    {{ \"workload\": {}, \"measure\": {}, \"pointer\": {}, \"allocator\": {}, \"unit\": {}, \
                 \"median\": {value}",
                quoted(results.workloads[row].name),
                quoted(measure.title),
                quoted(pair.type_name()),
                quoted(pair.allocator),
                quoted(measure.unit),
            );
            if measure.figure.is_none() {
                let cells = results.cells[row][column].iter();
                let rounds = cells.flat_map(|cell| cell.rounds.iter().copied()).collect();
                let _ = write!(line, ", \"rounds\": {}", numbers(rounds));
            }
            cells.push(line + " }");
        }
    }
    let targets = outcomes(results).into_iter().map(|outcome| {
        let ratios = outcome.readings.iter().flatten().map(|reading| reading.ratio).collect();
        let whose = outcome.readings.iter().flatten().map(|reading| quoted(&reading.whose));
        format!(
            "    {{ \"target\": {}, \"neap\": {}, \"against\": [{}], \"ratios\": {}, \"limit\": {}, \
             \"reached\": {:?} }}",
            quoted(outcome.title),
            outcome.ours,
            list(whose.collect()),
            numbers(ratios),
            outcome.limit.map_or("null".to_owned(), |limit| limit.to_string()),
            outcome.met(),
        )
    });
    let mut text = String::from("{\n");
    let _ = writeln!(text, "  \"machine\": {},", quoted(&machine()));
    let versions = versions(packages(results).into_iter());
    let _ = writeln!(text, "  \"versions\": {},", quoted(&versions));
    let _ = writeln!(text, "  \"seconds\": {},", results.seconds);
    let missing = results.missing.iter().map(|name| quoted(name)).collect();
    let _ = writeln!(text, "  \"not_built\": [{}],", list(missing));
    let failures = results.failures.iter().map(|failure| quoted(failure)).collect();
    let _ = writeln!(text, "  \"failures\": [{}],", list(failures));
    let _ = writeln!(text, "  \"targets\": [\n{}\n  ],", targets.collect::<Vec<_>>().join(",\n"));
    let _ = writeln!(text, "  \"cells\": [\n{}\n  ]\n}}", cells.join(",\n"));
    text
}
