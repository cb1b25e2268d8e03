//! Results of allocators as text: for the terminal, in Markdown, as JSON.

use std::fmt::Write;

use neap_bench::ALLOCATORS;

use crate::json::{numbers, optional, quoted, strings};
use crate::machine::{machine, versions};
use crate::results::{OURS, Results};
use crate::table::{self, Table, number};

/// The tables of both the terminal and Markdown.
fn tables(results: &Results) -> Vec<Table> {
    let table = |title| Table::new(title, results.allocators.iter().copied());
    let mut times = table("Time per operation (median)");
    for row in results.counted() {
        let workload = results.workloads[row];
        let name = format!("{}, {}", workload.title, workload.unit.label());
        times.numbers(name, |column| results.time(row, column));
    }

    let mut ratios = table("Time as a multiple of the best peer's");
    for row in results.counted() {
        let name = results.workloads[row].title.to_owned();
        ratios.numbers(name, |column| results.ratio(row, column));
    }
    ratios.numbers("geometric mean".to_owned(), |column| results.mean_ratio(column));
    ratios.numbers("worst".to_owned(), |column| Some(results.worst(column)?.1));

    let mut peaks = table("Peak RSS, MiB");
    let mut ends = table("RSS at the end, everything freed and 200 ms idle, MiB");
    for row in results.counted() {
        let name = results.workloads[row].title.to_owned();
        peaks.numbers(name.clone(), |column| results.peak(row, column));
        ends.numbers(name, |column| results.end(row, column));
    }
    peaks.numbers("geometric mean".to_owned(), |column| results.mean_peak(column));
    let best = results.best_peer(|column| results.mean_peak(column));
    peaks.numbers("× the best peer's".to_owned(), |column| {
        Some(results.mean_peak(column)? / best?)
    });
    ends.numbers("geometric mean".to_owned(), |column| results.mean_end(column));

    let mut figures = table("Further figures");
    for (workload, figure, name) in [
        ("little", "little_mib", "a program that does little, MiB"),
        ("frag", "full_mib", "frag: full, MiB"),
        ("frag", "sparse_mib", "frag: 95 % freed, 500 ms idle, MiB"),
        ("frag", "refilled_mib", "frag: refilled with 64 KiB blocks, MiB"),
    ] {
        figures.numbers(name.to_owned(), |column| results.figure(workload, column, figure));
    }
    figures.numbers("frag: 95 % freed ÷ full".to_owned(), |column| {
        Some(
            results.figure("frag", column, "sparse_mib")?
                / results.figure("frag", column, "full_mib")?,
        )
    });
    if let Some(row) = results.workloads.iter().position(|workload| workload.name == "frag") {
        figures.numbers("frag: all freed, MiB".to_owned(), |column| results.end(row, column));
    }
    figures.numbers("frag: metadata when full, % of committed".to_owned(), |column| {
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
    table::terminal(&tables(results), &remarks(results))
}

/// Tables in Markdown; the best of a row is bold.
pub fn markdown(results: &Results) -> String {
    table::markdown(&tables(results), &remarks(results))
}

/// Every measurement, and the machine.
pub fn json(results: &Results) -> String {
    let mut text = String::from("{\n");
    let _ = writeln!(text, "  \"machine\": {},", quoted(&machine()));
    let _ = writeln!(text, "  \"versions\": {},", quoted(&versions(packages(results))));
    let _ = writeln!(text, "  \"seconds\": {},", results.seconds);
    let _ = writeln!(text, "  \"not_built\": {},", strings(&results.missing));
    let _ = writeln!(text, "  \"failures\": {},", strings(&results.failures));
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
                numbers(cells.iter().flat_map(|cell| cell.rounds.clone())),
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

/// The packages behind the allocators of a table.
fn packages(results: &Results) -> impl Iterator<Item = &'static str> {
    let present = ALLOCATORS.iter().filter(|(name, _)| results.allocators.contains(name));
    present.flat_map(|&(_, packages)| packages.iter().copied())
}
