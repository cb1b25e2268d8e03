//! Address sanitizer, where it is part of the program: told when stacks are switched (its interface for fibers). Else it
//! would not know which stack a panic unwinds, and take what is left there for errors.

use core::ffi::c_void;
use core::ptr;

use super::Range;
use crate::units::regain;

/// What address sanitizer wants to be told when stacks are switched (`sanitizer/common_interface_defs.h`).
#[derive(Clone, Copy)]
pub struct Sanitizer {
    start: unsafe extern "C" fn(*mut *mut c_void, *const c_void, usize),
    finish: unsafe extern "C" fn(*mut c_void, *mut *const c_void, *mut usize),
}

impl Sanitizer {
    /// If it is part of the program.
    pub fn find() -> Option<Sanitizer> {
        let (start, finish) = (start_switch_fiber(), finish_switch_fiber());
        // SAFETY: null, or the function of that name, which has this type.
        let start = unsafe { core::mem::transmute::<*const (), Option<_>>(start) };
        // SAFETY: as above.
        let finish = unsafe { core::mem::transmute::<*const (), Option<_>>(finish) };
        Some(Sanitizer { start: start?, finish: finish? })
    }

    /// Before the switch; returns what it keeps of the stack that is left.
    pub fn leave_for(self, to: Range) -> *mut c_void {
        let mut kept = ptr::null_mut();
        // SAFETY: the range is a stack, and the switch comes next.
        unsafe { (self.start)(&raw mut kept, regain::<c_void>(to.at), to.len) };
        kept
    }

    /// After it; returns the stack that was left.
    pub fn arrive(self) -> (*const c_void, usize) {
        let (mut at, mut len) = (ptr::null(), 0);
        // SAFETY: the switch has come; a stack that is new has nothing kept.
        unsafe { (self.finish)(ptr::null_mut(), &raw mut at, &raw mut len) };
        (at, len)
    }

    /// Before the switch back.
    pub fn leave_for_good(self, (at, len): (*const c_void, usize)) {
        // SAFETY: that is the stack below; null says that this one is not come back to.
        unsafe { (self.start)(ptr::null_mut(), at, len) };
    }

    /// After it.
    pub fn come_back(self, kept: *mut c_void) {
        // SAFETY: the switch back has come, to the stack of which this was kept.
        unsafe { (self.finish)(kept, ptr::null_mut(), ptr::null_mut()) };
    }
}

/// A function that gives the address of a symbol, null where the program has none: a weak reference, for which stable
/// Rust has no words.
macro_rules! weak_symbol {
    ($function:ident, $symbol:literal) => {
        #[cfg(all(target_arch = "x86_64", target_os = "linux", not(miri)))]
        #[unsafe(naked)]
        extern "C" fn $function() -> *const () {
            core::arch::naked_asm!(
                concat!(".weak ", $symbol),
                concat!("mov rax, qword ptr [rip + ", $symbol, "@GOTPCREL]"),
                "ret",
            )
        }

        #[cfg(all(target_arch = "aarch64", target_os = "linux", not(miri)))]
        #[unsafe(naked)]
        extern "C" fn $function() -> *const () {
            core::arch::naked_asm!(
                concat!(".weak ", $symbol),
                concat!("adrp x0, :got:", $symbol),
                concat!("ldr x0, [x0, :got_lo12:", $symbol, "]"),
                "ret",
            )
        }

        #[cfg(not(all(
            any(target_arch = "x86_64", target_arch = "aarch64"),
            target_os = "linux",
            not(miri)
        )))]
        extern "C" fn $function() -> *const () {
            ptr::null()
        }
    };
}

weak_symbol!(start_switch_fiber, "__sanitizer_start_switch_fiber");
weak_symbol!(finish_switch_fiber, "__sanitizer_finish_switch_fiber");
