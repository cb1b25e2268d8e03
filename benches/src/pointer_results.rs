//! All measurements of pointers, and where to find one.

use neap_bench::cell::Cell;
use neap_bench::median;
use neap_bench::pointers::{Measure, POINTERS, Workload};

/// The pointer that is compared with the others: its place in [`POINTERS`].
pub const OURS: usize = 0;

/// The allocator whose users have its pointer at hand, too.
pub const OUR_ALLOCATOR: &str = "neap";

/// A pointer on an allocator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair {
    /// Its place in [`POINTERS`].
    pub pointer: usize,
    /// The global allocator.
    pub allocator: &'static str,
}

impl Pair {
    /// The pointer's type.
    pub fn type_name(self) -> &'static str {
        POINTERS[self.pointer].1
    }
}

/// A table of cells.
#[derive(Debug)]
pub struct Results {
    /// Columns.
    pub pairs: Vec<Pair>,
    /// Allocators that would have columns if they had been built.
    pub missing: Vec<&'static str>,
    /// Rows; one more for each further measure of a workload.
    pub workloads: Vec<&'static Workload>,
    /// For each workload and column, one cell a round.
    pub cells: Vec<Vec<Vec<Cell>>>,
    /// Cells that ended badly.
    pub failures: Vec<String>,
    /// How long it took.
    pub seconds: u64,
}

impl Results {
    /// The rows: a workload's place, and what it measures.
    pub fn rows(&self) -> impl Iterator<Item = (usize, &'static Measure)> {
        let rows = self.workloads.iter().enumerate();
        rows.flat_map(|(row, workload)| workload.measures.iter().map(move |what| (row, what)))
    }

    /// The median of a time over all rounds of all processes, or of a figure over all processes.
    pub fn value(&self, row: usize, column: usize, measure: &Measure) -> Option<f64> {
        let cells = &self.cells[row][column];
        let values: Vec<f64> = match measure.figure {
            None => cells.iter().flat_map(|cell| cell.rounds.iter().copied()).collect(),
            Some(figure) => {
                let figures = cells.iter().flat_map(|cell| &cell.figures);
                figures.filter(|(name, _)| name == figure).map(|&(_, value)| value).collect()
            }
        };
        (!values.is_empty()).then(|| median(&values))
    }

    /// A measure of a workload by name, in each column.
    pub fn values(&self, workload: &str, measure: usize) -> Vec<(Pair, f64)> {
        let Some(row) = self.workloads.iter().position(|candidate| candidate.name == workload)
        else {
            return Vec::new();
        };
        let measure = &self.workloads[row].measures[measure];
        let values = self.pairs.iter().enumerate();
        values
            .filter_map(|(column, &pair)| Some((pair, self.value(row, column, measure)?)))
            .collect()
    }
}
