#include "quarantine_store.h"
#include "routes.h"
#include "say.h"
#include "str.h"

#include <inttypes.h>

struct quarantine_form {
	int64_t node, limit;
	char machine[ID_TEXT], sha256[2 * SHA256_BYTES + 1], state[16], cursor[MAX_CURSOR];
};
static const struct form_field list_query[] = {
    FORM_I64_OF(struct quarantine_form, node, FORM_OPTIONAL, 1, INT64_MAX),
    FORM_TEXT_OF(struct quarantine_form, machine, FORM_OPTIONAL, 1),
    FORM_TEXT_OF(struct quarantine_form, sha256, FORM_OPTIONAL, 1),
    FORM_TEXT_OF(struct quarantine_form, state, FORM_OPTIONAL, 1),
    FORM_TEXT_OF(struct quarantine_form, cursor, FORM_OPTIONAL, 0),
    FORM_I64_OF(struct quarantine_form, limit, FORM_OPTIONAL, 1, MAX_PAGE),
};

struct items {
	json_t *all;
	char at[24], behind[24 + ID_TEXT]; /* machine's number and item */
};

static int add_item(void *arg, const struct quarantine_row *q)
{
	char item[ID_TEXT], sha256[2 * SHA256_BYTES + 1];
	struct items *to = arg;

	hex_encode(item, q->item.b, ID_BYTES);
	hex_encode(sha256, q->sha256, SHA256_BYTES);
	(void)snprintf(to->at, sizeof to->at, "%" PRId64, q->changed_at);
	(void)snprintf(to->behind, sizeof to->behind, "%s%" PRId64, item, q->machine_id);
	return json_array_append_new(
	           to->all, json_pack("{s:s, s:s, s:o, s:I, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "item", item,
	                        "machine", q->machine, "machine_name", say_text(q->machine_name), "node",
	                        (json_int_t)q->node_id, "state", quarantine_state_name(q->state), "sha256", sha256,
	                        "name", say_text(q->name), "path", say_path(&q->path), "taken_at",
	                        say_instant(q->taken_at), "changed_at", say_instant(q->changed_at), "why",
	                        say_text(q->why), "task", q->task_id ? json_integer(q->task_id) : json_null()))
	           ? -ENOMEM
	           : 0;
}

static int read_list(
    struct call *c, const struct quarantine_form *f, uint8_t room[SHA256_BYTES], struct quarantine_query *q)
{
	char at[24], behind[24 + ID_TEXT];

	*q = (struct quarantine_query){
	    .node_id = f->node, .machine = f->machine[0] ? f->machine : NULL, .limit = f->limit};
	if (f->state[0] && quarantine_state_find(f->state, &q->state))
		return call_refuse(c, PROBLEM_INVALID, "state", "stands, restored or deleted is expected");
	if (read_cursor(f->cursor, at, sizeof at, behind, sizeof behind))
		return call_refuse(c, PROBLEM_INVALID, "cursor", "this is no cursor of this list");
	if (f->cursor[0]) {
		bool good = strlen(behind) > 2 * ID_BYTES && !str_i64(at, 0, INT64_MAX, &q->before_at) &&
		            !str_i64(behind + 2 * ID_BYTES, 0, INT64_MAX, &q->before_machine);
		behind[good ? 2 * ID_BYTES : 0] = 0;
		if (!good || hex_decode(q->before_item.b, ID_BYTES, behind))
			return call_refuse(c, PROBLEM_INVALID, "cursor", "this is no cursor of this list");
	}
	return read_sha256(c, f->sha256, room, &q->sha256);
}

static int list(struct db *db, struct call *c)
{
	struct quarantine_form f = {.limit = STANDARD_PAGE};
	struct items to = {.all = json_array()};
	struct quarantine_query q;
	uint8_t room[SHA256_BYTES];
	bool full;
	int r = CALL_QUERY(c, list_query, &f, NULL);

	if (!r)
		r = read_list(c, &f, room, &q);
	if (!r)
		r = quarantine_rows(db, c->scope, &q, add_item, &to);
	full = json_array_size(to.all) == (size_t)f.limit;
	if (!r)
		return call_json(c, 200,
		    json_pack(
		        "{s:o, s:o}", "items", to.all, "next", full ? say_cursor(to.at, to.behind) : json_null()));
	json_decref(to.all);
	return r;
}

static const struct route routes[] = {
    ROUTE("GET", "/api/v1/quarantine", MAY_READ_DETECTIONS, AT_QUERY_NODE, 0, list),
};
const struct route_table quarantine_table = ROUTE_TABLE(routes);
