//! Links the release binary statically where this machine can, because a command that runs for a
//! millisecond spends a quarter of it loading shared libraries (docs/decisions/0021).
//!
//! Only on Linux with the GNU C library, only for builds that are not cross builds, and only after
//! a small program linked in the same way has run: otherwise nothing is changed. `CREEL_LINK=shared`
//! turns it off.

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The libraries that rustc names for this target, and the archives that take their place.
const LIBRARIES: &[(&str, &[&str])] = &[
    ("c", &["libc.a", "libgcc_eh.a", "libgcc.a"]),
    ("gcc_s", &["libgcc_eh.a", "libc.a", "libgcc.a"]),
    ("m", &["libm.a"]),
    ("rt", &["librt.a"]),
    ("pthread", &["libpthread.a"]),
    ("dl", &["libdl.a"]),
    ("util", &["libutil.a"]),
];

/// What has to work when it is linked statically: threads, their storage, unwinding, mathematics.
const TRIAL: &str = r#"
use std::cell::Cell;
thread_local!(static LOCAL: Cell<f64> = const { Cell::new(2.0) });
fn main() {
    std::panic::set_hook(Box::new(|_| {}));
    let thread = std::thread::spawn(|| {
        let caught = std::panic::catch_unwind(|| if std::env::args().count() < 9 { panic!() });
        caught.is_err() && LOCAL.with(|l| l.get().powf(l.get() + 1.0)) == 8.0
    });
    assert!(thread.join().is_ok_and(|well| well));
    print!("well");
}
"#;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=CREEL_LINK");
    let mut linked = if has_feature("crt-static") {
        "static"
    } else {
        "shared"
    };
    if let Some(Ok(Some(args))) = wanted().then(prepare) {
        for arg in args {
            println!("cargo::rustc-link-arg-bins={arg}");
        }
        linked = "static";
    }
    // What `creel version --json` says.
    println!("cargo::rustc-env=CREEL_LINKED={linked}");
}

fn wanted() -> bool {
    let is = |name: &str, value: &str| env::var(name).is_ok_and(|v| v == value);
    is("PROFILE", "release")
        && is("CARGO_CFG_TARGET_OS", "linux")
        && is("CARGO_CFG_TARGET_ENV", "gnu")
        && env::var("HOST").is_ok_and(|host| is("TARGET", &host))
        && !has_feature("crt-static")
        && !is("CREEL_LINK", "shared")
}

fn has_feature(name: &str) -> bool {
    let features = env::var("CARGO_CFG_TARGET_FEATURE").unwrap_or_default();
    features.split(',').any(|feature| feature == name)
}

/// Arguments for the linker, once a trial has shown that they work.
fn prepare() -> io::Result<Option<Vec<String>>> {
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    let folder = out.join("static");
    fs::create_dir_all(&folder)?;
    let linker = env::var("RUSTC_LINKER").unwrap_or_else(|_| "cc".to_owned());
    for (name, archives) in LIBRARIES {
        let mut found = Vec::new();
        for archive in *archives {
            match find(&linker, archive)? {
                Some(path) => found.push(path),
                // Newer versions of the C library have everything in libc.a.
                None if ["librt.a", "libpthread.a", "libdl.a", "libutil.a"].contains(archive) => {}
                None => return Ok(None),
            }
        }
        // The linker takes a text in place of a library for a script.
        let script = format!("GROUP ( {} )\n", found.join(" "));
        fs::write(folder.join(format!("lib{name}.so")), script)?;
    }
    let Some(folder) = folder.to_str() else {
        return Ok(None);
    };
    let args = vec![format!("-L{folder}"), "-static-pie".to_owned()];
    Ok(works(&out, &args)?.then_some(args))
}

/// The path of an archive, as the linker's driver knows it.
fn find(linker: &str, archive: &str) -> io::Result<Option<String>> {
    let asked = format!("-print-file-name={archive}");
    let output = Command::new(linker).arg(asked).output()?;
    let path = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    Ok((path != archive && Path::new(&path).is_absolute()).then_some(path))
}

/// Links and runs the trial with the flags that the binary will be built with.
fn works(out: &Path, args: &[String]) -> io::Result<bool> {
    let (source, program) = (out.join("trial.rs"), out.join("trial"));
    fs::write(&source, TRIAL)?;
    let mut rustc = Command::new(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    rustc
        .arg("--edition=2024")
        .arg("-o")
        .arg(&program)
        .arg(&source);
    if let Some(linker) = env::var_os("RUSTC_LINKER") {
        rustc
            .arg("-C")
            .arg(format!("linker={}", linker.to_string_lossy()));
    }
    let flags = env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    rustc.args(flags.split('\x1f').filter(|flag| !flag.is_empty()));
    for arg in args {
        rustc.arg("-C").arg(format!("link-arg={arg}"));
    }
    if !rustc.output()?.status.success() {
        return Ok(false);
    }
    let run = Command::new(&program).output()?;
    Ok(run.status.success() && run.stdout == b"well")
}
