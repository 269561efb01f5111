#include "engine_marker.h"

#include "buf.h"
#include "file.h"
#include "rnd.h"
#include "str.h"

#include <errno.h>
#include <string.h>

enum { MAX_MARKERS = 1024, MAX_MARKER = 64, MIN_MARKER = 8, MAX_MARKERS_FILE = 1 << 18, WINDOW = 256 << 10 };

struct marker {
	size_t n;
	uint8_t bytes[MAX_MARKER];
	char name[MAX_MALWARE_NAME];
};

struct state {
	size_t n;
	struct marker markers[MAX_MARKERS + 1]; /* the first one is the planted one */
};

/* "HEX NAME" */
static int take_line(struct state *s, char *line)
{
	char *space = strchr(line, ' ');
	struct marker *m = &s->markers[s->n];

	if (!space || s->n > MAX_MARKERS)
		return -EINVAL;
	*space = 0;
	m->n = strlen(line) / 2;
	if (m->n < MIN_MARKER || m->n > MAX_MARKER || strlen(line) % 2 || hex_decode(m->bytes, m->n, line) < 0)
		return -EINVAL;
	if (!space[1] || str_copy(m->name, sizeof m->name, space + 1) < 0)
		return -EINVAL;
	s->n++;
	return 0;
}

/* A line that is not understood is told and left out: the rest protects. */
static void take_lines(struct state *s, char *text, const struct engine_load *l)
{
	int number = 0;

	for (char *line = text, *end; *line; line = end) {
		end = line + strcspn(line, "\n");
		if (*end)
			*end++ = 0;
		number++;
		if (*line && take_line(s, line) < 0)
			l->problem(l->problem_arg, engine_marker.name, "markers", number, "not \"HEX NAME\"");
	}
}

static void plant(struct state *s)
{
	struct marker *m = &s->markers[s->n++];
	m->n = 32;
	rnd_bytes(m->bytes, m->n);
	(void)str_copy(m->name, sizeof m->name, ENGINE_PLANTED);
}

static int load(const struct engine_load *l, void **ret_state, size_t *ret_signatures, struct err *e)
{
	struct buf text = {.max = MAX_MARKERS_FILE};
	struct state *s = calloc(1, sizeof *s);
	int r = s ? file_read(l->signatures, "markers", &text) : -ENOMEM;

	if (r == -ENOENT) /* a generation without them is a good one */
		r = 0;
	if (r < 0) {
		free(s);
		buf_release(&text);
		return err_set(e, r, "markers: %s", strerror(-r));
	}
	plant(s);
	if (text.n)
		take_lines(s, text.p, l);
	buf_release(&text);
	*ret_signatures = s->n - 1;
	*ret_state = s;
	return 0;
}

static void unload(void *state)
{
	free(state);
}

static void look(const struct state *s, const uint8_t *p, size_t n, const struct scan_content *c, struct scan_result *r)
{
	for (size_t i = 0; i < s->n; i++)
		if (memmem(p, n, s->markers[i].bytes, s->markers[i].n))
			scan_result_add(r, engine_marker.name, s->markers[i].name, SCAN_INFECTED, c->depth);
}

/* Large contents go by in windows that overlap by a marker's length. */
static void look_at_file(const struct state *s, const struct scan_content *c, struct scan_result *r)
{
	uint8_t *window = malloc(WINDOW);
	int64_t n = window ? 0 : -ENOMEM;

	for (int64_t at = 0; n >= 0 && at < c->size; at += WINDOW - MAX_MARKER) {
		n = content_read(c, at, window, WINDOW);
		if (n > 0)
			look(s, window, (size_t)n, c, r);
	}
	if (n < 0)
		scan_result_missed(r, engine_marker.name, n == -ENOMEM ? SCAN_FAILED : SCAN_UNREADABLE);
	free(window);
}

static void scan(void *state, struct scan_content *c, const struct engine_scan *how, struct scan_result *r)
{
	(void)how; /* linear in the content: no deadline to watch */
	if (c->bytes)
		look(state, c->bytes, (size_t)c->size, c, r);
	else
		look_at_file(state, c, r);
}

static const void *planted(void *state, size_t *ret_n)
{
	const struct state *s = state;
	*ret_n = s->markers[0].n;
	return s->markers[0].bytes;
}

const struct engine engine_marker = {
    .name = "marker", .load = load, .unload = unload, .scan = scan, .planted = planted};
