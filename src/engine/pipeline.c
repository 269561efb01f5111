#include "pipeline_int.h"

#include "clock.h"
#include "file.h"
#include "manifest.h"
#include "str.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

int pipeline_new(const struct engine *const *engines, size_t n, const struct scan_limits *limits, struct pipeline **ret)
{
	if (n > MAX_ENGINES)
		return -E2BIG;
	struct pipeline *p = calloc(1, sizeof *p);
	if (!p)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		p->engines[i] = engines[i];
		p->states[i].name = engines[i]->name;
	}
	p->n_engines = n;
	p->limits = *limits;
	p->allow_bytes.max = MAX_ALLOW_FILE;
	*ret = p;
	return 0;
}

static void unload(struct pipeline *p)
{
	for (size_t i = 0; i < p->n_engines; i++) {
		if (p->states[i].health != ENGINE_NOT_LOADED && p->states[i].health != ENGINE_BROKEN)
			p->engines[i]->unload(p->loaded[i]);
		p->loaded[i] = NULL;
		p->states[i] = (struct engine_state){.name = p->engines[i]->name};
	}
}

void pipeline_free(struct pipeline *p)
{
	if (!p)
		return;
	unload(p);
	for (size_t i = 0; i < PIPELINE_IMAGES; i++)
		image_close(p->images[i]);
	buf_release(&p->allow_bytes);
	content_memory_release(&p->memory);
	free(p);
}

/* Passes on what an engine says, and keeps the first of it. */
struct listening {
	struct engine_state *state;
	engine_problem_fn *fn;
	void *arg;
};

static void listen_to(void *arg, const char *engine, const char *file, int line, const char *text)
{
	struct listening *l = arg;
	struct engine_state *s = l->state;

	if (s->problems++ == 0 && line > 0)
		snprintf(s->problem, sizeof s->problem, "%.96s:%d: %.140s", file, line, text);
	else if (s->problems == 1)
		snprintf(s->problem, sizeof s->problem, "%.96s%s%.150s", file, *file ? ": " : "", text);
	if (l->fn)
		l->fn(l->arg, engine, file, line, text);
}

static void load_engine(struct pipeline *p, size_t i, int signatures, engine_problem_fn *problem, void *arg)
{
	struct engine_state *s = &p->states[i];
	struct listening l = {.state = s, .fn = problem, .arg = arg};
	struct engine_load load = {
	    .signatures = signatures, .limits = &p->limits, .problem = listen_to, .problem_arg = &l};
	struct err e = {0};

	int r = p->engines[i]->load(&load, &p->loaded[i], &s->signatures, &e);
	if (r < 0)
		listen_to(&l, s->name, "", 0, e.code ? e.text : strerror(-r));
	s->health = r < 0 ? ENGINE_BROKEN : s->signatures ? ENGINE_WORKS : ENGINE_NO_SIGNATURES;
}

static int load_image(struct pipeline *p, int signatures, struct err *e)
{
	int fd = openat(signatures, "image", O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0 && errno == ENOENT)
		return pipeline_set_image(p, PIPELINE_SIGNATURES, -1, e);
	if (fd < 0)
		return err_set(e, -errno, "image: %s", strerror(errno));
	int r = pipeline_set_image(p, PIPELINE_SIGNATURES, fd, e);
	close(fd);
	return r;
}

/* What the disk has altered since `khien signatures load` is told; what of it can still be loaded protects all the
 * same. */
