//! Profiles: what the application or a person said of a recipient. Kept beside the log, because it is replaced and not
//! added to.

use std::collections::{BTreeMap, HashMap};

use hearback_event::Address;

use super::Shared;
use super::people;
use crate::session::{Column, Keys, Param, Session, Table, params};
use crate::{AddressPage, Profile, RecipientView, StoreError};

/// Ends with the column that addresses are compared with.
pub(super) const BY_ADDRESS: &str = "SELECT address, user_id, name FROM profiles WHERE address";
/// The next addresses of a user.
pub(super) const OF_USER: &str =
    "SELECT address FROM profiles WHERE user_id = $1 AND address > $2 ORDER BY address LIMIT $3";

/// The profiles of those of these addresses that have one.
pub(super) fn look_up(
    session: &dyn Session,
    addresses: &[&str],
) -> Result<HashMap<String, Profile>, StoreError> {
    let mut found = HashMap::new();
    session.look_up(BY_ADDRESS, Keys::Texts(addresses), &mut |row| {
        let user_id = row.maybe_text(1)?.map(str::to_owned);
        let name = row.maybe_text(2)?.map(str::to_owned);
        found.insert(row.text(0)?.to_owned(), Profile { user_id, name });
        Ok(())
    })?;
    Ok(found)
}

/// Puts a profile in the place of what was said before; an empty one takes it away. Whether anything changed.
pub(super) fn put(session: &dyn Session, address: &Address, profile: &Profile) -> Result<bool, StoreError> {
    let before = look_up(session, &[address.as_str()])?.remove(address.as_str()).unwrap_or_default();
    if before == *profile {
        return Ok(false);
    }
    if *profile == Profile::default() {
        session.execute("DELETE FROM profiles WHERE address = $1", params![address.as_str()])?;
    } else {
        let sql = "INSERT INTO profiles (address, user_id, name) VALUES ($1, $2, $3)
             ON CONFLICT (address) DO UPDATE SET user_id = excluded.user_id, name = excluded.name";
        let values = params![address.as_str(), profile.user_id.as_deref(), profile.name.as_deref()];
        session.execute(sql, values)?;
    }
    Ok(true)
}

/// Those of these recipients whose profile says no id yet, each once, with the profile that does.
pub(super) fn without_user(
    session: &dyn Session,
    users: &[(Address, String)],
) -> Result<BTreeMap<Address, Profile>, StoreError> {
    let addresses: Vec<&str> = users.iter().map(|(address, _)| address.as_str()).collect();
    let mut known = look_up(session, &addresses)?;
    let mut missing = BTreeMap::new();
    for (address, user_id) in users {
        let profile = known.entry(address.as_str().to_owned()).or_default();
        if profile.user_id.is_none() {
            profile.user_id = Some(user_id.clone());
            missing.insert(address.clone(), profile.clone());
        }
    }
    Ok(missing)
}

/// Keeps ids for recipients that have none. How many.
pub(super) fn name_users(session: &dyn Session, users: &[(Address, String)]) -> Result<u64, StoreError> {
    let missing = without_user(session, users)?;
    let mut rows: Vec<Param<'_>> = Vec::with_capacity(3 * missing.len());
    for (address, profile) in &missing {
        rows.extend([
            Param::from(address.as_str()),
            profile.user_id.as_deref().into(),
            profile.name.as_deref().into(),
        ]);
    }
    session.write(&PROFILES, &rows)?;
    Ok(missing.len() as u64)
}

const PROFILES: Table = Table {
    name: "profiles",
    columns: &[("address", Column::Text), ("user_id", Column::Text), ("name", Column::Text)],
    key: &["address"],
};

/// The recipients of a user, in the order of the address.
pub(super) fn of_user(
    shared: &Shared,
    session: &dyn Session,
    user_id: &str,
    after: Option<&Address>,
    limit: usize,
) -> Result<AddressPage<RecipientView>, StoreError> {
    let after = after.map_or("", Address::as_str);
    let found = session
        .all(OF_USER, params![user_id, after, limit + 1], |row| Ok(Address::parse(row.text(0)?).ok()))?;
    let mut addresses: Vec<Address> = found.into_iter().flatten().collect();
    let more = addresses.len() > limit;
    addresses.truncate(limit);
    let next = addresses.last().filter(|_| more).cloned();
    let views = people::views(shared, session, &addresses)?.into_iter().flatten();
    // A profile may have changed in between.
    let rows = views.filter(|view| view.profile.user_id.as_deref() == Some(user_id)).collect();
    Ok(AddressPage { rows, next })
}
