/// Which mutant is present (`CREEL_MUTANT`), and which are reached (`CREEL_REACH`, a file with a
/// byte for each, so that processes that are killed tell as well).
#[allow(unsafe_code, missing_docs, clippy::all)]
pub mod mutants {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

    const MUTANTS: usize = 1_000_000;
    const UNKNOWN: u32 = u32::MAX;
    const RECORDS: u32 = u32::MAX - 1;
    const NONE: u32 = u32::MAX - 2;

    static PRESENT: AtomicU32 = AtomicU32::new(UNKNOWN);
    static MAP: AtomicUsize = AtomicUsize::new(0);

    #[inline(always)]
    pub fn mutant(id: u32) -> bool {
        let present = PRESENT.load(Ordering::Relaxed);
        if present <= NONE { present == id } else { look(id) }
    }

    #[cold]
    fn look(id: u32) -> bool {
        static ONCE: OnceLock<()> = OnceLock::new();
        ONCE.get_or_init(|| {
            let number = std::env::var("CREEL_MUTANT").ok().and_then(|text| text.parse().ok());
            let mut present = number.unwrap_or(NONE);
            if let Some(path) = std::env::var_os("CREEL_REACH") {
                let file = std::fs::OpenOptions::new().read(true).write(true).open(path);
                let file = file.expect("the file of CREEL_REACH");
                let map = unsafe {
                    libc::mmap(
                        std::ptr::null_mut(),
                        MUTANTS,
                        libc::PROT_READ | libc::PROT_WRITE,
                        libc::MAP_SHARED,
                        std::os::fd::AsRawFd::as_raw_fd(&file),
                        0,
                    )
                };
                MAP.store(map as usize, Ordering::Release);
                present = RECORDS;
            }
            PRESENT.store(present, Ordering::Release);
        });
        let present = PRESENT.load(Ordering::Acquire);
        if present == RECORDS {
            let map = MAP.load(Ordering::Acquire) as *mut u8;
            unsafe { map.add(id as usize).write_volatile(1) };
        }
        present == id
    }
}
