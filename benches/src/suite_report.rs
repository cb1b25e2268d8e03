//! Results of a suite as text: for the terminal, in Markdown, as JSON.

use std::fmt::Write;

use neap_bench::ALLOCATORS;
use neap_bench::suite::Measure;

use crate::comparison::{Columns, Comparison};
use crate::json::{numbers, quoted, strings};
use crate::machine::{machine, versions};
use crate::run::Fate;
use crate::suite_results::Results;
use crate::table::{self, Entry, NOTHING, Table, number};
use crate::targets::{Outcome, Reading, our_title, outcomes};

/// The figures, a column for each subject in each program.
fn each_program(results: &Results) -> Table {
    let mut table = Table::new("Figures (medians)", []);
    table.heading.extend(
        results.pairs.iter().map(|pair| (pair.subject.title.to_owned(), pair.program.to_owned())),
    );
    for (row, measure) in results.rows() {
        let name = format!("{}, {}", measure.title, measure.unit);
        table.numbers(name, |column| results.value(row, column, measure));
    }
    table
}

/// The figures, a column for each subject, in the program in which it is at its best.
fn best_program(results: &Results) -> Table {
    let places: Vec<usize> = places(results);
    let titles = places.iter().map(|&place| {
        let pair = results.pairs.iter().find(|pair| pair.place == place);
        pair.map_or("", |pair| pair.subject.title)
    });
    let mut table =
        Table::new("Figures (medians), each in the program with the best allocator for it", titles);
    for (row, measure) in results.rows() {
        let values: Vec<_> =
            places.iter().map(|&place| results.best(row, place, measure)).collect();
        // What never collects is not the best, however fast.
        let least = values.iter().flatten().filter(|(column, _)| results.collects(row, *column));
        let least = least.map(|&(_, value)| value).min_by(f64::total_cmp);
        let mut line = vec![Entry::plain(format!("{}, {}", measure.title, measure.unit))];
        line.extend(values.iter().zip(&places).map(|(value, &place)| match value {
            Some((column, value)) => Entry {
                text: marked(results, row, *column, number(*value)),
                marked: Some(*value) == least,
            },
            None => absent(results, row, place, measure),
        }));
        table.rows.push(line);
    }
    table
}

/// The places of the suite that have a column.
fn places(results: &Results) -> Vec<usize> {
    let mut places: Vec<usize> = results.pairs.iter().map(|pair| pair.place).collect();
    places.dedup();
    places
}

/// A figure with what is to be said about it: the program's initial; `[…]` for nothing collected; `(…)` for a large stack.
fn marked(results: &Results, row: usize, column: usize, figure: String) -> String {
    let program = &results.pairs[column].program[..1];
    let figure = match results.fates[row][column] {
        Fate::LargeStack => format!("({figure})"),
        _ => figure,
    };
    match results.collects(row, column) {
        true => format!("{figure} {program}"),
        false => format!("[{figure}] {program}"),
    }
}

/// What stands where there is no figure.
fn absent(results: &Results, row: usize, place: usize, _measure: &Measure) -> Entry {
    let columns = 0..results.pairs.len();
    let mut columns = columns.filter(|&column| results.pairs[column].place == place);
    Entry::plain(match columns.find_map(|column| results.fates[row][column].failure()) {
        Some(failure) => failure,
        None => NOTHING,
    })
}

