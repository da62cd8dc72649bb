//! Whole numbers of any width, read with their bounds.

/// The methods of a `Deserializer` for every integer type, over `self.whole(low, high) -> Result<i128, WireError>`.
macro_rules! integers {
    ($($method:ident $visit:ident $type:ty,)+) => {$(
        fn $method<V: serde::de::Visitor<'de>>(self, visitor: V) -> Result<V::Value, WireError> {
            let number = self.whole(i128::from(<$type>::MIN), i128::from(<$type>::MAX))?;
            // Inside of the type's bounds after the line above.
            visitor.$visit(number as $type)
        }
    )+};
    () => {
        $crate::wire::integer::integers! {
            deserialize_i8 visit_i8 i8,
            deserialize_i16 visit_i16 i16,
            deserialize_i32 visit_i32 i32,
            deserialize_i64 visit_i64 i64,
            deserialize_u8 visit_u8 u8,
            deserialize_u16 visit_u16 u16,
            deserialize_u32 visit_u32 u32,
            deserialize_u64 visit_u64 u64,
        }
    };
}

pub(super) use integers;

use super::error::WireError;

/// `number`, where it is one between `low` and `high`; else an error that says what was found.
pub(super) fn bounded(
    number: Option<i128>,
    low: i128,
    high: i128,
    found: impl FnOnce() -> String,
) -> Result<i128, WireError> {
    match number {
        Some(number) if (low..=high).contains(&number) => Ok(number),
        Some(_) => Err(WireError::kind(format!("a whole number from {low} to {high}"), found())),
        None => Err(WireError::kind("a whole number", found())),
    }
}
