//! Results as text: for the terminal, in Markdown, as JSON.

use std::fmt::Write;
use std::fs::read_to_string;

use neap_bench::ALLOCATORS;

use crate::results::{OURS, Results};

/// A table whose cells are made: a title, a heading, rows of a name and one text for each allocator.
struct Table {
    title: &'static str,
    rows: Vec<(String, Vec<Entry>)>,
}

/// One entry of a table.
#[derive(Clone, Default)]
struct Entry {
    text: String,
    /// The least of its row.
    best: bool,
}

/// A number with as many digits as are worth reading.
pub fn number(value: f64) -> String {
    match value {
        value if value >= 99.5 => format!("{value:.0}"),
        value if value >= 9.95 => format!("{value:.1}"),
        value => format!("{value:.2}"),
    }
}

impl Table {
    fn new(title: &'static str) -> Self {
        Table { title, rows: Vec::new() }
    }

    /// A row of numbers, the least of them marked.
    fn row(&mut self, results: &Results, name: String, value: impl Fn(usize) -> Option<f64>) {
        let values: Vec<Option<f64>> = (0..results.allocators.len()).map(value).collect();
        if values.iter().all(Option::is_none) {
            return;
        }
        let least = values.iter().flatten().copied().min_by(f64::total_cmp);
        let entries = values.iter().map(|&value| match value {
            Some(number_) => Entry { text: number(number_), best: least == value },
            None => Entry { text: "–".to_owned(), best: false },
        });
        self.rows.push((name, entries.collect()));
    }
}

/// The tables of both the terminal and Markdown.
fn tables(results: &Results) -> Vec<Table> {
    let mut times = Table::new("Time per operation (median)");
    for row in results.counted() {
        let workload = results.workloads[row];
        let name = format!("{}, {}", workload.title, workload.unit.label());
        times.row(results, name, |column| results.time(row, column));
    }

    let mut ratios = Table::new("Time as a multiple of the best peer's");
    for row in results.counted() {
        let name = results.workloads[row].title.to_owned();
        ratios.row(results, name, |column| results.ratio(row, column));
    }
    ratios.row(results, "geometric mean".to_owned(), |column| results.mean_ratio(column));
    ratios.row(results, "worst".to_owned(), |column| Some(results.worst(column)?.1));

    let mut peaks = Table::new("Peak RSS, MiB");
    let mut ends = Table::new("RSS at the end, everything freed and 200 ms idle, MiB");
    for row in results.counted() {
        let name = results.workloads[row].title.to_owned();
        peaks.row(results, name.clone(), |column| results.peak(row, column));
        ends.row(results, name, |column| results.end(row, column));
    }
    peaks.row(results, "geometric mean".to_owned(), |column| results.mean_peak(column));
    let best = results.best_peer(|column| results.mean_peak(column));
    peaks.row(results, "× the best peer's".to_owned(), |column| {
        Some(results.mean_peak(column)? / best?)
    });
    ends.row(results, "geometric mean".to_owned(), |column| results.mean_end(column));

    let mut figures = Table::new("Further figures");
    for (workload, figure, name) in [
        ("little", "little_mib", "a program that does little, MiB"),
        ("frag", "full_mib", "frag: full, MiB"),
        ("frag", "sparse_mib", "frag: 95 % freed, 500 ms idle, MiB"),
        ("frag", "refilled_mib", "frag: refilled with 64 KiB blocks, MiB"),
    ] {
        figures.row(results, name.to_owned(), |column| results.figure(workload, column, figure));
    }
    figures.row(results, "frag: 95 % freed ÷ full".to_owned(), |column| {
        Some(
            results.figure("frag", column, "sparse_mib")?
                / results.figure("frag", column, "full_mib")?,
        )
    });
    if let Some(row) = results.workloads.iter().position(|workload| workload.name == "frag") {
        figures.row(results, "frag: all freed, MiB".to_owned(), |column| results.end(row, column));
    }
    figures.row(results, "frag: metadata when full, % of committed".to_owned(), |column| {
        Some(results.figure("frag", column, "metadata_share")? * 100.0)
    });

    let all = [times, ratios, peaks, ends, figures];
    all.into_iter().filter(|table| !table.rows.is_empty()).collect()
}

