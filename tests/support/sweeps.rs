//! Which verb is killed at each of its calls, and has its calls fail, by which sweeps: `kills` runs them.
#![allow(dead_code)] // Each program that includes this uses a part of it.

/// A verb and the names of its sweeps.
#[derive(Debug)]
pub struct Verb {
    pub name: &'static str,
    pub kills: &'static [&'static str],
    pub errors: &'static [&'static str],
    /// Nothing lasting is written.
    pub reads: bool,
}

const fn writes(
    name: &'static str,
    kills: &'static [&'static str],
    errors: &'static [&'static str],
) -> Verb {
    Verb {
        name,
        kills,
        errors,
        reads: false,
    }
}

const fn reads(name: &'static str, errors: &'static [&'static str]) -> Verb {
    Verb {
        name,
        kills: &[],
        errors,
        reads: true,
    }
}

/// All that `creel --help` knows.
pub const VERBS: &[Verb] = &[
    writes("open", &["open-create"], &["open-create"]),
    writes(
        "put",
        &["put-fresh", "put-steady", "put-folds", "put-published"],
        &["put"],
    ),
    Verb {
        kills: &["get"],
        ..reads("get", &["get"])
    },
    writes("delete", &["delete", "delete-range"], &["delete"]),
    reads("exists", &["exists"]),
    Verb {
        kills: &["list"],
        ..reads("list", &["list", "list-map"])
    },
    writes("batch", &["batch"], &["batch"]),
    writes(
        "import",
        &[
            "import-step",
            "import-batches",
            "import-twice",
            "import-creates",
            "import-creates-sorted",
            "import-creates-batch",
        ],
        &["import", "import-batch", "import-input"],
    ),
    writes("export", &["export"], &["export", "export-map"]),
    reads("digest", &["digest"]),
    reads("diff", &["diff"]),
    writes("backup", &["backup"], &["backup"]),
    writes("drill", &["drill", "drill-note"], &["drill", "drill-note"]),
    writes("replicate serve", &["serve"], &["serve"]),
    writes("replicate init", &["init"], &["init"]),
    writes(
        "replicate pull",
        &[
            "pull",
            "pull-store",
            "pull-anew-store",
            "pull-anew-file",
            "pull-anew-tcp",
        ],
        &["pull"],
    ),
    writes(
        "replicate follow",
        &["follow-store", "follow-file", "follow-tcp", "follow-anew"],
        &["follow-store", "follow-file", "follow-tcp", "follow-anew"],
    ),
    writes("replicate reseed", &["reseed"], &["reseed"]),
    reads("replicate status", &["status"]),
    writes("replicate keep", &["keep"], &["keep"]),
    writes(
        "replicate rejoin",
        &["rejoin", "rejoin-store", "rejoin-beyond"],
        &["rejoin"],
    ),
    writes(
        "replicate snapshot",
        &["snapshot", "snapshot-first"],
        &["snapshot"],
    ),
    writes("replicate probe", &["probe"], &["probe"]),
    reads("replicate verify", &["verify-store"]),
    writes("replicate gc", &["gc"], &["gc"]),
    writes("replicate mirror", &["mirror", "mirror-on"], &["mirror"]),
    writes("replicate hold", &["hold"], &["hold"]),
    writes("replicate forget", &["forget"], &["forget"]),
    writes("promote", &["promote", "promote-store"], &["promote"]),
    reads("log show", &["log-show"]),
    reads("log diff", &["log-diff"]),
    writes("log reapply", &["reapply"], &["reapply"]),
    writes("restore", &["restore", "restore-store"], &["restore"]),
    reads("keyspaces", &["keyspaces"]),
    reads("info", &["info"]),
    reads("stats", &["stats"]),
    writes("checkpoint", &["checkpoint"], &["checkpoint"]),
    writes(
        "compact",
        &["compact-half", "compact-half-new", "compact", "compact-new"],
        &["compact", "compact-new"],
    ),
    writes("verify", &["verify-note"], &["verify", "verify-note"]),
    writes("salvage", &["salvage"], &["salvage"]),
    reads("inspect", &["inspect"]),
    writes("doctor", &["doctor"], &["doctor"]),
    writes("soak", &["soak", "soak-replicas"], &["soak"]),
    reads("explain", &[]),
    reads("schema", &[]),
    reads("version", &[]),
];

/// Which verb a sweep is of. Another sync mode (`put/off`) is the same sweep.
pub fn verb_of(sweep: &str) -> &'static Verb {
    let name = sweep.split('/').next().unwrap_or(sweep);
    let has = |verb: &&Verb| verb.kills.contains(&name) || verb.errors.contains(&name);
    let found = VERBS.iter().find(has);
    found.unwrap_or_else(|| panic!("no sweep {sweep:?} in tests/support/sweeps.rs"))
}

/// Fails where a sweep runs another verb than that which has it.
pub fn belongs(sweep: &str, args: &[String], of: fn(&'static Verb) -> &'static [&'static str]) {
    let name = sweep.split('/').next().unwrap_or(sweep);
    let words: Vec<&str> = args.iter().map(String::as_str).take(2).collect();
    let runs = |verb: &&Verb| verb.name == words[0] || verb.name == words.join(" ");
    let verb = VERBS.iter().find(runs);
    let has = verb.is_some_and(|verb| of(verb).contains(&name));
    assert!(
        has,
        "{sweep} is no sweep of {words:?} in tests/support/sweeps.rs"
    );
}
