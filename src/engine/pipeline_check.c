#include "pipeline_int.h"

#include "clock.h"

#include <string.h>
#include <zlib.h>

static bool finds_planted(const struct scan_result *r)
{
	return r->n_finds > 0 && strncmp(r->finds[0].name, ENGINE_PLANTED, strlen(ENGINE_PLANTED)) == 0;
}

static struct engine_scan how(const struct pipeline *p)
{
	return (struct engine_scan){.limits = &p->limits,
	    .deadline_us = clock_mono_us() + (int64_t)p->limits.max_ms * 1000,
	    .temporary = p->temporary[0] ? p->temporary : NULL};
}

static bool engine_finds(const struct pipeline *p, size_t i, const void *bytes, size_t n)
{
	struct engine_scan s = how(p);
	struct scan_content c;
	struct scan_result r = {0};

	content_of_bytes(&c, bytes, n, 0);
	p->engines[i]->scan(p->loaded[i], &c, &s, &r);
	return finds_planted(&r);
}

/* Through all stages, once the engine by itself has found it: a stage in between may not hide it. */
static bool stages_find(struct pipeline *p, const void *bytes, size_t n)
{
	struct scan_content c;
	struct scan_result r = {0};
	struct run run = {.p = p, .how = how(p), .result = &r};

	content_of_bytes(&c, bytes, n, 0);
	stages_run(&run, &c);
	return finds_planted(&r);
}

/* The planted content of one engine, packed: found only when the unpacker has a temporary folder, unpacks and shows the
 * others what it got. */
static bool found_packed(struct pipeline *p, const void *bytes, size_t n)
{
	uint8_t packed[4096];
	z_stream z = {0};

	if (n > sizeof packed / 2 || deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, Z_FIXED) != Z_OK)
		return false;
	z.next_in = (uint8_t *)(uintptr_t)bytes;
	z.avail_in = (uInt)n;
	z.next_out = packed;
	z.avail_out = sizeof packed;
	bool ok = deflate(&z, Z_FINISH) == Z_STREAM_END;
	size_t packed_n = sizeof packed - z.avail_out;
	deflateEnd(&z);
	return ok && stages_find(p, packed, packed_n);
}

static bool usable(const struct pipeline *p, size_t i)
{
	return p->states[i].health != ENGINE_NOT_LOADED && p->states[i].health != ENGINE_BROKEN;
}

static const void *planted(const struct pipeline *p, size_t i, size_t *ret_n)
{
	return usable(p, i) && p->engines[i]->planted ? p->engines[i]->planted(p->loaded[i], ret_n) : NULL;
}

/* Whether the unpacker shows the others what it unpacks: its own affair, whatever they are. */
static bool shows_the_others(struct pipeline *p, size_t unpacker)
{
	size_t n;
	for (size_t i = 0; i < p->n_engines; i++) {
		const void *bytes = i == unpacker ? NULL : planted(p, i, &n);
		if (bytes && engine_finds(p, i, bytes, n) && !found_packed(p, bytes, n))
			return false;
	}
	return true;
}

static bool check_engine(struct pipeline *p, size_t i)
{
	size_t n;
	if (!usable(p, i))
		return false;
	if (!p->engines[i]->planted)
		return true;
	const void *bytes = planted(p, i, &n);
	return bytes && engine_finds(p, i, bytes, n) && stages_find(p, bytes, n) &&
	       (!p->engines[i]->unpacks || shows_the_others(p, i));
}

bool pipeline_check(struct pipeline *p)
{
	bool all = true;

	for (size_t i = 0; i < p->n_engines; i++) {
		struct engine_state *s = &p->states[i];
		bool finds = check_engine(p, i);
		if (usable(p, i))
			s->health = !finds ? ENGINE_MISSES : s->signatures ? ENGINE_WORKS : ENGINE_NO_SIGNATURES;
		all &= finds;
	}
	return all;
}
