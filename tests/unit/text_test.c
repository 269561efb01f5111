#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "buf.h"
#include "csv.h"
#include "text.h"

#include <errno.h>

static void a_decomposed_name_equals_the_composed_one(void **state)
{
	(void)state;
	char a[64], b[64];
	assert_int_equal(text_nfc(a, sizeof a, "  So\xcc\x9b\xcc\x89 No\xcc\xa3\xcc\x82i vu\xcc\xa3 \xc2\xa0"), 0);
	assert_int_equal(text_nfc(b, sizeof b, "Sở Nội vụ"), 0);
	assert_string_equal(a, b);
	assert_string_equal(b, "Sở Nội vụ");
}

static void what_has_no_place_in_a_name_is_refused(void **state)
{
	(void)state;
	char a[16];
	assert_int_equal(text_nfc(a, sizeof a, "a\tb"), -EINVAL);
	assert_int_equal(text_nfc(a, sizeof a, "a\n"), -EINVAL);
	assert_int_equal(text_nfc(a, sizeof a,
	                     "a\xe2\x80\xae"
	                     "b"),
	    -EINVAL); /* turns the direction */
	assert_int_equal(text_nfc(a, sizeof a, "a\xff"), -EILSEQ);
	assert_int_equal(text_nfc(a, sizeof a, "0123456789abcdef"), -ENAMETOOLONG);
	assert_string_equal(a, "");
	assert_int_equal(text_nfc(a, sizeof a, "  0123456789abcde  "), 0);
	assert_string_equal(a, "0123456789abcde");
	assert_int_equal(text_nfc(a, sizeof a, " \xc2\xa0 "), 0);
	assert_string_equal(a, "");
}

static void search_works_without_diacritics(void **state)
{
	(void)state;
	char a[64];
	assert_int_equal(text_fold(a, sizeof a, "Sở Nội vụ"), 0);
	assert_string_equal(a, "so noi vu");
	assert_int_equal(text_fold(a, sizeof a, "ĐỒNG THÁP – Hòa Ở Đâu"), 0);
	assert_string_equal(a, "dong thap – hoa o dau");
	assert_int_equal(text_fold(a, sizeof a, "SGD\xc4\x90T"), 0);
	assert_string_equal(a, "sgddt");
}

static void names_sort_in_vietnamese_order(void **state)
{
	(void)state;
	static const char *const sorted[] = {"an", "ăn", "ân", "ba", "bà", "bả", "bã", "bá", "bạ", "ban", "da", "đa",
	    "đá", "e", "ê", "oa", "ôi", "ơi", "Sa Đéc", "Sở Xây dựng", "Sở Y tế", "u", "ư", "y"};
	char last[256] = "", key[256];
	for (size_t i = 0; i < sizeof sorted / sizeof sorted[0]; i++) {
		assert_int_equal(text_sort_key(key, sizeof key, sorted[i]), 0);
		if (strcmp(last, key) >= 0)
			fail_msg("%s is not behind %s", sorted[i], i ? sorted[i - 1] : "");
		memcpy(last, key, sizeof last);
	}
	assert_int_equal(text_sort_key(key, 4, "abc"), -ENAMETOOLONG);
}

static void a_machine_may_call_itself_anything(void **state)
{
	(void)state;
	char a[16];
	text_nfc_any(a, sizeof a, "PC\xff\n1");
	assert_string_equal(a, "PC\\xff\\x0a1");
	text_nfc_any(a, sizeof a, "0123456789abcdef");
	assert_string_equal(a, "0123456789abcde");
	text_nfc_any(a, 8, "ởởởở");
	assert_string_equal(a, "ởở");
	/* three bytes become nine in NFC */
	text_nfc_any(a, 8, "\xef\xac\xac\xef\xac\xac");
	assert_int_equal(text_nfc(a, sizeof a, a), 0);
	text_nfc_any(a, sizeof a, "");
	assert_string_equal(a, "");
}

static void width_counts_columns(void **state)
{
	(void)state;
	assert_int_equal(text_width("Sở Nội vụ"), 9);
	assert_int_equal(text_width("e\xcc\x81"), 1);
	assert_int_equal(text_width("a\xff"), 2);
}

struct seen {
	struct buf text; /* fields joined by |, records by / */
	int64_t line;
	int stop_at;
	int records;
};

static int see(void *arg, int64_t line, size_t n, const char *const *fields, struct err *e)
{
	struct seen *s = arg;
	s->line = line;
	for (size_t i = 0; i < n; i++)
		buf_addf(&s->text, "%s%s", i ? "|" : "", fields[i]);
	buf_addc(&s->text, '/');
	return ++s->records == s->stop_at ? err_set(e, -EEXIST, "line %lld: enough", (long long)line) : 0;
}

