/* ID.note: where an item that leaves goes to, and which task asked for it, until the centre has been told.
 *
 *    0   8  "KHIENQNT"
 *    8  24  nonce
 *   32   …  i64 task, bytes path; sealed together with the head's 8 bytes and the item's id
 *
 * It is written before the item leaves; one whose item did not (somebody was killed between) says nothing. */
#include "quarantine_int.h"
#include "file.h"
#include "str.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { HEAD = 32, SEAL = crypto_aead_xchacha20poly1305_ietf_ABYTES, MAX_NOTE = HEAD + 16 + MAX_PATH_BYTES + SEAL };

static void note_name(id16 id, char dst[ITEM_NAME])
{
	hex_encode(dst, id.b, ID_BYTES);
	snprintf(dst + ID_TEXT - 1, ITEM_NAME - (ID_TEXT - 1), ".note");
}

static void bound_to(id16 id, unsigned char dst[8 + ID_BYTES])
{
	memcpy(dst, "KHIENQNT", 8);
	memcpy(dst + 8, id.b, ID_BYTES);
}

int note_write(struct quarantine *q, id16 id, const struct note *note)
{
	struct buf plain = BUF_INIT(MAX_NOTE), file = BUF_INIT(MAX_NOTE);
	unsigned char nonce[HEAD - 8], bound[8 + ID_BYTES];
	char name[ITEM_NAME];
	ipc_put_i64(&plain, note->task_id);
	ipc_put_bytes(&plain, note->path, note->path_n);
	randombytes_buf(nonce, sizeof nonce);
	buf_add(&file, "KHIENQNT", 8);
	buf_add(&file, nonce, sizeof nonce);
	int r = plain.error ? plain.error : buf_reserve(&file, plain.n + SEAL);
	if (!r) {
		bound_to(id, bound);
		crypto_aead_xchacha20poly1305_ietf_encrypt((unsigned char *)file.p + HEAD, NULL,
		    (const unsigned char *)plain.p, plain.n, bound, sizeof bound, NULL, nonce, q->keys.facts);
		note_name(id, name);
		r = q->disk->replace(q->disk->context, q->folder, name, file.p, HEAD + plain.n + SEAL);
	}
	buf_release(&plain);
	buf_release(&file);
	return r;
}

static int open_note(struct quarantine *q, id16 id, const struct buf *file, struct buf *plain)
{
	unsigned char bound[8 + ID_BYTES];
	unsigned long long n;
	const unsigned char *p = (const unsigned char *)file->p;
	if (file->n < HEAD + SEAL)
		return -EBADMSG;
	int r = buf_reserve(plain, file->n);
	if (r)
		return r;
	bound_to(id, bound);
	if (memcmp(p, bound, 8) != 0 || crypto_aead_xchacha20poly1305_ietf_decrypt((unsigned char *)plain->p, &n, NULL,
	                                    p + HEAD, file->n - HEAD, bound, sizeof bound, p + 8, q->keys.facts))
		return -EBADMSG;
	plain->n = (size_t)n;
	return 0;
}

int note_read(struct quarantine *q, id16 id, struct buf *memory, struct note *ret)
{
	struct buf file = BUF_INIT(MAX_NOTE);
	char name[ITEM_NAME];
	note_name(id, name);
	int r = file_read(q->folder, name, &file);
	if (!r)
		r = open_note(q, id, &file, memory);
	buf_release(&file);
	if (r)
		return r;
	struct ipc_reader reader = {.p = (const unsigned char *)memory->p, .n = memory->n};
	struct note note = {.task_id = ipc_get_i64(&reader)};
	note.path = ipc_get_bytes(&reader, MAX_PATH_BYTES, &note.path_n);
	r = ipc_end(&reader);
	if (!r)
		*ret = note;
	return r;
}

void note_remove(struct quarantine *q, id16 id)
{
	char name[ITEM_NAME];
	note_name(id, name);
	q->disk->remove(q->disk->context, q->folder, name);
}
