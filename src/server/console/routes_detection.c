#include "detection_group.h"
#include "event_store.h"
#include "routes.h"
#include "say.h"
#include "str.h"

static const char *const devices[] = {"unknown", "fixed", "removable", "network", "optical", "memory"};
static const char *const actions[] = {"none", "blocked", "quarantined", "deleted", "restored", "failed"};

struct detection_form {
	int64_t node, from, until, before, limit;
	char machine[ID_TEXT], name[MAX_TEXT + 1], sha256[2 * SHA256_BYTES + 1];
	char by[16], order[16], cursor[MAX_CURSOR];
};
#define WHICH_FIELDS                                                                                                   \
	FORM_I64_OF(struct detection_form, node, FORM_OPTIONAL, 1, INT64_MAX),                                         \
	    FORM_TEXT_OF(struct detection_form, machine, FORM_OPTIONAL, 1),                                            \
	    FORM_TEXT_OF(struct detection_form, name, FORM_OPTIONAL, 1),                                               \
	    FORM_TEXT_OF(struct detection_form, sha256, FORM_OPTIONAL, 1),                                             \
	    FORM_OF(struct detection_form, from, FORM_FROM, FORM_OPTIONAL),                                            \
	    FORM_OF(struct detection_form, until, FORM_UNTIL, FORM_OPTIONAL),                                          \
	    FORM_I64_OF(struct detection_form, limit, FORM_OPTIONAL, 1, MAX_PAGE)
static const struct form_field list_query[] = {
    WHICH_FIELDS,
    FORM_I64_OF(struct detection_form, before, FORM_OPTIONAL, 1, INT64_MAX),
};
static const struct form_field group_query[] = {
    WHICH_FIELDS,
    FORM_TEXT_OF(struct detection_form, by, FORM_OPTIONAL, 1),
    FORM_TEXT_OF(struct detection_form, order, FORM_OPTIONAL, 1),
    FORM_TEXT_OF(struct detection_form, cursor, FORM_OPTIONAL, 0),
};

static json_t *say_hash(bool has, const uint8_t *hash, size_t n)
{
	char hex[2 * SHA256_BYTES + 1];

	if (!has)
		return json_null();
	hex_encode(hex, hash, n);
	return json_string(hex);
}

json_t *say_path(const struct os_path *p)
{
	char *coded = malloc(4 * ((p->n + 2) / 3) + 1);
	json_t *o = NULL;

	if (coded) {
		base64_encode(coded, p->raw, p->n);
		o = json_pack("{s:s, s:s, s:o}", "form", p->form == PATH_UTF16 ? "utf16" : "bytes", "raw", coded,
		    "display", say_text(p->display));
	}
	free(coded);
	return o;
}

int read_sha256(struct call *c, const char *text, uint8_t room[SHA256_BYTES], const uint8_t **ret)
{
	*ret = NULL;
	if (!*text)
		return 0;
	if (strlen(text) != 2 * SHA256_BYTES || hex_decode(room, SHA256_BYTES, text))
		return call_refuse(c, PROBLEM_INVALID, "sha256", "64 hex digits are expected");
	*ret = room;
	return 0;
}

json_t *say_found(const struct detection *d)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:s, s:s}", "engine", say_text(d->engine), "name",
	    say_text(d->name), "type", say_text(d->type), "path", say_path(&d->path), "md5",
	    say_hash(d->has_md5, d->md5, MD5_BYTES), "sha256", say_hash(d->has_sha256, d->sha256, SHA256_BYTES),
	    "device", devices[d->device], "action", actions[d->action]);
}

struct found {
	json_t *all;
	int64_t last;
};

static int add_detection(void *arg, const struct detection_row *d)
{
	struct found *f = arg;

	f->last = d->pos;
	return json_array_append_new(
	           f->all, json_pack("{s:I, s:o, s:o, s:s, s:o, s:I, s:o, s:s}", "position", (json_int_t)d->pos, "at",
	                       say_instant(d->at_us), "received_at", say_instant(d->received_at_us), "machine",
	                       d->machine, "machine_name", say_text(d->machine_name), "node", (json_int_t)d->node_id,
	                       "detection", say_found(&d->detection), "request", d->request))
	           ? -ENOMEM
	           : 0;
}

static int list(struct db *db, struct call *c)
{
	struct detection_form f = {.limit = STANDARD_PAGE};
	struct detection_query q = {0};
	struct found found = {json_array(), 0};
	uint8_t sha256[SHA256_BYTES];
	bool full;
	int r = CALL_QUERY(c, list_query, &f, NULL);

	if (!r)
		r = read_sha256(c, f.sha256, sha256, &q.sha256);
	if (!r) {
		q = (struct detection_query){.node_id = f.node,
		    .machine = f.machine[0] ? f.machine : NULL,
		    .from_us = f.from,
		    .until_us = f.until,
		    .before_pos = f.before,
		    .limit = f.limit,
		    .name = f.name[0] ? f.name : NULL,
		    .sha256 = q.sha256};
		r = detection_list(db, c->scope, &q, add_detection, &found);
	}
	full = json_array_size(found.all) == (size_t)f.limit;
	if (!r)
		return call_json(c, 200,
		    json_pack(
		        "{s:o, s:o}", "detections", found.all, "next", full ? json_integer(found.last) : json_null()));
	json_decref(found.all);
	return r;
}

