//! All measurements, and what follows from them.

use neap_bench::cell::Cell;
use neap_bench::median;
use neap_bench::workloads::Workload;

/// The allocator that is compared with the others.
pub const OURS: &str = "neap";

/// A table of cells.
#[derive(Debug)]
pub struct Results {
    /// Columns.
    pub allocators: Vec<&'static str>,
    /// Allocators that would be columns if they had been built.
    pub missing: Vec<&'static str>,
    /// Rows.
    pub workloads: Vec<&'static Workload>,
    /// For each row and column, one cell a round.
    pub cells: Vec<Vec<Vec<Cell>>>,
    /// Cells that ended badly.
    pub failures: Vec<String>,
    /// How long it took.
    pub seconds: u64,
}

impl Results {
    /// Rows that count in means.
    pub fn counted(&self) -> impl Iterator<Item = usize> {
        (0..self.workloads.len()).filter(|&row| self.workloads[row].counted)
    }

    /// The median time per operation, over all rounds of all processes.
    pub fn time(&self, row: usize, column: usize) -> Option<f64> {
        let cells = &self.cells[row][column];
        let rounds: Vec<f64> = cells.iter().flat_map(|cell| cell.rounds.iter().copied()).collect();
        (!rounds.is_empty()).then(|| median(&rounds))
    }

    /// The median of the peaks, in MiB.
    pub fn peak(&self, row: usize, column: usize) -> Option<f64> {
        self.median_of(row, column, |cell| Some(cell.peak_kib / 1024.0))
    }

    /// The median of what is resident at the end, in MiB.
    pub fn end(&self, row: usize, column: usize) -> Option<f64> {
        self.median_of(row, column, |cell| Some(cell.end_kib? / 1024.0))
    }

    /// The median of a further figure of a workload.
    pub fn figure(&self, workload: &str, column: usize, name: &str) -> Option<f64> {
        let row = self.workloads.iter().position(|candidate| candidate.name == workload)?;
        self.median_of(row, column, |cell| {
            cell.figures.iter().find(|(figure, _)| figure == name).map(|&(_, value)| value)
        })
    }

    fn median_of(
        &self,
        row: usize,
        column: usize,
        value: impl Fn(&Cell) -> Option<f64>,
    ) -> Option<f64> {
        let values: Vec<f64> = self.cells[row][column].iter().filter_map(value).collect();
        (!values.is_empty()).then(|| median(&values))
    }

    /// The least value of a row among the allocators other than ours.
    pub fn best_peer(&self, value: impl Fn(usize) -> Option<f64>) -> Option<f64> {
        let peers = (0..self.allocators.len()).filter(|&column| self.allocators[column] != OURS);
        peers.filter_map(value).min_by(f64::total_cmp)
    }

    /// The time as a multiple of the best peer's.
    pub fn ratio(&self, row: usize, column: usize) -> Option<f64> {
        Some(self.time(row, column)? / self.best_peer(|peer| self.time(row, peer))?)
    }

    /// The geometric mean of the ratios. `None` when a workload is missing for this allocator.
    pub fn mean_ratio(&self, column: usize) -> Option<f64> {
        geometric_mean(self.counted().map(|row| self.ratio(row, column)))
    }

    /// The workload with the largest ratio.
    pub fn worst(&self, column: usize) -> Option<(&'static Workload, f64)> {
        let ratios =
            self.counted().filter_map(|row| Some((self.workloads[row], self.ratio(row, column)?)));
        ratios.max_by(|(_, left), (_, right)| left.total_cmp(right))
    }

    /// The geometric mean of the peaks, in MiB.
    pub fn mean_peak(&self, column: usize) -> Option<f64> {
        geometric_mean(self.counted().map(|row| self.peak(row, column)))
    }

    /// The geometric mean of what is resident at the end, in MiB.
    pub fn mean_end(&self, column: usize) -> Option<f64> {
        geometric_mean(self.counted().map(|row| self.end(row, column)))
    }
}

/// The geometric mean; `None` when a value is missing, or all are.
fn geometric_mean(values: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    let logarithms: Vec<f64> = values.map(|value| Some(value?.ln())).collect::<Option<_>>()?;
    let count = logarithms.len() as f64;
    (count > 0.0).then(|| (logarithms.iter().sum::<f64>() / count).exp())
}
