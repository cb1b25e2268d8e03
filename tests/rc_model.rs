//! Random programs over `Rc` and `Weak`, run on std's types and on neap's at the same time: each step returns the same,
//! all counts are the same after it, and the values are dropped in the same order.
//!
//! A program works on a few slots: some hold an `Rc` (of a value, of a slice, of a text, of a value behind `dyn
//! Any`), some a `Weak`, some a pointer that was turned raw. Values hold other `Rc`s and `Weak`s, so that drops
//! cascade; a value only holds what is of a lower level, so there are no circles and no deep chains. What a
//! value sees at its end (can its `Weak`s be upgraded, what do they count) is written down and compared too.
//!
//! The machine is written once, in a macro, and compiled for both modules. What it does is put down as text: so what
//! differs is seen at once. `NEAP_LONG=1` runs 50 times as many programs, and longer ones.

mod common;

use proptest::prelude::*;
use proptest::test_runner::Config;

/// Slots of each kind.
const SLOTS: usize = 6;

/// A value holds what is of a lower level than itself. Also the deepest chain.
const LEVELS: u8 = 8;

/// One step. Numbers name slots; a step whose slots do not fit does nothing, in both worlds.
#[derive(Clone, Copy, Debug)]
enum Step {
    New { to: usize, level: u8 },
    NewCyclic { to: usize, level: u8 },
    NewSlice { to: usize, level: u8, length: u8, way: u8 },
    NewText { to: usize, length: u8 },
    NewFromBox { to: usize, level: u8 },
    Clone { from: usize, to: usize },
    Move { from: usize, to: usize },
    Drop { from: usize },
    Downgrade { from: usize, to: usize },
    Upgrade { from: usize, to: usize },
    CloneWeak { from: usize, to: usize },
    DropWeak { from: usize },
    NewWeak { to: usize },
    GetMut { at: usize },
    MakeMut { at: usize },
    TryUnwrap { at: usize },
    IntoInner { at: usize },
    UnwrapOrClone { at: usize },
    IntoRaw { from: usize, to: usize },
    FromRaw { from: usize, to: usize },
    Increment { raw: usize },
    Decrement { raw: usize },
    WeakIntoRaw { from: usize, to: usize },
    WeakFromRaw { from: usize, to: usize },
    ToAny { at: usize },
    Downcast { at: usize },
    ToArray { at: usize },
    Hold { what: usize, by: usize },
    HoldWeak { what: usize, by: usize },
    Release { by: usize, to: usize },
}

fn step() -> impl Strategy<Value = Step> {
    let slot = || 0..SLOTS;
    let level = || 0..LEVELS;
    prop_oneof![
        6 => (slot(), level()).prop_map(|(to, level)| Step::New { to, level }),
        2 => (slot(), level()).prop_map(|(to, level)| Step::NewCyclic { to, level }),
        2 => (slot(), level(), 0..5_u8, 0..5_u8)
            .prop_map(|(to, level, length, way)| Step::NewSlice { to, level, length, way }),
        1 => (slot(), 0..40_u8).prop_map(|(to, length)| Step::NewText { to, length }),
        1 => (slot(), level()).prop_map(|(to, level)| Step::NewFromBox { to, level }),
        4 => (slot(), slot()).prop_map(|(from, to)| Step::Clone { from, to }),
        1 => (slot(), slot()).prop_map(|(from, to)| Step::Move { from, to }),
        5 => slot().prop_map(|from| Step::Drop { from }),
        6 => (slot(), slot()).prop_map(|(from, to)| Step::Downgrade { from, to }),
        4 => (slot(), slot()).prop_map(|(from, to)| Step::Upgrade { from, to }),
        2 => (slot(), slot()).prop_map(|(from, to)| Step::CloneWeak { from, to }),
        2 => slot().prop_map(|from| Step::DropWeak { from }),
        1 => slot().prop_map(|to| Step::NewWeak { to }),
        2 => slot().prop_map(|at| Step::GetMut { at }),
        3 => slot().prop_map(|at| Step::MakeMut { at }),
        2 => slot().prop_map(|at| Step::TryUnwrap { at }),
        1 => slot().prop_map(|at| Step::IntoInner { at }),
        1 => slot().prop_map(|at| Step::UnwrapOrClone { at }),
        2 => (slot(), slot()).prop_map(|(from, to)| Step::IntoRaw { from, to }),
        2 => (slot(), slot()).prop_map(|(from, to)| Step::FromRaw { from, to }),
        2 => slot().prop_map(|raw| Step::Increment { raw }),
        2 => slot().prop_map(|raw| Step::Decrement { raw }),
        2 => (slot(), slot()).prop_map(|(from, to)| Step::WeakIntoRaw { from, to }),
        2 => (slot(), slot()).prop_map(|(from, to)| Step::WeakFromRaw { from, to }),
        2 => slot().prop_map(|at| Step::ToAny { at }),
        2 => slot().prop_map(|at| Step::Downcast { at }),
        1 => slot().prop_map(|at| Step::ToArray { at }),
        8 => (slot(), slot()).prop_map(|(what, by)| Step::Hold { what, by }),
        4 => (slot(), slot()).prop_map(|(what, by)| Step::HoldWeak { what, by }),
        2 => (slot(), slot()).prop_map(|(by, to)| Step::Release { by, to }),
    ]
}

