//! Programs built with `panic = "abort"`: all works that does not panic, and a panic in a drop or a finalizer ends the process at once.
//! (Case 76.) In `tests/panic_abort` is the program, built here with the same toolchain.
#![cfg(all(feature = "gc", unix))]

use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn output(command: &mut Command) -> Output {
    command.output().expect("to start it")
}

fn text(output: &Output) -> String {
    let [out, err] = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes));
    format!("{}\n{out}\n{err}", output.status)
}

/// Builds the program, if that was not done before, and says where it lies.
fn build(release: bool) -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/panic_abort/Cargo.toml");
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("panic_abort");
    let cargo = |offline: bool| {
        let mut cargo = Command::new(env!("CARGO"));
        cargo
            .arg("build")
            .args(offline.then_some("--offline"))
            .args(release.then_some("--release"));
        cargo.arg("--manifest-path").arg(&manifest).arg("--target-dir").arg(&target);
        output(cargo.env_remove("CARGO_BUILD_TARGET"))
    };
    // What it depends on is here already, as neap's own tests depend on it too.
    let mut built = cargo(true);
    if !built.status.success() {
        built = cargo(false);
    }
    assert!(built.status.success(), "{}", text(&built));
    target.join(if release { "release" } else { "debug" }).join("panic_abort")
}

#[test]
fn panics_end_the_process_and_all_else_works() {
    for release in [false, true] {
        let program = build(release);
        let ended = output(Command::new(&program).arg("works"));
        assert!(ended.status.success() && ended.stdout == b"done\n", "{}", text(&ended));
        for (mode, words) in [("drop", "a drop panics"), ("finalizer", "a finalizer panics")] {
            let ended = output(Command::new(&program).arg(mode));
            // SIGABRT
            assert!(
                ended.status.signal() == Some(6) && ended.stdout.is_empty(),
                "{}",
                text(&ended)
            );
            assert!(text(&ended).contains(words), "{}", text(&ended));
        }
    }
}
