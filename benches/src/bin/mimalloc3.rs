//! The workloads on mimalloc, version 3.

#[cfg(feature = "mimalloc2")]
compile_error!(
    "the features `mimalloc2` and `mimalloc3` build the same package in two ways: enable one of them"
);

#[global_allocator]
static GLOBAL: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    // SAFETY: reads a constant of the library; no precondition.
    let version = unsafe { libmimalloc_sys::mi_version() };
    assert_eq!(version / 10_000, 3, "built with another mimalloc: {version}");
    neap_bench::cell::main(neap_bench::Hooks::default())
}
