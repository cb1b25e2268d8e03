//! Compares counted pointers: each workload with each pointer, on a few allocators.

use neap_bench::ALLOCATORS;
use neap_bench::pointers::{ALL, POINTERS, Workload};

use crate::options::{Format, Options, chosen};
use crate::pointer_report as report;
use crate::pointer_results::{Pair, Results};
use crate::run::{self, Column, Row};

/// The allocators that are used when none is named; `benches/pointers.sh` builds them.
const USUAL: &str = "neap,mimalloc3,system";

/// Measures and reports.
pub fn compare(options: &Options) -> Result<(), String> {
    let names = ALLOCATORS.map(|(name, _)| name);
    let allocators = chosen(Some(options.only.as_deref().unwrap_or(USUAL)), &names, |name| name)?;
    let names = POINTERS.map(|(name, ..)| name);
    let pointers = chosen(options.pointer.as_deref(), &names, |name| name)?;
    let all: Vec<&Workload> = ALL.iter().collect();
    let workloads = chosen(options.workload.as_deref(), &all, |workload| workload.name)?;
    let (built, missing) = run::built(&allocators, options.only.is_some(), "benches/pointers.sh")?;

    let pairs: Vec<Pair> = (0..POINTERS.len())
        .filter(|&pointer| pointers.contains(&names[pointer]))
        .flat_map(|pointer| built.iter().map(move |&allocator| Pair { pointer, allocator }))
        .collect();
    let rows: Vec<Row> = workloads
        .iter()
        .map(|workload| Row {
            name: workload.name,
            rounds: options.effort.rounds_of(workload.dear),
            memory_mib: workload.memory_mib,
        })
        .collect();
    let columns: Vec<Column> = pairs
        .iter()
        .map(|pair| Column {
            title: format!("{}/{}", names[pair.pointer], pair.allocator),
            allocator: pair.allocator,
            arguments: vec!["--pointer".to_owned(), names[pair.pointer].to_owned()],
        })
        .collect();
    let exists = |row: usize, column: usize| workloads[row].runs[pairs[column].pointer].is_some();
    let measured = run::table(&rows, &columns, exists, &options.effort, 0);
    let results = Results {
        pairs,
        missing,
        workloads,
        cells: measured.cells,
        failures: measured.failures,
        seconds: measured.seconds,
    };
    options.write(|format| match format {
        Format::Terminal => report::terminal(&results),
        Format::Markdown => report::markdown(&results),
        Format::Json => report::json(&results),
    })?;
    run::verdict(&results.failures)
}
