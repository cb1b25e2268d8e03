//! Entries of weak maps, as the collector sees them: what an entry holds lives as long as the map *and* the entry's
//! object do.
//!
//! ```text
//!    map                      entries                     their objects
//!   ┌───────┐               ┌──────────┐
//!   │ Owner │ ──► slots ──► │ Link     │ ┄┄ weak ┄┄┄┄┄► K ┐
//!   └───────┘          │    │ contents │ ──► T            │ all entries of K, in a list
//!                      │    ├──────────┤                  │ that K's side cell leads to
//!                      └──► │ Link     │ ┄┄ weak ┄┄┄┄┄► L ┘
//!                           └──────────┘
//! ```
//!
//! Contents may hold the entry's own object, directly or around corners, also through the objects of other entries. An edge
//! from the map alone would keep all of that for ever. So an entry's contents are edges of both (Hayes, *Ephemerons*,
//! OOPSLA 1997; here on counts):
//!
//! - *count*: they account for references when the object is met or the map's owner is, whichever comes first, once;
//! - *mark*: they are followed when what was met of the two is alive. Whichever of them is found alive later looks, so each
//!   entry is looked at twice at most, and a chain of them takes linear time.
//!
//! What was not met is alive, as always. A map that the collector does not come to (a variable of the
//! program's holds it, or a cell that is being changed) is alive, too.
//!
//! # Rules of entries
//!
//! - **E1**: an entry is in its owner's slots until it is taken out, or its object dies; then at once.
//! - **E2**: while it is *attached* it is in the list of its object, whose side cell says that there is one.
//! - **E3**: the contents of entries whose object the collector found dead are dropped before any memory of the dead goes
//!   back; of those whose object died by counting, right after that object's value.
//! - **E4**: contents that are lent to be changed are not looked at: they count as held from outside.
//! - **E5**: no code of the program runs while slots, chains and lists are being changed.

use core::cell::{Cell, RefCell};
use core::hash::{BuildHasherDefault, Hasher};
use core::ptr::NonNull;
use std::collections::HashMap;

use super::clear::Panics;
use super::info::Info;
use super::object::Shape;
use super::state::{self, State};
use super::trace::{Pass, Tracer};
use super::weak;
use crate::ptr::side_at;

/// What each entry of a map begins with.
#[repr(C)]
pub struct Link {
    /// The map's; not looked at when the entry is in no slot.
    owner: NonNull<Owner>,
    /// The place of its object's side cell, which the entry keeps.
    cell: usize,
    /// By which the map finds it.
    hash: u64,
    slot: Cell<usize>,
    /// The slot of the next entry with the same hash, or [`NONE`].
    same_hash: Cell<usize>,
    /// E2. Those that are condemned are in a list through `next`.
    attached: Cell<bool>,
    previous: Cell<Option<NonNull<Link>>>,
    next: Cell<Option<NonNull<Link>>>,
    /// The number of the last search that accounted for it.
    counted: Cell<u64>,
    /// E4.
    lent: Cell<bool>,
    calls: &'static Calls,
}

