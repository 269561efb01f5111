#include "house.h"

#include <string.h>

static void expect_error(struct house *h, enum import_kind kind, const char *text, size_t n, const char *error)
{
	const struct import_options o = {.document = "1/QĐ"};
	struct import_result result;
	struct err e = {0};
	int64_t before, after;
	assert_int_equal(db_row(h->db, "select count(*) from node", "", "i", &before), 0);
	house_begin(h, house_day("2022-02-01"));
	assert_int_not_equal(house_import(h, kind, text, n, &o, &result, &e), 0);
	house_undo(h);
	assert_string_equal(e.text, error);
	assert_int_equal(db_row(h->db, "select count(*) from node", "", "i", &after), 0);
	assert_int_equal(after, before);
}

#define EXPECT(kind, text, error) expect_error(h, kind, text, sizeof(text) - 1, error)

static void import_groups(struct house *h)
{
	static const char groups[] = "code,name\ng,Khối\n";
	const struct import_options o = {0};
	struct import_result result;
	struct err e = {0};
	house_begin(h, house_day("2022-01-02"));
	assert_int_equal(house_import(h, IMPORT_GROUPS, groups, sizeof groups - 1, &o, &result, &e), 0);
	house_end(h);
}

static void errors_name_line_and_column(void **state)
{
	struct house *h = *state;
	import_groups(h);
	EXPECT(IMPORT_UNITS, "", "line 1: the list is empty, even of its head");
	EXPECT(IMPORT_UNITS, "code,name,group\n", "line 1: the column \"allocated\" is missing");
	EXPECT(IMPORT_UNITS, "code,name,group,allocatd\n", "line 1, column 4: \"allocatd\" is no column of this list");
	EXPECT(IMPORT_UNITS, "code,name,group,allocated,code\n", "line 1, column 5: \"code\" stands twice");
	EXPECT(IMPORT_UNITS,
	    "\xef\xbb\xbf"
	    "code,name,group,allocated\r\nA,Sở A,g,-5\r\n",
	    "line 2, column 4 (allocated): \"-5\" is no whole number from 0 to 100000000");
	EXPECT(IMPORT_UNITS, "code,name,group,allocated\nA,Sở A,g\n", "line 2: 3 columns instead of 4");
	EXPECT(IMPORT_UNITS, "code,name,group,allocated\nA,Sở A,g,\nB,Sở B,g,\n\na,Sở C,g,\n",
	    "line 5, column 1 (code): a stands in line 2 already");
	EXPECT(IMPORT_UNITS, "code,name,group,allocated\nA,Sở A,h,\n",
	    "line 2, column 3 (group): there is no group or unit h");
	EXPECT(IMPORT_UNITS, "code,name,group,allocated\nA,Sở A,g,\nB,Sở B,C,\nC,Sở C,g,\n",
	    "line 3, column 3 (group): the unit C stands further below");
	EXPECT(IMPORT_UNITS, "code,name,group,allocated\nA,,g,\n", "line 2, column 2 (name): is empty");
	EXPECT(IMPORT_UNITS, "code,name,group,allocated\nA A,Sở,g,\n",
	    "line 2: the code \"A A\" has a character other than letters, digits, \".\", \"_\", \"-\"");
	EXPECT(IMPORT_UNITS, "code,name,group,allocated\nA,\"Sở\x01\",g,\n",
	    "line 2, column 2 (name): has a character that no name may have");
	EXPECT(IMPORT_UNITS, "code,name,group,allocated\nA,S\xff,g,\n", "line 2, column 2 (name): not UTF-8");
	EXPECT(IMPORT_UNITS, "code,name,group,allocated\nA,Sở A,g,5\n",
	    "line 2, column 4 (allocated): licences are allocated from a pool, and none is named");
	EXPECT(IMPORT_UNITS, "code,name,group,allocated\ng,Sở A,g,\n",
	    "line 2, column 1 (code): g is the code of \"Khối\" already");
	EXPECT(IMPORT_DECLARED, "code,servers,workstations\nA,1,2\n", "line 2, column 1 (code): there is no unit A");
	EXPECT(IMPORT_DECLARED, "code,servers,workstations\nA,,2\n",
	    "line 2, column 2 (servers): \"\" is no whole number from 0 to 100000000");
}

