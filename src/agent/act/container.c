#include "container.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	MAGIC_AT = 0,
	VERSION_AT = 8,
	FACTS_N_AT = 12,
	ID_AT = 16,
	STREAM_AT = 32,
	NONCE_AT = 56,
	FACTS_AT = 80,
	FACTS_SEAL = crypto_aead_xchacha20poly1305_ietf_ABYTES,
	PIECE_SEAL = crypto_secretstream_xchacha20poly1305_ABYTES,
	OFFSET = 8, /* bytes of a piece before its content */
	MAX_SEALED_PIECE = OFFSET + CONTAINER_PIECE + PIECE_SEAL,
};

_Static_assert(STREAM_AT + crypto_secretstream_xchacha20poly1305_HEADERBYTES == NONCE_AT, "see container.h");
_Static_assert(NONCE_AT + crypto_aead_xchacha20poly1305_ietf_NPUBBYTES == FACTS_AT, "see container.h");

static void put_number(unsigned char *p, uint64_t v, int bytes)
{
	for (int i = 0; i < bytes; i++)
		p[i] = (unsigned char)(v >> 8 * i);
}

static uint64_t get_number(const unsigned char *p, int bytes)
{
	uint64_t v = 0;
	for (int i = bytes; i--;)
		v = v << 8 | p[i];
	return v;
}

/* 0 with fewer bytes at the file's end. */
static int read_at(int file, void *p, size_t n, int64_t at, size_t *ret_n)
{
	size_t done = 0;
	while (done < n) {
		ssize_t k = pread(file, (char *)p + done, n - done, at + (int64_t)done);
		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return -errno;
		if (k == 0)
			break;
		done += (size_t)k;
	}
	*ret_n = done;
	return 0;
}

static int read_exactly(int file, void *p, size_t n, int64_t at)
{
	size_t got;
	int r = read_at(file, p, n, at, &got);
	return r ? r : got == n ? 0 : -EBADMSG;
}

/* A buffer of pieces and the two states that run along with them; large, so made for one container and freed. */
struct flow {
	crypto_secretstream_xchacha20poly1305_state stream;
	crypto_hash_sha256_state digest;
	id16 id;
	int64_t at;     /* in the container */
	int64_t offset; /* in the content: up to here it is in the digest */
	unsigned char length[4];
	unsigned char sealed[MAX_SEALED_PIECE]; /* directly behind the length: both are one write */
	unsigned char piece[OFFSET + CONTAINER_PIECE];
};
_Static_assert(offsetof(struct flow, sealed) == offsetof(struct flow, length) + 4, "one write");

static void flow_free(struct flow *f)
{
	if (f)
		sodium_memzero(f, sizeof *f);
	free(f);
}

static void digest_hole(struct flow *f, int64_t until)
{
	static const unsigned char zeros[CONTAINER_PIECE];
	while (f->offset < until) {
		int64_t n = until - f->offset < CONTAINER_PIECE ? until - f->offset : CONTAINER_PIECE;
		crypto_hash_sha256_update(&f->digest, zeros, (unsigned long long)n);
		f->offset += n;
	}
}

/* ---- writing ---- */

static int put_piece(struct flow *f, const struct act_disk *disk, int file, int64_t offset, size_t n, unsigned char tag)
{
	unsigned long long sealed;
	put_number(f->piece, (uint64_t)offset, OFFSET);
	crypto_secretstream_xchacha20poly1305_push(
	    &f->stream, f->sealed, &sealed, f->piece, OFFSET + n, f->id.b, sizeof f->id.b, tag);
	put_number(f->length, sealed, 4);
	int r = disk->write(disk->context, file, f->length, 4 + (size_t)sealed, f->at);
	f->at += 4 + (int64_t)sealed;
	return r;
}

/* Where content stands at or behind `from`, up to *ret_end; *ret_from == size: none. A file system that knows of no
 * holes has content everywhere. */
static void find_content(int content, int64_t from, int64_t size, int64_t *ret_from, int64_t *ret_end)
{
	int64_t start = lseek(content, from, SEEK_DATA);
	bool nothing = start < 0 && errno == ENXIO;
	int64_t end = start < 0 ? -1 : lseek(content, start, SEEK_HOLE);
	*ret_from = nothing || start > size ? size : start < 0 ? from : start;
	*ret_end = end < 0 || end > size ? size : end;
}

static int put_stretch(struct flow *f, const struct act_disk *disk, int file, int content, int64_t from, int64_t end)
{
	int r = 0;
	digest_hole(f, from);
	while (!r && from < end) {
		size_t want = end - from < CONTAINER_PIECE ? (size_t)(end - from) : CONTAINER_PIECE, got = 0;
		r = read_at(content, f->piece + OFFSET, want, from, &got);
		if (r || !got)
			return r ? r : -ESTALE; /* it shrinks while it is read */
		crypto_hash_sha256_update(&f->digest, f->piece + OFFSET, got);
		r = put_piece(f, disk, file, from, got, crypto_secretstream_xchacha20poly1305_TAG_MESSAGE);
		from += (int64_t)got;
		f->offset = from;
	}
	return r;
}

