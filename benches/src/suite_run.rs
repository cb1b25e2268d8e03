//! Compares the subjects of a suite: each workload with each subject, on a few allocators.

use std::process::{Command, Stdio};
use std::time::Duration;

use neap_bench::ALLOCATORS;
use neap_bench::suite::{Subject, Workload};

use crate::comparison::{Columns, Comparison};
use crate::options::{Format, Options, chosen};
use crate::run::{self, Column, Row, Rules};
use crate::suite_report as report;
use crate::suite_results::{OUR_ALLOCATOR, OURS, Pair, Results};

/// The subject that is not Rust's.
const PYTHON: Subject = Subject { name: "cpython", title: "CPython", package: None };
/// Its program.
const INTERPRETER: &str = "python3";

/// After this time a cell of a peer that may fail is ended.
const PATIENCE: Duration = Duration::from_secs(60);

/// Measures and reports.
pub fn compare(comparison: &Comparison, options: &Options) -> Result<(), String> {
    let suite = comparison.suite;
    let names = ALLOCATORS.map(|(name, _)| name);
    let only = options.only.as_deref().unwrap_or(comparison.usual);
    let allocators = chosen(Some(only), &names, |name| name)?;
    let all: Vec<&Workload> = suite.workloads.iter().collect();
    let workloads = chosen(options.workload.as_deref(), &all, |workload| workload.name)?;
    let mut subjects: Vec<(usize, &'static Subject)> = suite.subjects.iter().enumerate().collect();
    if comparison.python.is_some() {
        subjects.push((subjects.len(), &PYTHON));
    }
    let subjects = chosen(options.subject.as_deref(), &subjects, |(_, subject)| subject.name)?;
    let (built, mut missing) = run::built(&allocators, options.only.is_some(), comparison.script)?;

    let mut pairs = Vec::new();
    let mut python = Vec::new();
    for (place, subject) in subjects {
        if subject.name == PYTHON.name {
            python = comparison.python.and_then(python_workloads).unwrap_or_default();
            match python.is_empty() {
                true => missing.push(INTERPRETER),
                false => pairs.push(Pair { place, subject, program: INTERPRETER }),
            }
            continue;
        }
        // Ours is at home in one program; where all are shown, it is shown in all.
        let only_ours = comparison.columns == Columns::BestProgram
            && place == OURS
            && built.contains(&OUR_ALLOCATOR);
        let programs = built.iter().filter(|&&program| !only_ours || program == OUR_ALLOCATOR);
        pairs.extend(programs.map(|&program| Pair { place, subject, program }));
    }
    let rows: Vec<Row> = workloads
        .iter()
        .map(|workload| Row {
            name: workload.name,
            rounds: options.effort.rounds_of(workload.dear),
            memory_mib: workload.memory_mib,
        })
        .collect();
    let columns: Vec<Column> = pairs.iter().map(|pair| column(comparison, pair)).collect();
    let exists = |row: usize, column: usize| match suite.subjects.get(pairs[column].place) {
        Some(_) => workloads[row].runs[pairs[column].place].is_some(),
        None => python.iter().any(|name| name == workloads[row].name),
    };
    let mut rules = Rules { idle_ms: 0, ..Rules::STRICT };
    if comparison.peers_may_fail {
        rules = Rules { may_fail: true, patience: PATIENCE, ..rules };
    }
    let measured = run::table(&rows, &columns, exists, &options.effort, &rules);
    let results = Results {
        suite,
        pairs,
        missing,
        workloads,
        cells: measured.cells,
        fates: measured.fates,
        failures: measured.failures,
        seconds: measured.seconds,
    };
    options.write(|format| match format {
        Format::Terminal => report::terminal(comparison, &results),
        Format::Markdown => report::markdown(comparison, &results),
        Format::Json => report::json(comparison, &results),
    })?;
    let ours = suite.subjects[OURS].name;
    let serious: Vec<String> = results
        .failures
        .iter()
        .filter(|failure| !comparison.peers_may_fail || failure.starts_with(&format!("{ours}/")))
        .cloned()
        .collect();
    run::verdict(&serious)
}

/// What is started for a column.
fn column(comparison: &Comparison, pair: &Pair) -> Column {
    let title = format!("{}/{}", pair.subject.name, pair.program);
    if pair.program == INTERPRETER {
        let script = comparison.python.unwrap_or_default().to_owned();
        let program = INTERPRETER.into();
        return Column {
            title,
            program,
            before: vec![script],
            after: Vec::new(),
            large_stack: false,
        };
    }
    let option = format!("--{}", comparison.suite.subject);
    Column {
        title,
        program: run::binary(pair.program).unwrap_or_default(),
        before: Vec::new(),
        after: vec![option, pair.subject.name.to_owned()],
        large_stack: comparison.peers_may_fail && pair.place != OURS,
    }
}

/// The workloads that the script can do; `None` when there is no Python to ask.
fn python_workloads(script: &str) -> Option<Vec<String>> {
    let mut command = Command::new(INTERPRETER);
    let output = command.args([script, "--list"]).stdin(Stdio::null()).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.lines().map(str::to_owned).collect())
}
