//! What `neap::Rc` is to reach, and whether it does.
//!
//! A figure of `neap::Rc` is the *best* of its figures on the allocators: it takes its memory from neap's
//! pools on each, so they are the same but for chance. It is set against the best figure of the pointers
//! that it is compared with, on whichever allocator that is; chance favours both alike. As a second
//! reading it is set against the best on an allocator that is not neap's: what a program has that does
//! not use neap at all. Both readings are of one run.

use crate::pointer_results::{OUR_ALLOCATOR, OURS, Pair, Results};

/// The places of the others in `POINTERS`.
const STD: usize = 1;
const TRIOMPHE: usize = 2;

/// A measure: the name of a workload, and which of its measures it is.
type Place = (&'static str, usize);

/// What a figure is set against.
enum Against {
    /// The same measure of these pointers.
    Pointers(&'static [usize]),
    /// Another measure of our pointer.
    Own(Place),
    /// Nothing: the figure itself is limited.
    Nothing,
}

/// One target.
struct Target {
    title: &'static str,
    place: Place,
    against: Against,
    /// The most that the ratio, or the figure, may be. Without it the ratio is for information.
    limit: Option<f64>,
}

/// A ratio to the best `std::rc::Rc`.
const fn to_std(title: &'static str, workload: &'static str, limit: Option<f64>) -> Target {
    Target { title, place: (workload, 0), against: Against::Pointers(&[STD]), limit }
}

/// All targets, in the order of the table.
const TARGETS: [Target; 15] = [
    to_std("create + drop", "rc_create", Some(0.6)),
    to_std("create + drop, 1000 live", "rc_create_batch", Some(0.6)),
    to_std("clone + drop, hot", "rc_clone_hot", Some(1.0)),
    to_std("clone + drop, hot, with a Weak", "rc_clone_hot_weak", Some(1.0)),
    to_std("clone + drop, 1M shuffled", "rc_clone_shuffled", Some(1.0)),
    to_std("clone + drop, 1M shuffled, with Weaks", "rc_clone_shuffled_weak", Some(1.0)),
    to_std("downgrade + drop", "rc_downgrade", Some(1.2)),
    to_std("downgrade + drop, with another Weak", "rc_downgrade_held", Some(1.2)),
    to_std("create + first downgrade + drop", "rc_downgrade_first", None),
    to_std("upgrade + drop", "rc_upgrade", Some(1.2)),
    to_std("list of 100 000", "rc_list", Some(0.8)),
    Target {
        title: "binary trees",
        place: ("rc_trees", 0),
        against: Against::Pointers(&[STD, TRIOMPHE]),
        limit: Some(0.8),
    },
    Target {
        title: "bytes of an object with a u64",
        place: ("rc_bytes_u64", 0),
        against: Against::Nothing,
        limit: Some(16.5),
    },
    Target {
        title: "bytes of an object of 24 bytes",
        place: ("rc_bytes_24", 0),
        against: Against::Nothing,
        limit: Some(33.0),
    },
    Target {
        title: "list of 10M dropped ÷ one by one",
        place: ("rc_long_list", 0),
        against: Against::Own(("rc_long_list", 1)),
        limit: Some(1.5),
    },
];

/// What our figure is set against, and what that comes to.
#[derive(Clone, Debug)]
pub struct Reading {
    /// The other figure, if there is one.
    pub reference: Option<f64>,
    /// Whose figure it is.
    pub whose: String,
    /// The ratio; our figure itself when there is no other.
    pub ratio: f64,
}

/// A target beside what was measured.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What is measured.
    pub title: &'static str,
    /// Our figure.
    pub ours: f64,
    /// Against the best on any allocator, and against the best on one that is not neap's. The second is
    /// there for ratios between pointers only.
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
pub fn outcomes(results: &Results) -> Vec<Outcome> {
    TARGETS.iter().filter_map(|target| outcome(results, target)).collect()
}

fn outcome(results: &Results, target: &Target) -> Option<Outcome> {
    let ours = our_figure(results, target.place)?;
    let readings = match target.against {
        Against::Pointers(others) => {
            let best = |foreign: bool| {
                let values = results.values(target.place.0, target.place.1).into_iter();
                let values = values.filter(|(pair, _)| others.contains(&pair.pointer));
                let values = values.filter(|(pair, _)| !foreign || pair.allocator != OUR_ALLOCATOR);
                values.min_by(|(_, left), (_, right)| left.total_cmp(right))
            };
            [best(false), best(true)].map(|best| {
                let (Pair { allocator, .. }, reference) = best?;
                let whose = format!("{} on {allocator}", best?.0.type_name());
                Some(Reading { reference: Some(reference), whose, ratio: ours / reference })
            })
        }
        Against::Own(place) => {
            let reference = our_figure(results, place)?;
            let whose = "neap::Rc".to_owned();
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

/// The best of our pointer's figures on the allocators.
fn our_figure(results: &Results, (workload, measure): Place) -> Option<f64> {
    let values = results.values(workload, measure).into_iter();
    let values = values.filter(|(pair, _)| pair.pointer == OURS).map(|(_, value)| value);
    values.min_by(f64::total_cmp)
}