static int put_content(struct flow *f, const struct act_disk *disk, int file, int content, int64_t size)
{
	int64_t at = 0, from, end;
	int r = 0;
	while (!r && at < size) {
		find_content(content, at, size, &from, &end);
		if (from < size)
			r = put_stretch(f, disk, file, content, from, end);
		at = from < size ? end : size;
	}
	if (r)
		return r;
	digest_hole(f, size);
	return put_piece(f, disk, file, size, 0, crypto_secretstream_xchacha20poly1305_TAG_FINAL);
}

static int facts_bytes(const struct container_facts *f, struct buf *facts)
{
	buf_clear(facts);
	container_put_facts(facts, f);
	return facts->error == -EMSGSIZE ? -E2BIG : facts->error;
}

static int put_head(const struct act_disk *disk, int file, const struct act_keys *keys, unsigned char head[FACTS_AT],
    const struct container_facts *f, struct buf *facts)
{
	size_t n = facts->n;
	int r = facts_bytes(f, facts);
	if (!r)
		r = buf_reserve(facts, FACTS_SEAL);
	if (r)
		return r;
	if (facts->n != n)
		return -EINVAL; /* digest and size do not change the length */
	crypto_aead_xchacha20poly1305_ietf_encrypt((unsigned char *)facts->p, NULL, (const unsigned char *)facts->p, n,
	    head, FACTS_AT, NULL, head + NONCE_AT, keys->facts);
	r = disk->write(disk->context, file, head, FACTS_AT, 0);
	return r ? r : disk->write(disk->context, file, facts->p, n + FACTS_SEAL, FACTS_AT);
}

int container_write(const struct act_disk *disk, int file, const struct act_keys *keys, struct container_facts *f,
    int content, int64_t max_size)
{
	struct buf facts = BUF_INIT(MAX_CONTAINER_FACTS + FACTS_SEAL);
	unsigned char head[FACTS_AT] = "KHIENQUA";
	struct flow *flow = malloc(sizeof *flow);
	struct stat st;
	int r = !flow ? -ENOMEM : fstat(content, &st) < 0 ? -errno : st.st_size > max_size ? -EFBIG : 0;
	if (!r)
		r = facts_bytes(f, &facts);
	if (r)
		goto out;
	put_number(head + VERSION_AT, CONTAINER_VERSION, 4);
	put_number(head + FACTS_N_AT, facts.n + FACTS_SEAL, 4);
	memcpy(head + ID_AT, f->item.id.b, ID_BYTES);
	randombytes_buf(head + NONCE_AT, FACTS_AT - NONCE_AT);
	*flow = (struct flow){.id = f->item.id, .at = FACTS_AT + (int64_t)facts.n + FACTS_SEAL};
	crypto_hash_sha256_init(&flow->digest);
	crypto_secretstream_xchacha20poly1305_init_push(&flow->stream, head + STREAM_AT, keys->content);
	r = put_content(flow, disk, file, content, st.st_size);
	if (r)
		goto out;
	f->item.size = st.st_size;
	crypto_hash_sha256_final(&flow->digest, f->item.detection.sha256);
	r = put_head(disk, file, keys, head, f, &facts);
	if (!r)
		r = disk->cut(disk->context, file, flow->at);
out:
	flow_free(flow);
	buf_wipe(&facts);
	return r;
}

int container_most_bytes(const struct container_facts *f, int64_t size, int64_t *ret)
{
	struct buf facts = BUF_INIT(MAX_CONTAINER_FACTS);
	int r = facts_bytes(f, &facts);
	if (!r)
		*ret = FACTS_AT + (int64_t)facts.n + FACTS_SEAL + size +
		       (size / CONTAINER_PIECE + 2) * (4 + OFFSET + PIECE_SEAL);
	buf_release(&facts);
	return r;
}

/* ---- reading ---- */

static int check_head(const unsigned char head[FACTS_AT], id16 id)
{
	uint64_t n = get_number(head + FACTS_N_AT, 4);
	bool ours = memcmp(head + MAGIC_AT, "KHIENQUA", 8) == 0 &&
	            get_number(head + VERSION_AT, 4) == CONTAINER_VERSION && n >= FACTS_SEAL &&
	            n <= MAX_CONTAINER_FACTS + FACTS_SEAL && memcmp(head + ID_AT, id.b, ID_BYTES) == 0;
	return ours ? 0 : -EBADMSG;
}

static int open_facts(
    const unsigned char head[FACTS_AT], const struct act_keys *keys, struct buf *sealed, struct container_facts *ret)
{
	unsigned long long n;
	buf_clear(&ret->memory);
	int r = buf_reserve(&ret->memory, sealed->n - FACTS_SEAL);
	if (r)
		return r;
	if (crypto_aead_xchacha20poly1305_ietf_decrypt((unsigned char *)ret->memory.p, &n, NULL,
	        (const unsigned char *)sealed->p, sealed->n, head, FACTS_AT, head + NONCE_AT, keys->facts))
		return -EBADMSG;
	ret->memory.n = (size_t)n;
	struct ipc_reader reader = {.p = (const unsigned char *)ret->memory.p, .n = ret->memory.n};
	return container_get_facts(&reader, ret);
}

