//! Raw requests, compressed with a dictionary per provider that is trained on the provider's own first requests.
//!
//! Webhooks of one provider are alike, so that a dictionary makes them several times smaller and, since less is
//! written, cheaper to keep than plain bytes.

use std::cell::RefCell;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use bytes::Bytes;
use memchr::memmem;
use parking_lot::{Mutex, RwLock};
use zstd::bulk::{Compressor, Decompressor};
use zstd::dict::{DecoderDictionary, EncoderDictionary};

use crate::session::{Session, params};
use crate::{Payload, StoreError};

const LEVEL: i32 = 1;
/// How many requests a dictionary is trained on, and how many bytes of them at most.
const SAMPLES: usize = 256;
const SAMPLE_BYTES: usize = 1 << 20;
/// Requests longer than this are no samples: they are batches, which compress well by themselves.
const LONGEST_SAMPLE: usize = 16 << 10;
const DICTIONARY_BYTES: usize = 16 << 10;
/// Digits of the shortest number that may be somebody's.
const SHORTEST_NUMBER: usize = 7;
/// No payload is larger than the largest body that can be configured.
const LARGEST: usize = 256 << 20;

/// A compressed request.
pub(super) struct Packed {
    pub(super) dictionary: u32,
    pub(super) size: usize,
    pub(super) bytes: Vec<u8>,
}

struct Dictionary {
    encoder: EncoderDictionary<'static>,
    decoder: DecoderDictionary<'static>,
}

#[derive(Default)]
struct Samples {
    bytes: usize,
    requests: Vec<Vec<u8>>,
    full: bool,
}

/// Compresses and decompresses requests; shared by all threads.
#[derive(Default)]
pub(super) struct Codec {
    /// The dictionary to compress with, by provider. Never removed, so that they can be `'static` in the threads' contexts.
    current: RwLock<HashMap<Arc<str>, (u32, &'static Dictionary)>>,
    known: RwLock<HashMap<u32, &'static Dictionary>>,
    samples: Mutex<HashMap<Arc<str>, Samples>>,
}

/// Enough requests of a provider have been seen to train a dictionary on them.
pub(super) struct Training {
    pub(super) provider: Arc<str>,
    requests: Vec<Vec<u8>>,
}

impl Training {
    /// Trains; takes some hundred milliseconds. `None` where the samples are too alike or too few.
    pub(super) fn train(self) -> Option<(Arc<str>, Vec<u8>)> {
        let dictionary = zstd::dict::from_samples(&self.requests, DICTIONARY_BYTES).ok()?;
        Some((self.provider, dictionary))
    }
}

thread_local! {
    static COMPRESSORS: RefCell<HashMap<u32, Compressor<'static>>> = RefCell::default();
}

impl Codec {
    /// Compresses a request of a provider. Sometimes a training falls due.
    pub(super) fn pack(
        &self,
        provider: &Arc<str>,
        payload: &Payload,
    ) -> Result<(Packed, Option<Training>), StoreError> {
        let mut raw = Vec::with_capacity(payload.head.len() + 2 + payload.body.len());
        raw.extend_from_slice(payload.head.as_bytes());
        raw.extend_from_slice(b"\r\n");
        raw.extend_from_slice(&payload.body);
        let current = self.current.read().get(provider).copied();
        let (id, training) = match current {
            Some((id, _)) => (id, None),
            None => (0, self.sample(provider, &raw)),
        };
        let bytes = compress(id, current.map(|(_, dictionary)| dictionary), &raw)
            .map_err(|error| StoreError::Write(format!("a raw request cannot be compressed: {error}")))?;
        Ok((Packed { dictionary: id, size: raw.len(), bytes }, training))
    }

    fn sample(&self, provider: &Arc<str>, raw: &[u8]) -> Option<Training> {
        if raw.len() > LONGEST_SAMPLE {
            return None;
        }
        let mut samples = self.samples.lock();
        let of = samples.entry(Arc::clone(provider)).or_default();
        if of.full {
            return None;
        }
        of.bytes += raw.len();
        of.requests.push(impersonal(raw));
        if of.requests.len() < SAMPLES && of.bytes < SAMPLE_BYTES {
            return None;
        }
        of.full = true;
        Some(Training { provider: Arc::clone(provider), requests: std::mem::take(&mut of.requests) })
    }

