//! Mistakes planted on purpose, to show that the tests would find them.
//!
//! Each variant is one mistake, made at one place that asks [`planted`]. Without the feature
//! `planted-defects` the question is the constant `false` and nothing of it is compiled; with it,
//! `tests/planted` makes one mistake after the other and requires that a named test notices.
//! A build with the feature and without debug assertions (a release build) is refused.

#[cfg(all(feature = "planted-defects", not(debug_assertions)))]
compile_error!("the feature planted-defects is for tests only: never in a release build");

macro_rules! defects {
    ($($variant:ident $name:literal $what:literal,)*) => {
        /// A mistake that can be made.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[repr(u8)]
        pub enum Defect {
            $(#[doc = $what] $variant,)*
        }

        impl Defect {
            /// All of them.
            pub const ALL: &[Defect] = &[$(Defect::$variant,)*];

            /// Its name.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Defect::$variant => $name,)*
                }
            }

            /// What is wrong with it.
            pub const fn what(self) -> &'static str {
                match self {
                    $(Defect::$variant => $what,)*
                }
            }
        }
    };
}

defects! {
    NoSalt "no-salt" "Every incarnation of a log region has the same salt.",
    HeaderBeforeSync "header-before-sync" "The header is written before the pages it names are synced.",
    OneHeaderSlot "one-header-slot" "Only one header slot is whole while a header is written.",
    SyncRetried "sync-retried" "A failed sync of a commit is repeated, and success is believed.",
    RecoveryInPlace "recovery-in-place" "Opening writes the log anew where it stands.",
    PrefixTailRule "prefix-tail-rule" "The log ends at the first bad frame, whatever later ones promise.",
    NoParentCrc "no-parent-crc" "A page need not be the version that its parent names.",
    PinIgnored "pin-ignored" "Pages are used again although a reader has pinned them.",
    ReuseTooEarly "reuse-too-early" "Pages are used again one generation too early.",
    PositionOutside "position-outside" "The position of an import is committed before its records.",
    TrailerUnchecked "trailer-unchecked" "An export that ends without its trailer is believed.",
    DigestUnchecked "digest-unchecked" "What a trailer states is not compared with what came.",
    GrowthUnsynced "growth-unsynced" "A header names a larger log region before the file has it.",
    PageIdUnchecked "page-id-unchecked" "A page may stand in the place of another.",
    PageCrcUnchecked "page-crc-unchecked" "The checksum of a page is not computed.",
    ValueCrcUnchecked "value-crc-unchecked" "The checksum of a large value is not computed.",
    MarkBeforeSync "mark-before-sync" "The mark of durability is written before the sync.",
    TornMarkBelieved "torn-mark-believed" "A mark counts although its checksum does not fit.",
    SwitchUnproven "switch-unproven" "The log turns to the other region before this one is durable.",
    DenseDropsTail "dense-drops-tail" "A dense rewrite leaves its last leaf out.",
    CheckpointClearsActive "checkpoint-clears-active" "What was committed during a checkpoint is forgotten.",
    StaleFrameAccepted "stale-frame-accepted" "A frame need not continue the one before it.",
    EpochUnchecked "epoch-unchecked" "A handle of an older epoch goes on writing.",
    ReplacedUnnoticed "replaced-unnoticed" "A handle writes to a file that has lost its name.",
    WriterLockIgnored "writer-lock-ignored" "Two writers do not exclude each other.",
    DirectoryUnsynced "directory-unsynced" "The directory is not synced after a rename.",
    RenameBeforeSync "rename-before-sync" "A new file gets its name before it is durable.",
    NamedUnsynced "named-unsynced" "A new file is not synced again once it has its name.",
    FreeListLeak "free-list-leak" "A freed page is not written down.",
    ConditionsTooEarly "conditions-too-early" "Conditions are checked before catching up with others.",
    GroupResultsMixed "group-results-mixed" "Members of a commit group get each other's results.",
    BatchPartlyVisible "batch-partly-visible" "Only the first operation of a batch becomes visible.",
    VerifySkipsValues "verify-skips-values" "`verify` does not compare the checksums of large values.",
    BackupUnpinned "backup-unpinned" "A backup does not keep the pages that it copies.",
    RestsKept "rests-kept" "A frame is written over the rests of one that was not finished.",
    SyncSkipped "sync-skipped" "A commit is acknowledged without a sync.",
    PoisonIgnored "poison-ignored" "A handle goes on after a write that failed.",
    AbsenceAssumed "absence-assumed" "After a want of space a commit counts as never made.",
    DoubtKept "doubt-kept" "Opening believes the page cache where a sync may have failed.",
    HeaderUnproven "header-unproven" "Commits build on a header that may be in the cache only.",
    BulkWithoutHeader "bulk-without-header" "The log entry of a bulk step counts without its header.",
    LossUnnoticed "loss-unnoticed" "A checkpoint does not ask whether a commit was told that bytes are lost.",
    HandOverForgotten "hand-over-forgotten" "Who waits for the present writer is not told that he is the next.",
    IndexBeforeTable "index-before-table" "Readers may look for a commit before the table has it.",
    SnapshotApart "snapshot-apart" "A snapshot takes its index and its view at two moments.",
    OrphansIgnored "orphans-ignored" "A log region with a lost header is taken for an empty one.",
}

/// The environment variable by which a process makes a mistake.
#[cfg(feature = "planted-defects")]
const VARIABLE: &str = "CREEL_DEFECT";

/// Number of the mistake that is made, 0 for none; `UNKNOWN` until the environment was asked.
#[cfg(feature = "planted-defects")]
static PRESENT: std::sync::atomic::AtomicU8 = std::sync::atomic::AtomicU8::new(UNKNOWN);

#[cfg(feature = "planted-defects")]
const UNKNOWN: u8 = u8::MAX;

/// Is this mistake to be made?
#[cfg(not(feature = "planted-defects"))]
#[inline(always)]
pub const fn planted(_defect: Defect) -> bool {
    false
}

/// Is this mistake to be made?
#[cfg(feature = "planted-defects")]
pub fn planted(defect: Defect) -> bool {
    use std::sync::atomic::Ordering;
    let mut present = PRESENT.load(Ordering::Relaxed);
    if present == UNKNOWN {
        let name = std::env::var(VARIABLE).ok();
        let found = Defect::ALL
            .iter()
            .find(|d| Some(d.name()) == name.as_deref());
        present = found.map_or(0, |d| *d as u8 + 1);
        PRESENT.store(present, Ordering::Relaxed);
    }
    present == defect as u8 + 1
}

/// From now on this process makes this mistake, or none.
#[cfg(feature = "planted-defects")]
pub fn plant(defect: Option<Defect>) {
    let number = defect.map_or(0, |d| d as u8 + 1);
    PRESENT.store(number, std::sync::atomic::Ordering::Relaxed);
}
