//! A call that runs on another stack, and comes back.
//!
//! A few instructions for each processor: keep the stack pointer in the frame pointer, which the callee preserves, set
//! it to the other stack, call, set it back. The directives tell debuggers and backtraces the same, so that they walk
//! from the other stack to the one below. (System V ABI for AMD64, §3.2; Procedure Call Standard for AArch64, §6.)

/// Whether this processor is one that is known here.
pub const CAN_SWITCH: bool =
    cfg!(all(any(target_arch = "x86_64", target_arch = "aarch64"), not(miri)));

/// Calls `work(with)` on the stack that ends at `top`, and returns when it does.
///
/// # Safety
/// `top` is a multiple of 16; below it is room for what `work` needs, nobody else uses it meanwhile, and it ends in a
/// guard. Only where [`CAN_SWITCH`].
#[cfg(all(target_arch = "x86_64", not(miri)))]
#[unsafe(naked)]
pub unsafe extern "C" fn call_on_stack(
    top: usize,
    work: unsafe extern "C" fn(*mut ()),
    with: *mut (),
) {
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
pub unsafe extern "C" fn call_on_stack(
    top: usize,
    work: unsafe extern "C" fn(*mut ()),
    with: *mut (),
) {
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
pub unsafe extern "C" fn call_on_stack(
    _top: usize,
    work: unsafe extern "C" fn(*mut ()),
    with: *mut (),
) {
    // SAFETY: the caller's promise.
    unsafe { work(with) }
}
