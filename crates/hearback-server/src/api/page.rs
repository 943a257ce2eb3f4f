//! The form of every list.

use std::borrow::Cow;

use serde::Serialize;
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, Schema, SchemaType, Type};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

/// One page of a list.
#[derive(Debug, Serialize)]
pub(super) struct ListPage<T> {
    /// The rows.
    pub(super) data: Vec<T>,
    /// Where the next page begins; null at the end.
    pub(super) next_cursor: Option<String>,
}

impl<T> ListPage<T> {
    /// A list that fits on one page.
    pub(super) const fn whole(data: Vec<T>) -> Self {
        Self { data, next_cursor: None }
    }
}

/// The description of `next_cursor`, wherever it stands.
pub(super) fn next_cursor() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(SchemaType::from_iter([Type::String, Type::Null])).description(Some(
        "Where the next page begins; null at the end. The log, oldest first, always has one.",
    ))
}

/// By hand for the name: `EventPage` reads better than `ListPage_Event`.
impl<T: ToSchema> PartialSchema for ListPage<T> {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .description(Some("One page of a list."))
            .property("data", ArrayBuilder::new().items(Ref::from_schema_name(T::name())))
            .property("next_cursor", next_cursor())
            .required("data")
            .required("next_cursor")
            .into()
    }
}

impl<T: ToSchema> ToSchema for ListPage<T> {
    fn name() -> Cow<'static, str> {
        Cow::Owned(format!("{}Page", T::name()))
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((T::name().into_owned(), T::schema()));
        T::schemas(schemas);
    }
}
