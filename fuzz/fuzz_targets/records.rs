//! `entry::records`: see `tests/fuzz/entry`. More memory than that may have is a failure.

#![no_main]

#[path = "../../tests/fuzz/allocator.rs"]
mod allocator;
#[path = "../../tests/fuzz/entry/mod.rs"]
mod entry;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let peak = allocator::bounded(entry::records, data);
    assert!(peak.is_ok(), "{peak:?} bytes of memory");
});
