//! Finding or making the user whom the provider knows.
//!
//! A user is found by issuer and `sub` alone: names and addresses change hands. Only where `link_by_email` allows it, a verified
//! address leads to the user who is called by it and is nobody's identity yet.

use hearback_event::Timestamp;
use hearback_store::{Identity, NewUser, Role, StoreError, User, UserChange};

use super::options::OidcOptions;
use super::person::Person;
use crate::change::record;
use crate::refusal::Refusal;
use crate::ui::Parts;
use crate::visit::Caller;

/// Why somebody whom the provider knows, and who may be let in, is not.
#[derive(Debug)]
pub(crate) enum Refused {
    /// Users are not made of whoever comes.
    Unknown,
    /// There is another user of this name.
    NameTaken(String),
    /// The store does not answer.
    Store(Refusal),
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        Self::Store(error.into())
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self::Store(refusal)
    }
}

/// The user that this person is, with the role and the name that he has now.
pub(crate) async fn admit(
    ui: &Parts,
    options: &OidcOptions,
    caller: &Caller,
    person: Person,
) -> Result<User, Refused> {
    let identity = Identity { issuer: options.issuer.clone(), subject: person.subject.clone() };
    if let Some(user) = ui.accounts.identified(identity.clone()).await? {
        return renewed(ui, caller, user, person).await;
    }
    if let Some(user) = by_email(ui, options, &person).await? {
        if ui.accounts.change_user(user.id, UserChange::Identity(identity.clone()), None).await? {
            record(ui, caller, &user.name, "user.identity", format!("{}, by e-mail", user.name)).await?;
            return renewed(ui, caller, User { identity: Some(identity), ..user }, person).await;
        }
        return Err(Refused::NameTaken(user.name));
    }
    if !options.create_users {
        return Err(Refused::Unknown);
    }
    let role = person.role.or(options.default_role).unwrap_or(Role::Viewer);
    let new = NewUser {
        name: person.name.clone(),
        role,
        password: None,
        identity: Some(identity.clone()),
        created_at: Timestamp::now(),
    };
    if let Some(user) = ui.accounts.add_user(new).await? {
        record(ui, caller, &user.name, "user.add", format!("{}, {role}, through OpenID Connect", user.name))
            .await?;
        return Ok(user);
    }
    // He may have come twice at the same time.
    match ui.accounts.identified(identity).await? {
        Some(user) => renewed(ui, caller, user, person).await,
        None => Err(Refused::NameTaken(person.name)),
    }
}

/// The user whom a verified address names, if that is allowed and he is nobody's yet.
async fn by_email(ui: &Parts, options: &OidcOptions, person: &Person) -> Result<Option<User>, StoreError> {
    let Some(email) = person.verified_email.clone().filter(|_| options.link_by_email) else {
        return Ok(None);
    };
    Ok(ui.accounts.user(email).await?.filter(|user| user.identity.is_none()))
}

async fn renewed(ui: &Parts, caller: &Caller, user: User, person: Person) -> Result<User, Refused> {
    let mut user = user;
    if user.name != person.name
        && ui.accounts.change_user(user.id, UserChange::Name(person.name.clone()), None).await?
    {
        record(ui, caller, &person.name, "user.name", format!("{} to {}", user.name, person.name)).await?;
        user.name = person.name;
    }
    if let Some(role) = person.role.filter(|role| *role != user.role) {
        // What he was allowed before ends with the sessions of before.
        ui.accounts.change_user(user.id, UserChange::Role(role), None).await?;
        let detail = format!("{}, {} to {role}, by OpenID Connect", user.name, user.role);
        record(ui, caller, &user.name, "user.role", detail).await?;
        user.role = role;
    }
    Ok(user)
}
