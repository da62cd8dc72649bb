//! What is left out of the written form.

use std::collections::BTreeMap;

/// Whether a field's value says nothing, so that it is not written.
pub(crate) trait Absent {
    /// Whether it is left out.
    fn absent(&self) -> bool;
}

macro_rules! zero_is_absent {
    ($($kind:ty),*) => { $(
        impl Absent for $kind {
            fn absent(&self) -> bool {
                *self == <$kind>::default()
            }
        }
    )* };
}
zero_is_absent!(bool, u16, u32, u64, i32, i64, f32, String);

impl<T> Absent for Option<T> {
    fn absent(&self) -> bool {
        self.is_none()
    }
}

impl<T> Absent for Vec<T> {
    fn absent(&self) -> bool {
        self.is_empty()
    }
}

impl<V> Absent for BTreeMap<String, V> {
    fn absent(&self) -> bool {
        self.is_empty()
    }
}

/// Declares structures whose absent fields are not written, which have a default, and which refuse unknown fields.
macro_rules! model {
    ($(
        $(#[$about:meta])*
        pub struct $name:ident {
            $( not written $(#[$key_about:meta])* pub $key:ident: $key_kind:ty, )?
            $( $(#[$field_about:meta])* pub $field:ident: $kind:ty, )*
        }
    )*) => { $(
        $(#[$about])*
        #[derive(Debug, Clone, Default, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct $name {
            $(
                $(#[$key_about])*
                #[serde(skip)]
                pub $key: $key_kind,
            )?
            $(
                $(#[$field_about])*
                #[serde(skip_serializing_if = "crate::model::absent::Absent::absent")]
                pub $field: $kind,
            )*
            /// Extensions, `x-…`.
            #[serde(rename = "#extensions", skip_serializing_if = "crate::model::absent::Absent::absent")]
            pub extensions: crate::model::Extensions,
        }
    )* };
}
pub(crate) use model;
