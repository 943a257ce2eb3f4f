//! `/settings`: one's own password and sessions; for admins users, tokens, what was changed, and the system.

mod access;
mod account;
mod system;

use axum::response::Response;

use crate::url::Query;

pub(crate) use access::{
    add_token, add_user, change_user, end_any_session, remove_token, sessions, tokens, users,
};
pub(crate) use account::{account, change_password, end_own_session};
pub(crate) use system::{audit, system};

/// The tabs: path, word, and whether only admins have it.
const TABS: &[(&str, &str, bool)] = &[
    ("/settings", "Account", false),
    ("/settings/users", "Users", true),
    ("/settings/sessions", "Sessions", true),
    ("/settings/tokens", "API tokens", true),
    ("/settings/audit", "Audit log", true),
    ("/settings/system", "System", true),
];

/// A tab: path, word, and whether it is shown.
type Tab = (&'static str, &'static str, bool);

fn tabs(visit: &crate::visit::Visit, here: &str) -> Vec<Tab> {
    let is_admin = visit.role >= hearback_store::Role::Admin;
    let mine = TABS.iter().filter(|(_, _, for_admins)| is_admin || !for_admins);
    mine.map(|(path, word, _)| (*path, *word, *path == here)).collect()
}

/// Back to a page of settings, with words about what was done.
fn done(path: &str, said: &str) -> Response {
    crate::answer::redirect(&Query::default().with("said", said).of(path), [])
}
