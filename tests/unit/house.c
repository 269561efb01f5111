#include "house.h"

#include "rnd.h"

#include <stdio.h>
#include <string.h>

int house_up(void **state)
{
	struct err e = {0};
	int32_t day;
	fixture_database(state);
	day_parse("2022-01-01", &day);
	const struct store_birth birth = {"Tỉnh Đồng Tháp", "tinh dong thap", day_first_us(day)};
	if (store_create(fixture_where(), &birth, &e))
		fail_msg("%s", e.text);
	struct house *h = calloc(1, sizeof *h);
	if (db_open(&h->db, fixture_where(), DB_WRITE, &e))
		fail_msg("%s", e.text);
	assert_int_equal(desk_new(&h->desk), 0);
	*state = h;
	return 0;
}

int house_down(void **state)
{
	struct house *h = *state;
	desk_free(h->desk);
	db_close(h->db);
	free(h);
	return fixture_drop(state);
}

int64_t house_day(const char *iso)
{
	int32_t day;
	assert_int_equal(day_parse(iso, &day), 0);
	return day_first_us(day) + 12 * 3600 * US_PER_S;
}

struct as_of house_at(int64_t us)
{
	return (struct as_of){.at = us, .rev = INT64_MAX, .known_at = TIME_END};
}

const struct ledger_entry *house_begin(struct house *h, int64_t us)
{
	clock_simulate(us);
	assert_int_equal(db_begin(h->db), 0);
	assert_int_equal(ledger_begin(h->db, &h->l), 0);
	return &h->l;
}

void house_end(struct house *h)
{
	const struct ledger_who who = {"system", ""};
	assert_int_equal(ledger_end(h->db, &h->l, &who, "test", "test", NODE_PROVINCE, "{}"), 0);
	assert_int_equal(db_commit(h->db), 0);
}

void house_undo(struct house *h)
{
	db_rollback(h->db);
}

static int64_t make_node(struct house *h, enum node_kind kind, int64_t above, const char *code, const char *name)
{
	static int64_t order;
	struct err e = {0};
	int64_t id = 0;
	const struct unit_statement s = {.valid_from = h->l.recorded_at,
	    .valid_to = TIME_END,
	    .present = true,
	    .parent_id = above,
	    .code = code,
	    .name = name,
	    .sort_order = ++order};
	if (unit_create(h->db, &h->l, kind, &s, &id, &e))
		fail_msg("%s", e.text);
	return id;
}

int64_t house_group(struct house *h, const char *code, const char *name)
{
	return make_node(h, NODE_KIND_GROUP, NODE_PROVINCE, code, name);
}

int64_t house_unit(struct house *h, int64_t above, const char *code, const char *name)
{
	return make_node(h, NODE_KIND_UNIT, above, code, name);
}

int64_t house_pool(struct house *h, int64_t quantity)
{
	struct pool_statement s = {.valid_from = h->l.recorded_at,
	    .valid_to = TIME_END,
	    .present = true,
	    .contract = "01/HĐ",
	    .supplier = "Nhà cung cấp",
	    .quantity = quantity};
	struct err e = {0};
	int64_t id = 0;
	day_parse("2022-01-01", &s.start_day);
	day_parse("2022-12-31", &s.end_day);
	if (licence_state_pool(h->db, &h->l, &s, &id, &e))
		fail_msg("%s", e.text);
	return id;
}

int64_t house_allocate(struct house *h, int64_t pool_id, int64_t node_id, int64_t amount)
{
	const struct licence_line lines[] = {{pool_id, 0, -amount}, {pool_id, node_id, amount}};
	const struct licence_document d = {
	    .present = true, .valid_from = h->l.recorded_at, .number = "12/QĐ", .n_lines = 2, .lines = lines};
	struct err e = {0};
	int64_t id = 0;
	if (licence_state_document(h->db, &h->l, &d, &id, &e))
		fail_msg("%s", e.text);
	return id;
}

int64_t house_machine(struct house *h, const char *name, int64_t token_node)
{
	char uid[MACHINE_UID_TEXT];
	int64_t id = 0;
	rnd_hex(uid, ID_BYTES);
	assert_int_equal(machine_create(h->db, &h->l, h->desk, uid, h->l.recorded_at, name, token_node, &id), 0);
	return id;
}

int64_t house_rule(struct house *h, const char *pattern, int64_t node_id)
{
	const struct naming_rule rule = {.priority = 100, .pattern = pattern, .node_id = node_id, .note = ""};
	struct err e = {0};
	int64_t id = 0;
	if (naming_state(h->db, &h->l, &rule, false, &id, NULL, &e))
		fail_msg("%s", e.text);
	return id;
}

void house_heard(struct house *h, int64_t machine_id, int64_t us)
{
	assert_int_equal(
	    db_exec(h->db, NULL,
	        "insert into heard_day(machine_id, day, first_at) values ($1, $2, $3) on conflict do nothing", "iii",
	        machine_id, (int64_t)day_of(us), us),
	    0);
}

int house_import(struct house *h, enum import_kind kind, const char *text, size_t n, const struct import_options *o,
    struct import_result *ret, struct err *e)
{
	struct unit_import *i;
	assert_int_equal(unit_import_new(&i, kind), 0);
	int r = unit_import_feed(i, text, n, e);
	if (r == 0)
		r = unit_import_finish(i, e);
	if (r == 0)
		r = unit_import_apply(i, h->db, &h->l, o, ret, e);
	unit_import_free(i);
	return r;
}

char *house_file(const char *name, size_t *ret_n)
{
	char path[512];
	snprintf(path, sizeof path, "%s/%s", DATA_FOLDER, name);
	FILE *f = fopen(path, "rb");
	assert_non_null(f);
	char *text = calloc(1, 1 << 20);
	*ret_n = fread(text, 1, (1 << 20) - 1, f);
	assert_int_equal(ferror(f), 0);
	fclose(f);
	return text;
}

struct figures *house_figures(struct house *h, struct as_of at)
{
	const struct figure_question q = {.at = at};
	struct figures *f = NULL;
	struct err e = {0};
	int r = figures_make(h->db, scope_everything(), &q, &f, &e);
	if (r)
		fail_msg("%d %s", r, e.text);
	return f;
}