/// Unsizing where std's pointers do it by themselves.
macro_rules! by_itself {
    ($value:expr => $($target:tt)+) => {
        $value
    };
}

macro_rules! machine {
    ($name:ident, $($rc:ident)::+, $($coerce:ident)::+) => {
        mod $name {
            use super::{LEVELS, SLOTS, Step};
            use $($rc)::+::{Rc, Weak};
            use std::any::Any;
            use std::cell::{Cell, RefCell};
            use std::fmt::Write;

            /// What one machine puts down; its values reach it.
            #[derive(Default)]
            struct Diary {
                text: RefCell<String>,
                made: Cell<u32>,
                dropped: RefCell<Vec<u32>>,
            }

            impl Diary {
                fn write(&self, text: impl AsRef<str>) {
                    self.text.borrow_mut().push_str(text.as_ref());
                }
            }

            type Diaries = std::rc::Rc<Diary>;

            /// A value: it holds others, and puts down its end.
            struct Value {
                number: u32,
                level: u8,
                holds: RefCell<Vec<Strong>>,
                knows: RefCell<Vec<Loose>>,
                diary: Diaries,
            }

            impl Value {
                fn new(level: u8, diary: &Diaries) -> Value {
                    let number = diary.made.get();
                    diary.made.set(number + 1);
                    let (holds, knows) = Default::default();
                    Value { number, level, holds, knows, diary: diary.clone() }
                }
            }

            impl Clone for Value {
                fn clone(&self) -> Value {
                    let mut new = Value::new(self.level, &self.diary);
                    self.diary.write(format!(" {} cloned as {};", self.number, new.number));
                    new.holds.clone_from(&self.holds);
                    new.knows.clone_from(&self.knows);
                    new
                }
            }

            impl Drop for Value {
                fn drop(&mut self) {
                    self.diary.dropped.borrow_mut().push(self.number);
                    let mut text = format!(" {} dropped", self.number);
                    for weak in self.knows.borrow().iter() {
                        write!(text, " {}", weak.look()).expect("a string");
                    }
                    self.diary.write(text + ";");
                }
            }

            /// An `Rc` of one of the types that are tried.
            #[derive(Clone)]
            enum Strong {
                Value(Rc<Value>),
                Slice(Rc<[Value]>),
                Text(Rc<str>),
                Any(Rc<dyn Any>),
                Array(Rc<[Value; 2]>),
            }

            /// A `Weak` of one of these types.
            #[derive(Clone)]
            enum Loose {
                Value(Weak<Value>),
                Slice(Weak<[Value]>),
                Text(Weak<str>),
                Any(Weak<dyn Any>),
                Array(Weak<[Value; 2]>),
            }

            /// A pointer that was turned raw.
            #[derive(Clone, Copy)]
            enum Raw {
                Value(*const Value),
                Slice(*const [Value]),
                Text(*const str),
                Any(*const dyn Any),
                Array(*const [Value; 2]),
            }

            /// The same for each type: `$pointer` is what is in the variant.
            macro_rules! each {
                ($kind:ident, $which:expr, $pointer:pat => $body:expr) => {
                    match $which {
                        $kind::Value($pointer) => $body,
                        $kind::Slice($pointer) => $body,
                        $kind::Text($pointer) => $body,
                        $kind::Any($pointer) => $body,
                        $kind::Array($pointer) => $body,
                    }
                };
            }

            /// From one kind of pointer to another of the same type.
            macro_rules! turn {
                ($from:ident, $which:expr => $to:ident, $pointer:pat => $body:expr) => {
                    match $which {
                        $from::Value($pointer) => $to::Value($body),
                        $from::Slice($pointer) => $to::Slice($body),
                        $from::Text($pointer) => $to::Text($body),
                        $from::Any($pointer) => $to::Any($body),
                        $from::Array($pointer) => $to::Array($body),
                    }
                };
            }

            impl Strong {
                fn address(&self) -> usize {
                    each!(Strong, self, rc => Rc::as_ptr(rc).addr())
                }

                fn counts(&self) -> (usize, usize) {
                    each!(Strong, self, rc => (Rc::strong_count(rc), Rc::weak_count(rc)))
                }

                /// The values in it, behind whatever type.
                fn values(&self) -> &[Value] {
                    match self {
                        Strong::Value(rc) => std::slice::from_ref(&**rc),
                        Strong::Slice(rc) => rc,
                        Strong::Text(_) => &[],
                        Strong::Any(rc) => match rc.downcast_ref::<Value>() {
                            Some(value) => std::slice::from_ref(value),
                            None => rc.downcast_ref::<[Value; 2]>().expect("a type that is tried"),
                        },
                        Strong::Array(rc) => &**rc,
                    }
                }

                fn level(&self) -> u8 {
                    self.values().iter().map(|value| value.level).max().unwrap_or(0)
                }

                /// Whether two are one object, where the types allow to ask.
                fn same(&self, other: &Strong) -> bool {
                    match (self, other) {
                        (Strong::Value(one), Strong::Value(two)) => Rc::ptr_eq(one, two),
                        (Strong::Slice(one), Strong::Slice(two)) => Rc::ptr_eq(one, two),
                        (Strong::Text(one), Strong::Text(two)) => Rc::ptr_eq(one, two),
                        (Strong::Any(one), Strong::Any(two)) => Rc::ptr_eq(one, two),
                        (Strong::Array(one), Strong::Array(two)) => Rc::ptr_eq(one, two),
                        _ => false,
                    }
                }
            }

            impl Loose {
                fn look(&self) -> String {
                    each!(Loose, self, weak => {
                        let (strong, count) = (weak.strong_count(), weak.weak_count());
                        let up = weak.upgrade().is_some();
                        format!("({strong} {count} {up})")
                    })
                }

                fn same(&self, other: &Loose) -> bool {
                    match (self, other) {
                        (Loose::Value(one), Loose::Value(two)) => one.ptr_eq(two),
                        (Loose::Slice(one), Loose::Slice(two)) => one.ptr_eq(two),
                        (Loose::Text(one), Loose::Text(two)) => one.ptr_eq(two),
                        (Loose::Any(one), Loose::Any(two)) => one.ptr_eq(two),
                        (Loose::Array(one), Loose::Array(two)) => one.ptr_eq(two),
                        _ => false,
                    }
                }
            }

            /// A program's state.
            #[derive(Default)]
            pub struct Machine {
                strong: [Option<Strong>; SLOTS],
                weak: [Option<Loose>; SLOTS],
                /// With the references that the raw pointer owns.
                raw: [Option<(Raw, u32)>; SLOTS],
                raw_weak: [Option<Raw>; SLOTS],
                diary: Diaries,
            }

            impl Machine {
                /// Takes one step and says what came of it, and how everything is then.
                pub fn step(&mut self, step: Step) -> String {
                    let result = self.take(step);
                    self.look();
                    format!("{}{}", result.unwrap_or_default(), self.diary.text.take())
                }

                /// `None`: the slots do not fit, nothing was done.
                fn take(&mut self, step: Step) -> Option<String> {
                    let diary = self.diary.clone();
                    let new = |level| Value::new(level, &diary);
                    match step {
                        Step::New { to, level } => {
                            self.strong[to] = Some(Strong::Value(Rc::new(new(level))));
                        }
                        Step::NewCyclic { to, level } => {
                            let rc = Rc::new_cyclic(|me| {
                                let value = new(level);
                                value.knows.borrow_mut().push(Loose::Value(me.clone()));
                                value
                            });
                            self.strong[to] = Some(Strong::Value(rc));
                        }
                        Step::NewSlice { to, level, length, way } => {
                            let items = (0..length).map(|_| new(level));
                            self.strong[to] = Some(Strong::Slice(match way {
                                0 => items.collect(),
                                1 => Rc::from(items.collect::<Vec<_>>()),
                                2 => Rc::from(items.collect::<Box<[_]>>()),
                                3 => Rc::from(&*items.collect::<Vec<_>>()),
                                _ => items.filter(|value| value.number % 3 != 0).collect(),
                            }));
                        }
                        Step::NewText { to, length } => {
                            self.strong[to] = Some(Strong::Text("x".repeat(length.into()).into()));
                        }
                        Step::NewFromBox { to, level } => {
                            let boxed: Box<dyn Any> = Box::new(new(level));
                            self.strong[to] = Some(Strong::Any(boxed.into()));
                        }
                        Step::Clone { from, to } => {
                            let clone = self.strong[from].clone()?;
                            self.strong[to] = Some(clone);
                        }
                        Step::Move { from, to } => {
                            let rc = self.strong[from].take()?;
                            self.strong[to] = Some(rc);
                        }
                        Step::Drop { from } => self.strong[from] = None,
                        Step::Downgrade { from, to } => {
                            let rc = self.strong[from].as_ref()?;
                            self.weak[to] = Some(turn!(Strong, rc => Loose, rc => {
                                let weak = Rc::downgrade(rc);
                                assert_eq!(weak.as_ptr().addr(), Rc::as_ptr(rc).addr());
                                weak
                            }));
                        }
                        Step::Upgrade { from, to } => {
                            let rc = match self.weak[from].as_ref()? {
                                Loose::Value(weak) => weak.upgrade().map(Strong::Value),
                                Loose::Slice(weak) => weak.upgrade().map(Strong::Slice),
                                Loose::Text(weak) => weak.upgrade().map(Strong::Text),
                                Loose::Any(weak) => weak.upgrade().map(Strong::Any),
                                Loose::Array(weak) => weak.upgrade().map(Strong::Array),
                            };
                            self.strong[to] = Some(rc?);
                            return Some("upgraded".into());
                        }
                        Step::CloneWeak { from, to } => {
                            let clone = self.weak[from].clone()?;
                            self.weak[to] = Some(clone);
                        }
                        Step::DropWeak { from } => self.weak[from] = None,
                        Step::NewWeak { to } => self.weak[to] = Some(Loose::Value(Weak::new())),
                        Step::GetMut { at } => {
                            let alone = each!(Strong, self.strong[at].as_mut()?, rc => {
                                Rc::get_mut(rc).is_some()
                            });
                            return Some(format!("alone: {alone}"));
                        }
                        Step::MakeMut { at } => {
                            match self.strong[at].as_mut()? {
                                Strong::Value(rc) => Rc::make_mut(rc).number += 1000,
                                Strong::Slice(rc) => {
                                    Rc::make_mut(rc).iter_mut().for_each(|value| value.number += 1000);
                                }
                                Strong::Text(rc) => Rc::make_mut(rc).make_ascii_uppercase(),
                                Strong::Any(_) => return None,
                                Strong::Array(rc) => Rc::make_mut(rc)[1].number += 1000,
                            }
                        }
                        Step::TryUnwrap { at } => {
                            let taken = match self.strong[at].take()? {
                                Strong::Value(rc) => {
                                    Rc::try_unwrap(rc).map(|value| value.number).map_err(Strong::Value)
                                }
                                Strong::Array(rc) => Rc::try_unwrap(rc)
                                    .map(|values| values[0].number)
                                    .map_err(Strong::Array),
                                other => Err(other),
                            };
                            match taken {
                                Ok(number) => return Some(format!("unwrapped {number}")),
                                Err(back) => self.strong[at] = Some(back),
                            }
                        }
                        Step::IntoInner { at } => {
                            let taken = match self.strong[at].take()? {
                                Strong::Value(rc) => Rc::into_inner(rc).map(|value| value.number),
                                Strong::Array(rc) => Rc::into_inner(rc).map(|values| values[0].number),
                                _ => None,
                            };
                            return Some(format!("inner {taken:?}"));
                        }
                        Step::UnwrapOrClone { at } => match self.strong[at].take()? {
                            Strong::Value(rc) => {
                                let value = Rc::unwrap_or_clone(rc);
                                let (number, level) = (value.number, value.level);
                                let rc = Rc::new(value);
                                self.strong[at] = Some(Strong::Value(rc));
                                return Some(format!("got {number} of {level}"));
                            }
                            other => self.strong[at] = Some(other),
                        },
                        Step::IntoRaw { from, to } => {
                            if self.raw[to].is_some() {
                                return None;
                            }
                            let rc = self.strong[from].take()?;
                            let address = rc.address();
                            let raw = turn!(Strong, rc => Raw, rc => Rc::into_raw(rc));
                            assert_eq!(each!(Raw, raw, raw => raw.addr()), address);
                            self.raw[to] = Some((raw, 1));
                        }
                        Step::FromRaw { from, to } => {
                            let (raw, count) = self.raw[from].as_mut()?;
                            *count -= 1;
                            let (raw, none) = (*raw, *count == 0);
                            if none {
                                self.raw[from] = None;
                            }
                            // SAFETY: one of the references that the raw pointer owned.
                            let rc = turn!(Raw, raw => Strong, raw => unsafe { Rc::from_raw(raw) });
                            self.strong[to] = Some(rc);
                        }
                        Step::Increment { raw } => {
                            let (raw, count) = self.raw[raw].as_mut()?;
                            *count += 1;
                            // SAFETY: the raw pointer owns a reference, so the object is alive.
                            each!(Raw, *raw, raw => unsafe { Rc::increment_strong_count(raw) });
                        }
                        Step::Decrement { raw: at } => {
                            let (raw, count) = self.raw[at].as_mut()?;
                            *count -= 1;
                            let (raw, none) = (*raw, *count == 0);
                            if none {
                                self.raw[at] = None;
                            }
                            // SAFETY: one of the references that the raw pointer owned.
                            each!(Raw, raw, raw => unsafe { Rc::decrement_strong_count(raw) });
                        }
                        Step::WeakIntoRaw { from, to } => {
                            if self.raw_weak[to].is_some() {
                                return None;
                            }
                            let weak = self.weak[from].take()?;
                            self.raw_weak[to] = Some(turn!(Loose, weak => Raw, weak => {
                                let address = (weak.strong_count() > 0).then_some(weak.as_ptr().addr());
                                let raw = weak.into_raw();
                                assert!(address.is_none_or(|address| address == raw.addr()));
                                raw
                            }));
                        }
                        Step::WeakFromRaw { from, to } => {
                            let raw = self.raw_weak[from].take()?;
                            // SAFETY: it came from `into_raw`, and comes back once.
                            let weak = turn!(Raw, raw => Loose, raw => unsafe { Weak::from_raw(raw) });
                            self.weak[to] = Some(weak);
                        }
                        Step::ToAny { at } => {
                            let any: Rc<dyn Any> = match self.strong[at].take()? {
                                Strong::Value(rc) => $($coerce)::+!(rc => dyn Any),
                                Strong::Array(rc) => $($coerce)::+!(rc => dyn Any),
                                other => {
                                    self.strong[at] = Some(other);
                                    return None;
                                }
                            };
                            self.strong[at] = Some(Strong::Any(any));
                        }
                        Step::Downcast { at } => {
                            let Strong::Any(_) = self.strong[at].as_ref()? else { return None };
                            let Some(Strong::Any(any)) = self.strong[at].take() else { return None };
                            let (rc, tries) = match any.downcast::<Value>() {
                                Ok(rc) => (Strong::Value(rc), 1),
                                Err(any) => match any.downcast() {
                                    Ok(rc) => (Strong::Array(rc), 2),
                                    Err(any) => (Strong::Any(any), 3),
                                },
                            };
                            self.strong[at] = Some(rc);
                            return Some(format!("{tries} tries"));
                        }
                        Step::ToArray { at } => {
                            let rc = match self.strong[at].take()? {
                                Strong::Slice(rc) => match rc.try_into() {
                                    Ok(array) => Strong::Array(array),
                                    Err(rc) => Strong::Slice(rc),
                                },
                                // And back.
                                Strong::Array(rc) => {
                                    let rc: Rc<[Value]> = $($coerce)::+!(rc => [Value]);
                                    Strong::Slice(rc)
                                }
                                other => other,
                            };
                            self.strong[at] = Some(rc);
                        }
                        Step::Hold { what, by } => {
                            let what = self.strong[what].clone()?;
                            let by = self.strong[by].as_ref()?;
                            let low = by.values().iter().all(|value| what.level() < value.level);
                            if what.values().len() == 3 || !low {
                                return None;
                            }
                            by.values().last()?.holds.borrow_mut().push(what);
                        }
                        Step::HoldWeak { what, by } => {
                            let what = self.weak[what].clone()?;
                            self.strong[by].as_ref()?.values().first()?.knows.borrow_mut().push(what);
                        }
                        Step::Release { by, to } => {
                            let by = self.strong[by].clone()?;
                            let held = by.values().last()?.holds.borrow_mut().pop()?;
                            self.strong[to] = Some(held);
                        }
                    }
                    Some("done".into())
                }

                /// Puts down the counts of all pointers, and which are the same.
                fn look(&self) {
                    let mut text = String::from(" |");
                    for (i, rc) in self.strong.iter().enumerate() {
                        let Some(rc) = rc else { continue };
                        let first = self.strong.iter().flatten().position(|other| other.same(rc));
                        let numbers: Vec<_> = rc.values().iter().map(|value| value.number).collect();
                        write!(text, " {i}: {:?} {numbers:?} as {first:?};", rc.counts()).expect("a string");
                    }
                    for (i, weak) in self.weak.iter().enumerate() {
                        let Some(weak) = weak else { continue };
                        let first = self.weak.iter().flatten().position(|other| other.same(weak));
                        write!(text, " w{i}: {} as {first:?};", weak.look()).expect("a string");
                    }
                    self.diary.write(text);
                }

                /// Drops everything and says in which order; panics unless every value that was made was dropped once.
                pub fn end(mut self) -> String {
                    for i in 0..SLOTS {
                        while self.take(Step::FromRaw { from: i, to: i }).is_some() {}
                        self.strong[i] = None;
                        self.take(Step::WeakFromRaw { from: i, to: i });
                    }
                    self.look();
                    self.weak = Default::default();
                    let dropped = self.diary.dropped.take();
                    // `make_mut` adds 1000 to a number each time.
                    assert_eq!(dropped.len(), self.diary.made.get() as usize, "dropped: {dropped:?}");
                    assert!(dropped.len() < 1000 && LEVELS < 20, "numbers stay apart");
                    let mut sorted: Vec<_> = dropped.iter().map(|number| number % 1000).collect();
                    sorted.sort_unstable();
                    assert!(sorted.into_iter().eq(0..self.diary.made.get()), "{dropped:?}");
                    assert_eq!(std::rc::Rc::strong_count(&self.diary), 1, "no value is left");
                    format!("{dropped:?}{}", self.diary.text.take())
                }
            }
        }
    };
}

