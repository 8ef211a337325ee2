#!/usr/bin/env python3
"""Reads a Chaperone recording without Chaperone: checks its chain and its seal, and, with the master key, its frames.

    read-recording.py <folder of the recording> [--key <64 hexadecimal digits>] [--print]

The folder holds manifest.json, seg-*.chs and seal.json. The format is described in docs/recording-format.md.
Needs the package "cryptography"; frames need Python 3.14, or the package "zstandard", or the command "zstd".
"""
import argparse, base64, hashlib, json, pathlib, struct, subprocess, sys, uuid

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KINDS = ["", "consent", "document_issued", "document_state", "dom", "steps", "intents", "health", "exchange_opened",
         "exchange_body", "exchange_closed", "exchange_read", "websocket_message", "asset_served", "gap", "refusal",
         "note"]
SEGMENT = struct.Struct(">6sH16sIIQ32s")
HEADER = struct.Struct(">BBHIIQQq16s")


def sha256(*pieces):
    return hashlib.sha256(b"".join(pieces)).digest()


def derive(key, purpose):
    return HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=purpose).derive(key)


def unzstd(data):
    try:
        from compression import zstd
        return zstd.decompress(data)
    except ImportError:
        pass
    try:
        import zstandard
        return zstandard.ZstdDecompressor().decompressobj().decompress(data)
    except ImportError:
        return subprocess.run(["zstd", "-dcq"], input=data, stdout=subprocess.PIPE, check=True).stdout


def check(right, what):
    if not right:
        sys.exit(f"damaged: {what}")


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("folder", type=pathlib.Path)
    arguments.add_argument("--key", type=bytes.fromhex)
    arguments.add_argument("--print", action="store_true")
    asked = arguments.parse_args()

    manifest_bytes = (asked.folder / "manifest.json").read_bytes()
    manifest = json.loads(manifest_bytes)
    recording = uuid.UUID(manifest["recording_id"]).bytes
    frames_key = None
    if asked.key:
        check(manifest["master_key_id"] == derive(asked.key, b"chaperone master key id v1")[:8].hex(), "another key")
        wrapped = base64.b64decode(manifest["wrapped_key"])
        wrap = AESGCM(derive(asked.key, b"chaperone recording wrap v1"))
        key = wrap.decrypt(wrapped[:12], wrapped[12:], b"chaperone recording key v1" + recording)
        frames_key = AESGCM(derive(key, b"chaperone frames v1"))

    link, sequence, counts, segments, size = sha256(b"chaperone manifest v1", manifest_bytes), 0, {}, 0, 0
    for segments, path in enumerate(sorted(asked.folder.glob("seg-*.chs")), 1):
        data = path.read_bytes()
        size += len(data)
        right = (b"CHPSEG", 1, recording, segments, 0, sequence, link)
        check(path.name == f"seg-{segments:06}.chs" and SEGMENT.unpack_from(data) == right, f"{path.name} at byte 0")
        at = SEGMENT.size
        while at < len(data):
            where = f"{path.name} at byte {at}"
            check(len(data) >= at + HEADER.size, where)
            header = data[at:at + HEADER.size]
            kind, flags, zero, plain, cipher, number, durable, micros, document = HEADER.unpack(header)
            end = at + HEADER.size + 12 + cipher
            link = sha256(link, data[at:end])
            check(number == sequence and zero == 0 and data[end:end + 32] == link, where)
            if frames_key:
                place = recording + struct.pack(">IQ", segments, at)
                nonce, sealed = data[at + HEADER.size:at + HEADER.size + 12], data[at + HEADER.size + 12:end]
                body = unzstd(frames_key.decrypt(nonce, sealed, place + header))
                check(len(body) == plain, where)
                length = struct.unpack_from(">I", body)[0]
                head, tail = json.loads(body[4:4 + length]), body[4 + length:]
                if asked.print:
                    print(number, micros, KINDS[kind], json.dumps(head, ensure_ascii=False), tail[:200])
            counts[KINDS[kind]] = counts.get(KINDS[kind], 0) + 1
            sequence, at = sequence + 1, end + 32

    print(f"{sequence} frames in {segments} segments, {size} bytes: the chain holds", "and every frame opens" if frames_key else "")
    if not (asked.folder / "seal.json").exists():
        return print("not sealed: more may follow, or its end may be missing")
    file = json.loads((asked.folder / "seal.json").read_bytes())
    check(file["public_key"] == manifest["public_key"], "the seal is of another key")
    signed = b"chaperone seal v1\n" + file["seal"].encode()
    Ed25519PublicKey.from_public_bytes(bytes.fromhex(file["public_key"])).verify(base64.b64decode(file["signature"]), signed)
    seal = json.loads(file["seal"])
    said = (seal["manifest_sha256"], seal["segments"], seal["frames"], seal["bytes"], seal["last_hash"], seal["frames_by_kind"])
    found = (sha256(manifest_bytes).hex(), segments, sequence, size, link.hex(), counts)
    check(said == found, f"sealed was {said}, found is {found}")
    print(f"sealed: ended {seal['ended_at']} ({seal['reason']}), coverage {json.dumps(seal['coverage'])}")
    print(f"check that this public key is your installation's: {file['public_key']}")


main()
