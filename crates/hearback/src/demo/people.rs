//! Who books. Domains and numbers are reserved for examples: nobody has them.

use crate::simulate::Rng;

const FIRST: &[&str] = &[
    "alice", "mara", "ines", "tunde", "yuki", "lars", "sofia", "omar", "priya", "jonas", "elena", "kofi",
    "hana", "pablo", "nina", "viktor", "amara", "felix", "leila", "mateo", "greta", "arjun", "zoe", "emil",
];
const LAST: &[&str] = &[
    "holm",
    "okello",
    "berg",
    "sato",
    "moreau",
    "lindqvist",
    "costa",
    "haddad",
    "rao",
    "keller",
    "petrov",
    "mensah",
    "novak",
    "ruiz",
    "falk",
    "weber",
    "silva",
    "dahl",
    "marin",
    "osei",
];
/// Domains with their share of a hundred.
const DOMAINS: &[(&str, usize)] = &[
    ("example.com", 38),
    ("mail.example", 22),
    ("example.net", 15),
    ("post.example", 12),
    ("example.org", 8),
    ("old-lodge.example", 2),
    ("school.example", 3),
];
/// The domain whose servers refuse a fifth.
pub(super) const BROKEN: &str = "old-lodge.example";
/// The domain that defers since this morning.
pub(super) const SLOW: &str = "post.example";

/// Somebody who books.
#[derive(Clone, Debug)]
pub(super) struct Guest {
    /// The address.
    pub(super) address: String,
    /// The number, in E.164.
    pub(super) phone: String,
    /// The domain of the address.
    pub(super) domain: &'static str,
}

/// The guest of that number: always the same one.
pub(super) fn guest(number: usize) -> Guest {
    let mut rng = Rng::new(number as u64 ^ 0x0067_7565_7374);
    let (first, last) = (FIRST[rng.below(FIRST.len())], LAST[rng.below(LAST.len())]);
    let mut ticket = rng.below(DOMAINS.iter().map(|(_, share)| share).sum());
    let mut domain = DOMAINS[0].0;
    for (name, share) in DOMAINS {
        if ticket < *share {
            domain = name;
            break;
        }
        ticket -= share;
    }
    let number_word = if rng.below(3) == 0 { String::new() } else { format!("{}", rng.below(90) + 10) };
    // Numbers that regulators keep for films.
    let phone = if rng.below(3) == 0 {
        format!("+1202555{:04}", 100 + rng.below(100))
    } else {
        format!("+447700900{:03}", rng.below(1000))
    };
    Guest { address: format!("{first}.{last}{number_word}@{domain}"), phone, domain }
}
