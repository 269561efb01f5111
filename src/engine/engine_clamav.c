#include "engine_clamav.h"
#include "clamav_int.h"

#include "clock.h"
#include "str.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* libclamav says "clean" also when it has not looked: without a temporary folder, beyond its limits, and after errors
 * on the way. So its 0 counts only when it has shown us the outer content, its temporary folder was and is usable, and
 * it wrote no complaint. */

enum {
	MIN_TEMPORARY_BYTES = 64 << 10,
	TOO_SMALL_FOR_IT = 5, /* it looks at nothing of up to so many bytes; no signature is that short */
};

struct watching {
	const struct engine_scan *how;
	struct scan_result *result;
	bool seen;    /* the outer content came by */
	bool stopped; /* an engine of ours found something inside */
};

static cl_error_t look_inside(int fd, const char *type, const char **ancestors, size_t parent_size, const char *name,
    size_t size, const char *bytes, uint32_t depth, uint32_t attributes, void *context)
{
	struct watching *w = context;
	struct scan_content inner;

	(void)fd, (void)type, (void)ancestors, (void)parent_size, (void)name;
	if (depth == 0)
		w->seen = true;
	if (depth == 0 || !w->how->inner || size == 0)
		return CL_CLEAN;
	if (!bytes) { /* it could not read what it has unpacked */
		scan_result_missed(w->result, engine_clamav.name, SCAN_UNREADABLE);
		return CL_CLEAN;
	}
	content_of_bytes(&inner, bytes, size, depth);
	inner.normalised = attributes & LAYER_ATTRIBUTES_NORMALIZED;
	switch (w->how->inner(w->how->inner_arg, &inner)) {
	case INNER_SKIP:
		return CL_BREAK;
	case INNER_STOP:
		w->stopped = true;
		return CL_VIRUS;
	default:
		return CL_CLEAN;
	}
}

static int load(const struct engine_load *l, void **ret_state, size_t *ret_signatures, struct err *e)
{
	int r = clamav_load(l, ret_state, ret_signatures, e);
	if (r == 0)
		cl_engine_set_clcb_file_inspection(((struct clamav *)*ret_state)->engine, look_inside);
	return r;
}

static bool temporary_usable(struct clamav *s, const char *temporary)
{
	char probe[300];
	struct statvfs fs;

	if (!temporary)
		return false;
	if (strcmp(s->temporary, temporary) != 0) {
		if (str_copy(s->temporary, sizeof s->temporary, temporary) < 0 ||
		    cl_engine_set_str(s->engine, CL_ENGINE_TMPDIR, temporary) != CL_SUCCESS)
			return false;
	}
	snprintf(probe, sizeof probe, "%s/khien-probe", temporary);
	if (mkdir(probe, 0700) < 0 || rmdir(probe) < 0)
		return false;
	return statvfs(temporary, &fs) == 0 && (uint64_t)fs.f_bavail * fs.f_frsize >= MIN_TEMPORARY_BYTES;
}

static const struct {
	const char *prefix;
	enum scan_reason reason;
} not_looked_at[] = {
    {"Heuristics.Limits.Exceeded", SCAN_LIMITS},
    {"Heuristics.Encrypted", SCAN_ENCRYPTED},
};

