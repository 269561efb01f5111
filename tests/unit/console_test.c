/* The console's pure parts: roles, the table of routes, forms, queries, problems, passwords, bearers, delays. */
#include "account.h"
#include "authz.h"
#include "bearer.h"
#include "form.h"
#include "problem.h"
#include "route.h"
#include "signin.h"
#include "str.h"
#include "worker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdatomic.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>

static void names_lead_back(void **state)
{
	(void)state;
	for (int r = 1; r < ROLE_END; r++) {
		enum role back;
		assert_int_equal(role_find(role_name((enum role)r), &back), 0);
		assert_int_equal(back, r);
	}
	for (int p = 1; p < PERMISSION_END; p++) {
		enum permission back;
		assert_non_null(permission_name((enum permission)p));
		assert_int_equal(permission_find(permission_name((enum permission)p), &back), 0);
		assert_int_equal(back, p);
	}
	assert_null(role_name(ROLE_END));
	assert_null(permission_name(PERMISSION_END));
	assert_int_equal(role_find("root", &(enum role){0}), -ENOENT);
	assert_int_equal(role_find(NULL, &(enum role){0}), -ENOENT);
}

static bool reads(int p)
{
	return p == MAY_SELF || !strncmp(permission_name((enum permission)p), "read-", 5);
}

static void roles_hold_what_they_should(void **state)
{
	(void)state;
	for (int p = MAY_SELF; p < PERMISSION_END; p++) {
		for (int r = 1; r < ROLE_END; r++)
			assert_true(!role_has((enum role)r, (enum permission)p) ||
			            role_has(ROLE_ADMINISTRATOR, (enum permission)p));
		assert_true(role_has(ROLE_ADMINISTRATOR, (enum permission)p));
		assert_true(!role_has(ROLE_VIEWER, (enum permission)p) || reads(p));
		assert_true(!role_has(ROLE_AUDITOR, (enum permission)p) || reads(p));
	}
	assert_false(role_has(ROLE_ADMINISTRATOR, 0));
	assert_false(role_has(0, MAY_SELF));
	assert_false(role_has(ROLE_VIEWER, MAY_READ_AUDIT));
	assert_true(role_has(ROLE_AUDITOR, MAY_READ_AUDIT));
	assert_false(role_has(ROLE_UNIT_OPERATOR, MAY_CHANGE_UNITS));
	assert_true(role_has(ROLE_UNIT_OPERATOR, MAY_ENROL));
	assert_false(role_has(ROLE_ANALYST, MAY_ENROL));
}

static int nothing(struct db *db, struct call *c)
{
	(void)db;
	(void)c;
	return 0;
}

static int check_one(struct route r, struct err *e)
{
	struct route_table table = {&r, 1};

	return routes_check(&(const struct route_table *){&table}, 1, e);
}

static void a_route_without_a_rule_is_refused(void **state)
{
	struct err e = {0};
	(void)state;

	assert_int_equal(check_one((struct route){"GET", "/a", MAY_READ_UNITS, AT_ANYWHERE, 0, nothing}, &e), 0);
	assert_int_equal(check_one((struct route){"GET", "/a", 0, AT_ANYWHERE, 0, nothing}, &e), -EINVAL);
	assert_non_null(strstr(e.text, "permission"));
	assert_int_equal(
	    check_one((struct route){"GET", "/a", PERMISSION_END, AT_ANYWHERE, 0, nothing}, NULL), -EINVAL);
	assert_int_equal(check_one((struct route){"GET", "/a", MAY_READ_UNITS, 0, 0, nothing}, NULL), -EINVAL);
	assert_int_equal(check_one((struct route){"GET", "/a", MAY_READ_UNITS, AT_NOWHERE, 0, nothing}, NULL), -EINVAL);
	assert_int_equal(check_one((struct route){"GET", "/a", MAY_SELF, AT_ANYWHERE, 0, nothing}, NULL), -EINVAL);
	assert_int_equal(check_one((struct route){"GET", "/a", MAY_READ_UNITS, AT_ANYWHERE, 0, NULL}, NULL), -EINVAL);
	assert_int_equal(
	    check_one((struct route){"GET", "/a", MAY_READ_UNITS, AT_ANYWHERE, ROUTE_WRITES, nothing}, NULL), -EINVAL);
	assert_int_equal(
	    check_one((struct route){"DELETE", "/a", MAY_READ_UNITS, AT_ANYWHERE, 0, nothing}, NULL), -EINVAL);
}

