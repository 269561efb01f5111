#include "wire_int.h"

#include "clock.h"
#include "str.h"

#include <errno.h>
#include <string.h>

static const char *const needs[] = {"hardware", "state"};
static const unsigned need_bits[] = {NEED_HARDWARE, NEED_STATE};

static void put_branch(struct buf *b, const struct sync_up *m)
{
	if (m->has_branch)
		out_hex(b, ",\"branch\":", m->branch.b, ID_BYTES);
	else
		out(b, ",\"branch\":null");
}

static void put_told_streams(struct buf *b, const struct sync_up *m)
{
	out(b, ",\"streams\":[");
	for (size_t i = 0; i < m->n_streams; i++) {
		out_hex(b, i ? ",{\"id\":" : "{\"id\":", m->streams[i].id.b, ID_BYTES);
		out_int(b, ",\"last\":", m->streams[i].last);
		out(b, "}");
	}
	out(b, "]");
}

void wire_put_sync_up(struct buf *b, const struct sync_up *m)
{
	out(b, "{");
	if (m->knows_allowances) {
		out_hex_text(b, "\"allow_hash\":", m->allow_hash);
		out(b, ",");
	}
	out_int(b, "\"anchors_version\":", m->anchors_version);
	put_branch(b, m);
	out_int(b, ",\"counter\":", m->counter);
	out_hex_text(b, ",\"epoch\":", m->epoch);
	if (m->hardware) {
		out(b, ",\"hardware\":");
		wire_put_hardware(b, m->hardware);
	}
	out_hex(b, ",\"hardware_hash\":", m->hardware_hash.b, ID_BYTES);
	out_hex(b, ",\"install_id\":", m->install_id.b, ID_BYTES);
	out_hex(b, ",\"nonce\":", m->nonce.b, ID_BYTES);
	out_hex_text(b, ",\"policy_hash\":", m->policy_hash);
	out_int(b, ",\"policy_version\":", m->policy_version);
	out_int(b, ",\"sent_us\":", m->sent_us);
	if (m->state) {
		out(b, ",\"state\":");
		wire_put_state(b, m->state);
	}
	out_hex(b, ",\"state_hash\":", m->state_hash.b, ID_BYTES);
	put_told_streams(b, m);
	out_int(b, ",\"task_seen\":", m->task_seen);
	out(b, ",\"v\":1}");
}

static void get_branch(const struct spot *top, struct sync_up *ret)
{
	struct spot branch = in_member(top, "branch");
	if (json_is_null(branch.v))
		return;
	ret->branch = in_id(top, "branch");
	ret->has_branch = true;
}

static const struct hardware *get_told_hardware(const struct spot *top)
{
	struct spot s = in_member(top, "hardware");
	if (!in_present(&s))
		return NULL;
	struct hardware *h = in_take(&s, sizeof *h);
	if (h)
		get_hardware(&s, h);
	return h;
}

static void get_told_state(const struct spot *top, struct sync_up *ret)
{
	struct spot s = in_member(top, "state");
	if (!in_present(&s))
		return;
	struct agent_state *state = in_take(&s, sizeof *state);
	if (!state)
		return;
	get_state(&s, state);
	if (s.in->r)
		return;
	struct buf text = BUF_INIT(MAX_AGENT_BODY);
	wire_put_state(&text, state);
	ret->state = state;
	ret->state_text = text.error ? NULL : arena_copy(s.in->arena, text.p, text.n);
	buf_release(&text);
	if (!ret->state_text)
		in_fail(&s, -ENOMEM, "no memory");
}

static void get_told_streams(const struct spot *top, struct sync_up *ret)
{
	struct spot list = in_member(top, "streams");
	ret->n_streams = in_list(&list, 0, MAX_SYNC_STREAMS);
	for (size_t i = 0; i < ret->n_streams; i++) {
		struct spot item = in_item(&list, i);
		if (!in_object(&item))
			return;
		ret->streams[i].id = in_id(&item, "id");
		ret->streams[i].last = in_int(&item, "last", 0, INT64_MAX);
	}
}

static void get_sync_up(const struct spot *top, struct sync_up *ret)
{
	*ret = (struct sync_up){0};
	in_version(top);
	get_branch(top, ret);
	ret->counter = in_int(top, "counter", 1, INT64_MAX);
	ret->nonce = in_id(top, "nonce");
	ret->install_id = in_id(top, "install_id");
	ret->hardware_hash = in_id(top, "hardware_hash");
	ret->hardware = get_told_hardware(top);
	ret->state_hash = in_id(top, "state_hash");
	get_told_state(top, ret);
	ret->policy_version = in_int(top, "policy_version", 0, INT64_MAX);
	in_hex_text(top, "policy_hash", ret->policy_hash);
	struct spot allow = in_member(top, "allow_hash");
	ret->knows_allowances = in_present(&allow);
	if (ret->knows_allowances)
		in_hex_text(top, "allow_hash", ret->allow_hash);
	ret->anchors_version = in_int(top, "anchors_version", 0, INT64_MAX);
	ret->task_seen = in_int(top, "task_seen", 0, INT64_MAX);
	in_hex_text(top, "epoch", ret->epoch);
	get_told_streams(top, ret);
	ret->sent_us = in_int(top, "sent_us", 0, TIME_END);
}

