//! The HTTP side of the protocol: paths, bodies and their limits, the same for client and server.
//!
//! Bodies are in postcard's encoding; an error is a status code and a plain sentence. Chunks name
//! themselves by their hash, so a body that brings them holds nothing but their bytes.

use bytes::Bytes;
use onefold_core::blob::Blob;
use onefold_core::id::{DeviceId, FolderId};
use onefold_core::manifest::{MAX_CHUNK_BYTES, Manifest};
use onefold_core::time::WallTime;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::secret::Secret;

/// `POST` [`JoinRequest`], answered by [`Welcome`].
pub const JOIN: &str = "/v1/join";
/// `GET`, a WebSocket: the one ordered stream.
pub const STREAM: &str = "/v1/stream";
/// `POST` a list of [`onefold_core::hash::ChunkId`], answered by those that the server lacks.
pub const MISSING: &str = "/v1/missing";
/// `PUT` a list of chunks' bytes; `POST` a list of [`onefold_core::hash::ChunkId`], answered by their bytes in order.
pub const CHUNKS: &str = "/v1/chunks";
/// With `/` and a content's id: `PUT` its [`Manifest`]; `GET` its [`Stored`] form.
pub const CONTENTS: &str = "/v1/contents";
/// `GET`: a list of [`Member`].
pub const DEVICES: &str = "/v1/devices";
/// `POST` an [`InviteRequest`], answered by a link's text.
pub const INVITE: &str = "/v1/invite";
/// `PUT` what the device is to be called from now on.
pub const NAME: &str = "/v1/name";

/// The most chunk bytes that a client puts into one body; a single chunk may be as large as it is.
pub const BATCH_BYTES: usize = 4 * 1024 * 1024;
/// The most chunks in one body.
pub const BATCH_CHUNKS: usize = 1024;
/// The most chunk ids in one question.
pub const MAX_QUESTION: usize = 8192;
/// The largest body with chunks, in bytes.
pub const MAX_CHUNKS_BODY: usize = 8 * 1024 * 1024;
/// The largest body with chunk ids, in bytes.
pub const MAX_IDS_BODY: usize = MAX_QUESTION * 32 + 16;
/// The largest manifest, in bytes: a content of about 400 GiB.
pub const MAX_MANIFEST_BODY: usize = 64 * 1024 * 1024;
/// The largest body of any other kind, in bytes.
pub const MAX_SMALL_BODY: usize = 16 * 1024;
/// The largest list of devices, in bytes.
pub const MAX_DEVICES_BODY: usize = 2 * 1024 * 1024;
/// How long a link is good at most that a device asks for, in seconds: 30 days.
pub const MAX_INVITE_SECONDS: u64 = 30 * 24 * 60 * 60;
/// How many devices may join at most with a link that a device asks for.
pub const MAX_INVITE_USES: u32 = 1_000;
/// The longest device name, in bytes.
pub const MAX_DEVICE_NAME_BYTES: usize = 64;

/// Trades a link's secret for the right to be a device. The device draws its own id and token, so
/// that asking again after a lost answer costs no second use of the link.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct JoinRequest {
    /// The link's secret.
    pub secret: Secret,
    /// A fresh id.
    pub device: DeviceId,
    /// A fresh secret: what every later request carries.
    pub token: Secret,
    /// What people call the device.
    pub device_name: String,
}

/// The answer to [`JoinRequest`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Welcome {
    /// The folder it belongs to now.
    pub folder: FolderId,
    /// What people call the folder.
    pub folder_name: String,
    /// Whether the device may write.
    pub writable: bool,
}

/// A content, as the server has it.
#[derive(Debug, Serialize, Deserialize)]
pub enum Stored {
    /// All of its bytes.
    Inline(Blob),
    /// Its chunks, to be asked for.
    Chunks(Manifest),
}

/// A device of a folder, for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Which device.
    pub device: DeviceId,
    /// What people call it.
    pub name: String,
    /// It may write.
    pub writable: bool,
    /// It was shut out.
    pub revoked: bool,
    /// It is connected now.
    pub connected: bool,
    /// When it was last connected, if ever, to the minute.
    pub last_seen: Option<WallTime>,
    /// How many entries of the journal it does not have yet.
    pub behind: u64,
}

/// What a link is to allow that a device asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InviteRequest {
    /// The devices may only read.
    pub read_only: bool,
    /// How long the link is good; [`MAX_INVITE_SECONDS`] at most.
    pub expires_seconds: u64,
    /// How many devices may join with it; [`MAX_INVITE_USES`] at most.
    pub uses: u32,
}

/// A chunk's bytes, borrowed from where they are, or from the body that brought them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkBytes<'a>(pub &'a [u8]);

impl Serialize for ChunkBytes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for ChunkBytes<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <&[u8]>::deserialize(deserializer).map(Self)
    }
}

/// The body that carries these chunks.
pub fn encode_chunks(chunks: &[Bytes]) -> Vec<u8> {
    let chunks: Vec<_> = chunks.iter().map(|chunk| ChunkBytes(chunk)).collect();
    encode(&chunks)
}

/// The chunks that a body carries, without copying them; `None` if it makes no sense.
pub fn decode_chunks(body: &Bytes) -> Option<Vec<Bytes>> {
    let chunks: Vec<ChunkBytes<'_>> = postcard::from_bytes(body).ok()?;
    let in_limits = chunks.len() <= BATCH_CHUNKS
        && chunks.iter().all(|chunk| (1..=MAX_CHUNK_BYTES).contains(&chunk.0.len()));
    in_limits.then(|| chunks.iter().map(|chunk| body.slice_ref(chunk.0)).collect())
}

/// A body.
pub fn encode(value: &impl Serialize) -> Vec<u8> {
    postcard::to_allocvec(value).expect("our messages hold nothing unencodable")
}

/// Checks what a person calls a device.
pub fn check_device_name(name: &str) -> Result<(), &'static str> {
    if name.is_empty() || name.len() > MAX_DEVICE_NAME_BYTES {
        return Err("a device's name has 1 to 64 bytes");
    }
    if name.contains('/') || name.chars().any(char::is_control) {
        return Err("a device's name holds no slash and no control character");
    }
    Ok(())
}