static void twins_are_refused(void **state)
{
	static const struct route a[] = {ROUTE("GET", "/a/{x}", MAY_READ_UNITS, AT_ANYWHERE, 0, nothing),
	    ROUTE("GET", "/a/b", MAY_READ_UNITS, AT_ANYWHERE, 0, nothing)};
	static const struct route b[] = {ROUTE("GET", "/a/{y}", MAY_READ_UNITS, AT_ANYWHERE, 0, nothing)};
	static const struct route_table ta = ROUTE_TABLE(a), tb = ROUTE_TABLE(b);
	const struct route_table *both[] = {&ta, &tb};
	(void)state;

	assert_int_equal(routes_check(both, 1, NULL), 0);
	assert_int_equal(routes_check(both, 2, NULL), -EINVAL);
}

static void every_route_there_is_has_its_rule(void **state)
{
	struct err e = {0};
	size_t n = 0;
	(void)state;

	if (routes_check(all_routes, all_routes_n, &e))
		fail_msg("%s", e.text);
	for (size_t t = 0; t < all_routes_n; t++)
		n += all_routes[t]->n;
	assert_true(n > 60);
}

static void paths_are_found(void **state)
{
	const struct route *r;
	struct route_params p;
	char longest[MAX_PARAM + 32];
	(void)state;

	assert_int_equal(route_find(all_routes, all_routes_n, "GET", "/api/v1/units/12/policy", &r, &p), 0);
	assert_string_equal(r->path, "/api/v1/units/{node}/policy");
	assert_int_equal(p.n, 1);
	assert_string_equal(p.v[0].name, "node");
	assert_string_equal(p.v[0].value, "12");
	assert_int_equal(route_find(all_routes, all_routes_n, "GET", "/api/v1/units/export", &r, &p), 0);
	assert_int_equal(p.n, 0);
	assert_int_equal(route_find(all_routes, all_routes_n, "BREW", "/api/v1/units", &r, &p), -EPERM);
	assert_int_equal(route_find(all_routes, all_routes_n, "GET", "/api/v1/units/", &r, &p), -ENOENT);
	assert_int_equal(route_find(all_routes, all_routes_n, "GET", "/api/v1//units", &r, &p), -ENOENT);
	assert_int_equal(route_find(all_routes, all_routes_n, "GET", "/", &r, &p), -ENOENT);
	assert_int_equal(route_find(all_routes, all_routes_n, "GET", "", &r, &p), -ENOENT);
	assert_int_equal(route_find(all_routes, all_routes_n, "GET", "/api/v1/machines/\xff", &r, &p), -ENOENT);
	memset(longest, 'a', sizeof longest - 1);
	longest[sizeof longest - 1] = 0;
	memcpy(longest, "/api/v1/machines/", 17);
	assert_int_equal(route_find(all_routes, all_routes_n, "GET", longest, &r, &p), -ENOENT);
}

struct sample {
	char name[9];
	int64_t n, from, known;
	int32_t day;
	bool yes;
	const json_t *list;
};
static const struct form_field sample_form[] = {
    FORM_TEXT_OF(struct sample, name, FORM_NEEDED, 1),
    FORM_I64_OF(struct sample, n, FORM_OPTIONAL, 0, 10),
    FORM_OF(struct sample, from, FORM_FROM, FORM_OPTIONAL),
    FORM_OF(struct sample, known, FORM_UNTIL, FORM_OPTIONAL),
    FORM_OF(struct sample, day, FORM_DAY, FORM_OPTIONAL),
    FORM_OF(struct sample, yes, FORM_BOOL, FORM_OPTIONAL),
    FORM_OF(struct sample, list, FORM_JSON, FORM_OPTIONAL),
};

