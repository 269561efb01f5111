#include "wire_int.h"

#include "day.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

static const char *const tristates[] = {[TRI_UNKNOWN] = "unknown", [TRI_NO] = "no", [TRI_YES] = "yes"};

static void put_tristate(struct buf *b, const char *name, enum tristate v)
{
	out_word(b, name, WORDS(tristates), v);
}

static enum tristate get_tristate(const struct spot *s, const char *name)
{
	return in_word(s, name, WORDS(tristates));
}

static void put_addresses(struct buf *b, const struct inventory *v)
{
	out(b, "{\"addresses\":[");
	for (size_t i = 0; i < v->n_addresses; i++)
		out_text(b, i ? "," : "", v->addresses[i]);
	out(b, "]");
}

static void get_addresses(const struct spot *s, struct inventory *ret)
{
	struct spot list = in_member(s, "addresses");
	ret->n_addresses = in_list(&list, 0, MAX_ADDRESSES);
	for (size_t i = 0; i < ret->n_addresses; i++) {
		struct spot item = in_item(&list, i);
		size_t n;
		const char *text = spot_text(&item, MAX_SHORT_TEXT, &n);
		ret->addresses[i] = arena_copy(s->in->arena, text, n);
		if (!ret->addresses[i])
			in_fail(&item, -ENOMEM, "no memory");
	}
}

void put_inventory(struct buf *b, const struct inventory *v)
{
	put_addresses(b, v);
	out_text(b, ",\"agent_version\":", v->agent_version);
	out_int(b, ",\"cpus\":", v->cpus);
	out_text(b, ",\"directory_path\":", v->directory_path);
	out_text(b, ",\"domain\":", v->domain);
	put_tristate(b, ",\"firewall\":", v->firewall);
	out_text(b, ",\"host_name\":", v->host_name);
	out_text(b, ",\"kernel\":", v->kernel);
	out_int(b, ",\"memory_bytes\":", v->memory_bytes);
	out_text(b, ",\"os_kind\":", v->os_kind);
	out_text(b, ",\"os_name\":", v->os_name);
	out_int(b, ",\"patches_pending\":", v->patches_pending);
	put_tristate(b, ",\"restart_needed\":", v->restart_needed);
	out_int(b, ",\"security_patches_pending\":", v->security_patches_pending);
	out(b, "}");
}

void get_inventory(const struct spot *s, struct inventory *ret)
{
	*ret = (struct inventory){0};
	if (!in_object(s))
		return;
	get_addresses(s, ret);
	ret->agent_version = in_text(s, "agent_version", MAX_TEXT);
	ret->cpus = (int32_t)in_int(s, "cpus", 0, INT32_MAX);
	ret->directory_path = in_text(s, "directory_path", MAX_PROBLEMS);
	ret->domain = in_text(s, "domain", MAX_TEXT);
	ret->firewall = get_tristate(s, "firewall");
	ret->host_name = in_text(s, "host_name", 4 * MAX_HOST_NAME); /* a bad byte may come as \xNN */
	ret->kernel = in_text(s, "kernel", MAX_TEXT);
	ret->memory_bytes = in_int(s, "memory_bytes", 0, INT64_MAX);
	ret->os_kind = in_text(s, "os_kind", MAX_SHORT_TEXT);
	ret->os_name = in_text(s, "os_name", MAX_TEXT);
	ret->patches_pending = (int32_t)in_int(s, "patches_pending", -1, INT32_MAX);
	ret->restart_needed = get_tristate(s, "restart_needed");
	ret->security_patches_pending = (int32_t)in_int(s, "security_patches_pending", -1, INT32_MAX);
}

static void put_day(struct buf *b, const char *name, int32_t day)
{
	char iso[DAY_TEXT];
	if (day <= 0) {
		out(b, name);
		out(b, "null");
		return;
	}
	day_iso(day, iso);
	out_text(b, name, iso);
}

static int32_t get_day(const struct spot *s, const char *name)
{
	struct spot d = in_member(s, name);
	int32_t day = 0;
	size_t n;
	if (json_is_null(d.v))
		return 0;
	if (day_parse(spot_text(&d, DAY_TEXT, &n), &day))
		in_fail(&d, -EINVAL, "a day (YYYY-MM-DD) or null is expected");
	return day;
}

