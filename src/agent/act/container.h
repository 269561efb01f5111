/* The container of one file: tells by itself all there is to know. Every byte of it is authenticated.
 *
 *    0   8  "KHIENQUA"
 *    8   4  version, 1
 *   12   4  bytes of the sealed facts
 *   16  16  the item's random id
 *   32  24  header of the content's stream
 *   56  24  nonce of the sealed facts
 *   80   …  the facts, sealed (XChaCha20-Poly1305) together with the 80 bytes before them
 *    …   …  the content (secretstream): u32 bytes of the sealed piece, the piece: i64 offset, up to 64 KiB of content;
 *           offsets rise, what lies between pieces is a hole; the last piece is marked so, has the size as its offset
 *           and no content. Nothing follows it.
 *
 * The facts hold size and SHA-256 of the clear content, so they are sealed last, but stand first: a list reads the
 * heads alone. Numbers are little-endian. The facts' fields are written and read side by side in container_facts.c;
 * another layout is another version, because containers outlive programs. */
#ifndef CONTAINER_H
#define CONTAINER_H

#include "act_disk.h"
#include "attributes.h"
#include "err.h"
#include "quarantine_item.h"

#include <sodium.h>
#include <stdint.h>

enum {
	CONTAINER_VERSION = 1,
	CONTAINER_PIECE = 64 * 1024,
	/* paths and texts, attributes, and the fixed fields */
	MAX_CONTAINER_FACTS = MAX_PATH_BYTES + MAX_DISPLAY + MAX_ATTRIBUTE_BYTES + 4096,
};

/* Derived from the installation's key, a purpose each. */
struct act_keys {
	uint8_t facts[crypto_aead_xchacha20poly1305_ietf_KEYBYTES];
	uint8_t content[crypto_secretstream_xchacha20poly1305_KEYBYTES];
	uint8_t index[crypto_aead_xchacha20poly1305_ietf_KEYBYTES];
};

struct container_facts {
	struct quarantine_item item; /* but damaged and stored_bytes, which are seen from outside */
	uint64_t device, inode;      /* of the file when it was taken */
	struct attributes attributes;
	struct buf memory; /* what the texts point into, after reading */
};
#define CONTAINER_FACTS_INIT                                                                                           \
	((struct container_facts){.attributes = ATTRIBUTES_INIT, .memory = BUF_INIT(MAX_CONTAINER_FACTS)})
void container_facts_release(struct container_facts *f);

/* container_facts.c. An item's fields stand alone in the index as well. */
void container_put_item(struct buf *m, const struct quarantine_item *item);
void container_get_item(struct ipc_reader *r, struct quarantine_item *ret);
void container_put_facts(struct buf *m, const struct container_facts *f);
int container_get_facts(struct ipc_reader *r, struct container_facts *ret); /* -EBADMSG */

/* Bytes that a container of such a file has at most. */
int container_most_bytes(const struct container_facts *f, int64_t size, int64_t *ret);

/* Writes the whole container into the empty (or longer) `file` and cuts it there; reads `content` from its beginning,
 * skipping holes. Sets item.size and the digest in f. Not synced. -EFBIG: the content grows beyond max_size. */
int container_write(const struct act_disk *disk, int file, const struct act_keys *keys, struct container_facts *f,
    int content, int64_t max_size);

/* The head: fills ret, *ret_content: where the content begins. -EBADMSG: not a container with this id, altered, cut, or
 * of another installation. */
int container_read(int file, const struct act_keys *keys, id16 id, struct container_facts *ret, int64_t *ret_content);

/* Writes the content into the empty `out` and compares size and digest; what was written is to be thrown away after a
 * failure. -EBADMSG. */
int container_extract(const struct act_disk *disk, int file, const struct act_keys *keys, id16 id, int out);

/* SHA-256 of an open file's content. */
int content_digest(int file, uint8_t digest[SHA256_BYTES]);

#endif