static void a_list_says_how_things_shall_be(void **state)
{
	struct house *h = *state;
	struct import_result result;
	struct err e = {0};
	import_groups(h);
	house_begin(h, house_day("2022-02-01"));
	struct import_options o = {.document = "1/QĐ", .pool_id = house_pool(h, 100)};
	/* decomposed letters, a unit below a unit, columns in another order */
	static const char first[] =
	    "name,allocated,code,group\n\"So\xcc\x9b\xcc\x89 A\",30,A,g\nChi cục,20,AB,A\nSở C,,C,g\n";
	assert_int_equal(house_import(h, IMPORT_UNITS, first, sizeof first - 1, &o, &result, &e), 0);
	house_end(h);
	assert_int_equal(result.created, 3);
	struct tree *t;
	assert_int_equal(tree_load_now(h->db, &t), 0);
	assert_string_equal(tree_by_code(t, "a")->name, "Sở A");
	assert_string_equal(tree_by_code(t, "a")->name_fold, "so a");
	assert_int_equal(tree_by_code(t, "AB")->parent_id, tree_by_code(t, "A")->id);
	tree_free(t);
	house_begin(h, house_day("2022-02-02"));
	static const char second[] = "code,name,group,allocated\nA,Sở A,g,10\nAB,Chi cục B,A,20\nC,Sở C,g,\n";
	o.document = "2/QĐ";
	assert_int_equal(house_import(h, IMPORT_UNITS, second, sizeof second - 1, &o, &result, &e), 0);
	house_end(h);
	assert_int_equal(result.created, 0);
	assert_int_equal(result.changed, 1);
	assert_int_equal(result.unchanged, 2);
	assert_int_not_equal(result.doc_id, 0);
	struct figures *f = house_figures(h, house_at(house_day("2022-02-01")));
	assert_int_equal(f->total.allocated, 50);
	assert_int_equal(f->groups[0].n_rows, 2);
	figures_free(f);
	f = house_figures(h, house_at(house_day("2022-02-02")));
	assert_int_equal(f->total.allocated, 30);
	figures_free(f);
	house_begin(h, house_day("2022-02-03"));
	static const char third[] = "code,servers,workstations\nA,1,9\nC,0,5";
	assert_int_equal(house_import(h, IMPORT_DECLARED, third, sizeof third - 1, &o, &result, &e), 0);
	house_end(h);
	assert_int_equal(result.declared, 2);
	f = house_figures(h, house_at(house_day("2022-02-03")));
	assert_true(f->total.existing_known);
	assert_int_equal(f->total.existing, 15);
	figures_free(f);
}

static void a_gigabyte_is_refused_long_before_its_end(void **state)
{
	struct unit_import *i;
	struct err e = {0};
	char block[65536];
	size_t fed = 0;
	int r = 0;
	(void)state;
	assert_int_equal(unit_import_new(&i, IMPORT_DECLARED), 0);
	static const char head[] = "code,servers,workstations\n";
	assert_int_equal(unit_import_feed(i, head, sizeof head - 1, &e), 0);
	memset(block, 'A', sizeof block);
	/* one endless field first */
	r = unit_import_feed(i, block, sizeof block, &e);
	assert_int_equal(r, -EMSGSIZE);
	assert_string_equal(e.text, "line 2, column 1 (code): longer than 4096 bytes");
	unit_import_free(i);
	/* then endless rows */
	memset(&e, 0, sizeof e);
	assert_int_equal(unit_import_new(&i, IMPORT_DECLARED), 0);
	assert_int_equal(unit_import_feed(i, head, sizeof head - 1, &e), 0);
	for (r = 0; r == 0 && fed < (size_t)1 << 30; fed += 8)
		r = unit_import_feed(i, "AAA,1,1\n", 8, &e);
	assert_int_equal(r, -EMSGSIZE);
	assert_string_equal(e.text, "line 20002: more than 20000 rows");
	assert_in_range(fed, 1, 1 << 20);
	assert_int_equal(unit_import_feed(i, "AAA,1,1\n", 8, NULL), -EMSGSIZE);
	unit_import_free(i);
}

static int run(const char *kind)
{
	const struct CMUnitTest tests[] = {
	    EACH_WITH(errors_name_line_and_column, house_up, house_down),
	    EACH_WITH(a_list_says_how_things_shall_be, house_up, house_down),
	    cmocka_unit_test(a_gigabyte_is_refused_long_before_its_end),
	};
	char name[64];
	snprintf(name, sizeof name, "import-%s", kind);
	return cmocka_run_group_tests_name(name, tests, NULL, NULL);
}

int main(int argc, char **argv)
{
	return fixture_main(argc, argv, run);
}