machine!(with_std, std::rc, by_itself);
machine!(with_neap, neap::rc, neap::coerce);

/// Runs one program on both.
fn run(steps: &[Step]) {
    let (mut std, mut neap) = (with_std::Machine::default(), with_neap::Machine::default());
    for (i, step) in steps.iter().enumerate() {
        let (expected, found) = (std.step(*step), neap.step(*step));
        assert_eq!(found, expected, "step {i}: {step:?}");
    }
    assert_eq!(neap.end(), std.end(), "at the end");
}

fn config() -> Config {
    let default = Config::default();
    // Fewer where each takes long, as under memcheck.
    let cases = match std::env::var_os("PROPTEST_CASES") {
        Some(_) => default.cases,
        None => common::scaled(256, 256 * 50) as u32,
    };
    Config { cases, failure_persistence: None, max_shrink_iters: 20_000, ..default }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn every_program_does_the_same_on_both(
        steps in proptest::collection::vec(step(), 1..common::scaled(200, 250))
    ) {
        run(&steps);
    }
}

/// How many steps do something, so that the programs are known to be about something.
#[test]
fn most_steps_do_something() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let steps = proptest::collection::vec(step(), 1000);
    let steps = steps.new_tree(&mut runner).expect("steps").current();
    let mut machine = with_neap::Machine::default();
    let mut dropped = 0;
    let done = steps.iter().filter(|step| {
        let text = machine.step(**step);
        dropped += text.matches("dropped").count();
        !text.starts_with(" |")
    });
    let done = done.count();
    assert!(done > 500, "{done} of 1000");
    assert!(dropped > 150, "{dropped} values were dropped");
    let (mut std, mut neap) = (with_std::Machine::default(), with_neap::Machine::default());
    assert!(steps[..900].iter().all(|step| std.step(*step) == neap.step(*step)));
}