int wire_get_sync_up(struct arena *a, const char *text, size_t n, struct sync_up *ret, struct err *e)
{
	struct reading in;
	struct spot top = in_open(&in, a, text, n, e);
	if (!in.r)
		get_sync_up(&top, ret);
	return in_close(&top);
}

static void put_need(struct buf *b, unsigned need)
{
	const char *comma = "";
	if (!need)
		return;
	out(b, ",\"need\":[");
	for (size_t i = 0; i < sizeof needs / sizeof *needs; i++) {
		if (!(need & need_bits[i]))
			continue;
		out_text(b, comma, needs[i]);
		comma = ",";
	}
	out(b, "]");
}

static void put_policy(struct buf *b, const struct sync_down *m)
{
	if (!m->policy_json)
		return;
	out_hex_text(b, ",\"policy\":{\"hash\":", m->policy_hash);
	out_json(b, ",\"settings\":", m->policy_json);
	out_int(b, ",\"version\":", m->policy_version);
	out(b, "}");
}

static void put_marks(struct buf *b, const struct sync_down *m)
{
	out(b, ",\"streams\":[");
	for (size_t i = 0; i < m->n_streams; i++) {
		out_int(b, i ? ",{\"hwm\":" : "{\"hwm\":", m->streams[i].hwm);
		out_hex(b, ",\"hwm_id\":", m->streams[i].hwm_id, sizeof m->streams[i].hwm_id);
		out_hex(b, ",\"id\":", m->streams[i].id.b, ID_BYTES);
		out(b, "}");
	}
	out(b, "]");
}

static void put_tasks(struct buf *b, const struct sync_down *m)
{
	if (!m->n_tasks)
		return;
	out(b, ",\"tasks\":[");
	for (size_t i = 0; i < m->n_tasks; i++) {
		const struct sync_task *t = &m->tasks[i];
		const char *kind = task_kind_name(t->task.kind);
		if (!kind && !b->error)
			b->error = -EINVAL;
		out_json(b, i ? ",{\"args\":" : "{\"args\":", t->args);
		out_int(b, ",\"expires_us\":", t->task.expires_us);
		out_int(b, ",\"id\":", t->task.id);
		out_text(b, ",\"kind\":", kind);
		out(b, "}");
	}
	out(b, "]");
}

static void put_allow(struct buf *b, const struct allow_list *l)
{
	out_hex_text(b, "\"allow\":{\"hash\":", l->hash);
	out(b, ",\"list\":[");
	for (size_t i = 0; i < l->n; i++) {
		out_text(b, i ? ",{\"reason\":" : "{\"reason\":", l->v[i].reason);
		out_hex(b, ",\"sha256\":", l->v[i].sha256, SHA256_BYTES);
		out_int(b, ",\"until_us\":", l->v[i].until_us);
		out(b, "}");
	}
	out(b, "]},");
}

void wire_put_sync_down(struct buf *b, const struct sync_down *m)
{
	out(b, "{");
	if (m->allow)
		put_allow(b, m->allow);
	if (m->anchors) {
		out(b, "\"anchors\":");
		put_anchors(b, m->anchors);
		out(b, ",");
	}
	out_hex(b, "\"branch\":", m->branch.b, ID_BYTES);
	out_int(b, ",\"counter\":", m->counter);
	out_hex_text(b, ",\"epoch\":", m->epoch);
	put_need(b, m->need);
	out_int(b, ",\"next_s\":", m->next_s);
	put_policy(b, m);
	out_int(b, ",\"server_time_us\":", m->server_time_us);
	put_marks(b, m);
	put_tasks(b, m);
	out(b, ",\"v\":1}");
}

static void get_need(const struct spot *top, struct sync_down *ret)
{
	struct spot list = in_member(top, "need");
	if (!in_present(&list))
		return;
	size_t n = in_list(&list, 0, MAX_SHORT_TEXT);
	for (size_t i = 0; i < n; i++) {
		struct spot item = in_item(&list, i);
		size_t len;
		const char *text = spot_text(&item, MAX_SHORT_TEXT, &len);
		for (size_t k = 0; k < sizeof needs / sizeof *needs; k++)
			if (strcmp(text, needs[k]) == 0)
				ret->need |= need_bits[k];
	}
}

static void get_policy(const struct spot *top, struct sync_down *ret)
{
	struct spot s = in_member(top, "policy");
	if (!in_present(&s) || !in_object(&s))
		return;
	in_hex_text(&s, "hash", ret->policy_hash);
	ret->policy_json = in_json(&s, "settings", MAX_EVENT_BODY);
	ret->policy_version = in_int(&s, "version", 0, INT64_MAX);
}

