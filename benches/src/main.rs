//! The driver: runs every workload on every allocator and makes the tables.
//!
//! It starts one process for each cell (see `neap_bench::cell`), all columns of a row one after
//! another, and begins each round with another of them. Progress goes to stderr, a line for each row
//! and round; results go to stdout or to the files that were named.
//!
//! ```text
//!  options ──► main ──► run ◄── suite_run ◄── comparison          run: starts cells in turn; warm: memory before each
//!               │        │          │              ▲
//!               ▼        ▼          ▼              │ pointer_targets, collector_targets
//!            report ◄─ results   suite_results ─► targets ─► suite_report
//!            plot
//!               └──────► table, json, machine ◄───────────────────┘
//! ```
//!
//! Allocators are compared by this file, `results` and `report`; counted pointers and collectors, which are suites of workloads, by the files whose
//! names begin with `suite_`. What one of them has that the other has not is in `comparison`.

#[cfg(feature = "collectors")]
mod collector_targets;
#[cfg(any(feature = "pointers", feature = "collectors"))]
mod comparison;
mod json;
mod machine;
mod options;
mod plot;
#[cfg(feature = "pointers")]
mod pointer_targets;
mod report;
mod results;
mod run;
#[cfg(any(feature = "pointers", feature = "collectors"))]
mod suite_report;
#[cfg(any(feature = "pointers", feature = "collectors"))]
mod suite_results;
#[cfg(any(feature = "pointers", feature = "collectors"))]
mod suite_run;
mod table;
#[cfg(any(feature = "pointers", feature = "collectors"))]
mod targets;
mod warm;

use std::process::ExitCode;

use neap_bench::ALLOCATORS;
use neap_bench::workloads::{self, Workload};

use options::{Format, Mode, Options, USAGE, chosen};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--help" || argument == "-h") {
        println!("{USAGE}");
        return ExitCode::SUCCESS;
    }
    let outcome = Options::from_arguments(arguments.into_iter())
        .map_err(|reason| format!("{reason}\n{USAGE}"))
        .and_then(|options| match options.mode {
            Mode::Allocators => compare(&options),
            _ => compare_suite(&options),
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

/// Compares the subjects of a suite.
#[cfg(any(feature = "pointers", feature = "collectors"))]
fn compare_suite(options: &Options) -> Result<(), String> {
    let comparison = comparison::Comparison::of(options.mode);
    suite_run::compare(&comparison.ok_or(NOT_BUILT)?, options)
}

/// Stands in for it where all suites are left out.
#[cfg(not(any(feature = "pointers", feature = "collectors")))]
fn compare_suite(_options: &Options) -> Result<(), String> {
    Err(NOT_BUILT.to_owned())
}

/// What is said of a suite that is left out.
const NOT_BUILT: &str = "built without the feature for it; benches/pointers.sh and benches/collectors.sh build with theirs";
