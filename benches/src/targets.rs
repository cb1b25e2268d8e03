//! What a subject of ours is to reach, and whether it does.
//!
//! A figure of ours is the *best* of its figures in the programs that it runs in; chance favours the others alike, of which
//! the best is taken, too. Who collected nothing is not among them. All readings are of one run.

use neap_bench::suite::Suite;

use crate::suite_results::{OUR_ALLOCATOR, OURS, Results};

/// A measure: the name of a workload, and which of its measures it is.
pub type Place = (&'static str, usize);

/// What a figure is set against.
#[cfg_attr(
    not(all(feature = "pointers", feature = "collectors")),
    allow(dead_code, reason = "no suite has targets of all kinds")
)]
#[derive(Clone, Copy)]
pub enum Against {
    /// The same measure of these subjects, the best of them; as a second reading, the best in a program
    /// whose allocator is not ours.
    Twice(&'static [&'static str]),
    /// The same measure of this subject, and it is the difference that is limited.
    Excess(&'static str),
    /// Another measure of ours.
    Own(Place),
    /// Nothing: the figure itself is limited.
    Nothing,
}

/// One target.
#[derive(Clone, Copy)]
pub struct Target {
    /// What is measured.
    pub title: &'static str,
    /// Where.
    pub place: Place,
    /// What it is set against.
    pub against: Against,
    /// The most that the ratio, the difference or the figure may be. Without it the ratio is for information.
    pub limit: Option<f64>,
}

/// What our figure is set against, and what that comes to.
#[derive(Clone, Debug)]
pub struct Reading {
    /// The other figure, if there is one.
    pub reference: Option<f64>,
    /// Whose figure it is.
    pub whose: String,
    /// The ratio or the difference; our figure itself when there is no other.
    pub ratio: f64,
}

/// A target beside what was measured.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What is measured.
    pub title: &'static str,
    /// Our figure.
    pub ours: f64,
    /// One or two.
    pub readings: [Option<Reading>; 2],
    /// The most that the ratio may be.
    pub limit: Option<f64>,
}

impl Outcome {
    /// For each reading, whether the target is reached.
    pub fn met(&self) -> Vec<bool> {
        let ratios = self.readings.iter().flatten().map(|reading| reading.ratio);
        self.limit.map_or_else(Vec::new, |limit| ratios.map(|ratio| ratio <= limit).collect())
    }
}

/// All targets whose figures were measured.
pub fn outcomes(results: &Results, targets: &[Target]) -> Vec<Outcome> {
    targets.iter().filter_map(|target| outcome(results, target)).collect()
}

fn outcome(results: &Results, target: &Target) -> Option<Outcome> {
    let ours = our_figure(results, target.place)?;
    let row = results.workloads.iter().position(|workload| workload.name == target.place.0)?;
    let best = |others: &[&str], foreign: bool| {
        let values = results.values(target.place.0, target.place.1).into_iter();
        let values = values.filter(|&(column, _)| {
            let pair = results.pairs[column];
            others.contains(&pair.subject.name)
                && !(foreign && pair.program == OUR_ALLOCATOR)
                && results.collects(row, column)
        });
        let (column, reference) = values.min_by(|(_, left), (_, right)| left.total_cmp(right))?;
        let pair = results.pairs[column];
        let whose = format!("{} on {}", pair.subject.title, pair.program);
        Some(Reading { reference: Some(reference), whose, ratio: ours / reference })
    };
    let readings = match target.against {
        Against::Twice(others) => [best(others, false), best(others, true)],
        Against::Excess(other) => {
            let mut reading = best(&[other], false)?;
            reading.ratio = (ours - reading.reference.unwrap_or(0.0)).max(0.0);
            [Some(reading), None]
        }
        Against::Own(place) => {
            let reference = our_figure(results, place)?;
            let whose = our_title(results.suite).to_owned();
            [Some(Reading { reference: Some(reference), whose, ratio: ours / reference }), None]
        }
        Against::Nothing => {
            [Some(Reading { reference: None, whose: String::new(), ratio: ours }), None]
        }
    };
    readings[0].is_some().then_some(Outcome {
        title: target.title,
        ours,
        readings,
        limit: target.limit,
    })
}

/// The best of our figures.
fn our_figure(results: &Results, (workload, measure): Place) -> Option<f64> {
    let row = results.workloads.iter().position(|candidate| candidate.name == workload)?;
    Some(results.best(row, OURS, &results.workloads[row].measures[measure])?.1)
}

/// What ours is called in tables.
pub fn our_title(suite: &Suite) -> &'static str {
    suite.subjects[OURS].title
}
