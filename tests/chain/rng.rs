//! All randomness of the tests, over a printed seed.

#[path = "../support/rng.rs"]
mod generator;

pub use generator::Rng;

/// The seed of a random test: `CREEL_TEST_SEED`, or one from the clock. It is printed.
pub fn seed(test: &str) -> u64 {
    let given = std::env::var("CREEL_TEST_SEED")
        .ok()
        .and_then(|s| s.parse().ok());
    let seed = given.unwrap_or_else(|| {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        now.unwrap().as_nanos() as u64
    });
    println!("{test}: CREEL_TEST_SEED={seed}");
    seed
}

/// How often: as the variable says, or so many times.
#[cfg(feature = "cloud")]
pub fn count(variable: &str, else_so_many: u64) -> u64 {
    let asked = std::env::var(variable).ok();
    asked.map_or(else_so_many, |text| text.parse().unwrap())
}
