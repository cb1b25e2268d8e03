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
    /// The program.
    pub program: PathBuf,
    /// What it is told before the workload.
    pub before: Vec<String>,
    /// What it is told besides the workload.
    pub after: Vec<String>,
    /// Is a cell that crashed to be tried once more, on a large stack? That's for those that recurse.
    pub large_stack: bool,
}

/// What holds for all cells of a table.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// How long a cell idles after its last round.
    pub idle_ms: u32,
    /// After this time a cell is taken for hung, and ended.
    pub patience: Duration,
    /// Is a failure a result? Then it is not tried again in later rounds.
    pub may_fail: bool,
}

impl Rules {
    /// Every cell is to end well.
    pub const STRICT: Rules = Rules { idle_ms: 200, patience: PATIENCE, may_fail: false };
}

/// What is to be said about the cells of a row and column.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Fate {
    /// Nothing.
    #[default]
    Well,
    /// They need a large stack.
    LargeStack,
    /// They end badly, and how.
    Failed(String),
}

impl Fate {
    /// How they end, if badly.
    pub fn failure(&self) -> Option<&str> {
        match self {
            Fate::Failed(how) => Some(how),
            _ => None,
        }
    }
}

/// What was measured for a table.
#[derive(Debug)]
pub struct Measured {
    /// For each row and column, one cell a round.
    pub cells: Vec<Vec<Vec<Cell>>>,
    /// For each row and column, what is to be said.
    #[cfg_attr(
        not(any(feature = "pointers", feature = "collectors")),
        allow(dead_code, reason = "of allocators the failures say it")
    )]
    pub fates: Vec<Vec<Fate>>,
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
    rules: &Rules,
) -> Measured {
    let begin = Instant::now();
    let mut cells = vec![vec![Vec::new(); columns.len()]; rows.len()];
    let mut fates = vec![vec![Fate::default(); columns.len()]; rows.len()];
    let mut failures = Vec::new();
    for round in 0..effort.rounds.max(effort.dear_rounds) {
        for (number, row) in rows.iter().enumerate().filter(|(_, row)| round < row.rounds) {
            let seconds = begin.elapsed().as_secs();
            let mut line = format!("{seconds:>4} s  round {}  {:<14}", round + 1, row.name);
            for turn in 0..columns.len() {
                let place = (turn + round as usize) % columns.len();
                let column = &columns[place];
                let fate = &mut fates[number][place];
                if !exists(number, place) || fate.failure().is_some() && rules.may_fail {
                    continue;
                }
                // Idling each time would take minutes.
                let idle_ms = if round + 1 == row.rounds { rules.idle_ms } else { 0 };
                let rules = Rules { idle_ms, ..*rules };
                let mut outcome = cell(row, column, effort, &rules, *fate == Fate::LargeStack);
                if let (Err(End::Crashed(_)), Fate::Well, true) =
                    (&outcome, &*fate, column.large_stack)
                {
                    *fate = Fate::LargeStack;
                    outcome = cell(row, column, effort, &rules, true);
                }
                match outcome {
                    Ok(cell) => {
                        line += &match cell.rounds.is_empty() {
                            true => format!("  {} {:.1} MiB", column.title, cell.peak_kib / 1024.0),
                            false => format!("  {} {:.1}", column.title, cell.time()),
                        };
                        cells[number][place].push(cell);
                    }
                    Err(End::Crashed(reason) | End::Other(reason)) => {
                        let failure = format!("{}, {}: {reason}", column.title, row.name);
                        eprintln!("FAILED: {failure}");
                        failures.push(failure);
                        *fate = Fate::Failed(reason);
                    }
                }
            }
            eprintln!("{line}");
        }
    }
    Measured { cells, fates, failures, seconds: begin.elapsed().as_secs() }
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
        .map(|&allocator| Column {
            title: allocator.to_owned(),
            program: binary(allocator).unwrap_or_default(),
            before: Vec::new(),
            after: Vec::new(),
            large_stack: false,
        })
        .collect();
    let measured = table(&rows, &columns, |_, _| true, effort, &Rules::STRICT);
    Results {
        allocators: allocators.to_vec(),
        missing: missing.to_vec(),
        workloads: workloads.to_vec(),
        cells: measured.cells,
        failures: measured.failures,
        seconds: measured.seconds,
    }
}

/// How a cell ended that did not end well.
enum End {
    /// By a signal: it may have been the stack.
    Crashed(String),
    /// Otherwise.
    Other(String),
}

/// Bytes of a large stack, in MiB.
const LARGE_STACK_MIB: &str = "8192";

/// Runs one cell.
fn cell(
    row: &Row,
    column: &Column,
    effort: &Effort,
    rules: &Rules,
    large_stack: bool,
) -> Result<Cell, End> {
    let other =
        |error: std::io::Error| End::Other(format!("{}: {error}", column.program.display()));
    warm::memory(row.memory_mib);
    let mut command = Command::new(&column.program);
    command
        .args(&column.before)
        .arg(row.name)
        .args(&column.after)
        .args(["--rounds", &effort.inner.to_string()])
        .args(["--budget-ms", &effort.budget_ms.to_string()])
        .args(["--idle-ms", &rules.idle_ms.to_string()]);
    if large_stack {
        command.args(["--stack-mib", LARGE_STACK_MIB]);
    }
    if column.large_stack {
        // It may crash, and says so at length.
        command.stderr(Stdio::null());
    }
    let command = command.stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = command.spawn().map_err(other)?;
    let begin = Instant::now();
    // What a cell prints fits into a pipe, so it can be read when the cell has ended.
    let ended = loop {
        match child.try_wait().map_err(other)? {
            Some(_) => break true,
            None if begin.elapsed() > rules.patience => break false,
            None => std::thread::sleep(Duration::from_millis(3)),
        }
    };
    if !ended {
        child.kill().map_err(other)?;
    }
    let output = child.wait_with_output().map_err(other)?;
    if !ended {
        return Err(End::Other(format!("> {} s", rules.patience.as_secs())));
    }
    match output.status.code() {
        Some(0) => {}
        // What Rust's runtime ends with.
        Some(101) => return Err(End::Other("panics".to_owned())),
        Some(_) => return Err(End::Other(output.status.to_string())),
        None => return Err(End::Crashed(format!("crashes, {}", output.status))),
    }
    Cell::parse(&String::from_utf8_lossy(&output.stdout))
        .ok_or_else(|| End::Other("printed no result".to_owned()))
}
