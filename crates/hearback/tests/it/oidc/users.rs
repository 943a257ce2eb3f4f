//! Who somebody is here, the second time as well.

use super::*;

#[test]
fn the_second_sign_in_is_the_same_user_with_the_role_and_the_name_of_now() {
    let provider = Provider::start();
    let program = program(&provider, ROLES);
    let serving = program.serve(&[]);
    let mut nora = Browser::new(serving.address(), 1);
    assert!(is_inside(&nora.sign_in()));
    let first = users(&program);
    assert_eq!(
        (&first[0]["name"], &first[0]["role"], first.len()),
        (&json!("nora@example.com"), &json!("admin"), 1)
    );
    // Again, elsewhere: the same user, and both sessions stand.
    let mut phone = Browser::new(serving.address(), 2);
    assert!(is_inside(&phone.sign_in()));
    assert_eq!(users(&program), first);
    assert!(is_inside(&nora.open("/settings/users")));
    // Another address and another role: the same user, and what was begun with the old role is over.
    provider.known().claims =
        json!({"sub": "1001", "email": "nora.b@example.com", "email_verified": true, "groups": ["staff"]});
    let mut again = Browser::new(serving.address(), 3);
    assert!(is_inside(&again.sign_in()));
    let second = users(&program);
    assert_eq!((&second[0]["id"], second.len()), (&first[0]["id"], 1));
    assert_eq!((&second[0]["name"], &second[0]["role"]), (&json!("nora.b@example.com"), &json!("viewer")));
    assert_eq!(again.open("/settings/users").status, 403);
    assert!(
        nora.open("/settings/users").url.contains("/sign-in") && phone.open("/").url.contains("/sign-in")
    );
    // The old address, of somebody else now: another user.
    provider.known().claims =
        json!({"sub": "1002", "email": "nora@example.com", "email_verified": true, "groups": ["staff"]});
    assert!(is_inside(&Browser::new(serving.address(), 4).sign_in()));
    let third = users(&program);
    assert_eq!(third.len(), 2);
    // Whose name another one has keeps his own.
    provider.known().claims =
        json!({"sub": "1001", "email": "nora@example.com", "email_verified": true, "groups": ["staff"]});
    assert!(is_inside(&Browser::new(serving.address(), 5).sign_in()));
    assert_eq!(users(&program), third);
    keeps_secrets(&serving, &provider);
}

#[test]
fn a_session_is_ended_from_elsewhere() {
    let provider = Provider::start();
    let program = program(&provider, &format!("session_hours = 1\n{ROLES}"));
    let serving = program.serve(&[]);
    let (mut desk, mut phone) = (Browser::new(serving.address(), 1), Browser::new(serving.address(), 2));
    let back = desk.go_and_return("/");
    let entered = desk.get(&back);
    let session = entered.cookies.iter().find(|cookie| cookie.starts_with("hearback_session=")).unwrap();
    assert!(session.ends_with("; Path=/; Max-Age=3600; SameSite=Lax; HttpOnly; Secure"), "{session}");
    assert!(is_inside(&phone.sign_in()));
    let page = desk.open("/settings");
    let (_, after) = page.body.split_once("name=\"id\" value=\"").unwrap();
    let id = after.split('"').next().unwrap().to_owned();
    let foreign = desk.post("/settings/sessions/end", &[("form", "x"), ("id", &id)]);
    assert_eq!(foreign.status, 403, "without the form's secret nothing is changed");
    let ended = desk.post("/settings/sessions/end", &[("form", &page.form()), ("id", &id)]);
    assert_eq!(ended.status, 303);
    assert!(phone.open("/").url.contains("/sign-in"));
    assert!(is_inside(&desk.open("/")));
}

