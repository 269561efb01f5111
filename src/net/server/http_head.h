/* The head of a request, strictly read: no folded lines, no bare line feeds, one Host, a length told once and in one
 * way. What two readers could understand differently is refused, so that nothing can be smuggled past a proxy. */
#ifndef HTTP_HEAD_H
#define HTTP_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	HTTP_MAX_HEAD = 16 * 1024, /* bytes, request line and fields together */
	HTTP_MAX_FIELDS = 64,
	HTTP_MAX_METHOD = 16,
};

struct http_field {
	uint16_t name, value; /* offsets of texts in the head */
};

struct http_head {
	const char *text; /* what was parsed; cut into texts by NULs */
	uint16_t method, path, query;
	uint16_t n_fields;
	struct http_field fields[HTTP_MAX_FIELDS];
	int64_t content_length; /* -1: none told */
	bool chunked;
	bool keep_alive;
	bool expects_continue;
};

/* Bytes of the head, its closing empty line included; 0: it has not ended yet. `seen`: bytes that an earlier call has
 * looked at in vain. */
size_t http_head_end(const char *p, size_t n, size_t seen);

/* p[0 … n) is a head that http_head_end found; it is changed in place and must outlive ret. 0, or the HTTP status that
 * the peer deserves: 400, 431, 501, 505. */
int http_head_parse(char *p, size_t n, struct http_head *ret);

const char *http_head_field(const struct http_head *h, const char *name); /* the first of that name; NULL */

#endif
