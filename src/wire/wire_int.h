/* Inside the room: one value of a parsed text with the way to it, and the pieces that readers and writers are made of.
 */
#ifndef WIRE_INT_H
#define WIRE_INT_H

#include "wire.h"

#include <jansson.h>

/* One text being read. The first failure sticks: after it every piece gives zero, "" or nothing. */
struct reading {
	struct arena *arena;
	struct err *err;
	int r;
};

/* A value and its place; `up` is on the stack of whoever reads. name NULL: an item of a list. */
struct spot {
	struct reading *in;
	const struct spot *up;
	const char *name;
	size_t index;
	json_t *v; /* NULL: absent */
};

/* Parses text within MAX_AGENT_BODY and WIRE_MAX_DEPTH; the top must be an object. in_close gives the result. */
enum { WIRE_MAX_DEPTH = 16 };
struct spot in_open(struct reading *in, struct arena *a, const char *text, size_t n, struct err *e);
int in_close(struct spot *top);

int in_fail(const struct spot *at, int code, const char *what); /* names the place; returns in->r */
struct spot in_member(const struct spot *object, const char *name);
struct spot in_item(const struct spot *list, size_t i);
bool in_present(const struct spot *s); /* there and not null */
bool in_object(const struct spot *s);  /* false and a failure when it is none */
size_t in_list(const struct spot *s, size_t min, size_t max);

void in_version(const struct spot *top);
const char *in_text(const struct spot *object, const char *name, size_t max); /* in the arena */
int64_t in_int(const struct spot *object, const char *name, int64_t min, int64_t max);
bool in_bool(const struct spot *object, const char *name);
void in_hex(const struct spot *object, const char *name, void *dst, size_t n);
id16 in_id(const struct spot *object, const char *name);
void in_hex_text(const struct spot *object, const char *name, char dst[ID_TEXT]); /* zeros: "" */
void in_base64(const struct spot *object, const char *name, void *dst, size_t n);
unsigned in_word(const struct spot *object, const char *name, const char *const *words, size_t n);
char *in_json(const struct spot *object, const char *name, size_t max); /* an object as canonical text */
void *in_take(const struct spot *at, size_t n);
const char *spot_text(const struct spot *s, size_t max, size_t *ret_n); /* borrowed from the parsed text */

/* Writers. A member's name comes with its comma: out_text(b, ",\"domain\":", …). */
void out(struct buf *b, const char *text);
void out_text(struct buf *b, const char *name, const char *s);
void out_int(struct buf *b, const char *name, int64_t v);
void out_bool(struct buf *b, const char *name, bool v);
void out_hex(struct buf *b, const char *name, const void *p, size_t n);
void out_hex_text(struct buf *b, const char *name, const char *hex); /* "": zeros */
void out_base64(struct buf *b, const char *name, const void *p, size_t n);
void out_word(struct buf *b, const char *name, const char *const *words, size_t n, unsigned v);
void out_json(struct buf *b, const char *name, const char *json);

/* Parts of several calls */
void put_inventory(struct buf *b, const struct inventory *v);
void get_inventory(const struct spot *s, struct inventory *ret);
void get_state(const struct spot *s, struct agent_state *ret);
void get_hardware(const struct spot *s, struct hardware *ret);
void put_anchors(struct buf *b, const struct anchors *v);
void get_anchors(const struct spot *s, struct anchors *ret);

void put_path(struct buf *b, const char *name, const struct os_path *p);
void get_path(const struct spot *s, struct os_path *ret);
void put_quarantine(struct buf *b, const struct quarantine_event *q);
void get_quarantine(const struct spot *s, struct quarantine_event *ret);
void put_scan(struct buf *b, const struct scan_event *v);
void get_scan(const struct spot *s, struct scan_event *ret);
/* An enum that counts from 1, by its name function. */
void out_extent(struct buf *b, const char *name, enum scan_extent x);
enum scan_extent in_extent(const struct spot *object, const char *name);

#define WORDS(table) table, sizeof(table) / sizeof *(table)

#endif
