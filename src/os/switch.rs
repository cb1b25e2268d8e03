//! A call that runs on another stack, and comes back.
//!
//! A few instructions for each processor: keep the stack pointer in the frame pointer, which the callee preserves, set
//! it to the other stack, call, set it back. The directives tell debuggers and backtraces the same, so that they walk
//! from the other stack to the one below. (System V ABI for AMD64, §3.2; Procedure Call Standard for AArch64, §6.)
//!
//! Address sanitizer is told (`sanitizer.rs`), where it is part of the program.

use super::Range;
use super::sanitizer::Sanitizer;

/// Whether this processor is one that is known here.
pub const CAN_SWITCH: bool =
    cfg!(all(any(target_arch = "x86_64", target_arch = "aarch64"), not(miri)));

/// Calls `work(with)` on the stack `on`, and returns when it does.
///
/// # Safety
/// `on` is the caller's alone, ends at a multiple of 16, begins with a guard, and has room for what `work` needs.
/// `work` does not unwind, and may be called with `with`. Only where [`CAN_SWITCH`].
pub unsafe fn call_on_stack(on: Range, work: unsafe fn(*mut ()), with: *mut ()) {
    let mut call = Call { work, with, sanitizer: Sanitizer::find() };
    let before = call.sanitizer.map(|sanitizer| sanitizer.leave_for(on));
    // SAFETY: the caller's promise about the stack; `arrive` gets what it asks for.
    unsafe { switch(on.end(), arrive, (&raw mut call).cast()) };
    if let (Some(sanitizer), Some(before)) = (call.sanitizer, before) {
        sanitizer.come_back(before);
    }
}

struct Call {
    work: unsafe fn(*mut ()),
    with: *mut (),
    sanitizer: Option<Sanitizer>,
}

/// The first function on the other stack.
///
/// # Safety
/// `call` is a [`Call`], whose work may be done.
unsafe extern "C" fn arrive(call: *mut ()) {
    // SAFETY: by the precondition.
    let Call { work, with, sanitizer } = unsafe { &*call.cast::<Call>() };
    let from = sanitizer.map(Sanitizer::arrive);
    // SAFETY: by the precondition.
    unsafe { work(*with) };
    if let (Some(sanitizer), Some(from)) = (sanitizer, from) {
        sanitizer.leave_for_good(from);
    }
}

/// Calls `work(with)` with the stack pointer at `top`.
///
/// # Safety
/// As for [`call_on_stack`].
#[cfg(all(target_arch = "x86_64", not(miri)))]
#[unsafe(naked)]
unsafe extern "C" fn switch(top: usize, work: unsafe extern "C" fn(*mut ()), with: *mut ()) {
    core::arch::naked_asm!(
        ".cfi_startproc",
        "push rbp",
        ".cfi_def_cfa_offset 16",
        ".cfi_offset rbp, -16",
        "mov rbp, rsp",
        ".cfi_def_cfa_register rbp",
        "mov rsp, rdi",
        "mov rdi, rdx",
        "call rsi",
        "mov rsp, rbp",
        "pop rbp",
        ".cfi_def_cfa rsp, 8",
        "ret",
        ".cfi_endproc",
    )
}

/// As above.
///
/// # Safety
/// As above.
#[cfg(all(target_arch = "aarch64", not(miri)))]
#[unsafe(naked)]
unsafe extern "C" fn switch(top: usize, work: unsafe extern "C" fn(*mut ()), with: *mut ()) {
    core::arch::naked_asm!(
        ".cfi_startproc",
        "stp x29, x30, [sp, #-16]!",
        ".cfi_def_cfa_offset 16",
        ".cfi_offset x30, -8",
        ".cfi_offset x29, -16",
        "mov x29, sp",
        ".cfi_def_cfa_register x29",
        "mov sp, x0",
        "mov x0, x2",
        "blr x1",
        "mov sp, x29",
        ".cfi_def_cfa_register sp",
        "ldp x29, x30, [sp], #16",
        ".cfi_def_cfa_offset 0",
        ".cfi_restore x29",
        ".cfi_restore x30",
        "ret",
        ".cfi_endproc",
    )
}

/// As above; here it does not switch.
///
/// # Safety
/// As for `work`.
#[cfg(not(all(any(target_arch = "x86_64", target_arch = "aarch64"), not(miri))))]
unsafe extern "C" fn switch(_top: usize, work: unsafe extern "C" fn(*mut ()), with: *mut ()) {
    // SAFETY: the caller's promise.
    unsafe { work(with) }
}
