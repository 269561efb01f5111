#include "wire_int.h"

#include "clock.h"
#include "str.h"

#include <errno.h>
#include <string.h>

static const char *const forms[] = {[PATH_BYTES] = "bytes", [PATH_UTF16] = "utf16"};
static const char *const devices[] = {"unknown", "fixed", "removable", "network", "optical", "memory"};
static const char *const actions[] = {"none", "blocked", "quarantined", "deleted", "restored", "failed"};
static const char *const kinds[] = {[EVENT_DETECTION] = "detection",
    [EVENT_TASK_RESULT] = "task-result",
    [EVENT_STARTED] = "started",
    [EVENT_QUARANTINE] = "quarantine",
    [EVENT_SCAN] = "scan"};

void put_path(struct buf *b, const char *name, const struct os_path *p)
{
	out(b, name);
	out_text(b, "{\"display\":", p->display);
	out_word(b, ",\"form\":", WORDS(forms), p->form);
	out_base64(b, ",\"raw\":", p->raw, p->n);
	out(b, "}");
}

void wire_put_detection(struct buf *b, const struct detection *d)
{
	out_word(b, "{\"action\":", WORDS(actions), d->action);
	out_word(b, ",\"device\":", WORDS(devices), d->device);
	out_text(b, ",\"engine\":", d->engine);
	if (d->has_item)
		out_hex(b, ",\"item\":", d->item.b, ID_BYTES);
	if (d->has_md5)
		out_hex(b, ",\"md5\":", d->md5, sizeof d->md5);
	out_text(b, ",\"name\":", d->name);
	put_path(b, ",\"path\":", &d->path);
	if (d->has_sha256)
		out_hex(b, ",\"sha256\":", d->sha256, sizeof d->sha256);
	out_text(b, ",\"type\":", d->type);
	out(b, "}");
}

static void get_raw_path(const struct spot *s, struct os_path *ret)
{
	struct spot raw = in_member(s, "raw");
	size_t n;
	const char *text = spot_text(&raw, 4 * ((MAX_PATH_BYTES + 2) / 3), &n);
	void *p = arena_copy(s->in->arena, "", 0);
	size_t room = n / 4 * 3;
	if (room)
		p = in_take(&raw, room);
	if (!p)
		in_fail(&raw, -ENOMEM, "no memory");
	else if (base64_decode(p, room, text, &ret->n))
		in_fail(&raw, -EINVAL, "base64 is expected");
	if (ret->form == PATH_UTF16 && ret->n % 2)
		in_fail(&raw, -EINVAL, "half a UTF-16 unit");
	ret->raw = p;
}

void get_path(const struct spot *s, struct os_path *ret)
{
	if (!in_object(s))
		return;
	ret->form = in_word(s, "form", WORDS(forms));
	ret->display = in_text(s, "display", MAX_DISPLAY);
	get_raw_path(s, ret);
}

static bool get_digest(const struct spot *s, const char *name, uint8_t *dst, size_t n)
{
	struct spot d = in_member(s, name);
	if (!in_present(&d))
		return false;
	in_hex(s, name, dst, n);
	return true;
}

static void get_detection(const struct spot *s, struct detection *ret)
{
	if (!in_object(s))
		return;
	ret->engine = in_text(s, "engine", MAX_SHORT_TEXT);
	ret->name = in_text(s, "name", MAX_TEXT);
	ret->type = in_text(s, "type", MAX_SHORT_TEXT);
	struct spot path = in_member(s, "path");
	get_path(&path, &ret->path);
	ret->has_md5 = get_digest(s, "md5", ret->md5, sizeof ret->md5);
	ret->has_sha256 = get_digest(s, "sha256", ret->sha256, sizeof ret->sha256);
	ret->device = in_word(s, "device", WORDS(devices));
	ret->action = in_word(s, "action", WORDS(actions));
	ret->has_item = get_digest(s, "item", ret->item.b, ID_BYTES);
}

static void put_event(struct buf *b, const struct event *v)
{
	bool is_said = v->kind == EVENT_TASK_RESULT || v->kind == EVENT_STARTED;
	out_int(b, "{\"at_us\":", v->at_us);
	if (is_said)
		out_json(b, ",\"body\":", v->body);
	if (v->kind == EVENT_DETECTION) {
		out(b, ",\"detection\":");
		wire_put_detection(b, &v->detection);
	}
	out_hex(b, ",\"id\":", v->id, sizeof v->id);
	out_word(b, ",\"kind\":", WORDS(kinds), v->kind);
	if (v->kind == EVENT_QUARANTINE) {
		out(b, ",\"quarantine\":");
		put_quarantine(b, &v->quarantine);
	} else if (v->kind == EVENT_SCAN) {
		out(b, ",\"scan\":");
		put_scan(b, &v->scan);
	} else if (v->kind == EVENT_TASK_RESULT) {
		out_int(b, ",\"task\":", v->task_id);
	}
	if (v->was.seq) {
		out_int(b, ",\"was\":{\"seq\":", v->was.seq);
		out_hex(b, ",\"stream\":", v->was.stream.b, ID_BYTES);
		out(b, "}");
	}
	out(b, "}");
}

