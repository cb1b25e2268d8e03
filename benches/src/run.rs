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

    /// Processes for each cell of this workload.
    fn rounds_of(&self, workload: &Workload) -> u32 {
        if workload.name == "frag" { self.dear_rounds } else { self.rounds }
    }
}

/// The path of an allocator's binary: beside the driver's own.
pub fn binary(allocator: &str) -> Option<PathBuf> {
    let driver = std::env::current_exe().ok()?;
    Some(driver.with_file_name(format!("neap-bench-{allocator}")))
}

/// Runs all cells, in turn.
pub fn all(
    allocators: &[&'static str],
    missing: &[&'static str],
    workloads: &[&'static Workload],
    effort: &Effort,
) -> Results {
    let begin = Instant::now();
    let mut results = Results::new(allocators, missing, workloads);
    for round in 0..effort.rounds.max(effort.dear_rounds) {
        for (row, workload) in workloads.iter().enumerate() {
            if round >= effort.rounds_of(workload) {
                continue;
            }
            let mut line = format!(
                "{:>4} s  round {}  {:<14}",
                begin.elapsed().as_secs(),
                round + 1,
                workload.name
            );
            for turn in 0..allocators.len() {
                let column = (turn + round as usize) % allocators.len();
                let allocator = allocators[column];
                // The last round idles and looks at what is left; idling each time would take minutes.
                let idle = if round + 1 == effort.rounds_of(workload) { 200 } else { 0 };
                match cell(allocator, workload, effort, idle) {
                    Ok(cell) => {
                        line += &match cell.rounds.is_empty() {
                            true => format!("  {allocator} {:.1} MiB", cell.peak_kib / 1024.0),
                            false => format!("  {allocator} {:.1}", cell.time()),
                        };
                        results.cells[row][column].push(cell);
                    }
                    Err(reason) => {
                        let failure = format!("{allocator}, {}: {reason}", workload.name);
                        eprintln!("FAILED: {failure}");
                        results.failures.push(failure);
                    }
                }
            }
            eprintln!("{line}");
        }
    }
    results.seconds = begin.elapsed().as_secs();
    results
}

/// Runs one cell.
fn cell(
    allocator: &str,
    workload: &Workload,
    effort: &Effort,
    idle_ms: u32,
) -> Result<Cell, String> {
    let path = binary(allocator).ok_or("no path of the driver's own")?;
    warm::memory(if workload.name == "frag" { 1400 } else { 320 });
    let mut child = Command::new(&path)
        .arg(workload.name)
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