static int word(const char *text, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (words[i] && str_eq(words[i], text))
			return (int)i;
	return -ENOENT;
}

static const char *const group_keys[] = {[BY_MALWARE] = "malware", [BY_HASH] = "hash", [BY_MACHINE] = "machine"};
static const char *const orders[] = {[ORDER_LAST] = "last", [ORDER_FOUND] = "found", [ORDER_MACHINES] = "machines"};

struct group_call {
	uint8_t sha256[SHA256_BYTES];
	char order[24], key[MAX_TEXT + 1];
};

/* What the caller asked for as the library takes it; texts lie in f and g. */
static int read_groups(
    struct call *c, const struct detection_form *f, struct group_call *g, struct detection_group_query *q)
{
	int by = f->by[0] ? word(f->by, group_keys, sizeof group_keys / sizeof *group_keys) : BY_MALWARE;
	int order = f->order[0] ? word(f->order, orders, sizeof orders / sizeof *orders) : ORDER_LAST;

	if (by < 0)
		return call_refuse(c, PROBLEM_INVALID, "by", "malware, hash or machine is expected");
	if (order < 0)
		return call_refuse(c, PROBLEM_INVALID, "order", "last, found or machines is expected");
	*q = (struct detection_group_query){.by = (enum detection_by)by,
	    .order = (enum detection_order)order,
	    .node_id = f->node,
	    .machine = f->machine[0] ? f->machine : NULL,
	    .from_us = f->from,
	    .until_us = f->until,
	    .name = f->name[0] ? f->name : NULL,
	    .paged = f->cursor[0] != 0,
	    .after_key = g->key,
	    .limit = f->limit};
	if (read_cursor(f->cursor, g->order, sizeof g->order, g->key, sizeof g->key) ||
	    (q->paged && str_i64(g->order, 0, INT64_MAX, &q->after_order)))
		return call_refuse(c, PROBLEM_INVALID, "cursor", "this is no cursor of this list");
	return read_sha256(c, f->sha256, g->sha256, &q->sha256);
}

static json_t *say_actions(const int64_t n[ACTION_FAILED + 1])
{
	json_t *o = json_object();

	for (int a = 0; a <= ACTION_FAILED; a++)
		json_object_set_new(o, actions[a], json_integer(n[a]));
	return o;
}

struct groups {
	json_t *all;
	char order[24], key[MAX_TEXT + 1];
};

static int add_group(void *arg, const struct detection_group *g)
{
	struct groups *to = arg;

	(void)snprintf(to->order, sizeof to->order, "%lld", (long long)g->order);
	str_copy(to->key, sizeof to->key, g->key);
	return json_array_append_new(
	           to->all, json_pack("{s:o, s:o, s:o, s:o, s:I, s:I, s:o, s:o, s:o, s:{s:I, s:I, s:I}}", "key",
	                        say_text(g->key), "name", say_text(g->name), "machine_name", say_text(g->machine_name),
	                        "node", g->node_id ? json_integer(g->node_id) : json_null(), "found",
	                        (json_int_t)g->count.found, "machines", (json_int_t)g->count.machines, "first_at",
	                        say_instant(g->count.first_at), "last_at", say_instant(g->count.last_at), "actions",
	                        say_actions(g->count.by_action), "quarantine", "stands", (json_int_t)g->stands,
	                        "restored", (json_int_t)g->restored, "deleted", (json_int_t)g->deleted))
	           ? -ENOMEM
	           : 0;
}

static int groups(struct db *db, struct call *c)
{
	struct detection_form f = {.limit = STANDARD_PAGE};
	struct groups to = {.all = json_array()};
	struct detection_group_query q;
	struct group_call g;
	int64_t total = 0;
	bool full;
	int r = CALL_QUERY(c, group_query, &f, NULL);

	if (!r)
		r = read_groups(c, &f, &g, &q);
	if (!r)
		r = detection_groups(db, c->scope, &q, add_group, &to, &total);
	full = json_array_size(to.all) == (size_t)f.limit;
	if (!r)
		return call_json(c, 200,
		    json_pack("{s:o, s:I, s:o}", "groups", to.all, "total", (json_int_t)total, "next",
		        full ? say_cursor(to.order, to.key) : json_null()));
	json_decref(to.all);
	return r;
}

static const struct route routes[] = {
    ROUTE("GET", "/api/v1/detections/groups", MAY_READ_DETECTIONS, AT_QUERY_NODE, 0, groups),
    ROUTE("GET", "/api/v1/detections", MAY_READ_DETECTIONS, AT_QUERY_NODE, 0, list),
};
const struct route_table detection_table = ROUTE_TABLE(routes);
