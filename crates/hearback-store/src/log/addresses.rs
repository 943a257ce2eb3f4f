//! The recipients of a period's events, one after the other in one text: there are many, and most are looked at once.

use hearback_event::Address;

/// Addresses in the order of the events; some events have none.
#[derive(Clone, Default)]
pub(super) struct Addresses {
    text: String,
    /// Where each ends.
    ends: Vec<u32>,
}

impl Addresses {
    /// The recipient of the next event.
    pub(super) fn push(&mut self, address: Option<&Address>) {
        self.text.push_str(address.map_or("", Address::as_str));
        self.ends.push(self.text.len() as u32);
    }

    fn range(&self, index: usize) -> Option<std::ops::Range<usize>> {
        let end = *self.ends.get(index)?;
        let start =
            index.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or_default();
        Some(start as usize..end as usize)
    }

    /// The recipient of an event, if it has one.
    pub(super) fn get(&self, index: usize) -> Option<&str> {
        self.text.get(self.range(index)?).filter(|address| !address.is_empty())
    }

    /// Takes the recipient of an event out of memory.
    pub(super) fn forget(&mut self, index: usize) {
        let Some(range) = self.range(index) else { return };
        let gone = range.len() as u32;
        self.text.replace_range(range, "");
        self.ends.iter_mut().skip(index).for_each(|end| *end -= gone);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_forgotten_is_gone_and_the_others_stay() {
        let texts =
            [Some("a@b.example"), None, Some("größe@d.example"), Some("+15550100"), Some("a@b.example")];
        let mut addresses = Addresses::default();
        for text in texts {
            addresses.push(text.map(|text| Address::parse(text).unwrap()).as_ref());
        }
        let all = |addresses: &Addresses| -> Vec<Option<String>> {
            (0..6).map(|index| addresses.get(index).map(str::to_owned)).collect()
        };
        let expected = |left: &[usize]| -> Vec<Option<String>> {
            let text = |index: usize| texts.get(index).copied().flatten().filter(|_| left.contains(&index));
            (0..6).map(|index| text(index).map(str::to_owned)).collect()
        };
        assert_eq!(all(&addresses), expected(&[0, 2, 3, 4]));
        addresses.forget(0);
        addresses.forget(1);
        addresses.forget(7);
        assert_eq!(all(&addresses), expected(&[2, 3, 4]));
        addresses.forget(4);
        addresses.forget(4);
        assert_eq!(all(&addresses), expected(&[2, 3]));
        addresses.forget(2);
        addresses.forget(3);
        assert_eq!((all(&addresses), addresses.text.as_str()), (expected(&[]), ""));
    }
}