static void check_manifest(int signatures, engine_problem_fn *problem, void *arg)
{
	struct manifest m = {0};
	struct err e = {0};

	if (!problem || faccessat(signatures, MANIFEST_NAME, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return;
	if (manifest_read(&m, signatures, &e) < 0 || manifest_check(&m, signatures, &e) < 0)
		problem(arg, "signatures", MANIFEST_NAME, 0, e.text);
	manifest_release(&m);
}

int pipeline_load(struct pipeline *p, int signatures, engine_problem_fn *problem, void *arg, struct err *e)
{
	struct err image_err = {0};
	size_t broken = 0;

	unload(p);
	check_manifest(signatures, problem, arg);
	int r = load_image(p, signatures, &image_err);
	if (r < 0 && problem)
		problem(arg, "image", "image", 0, image_err.text);
	for (size_t i = 0; i < p->n_engines; i++) {
		load_engine(p, i, signatures, problem, arg);
		broken += p->states[i].health == ENGINE_BROKEN;
	}
	if (r < 0 && broken == p->n_engines)
		return err_set(e, -EINVAL, "nothing of this generation can be used; %s", image_err.text);
	return 0;
}

int pipeline_set_image(struct pipeline *p, enum pipeline_image which, int fd, struct err *e)
{
	struct image *image = NULL;
	int r = fd < 0 ? 0 : image_open(fd, &image);

	if (r < 0)
		return err_set(e, r, "image: %s", r == -EPROTO ? "damaged, or of another version" : strerror(-r));
	image_close(p->images[which]);
	p->images[which] = image;
	return 0;
}

static int read_all(int fd, struct buf *b)
{
	for (;;) {
		if (buf_reserve(b, 4096) < 0)
			return b->error;
		ssize_t n = pread(fd, b->p + b->n, 4096, (off_t)b->n);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : 0;
		b->n += (size_t)n;
	}
}

int pipeline_set_allow(struct pipeline *p, int fd)
{
	struct buf bytes = {.max = MAX_ALLOW_FILE + 4096};
	struct allow_set set = {0};
	int r = fd < 0 ? 0 : read_all(fd, &bytes);

	if (r == 0 && fd >= 0)
		r = allow_set_read(&set, bytes.p, bytes.n);
	if (r < 0) {
		buf_release(&bytes);
		return r;
	}
	buf_release(&p->allow_bytes);
	p->allow_bytes = bytes;
	p->allow = set;
	return 0;
}

void pipeline_set_limits(struct pipeline *p, const struct scan_limits *limits)
{
	p->limits = *limits;
}

void pipeline_set_gate(struct pipeline *p, pipeline_gate_fn *fn, void *arg)
{
	p->gate = fn;
	p->gate_arg = arg;
}

int pipeline_enter(struct pipeline *p, const char *temporary)
{
	return str_copy(p->temporary, sizeof p->temporary, temporary ? temporary : "");
}

bool pipeline_in_force(const struct pipeline *p)
{
	for (size_t i = 0; i < p->n_engines; i++)
		if (p->states[i].health == ENGINE_WORKS)
			return true;
	for (enum image_digest kind = 0; kind < IMAGE_DIGEST_COUNT; kind++)
		if (p->images[PIPELINE_SIGNATURES] && image_count(p->images[PIPELINE_SIGNATURES], IMAGE_DENY, kind))
			return true;
	return false;
}

/* A find is told with the digests that people look it up by. */
static void tell_content(const struct pipeline *p, struct scan_content *c, struct scan_result *r)
{
	if (r->n_finds > 0)
		(void)content_digest(c, SCAN_HAS_MD5 | SCAN_HAS_SHA256);
	r->size = c->size;
	r->digests = c->digests;
	memcpy(r->md5, c->md5, sizeof r->md5);
	memcpy(r->sha1, c->sha1, sizeof r->sha1);
	memcpy(r->sha256, c->sha256, sizeof r->sha256);
	(void)str_copy(r->type, sizeof r->type, content_type_name(c->type));
	r->generation = pipeline_generation(p);
}

static void run_over(struct pipeline *p, struct scan_content *c, struct scan_result *r)
{
	struct run run = {.p = p, .result = r};

	run.how = (struct engine_scan){.limits = &p->limits,
	    .deadline_us = clock_mono_us() + (int64_t)p->limits.max_ms * 1000,
	    .temporary = p->temporary[0] ? p->temporary : NULL};
	stages_run(&run, c);
}

void pipeline_scan(struct pipeline *p, int fd, struct scan_result *ret)
{
	struct scan_content c;
	struct scan_result r = {0};

	enum scan_reason reason = content_open(&c, &p->memory, fd, p->limits.max_file_bytes);
	if (reason) {
		scan_result_missed(&r, "", reason);
	} else {
		run_over(p, &c, &r);
		if (content_changed(&c))
			scan_result_missed(&r, "", SCAN_CHANGED);
	}
	tell_content(p, &c, &r);
	scan_result_settle(&r);
	*ret = r;
}

size_t pipeline_states(const struct pipeline *p, const struct engine_state **ret)
{
	*ret = p->states;
	return p->n_engines;
}

int64_t pipeline_generation(const struct pipeline *p)
{
	return p->images[PIPELINE_SIGNATURES] ? image_generation(p->images[PIPELINE_SIGNATURES]) : 0;
}

int32_t pipeline_day(const struct pipeline *p)
{
	return p->images[PIPELINE_SIGNATURES] ? image_day(p->images[PIPELINE_SIGNATURES]) : 0;
}