/// What the figures come to for us, and on what machine they were had.
fn remarks(results: &Results) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(column) = results.allocators.iter().position(|&name| name == OURS) {
        if let (Some(mean), Some((workload, worst))) =
            (results.mean_ratio(column), results.worst(column))
        {
            lines.push(format!(
                "{OURS}: geometric mean {} × the best peer, worst {} ({})",
                number(mean),
                number(worst),
                workload.title
            ));
        }
        let best = results.best_peer(|peer| results.mean_peak(peer));
        if let (Some(peak), Some(best)) = (results.mean_peak(column), best) {
            lines.push(format!(
                "{OURS}: peak RSS {} × the best peer's (geometric means over the workloads)",
                number(peak / best)
            ));
        }
    }
    lines.push(format!("Measured in {} s on {}", results.seconds, machine()));
    lines.push(format!("Versions: {}", versions(packages(results))));
    if !results.missing.is_empty() {
        lines.push(format!("Not built: {}", results.missing.join(", ")));
    }
    lines.extend(results.failures.iter().map(|failure| format!("Failed: {failure}")));
    lines
}

/// Tables for the terminal; the best of a row has an asterisk.
pub fn terminal(results: &Results) -> String {
    let mut text = String::new();
    for table in tables(results) {
        let rows = table.rows.iter();
        let name_width = rows.map(|(name, _)| name.chars().count()).max().unwrap_or(0);
        let width = results.allocators.iter().map(|name| name.len()).max().unwrap_or(0).max(8) + 2;
        let _ = write!(text, "\n{}\n{:name_width$}", table.title, "");
        for name in &results.allocators {
            let _ = write!(text, "{name:>width$} ");
        }
        text.push('\n');
        for (name, entries) in &table.rows {
            let _ = write!(text, "{name:name_width$}");
            for entry in entries {
                let _ =
                    write!(text, "{:>width$}{}", entry.text, if entry.best { '*' } else { ' ' });
            }
            text.push('\n');
        }
    }
    text.push('\n');
    for line in remarks(results) {
        let _ = writeln!(text, "{line}");
    }
    text
}

/// Tables in Markdown; the best of a row is bold.
pub fn markdown(results: &Results) -> String {
    let mut text = String::new();
    for table in tables(results) {
        let _ = writeln!(text, "**{}**\n", table.title);
        let _ = writeln!(text, "| | {} |", results.allocators.join(" | "));
        let _ = writeln!(text, "|---|{}", "---:|".repeat(results.allocators.len()));
        for (name, entries) in &table.rows {
            let texts = entries.iter().map(|entry| match entry.best {
                true => format!("**{}**", entry.text),
                false => entry.text.clone(),
            });
            let _ = writeln!(text, "| {name} | {} |", texts.collect::<Vec<_>>().join(" | "));
        }
        text.push('\n');
    }
    for line in remarks(results) {
        let _ = writeln!(text, "{line}.\\");
    }
    // A backslash would break the line after the last one, too.
    let end = text.trim_end_matches(['\\', '\n']).len();
    text.truncate(end);
    text.push('\n');
    text
}