static int read_sample(const char *json, bool loose, struct sample *ret, uint64_t *given, struct form_fault *fault)
{
	json_t *o = json_loads(json, JSON_REJECT_DUPLICATES, NULL);
	int r;

	assert_non_null(o);
	memset(ret, 0, sizeof *ret);
	r = form_read(sample_form, sizeof sample_form / sizeof sample_form[0], o, loose, ret, given, fault);
	ret->list = NULL;
	json_decref(o);
	return r;
}

static void forms_are_read(void **state)
{
	struct form_fault fault;
	struct sample s;
	uint64_t given;
	(void)state;

	assert_int_equal(
	    read_sample(
	        "{\"name\":\" Sở \",\"n\":10,\"from\":\"2022-05-12\",\"known\":\"2022-05-12\",\"day\":\"1970-01-02\","
	        "\"yes\":true,\"list\":[1]}",
	        false, &s, &given, &fault),
	    0);
	assert_string_equal(s.name, "Sở");
	assert_int_equal(s.n, 10);
	assert_int_equal(s.from, INT64_C(1652288400000000));
	assert_int_equal(s.known, s.from + INT64_C(86400000000) - 1);
	assert_int_equal(s.day, 1);
	assert_true(s.yes);
	assert_int_equal(given, 0x7f);
	/* decomposed: the same text */
	assert_int_equal(read_sample("{\"name\":\"So\\u031b\\u0309\"}", false, &s, &given, &fault), 0);
	assert_string_equal(s.name, "Sở");
	assert_int_equal(given, 1);
	assert_int_equal(read_sample("{\"name\":\"a\",\"from\":\"2022-05-12T00:00:00Z\"}", false, &s, NULL, &fault), 0);
	assert_int_equal(s.from, INT64_C(1652313600000000));
	assert_int_equal(read_sample("{\"name\":\"a\",\"n\":\"7\",\"yes\":\"false\"}", true, &s, NULL, &fault), 0);
	assert_int_equal(s.n, 7);
}

static void faults_name_their_field(void **state)
{
	static const struct {
		const char *json, *field;
	} bad[] = {
	    {"{}", "name"},
	    {"{\"name\":1}", "name"},
	    {"{\"name\":null}", "name"},
	    {"{\"name\":\"\"}", "name"},
	    {"{\"name\":\"   \"}", "name"},
	    {"{\"name\":\"123456789\"}", "name"},
	    {"{\"name\":\"a\\u0007\"}", "name"},
	    {"{\"name\":\"a\",\"n\":11}", "n"},
	    {"{\"name\":\"a\",\"n\":-1}", "n"},
	    {"{\"name\":\"a\",\"n\":1.0}", "n"},
	    {"{\"name\":\"a\",\"n\":\"1\"}", "n"},
	    {"{\"name\":\"a\",\"n\":true}", "n"},
	    {"{\"name\":\"a\",\"yes\":1}", "yes"},
	    {"{\"name\":\"a\",\"yes\":\"true\"}", "yes"},
	    {"{\"name\":\"a\",\"day\":\"2022-02-30\"}", "day"},
	    {"{\"name\":\"a\",\"day\":\"2022-05-12T00:00:00Z\"}", "day"},
	    {"{\"name\":\"a\",\"day\":5}", "day"},
	    {"{\"name\":\"a\",\"from\":\"yesterday\"}", "from"},
	    {"{\"name\":\"a\",\"nmae\":\"b\"}", "nmae"},
	    {"[]", ""},
	    {"\"a\"", ""},
	};
	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct form_fault fault = {0};
		struct sample s;
		json_t *o = json_loads(bad[i].json, JSON_DECODE_ANY, NULL);
		assert_non_null(o);
		assert_int_equal(
		    form_read(sample_form, sizeof sample_form / sizeof sample_form[0], o, false, &s, NULL, &fault),
		    -EINVAL);
		assert_string_equal(fault.field, bad[i].field);
		assert_true(fault.text[0]);
		json_decref(o);
	}
}