static void get_down_anchors(const struct spot *top, struct sync_down *ret)
{
	struct spot s = in_member(top, "anchors");
	if (!in_present(&s))
		return;
	ret->anchors = in_take(&s, sizeof *ret->anchors);
	if (ret->anchors)
		get_anchors(&s, ret->anchors);
}

static void get_allowances(const struct spot *s, struct allow_list *ret)
{
	struct spot list = in_member(s, "list");
	ret->n = in_list(&list, 0, MAX_ALLOWANCES);
	struct allowance *v = in_take(&list, ret->n * sizeof *v);
	ret->v = v;
	for (size_t i = 0; !s->in->r && i < ret->n; i++) {
		struct spot item = in_item(&list, i);
		if (!in_object(&item))
			return;
		in_hex(&item, "sha256", v[i].sha256, SHA256_BYTES);
		v[i].until_us = in_int(&item, "until_us", 0, TIME_END);
		v[i].reason = in_text(&item, "reason", MAX_ALLOW_REASON);
	}
}

static void get_allow(const struct spot *top, struct sync_down *ret)
{
	struct spot s = in_member(top, "allow");
	if (!in_present(&s) || !in_object(&s))
		return;
	struct allow_list *list = in_take(&s, sizeof *list);
	if (!list)
		return;
	in_hex_text(&s, "hash", list->hash);
	get_allowances(&s, list);
	const char *fault = s.in->r ? NULL : allow_list_fault(list);
	if (fault)
		in_fail(&s, -EINVAL, fault);
	ret->allow = list;
}

static void get_task(const struct spot *s, struct sync_task *ret)
{
	if (!in_object(s))
		return;
	ret->args = in_json(s, "args", MAX_TASK_ARGS);
	ret->task.expires_us = in_int(s, "expires_us", 0, TIME_END);
	ret->task.id = in_int(s, "id", 1, INT64_MAX);
	const char *kind = in_text(s, "kind", MAX_SHORT_TEXT);
	/* A kind of a newer centre must not end the talk: it is handed on as 0, to be answered as refused. */
	if (task_kind_find(kind, &ret->task.kind))
		ret->task.kind = 0;
}

static void get_tasks(const struct spot *top, struct sync_down *ret)
{
	struct spot list = in_member(top, "tasks");
	if (!in_present(&list))
		return;
	ret->n_tasks = in_list(&list, 0, MAX_TASKS_ANSWER);
	for (size_t i = 0; i < ret->n_tasks; i++) {
		struct spot item = in_item(&list, i);
		get_task(&item, &ret->tasks[i]);
	}
}

static void get_marks(const struct spot *top, struct sync_down *ret)
{
	struct spot list = in_member(top, "streams");
	ret->n_streams = in_list(&list, 0, MAX_SYNC_STREAMS);
	for (size_t i = 0; i < ret->n_streams; i++) {
		struct spot item = in_item(&list, i);
		if (!in_object(&item))
			return;
		ret->streams[i].id = in_id(&item, "id");
		ret->streams[i].hwm = in_int(&item, "hwm", 0, INT64_MAX);
		in_hex(&item, "hwm_id", ret->streams[i].hwm_id, sizeof ret->streams[i].hwm_id);
	}
}

static void get_sync_down(const struct spot *top, struct sync_down *ret)
{
	*ret = (struct sync_down){0};
	in_version(top);
	ret->server_time_us = in_int(top, "server_time_us", 0, TIME_END);
	in_hex_text(top, "epoch", ret->epoch);
	ret->branch = in_id(top, "branch");
	ret->counter = in_int(top, "counter", 1, INT64_MAX);
	get_need(top, ret);
	get_policy(top, ret);
	get_allow(top, ret);
	get_down_anchors(top, ret);
	get_tasks(top, ret);
	get_marks(top, ret);
	ret->next_s = in_int(top, "next_s", 0, INT32_MAX);
}

int wire_get_sync_down(struct arena *a, const char *text, size_t n, struct sync_down *ret, struct err *e)
{
	struct reading in;
	struct spot top = in_open(&in, a, text, n, e);
	if (!in.r)
		get_sync_down(&top, ret);
	return in_close(&top);
}

static void get_setting(const struct spot *top, enum setting_id id, struct policy *ret)
{
	const struct setting_def *d = &setting_defs[id];
	struct spot s = in_member(top, d->name);
	ret->set[id].value = d->standard;
	if (s.v && d->audience & FOR_AGENT)
		ret->set[id].value = in_int(top, d->name, d->min, d->max);
}

int wire_get_settings(const char *policy_json, int64_t version, struct policy *ret, struct err *e)
{
	struct reading in;
	struct policy p = {.version = version};
	struct spot top = in_open(&in, NULL, policy_json, strlen(policy_json), e);
	for (unsigned id = 0; !in.r && id < SETTING_COUNT; id++)
		get_setting(&top, (enum setting_id)id, &p);
	int r = in_close(&top);
	if (!r)
		*ret = p;
	return r;
}