/// Every measurement, and the machine.
pub fn json(results: &Results) -> String {
    let numbers = |values: Vec<f64>| {
        let texts: Vec<String> = values.iter().map(f64::to_string).collect();
        format!("[{}]", texts.join(", "))
    };
    let optional = |value: Option<f64>| value.map_or("null".to_owned(), |value| value.to_string());
    let mut text = String::from("{\n");
    let _ = writeln!(text, "  \"machine\": {},", quoted(&machine()));
    let _ = writeln!(text, "  \"versions\": {},", quoted(&versions(packages(results))));
    let _ = writeln!(text, "  \"seconds\": {},", results.seconds);
    let list =
        |names: &[&str]| names.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(", ");
    let _ = writeln!(text, "  \"not_built\": [{}],", list(&results.missing));
    let failures: Vec<&str> = results.failures.iter().map(String::as_str).collect();
    let _ = writeln!(text, "  \"failures\": [{}],", list(&failures));
    let summaries: Vec<String> = results.allocators.iter().enumerate().map(|(column, name)| {
        format!(
            "    {}: {{ \"mean_ratio\": {}, \"worst_ratio\": {}, \"mean_peak_mib\": {}, \"mean_end_mib\": {} }}",
            quoted(name),
            optional(results.mean_ratio(column)),
            optional(results.worst(column).map(|(_, ratio)| ratio)),
            optional(results.mean_peak(column)),
            optional(results.mean_end(column)),
        )
    }).collect();
    let _ = writeln!(text, "  \"allocators\": {{\n{}\n  }},", summaries.join(",\n"));
    let mut lines = Vec::new();
    for (row, workload) in results.workloads.iter().enumerate() {
        for (column, allocator) in results.allocators.iter().enumerate() {
            let cells = &results.cells[row][column];
            let mut line = format!(
                "    {{ \"workload\": {}, \"allocator\": {}, \"unit\": {}, \"median\": {}, \"ratio\": {}, \
                 \"rounds\": {}, \"peak_mib\": {}, \"end_mib\": {}",
                quoted(workload.name),
                quoted(allocator),
                quoted(workload.unit.label()),
                optional(results.time(row, column)),
                optional(results.ratio(row, column)),
                numbers(cells.iter().flat_map(|cell| cell.rounds.clone()).collect()),
                optional(results.peak(row, column)),
                optional(results.end(row, column)),
            );
            for (name, _) in cells.first().map_or(&[][..], |cell| &cell.figures) {
                let figure = results.figure(workload.name, column, name);
                let _ = write!(line, ", {}: {}", quoted(name), optional(figure));
            }
            lines.push(line + " }");
        }
    }
    let _ = writeln!(text, "  \"cells\": [\n{}\n  ]\n}}", lines.join(",\n"));
    text
}

/// A JSON string.
pub fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            character if character < ' ' => {
                let _ = write!(quoted, "\\u{:04x}", character as u32);
            }
            character => quoted.push(character),
        }
    }
    quoted.push('"');
    quoted
}

/// Processor, memory and kernel.
pub fn machine() -> String {
    let value = |file: &str, name: &str| {
        let text = read_to_string(file).unwrap_or_default();
        let line = text.lines().find_map(|line| Some(line.strip_prefix(name)?.trim().to_owned()));
        line.unwrap_or_default()
    };
    let processor = value("/proc/cpuinfo", "model name");
    let processor = processor.trim_start_matches([':', ' ', '\t']);
    let memory: f64 =
        value("/proc/meminfo", "MemTotal:").trim_end_matches(" kB").parse().unwrap_or(0.0);
    let huge = read_to_string("/sys/kernel/mm/transparent_hugepage/enabled").unwrap_or_default();
    let huge = huge.split(['[', ']']).nth(1).unwrap_or("unknown").to_owned();
    format!(
        "{} × {processor}, {:.0} GiB, Linux {}, transparent huge pages {huge}",
        std::thread::available_parallelism().map_or(0, |count| count.get()),
        memory / f64::from(1 << 20),
        value("/proc/sys/kernel/osrelease", ""),
    )
}

/// The packages behind the allocators of a table.
fn packages(results: &Results) -> impl Iterator<Item = &'static str> {
    let present = ALLOCATORS.iter().filter(|(name, _)| results.allocators.contains(name));
    present.flat_map(|&(_, packages)| packages.iter().copied())
}

/// The versions of these packages, each once, from the lock file that they were built with.
pub fn versions(packages: impl Iterator<Item = &'static str>) -> String {
    let lock =
        read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.lock")).unwrap_or_default();
    let version = |package: &str| {
        let start = lock.find(&format!("name = \"{package}\"\nversion = \""))?;
        lock[start..].split('"').nth(3)
    };
    let mut parts: Vec<String> = Vec::new();
    for package in packages {
        let part = format!("{package} {}", version(package).unwrap_or("unknown"));
        if !parts.contains(&part) {
            parts.push(part);
        }
    }
    parts.join(", ")
}
