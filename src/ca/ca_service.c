#include "ca_service.h"

#include "clock.h"
#include "day.h"
#include "file.h"
#include "str.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int open_journal(int dir_fd, bool *ret_old)
{
	struct stat st;
	int fd = openat(dir_fd, "signed.log", O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	*ret_old = fstat(fd, &st) == 0 && st.st_size > 0;
	return fd;
}

static int note(struct ca_service *s, const char *what, uid_t uid, const char *more)
{
	char at[INSTANT_TEXT];
	struct buf line = BUF_INIT(4096);
	instant_iso(clock_real_us(), at);
	buf_addf(&line, "%s %s uid=%u %s\n", at, what, (unsigned)uid, more);
	int r = line.error ? line.error : file_write_all(s->journal_fd, line.p, line.n);
	buf_release(&line);
	s->noted = true;
	return r;
}

static int note_generation(struct ca_service *s, const char *what, uid_t uid, int64_t generation)
{
	char more[64];
	snprintf(more, sizeof more, "generation=%lld", (long long)generation);
	return note(s, what, uid, more);
}

/* A folder with a journal and no generations has lost its keys: a new CA in their place would shut every agent out, and
 * nobody would know why. */
static int open_house(struct ca_service *s, int dir_fd, bool old, bool init, struct err *e)
{
	int r = ca_house_open(&s->house, dir_fd, s->config->ca_seconds, e);
	if (r == -ENOENT && old && !init)
		return err_set(e, r, "signed.log is here and generations is not: see docs/ca-recovery.md");
	bool first = r == -ENOENT;
	if (!first && (r || !init || s->house.key))
		return r;
	r = ca_house_init(&s->house, e);
	if (!r)
		r = note_generation(s, "generation", geteuid(), s->house.v[s->house.n - 1].number);
	return r ? r : ca_service_sync(s);
}

int ca_service_open(struct ca_service *s, const struct ca_config *c, int dir_fd, bool init, struct err *e)
{
	bool old = false;
	*s = (struct ca_service){.config = c, .house.dir_fd = -1};
	s->journal_fd = open_journal(dir_fd, &old);
	if (s->journal_fd < 0)
		return err_set(e, s->journal_fd, "signed.log: %s", strerror(-s->journal_fd));
	int r = open_house(s, dir_fd, old, init, e);
	if (r)
		ca_service_close(s);
	return r;
}

void ca_service_close(struct ca_service *s)
{
	ca_house_close(&s->house);
	if (s->journal_fd >= 0)
		close(s->journal_fd);
	s->journal_fd = -1;
}

int ca_service_sync(struct ca_service *s)
{
	if (!s->noted)
		return 0;
	if (fdatasync(s->journal_fd) < 0)
		return -errno;
	s->noted = false;
	return 0;
}

static int note_signed(
    struct ca_service *s, const struct ca_caller *who, const char *kind, const char *subject, X509 *c)
{
	struct pki_cert f;
	char serial[2 * PKI_SERIAL_MAX + 1], key[2 * SHA256_BYTES + 1], until[INSTANT_TEXT];
	int r = pki_cert_facts(c, &f);
	if (r)
		return r;
	hex_encode(serial, f.serial, f.serial_n);
	hex_encode(key, f.key_hash, sizeof f.key_hash);
	instant_iso(f.not_after, until);
	struct buf more = BUF_INIT(2048);
	buf_addf(&more, "serial=%s key=%s until=%s subject=\"%s\"", serial, key, until, subject);
	r = more.error ? more.error : note(s, kind, who->uid, more.p);
	buf_release(&more);
	return r;
}

static int sign(
    struct ca_service *s, const struct ca_caller *who, const struct ca_request *q, struct buf *pem, struct err *e)
{
	struct ca_issuer issuer;
	X509 *c = NULL;
	bool agent = q->call == CA_SIGN_AGENT;
	int r = ca_house_issuer(&s->house, &issuer, e);
	if (!r && !agent && !ca_config_allows(s->config, q->subject))
		r = err_set(e, -EACCES, "a name that ca.conf does not list");
	if (!r)
		r = agent ? ca_issue_agent(&issuer, q->csr_pem, q->subject, s->config->agent_seconds, &c, e)
		          : ca_issue_server(&issuer, q->csr_pem, q->subject, s->config->server_seconds, &c, e);
	if (!r)
		r = note_signed(s, who, agent ? "agent" : "server", q->subject, c);
	if (!r)
		r = pki_cert_write(c, pem);
	X509_free(c);
	return r;
}

static int answer_sign(
    struct ca_service *s, const struct ca_caller *who, const struct ca_request *q, struct buf *m, struct err *e)
{
	struct buf pem = BUF_INIT(MAX_CERT);
	int r = sign(s, who, q, &pem, e);
	if (!r) {
		ca_put_certificate(m, buf_str(&pem));
		*(q->call == CA_SIGN_AGENT ? &s->signed_agents : &s->signed_servers) += 1;
	}
	buf_release(&pem);
	return r;
}

static int answer_trust(
    struct ca_service *s, const struct ca_caller *who, const struct ca_request *q, struct buf *m, struct err *e)
{
	(void)who, (void)e;
	struct ca_trust t;
	if (q->number == s->house.version) {
		ca_put_same(m);
		return 0;
	}
	int r = ca_house_trust(&s->house, &t);
	if (r)
		return r;
	ca_put_trust(m, &t);
	ca_trust_release(&t);
	return 0;
}

static int answer_status(
    struct ca_service *s, const struct ca_caller *who, const struct ca_request *q, struct buf *m, struct err *e)
{
	(void)who, (void)q, (void)e;
	struct ca_status st = {.signed_agents = s->signed_agents, .signed_servers = s->signed_servers};
	ca_house_status(&s->house, &st);
	str_copy(st.names, sizeof st.names, s->config->names);
	ca_put_status(m, &st);
	return 0;
}

static int answer_rotate(
    struct ca_service *s, const struct ca_caller *who, const struct ca_request *q, struct buf *m, struct err *e)
{
	(void)q;
	int64_t generation;
	int r = ca_house_rotate(&s->house, &generation, e);
	if (r)
		return r;
	ca_put_changed(m, generation);
	return note_generation(s, "rotate", who->uid, generation);
}

static int answer_retire(
    struct ca_service *s, const struct ca_caller *who, const struct ca_request *q, struct buf *m, struct err *e)
{
	int r = ca_house_retire(&s->house, q->number, e);
	if (r)
		return r;
	ca_put_changed(m, q->number);
	return note_generation(s, "retire", who->uid, q->number);
}

static const struct {
	int (*answer)(struct ca_service *s, const struct ca_caller *who, const struct ca_request *q, struct buf *m,
	    struct err *e);
	bool admin, lasting;
} calls[CA_CALL_END] = {
    [CA_SIGN_AGENT] = {answer_sign, false, true},
    [CA_SIGN_SERVER] = {answer_sign, false, true},
    [CA_GET_TRUST] = {answer_trust, false, false},
    [CA_GET_STATUS] = {answer_status, true, false},
    [CA_ROTATE] = {answer_rotate, true, true},
    [CA_RETIRE] = {answer_retire, true, true},
};

bool ca_service_answer(
    struct ca_service *s, const struct ca_caller *who, const struct ca_request *q, struct buf *answer)
{
	struct err e = {0};
	int r = calls[q->call].admin && !who->admin ? err_set(&e, -EACCES, "only root may ask this")
	                                            : calls[q->call].answer(s, who, q, answer, &e);
	if (r)
		ca_put_failed(answer, r, e.text[0] ? e.text : strerror(-r));
	return !r && calls[q->call].lasting;
}
