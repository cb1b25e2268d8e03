//! Pools whose thread has ended, and their adoption.
//!
//! A pool that has both free blocks and blocks out waits on its class's stack, from which any heap that needs
//! such a pool takes it before it claims a new one. A pool that was full is on no stack: the first thread that
//! frees into it takes it over and frees locally; should two come at once, one marks remotely and lists it
//! (`pool/remote.rs`). A free into a pool that is on the stack leaves it there, also when it was the last: the pool is
//! somewhere among the others and can't be picked out. (To take another off the stack for each such free was tried; a thread
//! that only frees then hoards them: 111 MiB in place of 3 where many short-lived threads make what one frees.) So what ended
//! threads left in half-used pools is used by the next that allocate such blocks, or given back by
//! `purge`. A pool into which somebody is freeing at this very moment can't be abandoned: it stays with the
//! parked heap, where the next thread that uses the heap has it, or `purge` finds it (`thread.rs`).

use super::Heap;
use super::drain::{drain, drain_inbox};
use super::thread::Content;
use crate::arena::Arena;
use crate::config::FIRST_UNIT;
use crate::pool::{Announce, CLASSES, OwnedPool, Owner, PoolLinks, PoolRef, SizeClass, Tag};
use crate::stack::Stack;

/// Abandoned pools with free blocks, by class.
static ABANDONED: [Stack; CLASSES] = [const { Stack::new() }; CLASSES];

/// Abandons every pool of `heap` that has blocks out, and releases the others.
pub fn abandon_all(heap: &Heap) {
    drain_inbox(heap);
    heap.each_pool(|pool, class| abandon(heap, pool, class));
}

fn abandon(heap: &Heap, pool: OwnedPool, class: SizeClass) {
    if pool.is_empty(class) {
        return heap.release(pool, class);
    }
    heap.let_go(pool, class);
    let has_free = pool.free_count() > 0;
    if !pool.abandon(heap.id()) {
        heap.take_in(pool, class);
    } else if has_free {
        // Not ours any more, but on no list until here, so nobody else lists it (R1).
        ABANDONED[class.index()].push(&PoolLinks, pool.as_ref().id());
    }
}

/// Takes an abandoned pool of `class` with free blocks over; false when there is none.
pub fn adopt(heap: &Heap, class: SizeClass) -> bool {
    if heap.content.get() == Content::Objects {
        // What lies in it may be anything.
        return false;
    }
    while let Some(pool) = adopt_one(heap, class) {
        if pool.free_count() > 0 {
            return true;
        }
    }
    false
}

/// Takes one abandoned pool of `class` over.
fn adopt_one(heap: &Heap, class: SizeClass) -> Option<OwnedPool> {
    let stack = &ABANDONED[class.index()];
    if stack.looks_empty() {
        return None;
    }
    // SAFETY: only pools are put on these stacks.
    let pool = unsafe { PoolRef::from_id(stack.pop(&PoolLinks)?) };
    let (pool, pending) = pool.adopt(heap.id());
    heap.take_in(pool, class);
    if pending {
        welcome_pending(heap, pool, class);
    }
    Some(pool)
}

/// Drains a pool that was adopted while others were freeing into it.
fn welcome_pending(heap: &Heap, pool: OwnedPool, class: SizeClass) {
    let more = drain(heap, pool, class);
    heap.relist(pool, class);
    if more {
        heap.shared.inbox.push(&PoolLinks, pool.as_ref().id());
    }
}

/// The pool as this heap's own: if it is, or if it is abandoned, on no stack, and can be taken over now.
#[inline(always)]
pub fn as_own(heap: &Heap, pool: PoolRef) -> Option<OwnedPool> {
    match pool.owned_by(heap.id()) {
        Some(own) => Some(own),
        None if pool.shared().peek() == (Owner::Unlisted, 0)
            && heap.content.get() == Content::Raw =>
        {
            take_over(heap, pool)
        }
        None => None,
    }
}

#[cold]
fn take_over(heap: &Heap, pool: PoolRef) -> Option<OwnedPool> {
    let pool = pool.adopt_unlisted(heap.id())?;
    // Read now that the pool is ours: before, it may have been released and made one of another class. (Or its arena was
    // unmapped: then its word says that nothing is there, and it was not taken over.)
    heap.take_in(pool, pool.class());
    Some(pool)
}

/// Puts a pool where its owner, or the next one, will see that blocks were freed into it.
pub fn announce(announce: Announce, pool: PoolRef, class: SizeClass) {
    match announce {
        Announce::No => {}
        Announce::To(owner) => Heap::announce(owner, pool.id()),
        Announce::Abandoned => ABANDONED[class.index()].push(&PoolLinks, pool.id()),
    }
}

/// Takes every abandoned pool over that can be had.
pub fn adopt_everything(heap: &Heap) {
    for class in SizeClass::all() {
        while adopt_one(heap, class).is_some() {}
    }
    Arena::each(|arena| {
        for index in FIRST_UNIT..arena.end() {
            // SAFETY: a unit of a registered arena, behind its metadata.
            let pool = unsafe { PoolRef::from_id(arena.unit(index)) };
            if let Tag::Pool(_) = pool.tag()
                && pool.shared().peek() == (Owner::Unlisted, 0)
            {
                let _ = take_over(heap, pool);
            }
        }
    });
}
