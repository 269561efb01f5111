/* A growing byte buffer whose maximum is fixed at birth. After a failed append the buffer is poisoned: later appends
 * fail as well and buf_error tells why, so that a writer may check once, at the end. */
#ifndef BUF_H
#define BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdarg.h>

struct buf {
	char *p;    /* owned; NUL behind the last byte once anything was added; NULL before */
	size_t n;   /* bytes in use */
	size_t cap; /* bytes allocated */
	size_t max; /* never more than this many bytes in use */
	int error;  /* 0, -ENOMEM or -EMSGSIZE */
};

#define BUF_INIT(maximum) ((struct buf){.max = (maximum)})

void buf_release(struct buf *b); /* frees; the struct may be reused with the same maximum */
void buf_clear(struct buf *b);   /* keeps the memory, forgets bytes and error */
void buf_wipe(struct buf *b);    /* buf_release after the bytes were overwritten: for what held a secret */

int buf_add(struct buf *b, const void *p, size_t n);
int buf_adds(struct buf *b, const char *s);
int buf_addc(struct buf *b, char c);
int buf_addf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int buf_vaddf(struct buf *b, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));
int buf_reserve(struct buf *b, size_t more); /* room for `more` bytes and a NUL behind n */

/* Removes n bytes from the front (n <= b->n). */
void buf_consume(struct buf *b, size_t n);

/* The text, never NULL. */
const char *buf_str(const struct buf *b);

/* Hands the bytes to the caller, who frees them; the buffer is empty afterwards. NULL after an error. */
char *buf_steal(struct buf *b);

#endif
