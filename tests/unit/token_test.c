/* Enrolment tokens: their text, their proofs, and that so many uses are so many, with two servers at it. */
#include "store_fixture.h"

#include "token.h"

#include "clock.h"
#include "unit.h"

#include <pthread.h>

static const struct ledger_who tester = {"account:1", "request-1"};
static const uint8_t pin[SHA256_BYTES] = {0xab, 0xcd};

#define TEXT                                                                                                           \
	"khien1_0123456789ab_000102030405060708090a0b0c0d0e0f_"                                                        \
	"abcd000000000000000000000000000000000000000000000000000000000000"

static void its_text(void **state)
{
	static const char *const bad[] = {"", "khien1_", TEXT "0", "khien2" /* and the rest cut */};
	char again[TOKEN_TEXT], broken[TOKEN_TEXT];
	struct token t;
	(void)state;
	assert_int_equal(token_parse(TEXT, &t), 0);
	assert_string_equal(t.id, "0123456789ab");
	assert_int_equal(t.secret[15], 15);
	assert_memory_equal(t.pin, pin, sizeof pin);
	token_format(&t, again);
	assert_string_equal(again, TEXT);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_int_equal(token_parse(bad[i], &t), -EINVAL);
	for (size_t i = 0; i < TOKEN_TEXT - 1; i++) { /* no place takes any other kind of character */
		memcpy(broken, TEXT, TOKEN_TEXT);
		broken[i] = 'G';
		assert_int_equal(token_parse(broken, &t), -EINVAL);
	}
}

/* Worked out from PROTOCOL.md with Python's hashlib. */
static void its_proofs(void **state)
{
	static const uint8_t auth[4] = {0x73, 0xb2, 0xba, 0xae}, proof[4] = {0x34, 0x0d, 0x6d, 0x05},
	                     confirm[4] = {0x89, 0x3a, 0xfe, 0xaf};
	uint8_t secret[TOKEN_SECRET_BYTES], key[AUTH_KEY_BYTES], out[PROOF_BYTES], csr[SHA256_BYTES],
	    seal[SEAL_KEY_BYTES];
	uint8_t sealed[SEALED_BYTES];
	id16 install, machine;
	(void)state;
	memset(secret, 1, sizeof secret);
	memset(csr, 2, sizeof csr);
	memset(&install, 3, sizeof install);
	memset(seal, 4, sizeof seal);
	memset(&machine, 5, sizeof machine);
	memset(sealed, 6, sizeof sealed);
	token_auth_key(secret, key);
	assert_memory_equal(key, auth, sizeof auth);
	token_proof(key, csr, &install, seal, out);
	assert_memory_equal(out, proof, sizeof proof);
	token_confirm(key, &machine, sealed, seal, out);
	assert_memory_equal(out, confirm, sizeof confirm);
}

struct creation {
	struct token_wish w;
	char text[TOKEN_TEXT];
	struct err e;
};

static int create(struct db *db, void *arg)
{
	struct creation *j = arg;
	return token_create(db, &tester, &j->w, pin, j->text, &j->e);
}

static struct token made(struct store *s, int64_t uses)
{
	struct creation j = {.w = {uses, clock_real_us() + 3600 * US_PER_S, NODE_PROVINCE, "for the test"}};
	struct token t;
	assert_int_equal(store_write_now(s, create, &j), 0);
	assert_int_equal(token_parse(j.text, &t), 0);
	return t;
}

static int use(struct db *db, void *arg)
{
	int64_t node;
	return token_use(db, arg, &node);
}

static int revoke(struct db *db, void *arg)
{
	return token_revoke(db, &tester, arg);
}

static void wishes_that_are_refused(void **state)
{
	int64_t soon = clock_real_us() + 3600 * US_PER_S;
	const struct token_wish bad[] = {{0, soon, 1, ""}, {MAX_TOKEN_USES + 1, soon, 1, ""}, {1, 5, 1, ""},
	    {1, soon * 2, 1, ""}, {1, soon, 77, ""}};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct creation j = {.w = bad[i]};
		assert_int_equal(store_write_now(*state, create, &j), i == 4 ? -ENOENT : -EINVAL);
		assert_true(j.e.text[0] != 0);
	}
}

static void used_up_expired_revoked(void **state)
{
	struct token one = made(*state, 1), two = made(*state, 2), three = made(*state, 3);
	assert_int_equal(store_write_now(*state, use, one.id), 0);
	assert_int_equal(store_write_now(*state, use, one.id), -ENOENT);
	assert_int_equal(store_write_now(*state, use, two.id), 0);
	assert_int_equal(store_write_now(*state, revoke, two.id), 0);
	assert_int_equal(store_write_now(*state, revoke, two.id), 0);
	assert_int_equal(store_write_now(*state, use, two.id), -ENOENT);
	fixture_sql(*state, "update enrol_token set expires_real = 5 where uses = 3");
	assert_int_equal(store_write_now(*state, use, three.id), -ENOENT);
	assert_int_equal(fixture_number(*state, "select count(*) from audit where action = 'token.revoke'"), 1);
	assert_int_equal(fixture_number(*state, "select count(*) from enrol_token where length(auth_key) = 32"), 3);
}

enum { USERS = 4, TRIES = 25, USES = 37 };

struct user {
	struct store *s;
	const char *id;
	int got;
};

static void *use_often(void *arg)
{
	struct user *u = arg;
	for (int i = 0; i < TRIES; i++)
		u->got += store_write_now(u->s, use, (void *)(uintptr_t)u->id) == 0;
	return NULL;
}

static void so_many_uses_are_so_many(void **state)
{
	struct store *stores[2] = {*state, fixture_open()};
	struct token t = made(*state, USES);
	struct user users[USERS];
	pthread_t threads[USERS];
	int got = 0;
	for (int i = 0; i < USERS; i++) {
		users[i] = (struct user){stores[i % 2], t.id, 0};
		assert_int_equal(pthread_create(&threads[i], NULL, use_often, &users[i]), 0);
	}
	for (int i = 0; i < USERS; i++) {
		pthread_join(threads[i], NULL);
		got += users[i].got;
	}
	assert_int_equal(got, USES);
	assert_int_equal(fixture_number(*state, "select uses_left from enrol_token"), 0);
	store_close(stores[1]);
}

#define EACH(f) EACH_WITH(f, fixture_store, fixture_close)

static int run(const char *kind)
{
	const struct CMUnitTest cases[] = {
	    cmocka_unit_test(its_text),
	    cmocka_unit_test(its_proofs),
	    EACH(wishes_that_are_refused),
	    EACH(used_up_expired_revoked),
	    EACH(so_many_uses_are_so_many),
	};
	return cmocka_run_group_tests_name(kind, cases, NULL, NULL);
}

int main(int argc, char **argv)
{
	return fixture_main(argc, argv, run);
}
