//! Starts cells and collects what they print.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use neap_bench::cell::Cell;
use neap_bench::workloads::Workload;

use crate::results::Results;
use crate::warm;

/// After this time a cell is taken for hung, and ended.
const PATIENCE: Duration = Duration::from_secs(120);

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// Processes for each cell.
    pub rounds: u32,
    /// Processes for each cell of a workload that takes seconds.
    pub dear_rounds: u32,
    /// Rounds inside a process.
    pub inner: u32,
    /// No further round is begun in a process after so many milliseconds.
    pub budget_ms: u32,
}

impl Effort {
    /// About ten minutes.
    pub const FULL: Effort = Effort { rounds: 5, dear_rounds: 3, inner: 5, budget_ms: 500 };
    /// About two minutes.
    pub const QUICK: Effort = Effort { rounds: 2, dear_rounds: 1, inner: 3, budget_ms: 120 };

    /// Processes for each cell of a workload.
    pub fn rounds_of(&self, dear: bool) -> u32 {
        if dear { self.dear_rounds } else { self.rounds }
    }
}

/// The path of an allocator's binary: beside the driver's own.
pub fn binary(allocator: &str) -> Option<PathBuf> {
    let driver = std::env::current_exe().ok()?;
    Some(driver.with_file_name(format!("neap-bench-{allocator}")))
}

/// Those of the allocators whose binary is there, and those whose is not. An error when one that was
/// named is missing, or all are.
pub fn built(
    allocators: &[&'static str],
    named: bool,
    script: &str,
) -> Result<(Vec<&'static str>, Vec<&'static str>), String> {
    let (built, missing): (Vec<&str>, Vec<&str>) =
        allocators.iter().partition(|name| binary(name).is_some_and(|path| path.exists()));
    if !missing.is_empty() {
        let names = missing.join(", ");
        eprintln!("NOT BUILT, so not in the tables: {names}. `{script}` builds them.");
        if named || built.is_empty() {
            return Err("an allocator that was asked for is not there".to_owned());
        }
    }
    Ok((built, missing))
}

/// Whether all went well.
pub fn verdict(failures: &[String]) -> Result<(), String> {
    match failures.len() {
        0 => Ok(()),
        count => Err(format!("{count} cells failed; they are listed above")),
    }
}

/// A row of a table: one workload.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The workload.
    pub name: &'static str,
    /// Processes for each of its cells.
    pub rounds: u32,
    /// The most memory that a cell needs, in MiB.
    pub memory_mib: usize,
}

/// A column of a table: one program.
#[derive(Clone, Debug)]
pub struct Column {
    /// What it is called in the lines about progress.
    pub title: String,
    /// The allocator whose binary it is.
    pub allocator: &'static str,
    /// What the binary is told besides the workload.
    pub arguments: Vec<String>,
}

/// What was measured for a table.
#[derive(Debug)]
pub struct Measured {
    /// For each row and column, one cell a round.
    pub cells: Vec<Vec<Vec<Cell>>>,
    /// Cells that ended badly.
    pub failures: Vec<String>,
    /// How long it took.
    pub seconds: u64,
}

/// Runs the cells of a table, in turn: those of a row one after another, each round beginning with
/// another of them. After the last round of a row its cells idle, to see what memory is left.
pub fn table(
    rows: &[Row],
    columns: &[Column],
    exists: impl Fn(usize, usize) -> bool,
    effort: &Effort,
    idle_ms: u32,
) -> Measured {
    let begin = Instant::now();
    let mut cells = vec![vec![Vec::new(); columns.len()]; rows.len()];
    let mut failures = Vec::new();
    for round in 0..effort.rounds.max(effort.dear_rounds) {
        for (number, row) in rows.iter().enumerate().filter(|(_, row)| round < row.rounds) {
            let seconds = begin.elapsed().as_secs();
            let mut line = format!("{seconds:>4} s  round {}  {:<14}", round + 1, row.name);
            for turn in 0..columns.len() {
                let place = (turn + round as usize) % columns.len();
                let column = &columns[place];
                if !exists(number, place) {
                    continue;
                }
                // Idling each time would take minutes.
                let idle = if round + 1 == row.rounds { idle_ms } else { 0 };
                match cell(row, column, effort, idle) {
                    Ok(cell) => {
                        line += &match cell.rounds.is_empty() {
                            true => format!("  {} {:.1} MiB", column.title, cell.peak_kib / 1024.0),
                            false => format!("  {} {:.1}", column.title, cell.time()),
                        };
                        cells[number][place].push(cell);
                    }
                    Err(reason) => {
                        let failure = format!("{}, {}: {reason}", column.title, row.name);
                        eprintln!("FAILED: {failure}");
                        failures.push(failure);
                    }
                }
            }
            eprintln!("{line}");
        }
    }
    Measured { cells, failures, seconds: begin.elapsed().as_secs() }
}

/// Runs all workloads on these allocators.
pub fn all(
    allocators: &[&'static str],
    missing: &[&'static str],
    workloads: &[&'static Workload],
    effort: &Effort,
) -> Results {
    let dear = |workload: &Workload| workload.name == "frag";
    let rows: Vec<Row> = workloads
        .iter()
        .map(|workload| Row {
            name: workload.name,
            rounds: effort.rounds_of(dear(workload)),
            memory_mib: if dear(workload) { 1400 } else { 320 },
        })
        .collect();
    let columns: Vec<Column> = allocators
        .iter()
        .map(|&allocator| Column { title: allocator.to_owned(), allocator, arguments: Vec::new() })
        .collect();
    let measured = table(&rows, &columns, |_, _| true, effort, 200);
    Results {
        allocators: allocators.to_vec(),
        missing: missing.to_vec(),
        workloads: workloads.to_vec(),
        cells: measured.cells,
        failures: measured.failures,
        seconds: measured.seconds,
    }
}

/// Runs one cell.
fn cell(row: &Row, column: &Column, effort: &Effort, idle_ms: u32) -> Result<Cell, String> {
    let path = binary(column.allocator).ok_or("no path of the driver's own")?;
    warm::memory(row.memory_mib);
    let mut child = Command::new(&path)
        .arg(row.name)
        .args(&column.arguments)
        .args(["--rounds", &effort.inner.to_string()])
        .args(["--budget-ms", &effort.budget_ms.to_string()])
        .args(["--idle-ms", &idle_ms.to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("{}: {error}", path.display()))?;
    let begin = Instant::now();
    // What a cell prints fits into a pipe, so it can be read when the cell has ended.
    let ended = loop {
        match child.try_wait().map_err(|error| error.to_string())? {
            Some(_) => break true,
            None if begin.elapsed() > PATIENCE => break false,
            None => std::thread::sleep(Duration::from_millis(3)),
        }
    };
    if !ended {
        child.kill().map_err(|error| error.to_string())?;
    }
    let output = child.wait_with_output().map_err(|error| error.to_string())?;
    if !ended {
        return Err(format!("ended after {} s", PATIENCE.as_secs()));
    }
    if !output.status.success() {
        return Err(output.status.to_string());
    }
    Cell::parse(&String::from_utf8_lossy(&output.stdout))
        .ok_or_else(|| "printed no result".to_owned())
}