static void queries_are_read(void **state)
{
	static const char *const bad[] = {"a=%", "a=%4", "a=%zz", "a=%00", "a=%ff", "a=1&a=2", "a=%c3", "%c0%80=1"};
	struct form_fault fault;
	char many[4 * MAX_QUERY + 32];
	size_t n = 0;
	json_t *o;
	(void)state;

	assert_int_equal(query_parse("a=S%E1%BB%9F+N&b&&c=%26%3d", &o, &fault), 0);
	assert_string_equal(json_string_value(json_object_get(o, "a")), "Sở N");
	assert_string_equal(json_string_value(json_object_get(o, "b")), "");
	assert_string_equal(json_string_value(json_object_get(o, "c")), "&=");
	assert_int_equal(json_object_size(o), 3);
	json_decref(o);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_int_equal(query_parse(bad[i], &o, &fault), -EINVAL);
	for (int i = 0; i <= MAX_QUERY; i++)
		n += (size_t)snprintf(many + n, sizeof many - n, "&%x", (unsigned)i);
	assert_int_equal(query_parse(many, &o, &fault), -EINVAL);
}

static void languages_are_chosen(void **state)
{
	(void)state;
	assert_int_equal(language_of(NULL), VIETNAMESE);
	assert_int_equal(language_of(""), VIETNAMESE);
	assert_int_equal(language_of("fr"), VIETNAMESE);
	assert_int_equal(language_of("en"), ENGLISH);
	assert_int_equal(language_of("en-GB,en;q=0.9"), ENGLISH);
	assert_int_equal(language_of("vi,en;q=0.8"), VIETNAMESE);
	assert_int_equal(language_of("en;q=0.8, vi;q=0.9"), VIETNAMESE);
	assert_int_equal(language_of("vi;q=0.1,en;q=0.2"), ENGLISH);
	assert_int_equal(language_of("en;q=0"), VIETNAMESE);
	assert_int_equal(language_of(",,,   ,en;q=;,"), VIETNAMESE);
}

static void problems_have_words(void **state)
{
	(void)state;
	for (int p = PROBLEM_NONE + 1; p < PROBLEM_END; p++) {
		const struct problem_words *w = problem_words((enum problem)p);
		assert_true(w->status >= 400 && w->status < 600);
		assert_non_null(w->code);
		assert_non_null(w->message[VIETNAMESE]);
		assert_non_null(w->message[ENGLISH]);
	}
	assert_int_equal(problem_of(-ENOENT), PROBLEM_NOT_FOUND);
	assert_int_equal(problem_of(-EFAULT), PROBLEM_INTERNAL);
}

static void passwords_are_kept_as_hashes(void **state)
{
	static const char right[] = "một mật khẩu đủ dài";
	char hash[PASSWORD_HASH];
	struct err e = {0};
	(void)state;

	assert_int_equal(password_hash(hash, right), 0);
	assert_int_equal(strncmp(hash, "$argon2id$", 10), 0);
	assert_int_equal(password_verify(hash, right), 0);
	assert_int_equal(password_verify(hash, "một mật khẩu đủ dai"), -EACCES);
	assert_int_equal(password_verify(NULL, right), -EACCES);
	assert_int_equal(password_verify("", right), -EACCES);
	assert_int_equal(password_acceptable(right, "admin", NULL), 0);
	assert_int_equal(password_acceptable("đđđđđđđđđđđ", "admin", &e), -EINVAL); /* 11 characters, 22 bytes */
	assert_true(e.text[0]);
	assert_int_equal(password_acceptable("đđđđđđđđđđđđ", "admin", NULL), 0);
	assert_int_equal(password_acceptable("administrator", "administrator", NULL), -EINVAL);
}

