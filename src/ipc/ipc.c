#include "ipc.h"
#include "str.h"

#include <errno.h>
#include <string.h>

static void put_number(struct buf *m, uint64_t v, size_t bytes)
{
	unsigned char raw[8];
	for (size_t i = 0; i < bytes; i++)
		raw[i] = (unsigned char)(v >> 8 * i);
	buf_add(m, raw, bytes);
}

void ipc_begin(struct buf *m, uint16_t type)
{
	buf_clear(m);
	put_number(m, type, 2);
}

void ipc_put_u8(struct buf *m, uint8_t v)
{
	put_number(m, v, 1);
}

void ipc_put_bool(struct buf *m, bool v)
{
	put_number(m, v, 1);
}

void ipc_put_u32(struct buf *m, uint32_t v)
{
	put_number(m, v, 4);
}

void ipc_put_i64(struct buf *m, int64_t v)
{
	put_number(m, (uint64_t)v, 8);
}

void ipc_put_fixed(struct buf *m, const void *p, size_t n)
{
	buf_add(m, p, n);
}

void ipc_put_id(struct buf *m, id16 v)
{
	ipc_put_fixed(m, v.b, sizeof v.b);
}

void ipc_put_bytes(struct buf *m, const void *p, size_t n)
{
	if (n > UINT32_MAX)
		n = UINT32_MAX; /* beyond any buffer's maximum: the next line poisons it */
	put_number(m, n, 4);
	buf_add(m, p, n);
}

void ipc_put_text(struct buf *m, const char *s)
{
	if (!s)
		s = "";
	ipc_put_bytes(m, s, strlen(s) + 1);
}

static const unsigned char *take(struct ipc_reader *r, size_t n)
{
	if (r->error || n > r->n) {
		r->error = -EBADMSG;
		return NULL;
	}
	const unsigned char *p = r->p;
	r->p += n;
	r->n -= n;
	return p;
}

static uint64_t get_number(struct ipc_reader *r, size_t bytes)
{
	const unsigned char *p = take(r, bytes);
	uint64_t v = 0;
	for (size_t i = 0; p && i < bytes; i++)
		v |= (uint64_t)p[i] << 8 * i;
	return v;
}

int ipc_open(struct ipc_reader *r, const void *p, size_t n, uint16_t *ret_type)
{
	struct ipc_reader fresh = {.p = p, .n = n};
	uint16_t type = (uint16_t)get_number(&fresh, 2);
	if (fresh.error)
		return fresh.error;
	*r = fresh;
	*ret_type = type;
	return 0;
}

uint8_t ipc_get_u8(struct ipc_reader *r)
{
	return (uint8_t)get_number(r, 1);
}

bool ipc_get_bool(struct ipc_reader *r)
{
	return ipc_get_enum(r, 2) == 1;
}

uint32_t ipc_get_u32(struct ipc_reader *r)
{
	return (uint32_t)get_number(r, 4);
}

int64_t ipc_get_i64(struct ipc_reader *r)
{
	return (int64_t)get_number(r, 8);
}

void ipc_get_fixed(struct ipc_reader *r, void *dst, size_t n)
{
	const unsigned char *p = take(r, n);
	if (p)
		memcpy(dst, p, n);
	else
		memset(dst, 0, n);
}

id16 ipc_get_id(struct ipc_reader *r)
{
	id16 v;
	ipc_get_fixed(r, v.b, sizeof v.b);
	return v;
}

const void *ipc_get_bytes(struct ipc_reader *r, size_t max, size_t *ret_n)
{
	uint32_t n = ipc_get_u32(r);
	if (n > max)
		r->error = -EBADMSG;
	const unsigned char *p = take(r, n);
	*ret_n = p ? n : 0;
	return p ? (const void *)p : "";
}

const char *ipc_get_text(struct ipc_reader *r, size_t max)
{
	size_t n;
	const char *s = ipc_get_bytes(r, max + 1, &n);
	if (!r->error && n && s[n - 1] == 0 && utf8_valid(s, n - 1))
		return s;
	r->error = -EBADMSG;
	return "";
}

unsigned ipc_get_enum(struct ipc_reader *r, unsigned end)
{
	uint8_t v = ipc_get_u8(r);
	if (v < end)
		return v;
	r->error = -EBADMSG;
	return 0;
}

int ipc_end(const struct ipc_reader *r)
{
	return r->error || r->n ? -EBADMSG : 0;
}
