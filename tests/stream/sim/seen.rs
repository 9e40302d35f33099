//! What a simulation has seen, and which rule it breaks on purpose.

/// A rule that is broken on purpose: the simulation has to notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weak {
    Nothing,
    /// The store ignores the condition of a create.
    CarelessStore,
    /// A promotion does not look behind its fence.
    NoListBehind,
    /// Fences are removed like other segments.
    FencesRemoved,
    /// A primary ships what it has not made durable.
    ShipsUnsynced,
    /// A divergent tail is taken back before it is set aside.
    RewindsUnsaved,
    /// A copy counts its entries without what is in them, now and then.
    AppliesWrongData,
    /// A token is answered as soon as the log has as many entries.
    TokensByNumber,
    /// Holds count however much they keep, and for ever: in the store.
    StoreWithoutCaps,
    /// In the file of a node.
    FileWithoutCaps,
    /// A primary that was started anew does not look behind its first segment.
    FirstUnseen,
    /// Readers do not ask whether something above what they know to be gone was removed.
    IgnoresFloors,
    /// Whether a copy may be promoted depends on what time it is.
    AsksTheClock,
}

/// How often things happened.
#[derive(Debug, Clone, Copy, Default)]
pub struct Seen {
    pub applied: u64,
    pub acked: u64,
    pub reconnects: u64,
    pub promotions: u64,
    pub fenced: u64,
    pub diverged: u64,
    pub seeded: u64,
    pub corrupted: u64,
    pub refused_bytes: u64,
    pub resyncs: u64,
    pub dead: u64,
    pub restarts: u64,
    pub cascaded: u64,
    pub published: u64,
    pub delivered: u64,
    pub fenced_by_store: u64,
    pub adopted: u64,
    pub overtaken: u64,
    pub rewound: u64,
    pub gaps: u64,
    pub seeded_from_store: u64,
    pub images: u64,
    pub removed: u64,
    pub power_cuts: u64,
    pub lost: u64,
    pub rotten: u64,
    pub store_faults: u64,
    pub wall_steps: u64,
    pub tokens: u64,
    pub found: u64,
    pub found_by_table: u64,
    pub lost_tokens: u64,
    pub lost_by_table: u64,
    pub other_way: u64,
    pub held_in_store: u64,
    pub over_in_store: u64,
    pub late_in_store: u64,
    pub held_in_file: u64,
    pub over_in_file: u64,
    /// One in a hundred thousand seeds.
    pub below_floor: u64,
}

impl Seen {
    fn fields(&mut self) -> [&mut u64; 40] {
        [
            &mut self.applied,
            &mut self.acked,
            &mut self.reconnects,
            &mut self.promotions,
            &mut self.fenced,
            &mut self.diverged,
            &mut self.seeded,
            &mut self.corrupted,
            &mut self.refused_bytes,
            &mut self.resyncs,
            &mut self.dead,
            &mut self.restarts,
            &mut self.cascaded,
            &mut self.published,
            &mut self.delivered,
            &mut self.fenced_by_store,
            &mut self.adopted,
            &mut self.overtaken,
            &mut self.rewound,
            &mut self.gaps,
            &mut self.seeded_from_store,
            &mut self.images,
            &mut self.removed,
            &mut self.power_cuts,
            &mut self.lost,
            &mut self.rotten,
            &mut self.store_faults,
            &mut self.wall_steps,
            &mut self.tokens,
            &mut self.found,
            &mut self.found_by_table,
            &mut self.lost_tokens,
            &mut self.lost_by_table,
            &mut self.other_way,
            &mut self.held_in_store,
            &mut self.over_in_store,
            &mut self.late_in_store,
            &mut self.held_in_file,
            &mut self.over_in_file,
            &mut self.below_floor,
        ]
    }

    pub fn add(&mut self, other: &Seen) {
        let mut other = *other;
        for (to, from) in self.fields().into_iter().zip(other.fields()) {
            *to += *from;
        }
    }

    pub fn check(&self) {
        let mut copy = *self;
        let rare = copy.fields().into_iter().any(|count| *count < 10);
        assert!(!rare, "something hardly ever happens: {self:?}");
    }
}