static void account_names_are_plain(void **state)
{
	(void)state;
	assert_true(account_name_ok("nguyen.van-a_1"));
	assert_false(account_name_ok("a"));
	assert_false(account_name_ok(".a"));
	assert_false(account_name_ok("Admin"));
	assert_false(account_name_ok("a b"));
	assert_false(account_name_ok("nguyễn"));
	assert_false(account_name_ok("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"));
}

static void bearers_prove_their_page(void **state)
{
	char a[BEARER_TEXT], b[BEARER_TEXT], csrf_a[CSRF_TEXT], csrf_b[CSRF_TEXT];
	uint8_t ha[BEARER_HASH], hb[BEARER_HASH];
	(void)state;

	memset(a, 'a', sizeof a - 1);
	memset(b, 'a', sizeof b - 1);
	a[sizeof a - 1] = b[sizeof b - 1] = 0;
	b[sizeof b - 2] = 'b';
	assert_int_equal(bearer_digest(a, ha), 0);
	assert_int_equal(bearer_digest(b, hb), 0);
	assert_memory_not_equal(ha, hb, sizeof ha);
	assert_int_equal(bearer_digest("khs_short", ha), -EINVAL);
	bearer_csrf(a, csrf_a);
	bearer_csrf(b, csrf_b);
	assert_string_not_equal(csrf_a, csrf_b);
	assert_int_equal(strlen(csrf_a), 64);
}

static void delays_grow_and_end(void **state)
{
	char address[MAX_ADDRESS];
	(void)state;

	for (int n = 0; n < FREE_FAILURES; n++)
		assert_int_equal(signin_delay_s(n), 0);
	for (int n = FREE_FAILURES; n < 40; n++)
		assert_true(signin_delay_s(n) > 0 && signin_delay_s(n) >= signin_delay_s(n - 1));
	assert_int_equal(signin_delay_s(INT64_MAX), MAX_DELAY_S);
	signin_address(address, "10.1.2.3");
	assert_string_equal(address, "10.1.2.3");
	signin_address(address, "2001:db8:1:2:3:4:5:6");
	assert_string_equal(address, "2001:db8:1:2::");
}

struct counting {
	atomic_int done;
};

static void count(void *arg)
{
	atomic_fetch_add(&((struct counting *)arg)->done, 1);
}

static void a_worker_does_all_that_it_took(void **state)
{
	struct counting c = {0};
	struct worker *w;
	int taken = 0, refused = 0;
	(void)state;

	assert_int_equal(worker_start(&w, 2, 4), 0);
	for (int i = 0; i < 10000; i++) {
		int r = worker_do(w, count, &c);
		assert_true(r == 0 || r == -EAGAIN);
		taken += !r;
		refused += r != 0;
	}
	worker_stop(w);
	assert_int_equal(c.done, taken);
	assert_int_equal(taken + refused, 10000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(names_lead_back),
	    cmocka_unit_test(roles_hold_what_they_should),
	    cmocka_unit_test(a_route_without_a_rule_is_refused),
	    cmocka_unit_test(twins_are_refused),
	    cmocka_unit_test(every_route_there_is_has_its_rule),
	    cmocka_unit_test(paths_are_found),
	    cmocka_unit_test(forms_are_read),
	    cmocka_unit_test(faults_name_their_field),
	    cmocka_unit_test(queries_are_read),
	    cmocka_unit_test(languages_are_chosen),
	    cmocka_unit_test(problems_have_words),
	    cmocka_unit_test(passwords_are_kept_as_hashes),
	    cmocka_unit_test(account_names_are_plain),
	    cmocka_unit_test(bearers_prove_their_page),
	    cmocka_unit_test(delays_grow_and_end),
	    cmocka_unit_test(a_worker_does_all_that_it_took),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
