//! `[ui.oidc]`: what is taken, what is refused, and that the secret is shown nowhere.

use super::Bench;

const LEAST: &str = "[server]
public_url = \"https://hearback.example.com\"
[ui.oidc]
issuer = \"https://id.example.com/realms/main\"
client_id = \"hearback\"
client_secret = \"env:OIDC_SECRET\"
";

#[cfg(not(feature = "oidc"))]
#[test]
fn a_program_without_it_says_which_has_it() {
    let complaints = Bench::new(LEAST).with("OIDC_SECRET", "geheim-geheim").complaints();
    assert_eq!(
        complaints,
        "problem hearback.toml:3:1: this program was built without OpenID Connect; build it with \
         `cargo build --release --features oidc`\n"
    );
}

#[cfg(feature = "oidc")]
mod built_in {
    use hearback_store::Role;

    use super::{Bench, LEAST};

    #[track_caller]
    fn says(toml: &str, expected: &str) {
        let complaints = Bench::new(toml).with("OIDC_SECRET", "geheim-geheim").complaints();
        assert_eq!(complaints.trim(), expected.trim(), "\n--- said:\n{complaints}--- for:\n{toml}");
    }

    #[test]
    fn the_least_and_the_most() {
        let least = format!("{LEAST}default_role = \"viewer\"\n");
        let config = Bench::new(&least).with("OIDC_SECRET", "geheim-geheim").load().config.unwrap();
        let ui = config.ui.as_ref().unwrap();
        let oidc = ui.oidc.as_ref().unwrap().options();
        assert_eq!(oidc.redirect_uri(), "https://hearback.example.com/sign-in/oidc/callback");
        assert_eq!(
            (oidc.name.as_str(), oidc.scopes.join(" ").as_str()),
            ("single sign-on", "openid email profile")
        );
        assert_eq!((oidc.create_users, oidc.link_by_email, oidc.session_hours), (true, false, 24));
        assert_eq!((oidc.default_role, oidc.role_claim.as_str()), (Some(Role::Viewer), "groups"));
        let shown = config.to_shown().to_string();
        assert!(shown.contains("\"client_id\":\"hearback\"") && !shown.contains("geheim"), "{shown}");
        assert!(!format!("{oidc:?}").contains("geheim"));

        let most = format!(
            "{LEAST}name = \"Keycloak\"\nscopes = [\"openid\", \"groups\"]\nrole_claim = \"realm_access.roles\"\n\
             allowed_domains = [\"Example.com\"]\ncreate_users = false\nlink_by_email = true\nsession_hours = 8\n\
             [ui.oidc.roles]\nadmin = \"boss\"\noperator = [\"a\", \"b\"]\n[ui]\npublic_url = \"https://desk.example.com/\"\n"
        );
        let config = Bench::new(&most).with("OIDC_SECRET", "geheim-geheim").load().config.unwrap();
        let oidc = config.ui.as_ref().unwrap().oidc.as_ref().unwrap().options();
        assert_eq!(oidc.redirect_uri(), "https://desk.example.com/sign-in/oidc/callback");
        assert_eq!(oidc.allowed_domains, ["example.com"]);
        let words = |words: &[&str]| words.iter().map(ToString::to_string).collect::<Vec<_>>();
        let expected = [
            (Role::Admin, words(&["boss"])),
            (Role::Operator, words(&["a", "b"])),
            (Role::Viewer, words(&[])),
        ];
        assert_eq!(oidc.roles, expected);
    }

    /// Each of them as it stands; where no address is said, it is the one of the example before.
    #[test]
    fn the_examples_in_the_documents_are_true() {
        let document = include_str!("../../../../../docs/interface.md");
        let unindented: Vec<&str> =
            document.lines().map(|line| line.strip_prefix("   ").unwrap_or(line)).collect();
        let text = unindented.join("\n");
        let blocks = text.split("```toml\n").skip(1).map(|after| after.split("```").next().unwrap());
        let examples: Vec<&str> = blocks.filter(|block| block.contains("[ui.oidc]")).collect();
        assert_eq!(examples.len(), 3);
        for example in examples {
            let server = "[server]\npublic_url = \"https://hearback.example.com\"\n";
            let toml =
                if example.contains("[server]") { example.to_owned() } else { format!("{server}{example}") };
            says(&toml, "");
        }
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        says(
            "[ui]\noidc = true\n",
            "problem hearback.toml:2:8: this is a table: write `[ui.oidc]` and its keys below",
        );
        says(
            "[ui.oidc]\nisuer = \"https://id.example.com\"\nscopes = [\"email\", \"a b\"]\nname = \"\"\n\
             allowed_domains = [\"@example.com\"]\nsession_hours = 0\nrole_claim = 7\n[ui.oidc.roles]\nroot = [\"a\"]\n",
            "
problem hearback.toml:1:1: `client_id` is missing: what the provider calls Hearback
problem hearback.toml:1:1: `client_secret` is missing: write \"env:NAME\" or \"file:PATH\"
problem hearback.toml:1:1: `issuer` is missing: the provider, as it calls itself: \"https://id.example.com\"
problem hearback.toml:1:1: nobody would have a role: name groups under [ui.oidc.roles], or set `default_role` (viewer, operator or admin)
problem hearback.toml:1:1: the provider sends people back to an address that both know: set `public_url` under [ui] or [server]
problem hearback.toml:2:1: unknown key `isuer` in [ui.oidc]; did you mean `issuer`?
problem hearback.toml:3:10: `scopes`: \"openid\" must be among them, or there is no ID token
problem hearback.toml:3:20: `scopes`: expected one scope in each text, without spaces
problem hearback.toml:4:8: `name`: it is empty
problem hearback.toml:5:20: `allowed_domains`: expected what stands behind the @, such as \"example.com\"; each subdomain is named by itself
problem hearback.toml:6:17: `session_hours`: expected a whole number from 1 to 8760
problem hearback.toml:7:14: `role_claim`: expected text in quotes, found a number
problem hearback.toml:9:1: unknown key `root` in [ui.oidc.roles]; known are `admin`, `operator`, `viewer`
",
        );
        says(
            &format!("{LEAST}create_users = false\n"),
            "problem hearback.toml:3:1: nobody could come in: without `create_users`, set `link_by_email = true`, which leads to users that are there",
        );
        says(
            "[ui.oidc]\nclient_secret = \"env:NO_SUCH\"\n",
            "problem hearback.toml:2:17: the environment variable `NO_SUCH` is not set; set it, or take `env:NO_SUCH` out",
        );
    }

    #[test]
    fn an_issuer_is_what_the_provider_calls_itself() {
        let expected = |issuer: &str| {
            let toml = LEAST.replace("https://id.example.com/realms/main", issuer);
            let bench = Bench::new(&format!("{toml}default_role = \"viewer\"\n"))
                .with("OIDC_SECRET", "geheim-geheim");
            bench.complaints()
        };
        for right in
            ["https://a.example/", "https://a.example:8443/x", "http://127.0.0.1:9000", "http://localhost/r"]
        {
            assert_eq!(expected(right), "", "{right}");
        }
        for (wrong, words) in [
            ("id.example.com", "expected the URL"),
            ("ftp://id.example.com", "expected the URL"),
            ("https://id.example.com/?a=b", "expected the URL"),
            ("http://id.example.com", "expected https://"),
            ("https://id.example.com/.well-known/openid-configuration", "leave out"),
        ] {
            let said = expected(wrong);
            assert!(
                said.starts_with("problem hearback.toml:4:10: `issuer`: ") && said.contains(words),
                "{said}"
            );
        }
    }
}
