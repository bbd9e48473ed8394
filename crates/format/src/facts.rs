//! What is known of an input, for columns that hold it.

use std::borrow::Cow;

use copyist_datetime::iso;

use crate::plan::Fact;

/// What a file system or a store says of an input.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct About {
    /// Bytes as they are stored.
    pub size: Option<u64>,
    /// When it was last written: microseconds since 2000-01-01 UTC.
    pub modified: Option<i64>,
    /// The tag of its version.
    pub tag: Option<String>,
}

/// What is known of an input.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// What it is called in messages.
    pub name: String,
    pub about: About,
    /// Values that the caller knows of it, such as parts of its path; None is NULL.
    pub given: Vec<Option<String>>,
}

impl Facts {
    /// A fact as a literal; None where it is not known.
    pub(crate) fn literal(&self, fact: Fact) -> Option<Cow<'_, [u8]>> {
        let About { size, modified, tag } = &self.about;
        match fact {
            Fact::Name => Some(self.name.as_bytes().into()),
            Fact::Size => size.map(|size| size.to_string().into_bytes().into()),
            Fact::Modified => modified.map(|micros| {
                let mut text = Vec::new();
                iso::write_timestamptz(micros, &mut text);
                text.into()
            }),
            Fact::Tag => tag.as_ref().map(|tag| tag.as_bytes().into()),
            Fact::Given(index) => self.given.get(index as usize)?.as_ref().map(|text| text.as_bytes().into()),
        }
    }
}

/// What a fact is called in messages.
pub(crate) fn name_of(fact: Fact) -> &'static str {
    match fact {
        Fact::Name => "the name",
        Fact::Size => "the size",
        Fact::Modified => "the time of the last change",
        Fact::Tag => "the ETag",
        Fact::Given(_) => "the value in the path",
    }
}
