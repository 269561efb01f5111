#include "event_store.h"
#include "routes.h"
#include "say.h"
#include "str.h"

static const char *const devices[] = {"unknown", "fixed", "removable", "network", "optical", "memory"};
static const char *const actions[] = {"none", "blocked", "quarantined", "deleted", "restored", "failed"};

struct detection_form {
	int64_t node, from, until, before, limit;
	char machine[ID_TEXT];
};
static const struct form_field list_query[] = {
    FORM_I64_OF(struct detection_form, node, FORM_OPTIONAL, 1, INT64_MAX),
    FORM_TEXT_OF(struct detection_form, machine, FORM_OPTIONAL, 1),
    FORM_OF(struct detection_form, from, FORM_FROM, FORM_OPTIONAL),
    FORM_OF(struct detection_form, until, FORM_UNTIL, FORM_OPTIONAL),
    FORM_I64_OF(struct detection_form, before, FORM_OPTIONAL, 1, INT64_MAX),
    FORM_I64_OF(struct detection_form, limit, FORM_OPTIONAL, 1, MAX_PAGE),
};

static json_t *say_hash(bool has, const uint8_t *hash, size_t n)
{
	char hex[2 * SHA256_BYTES + 1];

	if (!has)
		return json_null();
	hex_encode(hex, hash, n);
	return json_string(hex);
}

static json_t *say_path(int64_t form, const void *raw, size_t n, const char *display)
{
	char *coded = malloc(4 * ((n + 2) / 3) + 1);
	json_t *o = NULL;

	if (coded) {
		base64_encode(coded, raw, n);
		o = json_pack("{s:s, s:s, s:o}", "form", form == PATH_UTF16 ? "utf16" : "bytes", "raw", coded,
		    "display", say_text(display));
	}
	free(coded);
	return o;
}

json_t *say_found(const struct detection *d)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:s, s:s}", "engine", say_text(d->engine), "name",
	    say_text(d->name), "type", say_text(d->type), "path",
	    say_path(d->path.form, d->path.raw, d->path.n, d->path.display), "md5",
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
	bool full;
	int r = CALL_QUERY(c, list_query, &f, NULL);

	if (!r) {
		q = (struct detection_query){
		    f.node, f.machine[0] ? f.machine : NULL, f.from, f.until, f.before, f.limit};
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

static const struct route routes[] = {
    ROUTE("GET", "/api/v1/detections", MAY_READ_DETECTIONS, AT_QUERY_NODE, 0, list),
};
const struct route_table detection_table = ROUTE_TABLE(routes);