#[test]
fn a_name_that_is_taken_is_joined_by_verified_address_where_that_is_allowed() {
    let provider = Provider::start();
    let apart = program(&provider, ROLES);
    drop(apart.serve(&[]));
    add_user(&apart, "nora@example.com");
    let serving = apart.serve(&[]);
    let page = Browser::new(serving.address(), 1).sign_in();
    assert_eq!(page.status, 409);
    assert!(page.body.contains("There is another user called nora@example.com already"), "{}", page.body);
    assert_eq!(users(&apart)[0]["role"], "viewer");

    let joined = program(&provider, &format!("link_by_email = true\ncreate_users = false\n{ROLES}"));
    drop(joined.serve(&[]));
    add_user(&joined, "nora@example.com");
    let before = users(&joined);
    let serving = joined.serve(&[]);
    // An address that nobody has checked leads nowhere.
    provider.known().claims["email_verified"] = false.into();
    let page = Browser::new(serving.address(), 1).sign_in();
    assert_eq!(page.status, 403);
    assert!(page.body.contains("there is no user here for you"), "{}", page.body);
    provider.known().claims["email_verified"] = true.into();
    let mut nora = Browser::new(serving.address(), 2);
    assert!(is_inside(&nora.sign_in()));
    let after = users(&joined);
    assert_eq!((&after[0]["id"], &after[0]["role"], after.len()), (&before[0]["id"], &json!("admin"), 1));
    // Somebody else to whom the provider gives the same address is not she.
    provider.known().claims["sub"] = "1002".into();
    assert_eq!(Browser::new(serving.address(), 3).sign_in().status, 403);
    // Her password still is one.
    let mut door = Browser::new(serving.address(), 4);
    let page = door.open("/sign-in");
    let fields = [
        ("form", page.form()),
        ("user", "nora@example.com".to_owned()),
        ("pass", "correct horse battery".to_owned()),
    ];
    let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    assert_eq!(door.post("/sign-in", &fields).location.as_deref(), Some("/"));
}

#[test]
fn without_a_mapping_roles_are_given_by_hand_and_stay() {
    let provider = Provider::start();
    let program = program(&provider, "default_role = \"viewer\"\n");
    let serving = program.serve(&[]);
    assert!(is_inside(&Browser::new(serving.address(), 1).sign_in()));
    assert_eq!(users(&program)[0]["role"], "viewer");
    provider.known().claims = json!({"sub": "1002", "preferred_username": "ann"});
    assert!(is_inside(&Browser::new(serving.address(), 2).sign_in()));
    add_user(&program, "root");
    let id = users(&program).iter().find(|user| user["name"] == "ann").unwrap()["id"].to_string();
    // An admin gives her another role; it is hers also after the next sign-in.
    let mut boss = admin(&program, &serving);
    let form = boss.open("/settings/users").form();
    let changed = boss.post(
        "/settings/users/change",
        &[("form", &form), ("id", &id), ("do", "role"), ("role", "operator")],
    );
    assert_eq!(changed.status, 303, "{}", changed.body);
    assert!(is_inside(&Browser::new(serving.address(), 3).sign_in()));
    assert_eq!(users(&program).iter().find(|user| user["name"] == "ann").unwrap()["role"], "operator");
    // An empty password opens nothing to who has none.
    let mut door = Browser::new(serving.address(), 5);
    let form = door.open("/sign-in").form();
    for password in ["", " "] {
        assert_eq!(
            door.post("/sign-in", &[("form", &form), ("user", "ann"), ("pass", password)]).status,
            401
        );
    }
}

/// Somebody who signs in with a password, and is an admin.
fn admin(program: &Program, serving: &Serving) -> Browser {
    let script = "\"$0\" users add boss --role admin < password";
    let mut command = std::process::Command::new("sh");
    command
        .args(["-c", script, env!("CARGO_BIN_EXE_hearback")])
        .current_dir(program.path("."))
        .env("OIDC_SECRET", SECRET);
    assert!(command.status().unwrap().success());
    let mut boss = Browser::new(serving.address(), 4);
    let form = boss.open("/sign-in").form();
    let fields = [("form", form.as_str()), ("user", "boss"), ("pass", "correct horse battery")];
    assert_eq!(boss.post("/sign-in", &fields).status, 303);
    boss
}
