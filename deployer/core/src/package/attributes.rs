//! The attributes of an entry, and the system that it was zipped on, which determines their meaning (APPNOTE 4.4.2 and
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
    /// Returns the Unix mode, if the zip was made on a system with modes and has one.
    pub(super) fn mode(self) -> Option<u32> {
        let mode = self.bits >> 16;
        (matches!(self.made_on, UNIX | MACOS) && mode != 0).then_some(mode)
    }

    /// Returns the file type, if there is a mode.
    pub(super) fn file_type(self) -> Option<u32> {
        self.mode().map(|mode| mode & FILE_TYPE)
    }

    /// Returns the file type for readers that look at modes whatever the system is.
    fn apparent_type(self) -> u32 {
        (self.bits >> 16) & FILE_TYPE
    }

    /// Whether all readers that support links see a link. Links of other systems are seen by some readers only.
    pub(super) fn is_link(self) -> bool {
        self.made_on == UNIX && self.apparent_type() == LINK
    }

    pub(super) fn may_be_link(self) -> bool {
        self.apparent_type() == LINK
    }

    /// Whether readers that go by Unix modes, or by DOS attributes, may see a folder.
    pub(super) fn may_be_folder(self) -> bool {
        self.apparent_type() == FOLDER || self.bits & DOS_FOLDER != 0
    }
}
