//! Types whose constants lie too far from neap's own for a header to say where: those of a program and of its plugin when neap is
//! in a library that both share. In `tests/far` are the three, built here with the same toolchain.
#![cfg(all(feature = "gc", target_os = "linux"))]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn run(command: &mut Command) -> Output {
    let output = command.output().expect("to start it");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}{}",
        output.status,
        text(&output.stdout),
        text(&output.stderr)
    );
    output
}

/// Builds the workspace, if that was not done before, and says where it lies.
fn build() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/far/Cargo.toml");
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("far");
    let cargo = |offline: bool| {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.arg("build").args(offline.then_some("--offline")).arg("--manifest-path");
        cargo.arg(&manifest).arg("--target-dir").arg(&target);
        // One std for all three; and no flags of the build that this is a test of.
        cargo.env("RUSTFLAGS", "-C prefer-dynamic").env_remove("CARGO_ENCODED_RUSTFLAGS");
        cargo.env_remove("CARGO_BUILD_TARGET");
        cargo
    };
    // What they depend on is here already, as neap's own tests depend on it too.
    if !cargo(true).output().is_ok_and(|output| output.status.success()) {
        run(&mut cargo(false));
    }
    target.join("debug")
}

#[test]
fn a_program_and_a_plugin_that_share_the_collector() {
    let folder = build();
    let sysroot = run(Command::new("rustc").args(["--print", "target-libdir"])).stdout;
    let libraries = format!(
        "{}:{}:{}",
        folder.display(),
        folder.join("deps").display(),
        String::from_utf8_lossy(&sysroot).trim()
    );
    let mut program = Command::new(folder.join("far-program"));
    program.arg(folder.join("libfar_plugin.so")).env("LD_LIBRARY_PATH", libraries);
    assert_eq!(run(&mut program).stdout, b"done\n");
}