static int read_head(int file, const struct act_keys *keys, id16 id, unsigned char head[FACTS_AT],
    struct container_facts *ret, int64_t *ret_content)
{
	struct buf sealed = BUF_INIT(MAX_CONTAINER_FACTS + FACTS_SEAL);
	size_t n = 0;
	int r = read_exactly(file, head, FACTS_AT, 0);
	if (!r)
		r = check_head(head, id);
	if (!r) {
		n = get_number(head + FACTS_N_AT, 4);
		r = buf_reserve(&sealed, n);
	}
	if (!r)
		r = read_exactly(file, sealed.p, n, FACTS_AT);
	if (!r) {
		sealed.n = n;
		r = open_facts(head, keys, &sealed, ret);
	}
	if (!r && memcmp(ret->item.id.b, id.b, ID_BYTES) != 0)
		r = -EBADMSG;
	if (!r)
		*ret_content = FACTS_AT + (int64_t)n;
	buf_release(&sealed);
	return r;
}

int container_read(int file, const struct act_keys *keys, id16 id, struct container_facts *ret, int64_t *ret_content)
{
	unsigned char head[FACTS_AT];
	return read_head(file, keys, id, head, ret, ret_content);
}

/* The next piece into f->piece; *ret_n: its content. */
static int get_piece(struct flow *f, int file, int64_t *ret_offset, size_t *ret_n, unsigned char *ret_tag)
{
	unsigned long long n;
	int r = read_exactly(file, f->length, 4, f->at);
	if (r)
		return r;
	uint64_t sealed = get_number(f->length, 4);
	if (sealed < OFFSET + PIECE_SEAL || sealed > MAX_SEALED_PIECE)
		return -EBADMSG;
	r = read_exactly(file, f->sealed, sealed, f->at + 4);
	if (r)
		return r;
	if (crypto_secretstream_xchacha20poly1305_pull(
	        &f->stream, f->piece, &n, ret_tag, f->sealed, sealed, f->id.b, sizeof f->id.b))
		return -EBADMSG;
	f->at += 4 + (int64_t)sealed;
	*ret_offset = (int64_t)get_number(f->piece, OFFSET);
	*ret_n = (size_t)n - OFFSET;
	return 0;
}

static int get_content(struct flow *f, const struct act_disk *disk, int file, int out, int64_t size)
{
	for (;;) {
		int64_t offset;
		size_t n;
		unsigned char tag;
		int r = get_piece(f, file, &offset, &n, &tag);
		if (r)
			return r;
		if (offset < f->offset || offset > size || (int64_t)n > size - offset)
			return -EBADMSG;
		digest_hole(f, offset);
		if (tag == crypto_secretstream_xchacha20poly1305_TAG_FINAL)
			return n == 0 && offset == size ? disk->cut(disk->context, out, size) : -EBADMSG;
		crypto_hash_sha256_update(&f->digest, f->piece + OFFSET, n);
		f->offset += (int64_t)n;
		r = disk->write(disk->context, out, f->piece + OFFSET, n, offset);
		if (r)
			return r;
	}
}

static int ends_here(int file, int64_t at)
{
	struct stat st;
	return fstat(file, &st) < 0 ? -errno : st.st_size == at ? 0 : -EBADMSG;
}

int container_extract(const struct act_disk *disk, int file, const struct act_keys *keys, id16 id, int out)
{
	struct container_facts facts = CONTAINER_FACTS_INIT;
	unsigned char head[FACTS_AT];
	uint8_t digest[SHA256_BYTES];
	struct flow *flow = malloc(sizeof *flow);
	int r = flow ? 0 : -ENOMEM;
	if (!r) {
		*flow = (struct flow){.id = id};
		r = read_head(file, keys, id, head, &facts, &flow->at);
	}
	if (r)
		goto out;
	crypto_hash_sha256_init(&flow->digest);
	if (crypto_secretstream_xchacha20poly1305_init_pull(&flow->stream, head + STREAM_AT, keys->content))
		r = -EBADMSG;
	if (!r)
		r = get_content(flow, disk, file, out, facts.item.size);
	if (!r)
		r = ends_here(file, flow->at);
	if (r)
		goto out;
	crypto_hash_sha256_final(&flow->digest, digest);
	if (sodium_memcmp(digest, facts.item.detection.sha256, sizeof digest) != 0)
		r = -EBADMSG;
out:
	flow_free(flow);
	container_facts_release(&facts);
	return r;
}

int content_digest(int file, uint8_t digest[SHA256_BYTES])
{
	crypto_hash_sha256_state state;
	unsigned char part[16384];
	size_t n = sizeof part;
	crypto_hash_sha256_init(&state);
	for (int64_t at = 0; n == sizeof part; at += (int64_t)n) {
		int r = read_at(file, part, sizeof part, at, &n);
		if (r)
			return r;
		crypto_hash_sha256_update(&state, part, n);
	}
	crypto_hash_sha256_final(&state, digest);
	return 0;
}
