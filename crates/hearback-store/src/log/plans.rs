//! That what is asked about people goes along an index, whatever the size of the tables.

use rusqlite::Connection;

use super::{alerts, expectations, profiles, recipient_list, recipients};
use crate::sqlite::steps;

#[test]
fn no_question_about_people_walks_through_a_table() {
    let connection = Connection::open_in_memory().unwrap();
    connection.execute_batch(include_str!("../sqlite/migrations/0001_initial.sql")).unwrap();
    connection.execute_batch(include_str!("../sqlite/migrations/0002_life_of_data.sql")).unwrap();
    for (sql, index) in [
        (recipients::NEXT_CANDIDATES, "PRIMARY KEY"),
        (profiles::OF_USER, "profiles_by_user"),
        (recipient_list::DROPPED, "PRIMARY KEY"),
        (&format!("{} = $1", recipients::LOOSE_BY_ADDRESS), "PRIMARY KEY"),
        (&format!("{} = $1", profiles::BY_ADDRESS), "PRIMARY KEY"),
        (&format!("{} = $1", recipient_list::CANDIDATES), "PRIMARY KEY"),
        (expectations::DUE, "expectations_due"),
        (expectations::OVERDUE, "expectations_told"),
        (expectations::COME_DUE, "expectations_due"),
        (&format!("{} = $1", expectations::OF_RECIPIENTS), "expectations_overdue"),
        (&format!("{} = $1", alerts::ABOUT), "alerts_about"),
        (&format!("{} = $1", alerts::BY_ID), "PRIMARY KEY"),
        (alerts::STANDING, "alerts_standing"),
        (alerts::IN_STATE, "alerts_in_state"),
        (alerts::OF_RULE, "alerts_of_rule"),
        (alerts::PARTS, "alerts_parts"),
        ("DELETE FROM profiles WHERE address = $1", "PRIMARY KEY"),
    ] {
        let steps = steps(&connection, sql).unwrap();
        assert!(
            steps.iter().all(|step| step.starts_with("SEARCH") && step.contains(index)),
            "{sql}: {steps:?}"
        );
    }
}
