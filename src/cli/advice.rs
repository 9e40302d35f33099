//! What to do about a refusal that the file itself explains.

use creel::Role;

use super::Failure;
use super::codes;

/// Names the command that helps where a write was refused for what the file is.
pub fn add(failure: Failure) -> Failure {
    let parts = failure.parts();
    let (Some(path), None, true) = (&parts.path, &parts.hint, parts.code == &codes::FENCED) else {
        return failure;
    };
    let Ok(info) = creel::info(path) else {
        return failure;
    };
    let db = path.display();
    let hint = match info.role {
        Role::Replica => format!("write to the primary, or make this copy one: creel promote {db}"),
        _ if info.fenced => format!(
            "creel replicate rejoin {db} --from NEW (the new primary's file, server or store): it saves what only \
             this copy has and follows"
        ),
        _ => return failure,
    };
    failure.hint(hint)
}
