#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "ca_service.h"
#include "clock.h"
#include "str.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define UID_TEXT "0123456789abcdef0123456789abcdef"
#define DAY      (INT64_C(86400) * US_PER_S)

struct fixture {
	char folder[64];
	int dir_fd;
	struct ca_config config;
	struct ca_service service;
	struct pki_key *key;
	struct buf csr;
};

static const struct ca_caller server = {1000, false}, root = {0, true};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	str_copy(f->folder, sizeof f->folder, "/tmp/khien-ca-test-XXXXXX");
	assert_non_null(mkdtemp(f->folder));
	f->dir_fd = open(f->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	f->config = (struct ca_config){.names = "khien.test, 127.0.0.1",
	    .agent_seconds = 30 * 86400,
	    .server_seconds = 90 * 86400,
	    .ca_seconds = 7300LL * 86400};
	assert_int_equal(ca_service_open(&f->service, &f->config, f->dir_fd, false, NULL), 0);
	assert_int_equal(pki_key_new(&f->key), 0);
	f->csr = BUF_INIT(MAX_CSR);
	assert_int_equal(pki_csr_make(f->key, "", &f->csr), 0);
	*state = f;
	return 0;
}

static void remove_all(struct fixture *f)
{
	DIR *d = fdopendir(openat(f->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	assert_non_null(d);
	for (struct dirent *entry; (entry = readdir(d));)
		if (entry->d_name[0] != '.')
			unlinkat(f->dir_fd, entry->d_name, 0);
	closedir(d);
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	ca_service_close(&f->service);
	remove_all(f);
	close(f->dir_fd);
	assert_int_equal(rmdir(f->folder), 0);
	pki_key_free(f->key);
	buf_release(&f->csr);
	free(f);
	return 0;
}

/* Asks as `who`; the certificate, or the code of the refusal. */
static int ask_certificate(struct fixture *f, const struct ca_caller *who, enum ca_call call, const char *csr,
    const char *subject, char **ret_pem, struct err *e)
{
	struct buf m = BUF_INIT(MAX_IPC_MESSAGE);
	struct ipc_reader r;
	uint16_t type;
	const char *pem;
	struct ca_request q = {.call = call, .csr_pem = csr, .subject = subject};
	bool lasting = ca_service_answer(&f->service, who, &q, &m);
	assert_int_equal(ca_service_sync(&f->service), 0);
	assert_int_equal(ipc_open(&r, m.p, m.n, &type), 0);
	int result = ca_get_certificate(&r, type, &pem, e);
	assert_int_equal(lasting, result == 0);
	if (!result)
		*ret_pem = strdup(pem);
	buf_release(&m);
	return result;
}

static int ask_change(struct fixture *f, const struct ca_caller *who, enum ca_call call, int64_t number)
{
	struct buf m = BUF_INIT(MAX_IPC_MESSAGE);
	struct ipc_reader r;
	uint16_t type;
	int64_t generation;
	ca_service_answer(&f->service, who, &(struct ca_request){.call = call, .number = number}, &m);
	assert_int_equal(ipc_open(&r, m.p, m.n, &type), 0);
	int result = ca_get_changed(&r, type, &generation, NULL);
	buf_release(&m);
	return result;
}

static struct ca_trust trust_now(struct fixture *f)
{
	struct ca_trust t;
	assert_int_equal(ca_house_trust(&f->service.house, &t), 0);
	return t;
}

/* What a server of this moment sends: its certificate and the way to its roots. */
static char *server_chain(struct fixture *f)
{
	struct ca_trust t = trust_now(f);
	char *pem = NULL, *chain;
	assert_int_equal(ask_certificate(f, &server, CA_SIGN_SERVER, f->csr.p, "khien.test, 127.0.0.1", &pem, NULL), 0);
	assert_true(asprintf(&chain, "%s%s", pem, t.issuers_pem) > 0);
	free(pem);
	ca_trust_release(&t);
	return chain;
}

static struct pki_time now_at(void)
{
	return (struct pki_time){clock_real_us(), false};
}

static int check(const char *anchors, const char *chain, const char *host, struct pki_time at, struct err *e)
{
	struct pki_trust *t;
	assert_int_equal(pki_trust_anchors(anchors, &t, NULL), 0);
	int r = pki_server_check(t, chain, host, at, e);
	pki_trust_free(t);
	return r;
}

static int check_pin(const char *root_pem, const char *chain)
{
	struct pki_cert c;
	struct pki_trust *t;
	assert_int_equal(pki_cert_read(root_pem, &c, NULL), 0);
	assert_int_equal(pki_trust_pin(c.key_hash, &t), 0);
	int r = pki_server_check(t, chain, "khien.test", now_at(), NULL);
	pki_trust_free(t);
	return r;
}

static void refused(const char *anchors, const char *chain, const char *host, struct pki_time at, const char *why)
{
	struct err e = {0};
	assert_int_equal(check(anchors, chain, host, at, &e), -EKEYREJECTED);
	if (!strstr(e.text, why))
		fail_msg("said: %s, expected: %s", e.text, why);
}

static void an_agents_certificate_is_as_the_rules_say(void **state)
{
	struct fixture *f = *state;
	struct pki_cert c;
	char *pem;
	assert_int_equal(ask_certificate(f, &server, CA_SIGN_AGENT, f->csr.p, UID_TEXT, &pem, NULL), 0);
	assert_int_equal(pki_cert_read(pem, &c, NULL), 0);
	assert_string_equal(c.common_name, UID_TEXT);
	assert_int_equal(c.serial_n, 16);
	assert_true(pki_cert_fits(pem, f->key));
	assert_true(
	    c.not_before < clock_real_us() - 3000 * US_PER_S && c.not_before > clock_real_us() - 3700 * US_PER_S);
	assert_true(c.not_after > clock_real_us() + 29 * DAY && c.not_after < clock_real_us() + 31 * DAY);
	X509 *x;
	assert_int_equal(pki_cert_parse(pem, &x, NULL), 0);
	assert_int_equal(X509_get_extended_key_usage(x), XKU_SSL_CLIENT);
	assert_false(X509_check_ca(x));
	X509_free(x);

	struct ca_trust t = trust_now(f);
	struct pki_trust *anchors;
	assert_int_equal(pki_trust_anchors(t.anchors_pem, &anchors, NULL), 0);
	assert_int_equal(pki_client_check(anchors, pem, now_at(), NULL), 0);
	struct err e = {0};
	assert_int_equal(
	    pki_client_check(anchors, pem, (struct pki_time){clock_real_us() + 31 * DAY, false}, &e), -EKEYREJECTED);
	assert_non_null(strstr(e.text, "expired"));
	pki_trust_free(anchors);
	/* it is no server's */
	refused(t.anchors_pem, pem, "127.0.0.1", now_at(), "");
	ca_trust_release(&t);
	free(pem);
}

static void requests_against_the_rules_are_refused(void **state)
{
	struct fixture *f = *state;
	static const char *const uids[] = {"", "x", UID_TEXT "0", "0123456789ABCDEF0123456789abcdef"};
	static const char *const names[] = {
	    "", "other.test", "khien.test,other.test", "*.test", "khien.test,DNS:x", "khien.test;127.0.0.1"};
	char *pem;
	for (size_t i = 0; i < sizeof uids / sizeof *uids; i++)
		assert_int_equal(ask_certificate(f, &server, CA_SIGN_AGENT, f->csr.p, uids[i], &pem, NULL), -EINVAL);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		assert_int_equal(ask_certificate(f, &server, CA_SIGN_SERVER, f->csr.p, names[i], &pem, NULL), -EACCES);
	assert_int_equal(ask_certificate(f, &server, CA_SIGN_AGENT, "nonsense", UID_TEXT, &pem, NULL), -EINVAL);
	assert_int_equal(ask_change(f, &server, CA_ROTATE, 0), -EACCES);
	assert_int_equal(ask_change(f, &server, CA_RETIRE, 1), -EACCES);
	assert_int_equal(f->service.house.n, 1);
}

static void a_server_is_verified_with_all_that_belongs_to_it(void **state)
{
	struct fixture *f = *state;
	struct ca_trust t = trust_now(f);
	char *chain = server_chain(f);
	assert_int_equal(check(t.anchors_pem, chain, "khien.test", now_at(), NULL), 0);
	assert_int_equal(check(t.anchors_pem, chain, "127.0.0.1", now_at(), NULL), 0);
	refused(t.anchors_pem, chain, "other.test", now_at(), "ostname mismatch");
	refused(t.anchors_pem, chain, "127.0.0.2", now_at(), "IP address mismatch");
	refused(t.anchors_pem, chain, "khien-server", now_at(), "ostname mismatch"); /* the common name is no name */
	refused(t.anchors_pem, chain, "khien.test", (struct pki_time){clock_real_us() + 91 * DAY, false}, "expired");
	refused(t.anchors_pem, chain, "khien.test", (struct pki_time){clock_real_us() - DAY, false}, "not yet valid");
	/* clocks of 1970, 2010 and 2099, and what the agent knows for certain: an old floor, and one of yesterday */
	const int64_t floors[] = {clock_real_us() - 700 * DAY, clock_real_us() - DAY};
	const int64_t clocks[] = {0, 14610 * DAY, 47482 * DAY};
	for (int i = 0; i < 6; i++)
		assert_int_equal(
		    check(t.anchors_pem, chain, "khien.test", pki_verify_time(clocks[i % 3], floors[i / 3]), NULL), 0);
	/* the floor is no way round an end: a server certificate that had ended by then stays ended */
	refused(t.anchors_pem, chain, "khien.test", pki_verify_time(0, clock_real_us() + 91 * DAY), "expired");
	free(chain);
	ca_trust_release(&t);
}

static void an_unrelated_root_is_refused(void **state)
{
	struct fixture *f = *state;
	struct pki_key *k;
	X509 *foreign;
	struct buf pem = BUF_INIT(MAX_CERT);
	char *chain = server_chain(f), *with_foreign;
	assert_int_equal(pki_key_new(&k), 0);
	assert_int_equal(ca_issue_root(k, 1, 86400, &foreign), 0); /* of the same name */
	assert_int_equal(pki_cert_write(foreign, &pem), 0);
	refused(buf_str(&pem), chain, "khien.test", now_at(), "");
	/* a pinned root that stands in the chain without being above the leaf */
	struct pki_trust *pin;
	uint8_t hash[SHA256_BYTES];
	struct err e = {0};
	pki_key_hash(k, hash);
	assert_int_equal(pki_trust_pin(hash, &pin), 0);
	assert_int_equal(pki_server_check(pin, chain, "khien.test", now_at(), &e), -EKEYREJECTED);
	assert_non_null(strstr(e.text, "pinned"));
	assert_true(asprintf(&with_foreign, "%s%s", chain, buf_str(&pem)) > 0);
	assert_int_equal(pki_server_check(pin, with_foreign, "khien.test", now_at(), NULL), -EKEYREJECTED);
	pki_trust_free(pin);
	pki_key_free(k);
	X509_free(foreign);
	buf_release(&pem);
	free(chain);
	free(with_foreign);
}

static void a_pin_finds_its_root(void **state)
{
	struct fixture *f = *state;
	struct ca_trust t = trust_now(f);
	struct pki_cert r;
	struct pki_trust *pin;
	char *chain = server_chain(f);
	assert_int_equal(pki_cert_read(t.root_pem, &r, NULL), 0);
	assert_int_equal(pki_trust_pin(r.key_hash, &pin), 0);
	assert_int_equal(pki_server_check(pin, chain, "khien.test", now_at(), NULL), 0);
	assert_int_equal(pki_server_check(pin, chain, "other.test", now_at(), NULL), -EKEYREJECTED);
	pki_trust_free(pin);
	r.key_hash[0] ^= 1;
	assert_int_equal(pki_trust_pin(r.key_hash, &pin), 0);
	assert_int_equal(pki_server_check(pin, chain, "khien.test", now_at(), NULL), -EKEYREJECTED);
	pki_trust_free(pin);
	free(chain);
	ca_trust_release(&t);
}

static void who_slept_through_rotations_finds_back(void **state)
{
	struct fixture *f = *state;
	struct ca_trust first = trust_now(f), second, third;
	char *agent = NULL;
	assert_int_equal(ask_certificate(f, &server, CA_SIGN_AGENT, f->csr.p, UID_TEXT, &agent, NULL), 0);
	assert_int_equal(ask_change(f, &root, CA_ROTATE, 0), 0);
	second = trust_now(f);
	assert_true(second.version > first.version && second.generation == 2);
	char *chain = server_chain(f);
	assert_int_equal(check(first.anchors_pem, chain, "khien.test", now_at(), NULL), 0);
	assert_int_equal(check(second.root_pem, chain, "khien.test", now_at(), NULL), 0);
	free(chain);

	assert_int_equal(ask_change(f, &root, CA_ROTATE, 0), 0);
	third = trust_now(f);
	chain = server_chain(f);
	assert_int_equal(check(first.anchors_pem, chain, "khien.test", now_at(), NULL), 0);
	assert_int_equal(
	    check(first.anchors_pem, chain, "khien.test", pki_verify_time(0, clock_real_us() - 300 * DAY), NULL), 0);
	assert_int_equal(check(second.root_pem, chain, "khien.test", now_at(), NULL), 0);
	assert_int_equal(check(third.root_pem, chain, "khien.test", now_at(), NULL), 0);
	/* tokens pin the root that signed when they were made, and the one that signs now stands last */
	struct pki_trust *t;
	assert_int_equal(check_pin(first.root_pem, chain), 0);
	assert_int_equal(check_pin(second.root_pem, chain), 0);
	assert_int_equal(check_pin(third.root_pem, chain), 0);
	assert_string_equal(third.issuers_pem + strlen(third.issuers_pem) - strlen(third.root_pem), third.root_pem);
	free(chain);

	/* the first generation's agents are let in until it is retired */
	assert_int_equal(pki_trust_anchors(third.anchors_pem, &t, NULL), 0);
	assert_int_equal(pki_client_check(t, agent, now_at(), NULL), 0);
	pki_trust_free(t);
	assert_int_equal(ask_change(f, &root, CA_RETIRE, 3), -EBUSY);
	assert_int_equal(ask_change(f, &root, CA_RETIRE, 9), -EINVAL);
	assert_int_equal(ask_change(f, &root, CA_RETIRE, 1), 0);
	struct ca_trust fourth = trust_now(f);
	assert_int_equal(pki_trust_anchors(fourth.anchors_pem, &t, NULL), 0);
	assert_int_equal(pki_client_check(t, agent, now_at(), NULL), -EKEYREJECTED);
	pki_trust_free(t);
	chain = server_chain(f);
	assert_int_equal(check_pin(first.root_pem, chain), -EKEYREJECTED);
	assert_int_equal(check_pin(second.root_pem, chain), 0);
	free(chain);
	ca_trust_release(&first);
	ca_trust_release(&second);
	ca_trust_release(&third);
	ca_trust_release(&fourth);
	free(agent);
}

static void open_again(struct fixture *f, bool init, int expected)
{
	ca_service_close(&f->service);
	assert_int_equal(ca_service_open(&f->service, &f->config, f->dir_fd, init, NULL), expected);
}

static void what_was_changed_is_there_after_a_restart(void **state)
{
	struct fixture *f = *state;
	struct stat st;
	assert_int_equal(ask_change(f, &root, CA_ROTATE, 0), 0);
	struct ca_trust before = trust_now(f);
	open_again(f, false, 0);
	struct ca_trust after = trust_now(f);
	assert_string_equal(before.issuers_pem, after.issuers_pem);
	assert_string_equal(before.anchors_pem, after.anchors_pem);
	assert_true(before.version == after.version);
	assert_int_equal(fstatat(f->dir_fd, "ca-2.key", &st, 0), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(fstatat(f->dir_fd, "ca-1.key", &st, 0), -1); /* signs no more */
	ca_trust_release(&before);
	ca_trust_release(&after);
}

static void a_lost_key_has_a_way_back(void **state)
{
	struct fixture *f = *state;
	char *pem, *chain = server_chain(f);
	struct ca_trust old = trust_now(f);
	assert_int_equal(unlinkat(f->dir_fd, "ca-1.key", 0), 0);
	open_again(f, false, 0);
	assert_int_equal(ask_certificate(f, &server, CA_SIGN_AGENT, f->csr.p, UID_TEXT, &pem, NULL), -ENOKEY);
	assert_int_equal(ask_change(f, &root, CA_ROTATE, 0), -ENOKEY);
	open_again(f, true, 0);
	struct ca_trust next = trust_now(f);
	/* the next root is handed out while the old server certificate still leads to the old one */
	assert_int_equal(next.generation, 1);
	assert_non_null(strstr(next.anchors_pem, old.root_pem));
	assert_true(strlen(next.anchors_pem) > strlen(old.root_pem) && next.version > old.version);
	open_again(f, false, 0);
	assert_int_equal(ask_certificate(f, &server, CA_SIGN_AGENT, f->csr.p, UID_TEXT, &pem, NULL), -ENOKEY);
	assert_int_equal(ask_change(f, &root, CA_ROTATE, 0), 0);
	char *fresh = server_chain(f);
	assert_int_equal(check(next.anchors_pem, fresh, "khien.test", now_at(), NULL), 0);
	assert_int_equal(check(next.anchors_pem, chain, "khien.test", now_at(), NULL), 0);
	refused(old.anchors_pem, fresh, "khien.test", now_at(), "");
	ca_trust_release(&old);
	ca_trust_release(&next);
	free(chain);
	free(fresh);
}

static void a_folder_that_lost_its_generations_makes_no_new_ca_by_itself(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(unlinkat(f->dir_fd, "generations", 0), 0);
	open_again(f, false, -ENOENT);
	open_again(f, true, 0);
}

static void every_signature_is_in_the_journal(void **state)
{
	struct fixture *f = *state;
	struct pki_cert c;
	char *pem, serial[2 * PKI_SERIAL_MAX + 1], path[96];
	assert_int_equal(ask_certificate(f, &server, CA_SIGN_AGENT, f->csr.p, UID_TEXT, &pem, NULL), 0);
	assert_int_equal(pki_cert_read(pem, &c, NULL), 0);
	hex_encode(serial, c.serial, c.serial_n);
	snprintf(path, sizeof path, "%s/signed.log", f->folder);
	FILE *log = fopen(path, "r");
	char line[1024];
	bool found = false;
	while (fgets(line, sizeof line, log))
		found |= strstr(line, serial) && strstr(line, UID_TEXT) && strstr(line, "uid=1000");
	fclose(log);
	assert_true(found);
	free(pem);
}

static void foreign_messages_are_refused(void **state)
{
	(void)state;
	struct buf m = BUF_INIT(MAX_IPC_MESSAGE);
	struct ipc_reader r;
	struct ca_request q;
	uint16_t type;
	char *text = malloc(MAX_CSR + 2);
	memset(text, 'A', MAX_CSR + 1);
	text[MAX_CSR + 1] = 0;
	ca_put_request(&m, &(struct ca_request){.call = CA_SIGN_AGENT, .csr_pem = text, .subject = UID_TEXT});
	assert_int_equal(ipc_open(&r, m.p, m.n, &type), 0);
	assert_int_equal(ca_get_request(&r, type, &q), -EBADMSG);
	ca_put_same(&m);
	assert_int_equal(ipc_open(&r, m.p, m.n, &type), 0);
	assert_int_equal(ca_get_request(&r, type, &q), -EBADMSG);
	ca_put_request(&m, &(struct ca_request){.call = CA_ROTATE});
	buf_addc(&m, 0);
	assert_int_equal(ipc_open(&r, m.p, m.n, &type), 0);
	assert_int_equal(ca_get_request(&r, type, &q), -EBADMSG);
	free(text);
	buf_release(&m);
}

static void a_configuration_is_read_or_its_line_is_named(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *text, *why;
	} bad[] = {
	    {"", "state is missing"},
	    {"state = /a\nsocket = /b\nnames = x\nother = 1\n", "line 4: unknown key other"},
	    {"state = /a\nstate = /a\n", "line 2: state stands here twice"},
	    {"state\n", "line 1: key = value"},
	    {"agent_seconds = 1x\n", "line 1: agent_seconds"},
	    {"users = no-such-user-here\n", "line 1: no user"},
	};
	char path[96];
	snprintf(path, sizeof path, "%s/ca.conf", f->folder);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		FILE *out = fopen(path, "w");
		fputs(bad[i].text, out);
		fclose(out);
		struct err e = {0};
		struct ca_config c;
		assert_int_not_equal(ca_config_read(path, &c, &e), 0);
		if (!strstr(e.text, bad[i].why))
			fail_msg("said: %s, expected: %s", e.text, bad[i].why);
	}
	unlink(path);
	assert_true(ca_config_allows(&f->config, "KHIEN.test"));
	assert_false(ca_config_allows(&f->config, " , "));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(an_agents_certificate_is_as_the_rules_say),
	    TEST(requests_against_the_rules_are_refused),
	    TEST(a_server_is_verified_with_all_that_belongs_to_it),
	    TEST(an_unrelated_root_is_refused),
	    TEST(a_pin_finds_its_root),
	    TEST(who_slept_through_rotations_finds_back),
	    TEST(what_was_changed_is_there_after_a_restart),
	    TEST(a_lost_key_has_a_way_back),
	    TEST(a_folder_that_lost_its_generations_makes_no_new_ca_by_itself),
	    TEST(every_signature_is_in_the_journal),
	    TEST(foreign_messages_are_refused),
	    TEST(a_configuration_is_read_or_its_line_is_named),
	};
	return cmocka_run_group_tests_name("ca", tests, NULL, NULL);
}
