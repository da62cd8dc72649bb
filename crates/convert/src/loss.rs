//! What gets lost on the way.

use std::fmt;

/// A field that the other form does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loss {
    /// What it belongs to, such as `container web`.
    pub object: String,
    /// The field, as the request or the source names it.
    pub field: String,
    /// Why it is lost, or what to do instead.
    pub why: String,
}

impl fmt::Display for Loss {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}: {}", self.object, self.field, self.why)
    }
}

/// All losses, in the order in which they were found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Losses(Vec<Loss>);

impl Losses {
    /// Adds one; the same one is told once.
    pub fn add(&mut self, object: &str, field: &str, why: &str) {
        let loss = Loss { object: object.to_owned(), field: field.to_owned(), why: why.to_owned() };
        if !self.0.contains(&loss) {
            self.0.push(loss);
        }
    }

    /// To add those of one object.
    pub fn of(&mut self, object: impl Into<String>) -> Of<'_> {
        Of { losses: self, object: object.into() }
    }

    /// Whether nothing was lost.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Loss> {
        self.0.iter()
    }
}

/// The losses of one object.
#[derive(Debug)]
pub struct Of<'a> {
    losses: &'a mut Losses,
    object: String,
}

impl Of<'_> {
    /// A field is lost.
    pub fn lost(&mut self, field: &str, why: &str) {
        self.losses.add(&self.object, field, why);
    }

    /// A field is lost where it says something.
    pub fn given<T: Default + PartialEq>(&mut self, field: &str, value: &T, why: &str) {
        if *value != T::default() {
            self.lost(field, why);
        }
    }
}