static void put_provider(struct buf *b, const struct provider *p)
{
	out_text(b, "{\"name\":", p->name);
	out_text(b, ",\"note\":", p->note);
	put_tristate(b, ",\"on\":", p->on);
	put_tristate(b, ",\"on_access\":", p->on_access);
	out_bool(b, ",\"ours\":", p->ours);
	put_day(b, ",\"signature_day\":", p->signature_day);
	out(b, "}");
}

static void get_provider(const struct spot *s, struct provider *ret)
{
	if (!in_object(s))
		return;
	ret->name = in_text(s, "name", MAX_TEXT);
	ret->note = in_text(s, "note", MAX_TEXT);
	ret->on = get_tristate(s, "on");
	ret->on_access = get_tristate(s, "on_access");
	ret->ours = in_bool(s, "ours");
	ret->signature_day = get_day(s, "signature_day");
}

void wire_put_state(struct buf *b, const struct agent_state *s)
{
	out_bool(b, "{\"engine_ready\":", s->engine_ready);
	out(b, ",\"inventory\":");
	put_inventory(b, &s->inventory);
	out_text(b, ",\"problems\":", s->problems);
	out(b, ",\"providers\":[");
	for (size_t i = 0; i < s->n_providers; i++) {
		out(b, i ? "," : "");
		put_provider(b, &s->providers[i]);
	}
	out(b, "]}");
}

void get_state(const struct spot *s, struct agent_state *ret)
{
	*ret = (struct agent_state){0};
	if (!in_object(s))
		return;
	ret->engine_ready = in_bool(s, "engine_ready");
	struct spot inventory = in_member(s, "inventory");
	get_inventory(&inventory, &ret->inventory);
	ret->problems = in_text(s, "problems", MAX_PROBLEMS);
	struct spot list = in_member(s, "providers");
	ret->n_providers = in_list(&list, 0, MAX_PROVIDERS);
	for (size_t i = 0; i < ret->n_providers; i++) {
		struct spot item = in_item(&list, i);
		get_provider(&item, &ret->providers[i]);
	}
}

int wire_get_state(struct arena *a, const char *text, size_t n, struct agent_state *ret, struct err *e)
{
	struct reading in;
	struct spot top = in_open(&in, a, text, n, e);
	if (!in.r)
		get_state(&top, ret);
	return in_close(&top);
}

void wire_put_hardware(struct buf *b, const struct hardware *h)
{
	out(b, "[");
	for (size_t i = 0; i < h->n; i++) {
		out(b, i ? "," : "");
		out_hex(b, "{\"digest\":", h->v[i].digest.b, ID_BYTES);
		out_int(b, ",\"kind\":", h->v[i].kind);
		out(b, "}");
	}
	out(b, "]");
}

void get_hardware(const struct spot *s, struct hardware *ret)
{
	*ret = (struct hardware){0};
	size_t n = in_list(s, 0, MAX_HW_VALUES);
	for (size_t i = 0; i < n; i++) {
		struct spot item = in_item(s, i);
		if (!in_object(&item))
			return;
		ret->v[i].digest = in_id(&item, "digest");
		ret->v[i].kind = (enum hw_kind)in_int(&item, "kind", 1, HW_KIND_END - 1);
	}
	ret->n = n;
	hw_normalize(ret);
}

id16 wire_hash(const void *p, size_t n)
{
	id16 h;
	crypto_generichash(h.b, sizeof h.b, p, n, NULL, 0);
	return h;
}

static int hash_and_release(struct buf *b, id16 *ret)
{
	int r = b->error;
	if (!r)
		*ret = wire_hash(b->p, b->n);
	buf_release(b);
	return r;
}

int wire_hash_state(const struct agent_state *s, id16 *ret)
{
	struct buf b = BUF_INIT(MAX_AGENT_BODY);
	wire_put_state(&b, s);
	return hash_and_release(&b, ret);
}

int wire_hash_hardware(const struct hardware *h, id16 *ret)
{
	struct buf b = BUF_INIT(MAX_AGENT_BODY);
	wire_put_hardware(&b, h);
	return hash_and_release(&b, ret);
}
