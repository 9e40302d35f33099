//! Ends the process where one input takes too long: nothing else would ever tell.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

/// A machine that does other things besides is given time.
const LONGEST: Duration = Duration::from_secs(5);

/// Looks at one thread's inputs.
pub struct Watchdog(Sender<String>);

impl Watchdog {
    pub fn new() -> Watchdog {
        let (sender, inputs) = channel();
        std::thread::spawn(move || watch(&inputs));
        Watchdog(sender)
    }

    /// From now on it is this input.
    pub fn next(&self, input: String) {
        self.0.send(input).unwrap();
    }
}

fn watch(inputs: &Receiver<String>) {
    let Ok(mut present) = inputs.recv() else {
        return;
    };
    loop {
        match inputs.recv_timeout(LONGEST) {
            Ok(next) => present = next,
            Err(RecvTimeoutError::Disconnected) => return,
            Err(RecvTimeoutError::Timeout) if present.is_empty() => {}
            Err(RecvTimeoutError::Timeout) => {
                eprintln!("more than {LONGEST:?} for one input: CREEL_FUZZ={present}");
                std::process::exit(101);
            }
        }
    }
}
