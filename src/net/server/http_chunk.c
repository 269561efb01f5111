#include "http_chunk.h"
#include "str.h"

enum { MAX_SIZE_DIGITS = 8 };

static enum http_chunk_state size_byte(struct http_chunks *c, char b)
{
	int digit = hex_digit(b);
	if (digit >= 0) {
		if (++c->digits > MAX_SIZE_DIGITS)
			return CHUNK_BROKEN;
		c->left = c->left << 4 | (uint32_t)digit;
		return CHUNK_SIZE;
	}
	if (!c->digits)
		return CHUNK_BROKEN;
	c->line = 0;
	return b == '\r' ? CHUNK_SIZE_LF : b == ';' ? CHUNK_EXTENSION : CHUNK_BROKEN;
}

static enum http_chunk_state extension_byte(struct http_chunks *c, char b)
{
	if (b == '\r')
		return CHUNK_SIZE_LF;
	return (unsigned char)b < ' ' || ++c->line > HTTP_MAX_CHUNK_LINE ? CHUNK_BROKEN : CHUNK_EXTENSION;
}

static enum http_chunk_state size_end(struct http_chunks *c, char b)
{
	if (b != '\n')
		return CHUNK_BROKEN;
	c->digits = 0;
	c->line = 0;
	return c->left ? CHUNK_DATA : CHUNK_TRAILER;
}

static enum http_chunk_state trailer_byte(struct http_chunks *c, char b)
{
	if (b == '\r')
		return CHUNK_TRAILER_LF;
	if ((unsigned char)b < ' ' || ++c->trailers > HTTP_MAX_TRAILERS)
		return CHUNK_BROKEN;
	c->line = 1; /* the line is not empty */
	return CHUNK_TRAILER;
}

static enum http_chunk_state trailer_end(struct http_chunks *c, char b)
{
	if (b != '\n' || ++c->trailers > HTTP_MAX_TRAILERS)
		return CHUNK_BROKEN;
	bool empty = !c->line;
	c->line = 0;
	return empty ? CHUNK_END : CHUNK_TRAILER;
}

static enum http_chunk_state next(struct http_chunks *c, char b)
{
	switch (c->state) {
	case CHUNK_SIZE:
		return size_byte(c, b);
	case CHUNK_EXTENSION:
		return extension_byte(c, b);
	case CHUNK_SIZE_LF:
		return size_end(c, b);
	case CHUNK_DATA_CR:
		return b == '\r' ? CHUNK_DATA_LF : CHUNK_BROKEN;
	case CHUNK_DATA_LF:
		return b == '\n' ? CHUNK_SIZE : CHUNK_BROKEN;
	case CHUNK_TRAILER:
		return trailer_byte(c, b);
	case CHUNK_TRAILER_LF:
		return trailer_end(c, b);
	case CHUNK_DATA:
	case CHUNK_END:
	case CHUNK_BROKEN:
		break;
	}
	return CHUNK_BROKEN;
}

size_t http_chunks_feed(struct http_chunks *c, const char *p, size_t n, const char **ret_data, size_t *ret_n)
{
	size_t i = 0;
	*ret_data = NULL;
	*ret_n = 0;
	while (i < n && c->state != CHUNK_END && c->state != CHUNK_BROKEN) {
		if (c->state == CHUNK_DATA) {
			size_t take = n - i < c->left ? n - i : c->left;
			*ret_data = p + i;
			*ret_n = take;
			c->left -= (uint32_t)take;
			if (!c->left)
				c->state = CHUNK_DATA_CR;
			return i + take;
		}
		c->state = next(c, p[i++]);
	}
	return i;
}
