//! All measurements of a suite, and where to find one.

use neap_bench::cell::Cell;
use neap_bench::median;
use neap_bench::suite::{Measure, Subject, Suite, Workload};

use crate::run::Fate;

/// The subject that is compared with the others: its place in a suite.
pub const OURS: usize = 0;

/// The allocator whose users have ours at hand, too.
pub const OUR_ALLOCATOR: &str = "neap";

/// More than this part of the garbage's bytes kept: as good as nothing was collected.
const KEPT: f64 = 0.5;

/// A subject in the program of an allocator.
#[derive(Clone, Copy, Debug)]
pub struct Pair {
    /// Its place in the suite.
    pub place: usize,
    /// What it is.
    pub subject: &'static Subject,
    /// The global allocator; or the program, when it is not one of ours.
    pub program: &'static str,
}

/// A table of cells.
#[derive(Debug)]
pub struct Results {
    /// What was measured.
    pub suite: &'static Suite,
    /// Columns.
    pub pairs: Vec<Pair>,
    /// Programs that would have columns if they were there.
    pub missing: Vec<&'static str>,
    /// Rows; one more for each further measure of a workload.
    pub workloads: Vec<&'static Workload>,
    /// For each workload and column, one cell a round.
    pub cells: Vec<Vec<Vec<Cell>>>,
    /// For each workload and column, what is to be said about the cells.
    pub fates: Vec<Vec<Fate>>,
    /// Cells of which it was not to be expected that they end badly.
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
        match measure.figure {
            None => {
                let rounds = self.cells[row][column].iter().flat_map(|cell| &cell.rounds);
                some_median(rounds.copied().collect())
            }
            Some(name) => self.figure(row, column, name),
        }
    }

    /// The median of a figure over all processes.
    pub fn figure(&self, row: usize, column: usize, name: &str) -> Option<f64> {
        let figures = self.cells[row][column].iter().flat_map(|cell| &cell.figures);
        some_median(figures.filter(|(figure, _)| figure == name).map(|&(_, value)| value).collect())
    }

    /// A measure of a workload by name, in each column: its number, and the value.
    pub fn values(&self, workload: &str, measure: usize) -> Vec<(usize, f64)> {
        let Some(row) = self.workloads.iter().position(|candidate| candidate.name == workload)
        else {
            return Vec::new();
        };
        let measure = &self.workloads[row].measures[measure];
        let columns = 0..self.pairs.len();
        columns.filter_map(|column| Some((column, self.value(row, column, measure)?))).collect()
    }

    /// Was garbage collected in these cells at all, as far as they say?
    pub fn collects(&self, row: usize, column: usize) -> bool {
        self.figure(row, column, "kept").is_none_or(|kept| kept <= KEPT)
    }

    /// The column in which a subject is at its best, and the value there.
    pub fn best(&self, row: usize, place: usize, measure: &Measure) -> Option<(usize, f64)> {
        let columns = (0..self.pairs.len()).filter(|&column| self.pairs[column].place == place);
        let values = columns.filter_map(|column| Some((column, self.value(row, column, measure)?)));
        values.min_by(|(_, left), (_, right)| left.total_cmp(right))
    }
}

fn some_median(values: Vec<f64>) -> Option<f64> {
    (!values.is_empty()).then(|| median(&values))
}
