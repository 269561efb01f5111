/* Small text helpers. All outputs end in NUL; sizes are bytes. */
#ifndef STR_H
#define STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Copies s into dst[size]; -ENAMETOOLONG (and dst empty) when it does not fit. size >= 1. */
int str_copy(char *dst, size_t size, const char *s);

bool str_eq(const char *a, const char *b); /* NULL equals only NULL */

/* Whole decimal text (optional '-') into *ret; -EINVAL on anything else, -ERANGE outside [min, max]. */
int str_i64(const char *s, int64_t min, int64_t max, int64_t *ret);

/* Lower-case hex. dst has room for 2*n+1. */
void hex_encode(char *dst, const void *src, size_t n);

int hex_digit(char c); /* either case; -1: none */

/* Exactly n bytes from 2*n hex digits (either case); -EINVAL otherwise. */
int hex_decode(void *dst, size_t n, const char *s);

/* Base64 (RFC 4648, with padding). dst needs 4*((n+2)/3)+1 bytes. */
void base64_encode(char *dst, const void *src, size_t n);
/* Strict: padding required, no white space. *ret_n <= cap. -EINVAL, -EMSGSIZE. */
int base64_decode(void *dst, size_t cap, const char *s, size_t *ret_n);

/* True when the n bytes are well-formed UTF-8 (no surrogates, no overlong forms) without NUL. */
bool utf8_valid(const char *s, size_t n);

/* Compares in time that depends on n alone. */
bool mem_equal_ct(const void *a, const void *b, size_t n);

#endif
