//! A panic is a bug: print a short report that can be sent in, and end with 70.

use std::panic::PanicHookInfo;

use super::report;

/// Replaces the message that Rust prints for a panic.
pub fn install() {
    std::panic::set_hook(Box::new(|info| report::stderr(&text(info))));
}

fn text(info: &PanicHookInfo<'_>) -> String {
    let message = info
        .payload()
        .downcast_ref::<&str>()
        .map(|s| (*s).to_owned())
        .or_else(|| info.payload().downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned());
    let place = info.location().map(ToString::to_string).unwrap_or_default();
    format!(
        "error: creel has a bug and cannot go on\n  cause: {}\n  at: {place}\n  \
         version: {} ({}-{})\n  state: commits that were confirmed are safe\n  \
         hint: please report these lines and the command that gave them\n",
        report::printable(&message),
        env!("CARGO_PKG_VERSION"),
        std::env::consts::ARCH,
        std::env::consts::OS,
    )
}