static bool begins(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

static void found(struct scan_result *r, const char *name)
{
	for (size_t i = 0; i < sizeof not_looked_at / sizeof *not_looked_at; i++)
		if (begins(name, not_looked_at[i].prefix)) {
			scan_result_missed(r, engine_clamav.name, not_looked_at[i].reason);
			return;
		}
	bool guess = begins(name, "Heuristics.") || begins(name, "PUA.");
	scan_result_add(r, engine_clamav.name, name, guess ? SCAN_SUSPICIOUS : SCAN_INFECTED, 0);
}

static enum scan_reason reason_of(cl_error_t k)
{
	static const struct {
		cl_error_t code;
		enum scan_reason reason;
	} reasons[] = {
	    {CL_ETIMEOUT, SCAN_TIMED_OUT},
	    {CL_EMAXREC, SCAN_LIMITS},
	    {CL_EMAXSIZE, SCAN_LIMITS},
	    {CL_EMAXFILES, SCAN_LIMITS},
	    {CL_ETMPFILE, SCAN_NO_SPACE},
	    {CL_ETMPDIR, SCAN_NO_SPACE},
	    {CL_EWRITE, SCAN_NO_SPACE},
	    {CL_ECREAT, SCAN_NO_SPACE},
	    {CL_EREAD, SCAN_UNREADABLE},
	    {CL_ESTAT, SCAN_UNREADABLE},
	    {CL_EMAP, SCAN_UNREADABLE},
	};
	for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
		if (reasons[i].code == k)
			return reasons[i].reason;
	return SCAN_FAILED;
}

static cl_error_t call(struct clamav *s, struct scan_content *c, struct watching *w, const char **ret_name)
{
	struct cl_scan_options options = {.general = CL_SCAN_GENERAL_HEURISTICS,
	    .parse = ~(uint32_t)0,
	    .heuristic = CL_SCAN_HEURISTIC_EXCEEDS_MAX | CL_SCAN_HEURISTIC_ENCRYPTED_ARCHIVE |
	                 CL_SCAN_HEURISTIC_ENCRYPTED_DOC};
	unsigned long scanned = 0;

	if (!c->bytes)
		return cl_scandesc_callback(c->fd, NULL, ret_name, &scanned, s->engine, &options, w);
	cl_fmap_t *map = cl_fmap_open_memory(c->bytes, (size_t)c->size);
	if (!map)
		return CL_EMEM;
	cl_error_t k = cl_scanmap_callback(map, NULL, ret_name, &scanned, s->engine, &options, w);
	cl_fmap_close(map);
	return k;
}

static void judge(cl_error_t k, const char *name, const struct watching *w, const struct clamav_messages *m)
{
	if (w->stopped)
		return; /* the find stands already, with its own name */
	if (k == CL_VIRUS)
		found(w->result, name ? name : "unnamed");
	else if (m->no_space)
		scan_result_missed(w->result, engine_clamav.name, SCAN_NO_SPACE);
	else if (k != CL_CLEAN && k != CL_VERIFIED)
		scan_result_missed(w->result, engine_clamav.name, reason_of(k));
	else if (!w->seen || m->failed)
		scan_result_missed(w->result, engine_clamav.name, SCAN_FAILED);
}

static void scan(void *state, struct scan_content *c, const struct engine_scan *how, struct scan_result *r)
{
	struct clamav *s = state;
	struct watching w = {.how = how, .result = r, .seen = c->size <= TOO_SMALL_FOR_IT};
	struct clamav_messages m;
	const char *name = NULL;
	int64_t left_ms = (how->deadline_us - clock_mono_us()) / 1000;

	if (c->size == 0)
		return;
	if (left_ms < 1) {
		scan_result_missed(r, engine_clamav.name, SCAN_TIMED_OUT);
		return;
	}
	cl_engine_set_num(s->engine, CL_ENGINE_MAX_SCANTIME, left_ms);
	bool space = temporary_usable(s, how->temporary);
	clamav_messages_watch(&m);
	cl_error_t k = call(s, c, &w, &name);
	clamav_messages_watch(NULL);
	judge(k, name, &w, &m);
	if (!space || !temporary_usable(s, how->temporary))
		scan_result_missed(r, engine_clamav.name, SCAN_NO_SPACE);
	if (clock_mono_us() > how->deadline_us)
		scan_result_missed(r, engine_clamav.name, SCAN_TIMED_OUT);
}

static const void *planted(void *state, size_t *ret_n)
{
	struct clamav *s = state;
	*ret_n = s->planted_n;
	return s->planted;
}

const struct engine engine_clamav = {
    .name = "clamav", .load = load, .unload = clamav_unload, .scan = scan, .planted = planted, .unpacks = true};
