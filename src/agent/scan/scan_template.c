#include "scan_int.h"
#include "clock.h"
#include "log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int template_tell(struct template *t)
{
	return ipc_channel_send(t->parent, &t->out);
}

/* ---- load ---- */

static void note_problem(void *arg, const char *engine, const char *file, int line, const char *text)
{
	(void)arg;
	log_warn("left out", "engine", engine, "file", file, "line", log_num(line), "why", text, NULL);
}

static void load(struct template *t, int signatures)
{
	struct err e = {0};
	int r = scan_engines_new(&t->begin.limits, &t->pipeline);
	if (r)
		err_set(&e, r, "%s", strerror(-r));
	if (!r && signatures >= 0)
		r = pipeline_load(t->pipeline, signatures, note_problem, t, &e);
	if (!r)
		return;
	log_error("nothing could be loaded", "error", e.text, NULL);
	snprintf(t->load_problem, sizeof t->load_problem, "%s", e.text);
}

static int say_loaded(struct template *t, int64_t took_us)
{
	struct scan_loaded m = {.took_ms = took_us / 1000};
	if (t->pipeline)
		scan_engines_report(t->pipeline, false, &m.engines);
	for (size_t i = 0; i < SANDBOX_MECHANISM_COUNT; i++)
		m.sandbox[i] = (uint8_t)t->sandbox.outcome[i];
	snprintf(m.problem, sizeof m.problem, "%s", t->load_problem);
	ipc_begin(&t->out, SCAN_LOADED);
	scan_put_loaded(&t->out, &m);
	return template_tell(t);
}

static int hear_begin(struct template *t, struct ipc_reader *r)
{
	scan_get_begin(r, &t->begin);
	if (ipc_end(r) || t->begun)
		return -EBADMSG;
	t->begun = true;
	int signatures = t->begin.has_signatures ? ipc_channel_take_fd(t->parent) : -1;
	int64_t began = clock_mono_us();
	load(t, signatures);
	if (signatures >= 0)
		close(signatures);
	return say_loaded(t, clock_mono_us() - began);
}

/* ---- the rest ---- */

static int hear_ping(struct template *t, struct ipc_reader *r)
{
	int64_t n = ipc_get_i64(r);
	if (ipc_end(r))
		return -EBADMSG;
	ipc_begin(&t->out, SCAN_PONG);
	ipc_put_i64(&t->out, n);
	return template_tell(t);
}

static int hear_spawn(struct template *t, struct ipc_reader *r)
{
	int64_t ticket = ipc_get_i64(r);
	enum scan_class class = ipc_get_enum(r, SCAN_CLASS_END);
	if (ipc_end(r) || !t->pipeline)
		return -EBADMSG;
	template_spawn(t, ticket, class);
	return 0;
}

/* A list that cannot be read allows nothing. */
static int hear_allow(struct template *t, struct ipc_reader *r)
{
	if (ipc_end(r) || !t->pipeline)
		return -EBADMSG;
	int fd = ipc_channel_take_fd(t->parent);
	int k = pipeline_set_allow(t->pipeline, fd < 0 ? -1 : fd);
	if (k) {
		log_error("the allow list cannot be used", "error", strerror(-k), NULL);
		pipeline_set_allow(t->pipeline, -1);
	}
	if (fd >= 0)
		close(fd);
	return 0;
}

static int hear_limits(struct template *t, struct ipc_reader *r)
{
	struct scan_limits limits;
	scan_get_limits(r, &limits);
	if (ipc_end(r) || !t->pipeline)
		return -EBADMSG;
	pipeline_set_limits(t->pipeline, &limits);
	return 0;
}

static int hear_packages(struct template *t, struct ipc_reader *r)
{
	struct err e = {0};
	if (ipc_end(r) || !t->pipeline)
		return -EBADMSG;
	int fd = ipc_channel_take_fd(t->parent);
	if (pipeline_set_image(t->pipeline, PIPELINE_PACKAGES, fd < 0 ? -1 : fd, &e))
		log_error("the image of packages cannot be used", "error", e.text, NULL);
	if (fd >= 0)
		close(fd);
	return 0;
}

static int (*const words[])(struct template *t, struct ipc_reader *r) = {
    [SCAN_BEGIN] = hear_begin,
    [SCAN_PING] = hear_ping,
    [SCAN_SPAWN] = hear_spawn,
    [SCAN_ALLOW] = hear_allow,
    [SCAN_LIMITS_NOW] = hear_limits,
    [SCAN_PACKAGES] = hear_packages,
};

int template_hear(struct template *t)
{
	struct ipc_reader r;
	uint16_t type;
	int k;
	while ((k = ipc_channel_receive(t->parent, &r, &type)) > 0) {
		if (type >= sizeof words / sizeof *words || !words[type])
			return -EBADMSG;
		k = words[type](t, &r);
		if (k)
			return k;
	}
	return k;
}
