/* Enrolment, renewal, anchors, goodbye, refusals. */
#include "wire_int.h"

#include "clock.h"

#include <errno.h>
#include <string.h>

static bool purpose_allowed(const char *p)
{
	size_t n = strspn(p, "abcdefghijklmnopqrstuvwxyz0123456789-");
	return n && n <= MAX_SHORT_TEXT && !p[n] && strcmp(p, "version") != 0;
}

/* The member of anchors behind `last` in the order of names; NULL when there is none. */
static const char *next_purpose(const struct anchors *v, const char *last, const char **ret_body)
{
	const char *next = NULL;
	for (size_t i = 0; i < v->n; i++) {
		const char *p = v->v[i].purpose;
		if (strcmp(p, last) > 0 && (!next || strcmp(p, next) < 0)) {
			next = p;
			*ret_body = v->v[i].body;
		}
	}
	return next;
}

void put_anchors(struct buf *b, const struct anchors *v)
{
	bool version_written = false;
	const char *body, *first = "{", *last = "";
	for (const char *p; (p = next_purpose(v, last, &body)); last = p) {
		if (!purpose_allowed(p) && !b->error)
			b->error = -EINVAL;
		if (!version_written && strcmp(p, "version") > 0) {
			out(b, first);
			out_int(b, "\"version\":", v->version);
			version_written = true;
			first = ",";
		}
		out_text(b, first, p);
		out_text(b, ":", body);
		first = ",";
	}
	if (!version_written) {
		out(b, first);
		out_int(b, "\"version\":", v->version);
	}
	out(b, "}");
}

static void get_anchor(const struct spot *s, struct anchors *ret)
{
	if (!purpose_allowed(s->name)) {
		in_fail(s, -EINVAL, "not a purpose");
		return;
	}
	if (ret->n == MAX_ANCHORS) {
		in_fail(s, -EMSGSIZE, "too many purposes");
		return;
	}
	size_t n;
	const char *body = spot_text(s, MAX_ANCHOR_BODY, &n);
	ret->v[ret->n].purpose = arena_text(s->in->arena, s->name);
	ret->v[ret->n].body = arena_copy(s->in->arena, body, n);
	if (!ret->v[ret->n].purpose || !ret->v[ret->n].body)
		in_fail(s, -ENOMEM, "no memory");
	ret->n++;
}

void get_anchors(const struct spot *s, struct anchors *ret)
{
	*ret = (struct anchors){0};
	if (!in_object(s))
		return;
	ret->version = in_int(s, "version", 0, INT64_MAX);
	const char *name;
	json_t *v;
	json_object_foreach(s->v, name, v)
	{
		struct spot m = {.in = s->in, .up = s, .name = name, .v = v};
		if (strcmp(name, "version") != 0)
			get_anchor(&m, ret);
		if (s->in->r)
			return;
	}
}

static void get_member_anchors(const struct spot *top, struct anchors *ret)
{
	struct spot s = in_member(top, "anchors");
	get_anchors(&s, ret);
}

void wire_put_enrol(struct buf *b, const struct wire_enrol *m)
{
	out_text(b, "{\"csr\":", m->csr);
	out(b, ",\"hardware\":");
	wire_put_hardware(b, &m->hardware);
	out_hex(b, ",\"install_id\":", m->install_id.b, ID_BYTES);
	out(b, ",\"inventory\":");
	put_inventory(b, &m->inventory);
	out_base64(b, ",\"proof\":", m->proof, sizeof m->proof);
	out_base64(b, ",\"seal_key\":", m->seal_key, sizeof m->seal_key);
	out_text(b, ",\"token\":", m->token_id);
	out(b, ",\"v\":1}");
}

static void get_enrol(const struct spot *top, struct wire_enrol *ret)
{
	uint8_t id[(WIRE_TOKEN_ID_TEXT - 1) / 2];
	in_version(top);
	ret->csr = in_text(top, "csr", MAX_CSR);
	struct spot hardware = in_member(top, "hardware");
	get_hardware(&hardware, &ret->hardware);
	ret->install_id = in_id(top, "install_id");
	struct spot inventory = in_member(top, "inventory");
	get_inventory(&inventory, &ret->inventory);
	in_base64(top, "proof", ret->proof, sizeof ret->proof);
	in_base64(top, "seal_key", ret->seal_key, sizeof ret->seal_key);
	in_hex(top, "token", id, sizeof id);
	for (size_t i = 0; i < sizeof id; i++)
		snprintf(ret->token_id + 2 * i, 3, "%02x", id[i]);
}

int wire_get_enrol(struct arena *a, const char *text, size_t n, struct wire_enrol *ret, struct err *e)
{
	struct reading in;
	struct spot top = in_open(&in, a, text, n, e);
	if (!in.r)
		get_enrol(&top, ret);
	return in_close(&top);
}