/// The targets: for each, one reading or two.
fn targets(comparison: &Comparison, results: &Results) -> Table {
    let heading = [
        ("", ""),
        (our_title(results.suite), "at its best"),
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
    let rows = outcomes(results, comparison.targets).into_iter().map(|outcome| {
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
        title: format!("{} and its targets", our_title(results.suite)),
        heading: heading
            .into_iter()
            .map(|(first, second)| (first.to_owned(), second.to_owned()))
            .collect(),
        rows: rows.collect(),
    }
}

/// The tables of both the terminal and Markdown.
fn tables(comparison: &Comparison, results: &Results) -> Vec<Table> {
    let figures = match comparison.columns {
        Columns::EachProgram => each_program(results),
        Columns::BestProgram => best_program(results),
    };
    let all = [figures, targets(comparison, results)];
    all.into_iter().filter(|table| !table.rows.is_empty()).collect()
}

/// What the signs mean, and on what the figures were had.
fn remarks(comparison: &Comparison, results: &Results) -> Vec<String> {
    let ours = our_title(results.suite);
    let mut lines = Vec::new();
    match comparison.columns {
        Columns::EachProgram => lines.push(format!(
            "{ours} in the second table: the best of its figures on the allocators, as for the others"
        )),
        Columns::BestProgram => {
            let mut programs: Vec<&str> = results.pairs.iter().map(|pair| pair.program).collect();
            programs.sort_unstable();
            programs.dedup();
            let programs = programs.iter().map(|program| format!("{} {program}", &program[..1]));
            lines.push(format!("Programs: {}", programs.collect::<Vec<_>>().join(", ")));
            lines.push(
                "(…): on a stack of 8 GiB, because the usual one overflows; […]: little of the garbage was collected, or none; \
                 –: not for this one"
                    .to_owned(),
            );
        }
    }
    lines.push(format!("Measured in {} s on {}", results.seconds, machine()));
    lines.push(format!("Versions: {}", versions(packages(results).into_iter())));
    if !results.missing.is_empty() {
        lines.push(format!("Not there: {}", results.missing.join(", ")));
    }
    lines.extend(results.failures.iter().map(|failure| format!("Failed: {failure}")));
    lines
}

/// The packages behind the subjects and the allocators of a table.
fn packages(results: &Results) -> Vec<&'static str> {
    let mut packages = Vec::new();
    for pair in &results.pairs {
        packages.extend(pair.subject.package);
        let allocators = ALLOCATORS.iter().filter(|(name, _)| *name == pair.program);
        packages.extend(allocators.flat_map(|(_, packages)| packages.iter().copied()));
    }
    packages
}

/// Tables for the terminal.
pub fn terminal(comparison: &Comparison, results: &Results) -> String {
    table::terminal(&tables(comparison, results), &remarks(comparison, results))
}

/// Tables in Markdown.
pub fn markdown(comparison: &Comparison, results: &Results) -> String {
    table::markdown(&tables(comparison, results), &remarks(comparison, results))
}

/// Every measurement, the targets, and the machine.
pub fn json(comparison: &Comparison, results: &Results) -> String {
    let mut cells = Vec::new();
    for (row, measure) in results.rows() {
        for (column, pair) in results.pairs.iter().enumerate() {
            let Some(value) = results.value(row, column, measure) else { continue };
            let mut line = format!(
                "    {{ \"workload\": {}, \"measure\": {}, \"{}\": {}, \"allocator\": {}, \"unit\": {}, \
                 \"median\": {value}, \"large_stack\": {}",
                quoted(results.workloads[row].name),
                quoted(measure.title),
                results.suite.subject,
                quoted(pair.subject.title),
                quoted(pair.program),
                quoted(measure.unit),
                matches!(results.fates[row][column], Fate::LargeStack),
            );
            if measure.figure.is_none() {
                let cells = results.cells[row][column].iter();
                let rounds = cells.flat_map(|cell| cell.rounds.iter().copied());
                let _ = write!(line, ", \"rounds\": {}", numbers(rounds));
            }
            cells.push(line + " }");
        }
    }
    let targets = outcomes(results, comparison.targets).into_iter().map(|outcome| {
        let readings = || outcome.readings.iter().flatten();
        format!(
            "    {{ \"target\": {}, \"neap\": {}, \"against\": {}, \"ratios\": {}, \"limit\": {}, \
             \"reached\": {:?} }}",
            quoted(outcome.title),
            outcome.ours,
            strings(readings().map(|reading| &reading.whose)),
            numbers(readings().map(|reading| reading.ratio)),
            crate::json::optional(outcome.limit),
            outcome.met(),
        )
    });
    let mut text = String::from("{\n");
    let _ = writeln!(text, "  \"machine\": {},", quoted(&machine()));
    let versions = versions(packages(results).into_iter());
    let _ = writeln!(text, "  \"versions\": {},", quoted(&versions));
    let _ = writeln!(text, "  \"seconds\": {},", results.seconds);
    let _ = writeln!(text, "  \"not_there\": {},", strings(&results.missing));
    let _ = writeln!(text, "  \"failures\": {},", strings(&results.failures));
    let _ = writeln!(text, "  \"targets\": [\n{}\n  ],", targets.collect::<Vec<_>>().join(",\n"));
    let _ = writeln!(text, "  \"cells\": [\n{}\n  ]\n}}", cells.join(",\n"));
    text
}
