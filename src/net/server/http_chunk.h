/* The chunked transfer coding, read as the bytes come. Sizes have at most 8 hex digits; extensions and trailers are
 * skipped, within bounds. */
#ifndef HTTP_CHUNK_H
#define HTTP_CHUNK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { HTTP_MAX_CHUNK_LINE = 256, HTTP_MAX_TRAILERS = 4096 };

enum http_chunk_state {
	CHUNK_SIZE,
	CHUNK_EXTENSION,
	CHUNK_SIZE_LF,
	CHUNK_DATA,
	CHUNK_DATA_CR,
	CHUNK_DATA_LF,
	CHUNK_TRAILER,
	CHUNK_TRAILER_LF,
	CHUNK_END,
	CHUNK_BROKEN
};

struct http_chunks {
	enum http_chunk_state state; /* begins as CHUNK_SIZE (0) */
	uint32_t left;               /* bytes of this chunk that are still to come */
	uint16_t digits, line, trailers;
};

/* Takes bytes of p[0 … n) and gives one stretch of the body's data out of them (maybe none); returns how many were
 * taken, so that the caller goes on with the rest. Stops behind the end: state CHUNK_END. CHUNK_BROKEN: 400. */
size_t http_chunks_feed(struct http_chunks *c, const char *p, size_t n, const char **ret_data, size_t *ret_n);

#endif