void wire_put_enrolled(struct buf *b, const struct wire_enrolled *m)
{
	out(b, "{\"anchors\":");
	put_anchors(b, &m->anchors);
	out_text(b, ",\"certificate\":", m->certificate);
	out_base64(b, ",\"confirm\":", m->confirm, sizeof m->confirm);
	out_hex(b, ",\"machine\":", m->machine.b, ID_BYTES);
	out_base64(b, ",\"secret\":", m->sealed, sizeof m->sealed);
	out_int(b, ",\"server_time_us\":", m->server_time_us);
	out(b, "}");
}

int wire_get_enrolled(struct arena *a, const char *text, size_t n, struct wire_enrolled *ret, struct err *e)
{
	struct reading in;
	struct spot top = in_open(&in, a, text, n, e);
	if (!in.r) {
		get_member_anchors(&top, &ret->anchors);
		ret->certificate = in_text(&top, "certificate", MAX_CERT);
		in_base64(&top, "confirm", ret->confirm, sizeof ret->confirm);
		ret->machine = in_id(&top, "machine");
		in_base64(&top, "secret", ret->sealed, sizeof ret->sealed);
		ret->server_time_us = in_int(&top, "server_time_us", 0, TIME_END);
	}
	return in_close(&top);
}

void wire_put_renew(struct buf *b, const struct wire_renew *m)
{
	out_text(b, "{\"csr\":", m->csr);
	out_hex(b, ",\"install_id\":", m->install_id.b, ID_BYTES);
	out(b, ",\"v\":1}");
}

int wire_get_renew(struct arena *a, const char *text, size_t n, struct wire_renew *ret, struct err *e)
{
	struct reading in;
	struct spot top = in_open(&in, a, text, n, e);
	if (!in.r) {
		in_version(&top);
		ret->csr = in_text(&top, "csr", MAX_CSR);
		ret->install_id = in_id(&top, "install_id");
	}
	return in_close(&top);
}

void wire_put_renewed(struct buf *b, const struct wire_renewed *m)
{
	out(b, "{\"anchors\":");
	put_anchors(b, &m->anchors);
	out_text(b, ",\"certificate\":", m->certificate);
	out_int(b, ",\"server_time_us\":", m->server_time_us);
	out(b, "}");
}

int wire_get_renewed(struct arena *a, const char *text, size_t n, struct wire_renewed *ret, struct err *e)
{
	struct reading in;
	struct spot top = in_open(&in, a, text, n, e);
	if (!in.r) {
		get_member_anchors(&top, &ret->anchors);
		ret->certificate = in_text(&top, "certificate", MAX_CERT);
		ret->server_time_us = in_int(&top, "server_time_us", 0, TIME_END);
	}
	return in_close(&top);
}

void wire_put_goodbye(struct buf *b, const struct wire_goodbye *m)
{
	out_text(b, "{\"reason\":", m->reason);
	out(b, ",\"v\":1}");
}

int wire_get_goodbye(struct arena *a, const char *text, size_t n, struct wire_goodbye *ret, struct err *e)
{
	struct reading in;
	struct spot top = in_open(&in, a, text, n, e);
	if (!in.r) {
		in_version(&top);
		ret->reason = in_text(&top, "reason", MAX_TEXT);
	}
	return in_close(&top);
}

void wire_put_error(struct buf *b, const struct wire_error *m)
{
	out_text(b, "{\"error\":{\"code\":", m->code);
	if (m->has_hwm) {
		out_int(b, ",\"hwm\":", m->hwm);
		out_hex(b, ",\"hwm_id\":", m->hwm_id, sizeof m->hwm_id);
	}
	out_text(b, ",\"message\":", m->message);
	out(b, "}}");
}

static void get_error(const struct spot *s, struct wire_error *ret)
{
	*ret = (struct wire_error){.code = "", .message = ""};
	if (!in_object(s))
		return;
	ret->code = in_text(s, "code", MAX_SHORT_TEXT);
	ret->message = in_text(s, "message", MAX_PROBLEMS);
	struct spot hwm = in_member(s, "hwm");
	ret->has_hwm = in_present(&hwm);
	if (!ret->has_hwm)
		return;
	ret->hwm = in_int(s, "hwm", 0, INT64_MAX);
	in_hex(s, "hwm_id", ret->hwm_id, sizeof ret->hwm_id);
}

int wire_get_error(struct arena *a, const char *text, size_t n, struct wire_error *ret, struct err *e)
{
	struct reading in;
	struct spot top = in_open(&in, a, text, n, e);
	struct spot error = in_member(&top, "error");
	if (!in.r)
		get_error(&error, ret);
	return in_close(&top);
}
