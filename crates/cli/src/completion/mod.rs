//! What may stand next on a command line. The shells' scripts ask the hidden command `__complete`, in the words of the
//! Go library that Podman's and Docker's command lines are made with, so that their scripts work with this program, too.

mod live;
mod place;
mod script;

pub(crate) use live::names;
pub(crate) use place::{Place, Value, place};
pub(crate) use script::{SHELLS, script};

/// What a shell does besides showing the words, as the Go library numbers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Directive {
    /// Names of files where there are no words.
    Default,
    /// As [`Directive::Nothing`], and no space after the word.
    NoSpace,
    /// Only the words.
    Nothing,
    /// Names of folders.
    Folders,
}

impl Directive {
    /// Its number.
    pub(crate) fn number(self) -> u8 {
        match self {
            Self::Default => 0,
            Self::NoSpace => 6,
            Self::Nothing => 4,
            Self::Folders => 16,
        }
    }

    /// Its name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Default => "ShellCompDirectiveDefault",
            Self::NoSpace => "ShellCompDirectiveNoSpace, ShellCompDirectiveNoFileComp",
            Self::Nothing => "ShellCompDirectiveNoFileComp",
            Self::Folders => "ShellCompDirectiveFilterDirs",
        }
    }
}