/// What is done with the contents of an entry, whatever their type.
pub struct Calls {
    /// Visits what they own.
    pub trace: unsafe fn(NonNull<Link>, &mut Tracer<'_>),
    /// Drops the entry, which is in no slot and not attached.
    pub drop: unsafe fn(NonNull<Link>),
}

/// No slot.
const NONE: usize = usize::MAX;

/// What a map is to its entries.
pub struct Owner {
    slots: RefCell<Vec<Option<NonNull<Link>>>>,
    free: RefCell<Vec<usize>>,
    /// The first slot of each hash.
    first: RefCell<HashMap<u64, usize, Whole>>,
    /// Numbers of the last searches that came to the map through who owns it: counting, and marking.
    counted: Cell<u64>,
    marked: Cell<u64>,
}

/// For keys that are hashes.
type Whole = BuildHasherDefault<Identity>;

/// Hashes a hash.
#[derive(Default)]
pub struct Identity(u64);

impl Hasher for Identity {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {
        // Only numbers are hashed.
        crate::os::abort()
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

/// A hash of an address.
pub fn hash_of(address: usize) -> u64 {
    // Fibonacci hashing; the upper bits are the good ones, and tables look at the lower ones as well.
    let product = (address as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    product ^ product >> 32
}

impl Link {
    /// Of an entry that is nowhere yet.
    pub fn new(owner: NonNull<Owner>, cell: usize, hash: u64, calls: &'static Calls) -> Link {
        Link {
            owner,
            cell,
            hash,
            slot: Cell::new(NONE),
            same_hash: Cell::new(NONE),
            attached: Cell::new(false),
            previous: Cell::new(None),
            next: Cell::new(None),
            counted: Cell::new(0),
            lent: Cell::new(false),
            calls,
        }
    }

    /// The place of its object's side cell.
    pub fn cell(&self) -> usize {
        self.cell
    }

    /// Its contents are lent to be changed, or not any more (E4).
    pub fn lend(&self, lent: bool) {
        self.lent.set(lent);
    }
}

/// # Safety
/// The entry is there as long as what this gives is used.
unsafe fn at<'a>(link: NonNull<Link>) -> &'a Link {
    // SAFETY: by the precondition; links are changed through their cells only.
    unsafe { link.as_ref() }
}

impl Owner {
    /// Without entries.
    pub fn new() -> Owner {
        Owner {
            slots: RefCell::new(Vec::new()),
            free: RefCell::new(Vec::new()),
            first: RefCell::new(HashMap::default()),
            counted: Cell::new(0),
            marked: Cell::new(0),
        }
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.slots.borrow().len() - self.free.borrow().len()
    }

    /// The first entry in slot `from` or behind, with its slot.
    pub fn next(&self, from: usize) -> Option<(usize, NonNull<Link>)> {
        let slots = self.slots.borrow();
        slots.iter().enumerate().skip(from).find_map(|(slot, link)| Some((slot, (*link)?)))
    }

    /// The first entry with this hash.
    pub fn first(&self, hash: u64) -> Option<NonNull<Link>> {
        let slot = *self.first.borrow().get(&hash)?;
        self.slots.borrow()[slot]
    }

    /// The next one with the same hash.
    ///
    /// # Safety
    /// The entry is in a slot of this map.
    pub unsafe fn next_of_hash(&self, link: NonNull<Link>) -> Option<NonNull<Link>> {
        // SAFETY: by the precondition.
        let slot = unsafe { at(link) }.same_hash.get();
        self.slots.borrow().get(slot).copied().flatten()
    }

    /// Puts an entry into a slot (E1).
    ///
    /// # Safety
    /// It is there until it is taken out, and is in no slot.
    pub unsafe fn put(&self, link: NonNull<Link>) {
        // SAFETY: by the precondition.
        let entry = unsafe { at(link) };
        let mut slots = self.slots.borrow_mut();
        let mut free = self.free.borrow_mut();
        let mut first = self.first.borrow_mut();
        // All memory is had before anything is changed.
        let slot = free.last().copied().unwrap_or(slots.len());
        first.reserve(1);
        if slot == slots.len() {
            slots.push(None);
            // So that taking out needs none.
            let more = slots.len() - free.len();
            free.reserve(more);
        } else {
            free.pop();
        }
        slots[slot] = Some(link);
        entry.slot.set(slot);
        entry.same_hash.set(first.insert(entry.hash, slot).unwrap_or(NONE));
    }

    /// Takes an entry out of its slot, and out of the list of its object.
    ///
    /// # Safety
    /// It is in a slot of this map.
    pub unsafe fn take(&self, link: NonNull<Link>) {
        // SAFETY: by the precondition.
        unsafe { self.take_slot(link) };
        // SAFETY: by the precondition.
        if unsafe { at(link) }.attached.get()
            && let Some(state) = state::get()
        {
            // SAFETY: it is attached.
            unsafe { state.ephemerons.detach(link) };
        }
    }

    /// # Safety
    /// It is in a slot of this map.
    unsafe fn take_slot(&self, link: NonNull<Link>) {
        // SAFETY: by the precondition.
        let entry = unsafe { at(link) };
        let slot = entry.slot.replace(NONE);
        let after = entry.same_hash.replace(NONE);
        let mut slots = self.slots.borrow_mut();
        let mut first = self.first.borrow_mut();
        slots[slot] = None;
        self.free.borrow_mut().push(slot);
        let Some(begin) = first.get_mut(&entry.hash) else { return };
        if *begin != slot {
            let mut here = *begin;
            while let Some(before) = slots.get(here).copied().flatten() {
                // SAFETY: it is in a slot.
                let before = unsafe { at(before) };
                here = before.same_hash.get();
                if here == slot {
                    before.same_hash.set(after);
                    break;
                }
            }
        } else if after == NONE {
            first.remove(&entry.hash);
        } else {
            *begin = after;
        }
    }

    /// The collector comes to the map through who owns it.
    pub fn trace(&self, tracer: &mut Tracer<'_>) {
        let pass = tracer.pass();
        match pass {
            Pass::Count(number) => self.counted.set(number),
            Pass::Mark(number) => self.marked.set(number),
            Pass::Tell => {}
        }
        let mut next = 0;
        while let Some((slot, link)) = self.next(next) {
            next = slot + 1;
            // SAFETY: it is in a slot.
            let entry = unsafe { at(link) };
            let lives = || {
                // SAFETY: its cell is there as long as the entry.
                let object = unsafe { side_at(entry.cell) }.alive();
                object.is_some_and(|value| tracer.lives(state::regain_value(value)))
            };
            let followed = match pass {
                Pass::Count(number) => entry.counted.replace(number) != number,
                Pass::Mark(_) => lives(),
                Pass::Tell => true,
            };
            if followed {
                // SAFETY: as above.
                unsafe { trace_contents(link, tracer) };
            }
        }
    }
}

/// # Safety
/// The entry is in a slot.
unsafe fn trace_contents(link: NonNull<Link>, tracer: &mut Tracer<'_>) {
    // SAFETY: by the precondition.
    let entry = unsafe { at(link) };
    if !entry.lent.get() {
        // SAFETY: the calls are for such an entry, whose contents nobody changes.
        unsafe { (entry.calls.trace)(link, tracer) };
    }
}

/// The collector comes to an object that has a side cell: what entries of weak maps hold for it.
///
/// # Safety
/// `value` is in such an object, of this type, alive.
#[cold]
#[inline(never)]
pub unsafe fn trace_held_by(value: NonNull<u8>, info: &Info, tracer: &mut Tracer<'_>) {
    // SAFETY: by the precondition. (The header tells of the search now.)
    let shape = unsafe { Shape::of_type(value, info) };
    // SAFETY: by the precondition.
    let side = unsafe { weak::existing(value, shape) };
    let Some(state) = state::get().filter(|_| side.is_keyed()) else { return };
    let pass = tracer.pass();
    let mut next = state.ephemerons.first(side.address());
    while let Some(link) = next {
        // SAFETY: it is in the list, so it is there.
        let entry = unsafe { at(link) };
        next = entry.next.get();
        // SAFETY: it is in a slot of its owner, which is there as long as that.
        let owner = unsafe { entry.owner.as_ref() };
        let followed = match pass {
            Pass::Count(number) => entry.counted.replace(number) != number,
            Pass::Mark(number) => owner.counted.get() != number || owner.marked.get() == number,
            Pass::Tell => false,
        };
        if followed {
            // SAFETY: as above.
            unsafe { trace_contents(link, tracer) };
        }
    }
}

/// All entries of a thread, by their objects.
pub struct Ephemerons {
    /// The first of each list, by the place of the side cell (E2).
    lists: RefCell<HashMap<u64, NonNull<Link>, Whole>>,
    /// Entries whose object has died, and whose contents are to be dropped (E3).
    condemned: Cell<Option<NonNull<Link>>>,
    /// Searches so far.
    searches: Cell<u64>,
}

impl Ephemerons {
    /// None.
    pub const fn new() -> Ephemerons {
        Ephemerons {
            lists: RefCell::new(HashMap::with_hasher(BuildHasherDefault::new())),
            condemned: Cell::new(None),
            searches: Cell::new(0),
        }
    }

    /// The number of a new search, which is not 0.
    pub fn search(&self) -> u64 {
        let number = self.searches.get() + 1;
        self.searches.set(number);
        number
    }

    fn first(&self, cell: usize) -> Option<NonNull<Link>> {
        self.lists.borrow().get(&hash_of(cell)).copied()
    }

    /// The entry's contents are held by its object as well (E2).
    ///
    /// # Safety
    /// It is there until it is taken out of its slot, in which it is; its object is alive.
    pub unsafe fn attach(&self, link: NonNull<Link>) {
        // SAFETY: by the precondition.
        let entry = unsafe { at(link) };
        // (A hash of an address is another for each.)
        let next = self.lists.borrow_mut().insert(hash_of(entry.cell), link);
        entry.next.set(next);
        if let Some(next) = next {
            // SAFETY: it is in the list.
            unsafe { at(next) }.previous.set(Some(link));
        }
        entry.attached.set(true);
        // SAFETY: the entry keeps the cell.
        unsafe { side_at(entry.cell) }.key(true);
    }

    /// # Safety
    /// It is attached.
    unsafe fn detach(&self, link: NonNull<Link>) {
        // SAFETY: by the precondition.
        let entry = unsafe { at(link) };
        entry.attached.set(false);
        let (previous, next) = (entry.previous.take(), entry.next.take());
        if let Some(next) = next {
            // SAFETY: it is in the list.
            unsafe { at(next) }.previous.set(previous);
        }
        match (previous, next) {
            // SAFETY: it is in the list.
            (Some(previous), _) => unsafe { at(previous) }.next.set(next),
            (None, Some(next)) => {
                if let Some(first) = self.lists.borrow_mut().get_mut(&hash_of(entry.cell)) {
                    *first = next;
                }
            }
            (None, None) => {
                self.lists.borrow_mut().remove(&hash_of(entry.cell));
                // SAFETY: the entry keeps the cell.
                unsafe { side_at(entry.cell) }.key(false);
            }
        }
    }

    /// The object with this side cell has died: its entries are gone, but for their contents.
    pub fn condemn(&self, cell: usize) {
        let mut next = self.lists.borrow_mut().remove(&hash_of(cell));
        while let Some(link) = next {
            // SAFETY: it is in the list.
            let entry = unsafe { at(link) };
            // SAFETY: E1: it is in a slot, so its owner is there.
            let owner = unsafe { entry.owner.as_ref() };
            // SAFETY: as above.
            unsafe { owner.take_slot(link) };
            entry.attached.set(false);
            entry.previous.set(None);
            next = entry.next.replace(self.condemned.replace(Some(link)));
        }
    }

    /// Drops the contents of those whose object has died, also of those that are found on the way.
    pub fn drop_condemned(&self, panics: &mut Panics) {
        while let Some(link) = self.condemned.get() {
            // SAFETY: it is in that list.
            let entry = unsafe { at(link) };
            self.condemned.set(entry.next.take());
            // SAFETY: it is in no slot, and in no list any more.
            panics.catch(|| unsafe { (entry.calls.drop)(link) });
        }
    }
}

/// What [`settle`] does, unless a collection is under way, which does so at its end.
pub fn settle_now(state: &State) {
    if !state.collecting.get() {
        let mut panics = Panics::none();
        settle(state, &mut panics);
        panics.go_on();
    }
}

/// Drops what entries whose objects died by counting leave behind, and tells those who waited for deaths. Deaths to which
/// that leads come later in the same loop, and not further down on the stack.
pub fn settle(state: &State, panics: &mut Panics) {
    if state.settling.replace(true) {
        return;
    }
    loop {
        state.ephemerons.drop_condemned(panics);
        if !state.deaths.tell_next(panics) {
            break;
        }
    }
    state.settling.set(false);
}
