//! Saying what serde does and utoipa cannot know: a member that may be left out is left out rather than null.

use utoipa::openapi::schema::{SchemaType, Type};
use utoipa::openapi::{RefOr, Schema};

/// Takes "or null" from the members that may be left out.
pub(super) fn never_null(schema: &mut RefOr<Schema>) {
    match schema {
        RefOr::T(Schema::Object(object)) => {
            for (name, property) in &mut object.properties {
                if !object.required.contains(name) {
                    without_null(property);
                }
            }
        }
        RefOr::T(Schema::AllOf(all)) => all.items.iter_mut().for_each(never_null),
        _ => {}
    }
}

fn without_null(property: &mut RefOr<Schema>) {
    match property {
        RefOr::T(Schema::Object(object)) => {
            object.schema_type = typed(&object.schema_type);
            object.default = None;
        }
        RefOr::T(Schema::Array(array)) => {
            array.schema_type = typed(&array.schema_type);
            array.default = None;
        }
        RefOr::T(Schema::OneOf(one)) => {
            let named = one.items.iter().find(|item| matches!(item, RefOr::Ref(_))).cloned();
            if let (Some(named), 2) = (named, one.items.len()) {
                *property = named;
            }
        }
        _ => {}
    }
}

fn typed(given: &SchemaType) -> SchemaType {
    match given {
        SchemaType::Array(types) => {
            match types.iter().filter(|one| **one != Type::Null).collect::<Vec<_>>()[..] {
                [one] => SchemaType::Type(one.clone()),
                _ => given.clone(),
            }
        }
        other => other.clone(),
    }
}
