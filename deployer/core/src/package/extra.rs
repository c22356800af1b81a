//! The extra fields of an entry (APPNOTE 4.5), two of which are read.

use super::fields::Fields;

const ZIP64: u16 = 1;
/// The valid lengths: two sizes, the offset and the disk, or the first of these (APPNOTE 4.5.3). Some tools write an
/// empty field.
const ZIP64_LENGTHS: [usize; 5] = [0, 8, 16, 24, 28];
const UNICODE_PATH: u16 = 0x7075;

/// The extra fields of a header.
#[derive(Clone, Copy)]
pub(super) struct Extra<'a>(pub(super) &'a [u8]);

/// The unread rest of the zip64 field, if there is one. It has those values, in order, that are all ones in the header
/// (APPNOTE 4.5.3).
pub(super) struct Zip64<'a>(Option<Fields<'a>>);

impl<'a> Extra<'a> {
    /// Returns the fields with their numbers; a field that is cut off has no data. Up to three zeros at the end are no
    /// field: some tools pad with them. More zeros are fields of their own.
    fn fields(self) -> impl Iterator<Item = (u16, Option<&'a [u8]>)> {
        let mut fields = Fields(self.0);
        std::iter::from_fn(move || {
            let rest = fields.0;
            let Some((id, length)) = fields.u16().zip(fields.u16()) else {
                fields = Fields(&[]);
                return rest.iter().any(|byte| *byte != 0).then_some((0, None));
            };
            let data = fields.take(length.into());
            if data.is_none() {
                fields = Fields(&[]);
            }
            Some((id, data.filter(|data| id != ZIP64 || ZIP64_LENGTHS.contains(&data.len()))))
        })
    }

    /// Returns the fields with this number.
    fn all(self, wanted_id: u16) -> impl Iterator<Item = &'a [u8]> {
        self.fields().filter(move |(id, _)| *id == wanted_id).filter_map(|(_, data)| data)
    }

    /// Whether a field is cut off. Some readers do not open such a zip, others ignore the field.
    pub(super) fn is_torn(self) -> bool {
        // Java reads the last of two zip64 fields, and other readers the first.
        self.fields().any(|(_, data)| data.is_none()) || self.all(ZIP64).count() > 1
    }

    pub(super) fn zip64(self) -> Zip64<'a> {
        Zip64(self.all(ZIP64).next().map(Fields))
    }

    /// Whether a Unicode-path field (APPNOTE 4.6.9: version, checksum, name) has another name.
    pub(super) fn has_another_name(self, name: &[u8]) -> bool {
        self.all(UNICODE_PATH).any(|data| data.get(5..) != Some(name))
    }
}

impl Zip64<'_> {
    pub(super) fn value(&mut self, value: u32) -> Option<u64> {
        if value == u32::MAX { self.0.as_mut()?.u64() } else { Some(value.into()) }
    }

    pub(super) fn disk(&mut self, value: u16) -> Option<u32> {
        if value == u16::MAX { self.0.as_mut()?.u32() } else { Some(value.into()) }
    }
}
