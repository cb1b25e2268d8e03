//! The driver: runs every workload on every allocator and makes the tables.
//!
//! It starts one process for each cell (see `neap_bench::cell`), all columns of a row one after
//! another, and begins each round with another of them. Progress goes to stderr, a line for each row
//! and round; results go to stdout or to the files that were named.
//!
//! ```text
//!  options ──► main ──► run ◄── pointer_run          run: starts cells in turn; warm: memory before each
//!               │        │          │
//!               ▼        ▼          ▼
//!            report ◄─ results   pointer_results ─► pointer_targets ─► pointer_report
//!            plot
//! ```
//!
//! Allocators are compared by this file, `results` and `report`; counted pointers by the files whose
//! names begin with `pointer_`.

mod options;
mod plot;
#[cfg(feature = "pointers")]
mod pointer_report;
#[cfg(feature = "pointers")]
mod pointer_results;
#[cfg(feature = "pointers")]
mod pointer_run;
#[cfg(feature = "pointers")]
mod pointer_targets;
mod report;
mod results;
mod run;
mod warm;

use std::process::ExitCode;

use neap_bench::ALLOCATORS;
use neap_bench::workloads::{self, Workload};

use options::{Format, Options, USAGE, chosen};
#[cfg(feature = "pointers")]
use pointer_run::compare as compare_pointers;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--help" || argument == "-h") {
        println!("{USAGE}");
        return ExitCode::SUCCESS;
    }
    let outcome = Options::from_arguments(arguments.into_iter())
        .map_err(|reason| format!("{reason}\n{USAGE}"))
        .and_then(|options| match options.pointer_mode {
            true => compare_pointers(&options),
            false => compare(&options),
        });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("{reason}");
            ExitCode::FAILURE
        }
    }
}

/// Measures and reports.
fn compare(options: &Options) -> Result<(), String> {
    let names = ALLOCATORS.map(|(name, _)| name);
    let allocators = chosen(options.only.as_deref(), &names, |name| name)?;
    let all: Vec<&Workload> = workloads::ALL.iter().collect();
    let workloads = chosen(options.workload.as_deref(), &all, |workload| workload.name)?;
    let (built, missing) = run::built(&allocators, options.only.is_some(), "benches/compare.sh")?;
    let results = run::all(&built, &missing, &workloads, &options.effort);
    options.write(|format| match format {
        Format::Terminal => report::terminal(&results),
        Format::Markdown => report::markdown(&results),
        Format::Json => report::json(&results),
    })?;
    if let Some(file) = &options.svg {
        plot::ratios(&results, file).map_err(|error| format!("{file}: {error}"))?;
    }
    run::verdict(&results.failures)
}

/// Stands in for the comparison of pointers where it is left out.
#[cfg(not(feature = "pointers"))]
fn compare_pointers(_options: &Options) -> Result<(), String> {
    Err("built without the feature `pointers`; benches/pointers.sh builds with it".to_owned())
}