/* Feeds the input in pieces of each size and expects the same from all. */
static void expect(const char *input, size_t n, const char *text, int code, const char *error)
{
	for (size_t piece = 1; piece <= n + 1; piece++) {
		struct seen s = {.text = BUF_INIT(1 << 20)};
		struct csv *c;
		struct err e = {0};
		int r = 0;
		assert_int_equal(csv_new(&c, ',', see, &s), 0);
		for (size_t at = 0; at < n && r == 0; at += piece)
			r = csv_feed(c, input + at, piece < n - at ? piece : n - at, &e);
		if (r == 0)
			r = csv_finish(c, &e);
		assert_string_equal(buf_str(&s.text), text);
		assert_string_equal(e.text, error);
		assert_int_equal(r, code);
		csv_free(c);
		buf_release(&s.text);
	}
}

#define EXPECT(input, text, code, error) expect(input, sizeof input - 1, text, code, error)

static void csv_reads_what_spreadsheets_write(void **state)
{
	(void)state;
	EXPECT("code,name\nSXD,\"Sở, \"\"ban\"\"\"\n", "code|name/SXD|Sở, \"ban\"/", 0, "");
	EXPECT("\xef\xbb\xbf"
	       "a,b\r\n\r\n1,\r\n,2\r\n",
	    "a|b/1|/|2/", 0, "");
	EXPECT("a\r1\r2", "a/1/2/", 0, "");
	EXPECT("a,b\n\"x\r\ny\",\"\"", "a|b/x\r\ny|/", 0, "");
	EXPECT("", "", 0, "");
	EXPECT("\xef\xbb\xbf", "", 0, "");
	EXPECT("\"\"\n", "/", 0, "");
}

static void csv_names_the_place_of_an_error(void **state)
{
	(void)state;
	EXPECT("a,b\n1,x\"y\n", "a|b/", -EINVAL, "line 2, column 2 (b): a quote inside an unquoted field");
	EXPECT("a,b\r\n1,\"x\"y\n", "a|b/", -EINVAL, "line 2, column 2 (b): text behind the closing quote");
	EXPECT("a,b\n\n1,\"x\n\n", "a|b/", -EINVAL, "line 5, column 2 (b): the quote is never closed");
	EXPECT("a,b\n1\xff,2\n", "a|b/", -EILSEQ, "line 2, column 1 (a): not UTF-8");
	EXPECT("a,b\n1,\0,2\n", "a|b/", -EILSEQ, "line 2, column 2 (b): a NUL byte");
	EXPECT("\xef\xbb,b\n", "", -EILSEQ, "line 1, column 1: not UTF-8");
	EXPECT("\xef\xbb", "", -EILSEQ, "line 1, column 1: not UTF-8");
}

static void csv_stops_at_its_bounds(void **state)
{
	(void)state;
	struct seen s = {.text = BUF_INIT(1 << 20), .stop_at = 2};
	struct csv *c;
	struct err e = {0};
	char block[4096];
	memset(block, 'x', sizeof block);
	assert_int_equal(csv_new(&c, ',', see, &s), 0);
	assert_int_equal(csv_feed(c, "a\n", 2, &e), 0);
	assert_int_equal(csv_feed(c, block, sizeof block, &e), 0);
	assert_int_equal(csv_feed(c, "y", 1, &e), -EMSGSIZE);
	assert_string_equal(e.text, "line 2, column 1 (a): longer than 4096 bytes");
	assert_int_equal(csv_feed(c, "\nz\n", 3, NULL), -EMSGSIZE); /* failed stays failed */
	assert_int_equal(csv_finish(c, NULL), -EMSGSIZE);
	csv_free(c);
	memset(&e, 0, sizeof e);
	s.records = 0;
	assert_int_equal(csv_new(&c, ',', see, &s), 0);
	assert_int_equal(csv_feed(c, "a\nb\nc\n", 6, &e), -EEXIST);
	assert_string_equal(e.text, "line 2: enough");
	csv_free(c);
	memset(&e, 0, sizeof e);
	memset(block, ',', sizeof block);
	assert_int_equal(csv_new(&c, ',', see, &s), 0);
	assert_int_equal(csv_feed(c, block, sizeof block, &e), -EMSGSIZE);
	assert_string_equal(e.text, "line 1, column 65: too many columns");
	csv_free(c);
	buf_release(&s.text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_decomposed_name_equals_the_composed_one),
	    cmocka_unit_test(what_has_no_place_in_a_name_is_refused),
	    cmocka_unit_test(search_works_without_diacritics),
	    cmocka_unit_test(names_sort_in_vietnamese_order),
	    cmocka_unit_test(a_machine_may_call_itself_anything),
	    cmocka_unit_test(width_counts_columns),
	    cmocka_unit_test(csv_reads_what_spreadsheets_write),
	    cmocka_unit_test(csv_names_the_place_of_an_error),
	    cmocka_unit_test(csv_stops_at_its_bounds),
	};
	return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
