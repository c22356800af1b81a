//! The attributes of an entry, and the system that it was zipped on, which says how they are to be read (APPNOTE 4.4.2 and
//! 4.4.15).

const UNIX: u8 = 3;
const MACOS: u8 = 19;
const FILE_TYPE: u32 = 0o170_000;
pub(super) const REGULAR: u32 = 0o100_000;
pub(super) const FOLDER: u32 = 0o040_000;
pub(super) const LINK: u32 = 0o120_000;
const DOS_FOLDER: u32 = 0x10;

/// The attributes of an entry.
#[derive(Debug, Clone, Copy)]
pub(super) struct Attributes {
    pub(super) made_on: u8,
    pub(super) bits: u32,
}

impl Attributes {
    /// The Unix mode, if the zip was made where there are modes, and gives one.
    pub(super) fn mode(self) -> Option<u32> {
        let mode = self.bits >> 16;
        (matches!(self.made_on, UNIX | MACOS) && mode != 0).then_some(mode)
    }

    /// The type of the file, if there is a mode.
    pub(super) fn file_type(self) -> Option<u32> {
        self.mode().map(|mode| mode & FILE_TYPE)
    }

    /// Some readers look at modes whatever the system: they take this for the type.
    fn apparent_type(self) -> u32 {
        (self.bits >> 16) & FILE_TYPE
    }

    /// All readers that know links know this one. Some know those of other systems too, and some do not.
    pub(super) fn is_link(self) -> bool {
        self.made_on == UNIX && self.apparent_type() == LINK
    }

    pub(super) fn may_be_link(self) -> bool {
        self.apparent_type() == LINK
    }

    /// Readers that go by Unix modes, or by the attributes of DOS, may take it for a folder.
    pub(super) fn may_be_folder(self) -> bool {
        self.apparent_type() == FOLDER || self.bits & DOS_FOLDER != 0
    }
}