    /// Takes in a dictionary that is in the database.
    pub(super) fn learn(&self, id: u32, provider: &str, body: &[u8]) {
        if self.known.read().contains_key(&id) {
            return;
        }
        // One per provider and process: leaking them is what makes them free to share.
        let dictionary: &'static Dictionary = Box::leak(Box::new(Dictionary {
            encoder: EncoderDictionary::copy(body, LEVEL),
            decoder: DecoderDictionary::copy(body),
        }));
        self.known.write().insert(id, dictionary);
        self.current.write().insert(provider.into(), (id, dictionary));
    }

    /// Takes in every dictionary of the database.
    pub(super) fn load(&self, session: &dyn Session) -> Result<(), StoreError> {
        session.query("SELECT id, provider, body FROM dictionaries ORDER BY id", params![], &mut |row| {
            self.learn(row.int(0)? as u32, row.text(1)?, row.blob(2)?);
            Ok(())
        })
    }

    /// Reads a request back.
    pub(super) fn read(&self, session: &dyn Session, id: u64) -> Result<Option<Payload>, StoreError> {
        let sql = "SELECT dictionary, size, body FROM payloads WHERE id = $1";
        let row = session
            .one(sql, params![id], |row| Ok((row.int(0)? as u32, row.int(1)?, row.blob(2)?.to_vec())))?;
        let Some((dictionary, size, bytes)) = row else { return Ok(None) };
        if bytes.is_empty() {
            // Dropped or erased; the row stays because a one-time token is bound to it.
            return Ok(None);
        }
        if dictionary != 0 && !self.known.read().contains_key(&dictionary) {
            self.load(session)?;
        }
        self.unpack(dictionary, size as usize, &bytes).map(Some)
    }

    /// Decompresses.
    pub(super) fn unpack(&self, dictionary: u32, size: usize, bytes: &[u8]) -> Result<Payload, StoreError> {
        let damaged = |_| StoreError::Damaged("a raw request cannot be decompressed".to_owned());
        let known = self.known.read().get(&dictionary).copied();
        let mut decompressor = match known {
            Some(dictionary) => Decompressor::with_prepared_dictionary(&dictionary.decoder),
            None => Decompressor::new(),
        }
        .map_err(damaged)?;
        let raw = decompressor.decompress(bytes, size.min(LARGEST)).map_err(damaged)?;
        let end = raw.windows(4).position(|four| four == b"\r\n\r\n").map_or(0, |at| at + 2);
        let head = String::from_utf8_lossy(raw.get(..end).unwrap_or_default()).into_owned();
        Ok(Payload { head, body: Bytes::from(raw).slice((end + 2).min(size)..) })
    }
}

/// A request without addresses and numbers: what a dictionary is trained on is in it for ever, and nobody can be taken out.
fn impersonal(raw: &[u8]) -> Vec<u8> {
    let is_inside = |byte: &u8| byte.is_ascii_alphanumeric() || b"._%+-@\\".contains(byte) || *byte >= 0x80;
    let mut masked = raw.to_vec();
    for word in masked.chunk_by_mut(|a, b| is_inside(a) == is_inside(b)) {
        let is_address = memmem::find(word, b"@").is_some()
            || memmem::find(word, b"%40").is_some()
            || memmem::find(word, b"\\u0040").is_some();
        if is_address {
            word.iter_mut()
                .filter(|byte| byte.is_ascii_alphanumeric() || **byte >= 0x80)
                .for_each(|byte| *byte = b'x');
        }
        for digits in word.chunk_by_mut(|a, b| a.is_ascii_digit() && b.is_ascii_digit()) {
            if digits.len() >= SHORTEST_NUMBER {
                digits.fill(b'0');
            }
        }
    }
    masked
}

/// Compresses with this thread's context for the dictionary. Fails only when memory is gone.
fn compress(id: u32, dictionary: Option<&'static Dictionary>, raw: &[u8]) -> std::io::Result<Vec<u8>> {
    COMPRESSORS.with_borrow_mut(|compressors| {
        let compressor = match compressors.entry(id) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => entry.insert(match dictionary {
                Some(dictionary) => Compressor::with_prepared_dictionary(&dictionary.encoder)?,
                None => Compressor::new(LEVEL)?,
            }),
        };
        compressor.compress(raw)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dictionary_learns_nobodys_address() {
        let raw =
            b"to=alice%40example.com&n=+15551234567&{\"to\":\"Al@x.example\",\"code\":550,\"at\":1760000000}";
        let masked = String::from_utf8(impersonal(raw)).unwrap();
        assert_eq!(
            masked,
            "to=xxxxx%xxxxxxxxx.xxx&n=+00000000000&{\"to\":\"xx@x.xxxxxxx\",\"code\":550,\"at\":0000000000}"
        );
    }

    #[test]
    fn requests_come_back_byte_for_byte_with_and_without_a_dictionary() {
        let codec = Codec::default();
        let provider: Arc<str> = "mailgun".into();
        let request = |n: usize| Payload {
            head: "POST /webhooks/mailgun HTTP/1.1\r\ncontent-type: application/json\r\n".to_owned(),
            body: Bytes::from(format!(
                "{{\"event\":\"delivered\",\"id\":\"{n}\",\"recipient\":\"guest{}@example.com\"}}\r\n\r\n",
                n * 7919
            )),
        };
        let mut training = None;
        let mut plain = 0;
        for n in 0..SAMPLES {
            let (packed, due) = codec.pack(&provider, &request(n)).unwrap();
            assert_eq!(codec.unpack(packed.dictionary, packed.size, &packed.bytes).unwrap(), request(n));
            plain = packed.bytes.len();
            training = training.or(due);
        }
        let (name, dictionary) = training.expect("enough samples").train().expect("a dictionary");
        codec.learn(1, &name, &dictionary);
        let (packed, due) = codec.pack(&provider, &request(9999)).unwrap();
        assert!(
            due.is_none() && packed.dictionary == 1 && packed.bytes.len() < plain,
            "{} {plain}",
            packed.bytes.len()
        );
        assert_eq!(codec.unpack(1, packed.size, &packed.bytes).unwrap(), request(9999));
        let empty = Payload::default();
        let (packed, _) = codec.pack(&provider, &empty).unwrap();
        assert_eq!(codec.unpack(1, packed.size, &packed.bytes).unwrap(), empty);
        assert!(codec.unpack(1, 10, b"garbage").is_err());
    }
}