static void get_was(const struct spot *s, struct event_was *ret)
{
	struct spot was = in_member(s, "was");
	if (!in_present(&was) || !in_object(&was))
		return;
	ret->stream = in_id(&was, "stream");
	ret->seq = in_int(&was, "seq", 1, INT64_MAX);
}

static void get_task_result(const struct spot *s, struct event *ret)
{
	ret->task_id = in_int(s, "task", 1, INT64_MAX);
	struct spot body = in_member(s, "body");
	if (!in_object(&body))
		return;
	ret->task_ok = in_bool(&body, "ok");
	struct spot started = in_member(&body, "started");
	ret->task_started = in_present(&started) && in_bool(&body, "started");
}

/* What the event says beside what all say; its text is kept as it came. */
static void get_content(const struct spot *s, struct event *ret)
{
	struct spot v;
	switch (ret->kind) {
	case EVENT_DETECTION:
		v = in_member(s, "detection");
		get_detection(&v, &ret->detection);
		ret->body = "{}";
		return;
	case EVENT_QUARANTINE:
		v = in_member(s, "quarantine");
		get_quarantine(&v, &ret->quarantine);
		ret->body = in_json(s, "quarantine", MAX_AGENT_BODY);
		return;
	case EVENT_SCAN:
		v = in_member(s, "scan");
		get_scan(&v, &ret->scan);
		ret->body = in_json(s, "scan", MAX_EVENT_BODY);
		return;
	case EVENT_TASK_RESULT:
		get_task_result(s, ret);
		break;
	default:
		break;
	}
	ret->body = in_json(s, "body", MAX_EVENT_BODY);
}

static void get_event(const struct spot *s, struct event *ret)
{
	if (!in_object(s))
		return;
	in_hex(s, "id", ret->id, sizeof ret->id);
	ret->at_us = in_int(s, "at_us", 0, TIME_END);
	ret->kind = in_word(s, "kind", WORDS(kinds));
	get_was(s, &ret->was);
	get_content(s, ret);
}

void wire_put_events(struct buf *b, const struct event_batch *m)
{
	out_hex(b, "{\"branch\":", m->branch.b, ID_BYTES);
	out(b, ",\"events\":[");
	for (size_t i = 0; i < m->n; i++) {
		out(b, i ? "," : "");
		put_event(b, &m->events[i]);
	}
	out_int(b, "],\"first\":", m->first);
	out_int(b, ",\"floor\":", m->floor);
	out_hex(b, ",\"prev_id\":", m->prev_id, sizeof m->prev_id);
	out_hex(b, ",\"stream\":", m->stream.b, ID_BYTES);
	out(b, ",\"v\":1}");
}

static void get_events(const struct spot *top, struct event_batch *ret)
{
	*ret = (struct event_batch){0};
	in_version(top);
	ret->stream = in_id(top, "stream");
	ret->first = in_int(top, "first", 1, INT64_MAX - MAX_BATCH_EVENTS);
	in_hex(top, "prev_id", ret->prev_id, sizeof ret->prev_id);
	ret->floor = in_int(top, "floor", 1, INT64_MAX);
	ret->branch = in_id(top, "branch");
	struct spot list = in_member(top, "events");
	ret->n = in_list(&list, 1, MAX_BATCH_EVENTS);
	struct event *events = in_take(&list, ret->n * sizeof *events);
	ret->events = events;
	for (size_t i = 0; !top->in->r && i < ret->n; i++) {
		struct spot item = in_item(&list, i);
		events[i].seq = ret->first + (int64_t)i;
		get_event(&item, &events[i]);
	}
}

int wire_get_events(struct arena *a, const char *text, size_t n, struct event_batch *ret, struct err *e)
{
	struct reading in;
	struct spot top = in_open(&in, a, text, n, e);
	if (!in.r)
		get_events(&top, ret);
	return in_close(&top);
}

void wire_put_stored(struct buf *b, const struct wire_stored *m)
{
	out_hex_text(b, "{\"epoch\":", m->epoch);
	out_int(b, ",\"hwm\":", m->hwm);
	out_hex(b, ",\"hwm_id\":", m->hwm_id, sizeof m->hwm_id);
	out_hex(b, ",\"stream\":", m->stream.b, ID_BYTES);
	out(b, "}");
}

int wire_get_stored(struct arena *a, const char *text, size_t n, struct wire_stored *ret, struct err *e)
{
	struct reading in;
	struct spot top = in_open(&in, a, text, n, e);
	if (!in.r) {
		ret->stream = in_id(&top, "stream");
		ret->hwm = in_int(&top, "hwm", 0, INT64_MAX);
		in_hex(&top, "hwm_id", ret->hwm_id, sizeof ret->hwm_id);
		in_hex_text(&top, "epoch", ret->epoch);
	}
	return in_close(&top);
}
